// SPDX-License-Identifier: Apache-2.0
#include "card_worker.hpp"

namespace slipway::device {

CardWorker::CardWorker(net::EventLoop& loop, std::shared_ptr<SmartcardSource> source, Answer answer)
    : loop_(loop), source_(std::move(source)), answer_(std::move(answer)), thread_([this] { work(); }) {}

CardWorker::~CardWorker() {
  *alive_ = false;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void CardWorker::read(std::uint64_t id) {
  {
    const std::lock_guard lock(mutex_);
    wanted_ = id;
  }
  changed_.notify_one();
}

void CardWorker::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return closed_ || wanted_.has_value(); });
    if (closed_) return;
    const auto id = *std::exchange(wanted_, std::nullopt);
    lock.unlock();
    auto content = std::make_shared<Content>(source_->read());
    // A full loop drops it: the client's patience ends by itself, and it asks again.
    (void)loop_.post([this, alive = alive_, id, content] {
      if (*alive) answer_(id, std::move(*content));
    });
    lock.lock();
  }
}

}  // namespace slipway::device

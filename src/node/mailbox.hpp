// SPDX-License-Identifier: Apache-2.0
// Completions from other threads to the loop. Unlike EventLoop::post it never refuses: who may fill it
// is bounded elsewhere (storage::kJobsMax jobs, each with one completion).
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include <slipway/net/event_loop.hpp>

namespace slipway::node {

class Mailbox {
 public:
  explicit Mailbox(net::EventLoop& loop) : loop_(loop) {}

  void post(std::function<void()> work) {
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      first = waiting_.empty();
      waiting_.push_back(std::move(work));
    }
    filled_.notify_one();
    // When the loop's own queue is full it is busy, and empties the mailbox at the end of its turn.
    if (first) (void)loop_.post([this] { deliver(); });
  }

  /// Where the loop does not run (any more): waits until there is something, and delivers it.
  void wait() {
    {
      std::unique_lock lock(mutex_);
      filled_.wait(lock, [this] { return !waiting_.empty(); });
    }
    deliver();
  }

  /// On the loop's thread; also once a turn, should a post have been refused.
  void deliver() {
    std::vector<std::function<void()>> work;
    {
      const std::lock_guard lock(mutex_);
      work.swap(waiting_);
    }
    for (auto& item : work) item();
  }

 private:
  net::EventLoop& loop_;
  std::mutex mutex_;
  std::condition_variable filled_;
  std::vector<std::function<void()>> waiting_;
};

}  // namespace slipway::node

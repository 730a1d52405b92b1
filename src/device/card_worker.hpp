// SPDX-License-Identifier: Apache-2.0
// Reads the smartcard on a thread of its own: a card takes seconds, and the loop has none.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include <slipway/device/smartcard_source.hpp>
#include <slipway/net/event_loop.hpp>

namespace slipway::device {

class CardWorker {
 public:
  using Content = std::expected<std::optional<Secret>, std::string>;
  using Answer = std::function<void(std::uint64_t id, Content)>;

  /// `answer` is called on the loop, which outlives this. Throws std::system_error without a thread.
  CardWorker(net::EventLoop& loop, std::shared_ptr<SmartcardSource> source, Answer answer);
  /// Waits for a reading under way; its answer is dropped.
  ~CardWorker();
  CardWorker(const CardWorker&) = delete;
  CardWorker& operator=(const CardWorker&) = delete;

  /// One wish waits at most: a later one takes the place of one that has not begun.
  void read(std::uint64_t id);

 private:
  void work();

  net::EventLoop& loop_;
  std::shared_ptr<SmartcardSource> source_;
  Answer answer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // of the loop's thread
  std::mutex mutex_;                                            // guards what follows
  std::condition_variable changed_;
  std::optional<std::uint64_t> wanted_;
  bool closed_ = false;
  std::thread thread_;
};

}  // namespace slipway::device

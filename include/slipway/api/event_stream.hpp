// SPDX-License-Identifier: Apache-2.0
// Server-sent events: one publisher side, many readers, none of whom can slow the others down.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace slipway::api {

/// The hub. Each event gets an id "<run>-<number>"; a reader that comes back with Last-Event-ID gets what
/// it missed from a ring of kReplayMax events and kReplayBytesMax bytes. Where that is not enough (or the id
/// is of another run), it first gets an event `lost`, so that it knows to read the state anew. Thread-safe.
class EventStream {
 public:
  static constexpr std::size_t kReplayMax = 1024;  ///< events kept for those who come back
  static constexpr std::size_t kReplayBytesMax = 4 * 1024 * 1024;
  static constexpr std::size_t kSubscribersMax = 64;        ///< more are refused with 503
  static constexpr std::size_t kSubscriberQueueMax = 256;   ///< a reader further behind is dropped
  static constexpr std::size_t kEventBytesMax = 64 * 1024;  ///< data of one event

  /// `run` tells runs of the process apart: the time of start will do.
  explicit EventStream(std::uint64_t run);
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;
  ~EventStream();

  /// To every reader, from any thread. False when the event is longer than kEventBytesMax: nobody
  /// gets it. `name` is a word of the API without line ends.
  bool publish(std::string_view name, const nlohmann::json& data);

  [[nodiscard]] std::size_t subscribers() const;

  struct Hub;

  /// One reader's queue. Going away unsubscribes; may outlive the EventStream.
  class Subscription {
   public:
    Subscription(std::shared_ptr<Hub> hub, std::uint64_t id) : hub_(std::move(hub)), id_(id) {}
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;
    ~Subscription();

    struct Batch {
      std::string text;       ///< whole events, ready for the wire; empty when there are none
      bool finished = false;  ///< the reader was too slow: close after `text`
    };
    [[nodiscard]] Batch take();

   private:
    std::shared_ptr<Hub> hub_;
    std::uint64_t id_;
  };

  /// `wake` is called, from any thread, when `take` has something after it had nothing. Null when
  /// kSubscribersMax are there. `last_event_id` as the reader sent it, or empty.
  [[nodiscard]] std::unique_ptr<Subscription> subscribe(std::string_view last_event_id,
                                                        std::function<void()> wake);

 private:
  std::shared_ptr<Hub> hub_;
};

}  // namespace slipway::api

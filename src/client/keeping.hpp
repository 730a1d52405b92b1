// SPDX-License-Identifier: Apache-2.0
// Asks for a changed state to be made durable, one write at a time, until it is.
#pragma once

#include "client/services.hpp"

namespace slipway::client {

class Keeping {
 public:
  explicit Keeping(Services& services) : services_(services) {}

  /// Nobody has a transaction open: a state that has changed may be kept.
  void follow(TimePoint now);
  void persisted(TimePoint now, std::uint64_t id, Client::Persisted outcome);
  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const { return at_; }
  /// When a write that failed is repeated.
  [[nodiscard]] std::optional<TimePoint> next_attempt() const {
    return outstanding_ == 0 ? at_ : std::nullopt;
  }

 private:
  void failed(TimePoint now);
  Services& services_;
  std::uint64_t outstanding_ = 0;  // 0: no write is under way
  std::optional<TimePoint> at_;    // the end of patience with storage, or the next attempt
  unsigned failures_ = 0;
};

}  // namespace slipway::client

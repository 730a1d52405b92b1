// SPDX-License-Identifier: Apache-2.0
// /0/x/12: after a successful bootstrap the bootstrap account goes. [LwM2M-CORE 1.2 §6.1.3.3, App. E.1]
#pragma once

#include "client/services.hpp"

namespace slipway::client {

class AccountTimeout {
 public:
  explicit AccountTimeout(Services& services) : services_(services) {}

  /// A bootstrap has succeeded: the time of the account in force begins.
  void plan(TimePoint now);
  /// After a restart it counts on from the last bootstrap where the clock allows to tell, otherwise anew. A
  /// device that was never bootstrapped keeps the account that it came with.
  void plan_after_restart(TimePoint now);
  void stop() { at_.reset(); }
  /// The account is not taken away from under a session that uses it: then it is put off.
  enum class InUse : std::uint8_t { no, yes };
  void handle_timeout(TimePoint now, InUse in_use);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const { return at_; }

 private:
  void purge();
  Services& services_;
  std::optional<TimePoint> at_;
};

}  // namespace slipway::client

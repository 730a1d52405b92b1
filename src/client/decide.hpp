// SPDX-License-Identifier: Apache-2.0
// When a device bootstraps and when it registers: one table. [LwM2M-CORE 1.2 §6.1.4, §6.2.1.1, App. E.2]
#pragma once

#include <cstdint>

namespace slipway::client {

/// What the client knows at the moment of the decision.
struct Situation {
  enum class Cause : std::uint8_t {
    start,                ///< switched on, or accounts were loaded
    bootstrap_done,       ///< a bootstrap session succeeded
    bootstrap_failed,     ///< a bootstrap session failed, or could not begin
    registration_failed,  ///< one server used up its attempts or said no
    trigger,              ///< /1/x/9, or the application
    disabled,             ///< /1/x/4
  };
  /// /1/x/16 of the server that failed; absent counts as bootstrap.
  enum class OnFailure : std::uint8_t { bootstrap, keep_trying };
  enum class Account : std::uint8_t { absent, present };
  /// The other servers: whether one is registered, and otherwise whether one has not failed yet.
  enum class Others : std::uint8_t { registered, still_trying, all_failed };

  Cause cause = Cause::start;
  Account bootstrap_account = Account::absent;
  unsigned servers = 0;  ///< /1 instances
  Others others = Others::all_failed;
  OnFailure on_failure = OnFailure::bootstrap;
  /// Whether the failed server may start another sequence (/1/x/19 not at its maximum).
  enum class Retry : std::uint8_t { possible, never } retry = Retry::possible;
};

enum class Action : std::uint8_t {
  register_all,        ///< run the registration procedure
  bootstrap,           ///< client-initiated, after the hold-off time
  bootstrap_now,       ///< the same, with the back-off of earlier failures forgotten
  retry_registration,  ///< next sequence of the failed server, as /1/x/17-20 say
  wait_enable,         ///< silent for /1/x/5, then Register
  nothing,             ///< stuck until the factory or a user acts
};
[[nodiscard]] const char* to_string(Action action);

[[nodiscard]] Action decide(const Situation& situation);

}  // namespace slipway::client

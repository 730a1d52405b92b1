// SPDX-License-Identifier: Apache-2.0
// When a device bootstraps and when it registers: one table. [LwM2M-CORE 1.2 §6.1.4, §6.2.1.1, App. E.2]
#pragma once

#include <cstdint>

namespace slipway::client {

/// What the client knows at the moment of the decision.
struct Situation {
  enum class Cause : std::uint8_t {
    start,                ///< switched on, or accounts came or went without a bootstrap
    bootstrap_done,       ///< a bootstrap session succeeded
    bootstrap_failed,     ///< a bootstrap session failed, or could not begin
    registration_failed,  ///< one server used up its attempts or said no
    trigger,              ///< /1/x/9, or the application
    disabled,             ///< /1/x/4
  };
  /// Step 1. A device without a reader is through with it at once.
  enum class Card : std::uint8_t { untried, tried };
  /// Step 2: whether the factory has accounts that the device does not use, as the card came first.
  enum class Factory : std::uint8_t { used, available };
  enum class Account : std::uint8_t { absent, present };
  /// The other servers: whether one is registered, and otherwise whether one has not failed yet.
  enum class Others : std::uint8_t { registered, still_trying, all_failed };
  /// /1/x/16 of the server that failed; absent counts as bootstrap.
  enum class OnFailure : std::uint8_t { bootstrap, keep_trying };
  /// Whether another of the failed servers has /1/x/16 true or absent.
  enum class OthersWant : std::uint8_t { nothing, bootstrap };
  /// Whether the failed server may start another sequence (/1/x/19 not at its maximum).
  enum class Retry : std::uint8_t { possible, never };

  Cause cause = Cause::start;
  Card card = Card::tried;
  Factory factory = Factory::used;
  Account bootstrap_account = Account::absent;
  unsigned servers = 0;  ///< accounts of management servers: pairs of /0 and /1
  Others others = Others::all_failed;
  OnFailure on_failure = OnFailure::bootstrap;
  OthersWant others_want = OthersWant::nothing;
  Retry retry = Retry::possible;
};

enum class Action : std::uint8_t {
  read_card,           ///< step 1
  use_factory,         ///< step 2: the factory's accounts take the place of the card's
  register_all,        ///< step 3: run the registration procedure
  bootstrap,           ///< step 4: client-initiated, after the hold-off time
  bootstrap_now,       ///< the same, with the back-off of earlier failures forgotten
  retry_registration,  ///< next sequence of the failed server, as /1/x/17-20 say; tomorrow where they say
                       ///< never
  leave_server,        ///< /1/x/19 says never, and other servers carry on
  wait_enable,         ///< silent for /1/x/5, then Register
  ignore,              ///< what was asked for cannot be done; the device goes on as before
  nothing,             ///< stuck until a card, the factory or a user acts
};
[[nodiscard]] const char* to_string(Action action);

[[nodiscard]] Action decide(const Situation& situation);

}  // namespace slipway::client

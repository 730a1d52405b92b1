// SPDX-License-Identifier: Apache-2.0
#include "client/decide.hpp"

#include <array>

namespace slipway::client {
namespace {

using Cause = Situation::Cause;
using Account = Situation::Account;
using Others = Situation::Others;
using OnFailure = Situation::OnFailure;
using Retry = Situation::Retry;

enum class Servers : std::uint8_t { none, some };

/// A condition that need not hold is left empty: it fits everything.
template <class T>
struct Any {
  constexpr Any() = default;
  constexpr Any(T wanted) : value(wanted), given(true) {}
  [[nodiscard]] constexpr bool fits(T actual) const { return !given || value == actual; }
  T value{};
  bool given = false;
};

struct Row {
  Cause cause;
  Any<Account> account{};
  Any<Servers> servers{};
  Any<Others> others{};
  Any<OnFailure> on_failure{};
  Any<Retry> retry{};
  Action action;
};

/// The first row that fits decides. The numbers are the steps of §6.1.4.
constexpr std::array kTable = std::to_array<Row>({
    // 3: accounts are there: register.
    {.cause = Cause::start, .servers = Servers::some, .action = Action::register_all},
    // 4: no Server instance: client-initiated bootstrap.
    {.cause = Cause::start,
     .account = Account::present,
     .servers = Servers::none,
     .action = Action::bootstrap},
    {.cause = Cause::start, .account = Account::absent, .servers = Servers::none, .action = Action::nothing},

    {.cause = Cause::bootstrap_done, .servers = Servers::some, .action = Action::register_all},
    {.cause = Cause::bootstrap_done, .account = Account::present, .action = Action::bootstrap},
    {.cause = Cause::bootstrap_done, .action = Action::nothing},

    // What to do after a failed bootstrap is left to us: with back-off, for ever.
    {.cause = Cause::bootstrap_failed, .account = Account::present, .action = Action::bootstrap},
    {.cause = Cause::bootstrap_failed, .servers = Servers::some, .action = Action::register_all},
    {.cause = Cause::bootstrap_failed, .action = Action::nothing},

    // Without a bootstrap account registration is all there is.
    {.cause = Cause::registration_failed, .account = Account::absent, .action = Action::retry_registration},
    // /1/x/16 true or absent: "should re-bootstrap", also while other servers are fine.
    {.cause = Cause::registration_failed, .on_failure = OnFailure::bootstrap, .action = Action::bootstrap},
    // /1/x/16 false: another sequence, if there may be one ...
    {.cause = Cause::registration_failed,
     .on_failure = OnFailure::keep_trying,
     .retry = Retry::possible,
     .action = Action::retry_registration},
    // ... and when no server is left to try, step 4 has no exception.
    {.cause = Cause::registration_failed,
     .others = Others::all_failed,
     .on_failure = OnFailure::keep_trying,
     .retry = Retry::never,
     .action = Action::bootstrap},
    {.cause = Cause::registration_failed, .action = Action::retry_registration},

    {.cause = Cause::trigger, .account = Account::present, .action = Action::bootstrap_now},
    {.cause = Cause::trigger, .action = Action::nothing},

    {.cause = Cause::disabled, .action = Action::wait_enable},
});

}  // namespace

const char* to_string(Action action) {
  switch (action) {
    case Action::register_all:
      return "register all";
    case Action::bootstrap:
      return "bootstrap";
    case Action::bootstrap_now:
      return "bootstrap now";
    case Action::retry_registration:
      return "retry registration";
    case Action::wait_enable:
      return "wait until enabled";
    case Action::nothing:
      return "nothing";
  }
  return "nothing";
}

Action decide(const Situation& situation) {
  const auto servers = situation.servers == 0 ? Servers::none : Servers::some;
  for (const auto& row : kTable)
    if (row.cause == situation.cause && row.account.fits(situation.bootstrap_account) &&
        row.servers.fits(servers) && row.others.fits(situation.others) &&
        row.on_failure.fits(situation.on_failure) && row.retry.fits(situation.retry))
      return row.action;
  return Action::nothing;
}

}  // namespace slipway::client

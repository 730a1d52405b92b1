// SPDX-License-Identifier: Apache-2.0
#include "client/decide.hpp"

#include <array>

namespace slipway::client {
namespace {

using Cause = Situation::Cause;
using Card = Situation::Card;
using Factory = Situation::Factory;
using Account = Situation::Account;
using Others = Situation::Others;
using OnFailure = Situation::OnFailure;
using OthersWant = Situation::OthersWant;
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
  Any<Cause> cause{};
  Any<Card> card{};
  Any<Factory> factory{};
  Any<Account> account{};
  Any<Servers> servers{};
  Any<Others> others{};
  Any<OnFailure> on_failure{};
  Any<OthersWant> others_want{};
  Any<Retry> retry{};
  Action action;
};

/// The first row that fits decides. The numbers are the steps of §6.1.4.
constexpr std::array kTable = std::to_array<Row>({
    // 1: the smartcard, before anything else. Until it was tried a trigger, as any bootstrap that a server
    // begins, is ignored.
    {.cause = Cause::start, .card = Card::untried, .action = Action::read_card},
    {.card = Card::untried, .action = Action::ignore},
    // 2: the factory, where the card left no account.
    {.cause = Cause::start,
     .factory = Factory::available,
     .account = Account::absent,
     .servers = Servers::none,
     .action = Action::use_factory},
    // 3: accounts are there: register.
    {.cause = Cause::start, .servers = Servers::some, .action = Action::register_all},
    // 4: no Server instance: client-initiated bootstrap.
    {.cause = Cause::start, .account = Account::present, .action = Action::bootstrap},
    {.cause = Cause::start, .action = Action::nothing},

    {.cause = Cause::bootstrap_done, .servers = Servers::some, .action = Action::register_all},
    {.cause = Cause::bootstrap_done, .account = Account::present, .action = Action::bootstrap},
    {.cause = Cause::bootstrap_done, .action = Action::nothing},

    // What to do after a failed bootstrap is left to us: with back-off, for ever.
    {.cause = Cause::bootstrap_failed, .account = Account::present, .action = Action::bootstrap},
    {.cause = Cause::bootstrap_failed, .servers = Servers::some, .action = Action::register_all},
    {.cause = Cause::bootstrap_failed, .action = Action::nothing},

    // /1/x/19 at its maximum, and somebody else carries on: "never" is obeyed.
    {.cause = Cause::registration_failed,
     .account = Account::absent,
     .others = Others::registered,
     .retry = Retry::never,
     .action = Action::leave_server},
    {.cause = Cause::registration_failed,
     .account = Account::absent,
     .others = Others::still_trying,
     .retry = Retry::never,
     .action = Action::leave_server},
    // Without a bootstrap account registration is all there is.
    {.cause = Cause::registration_failed, .account = Account::absent, .action = Action::retry_registration},
    // /1/x/16 true or absent: "should re-bootstrap", also while other servers are fine.
    {.cause = Cause::registration_failed, .on_failure = OnFailure::bootstrap, .action = Action::bootstrap},
    // Step 4 says that all failed registrations lead to a bootstrap, /1/x/16 false says they do not. Both
    // hold:
    // when all have failed, one server that wants a bootstrap is enough ...
    {.cause = Cause::registration_failed,
     .others = Others::all_failed,
     .others_want = OthersWant::bootstrap,
     .action = Action::bootstrap},
    // ... otherwise there is another sequence, if there may be one ...
    {.cause = Cause::registration_failed, .retry = Retry::possible, .action = Action::retry_registration},
    // ... and when no server is left to try, step 4 has no exception.
    {.cause = Cause::registration_failed, .others = Others::all_failed, .action = Action::bootstrap},
    {.cause = Cause::registration_failed, .action = Action::leave_server},

    {.cause = Cause::trigger, .account = Account::present, .action = Action::bootstrap_now},
    {.cause = Cause::trigger, .action = Action::ignore},

    // Not a reason to bootstrap.
    {.cause = Cause::disabled, .action = Action::wait_enable},
});

}  // namespace

const char* to_string(Action action) {
  switch (action) {
    case Action::read_card:
      return "read the card";
    case Action::use_factory:
      return "use the factory's accounts";
    case Action::register_all:
      return "register all";
    case Action::bootstrap:
      return "bootstrap";
    case Action::bootstrap_now:
      return "bootstrap now";
    case Action::retry_registration:
      return "retry registration";
    case Action::leave_server:
      return "leave the server";
    case Action::ignore:
      return "ignore";
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
    if (row.cause.fits(situation.cause) && row.card.fits(situation.card) &&
        row.factory.fits(situation.factory) && row.account.fits(situation.bootstrap_account) &&
        row.servers.fits(servers) && row.others.fits(situation.others) &&
        row.on_failure.fits(situation.on_failure) && row.others_want.fits(situation.others_want) &&
        row.retry.fits(situation.retry))
      return row.action;
  return Action::nothing;
}

}  // namespace slipway::client

// SPDX-License-Identifier: Apache-2.0
// The decision table, row by row, against the order of precedence and the table of when to bootstrap.
// [LwM2M-CORE 1.2 §6.1.3.3, §6.1.4, §6.2.1.1, App. E.1, App. E.2]
#include <gtest/gtest.h>

#include "client/decide.hpp"

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

struct Rule {
  const char* what;
  const char* source;
  Situation situation;
  Action action;
};

constexpr auto kWithAccount = Account::present;

const Rule kRules[] = {
    // --- Order of precedence ------------------------------------------------------------------------
    {"the smartcard comes first, whatever accounts there are",
     "C§6.1.4(1)",
     {.card = Card::untried, .bootstrap_account = kWithAccount, .servers = 2},
     Action::read_card},
    {"the smartcard comes first also for a device that knows nothing",
     "C§6.1.4(1)",
     {.card = Card::untried, .factory = Factory::available},
     Action::read_card},
    {"the factory is next, where the card gave no account",
     "C§6.1.4(2)",
     {.factory = Factory::available},
     Action::use_factory},
    {"a card that gave a server account keeps the factory out",
     "C§6.1.4(2)",
     {.factory = Factory::available, .servers = 1},
     Action::register_all},
    {"a card that gave a bootstrap account keeps the factory out",
     "C§6.1.4(2)",
     {.factory = Factory::available, .bootstrap_account = kWithAccount},
     Action::bootstrap},
    {"a trigger before the card was tried is ignored",
     "C§6.1.4, server-initiated",
     {.cause = Cause::trigger, .card = Card::untried, .bootstrap_account = kWithAccount, .servers = 1},
     Action::ignore},
    {"server accounts are registered with",
     "C§6.1.4(3)",
     {.bootstrap_account = kWithAccount, .servers = 2},
     Action::register_all},
    {"server accounts are registered with, also without a bootstrap account",
     "C§6.1.4(3)",
     {.servers = 1},
     Action::register_all},
    {"after a bootstrap the servers are registered with",
     "C§6.2.1",
     {.cause = Cause::bootstrap_done, .bootstrap_account = kWithAccount, .servers = 2},
     Action::register_all},

    // --- When to bootstrap --------------------------------------------------------------------------
    {"no server account: bootstrap",
     "C§6.1.4(4), E.1 res 11",
     {.bootstrap_account = kWithAccount},
     Action::bootstrap},
    {"no account at all: nothing can be done", "derived from C§6.1.4", {}, Action::nothing},
    {"one failed, /1/x/16 true: bootstrap although another is registered",
     "E.2 res 16, C§6.2.1.1",
     {.cause = Cause::registration_failed,
      .bootstrap_account = kWithAccount,
      .servers = 2,
      .others = Others::registered},
     Action::bootstrap},
    {"one failed, /1/x/16 true: bootstrap while another is still trying",
     "E.2 res 16",
     {.cause = Cause::registration_failed,
      .bootstrap_account = kWithAccount,
      .servers = 2,
      .others = Others::still_trying},
     Action::bootstrap},
    {"one failed, /1/x/16 false, another registered: keep retrying",
     "E.2 res 16",
     {.cause = Cause::registration_failed,
      .bootstrap_account = kWithAccount,
      .servers = 2,
      .others = Others::registered,
      .on_failure = OnFailure::keep_trying},
     Action::retry_registration},
    {"one failed, /1/x/16 false, /1/x/19 never, another registered: it is left",
     "E.2 res 16, res 19",
     {.cause = Cause::registration_failed,
      .bootstrap_account = kWithAccount,
      .servers = 2,
      .others = Others::registered,
      .on_failure = OnFailure::keep_trying,
      .retry = Retry::never},
     Action::leave_server},
    {"the same while another is still trying",
     "E.2 res 16, res 19",
     {.cause = Cause::registration_failed,
      .bootstrap_account = kWithAccount,
      .servers = 2,
      .others = Others::still_trying,
      .on_failure = OnFailure::keep_trying,
      .retry = Retry::never},
     Action::leave_server},
    {"all failed, the last one with /1/x/16 true: bootstrap",
     "C§6.1.4(4)",
     {.cause = Cause::registration_failed, .bootstrap_account = kWithAccount, .servers = 2},
     Action::bootstrap},
    {"all failed, only an earlier one has /1/x/16 true: bootstrap",
     "C§6.1.4(4) against E.2 res 16",
     {.cause = Cause::registration_failed,
      .bootstrap_account = kWithAccount,
      .servers = 2,
      .on_failure = OnFailure::keep_trying,
      .others_want = OthersWant::bootstrap},
     Action::bootstrap},
    {"an earlier one wants a bootstrap, but not all have failed: keep retrying",
     "E.2 res 16",
     {.cause = Cause::registration_failed,
      .bootstrap_account = kWithAccount,
      .servers = 3,
      .others = Others::registered,
      .on_failure = OnFailure::keep_trying,
      .others_want = OthersWant::bootstrap},
     Action::retry_registration},
    {"all failed, /1/x/16 false everywhere, retries left: keep retrying",
     "E.2 res 16 against C§6.1.4(4)",
     {.cause = Cause::registration_failed,
      .bootstrap_account = kWithAccount,
      .servers = 2,
      .on_failure = OnFailure::keep_trying},
     Action::retry_registration},
    {"all failed, /1/x/16 false everywhere, no server left to retry: bootstrap",
     "C§6.1.4(4)",
     {.cause = Cause::registration_failed,
      .bootstrap_account = kWithAccount,
      .servers = 2,
      .on_failure = OnFailure::keep_trying,
      .retry = Retry::never},
     Action::bootstrap},
    {"failed, and no bootstrap account: keep retrying",
     "derived from C§6.1.4",
     {.cause = Cause::registration_failed, .servers = 1},
     Action::retry_registration},
    {"failed for ever, and no bootstrap account: still another attempt",
     "never without a next attempt",
     {.cause = Cause::registration_failed, .servers = 1, .retry = Retry::never},
     Action::retry_registration},
    {"failed for ever, no bootstrap account, another registered: it is left",
     "E.2 res 19",
     {.cause = Cause::registration_failed, .servers = 2, .others = Others::registered, .retry = Retry::never},
     Action::leave_server},
    {"a trigger bootstraps at once",
     "E.2 res 9",
     {.cause = Cause::trigger, .bootstrap_account = kWithAccount, .servers = 1},
     Action::bootstrap_now},
    {"a trigger after the account was purged is ignored",
     "C§6.1.4(5)",
     {.cause = Cause::trigger, .servers = 1},
     Action::ignore},
    {"a disabled server is no reason to bootstrap",
     "E.2 res 4, 5",
     {.cause = Cause::disabled, .bootstrap_account = kWithAccount, .servers = 1},
     Action::wait_enable},
    {"a failed bootstrap is tried again",
     "left to the client by C§6.2.1.1",
     {.cause = Cause::bootstrap_failed, .bootstrap_account = kWithAccount},
     Action::bootstrap},
    {"a failed bootstrap is tried again also where servers are known",
     "left to the client by C§6.2.1.1",
     {.cause = Cause::bootstrap_failed, .bootstrap_account = kWithAccount, .servers = 1},
     Action::bootstrap},
    {"a bootstrap that failed for want of an account leads back to the servers",
     "C§6.1.4(3)",
     {.cause = Cause::bootstrap_failed, .servers = 1},
     Action::register_all},
    {"a bootstrap that left no server is repeated",
     "C§6.1.2",
     {.cause = Cause::bootstrap_done, .bootstrap_account = kWithAccount},
     Action::bootstrap},
};

class Decide : public ::testing::TestWithParam<Rule> {};

TEST_P(Decide, AsTheSpecificationSays) {
  const auto& rule = GetParam();
  EXPECT_STREQ(to_string(decide(rule.situation)), to_string(rule.action))
      << rule.what << " [" << rule.source << "]";
}

INSTANTIATE_TEST_SUITE_P(Rules, Decide, ::testing::ValuesIn(kRules),
                         [](const auto& rule) { return std::to_string(rule.index); });

/// Whatever is known, a device with an account or a card has something to do, or a timer that leads to it.
TEST(DecideTogether, OnlyADeviceWithoutAnyAccountRests) {
  for (const auto cause : {Cause::start, Cause::bootstrap_done, Cause::bootstrap_failed})
    for (const auto factory : {Factory::used, Factory::available})
      for (const auto account : {Account::absent, Account::present})
        for (const unsigned servers : {0u, 1u}) {
          const auto action =
              decide({.cause = cause, .factory = factory, .bootstrap_account = account, .servers = servers});
          const bool can_act = account == Account::present || servers != 0;
          EXPECT_TRUE(!can_act || action != Action::nothing) << static_cast<int>(cause);
        }
}

}  // namespace
}  // namespace slipway::client

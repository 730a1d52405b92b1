// SPDX-License-Identifier: Apache-2.0
// The decision table, row by row. [facts A.3, A.4]
#include <gtest/gtest.h>

#include "client/decide.hpp"

namespace slipway::client {
namespace {

using Cause = Situation::Cause;
using Account = Situation::Account;
using Others = Situation::Others;
using OnFailure = Situation::OnFailure;
using Retry = Situation::Retry;

TEST(Decide, AtStartAccountsAreRegistered) {
  for (const auto account : {Account::absent, Account::present})
    EXPECT_EQ(decide({.cause = Cause::start, .bootstrap_account = account, .servers = 1}),
              Action::register_all);
}
TEST(Decide, AtStartWithoutAServerTheDeviceBootstraps) {
  EXPECT_EQ(decide({.cause = Cause::start, .bootstrap_account = Account::present}), Action::bootstrap);
}
TEST(Decide, AtStartWithoutAnyAccountThereIsNothing) {
  EXPECT_EQ(decide({.cause = Cause::start}), Action::nothing);
}
TEST(Decide, AfterABootstrapTheDeviceRegisters) {
  EXPECT_EQ(decide({.cause = Cause::bootstrap_done, .bootstrap_account = Account::present, .servers = 2}),
            Action::register_all);
}
TEST(Decide, AFailedBootstrapIsTriedAgainForEver) {
  EXPECT_EQ(decide({.cause = Cause::bootstrap_failed, .bootstrap_account = Account::present}),
            Action::bootstrap);
  EXPECT_EQ(decide({.cause = Cause::bootstrap_failed, .servers = 1}), Action::register_all);
}
TEST(Decide, AFailureBootstrapsAlsoWhileAnotherServerIsRegistered) {
  for (const auto others : {Others::registered, Others::still_trying, Others::all_failed})
    EXPECT_EQ(decide({.cause = Cause::registration_failed,
                      .bootstrap_account = Account::present,
                      .servers = 2,
                      .others = others,
                      .on_failure = OnFailure::bootstrap}),
              Action::bootstrap);
}
TEST(Decide, AFailureWithBootstrapOffIsRetried) {
  for (const auto others : {Others::registered, Others::still_trying, Others::all_failed})
    EXPECT_EQ(decide({.cause = Cause::registration_failed,
                      .bootstrap_account = Account::present,
                      .servers = 2,
                      .others = others,
                      .on_failure = OnFailure::keep_trying}),
              Action::retry_registration);
}
TEST(Decide, WhenNoServerIsLeftToTryTheDeviceBootstraps) {
  Situation situation{.cause = Cause::registration_failed,
                      .bootstrap_account = Account::present,
                      .servers = 2,
                      .others = Others::all_failed,
                      .on_failure = OnFailure::keep_trying,
                      .retry = Retry::never};
  EXPECT_EQ(decide(situation), Action::bootstrap);
  situation.others = Others::registered;
  EXPECT_EQ(decide(situation), Action::retry_registration);
}
TEST(Decide, WithoutABootstrapAccountAFailureIsRetried) {
  for (const auto on_failure : {OnFailure::bootstrap, OnFailure::keep_trying})
    for (const auto retry : {Retry::possible, Retry::never})
      EXPECT_EQ(
          decide(
              {.cause = Cause::registration_failed, .servers = 1, .on_failure = on_failure, .retry = retry}),
          Action::retry_registration);
}
TEST(Decide, ATriggerBootstrapsAtOnce) {
  EXPECT_EQ(decide({.cause = Cause::trigger, .bootstrap_account = Account::present, .servers = 1}),
            Action::bootstrap_now);
  EXPECT_EQ(decide({.cause = Cause::trigger, .servers = 1}), Action::nothing);
}
TEST(Decide, ADisabledServerIsNoReasonToBootstrap) {
  EXPECT_EQ(decide({.cause = Cause::disabled, .bootstrap_account = Account::present, .servers = 1}),
            Action::wait_enable);
}

}  // namespace
}  // namespace slipway::client

// SPDX-License-Identifier: Apache-2.0
// What a device does about every alert that a server can send. [LwM2M-TRANSPORT 1.2 §5.2.10]
#include <set>

#include "stage.hpp"

#include "client/alerts.hpp"

namespace slipway::client::test {
namespace {

// The specification's three lists; 86 is what it prints for 80, so that both are among the first.
const std::set<unsigned> kRetry{0, 10, 20, 21, 22, 40, 47, 50, 51, 70, 71, 80, 86, 90, 100, 111};
const std::set<unsigned> kFail{42, 43, 44, 45, 46, 48, 49, 112, 113, 114, 115};

AlertClass class_by_lists(unsigned code) {
  if (kRetry.contains(code)) return AlertClass::retry;
  return kFail.contains(code) ? AlertClass::fail : AlertClass::ignore;
}

std::vector<Entry> with_policy() {
  return factory_entries() + security_entries("/0/1", 101) + server_entries("/1/0", 101) +
         std::vector<Entry>{entry("/1/0/17", Value::unsigned_integer(3)),
                            entry("/1/0/18", Value::unsigned_integer(10))};
}

TEST(ClientAlerts, EveryCodeHasTheClassOfTheSpecification) {
  for (unsigned code = 0; code < 256; ++code)
    EXPECT_EQ(alert_class(static_cast<std::uint8_t>(code)), class_by_lists(code)) << code;
}

/// The session ends while the device is registered: at once another one, or, where the credentials are
/// refused, the bootstrap server.
TEST(ClientAlerts, EndASessionAndTheDeviceReturnsUnlessItsCredentialsAreRefused) {
  for (unsigned code = 0; code < 256; ++code) {
    SCOPED_TRACE(code);
    Device device(with_policy());
    Stage stage(device.model);
    stage.start();
    ASSERT_EQ(stage.client.state(), State::registered);
    stage.client.connection_lost(stage.now, stage.session(101)->peer, static_cast<std::uint8_t>(code));
    stage.settle();
    EXPECT_EQ(device.model.tree().integer(path("/1/0/11")), code);
    const bool is_refused = class_by_lists(code) == AlertClass::fail;
    EXPECT_EQ(stage.client.state(), is_refused ? State::bootstrapping : State::registered);
    EXPECT_EQ(stage.requests("/rd").size(), is_refused ? 1u : 2u);
  }
}

/// The handshake fails: as often as /1/x/17 says, or, where the credentials are refused, once.
TEST(ClientAlerts, RefuseAHandshakeAndTheDeviceTriesAsOftenAsItsAccountSays) {
  for (unsigned code = 0; code < 256; ++code) {
    SCOPED_TRACE(code);
    Device device(with_policy());
    Stage stage(device.model);
    stage.unreachable = {101};
    stage.failure = ConnectFailure::alert_retry;
    stage.alert = static_cast<std::uint8_t>(code);
    stage.start();
    ASSERT_TRUE(stage.pass_until([&] { return stage.session(0) != nullptr; }));
    const auto tries = std::ranges::count(stage.sessions, ShortServerId(101), &Session::server);
    EXPECT_EQ(tries, class_by_lists(code) == AlertClass::fail ? 1 : 3);
    EXPECT_EQ(device.model.tree().integer(path("/1/0/11")), code);
  }
}

/// What the specification lists under Ignore says nothing about the session, and is kept all the same.
TEST(ClientAlerts, ThatAreOnlyWarningsAreKeptAndTheSessionGoesOn) {
  Device device(with_policy());
  Stage stage(device.model);
  stage.start();
  const auto peer = stage.session(101)->peer;
  for (const unsigned code : {41u, 110u, 112u, 90u}) {
    stage.client.alert_received(stage.now, peer, static_cast<std::uint8_t>(code));
    stage.settle();
    EXPECT_EQ(device.model.tree().integer(path("/1/0/11")), code);
    EXPECT_EQ(stage.client.state(), State::registered);
  }
  EXPECT_EQ(stage.requests("/rd").size(), 1u);
  const auto written = stage.persisted.size();
  for (int again = 0; again < 1000; ++again) stage.client.alert_received(stage.now, peer, 90);
  stage.settle();
  EXPECT_EQ(stage.persisted.size(), written) << "a repeated warning costs the device no write";
}

TEST(ClientAlerts, TheLastOneOfEachServerSurvivesAReboot) {
  Device device(with_policy());
  Stage stage(device.model);
  stage.start();
  stage.client.connection_lost(stage.now, stage.session(101)->peer, 80);
  stage.settle();
  ASSERT_FALSE(stage.persisted.empty());
  Device after(with_policy());
  ASSERT_TRUE(after.model.load(stage.persisted.back()));
  Stage again(after.model);
  again.start();
  EXPECT_EQ(again.get(101, "/1/0/11").payload.empty(), false);
  EXPECT_EQ(after.model.tree().integer(path("/1/0/11")), 80);
}

TEST(ClientAlerts, OfTheBootstrapServerAreKeptNowhere) {
  Device device;
  Stage stage(device.model);
  stage.connecting = Stage::Connecting::fails;
  stage.failure = ConnectFailure::alert_fail;
  stage.alert = 115;
  const auto before = device.state();
  stage.start();
  stage.pass(seconds(60));
  EXPECT_EQ(device.state(), before);
}

/// A device that does not believe its server has got no alert: then nobody has refused its credentials.
TEST(ClientAlerts, SayWhoHasRefusedWhom) {
  EXPECT_STREQ(why_no_session(ConnectFailure::alert_fail, 115), "the server refuses the credentials");
  EXPECT_STREQ(why_no_session(ConnectFailure::alert_fail, std::nullopt),
               "the device refuses the server: it does not trust its key");
  EXPECT_STREQ(why_no_session(ConnectFailure::alert_retry, 40), "the server broke off the handshake");
  EXPECT_STREQ(why_no_session(ConnectFailure::alert_retry, std::nullopt), "the handshake failed");
}

}  // namespace
}  // namespace slipway::client::test

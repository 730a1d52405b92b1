// SPDX-License-Identifier: Apache-2.0
// The bootstrap server speaks first, as in 1.0: only where the device is told to accept it. [facts A.2, A.3]
#include "stage.hpp"

namespace slipway::client::test {
namespace {

std::vector<Entry> factory_with_hold_off(std::int64_t hold_off = 60) {
  auto factory = factory_entries();
  factory.push_back(entry("/0/0/11", Value::integer(hold_off)));
  return factory;
}

class ServerInitiatedBootstrap : public testing::Test {
 protected:
  ServerInitiatedBootstrap()
      : device(factory_with_hold_off()),
        before(device.state()),
        stage(device.model, {.server_initiated = ServerInitiated::accept}) {}
  void write_account() {
    EXPECT_EQ(stage.put(0, "/0/1", security_entries("/0/1", 101)).code, Code::changed);
    EXPECT_EQ(stage.put(0, "/1/0", server_entries("/1/0", 101)).code, Code::changed);
  }
  void bootstrap() {
    stage.start();
    write_account();
    EXPECT_EQ(stage.finish().code, Code::changed);
  }
  [[nodiscard]] bool was_by_server() const {
    for (auto it = stage.events.rbegin(); it != stage.events.rend(); ++it)
      if (const auto* started = std::get_if<BootstrapStarted>(&*it))
        return started->initiator == Initiator::server;
    return false;
  }
  Device device;
  std::string before;
  Stage stage;
};

TEST(ServerInitiatedOff, NoSessionIsOpenedBeforeTheHoldOffIsOver) {
  Device device(factory_with_hold_off());
  Stage stage(device.model);
  stage.start();
  EXPECT_EQ(stage.session(0), nullptr);
  stage.pass(seconds(59));
  EXPECT_EQ(stage.session(0), nullptr);
  ASSERT_TRUE(stage.pass_until([&] { return stage.session(0) != nullptr; }));
}

TEST(ServerInitiatedOff, ACommandAfterTheSessionIsRefused) {
  Device device;
  Stage stage(device.model);
  stage.start();
  EXPECT_EQ(stage.put(0, "/0/1", security_entries("/0/1", 101)).code, Code::changed);
  EXPECT_EQ(stage.put(0, "/1/0", server_entries("/1/0", 101)).code, Code::changed);
  EXPECT_EQ(stage.finish().code, Code::changed);
  EXPECT_EQ(stage.discover(0, "/").code, Code::bad_request);
}

TEST_F(ServerInitiatedBootstrap, ACommandInTheHoldOffOpensTheSession) {
  stage.start();
  ASSERT_NE(stage.session(0), nullptr);
  EXPECT_EQ(stage.client.state(), State::holding_off);
  write_account();
  EXPECT_EQ(stage.client.state(), State::bootstrapping);
  EXPECT_TRUE(was_by_server());
  EXPECT_EQ(stage.finish().code, Code::changed);
  EXPECT_EQ(stage.client.state(), State::registered);
  stage.pass(seconds(120));
  EXPECT_TRUE(stage.requests("/bs").empty());
  EXPECT_TRUE(stage.requests("/bspack").empty());
}

TEST_F(ServerInitiatedBootstrap, EveryCommandButFinishBegins) {
  stage.start();
  EXPECT_EQ(stage.finish().code, Code::bad_request);
  EXPECT_EQ(stage.ask(0, {.code = Code::post, .path = "/rd"}).code, Code::bad_request);
  EXPECT_EQ(stage.client.state(), State::holding_off);
  EXPECT_EQ(device.state(), before);
  EXPECT_EQ(stage.discover(0, "/").code, Code::content);
  EXPECT_EQ(stage.client.state(), State::bootstrapping);
}

TEST_F(ServerInitiatedBootstrap, SilenceLeadsToTheRequestOnTheSameSession) {
  stage.start();
  const auto peer = stage.session(0)->peer;
  ASSERT_TRUE(stage.pass_until([&] { return !stage.requests("/bs").empty(); }));
  EXPECT_EQ(stage.session(0)->peer, peer);
  EXPECT_FALSE(was_by_server());
  write_account();
  EXPECT_EQ(stage.finish().code, Code::changed);
}

TEST_F(ServerInitiatedBootstrap, ASessionThatCannotBeOpenedInTheHoldOffIsTriedAgainAfterIt) {
  stage.connecting = Stage::Connecting::fails;
  stage.start();
  EXPECT_EQ(stage.count<BootstrapEnded>(), 0u);
  EXPECT_EQ(stage.client.state(), State::holding_off);
  stage.connecting = Stage::Connecting::succeeds;
  ASSERT_TRUE(stage.pass_until([&] { return !stage.requests("/bs").empty(); }));
  EXPECT_EQ(stage.sessions.size(), 2u);
}

TEST_F(ServerInitiatedBootstrap, AHandshakeThatOutlastsTheHoldOffIsAwaited) {
  stage.connecting = Stage::Connecting::hangs;
  stage.start();
  stage.pass(seconds(95));
  EXPECT_EQ(stage.client.state(), State::bootstrapping);
  EXPECT_EQ(stage.sessions.size(), 1u);
  stage.client.connected(stage.now, stage.sessions[0].peer);
  stage.settle();
  EXPECT_EQ(stage.requests("/bs").size(), 1u);
}

TEST_F(ServerInitiatedBootstrap, WithoutAFinishTheStateIsAsBefore) {
  stage.start();
  write_account();
  stage.pass(seconds(248));
  EXPECT_EQ(stage.last_end(), BootstrapEnd::timeout);
  EXPECT_EQ(device.state(), before);
  EXPECT_TRUE(stage.client.next_timeout().has_value());
}

TEST_F(ServerInitiatedBootstrap, ALostSessionLeavesTheStateBefore) {
  stage.start();
  write_account();
  stage.client.connection_lost(stage.now, stage.session(0)->peer, std::nullopt);
  EXPECT_EQ(device.state(), before);
  stage.settle();
  EXPECT_EQ(stage.last_end(), BootstrapEnd::session_failed);
  EXPECT_TRUE(stage.client.next_timeout().has_value());
}

TEST_F(ServerInitiatedBootstrap, TheSessionIsKeptAndACommandBeginsAnother) {
  bootstrap();
  stage.pass(seconds(500));
  ASSERT_NE(stage.session(0), nullptr);
  const auto after = device.state();
  EXPECT_EQ(stage.finish().code, Code::bad_request) << "a Finish alone is nothing";
  EXPECT_EQ(stage.put_text(0, "/1/0/1", "600").code, Code::changed);
  EXPECT_EQ(stage.client.state(), State::bootstrapping);
  EXPECT_EQ(stage.get(101, "/3/0/0").code, Code::service_unavailable) << "other servers wait";
  EXPECT_EQ(stage.finish().code, Code::changed);
  EXPECT_NE(device.state(), after);
  EXPECT_EQ(stage.get(101, "/3/0/0").code, Code::content);
  EXPECT_EQ(stage.requests("/rd").size(), 1u) << "the registration was not touched";
}

TEST_F(ServerInitiatedBootstrap, AReplacedAccountMovesTheListeningToItsOwnSession) {
  stage.start();
  const auto old_peer = stage.session(0)->peer;
  write_account();
  EXPECT_EQ(stage.put(0, "/0/0", bootstrap_entries("/0/0")).code, Code::changed);
  EXPECT_EQ(stage.finish().code, Code::changed);
  EXPECT_EQ(stage.discover(0, "/").code, Code::bad_request) << "the old keys begin nothing any more";
  stage.pass(seconds(95));
  ASSERT_NE(stage.session(0), nullptr);
  EXPECT_NE(stage.session(0)->peer, old_peer);
  EXPECT_EQ(stage.session(0)->identity, "own-identity");
  EXPECT_EQ(stage.discover(0, "/").code, Code::content);
}

TEST_F(ServerInitiatedBootstrap, ATriggerOpensANewSession) {
  bootstrap();
  const auto old_peer = stage.session(0)->peer;
  EXPECT_EQ(stage.execute(101, "/1/0/9").code, Code::changed);
  ASSERT_NE(stage.session(0), nullptr);
  EXPECT_NE(stage.session(0)->peer, old_peer) << "the one that is kept may be dead by now";
  ASSERT_TRUE(stage.pass_until([&] { return !stage.requests("/bs").empty(); }));
}

TEST_F(ServerInitiatedBootstrap, WithoutAnAccountNothingIsAccepted) {
  auto account = factory_with_hold_off();
  account.push_back(entry("/0/0/12", Value::integer(60)));
  Device purged(account);
  Stage other(purged.model, {.server_initiated = ServerInitiated::accept});
  other.start();
  EXPECT_EQ(other.put(0, "/0/1", security_entries("/0/1", 101)).code, Code::changed);
  EXPECT_EQ(other.put(0, "/1/0", server_entries("/1/0", 101)).code, Code::changed);
  EXPECT_EQ(other.finish().code, Code::changed);
  other.pass(seconds(61));
  ASSERT_FALSE(purged.model.tree().contains(path("/0/0")));
  const auto after = purged.state();
  EXPECT_EQ(other.remove(0, "/").code, Code::bad_request);
  EXPECT_EQ(purged.state(), after);
}

TEST_F(ServerInitiatedBootstrap, ALostKeptSessionIsNoFailure) {
  bootstrap();
  stage.client.connection_lost(stage.now, stage.session(0)->peer, std::nullopt);
  stage.settle();
  EXPECT_EQ(stage.count<BootstrapEnded>(), 1u);
  EXPECT_EQ(stage.client.state(), State::registered);
}

}  // namespace
}  // namespace slipway::client::test

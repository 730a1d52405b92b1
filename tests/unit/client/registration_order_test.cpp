// SPDX-License-Identifier: Apache-2.0
// /1/x/13 to 20: the order of registrations, and what their failures mean for the others.
// [LwM2M-CORE 1.2 §6.2.1.1]
#include "stage.hpp"

#include "client/registration.hpp"

namespace slipway::client::test {
namespace {

/// What of /1/x/13-20 a server has; the rest is left to the defaults.
struct Policy {
  std::optional<unsigned> priority, delay, attempts, timer, pause, sequences;
  std::optional<bool> block, bootstrap;
};

/// Server number `n`: /0/n and /1/n, short server id 100 + n.
std::vector<Entry> server_with(unsigned n, const Policy& policy) {
  const auto security = "/0/" + std::to_string(n);
  const auto server = "/1/" + std::to_string(n);
  auto entries = security_entries(security, 100 + n) + server_entries(server, 100 + n);
  const auto number = [&](unsigned resource, std::optional<unsigned> value) {
    if (value)
      entries.push_back(entry(server + "/" + std::to_string(resource), Value::unsigned_integer(*value)));
  };
  const auto flag = [&](unsigned resource, std::optional<bool> value) {
    if (value) entries.push_back(entry(server + "/" + std::to_string(resource), Value::boolean(*value)));
  };
  number(13, policy.priority);
  number(14, policy.delay);
  flag(15, policy.block);
  flag(16, policy.bootstrap);
  number(17, policy.attempts);
  number(18, policy.timer);
  number(19, policy.pause);
  number(20, policy.sequences);
  return entries;
}

/// A stage that notes when sessions with which server were asked for.
class OrderStage : public Stage {
 public:
  using Stage::Stage;
  struct Asked {
    std::uint16_t server;
    std::int64_t second;
    bool operator==(const Asked&) const = default;
  };
  /// Sessions that were asked for within a time, in seconds since the beginning.
  std::vector<Asked> asked_within(Duration duration) {
    const auto end = now + duration;
    std::vector<Asked> asked;
    const auto note = [&] {
      for (; seen_ < sessions.size(); ++seen_)
        asked.push_back({sessions[seen_].server.value(),
                         std::chrono::duration_cast<seconds>(now.time_since_epoch()).count() - 1000});
    };
    note();
    while (pass_until([&] { return sessions.size() > seen_; }, end - now)) note();
    now = std::max(now, end);
    return asked;
  }

 private:
  std::size_t seen_ = 0;
};
using Asked = OrderStage::Asked;

TEST(ClientRegistrationOrder, EqualPrioritiesFollowEachOtherInTheOrderOfTheirInstances) {
  Device device(server_with(1, {.priority = 5}) + server_with(2, {.priority = 1}) +
                server_with(3, {.priority = 5}));
  OrderStage stage(device.model);
  stage.start();
  EXPECT_EQ(stage.asked_within(seconds(1)), (std::vector<Asked>{{102, 0}, {101, 0}, {103, 0}}));
}

TEST(ClientRegistrationOrder, ADelayCountsFromTheCompletionOfTheOneBefore) {
  Device device(server_with(1, {.priority = 1, .attempts = 2, .timer = 20}) +
                server_with(2, {.priority = 2, .delay = 30}));
  OrderStage stage(device.model);
  stage.unreachable = {101};
  stage.start();
  stage.pass(seconds(10));
  stage.unreachable.clear();  // its second attempt, at 20 s, succeeds
  EXPECT_EQ(stage.asked_within(seconds(100)).back(), (Asked{102, 50}));
}

TEST(ClientRegistrationOrder, AServerWithoutPriorityHasItsDelayButNoTurn) {
  Device device(server_with(1, {.priority = 1, .delay = 40}) + server_with(2, {.delay = 7}));
  OrderStage stage(device.model);
  stage.start();
  EXPECT_EQ(stage.asked_within(seconds(100)), (std::vector<Asked>{{102, 7}, {101, 40}}));
}

TEST(ClientRegistrationOrder, ABlockingServerKeepsTheLaterOnesWaitingUntilItIsRegistered) {
  Device device(server_with(1, {.priority = 1, .attempts = 1, .pause = 60, .sequences = 2, .block = true}) +
                server_with(2, {.priority = 2}) + server_with(3, {}));
  OrderStage stage(device.model);
  stage.unreachable = {101};
  stage.start();
  const auto asked = stage.asked_within(seconds(1000));
  EXPECT_TRUE(std::ranges::none_of(asked, [](const Asked& a) { return a.server == 102; }));
  EXPECT_TRUE(std::ranges::any_of(asked, [](const Asked& a) { return a.server == 103; }))
      << "a server outside of the order is not held up";
  stage.unreachable.clear();
  stage.pass(seconds(100));
  EXPECT_NE(stage.session(102), nullptr);
}

TEST(ClientRegistrationOrder, ABlockingServerThatFailsBootstrapsWhereItIsToldTo) {
  Device device(factory_entries() +
                server_with(1, {.priority = 1, .attempts = 1, .block = true, .bootstrap = true}) +
                server_with(2, {.priority = 2}));
  OrderStage stage(device.model);
  stage.connecting = Stage::Connecting::fails;
  stage.start();
  const auto asked = stage.asked_within(seconds(1));
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(asked[1].server, 0);
}

TEST(ClientRegistrationOrder, AFailedServerThatDoesNotBlockGoesOnByItself) {
  Device device(
      server_with(1, {.priority = 1, .attempts = 1, .pause = 60, .block = false, .bootstrap = false}) +
      server_with(2, {.priority = 2}));
  OrderStage stage(device.model);
  stage.unreachable = {101};
  stage.start();
  stage.pass(seconds(1));
  EXPECT_NE(stage.session(102), nullptr);
  stage.unreachable.clear();
  stage.pass(seconds(60));
  EXPECT_NE(stage.session(101), nullptr) << "it comes again after its pause";
  EXPECT_EQ(stage.requests("/rd").size(), 2u);
}

TEST(ClientRegistrationOrder, CountersBeginAnewWithEachSequence) {
  Device device(server_with(1, {.attempts = 3, .timer = 10, .pause = 100, .sequences = 3}));
  OrderStage stage(device.model);
  stage.connecting = Stage::Connecting::fails;
  stage.start();
  EXPECT_EQ(stage.asked_within(seconds(400)), (std::vector<Asked>{{101, 0},
                                                                  {101, 10},
                                                                  {101, 30},
                                                                  {101, 130},
                                                                  {101, 140},
                                                                  {101, 160},
                                                                  {101, 260},
                                                                  {101, 270},
                                                                  {101, 290},
                                                                  {101, 390},
                                                                  {101, 400}}));
}

TEST(ClientRegistrationOrder, ARegistrationInBetweenResetsTheCounters) {
  Device device(server_with(1, {.attempts = 3, .timer = 10, .pause = 1000}));
  OrderStage stage(device.model);
  stage.connecting = Stage::Connecting::fails;
  stage.start();
  stage.pass(seconds(15));  // two attempts have failed
  stage.connecting = Stage::Connecting::succeeds;
  stage.pass(seconds(20));
  ASSERT_EQ(stage.client.state(), State::registered);
  stage.connecting = Stage::Connecting::fails;
  const auto begin = std::chrono::duration_cast<seconds>(stage.now.time_since_epoch()).count() - 1000;
  (void)stage.asked_within(Duration{});
  stage.client.connection_lost(stage.now, stage.sessions.back().peer, std::nullopt);
  stage.settle();
  EXPECT_EQ(stage.asked_within(seconds(40)),
            (std::vector<Asked>{{101, begin}, {101, begin + 10}, {101, begin + 30}}));
}

TEST(ClientRegistrationOrder, NeverAnotherSequenceIsObeyedWhileAnotherServerCarriesOn) {
  for (const bool has_bootstrap : {false, true}) {
    auto accounts = server_with(1, {.attempts = 1, .pause = 0xffffffff, .sequences = 5, .bootstrap = false}) +
                    server_with(2, {});
    if (has_bootstrap) accounts = factory_entries() + accounts;
    Device device(accounts);
    OrderStage stage(device.model);
    stage.unreachable = {101};
    stage.start();
    stage.pass(std::chrono::hours(24 * 30));
    std::size_t asked = 0;
    for (const auto& session : stage.sessions) asked += session.server == ShortServerId(101) ? 1 : 0;
    EXPECT_EQ(asked, 1u);
    EXPECT_EQ(stage.client.state(), State::registered);
  }
}

TEST(ClientRegistrationOrder, AServerThatWasLeftIsTriedAgainWhenNoOtherIsLeft) {
  Device device(server_with(1, {.attempts = 1, .pause = 0xffffffff, .bootstrap = false}) +
                server_with(2, {.attempts = 1, .pause = 3600}));
  OrderStage stage(device.model);
  stage.unreachable = {101};
  stage.start();
  stage.pass(seconds(10));
  stage.connecting = Stage::Connecting::fails;
  stage.client.connection_lost(stage.now, stage.session(102)->peer, std::nullopt);
  stage.settle();
  (void)stage.asked_within(Duration{});
  const auto asked = stage.asked_within(std::chrono::hours(25));
  EXPECT_TRUE(std::ranges::any_of(asked, [](const Asked& a) { return a.server == 101; }));
}

TEST(ClientRegistrationOrder, AllFailedAndOneWantsABootstrapIsEnough) {
  // 102 fails last and does not want a bootstrap; 101, which does, has failed before it.
  Device device(factory_entries() + server_with(1, {.priority = 1, .attempts = 1, .pause = 10}) +
                server_with(2, {.priority = 2, .attempts = 1, .pause = 10, .bootstrap = false}));
  OrderStage stage(device.model);
  stage.connecting = Stage::Connecting::fails;
  stage.start();
  const auto asked = stage.asked_within(seconds(5));
  EXPECT_TRUE(std::ranges::any_of(asked, [](const Asked& a) { return a.server == 0; }));
}

// --- The initial delay --------------------------------------------------------------------------------

TEST(ClientRegistrationOrder, TheInitialDelayIsOverWithTheFirstRegistrationAlsoAfterARestart) {
  const auto accounts = factory_entries() + server_with(1, {.delay = 30});
  Device device(accounts);
  OrderStage stage(device.model);
  stage.start();
  EXPECT_EQ(stage.asked_within(seconds(60)), (std::vector<Asked>{{101, 30}}));
  Device after(accounts);
  ASSERT_TRUE(after.model.load(stage.persisted.back()));
  OrderStage restarted(after.model);
  restarted.start();
  EXPECT_EQ(restarted.asked_within(seconds(60)), (std::vector<Asked>{{101, 0}}));
}

TEST(ClientRegistrationOrder, ABootstrapMakesTheInitialDelayCountAgain) {
  Device device(factory_entries() + server_with(1, {.delay = 30}));
  OrderStage stage(device.model);
  stage.start();
  stage.pass(seconds(31));
  ASSERT_EQ(stage.client.state(), State::registered);
  stage.client.request_bootstrap(stage.now);
  stage.settle();
  ASSERT_EQ(
      stage.put(0, "/0/1", security_entries("/0/1", 101, "coaps://lwm2m.example:5684", "rotated key 0123"))
          .code,
      Code::changed);
  ASSERT_EQ(stage.finish().code, Code::changed);
  EXPECT_EQ(stage.client.state(), State::registering);
  EXPECT_EQ(stage.session(101), nullptr);
  stage.pass(seconds(31));
  EXPECT_EQ(stage.session(101)->key, "rotated key 0123");
}

TEST(ClientRegistrationOrder, AFailedFirstAttemptIsNotDelayedTwice) {
  Device device(server_with(1, {.delay = 30, .attempts = 2, .timer = 5}));
  OrderStage stage(device.model);
  stage.connecting = Stage::Connecting::fails;
  stage.start();
  EXPECT_EQ(stage.asked_within(seconds(60)), (std::vector<Asked>{{101, 30}, {101, 35}}));
}

}  // namespace
}  // namespace slipway::client::test

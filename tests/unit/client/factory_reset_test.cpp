// SPDX-License-Identifier: Apache-2.0
// A factory reset returns to exactly the state that the pack made, in one durable step.
#include "stage.hpp"

namespace slipway::client::test {
namespace {

std::vector<Entry> management(std::int64_t ssid = 101) {
  return security_entries("/0/1", ssid) + server_entries("/1/0", ssid);
}

/// Bootstraps a device by its factory account.
void bootstrap(Stage& stage) {
  ASSERT_EQ(stage.put(0, "/0/1", security_entries("/0/1", 101)).code, Code::changed);
  ASSERT_EQ(stage.put(0, "/1/0", server_entries("/1/0", 101)).code, Code::changed);
  ASSERT_EQ(stage.finish().code, Code::changed);
  ASSERT_EQ(stage.client.state(), State::registered);
}
std::vector<ResetEnd> ends(const Stage& stage) {
  std::vector<ResetEnd> found;
  for (const auto& event : stage.events)
    if (const auto* ended = std::get_if<FactoryResetEnded>(&event)) found.push_back(ended->end);
  return found;
}

TEST(ClientFactoryReset, ReturnsToExactlyTheFactoryStateAndBeginsAnew) {
  Device device;
  const auto factory = device.state();
  Stage stage(device.model);
  stage.start();
  bootstrap(stage);
  ASSERT_EQ(stage.post(101, "/1000", {entry("/1000/5/0", Value::string("made by a server"))}).code,
            Code::created);
  stage.client.factory_reset(stage.now);
  stage.client.handle_timeout(stage.now);
  stage.settle();
  EXPECT_EQ(stage.count<DeregisteredFrom>(), 1u) << "it says goodbye first";
  EXPECT_EQ(ends(stage), std::vector{ResetEnd::done});
  EXPECT_EQ(to_hex(stage.persisted.back()), factory);
  EXPECT_EQ(stage.session(101), nullptr);
  EXPECT_EQ(stage.sessions.back().key, "0123456789abcdef") << "the factory's account is used again";
  EXPECT_FALSE(device.model.has_instance(path("/1000/5")));
  bootstrap(stage);
}

TEST(ClientFactoryReset, IsDueAtOnceSoThatAFunctionOfTheMakerMayAskForIt) {
  Device device(factory_entries() + management());
  Stage stage(device.model);
  device.model.object(ObjectId(3)).instance(InstanceId(0)).resource<void>(ResourceId(5)).executes([&] {
    stage.client.factory_reset(stage.now);
  });
  stage.start();
  EXPECT_EQ(stage.execute(101, "/3/0/5").code, Code::changed) << "the request is answered first";
  stage.pass(seconds(1));
  EXPECT_EQ(ends(stage), std::vector{ResetEnd::done});
  EXPECT_EQ(stage.requests("/rd").size(), 2u) << "the pack has a management account";
}

TEST(ClientFactoryReset, DoesNotWaitForServersThatAreGone) {
  Device device(factory_entries() + management());
  Stage stage(device.model);
  stage.start();
  stage.loses_up = [](const coap::Message& message) { return message.code == Code::del; };
  stage.client.factory_reset(stage.now);
  stage.pass(seconds(1));
  EXPECT_EQ(stage.client.state(), State::resetting);
  EXPECT_EQ(stage.client.next_attempt()->what, Attempt::reset);
  stage.pass(seconds(10));
  EXPECT_EQ(ends(stage), std::vector{ResetEnd::done});
}

TEST(ClientFactoryReset, EndsABootstrapSessionAndForgetsItsBackOff) {
  Device device;
  const auto factory = device.state();
  Stage stage(device.model);
  stage.connecting = Stage::Connecting::fails;
  stage.start();
  stage.pass(std::chrono::hours(10));
  stage.connecting = Stage::Connecting::succeeds;
  stage.pass_until([&] { return stage.client.state() == State::bootstrapping; });
  ASSERT_EQ(stage.put(0, "/0/1", security_entries("/0/1", 101)).code, Code::changed);
  stage.client.factory_reset(stage.now);
  stage.pass(seconds(1));
  EXPECT_EQ(ends(stage), std::vector{ResetEnd::done});
  EXPECT_EQ(device.model.before().contains(path("/0/1")), false);
  EXPECT_EQ(stage.client.state(), State::bootstrapping) << "it does not wait out the failures of before";
  EXPECT_EQ(to_hex(stage.persisted.back()), factory);
}

TEST(ClientFactoryReset, LeavesNoEarlierCopyOfTheState) {
  Device device(factory_entries() + management());
  Stage stage(device.model);
  std::vector<Earlier> earlier;
  stage.on_persist = [&](const PersistWanted& wanted) { earlier.push_back(wanted.earlier); };
  stage.start();
  ASSERT_EQ(stage.put_text(101, "/1/0/1", "400").code, Code::changed);
  stage.client.factory_reset(stage.now);
  stage.pass(seconds(1));
  EXPECT_EQ(earlier, (std::vector{Earlier::may_stay, Earlier::must_go}));
}

TEST(ClientFactoryReset, IsRepeatedWhenStorageFailsAndGivenUpAfterThreeTimes) {
  Device device(factory_entries() + management());
  Stage stage(device.model);
  stage.start();
  ASSERT_EQ(stage.put_text(101, "/1/0/1", "400").code, Code::changed);
  const auto before = device.state();
  stage.storage = Stage::Storage::fails;
  stage.client.factory_reset(stage.now);
  stage.pass(seconds(1));
  EXPECT_TRUE(ends(stage).empty());
  EXPECT_EQ(stage.client.state(), State::resetting);
  stage.pass(seconds(60));
  EXPECT_EQ(ends(stage), std::vector{ResetEnd::not_stored});
  EXPECT_EQ(device.state(), before);
  EXPECT_EQ(stage.client.state(), State::registered) << "the device stays in service";
}

TEST(ClientFactoryReset, WithoutAFactoryStateIsRefused) {
  Device device;
  Model other;
  ASSERT_TRUE(other.load(*device.model.snapshot()));
  Stage stage(other);
  stage.start();
  stage.client.factory_reset(stage.now);
  stage.settle();
  EXPECT_EQ(ends(stage), std::vector{ResetEnd::no_factory_state});
}

TEST(ClientFactoryReset, AskedForTwiceHappensOnce) {
  Device device(factory_entries() + management());
  Stage stage(device.model);
  stage.start();
  stage.client.factory_reset(stage.now);
  stage.client.factory_reset(stage.now);
  stage.pass(seconds(1));
  EXPECT_EQ(ends(stage).size(), 1u);
}

TEST(ClientFactoryReset, ReadsTheSmartcardAnew) {
  Device device(factory_entries() + management());
  ClientConfig config;
  config.smartcard = SmartcardUse::present;
  Stage stage(device.model, config);
  stage.start();
  EXPECT_EQ(stage.cards_read, 1u);
  stage.client.factory_reset(stage.now);
  stage.pass(seconds(1));
  EXPECT_EQ(stage.cards_read, 2u);
  EXPECT_EQ(stage.client.state(), State::registered);
}

}  // namespace
}  // namespace slipway::client::test

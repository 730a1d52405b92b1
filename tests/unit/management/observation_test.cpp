// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/management/harness.hpp"

namespace slipway::management {
namespace {

using coap::Code;
using test::Device;
using test::DeviceReply;
using test::ManagementHarness;
using test::secure_peer;
using testing::ElementsAre;

const Path kBattery(ObjectId(3), InstanceId(0), ResourceId(9));

class Observing : public testing::Test {
 protected:
  void SetUp() override {
    device.reply = [](const Device::Asked& asked) {
      return DeviceReply{Code::content, "90", 0, asked.observe, {}};
    };
    harness.register_device(device, secure_peer(1, "dev"), {"lwm2m=1.1", "lt=86400"});
    harness.events.clear();
  }
  ObservationId observe() {
    const auto observing = harness.server.observe(harness.now, "dev", kBattery).value();
    harness.settle();
    return observing.observation;
  }
  ManagementHarness harness;
  Device device{1};
};

TEST_F(Observing, TellsTheFirstValueAndThenEachNotification) {
  (void)observe();
  EXPECT_EQ(device.asked[0].observe, 0u);
  device.notify(harness.now, device.asked[0].token, "91", 2);
  harness.settle();
  device.notify(harness.now, device.asked[0].token, "92", 3);
  harness.settle();
  EXPECT_THAT(harness.events, ElementsAre("done /3/0/9 2.05", "notified /3/0/9", "notified /3/0/9"));
  EXPECT_THAT(harness.values, ElementsAre("/3/0/9=90", "/3/0/9=91", "/3/0/9=92"));
  EXPECT_EQ(harness.server.counters().notifications, 2u);
}

TEST_F(Observing, TheSamePathIsTheSameObservation) {
  const auto first = observe();
  EXPECT_EQ(observe(), first);
  EXPECT_EQ(device.asked[0].token, device.asked[1].token);
}

TEST_F(Observing, EndsWhenTheDeviceCannotObserve) {
  device.reply = [](const Device::Asked&) { return DeviceReply{Code::content, "90", 0, {}, {}}; };
  const auto id = observe();
  EXPECT_THAT(harness.events, ElementsAre("done /3/0/9 2.05", "observation ended /3/0/9"));
  EXPECT_FALSE(harness.server.cancel_observation(harness.now, id));
}

TEST_F(Observing, EndsWithAnError) {
  (void)observe();
  device.notify(harness.now, device.asked[0].token, "", 0, Code::not_found);
  harness.settle();
  EXPECT_THAT(harness.events, ElementsAre("done /3/0/9 2.05", "observation ended /3/0/9"));
}

TEST_F(Observing, IsCancelledWithItsToken) {
  const auto id = observe();
  ASSERT_TRUE(harness.server.cancel_observation(harness.now, id));
  harness.settle();
  EXPECT_EQ(device.asked[1].observe, 1u);
  EXPECT_EQ(device.asked[1].token, device.asked[0].token);
  EXPECT_THAT(harness.events, ElementsAre("done /3/0/9 2.05", "done /3/0/9 2.05"));
  EXPECT_FALSE(harness.server.cancel_observation(harness.now, id));
}

TEST_F(Observing, SurvivesARebootOfTheDevice) {
  const auto id = observe();
  Device rebooted(2);
  rebooted.reply = device.reply;
  harness.register_device(rebooted, secure_peer(2, "dev"), {"lwm2m=1.1", "lt=86400"});
  EXPECT_THAT(rebooted.names(), ElementsAre("GET /3/0/9"));
  EXPECT_THAT(harness.events, ElementsAre("done /3/0/9 2.05", "replaced dev", "notified /3/0/9"));
  rebooted.notify(harness.now, rebooted.asked[0].token, "50", 2);
  harness.settle();
  EXPECT_EQ(harness.events.back(), "notified /3/0/9");
  EXPECT_TRUE(harness.server.cancel_observation(harness.now, id));
}

TEST_F(Observing, SurvivesARebootOverTheSameSession) {
  (void)observe();
  harness.register_device(device, secure_peer(1, "dev"), {"lwm2m=1.1", "lt=86400"});
  EXPECT_EQ(device.asked.size(), 2u);
  EXPECT_EQ(harness.events.back(), "notified /3/0/9");
}

TEST_F(Observing, FollowsTheDeviceToANewSession) {
  (void)observe();
  harness.server.peer_gone(harness.now, PeerId(1));
  Device moved(2);
  moved.reply = device.reply;
  harness.attach(moved, secure_peer(2, "dev"));
  moved.send(harness.now, Code::post, device.location);
  harness.settle();
  EXPECT_THAT(moved.names(), ElementsAre("GET /3/0/9"));
}

TEST_F(Observing, EndsWithTheRegistration) {
  (void)observe();
  device.send(harness.now, Code::del, device.location);
  harness.settle();
  EXPECT_THAT(harness.events,
              ElementsAre("done /3/0/9 2.05", "observation ended /3/0/9", "deregistered dev"));
}

TEST_F(Observing, ALateNotificationIsRejected) {
  (void)observe();
  const auto token = device.asked[0].token;
  harness.server.revoke(harness.now, "dev");
  harness.settle();
  harness.events.clear();
  device.notify(harness.now, token, "91", 2);
  harness.settle();
  EXPECT_TRUE(harness.events.empty());
}

TEST_F(Observing, SendDeliversValues) {
  const std::string json = R"([{"bn":"/3/0/","n":"9","v":88}])";
  device.send(harness.now, Code::post, "/dp", {}, json, 110);
  harness.settle();
  EXPECT_EQ(device.answers.back(), Code::changed);
  EXPECT_THAT(harness.events, ElementsAre("sent dev"));
  EXPECT_THAT(harness.values, ElementsAre("/3/0/9=88"));
}

TEST_F(Observing, SendOfRubbishOrOfAStrangerIsRefused) {
  device.send(harness.now, Code::post, "/dp", {}, "[", 110);
  harness.settle();
  EXPECT_EQ(device.answers.back(), Code::bad_request);
  device.send(harness.now, Code::post, "/dp", {}, "x", 0);
  harness.settle();
  EXPECT_EQ(device.answers.back(), Code::bad_request);
  Device stranger(5);
  harness.attach(stranger, secure_peer(5, "other"));
  stranger.send(harness.now, Code::post, "/dp", {}, "[]", 110);
  harness.settle();
  EXPECT_EQ(stranger.answers.back(), Code::not_found);
  EXPECT_TRUE(harness.events.empty());
}

}  // namespace
}  // namespace slipway::management

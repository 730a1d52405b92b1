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
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

const Path kDevice(ObjectId(3), InstanceId(0));
const Path kManufacturer(ObjectId(3), InstanceId(0), ResourceId(0));
const Path kBattery(ObjectId(3), InstanceId(0), ResourceId(9));
const Path kReboot(ObjectId(3), InstanceId(0), ResourceId(4));
const Path kServerPath(ObjectId(1), InstanceId(0));
const Path kLifetime(ObjectId(1), InstanceId(0), ResourceId(1));

class Operating : public testing::Test {
 protected:
  void begin(std::vector<std::string_view> queries = {"lwm2m=1.1", "lt=86400"},
             std::string_view links = "</1/0>,</3/0>") {
    harness.register_device(device, secure_peer(1, "dev"), std::move(queries), links);
    harness.events.clear();
  }
  void answer_with(DeviceReply reply) {
    device.reply = [reply](const Device::Asked&) { return reply; };
  }
  ManagementHarness harness;
  Device device{1};
};

TEST_F(Operating, ReadsAndDecodesByTheObjectModel) {
  begin();
  answer_with({Code::content, "Open Mobile Alliance", 0, {}, {}});
  ASSERT_TRUE(harness.server.read(harness.now, "dev", kManufacturer));
  harness.settle();
  EXPECT_THAT(device.names(), ElementsAre("GET /3/0/0"));
  EXPECT_THAT(harness.events, ElementsAre("done /3/0/0 2.05"));
  EXPECT_THAT(harness.values, ElementsAre("/3/0/0=\"Open Mobile Alliance\""));
}

TEST_F(Operating, AsksForWhatTheVersionAndTheRootOffer) {
  const std::vector<std::tuple<const char*, const char*, int>> cases{
      {"lwm2m=1.0", "</1/0>", 11542},
      {"lwm2m=1.1", "</1/0>", 112},
      {"lwm2m=1.2", "</>;rt=\"oma.lwm2m\";ct=\"110 11544\",</1/0>", 11544},
      {"lwm2m=1.1", "</>;rt=\"oma.lwm2m\";ct=\"110\",</1/0>", 110},
      {"lwm2m=1.1", "</>;rt=\"oma.lwm2m\";ct=\"11542\",</1/0>", 11542}};
  for (const auto& [version, links, accept] : cases) {
    begin({version, "lt=60"}, links);
    ASSERT_TRUE(harness.server.read(harness.now, "dev", kDevice));
    harness.settle();
    EXPECT_EQ(device.asked.back().accept, accept) << links;
  }
}

TEST_F(Operating, LetsTheDeviceChooseAfterNotAcceptable) {
  begin();
  device.reply = [](const Device::Asked& asked) {
    if (asked.accept) return DeviceReply{Code::not_acceptable, {}, {}, {}, {}};
    return DeviceReply{Code::content, "99", 0, {}, {}};
  };
  ASSERT_TRUE(harness.server.read(harness.now, "dev", kBattery));
  harness.settle();
  EXPECT_EQ(device.asked.size(), 2u);
  EXPECT_THAT(harness.events, ElementsAre("done /3/0/9 2.05"));
  ASSERT_TRUE(
      harness.server.read(harness.now, "dev", kBattery, ContentFormat::cbor));  // the caller's own wish
  harness.settle();
  EXPECT_THAT(harness.events, ElementsAre("done /3/0/9 2.05", "done /3/0/9 4.06"));
}

TEST_F(Operating, PutsTheAlternatePathInFront) {
  begin({"lwm2m=1.1", "lt=60"}, "</lwm2m>;rt=\"oma.lwm2m\",</lwm2m/3/0>");
  ASSERT_TRUE(harness.server.read(harness.now, "dev", kBattery));
  harness.settle();
  EXPECT_THAT(device.names(), ElementsAre("GET /lwm2m/3/0/9"));
}

TEST_F(Operating, PassesARefusalOn) {
  begin();
  answer_with({Code::unauthorized, "no", {}, {}, {}});
  ASSERT_TRUE(harness.server.read(harness.now, "dev", kDevice));
  harness.settle();
  EXPECT_THAT(harness.events, ElementsAre("done /3/0 4.01"));
}

TEST_F(Operating, TellsRubbishFromValues) {
  begin();
  answer_with({Code::content, "\xff\xff", 112, {}, {}});
  ASSERT_TRUE(harness.server.read(harness.now, "dev", kDevice));
  harness.settle();
  EXPECT_THAT(harness.events, ElementsAre("done /3/0 undecodable"));
}

TEST_F(Operating, WritesReplacingAndPartially) {
  begin();
  const std::array entries{Entry{.path = kLifetime, .value = Value::integer(60)}};
  ASSERT_TRUE(harness.server.write(harness.now, "dev", kServerPath, WriteMode::partial, entries));
  ASSERT_TRUE(
      harness.server.write(harness.now, "dev", kLifetime, WriteMode::replace, entries, ContentFormat::text));
  harness.settle();
  EXPECT_THAT(device.names(), ElementsAre("POST /1/0", "PUT /1/0/1"));
  EXPECT_EQ(device.asked[0].format, 112);
  EXPECT_EQ(device.asked[1].payload, "60");
  EXPECT_THAT(harness.events, ElementsAre("done /1/0 2.04", "done /1/0/1 2.04"));
}

TEST_F(Operating, ExecutesCreatesDeletesAndSetsAttributes) {
  begin();
  device.reply = [](const Device::Asked& asked) {
    if (asked.what.starts_with("POST /3303")) return DeviceReply{Code::created, {}, {}, {}, "/3303/7"};
    if (asked.what.starts_with("DELETE")) return DeviceReply{Code::deleted, {}, {}, {}, {}};
    return DeviceReply{Code::changed, {}, {}, {}, {}};
  };
  const std::array<std::string_view, 2> attributes{"pmin=10", "pmax=60"};
  const std::array entries{
      Entry{.path = Path(ObjectId(3303), InstanceId(7), ResourceId(5701)), .value = Value::string("C")}};
  ASSERT_TRUE(harness.server.execute(harness.now, "dev", kReboot));
  ASSERT_TRUE(harness.server.execute(harness.now, "dev", kReboot, "0='x'"));
  ASSERT_TRUE(harness.server.write_attributes(harness.now, "dev", kBattery, attributes));
  ASSERT_TRUE(harness.server.create(harness.now, "dev", ObjectId(3303), entries));
  ASSERT_TRUE(harness.server.del(harness.now, "dev", Path(ObjectId(3303), InstanceId(7))));
  harness.settle();
  EXPECT_THAT(device.names(), ElementsAre("POST /3/0/4", "POST /3/0/4", "PUT /3/0/9?pmin=10&pmax=60",
                                          "POST /3303", "DELETE /3303/7"));
  EXPECT_EQ(device.asked[0].format, std::nullopt);
  EXPECT_EQ(device.asked[1].format, 0);
  EXPECT_THAT(harness.events, ElementsAre("done /3/0/4 2.04", "done /3/0/4 2.04", "done /3/0/9 2.04",
                                          "done /3303 2.01", "done /3303/7 2.02"));
}

TEST_F(Operating, DiscoversAsLinkFormat) {
  begin();
  answer_with({Code::content, "</3/0>,</3/0/0>", 40, {}, {}});
  ASSERT_TRUE(harness.server.discover(harness.now, "dev", kDevice));
  harness.settle();
  EXPECT_EQ(device.asked[0].accept, 40);
  EXPECT_THAT(harness.events, ElementsAre("done /3/0 2.05"));
}

TEST_F(Operating, RefusesWhatCannotBe) {
  begin();
  auto& server = harness.server;
  EXPECT_EQ(server.read(harness.now, "nobody", kDevice).error().code, ErrorCode::not_found);
  EXPECT_EQ(server.read(harness.now, "dev", Path()).error().code, ErrorCode::wrong_path);
  EXPECT_EQ(server.execute(harness.now, "dev", kDevice).error().code, ErrorCode::wrong_path);
  EXPECT_EQ(server.write(harness.now, "dev", Path(ObjectId(1)), WriteMode::replace, {}).error().code,
            ErrorCode::wrong_path);
  EXPECT_EQ(server.del(harness.now, "dev", kBattery).error().code, ErrorCode::wrong_path);
  const std::array outside{Entry{.path = kBattery, .value = Value::integer(1)}};
  EXPECT_FALSE(server.write(harness.now, "dev", kServerPath, WriteMode::replace, outside));
  EXPECT_FALSE(server.cancel_observation(harness.now, ObservationId(77)));
  harness.settle();
  EXPECT_THAT(device.asked, IsEmpty());
}

TEST_F(Operating, SendsOneAtATimeInOrder) {
  begin();
  device.silent = true;
  for (std::uint16_t i = 0; i < 3; ++i)
    ASSERT_TRUE(harness.server.read(harness.now, "dev", kDevice.child(i)));
  std::size_t datagrams = 0;
  while (harness.server.poll_transmit()) ++datagrams;
  EXPECT_EQ(datagrams, 1u);
}

TEST_F(Operating, KeepsItsBounds) {
  begin();
  device.silent = true;
  for (std::size_t i = 0; i < ServerConfig{}.operations_per_device_max; ++i)
    ASSERT_TRUE(harness.server.read(harness.now, "dev", kDevice));
  EXPECT_EQ(harness.server.read(harness.now, "dev", kDevice).error().code, ErrorCode::exhausted);

  ServerConfig config;
  config.operations_max = 1;
  config.observations_per_device_max = 1;
  ManagementHarness small(config);
  Device other(3);
  small.register_device(other, secure_peer(3, "dev"), {"lwm2m=1.1", "lt=60"});
  ASSERT_TRUE(small.server.observe(small.now, "dev", kBattery));
  EXPECT_EQ(small.server.read(small.now, "dev", kDevice).error().code, ErrorCode::exhausted);
  small.settle();
  EXPECT_EQ(small.server.observe(small.now, "dev", kDevice).error().code, ErrorCode::exhausted);
  EXPECT_TRUE(small.server.read(small.now, "dev", kDevice));
}

TEST_F(Operating, EndsInTimeWhenTheDeviceIsSilent) {
  begin();
  device.silent = true;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(harness.server.read(harness.now, "dev", kDevice));
  harness.run_for(seconds(248));
  EXPECT_THAT(harness.events, ElementsAre("done /3/0 timeout", "done /3/0 timeout", "done /3/0 timeout"));
}

TEST_F(Operating, CanBeCancelled) {
  begin();
  device.silent = true;
  const auto first = harness.server.read(harness.now, "dev", kDevice).value();
  const auto second = harness.server.read(harness.now, "dev", kBattery).value();
  harness.server.cancel(harness.now, first);
  harness.server.cancel(harness.now, first);  // once is enough
  harness.settle();
  EXPECT_THAT(harness.events, ElementsAre("done /3/0 cancelled"));
  harness.server.cancel(harness.now, second);
  harness.settle();
  EXPECT_EQ(harness.events.size(), 2u);
}

TEST_F(Operating, EndsWithTheRegistration) {
  begin();
  device.silent = true;
  ASSERT_TRUE(harness.server.read(harness.now, "dev", kDevice));
  ASSERT_TRUE(harness.server.read(harness.now, "dev", kBattery));
  harness.server.revoke(harness.now, "dev");
  harness.settle();
  EXPECT_THAT(harness.events,
              ElementsAre("done /3/0 deregistered", "done /3/0/9 deregistered", "revoked dev"));
}

TEST_F(Operating, FailsWithTheSession) {
  begin();
  device.silent = true;
  ASSERT_TRUE(harness.server.execute(harness.now, "dev", kReboot));
  harness.settle();
  harness.server.peer_gone(harness.now, PeerId(1));
  harness.settle();
  EXPECT_THAT(harness.events, ElementsAre("done /3/0/4 session-lost"));
}

TEST_F(Operating, NeverExecutesTwiceWhenTheDeviceReboots) {
  begin();
  device.silent = true;
  ASSERT_TRUE(harness.server.execute(harness.now, "dev", kReboot));
  ASSERT_TRUE(harness.server.read(harness.now, "dev", kBattery));
  harness.settle();
  Device rebooted(2);
  rebooted.reply = [](const Device::Asked&) { return DeviceReply{Code::content, "90", 0, {}, {}}; };
  harness.register_device(rebooted, secure_peer(2, "dev"), {"lwm2m=1.1", "lt=60"});
  EXPECT_THAT(rebooted.names(), ElementsAre("GET /3/0/9"));
  EXPECT_THAT(harness.events, ElementsAre("done /3/0/4 session-lost", "replaced dev", "done /3/0/9 2.05"));
}

class QueueMode : public Operating {
 protected:
  void SetUp() override { begin({"lwm2m=1.1", "lt=864000", "Q"}); }
  void wake() {
    device.send(harness.now, Code::post, device.location);
    harness.settle();
  }
};

TEST_F(QueueMode, SendsAtOnceWhileTheDeviceListens) {
  harness.run_for(seconds(92));
  ASSERT_TRUE(harness.server.read(harness.now, "dev", kDevice));
  harness.settle();
  EXPECT_EQ(device.asked.size(), 1u);
}

TEST_F(QueueMode, WaitsForASleeperAndSendsInOrderAfterItsUpdate) {
  harness.run_for(seconds(93));
  ASSERT_TRUE(harness.server.read(harness.now, "dev", kDevice));
  ASSERT_TRUE(harness.server.execute(harness.now, "dev", kReboot));
  harness.run_for(std::chrono::hours(48));
  EXPECT_THAT(device.asked, IsEmpty());
  wake();
  EXPECT_EQ(device.answers.back(), Code::changed);
  EXPECT_THAT(device.names(), ElementsAre("GET /3/0", "POST /3/0/4"));
}

TEST_F(QueueMode, GivesUpAfterTheQueuedTime) {
  harness.run_for(seconds(93));
  ASSERT_TRUE(harness.server.read(harness.now, "dev", kDevice));
  harness.run_for(std::chrono::hours(72) - seconds(1));
  EXPECT_THAT(harness.events, IsEmpty());
  harness.run_for(seconds(1));
  EXPECT_THAT(harness.events, ElementsAre("done /3/0 timeout"));
}

TEST_F(QueueMode, AsksAgainWhenTheDeviceHadFallenAsleep) {
  device.silent = true;
  ASSERT_TRUE(harness.server.read(harness.now, "dev", kDevice));
  ASSERT_TRUE(harness.server.execute(harness.now, "dev", kReboot));
  harness.run_for(seconds(200));
  EXPECT_THAT(harness.events, IsEmpty());
  device.silent = false;
  wake();
  EXPECT_THAT(device.names(), ElementsAre("GET /3/0", "POST /3/0/4"));
}

TEST_F(QueueMode, DoesNotRepeatWhatMustNotBeDoneTwice) {
  device.silent = true;
  ASSERT_TRUE(harness.server.execute(harness.now, "dev", kReboot));
  harness.run_for(seconds(200));
  EXPECT_THAT(harness.events, ElementsAre("done /3/0/4 timeout"));
}

TEST_F(QueueMode, DoesNotAskForEver) {
  device.ignores = true;
  ASSERT_TRUE(harness.server.read(harness.now, "dev", kDevice));
  for (int i = 0; i < 3; ++i) {
    harness.run_for(seconds(200));
    wake();
  }
  EXPECT_THAT(harness.events, Contains("done /3/0 timeout"));
}

TEST_F(QueueMode, TakesItsRequestsToANewSession) {
  device.silent = true;
  ASSERT_TRUE(harness.server.read(harness.now, "dev", kDevice));
  harness.settle();
  harness.server.peer_gone(harness.now, PeerId(1));
  harness.settle();
  Device awake(2);
  harness.attach(awake, secure_peer(2, "dev"));
  awake.send(harness.now, Code::post, device.location);
  harness.settle();
  EXPECT_THAT(awake.names(), ElementsAre("GET /3/0"));
}

}  // namespace
}  // namespace slipway::management

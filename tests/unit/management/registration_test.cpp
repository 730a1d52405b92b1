// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/management/harness.hpp"

namespace slipway::management {
namespace {

using coap::Code;
using test::Device;
using test::ManagementHarness;
using test::plain_peer;
using test::secure_peer;
using testing::ElementsAre;
using testing::IsEmpty;

class Registering : public testing::Test {
 protected:
  ManagementHarness harness;
  Device device{1};
};

TEST_F(Registering, AnswersWithALocationAndTellsWhatTheDeviceSaid) {
  harness.wall = UnixTime(std::chrono::seconds(1000));
  harness.register_device(device, secure_peer(1, "dev"),
                          {"lwm2m=1.1", "ep=dev", "lt=300", "b=UT", "Q", "sms=49"},
                          "</>;ct=\"112\",</1/0>,</3/0>");
  EXPECT_THAT(device.answers, ElementsAre(Code::created));
  EXPECT_THAT(harness.events, ElementsAre("registered dev"));
  const auto found = harness.server.find("dev");
  ASSERT_TRUE(found);
  EXPECT_EQ("/rd/" + std::string(found->location), device.location);
  EXPECT_EQ(found->location.size(), 13u);
  EXPECT_EQ(found->enabler, (Version{1, 1}));
  EXPECT_EQ(found->lifetime, seconds(300));
  EXPECT_EQ(found->binding, "UT");
  EXPECT_TRUE(found->queue_mode);
  EXPECT_EQ(found->sms, "49");
  EXPECT_EQ(found->links, "</>;ct=\"112\",</1/0>,</3/0>");
  EXPECT_EQ(found->peer, PeerId(1));
  EXPECT_EQ(found->security, SecurityMode::psk);
  EXPECT_EQ(found->registered, harness.wall);
}

TEST_F(Registering, TakesEveryVersionThatIsSpoken) {
  for (const auto* version : {"lwm2m=1.0", "lwm2m=1.1", "lwm2m=1.2"}) {
    harness.register_device(device, secure_peer(1, "dev"), {version, "lt=60"});
    EXPECT_EQ(device.answers.back(), Code::created) << version;
  }
  harness.register_device(device, secure_peer(1, "dev"), {"lwm2m=1.3", "lt=60"});
  EXPECT_EQ(device.answers.back(), Code::precondition_failed);
}

TEST_F(Registering, TakesTheNameOfTheCredentialWhenNoneIsClaimed) {
  harness.register_device(device, secure_peer(1, "from-psk"), {"lwm2m=1.1", "lt=60"});
  EXPECT_TRUE(harness.server.find("from-psk"));
}

TEST_F(Registering, RefusesAnotherName) {
  harness.register_device(device, secure_peer(1, "dev"), {"lwm2m=1.1", "lt=60", "ep=other"});
  EXPECT_THAT(device.answers, ElementsAre(Code::bad_request));
  EXPECT_THAT(harness.events, ElementsAre("refused other 4.00"));
  EXPECT_FALSE(harness.server.find("other"));
}

TEST_F(Registering, RefusesANamelessDevice) {
  harness.register_device(device, plain_peer(1), {"lwm2m=1.1", "lt=60"});
  EXPECT_THAT(device.answers, ElementsAre(Code::bad_request));
}

TEST_F(Registering, RefusesAStrangerWhoClaimsASecuredName) {
  harness.register_device(device, secure_peer(1, "dev"), {"lwm2m=1.1", "lt=60"});
  Device stranger(2);
  harness.register_device(stranger, plain_peer(2), {"lwm2m=1.1", "lt=60", "ep=dev"});
  EXPECT_THAT(stranger.answers, ElementsAre(Code::forbidden));
  EXPECT_EQ(harness.server.find("dev")->peer, PeerId(1));
}

struct ListCase {
  const char* name;
  const char* version;
  std::string links;
  std::optional<std::uint16_t> format;
  Code code;
};
class RegisteringList : public Registering, public testing::WithParamInterface<ListCase> {};

TEST_P(RegisteringList, IsAnsweredAsTheSpecificationSays) {
  harness.attach(device, secure_peer(1, "dev"));
  device.send(harness.now, Code::post, "/rd", {GetParam().version, "lt=60"}, GetParam().links,
              GetParam().format);
  harness.settle();
  EXPECT_THAT(device.answers, ElementsAre(GetParam().code));
  EXPECT_EQ(harness.server.registrations(), 0u);
  EXPECT_EQ(harness.server.counters().refused, 1u);
}

std::string many_links(int count) {
  std::string links;
  for (int i = 0; i < count; ++i) links += (i ? ",</3/" : "</3/") + std::to_string(i) + ">";
  return links;
}

INSTANTIATE_TEST_SUITE_P(
    Lists, RegisteringList,
    testing::Values(ListCase{"NoneIn10", "lwm2m=1.0", "", 40, Code::bad_request},
                    ListCase{"NoneIn11", "lwm2m=1.1", "", {}, Code::conflict},
                    ListCase{"Broken", "lwm2m=1.1", "</1/0>,<", 40, Code::bad_request},
                    ListCase{"IdTooLarge", "lwm2m=1.1", "</1/0>,</70000>", 40, Code::bad_request},
                    ListCase{"OtherFormat", "lwm2m=1.1", "</1/0>", 0, Code::unsupported_content_format},
                    ListCase{"TooManyLinks", "lwm2m=1.1", many_links(513), 40,
                             Code::request_entity_too_large}),
    [](const auto& instance) { return std::string(instance.param.name); });

TEST_F(Registering, ReplacesAnEarlierRegistrationOfTheSameName) {
  harness.register_device(device, secure_peer(1, "dev"), {"lwm2m=1.1", "lt=60", "b=UT"});
  const auto old = device.location;
  Device rebooted(2);
  harness.register_device(rebooted, secure_peer(2, "dev"), {"lwm2m=1.2", "lt=90"});
  EXPECT_THAT(harness.events, ElementsAre("registered dev", "replaced dev"));
  EXPECT_NE(rebooted.location, old);
  EXPECT_EQ(harness.server.registrations(), 1u);
  EXPECT_EQ(harness.server.find("dev")->binding, "U");
  rebooted.send(harness.now, Code::post, old);
  harness.settle();
  EXPECT_EQ(rebooted.answers.back(), Code::not_found);
}

TEST_F(Registering, EndsExactlyWithTheLifetime) {
  harness.register_device(device, secure_peer(1, "dev"), {"lwm2m=1.1", "lt=60"});
  harness.run_for(seconds(60) - Duration(1));
  EXPECT_TRUE(harness.server.find("dev"));
  harness.run_for(Duration(1));
  EXPECT_FALSE(harness.server.find("dev"));
  EXPECT_THAT(harness.events, ElementsAre("registered dev", "expired dev"));
  device.send(harness.now, Code::post, device.location);
  harness.settle();
  EXPECT_EQ(device.answers.back(), Code::not_found);
}

TEST_F(Registering, CountsTheLifetimeFromTheLastUpdate) {
  harness.register_device(device, secure_peer(1, "dev"), {"lwm2m=1.1", "lt=60"});
  harness.run_for(seconds(50));
  device.send(harness.now, Code::post, device.location);
  harness.settle();
  harness.run_for(seconds(60) - Duration(1));
  EXPECT_TRUE(harness.server.find("dev"));
  harness.run_for(Duration(1));
  EXPECT_FALSE(harness.server.find("dev"));
}

TEST_F(Registering, AShorterLifetimeCountsAtOnce) {
  harness.register_device(device, secure_peer(1, "dev"), {"lwm2m=1.1", "lt=1000"});
  device.send(harness.now, Code::post, device.location, {"lt=10"});
  harness.settle();
  harness.run_for(seconds(10));
  EXPECT_FALSE(harness.server.find("dev"));
}

TEST_F(Registering, ALifetimeOfZeroNeverEnds) {
  harness.register_device(device, secure_peer(1, "dev"), {"lwm2m=1.2", "lt=0"});
  harness.run_for(std::chrono::hours(24 * 365));
  EXPECT_TRUE(harness.server.find("dev"));
}

TEST_F(Registering, AnUpdateChangesOnlyWhatItNames) {
  harness.register_device(device, secure_peer(1, "dev"), {"lwm2m=1.1", "lt=60", "b=UT", "sms=49"});
  device.send(harness.now, Code::post, device.location);
  harness.settle();
  device.send(harness.now, Code::post, device.location, {"lt=70"});
  harness.settle();
  device.send(harness.now, Code::post, device.location, {}, "</1/0>,</3/0>,</5/0>", 40);
  harness.settle();
  EXPECT_THAT(harness.events, ElementsAre("registered dev", "refreshed dev", "changed dev", "changed dev"));
  const auto found = harness.server.find("dev");
  EXPECT_EQ(found->lifetime, seconds(70));
  EXPECT_EQ(found->binding, "UT");
  EXPECT_EQ(found->sms, "49");
  EXPECT_EQ(found->links, "</1/0>,</3/0>,</5/0>");
}

TEST_F(Registering, ABadUpdateChangesNothing) {
  harness.register_device(device, secure_peer(1, "dev"), {"lwm2m=1.1", "lt=60"});
  device.send(harness.now, Code::post, device.location, {"lt=x"});
  harness.settle();
  device.send(harness.now, Code::post, device.location, {"lt=70"}, "</1/0", 40);
  harness.settle();
  EXPECT_EQ(device.answers.back(), Code::bad_request);
  EXPECT_EQ(harness.server.find("dev")->lifetime, seconds(60));
}

TEST_F(Registering, AnUpdateFollowsTheDeviceToANewSession) {
  harness.register_device(device, secure_peer(1, "dev"), {"lwm2m=1.1", "lt=60"});
  Device moved(2);
  harness.attach(moved, secure_peer(2, "dev"));
  moved.send(harness.now, Code::post, device.location);
  harness.settle();
  EXPECT_THAT(moved.answers, ElementsAre(Code::changed));
  EXPECT_EQ(harness.events.back(), "changed dev");
  EXPECT_EQ(harness.server.find("dev")->peer, PeerId(2));
}

TEST_F(Registering, HidesALocationFromEveryoneElse) {
  harness.register_device(device, secure_peer(1, "dev"), {"lwm2m=1.1", "lt=60"});
  Device thief(2);
  for (const auto& peer : {secure_peer(2, "thief"), plain_peer(3)}) {
    harness.attach(thief, peer);
    thief.send(harness.now, Code::post, device.location, {"lt=1"});
    harness.settle();
    thief.send(harness.now, Code::del, device.location);
    harness.settle();
  }
  EXPECT_THAT(thief.answers, ElementsAre(Code::not_found, Code::not_found, Code::not_found, Code::not_found));
  EXPECT_EQ(harness.server.find("dev")->lifetime, seconds(60));
}

TEST_F(Registering, WithoutSecurityTheAddressIsTheIdentity) {
  harness.register_device(device, plain_peer(1), {"lwm2m=1.1", "lt=60", "ep=dev"});
  Device elsewhere(2);
  harness.attach(elsewhere, plain_peer(2));
  elsewhere.send(harness.now, Code::post, device.location);
  harness.settle();
  EXPECT_THAT(elsewhere.answers, ElementsAre(Code::not_found));
  device.send(harness.now, Code::post, device.location);
  harness.settle();
  EXPECT_EQ(device.answers.back(), Code::changed);
}

TEST_F(Registering, EndsByTheWordOfTheDevice) {
  harness.register_device(device, secure_peer(1, "dev"), {"lwm2m=1.1", "lt=60"});
  device.send(harness.now, Code::del, device.location);
  harness.settle();
  EXPECT_EQ(device.answers.back(), Code::deleted);
  EXPECT_THAT(harness.events, ElementsAre("registered dev", "deregistered dev"));
  EXPECT_EQ(harness.server.registrations(), 0u);
}

TEST_F(Registering, EndsByTheWordOfTheOperator) {
  harness.register_device(device, secure_peer(1, "dev"), {"lwm2m=1.1", "lt=60"});
  harness.server.revoke(harness.now, "dev");
  harness.settle();
  EXPECT_EQ(harness.events.back(), "revoked dev");
  EXPECT_FALSE(harness.server.next_timeout().value_or(TimePoint::max()) < harness.now);
}

TEST_F(Registering, StaysWhenTheSessionIsGone) {
  harness.register_device(device, secure_peer(1, "dev"), {"lwm2m=1.1", "lt=60"});
  harness.server.peer_gone(harness.now, PeerId(1));
  harness.settle();
  EXPECT_EQ(harness.server.find("dev")->peer, PeerId(0));
}

TEST_F(Registering, AnswersUnknownPlaces) {
  harness.attach(device, secure_peer(1, "dev"));
  for (const auto* path : {"/rd/abc", "/rd/aaaaaaaaaaaaa", "/rd/zzzzzzzzzzzzz", "/nowhere", "/bs"}) {
    device.send(harness.now, Code::post, path);
    harness.settle();
    EXPECT_EQ(device.answers.back(), Code::not_found) << path;
  }
  device.send(harness.now, Code::get, "/rd");
  harness.settle();
  EXPECT_EQ(device.answers.back(), Code::method_not_allowed);
}

TEST_F(Registering, RefusesMoreThanItHolds) {
  ServerConfig config;
  config.registrations_max = 2;
  ManagementHarness small(config);
  std::vector<std::unique_ptr<Device>> devices;
  for (std::uint64_t i = 0; i < 3; ++i) {
    devices.push_back(std::make_unique<Device>(i));
    small.register_device(*devices[i], secure_peer(i + 1, std::string_view("abc").substr(i, 1)),
                          {"lwm2m=1.1", "lt=60"});
  }
  EXPECT_THAT(devices[2]->answers, ElementsAre(Code::service_unavailable));
  EXPECT_EQ(small.server.registrations(), 2u);
  small.register_device(*devices[0], secure_peer(1, "a"), {"lwm2m=1.1", "lt=60"});
  EXPECT_EQ(devices[0]->answers.back(), Code::created);  // replacing needs no room
}

TEST_F(Registering, ComesBackFromTheStore) {
  Registration stored{.endpoint = "dev",
                      .location = "bcdefghijklmn",
                      .enabler = {1, 1},
                      .lifetime = seconds(100),
                      .binding = "U",
                      .links = "</1/0>,</3>;ver=1.0",
                      .address = Address::v4(10, 0, 0, 1, 2),
                      .security = SecurityMode::psk};
  harness.server.restore(harness.now, stored, seconds(40));
  harness.server.restore(harness.now, stored, seconds(90));  // the same again changes nothing
  EXPECT_THAT(harness.events, IsEmpty());
  ASSERT_TRUE(harness.server.find("dev"));
  EXPECT_EQ(harness.server.find("dev")->location, "bcdefghijklmn");
  harness.attach(device, secure_peer(2, "dev"));
  device.send(harness.now, Code::post, "/rd/bcdefghijklmn");
  harness.settle();
  EXPECT_THAT(device.answers, ElementsAre(Code::changed));
  harness.run_for(seconds(99));
  EXPECT_TRUE(harness.server.find("dev"));
  harness.run_for(seconds(1));
  EXPECT_FALSE(harness.server.find("dev"));
}

/// Its session has outlived the server, so nobody has to wait for the device.
TEST_F(Registering, ComesBackWithItsPeer) {
  Registration stored{.endpoint = "dev",
                      .location = "bcdefghijklmn",
                      .enabler = {1, 1},
                      .lifetime = seconds(100),
                      .links = "</1/0>,</3/0>",
                      .peer = PeerId(2),
                      .security = SecurityMode::psk};
  harness.attach(device, secure_peer(2, "dev"));
  harness.server.restore(harness.now, stored, seconds(40));
  EXPECT_EQ(harness.server.find("dev")->peer, PeerId(2));
  ASSERT_TRUE(harness.server.read(harness.now, "dev", Path(ObjectId(3), InstanceId(0))));
  harness.settle();
  EXPECT_EQ(device.asked.size(), 1u);
  harness.server.peer_gone(harness.now, PeerId(2));
  EXPECT_EQ(harness.server.find("dev")->peer, PeerId{});

  Registration thief{.endpoint = "other", .location = "abcdefghijklm", .peer = PeerId(2)};
  harness.server.restore(harness.now, stored, seconds(40));
  harness.server.restore(harness.now, thief, seconds(40));
  EXPECT_EQ(harness.server.find("other")->peer, PeerId(2)) << "nobody has it any more";
}

/// What was observed before the restart is asked for again, once, when the device speaks.
TEST_F(Registering, ComesBackWithItsObservations) {
  Registration stored{.endpoint = "dev",
                      .location = "bcdefghijklmn",
                      .enabler = {1, 1},
                      .lifetime = seconds(100),
                      .links = "</1/0>,</3/0>",
                      .peer = PeerId(2),
                      .security = SecurityMode::psk};
  const Path path(ObjectId(3), InstanceId(0), ResourceId(9));
  harness.attach(device, secure_peer(2, "dev"));
  EXPECT_EQ(harness.server.restore_observation("dev", path).error().code, ErrorCode::not_found);
  harness.server.restore(harness.now, stored, seconds(100));
  const auto id = harness.server.restore_observation("dev", path);
  ASSERT_TRUE(id);
  EXPECT_EQ(harness.server.restore_observation("dev", path), *id) << "twice is once";
  harness.settle();
  EXPECT_THAT(device.asked, IsEmpty()) << "a fleet is not asked all at once";
  for (int i = 0; i < 2; ++i) {
    device.send(harness.now, Code::post, "/rd/bcdefghijklmn");
    harness.settle();
    ASSERT_EQ(device.asked.size(), 1u);
    EXPECT_EQ(device.asked[0].what, "GET /3/0/9");
    EXPECT_EQ(device.asked[0].observe, 0u);
  }
}

std::vector<std::string> listed(const Server& server, std::string_view after, std::size_t limit) {
  std::vector<std::string> names;
  server.list(
      after, limit,
      [](void* context, const Registration& registration) {
        static_cast<std::vector<std::string>*>(context)->emplace_back(registration.endpoint);
      },
      &names);
  return names;
}

TEST_F(Registering, IsListedInTheOrderOfNames) {
  for (const auto* name : {"d", "b", "c", "a", "bb"})
    harness.server.restore(harness.now, {.endpoint = name, .lifetime = seconds(10)}, seconds(10));
  EXPECT_THAT(listed(harness.server, "", 3), ElementsAre("a", "b", "bb"));
  EXPECT_THAT(listed(harness.server, "bb", 3), ElementsAre("c", "d"));
  EXPECT_THAT(listed(harness.server, "aa", 1), ElementsAre("b"));
  EXPECT_THAT(listed(harness.server, "z", 3), IsEmpty());
  harness.server.revoke(harness.now, "b");
  harness.settle();
  EXPECT_THAT(listed(harness.server, "", 9), ElementsAre("a", "bb", "c", "d"));
}

}  // namespace
}  // namespace slipway::management

// SPDX-License-Identifier: Apache-2.0
// The session's state machine, event by event.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include <slipway/codec/payload.hpp>

#include "unit/bootstrap/harness.hpp"

namespace slipway::bootstrap {
namespace {

using test::BootstrapHarness;
using test::psk_peer;
using test::ScriptedDevice;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Adapter = BootstrapHarness::Adapter;

class BootstrapSession : public testing::Test {
 protected:
  void begin(std::vector<std::string_view> queries = {"ep=dev-1", "pct=112"}) {
    harness.attach(device, peer);
    device.post(harness.now, "/bs", std::move(queries));
    harness.settle();
  }
  [[nodiscard]] Outcome outcome() const { return harness.ended.at(0).outcome; }
  [[nodiscard]] const std::string& reason() const { return harness.ended.at(0).reason; }

  BootstrapHarness harness;
  ScriptedDevice device{7};
  PeerContext peer = psk_peer(1, "dev-1");
};

TEST_F(BootstrapSession, GivesADeviceItsAccountAndFinishes) {
  begin();
  EXPECT_THAT(device.answers, ElementsAre(coap::Code::changed));
  EXPECT_THAT(device.asked_names(), ElementsAre("GET /", "PUT /0/1", "PUT /1/1", "POST /bs"));
  EXPECT_THAT(harness.operations, ElementsAre("Request / 2.04", "Discover / 2.05", "Write /0/1 2.04",
                                              "Write /1/1 2.04", "Finish / 2.04"));
  ASSERT_EQ(harness.ended.size(), 1u);
  EXPECT_EQ(outcome(), Outcome::succeeded);
  EXPECT_EQ(harness.server.sessions(), 0u);
  EXPECT_EQ(harness.server.counters().succeeded, 1u);
}

TEST_F(BootstrapSession, WritesWhatThePlanSaysWithTheKeptCredential) {
  begin();
  ASSERT_EQ(harness.kept.size(), 1u);
  EXPECT_EQ(harness.kept[0].key.size(), 16u);
  EXPECT_EQ(harness.kept[0].endpoint, "dev-1");
  std::array<Entry, 16> entries;
  Bytes scratch(1024);
  const auto& write = device.asked.at(1);
  EXPECT_EQ(write.format, 112);
  const auto security =
      codec::decode(ContentFormat::senml_cbor, Path(ObjectId(0), InstanceId(1)), write.payload,
                    {.catalog = &builtin_objects()}, {.entries = entries, .scratch = scratch});
  ASSERT_TRUE(security) << security.error().detail;
  ASSERT_EQ(security->size(), 7u);
  EXPECT_EQ((*security)[0].value.as_text(), "coaps://management.example:5684");
  EXPECT_FALSE((*security)[1].value.as_boolean());
  EXPECT_EQ((*security)[2].value.as_integer(), 0);
  EXPECT_TRUE(equal((*security)[3].value.as_opaque(), harness.kept[0].identity));
  EXPECT_TRUE((*security)[4].value.as_opaque().empty());
  EXPECT_TRUE(equal((*security)[5].value.as_opaque(), harness.kept[0].key.reveal()));
  EXPECT_EQ((*security)[6].value.as_integer(), 101);
}

TEST_F(BootstrapSession, TakesTheNameOfTheCredentialWhenNoneIsClaimed) {
  begin({"pct=112"});
  EXPECT_EQ(harness.ended.at(0).endpoint, "dev-1");
  EXPECT_EQ(outcome(), Outcome::succeeded);
}

TEST_F(BootstrapSession, RefusesAnotherName) {
  begin({"ep=dev-2"});
  EXPECT_THAT(device.answers, ElementsAre(coap::Code::bad_request));
  EXPECT_EQ(outcome(), Outcome::refused);
  EXPECT_THAT(harness.wanted, IsEmpty());
  EXPECT_THAT(device.asked, IsEmpty());
}

TEST_F(BootstrapSession, RefusesARequestWithoutAnyName) {
  peer = test::nosec_peer(4);
  begin({"pct=112"});
  EXPECT_THAT(device.answers, ElementsAre(coap::Code::bad_request));
}

TEST_F(BootstrapSession, AnswersAFormatThatItCannotUse) {
  begin({"ep=dev-1", "pct=50"});
  EXPECT_THAT(device.answers, ElementsAre(coap::Code::unsupported_content_format));
  EXPECT_THAT(reason(), HasSubstr("pct"));
}

TEST_F(BootstrapSession, PassesTheRefusalOfTheAdapterOn) {
  harness.enrolment = Adapter::refuses;
  begin();
  EXPECT_THAT(device.answers, ElementsAre(coap::Code::bad_request));
  EXPECT_THAT(harness.ended, ElementsAre(test::Ended{"dev-1", Outcome::refused, "not enrolled"}));
  EXPECT_EQ(harness.server.counters().refused, 1u);
}

TEST_F(BootstrapSession, SendsNoCredentialBeforeItIsDurable) {
  harness.store = Adapter::silent;
  begin();
  EXPECT_THAT(device.asked_names(), ElementsAre("GET /"));  // the Discover may go, no Write may
  harness.server.credentials_kept(harness.now, harness.keeping.at(0), Server::Kept::durable);
  harness.settle();
  EXPECT_THAT(device.asked_names(), ElementsAre("GET /", "PUT /0/1", "PUT /1/1", "POST /bs"));
}

TEST_F(BootstrapSession, SendsNothingWhenTheStoreFails) {
  harness.store = Adapter::refuses;
  begin();
  EXPECT_EQ(outcome(), Outcome::storage_failed);
  for (const auto& asked : device.asked) EXPECT_EQ(asked.what, "GET /");
}

TEST_F(BootstrapSession, DoesNotWaitForTheStoreForEver) {
  harness.store = Adapter::silent;
  begin();
  harness.run_for(seconds(19));
  EXPECT_THAT(harness.ended, IsEmpty());
  harness.run_for(seconds(2));
  EXPECT_EQ(outcome(), Outcome::storage_failed);
  harness.server.credentials_kept(harness.now, harness.keeping.at(0), Server::Kept::durable);  // too late
  harness.settle();
  EXPECT_EQ(device.asked.size(), 1u);
}

TEST_F(BootstrapSession, TellsADeviceToComeBackWhenNobodyDecides) {
  harness.enrolment = Adapter::silent;
  begin();
  harness.run_for(seconds(21));
  EXPECT_THAT(device.answers, ElementsAre(coap::Code::service_unavailable));
  EXPECT_EQ(outcome(), Outcome::storage_failed);
  EXPECT_EQ(harness.server.sessions(), 0u);
}

TEST_F(BootstrapSession, EndsWhenTheDeviceFallsSilent) {
  harness.enrolment = Adapter::silent;
  begin();
  device.silent = true;
  harness.server.enrolment(harness.now, harness.wanted.at(0), harness.plan);
  harness.run_for(seconds(300));
  EXPECT_EQ(outcome(), Outcome::timeout);
  EXPECT_THAT(reason(), HasSubstr("Discover"));
}

TEST_F(BootstrapSession, EndsWhenItTakesTooLong) {
  ServerConfig config;
  config.session_time_max = seconds(30);
  BootstrapHarness quick(config);
  quick.attach(device, peer);
  device.post(quick.now, "/bs", {"ep=dev-1"});
  device.reply = [&](const std::string&) -> std::optional<test::Reply> {
    device.silent = true;
    return test::Reply{coap::Code::content, "</0/0>"};
  };
  quick.settle();
  quick.run_for(seconds(29));
  EXPECT_THAT(quick.ended, IsEmpty());
  quick.run_for(seconds(2));
  EXPECT_EQ(quick.ended.at(0).outcome, Outcome::timeout);
  EXPECT_THAT(quick.ended.at(0).reason, HasSubstr("session_time_max"));
}

TEST_F(BootstrapSession, EndsWithTheSecureSession) {
  harness.store = Adapter::silent;
  begin();
  harness.server.peer_gone(harness.now, peer.id);
  harness.settle();
  EXPECT_EQ(outcome(), Outcome::timeout);
  EXPECT_EQ(harness.server.sessions(), 0u);
}

struct RefusedCase {
  const char* name;
  const char* asked;
  coap::Code code;
  Outcome outcome;
};

class BootstrapRefusal : public BootstrapSession, public testing::WithParamInterface<RefusedCase> {};

TEST_P(BootstrapRefusal, EndsTheSessionVisibly) {
  device.discover = "</>;lwm2m=1.1,</0/0>,</1/3>;ssid=7,</3/0>";
  device.reply = [](const std::string& what) -> std::optional<test::Reply> {
    if (what != GetParam().asked) return std::nullopt;
    return test::Reply{GetParam().code, "because\n\x01 I say so"};
  };
  begin();
  ASSERT_EQ(harness.ended.size(), 1u);
  EXPECT_EQ(outcome(), GetParam().outcome);
  EXPECT_THAT(reason(), HasSubstr("because?? I say so"));
  EXPECT_THAT(reason(), HasSubstr(std::string(coap::to_string(GetParam().code).view())));
  EXPECT_EQ(device.asked.back().what, GetParam().asked);  // nothing follows, no Finish either
  EXPECT_EQ(harness.server.counters().failed, 1u);
}

INSTANTIATE_TEST_SUITE_P(
    Operations, BootstrapRefusal,
    testing::Values(RefusedCase{"Discover", "GET /", coap::Code::internal_server_error,
                                Outcome::operation_refused},
                    RefusedCase{"Delete", "DELETE /1/3", coap::Code::bad_request, Outcome::operation_refused},
                    RefusedCase{"Security", "PUT /0/1", coap::Code::bad_request, Outcome::operation_refused},
                    RefusedCase{"Server", "PUT /1/1", coap::Code::not_found, Outcome::operation_refused}),
    [](const auto& instance) { return std::string(instance.param.name); });

TEST_F(BootstrapSession, HidesAKeyThatTheDeviceRepeats) {
  device.reply = [&](const std::string& what) -> std::optional<test::Reply> {
    if (what != "PUT /0/1") return std::nullopt;
    return test::Reply{coap::Code::bad_request, "bad key " + to_hex(harness.kept.at(0).key.reveal())};
  };
  begin();
  EXPECT_THAT(reason(), testing::Not(HasSubstr("bad key")));
  EXPECT_THAT(reason(), HasSubstr("4.00"));
}

class BlindBootstrap : public BootstrapSession, public testing::WithParamInterface<coap::Code> {};

TEST_P(BlindBootstrap, LeavesTheFirstSecurityInstanceAlone) {
  device.reply = [](const std::string& what) -> std::optional<test::Reply> {
    if (what != "GET /") return std::nullopt;
    return test::Reply{GetParam()};
  };
  begin();
  EXPECT_THAT(device.asked_names(), ElementsAre("GET /", "PUT /0/1", "PUT /1/1", "POST /bs"));
  EXPECT_EQ(outcome(), Outcome::succeeded);
}

INSTANTIATE_TEST_SUITE_P(Codes, BlindBootstrap,
                         testing::Values(coap::Code::bad_request, coap::Code::not_found,
                                         coap::Code::method_not_allowed, coap::Code::not_acceptable,
                                         coap::Code::not_implemented));

TEST_F(BootstrapSession, TakesAMissingInstanceForDeleted) {
  device.discover = "</>;lwm2m=1.1,</0/0>,</0/2>;ssid=7,</1/3>;ssid=7";
  device.reply = [](const std::string& what) -> std::optional<test::Reply> {
    if (what != "DELETE /0/2") return std::nullopt;
    return test::Reply{coap::Code::not_found};
  };
  begin();
  EXPECT_THAT(device.asked_names(),
              ElementsAre("GET /", "DELETE /1/3", "DELETE /0/2", "PUT /0/1", "PUT /1/1", "POST /bs"));
  EXPECT_EQ(outcome(), Outcome::succeeded);
}

TEST_F(BootstrapSession, FailsOnAListThatCannotBeRead) {
  device.discover = "</0/0>;ssid=99999";
  begin();
  EXPECT_EQ(outcome(), Outcome::operation_refused);
  EXPECT_THAT(reason(), HasSubstr("ssid"));
  EXPECT_EQ(device.asked.size(), 1u);
}

TEST_F(BootstrapSession, IsSupersededByANewRequestOfTheSamePeer) {
  harness.store = Adapter::silent;
  begin();
  harness.store = Adapter::grants;
  device.post(harness.now, "/bs", {"ep=dev-1"});
  harness.settle();
  ASSERT_EQ(harness.ended.size(), 2u);
  EXPECT_EQ(harness.ended[0].outcome, Outcome::superseded);
  EXPECT_EQ(harness.ended[1].outcome, Outcome::succeeded);
}

TEST_F(BootstrapSession, IsSupersededByANewRequestOverANewPeer) {
  harness.store = Adapter::silent;
  begin();
  ScriptedDevice again(8);
  harness.store = Adapter::grants;
  harness.attach(again, psk_peer(2, "dev-1"));
  again.post(harness.now, "/bs", {"ep=dev-1"});
  harness.settle();
  ASSERT_EQ(harness.ended.size(), 2u);
  EXPECT_EQ(harness.ended[0].outcome, Outcome::superseded);
  EXPECT_EQ(again.asked.back().what, "POST /bs");
  EXPECT_EQ(device.asked.size(), 1u);
}

TEST_F(BootstrapSession, IsNotSupersededByAStrangerWhoIsRefused) {
  harness.store = Adapter::silent;
  begin();
  harness.enrolment = Adapter::refuses;
  ScriptedDevice stranger(9);
  harness.attach(stranger, test::nosec_peer(3));
  stranger.post(harness.now, "/bs", {"ep=dev-1"});
  harness.settle();
  EXPECT_THAT(harness.ended, ElementsAre(test::Ended{"dev-1", Outcome::refused, "not enrolled"}));
  harness.server.credentials_kept(harness.now, harness.keeping.at(0), Server::Kept::durable);
  harness.settle();
  EXPECT_EQ(harness.ended.at(1).outcome, Outcome::succeeded);
}

TEST_F(BootstrapSession, MakesAnotherKeyEachTime) {
  begin();
  device.post(harness.now, "/bs", {"ep=dev-1"});
  harness.settle();
  ASSERT_EQ(harness.kept.size(), 2u);
  EXPECT_FALSE(harness.kept[0].key.same_as(harness.kept[1].key));
  EXPECT_NE(harness.kept[0].identity, harness.kept[1].identity);
  EXPECT_EQ(harness.kept[0].identity.size(), 24u);
}

TEST_F(BootstrapSession, AnswersWhatItDoesNotDo) {
  harness.attach(device, peer);
  device.post(harness.now, "/bspack", {"ep=dev-1"}, coap::Code::post);
  harness.settle();
  device.post(harness.now, "/bs", {"ep=dev-1"}, coap::Code::get);
  harness.settle();
  device.post(harness.now, "/rd", {"ep=dev-1"});
  harness.settle();
  EXPECT_THAT(device.answers, ElementsAre(coap::Code::method_not_allowed, coap::Code::method_not_allowed,
                                          coap::Code::not_found));
  EXPECT_THAT(harness.started, IsEmpty());
}

TEST_F(BootstrapSession, RefusesNewWorkBeforeOldWorkWhenFull) {
  ServerConfig config;
  config.sessions_max = 2;
  BootstrapHarness small(config);
  small.store = Adapter::silent;
  std::vector<std::unique_ptr<ScriptedDevice>> devices;
  const std::array<std::string_view, 3> names{"a", "b", "c"};
  for (std::uint64_t i = 0; i < 3; ++i) {
    devices.push_back(std::make_unique<ScriptedDevice>(i));
    small.attach(*devices[i], psk_peer(i + 1, names[i]));
    devices[i]->post(small.now, "/bs", {});
    small.settle();
  }
  EXPECT_THAT(devices[2]->answers, ElementsAre(coap::Code::service_unavailable));
  EXPECT_EQ(small.ended.at(0).outcome, Outcome::overloaded);
  EXPECT_EQ(small.server.counters().overloaded, 1u);
  EXPECT_EQ(small.server.sessions(), 2u);
  for (const auto session : small.keeping)
    small.server.credentials_kept(small.now, session, Server::Kept::durable);
  small.settle();
  EXPECT_EQ(small.server.counters().succeeded, 2u);
}

TEST_F(BootstrapSession, NeverBelievesAPlanThatCannotBe) {
  auto plan = test::simple_plan();
  plan.servers[0].psk_bytes = 8;
  harness.plan = std::make_shared<const fleet::Plan>(std::move(plan));
  begin();
  EXPECT_THAT(device.answers, ElementsAre(coap::Code::internal_server_error));
  EXPECT_THAT(reason(), HasSubstr("psk_bytes"));
}

TEST_F(BootstrapSession, NeedsNoStoreWithoutCredentials) {
  auto plan = test::simple_plan();
  plan.servers[0].credential = fleet::CredentialSource::none;
  plan.servers[0].uri = "coap://management.example";
  harness.plan = std::make_shared<const fleet::Plan>(std::move(plan));
  harness.store = Adapter::silent;
  begin();
  EXPECT_EQ(outcome(), Outcome::succeeded);
}

}  // namespace
}  // namespace slipway::bootstrap

// SPDX-License-Identifier: Apache-2.0
// Optional and explicit operations, credentials of every kind, and what the events tell of them.
#include <slipway/fleet/credential.hpp>

#include "unit/bootstrap/session_fixture.hpp"

namespace slipway::bootstrap {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = fleet::OperationPlan::Kind;

class OperationEvents : public test::BootstrapSession {};

fleet::InstancePlan sensor(fleet::Need need) {
  const Path path(ObjectId(3303), InstanceId(0));
  fleet::InstancePlan instance{.instance = path, .values = {}, .need = need};
  instance.values.emplace_back(path.child(5701), OwnedValue(Value::string("Cel")));
  return instance;
}

TEST_F(OperationEvents, TellWhatAJourneyNeeds) {
  harness.enrolment = Adapter::silent;
  begin();
  harness.now += milliseconds(30);
  harness.server.enrolment(harness.now, harness.wanted.at(0), harness.plan);
  harness.settle();
  ASSERT_EQ(harness.done.size(), 5u);
  EXPECT_EQ(harness.done[0].took, milliseconds(30));
  EXPECT_EQ(harness.done[1].format, ContentFormat::link_format);
  EXPECT_EQ(harness.done[1].size, device.discover.size());
  EXPECT_EQ(harness.done[2].format, ContentFormat::senml_cbor);
  EXPECT_EQ(harness.done[2].size, device.asked.at(1).payload.size());
  EXPECT_EQ(harness.done[4].size, 0u);
  for (const auto& done : harness.done) EXPECT_THAT(done.reason, IsEmpty());
}

TEST_F(OperationEvents, NoteTheRefusalOfAnOptionalInstanceAndGoOn) {
  auto plan = test::simple_plan();
  plan.instances.push_back(sensor(fleet::Need::optional));
  give(std::move(plan));
  answer("PUT /3303/0", coap::Code::not_found, "no such object");
  begin();
  EXPECT_EQ(outcome(), Outcome::succeeded);
  const auto& done = harness.done.at(4);
  EXPECT_EQ(done.need, fleet::Need::optional);
  EXPECT_EQ(done.answer, coap::Code::not_found);
  EXPECT_EQ(done.reason, "the device refused the Write of /3303/0 with 4.04 Not Found: no such object");
}

TEST_F(OperationEvents, EndWhereARequiredInstanceIsRefused) {
  auto plan = test::simple_plan();
  plan.instances.push_back(sensor(fleet::Need::required));
  give(std::move(plan));
  answer("PUT /3303/0", coap::Code::not_found);
  begin();
  EXPECT_EQ(outcome(), Outcome::operation_refused);
  EXPECT_EQ(device.asked.back().what, "PUT /3303/0");
  EXPECT_EQ(harness.server.counters().operation_refused, 1u);
}

TEST_F(OperationEvents, FailWhenAnOptionalOperationIsNotAnsweredAtAll) {
  auto plan = test::simple_plan();
  plan.instances.push_back(sensor(fleet::Need::optional));
  give(std::move(plan));
  device.reply = [&](const std::string& what) -> std::optional<test::Reply> {
    if (what == "PUT /1/1") device.silent = true;  // from the next message on
    return std::nullopt;
  };
  begin();
  harness.run_for(seconds(300));
  EXPECT_EQ(outcome(), Outcome::timeout);
  EXPECT_THAT(harness.done.back().reason, HasSubstr("/3303/0 got no answer"));
  EXPECT_EQ(harness.server.counters().timeout, 1u);
}

TEST_F(OperationEvents, CarryOutExplicitOperationsAroundAllOthers) {
  auto plan = test::simple_plan();
  const Path firmware(ObjectId(5), InstanceId(0));
  plan.before.push_back({.kind = Kind::del, .path = firmware, .need = fleet::Need::optional});
  plan.before.push_back(
      {.kind = Kind::write, .path = firmware, .payload = Bytes{1, 2, 3}, .format = ContentFormat::tlv});
  plan.after.push_back({.kind = Kind::read, .path = Path(ObjectId(1))});
  plan.after.push_back({.kind = Kind::discover, .path = Path(ObjectId(3))});
  fleet::OperationPlan uri{.kind = Kind::write, .path = firmware.child(1)};
  uri.values.emplace_back(firmware.child(1), OwnedValue(Value::string("coap://f")));
  plan.after.push_back(std::move(uri));
  give(std::move(plan));
  device.reads["/1"] = {};
  answer("DELETE /5/0", coap::Code::method_not_allowed);
  answer("GET /3", coap::Code::content, "</3/0>");
  begin();
  EXPECT_THAT(device.asked_names(), ElementsAre("DELETE /5/0", "PUT /5/0", "GET /", "PUT /0/1", "PUT /1/1",
                                                "GET /1", "GET /3", "PUT /5/0/1", "POST /bs"));
  EXPECT_EQ(device.asked.at(1).payload, (Bytes{1, 2, 3}));
  EXPECT_EQ(device.asked.at(1).format, 11542);
  EXPECT_THAT(written(7), ElementsAre("/5/0/1 \"coap://f\""));
  EXPECT_EQ(outcome(), Outcome::succeeded);
}

TEST_F(OperationEvents, WaitWithWritesBeforeTheDiscoverUntilCredentialsAreDurable) {
  auto plan = test::simple_plan();
  plan.before.push_back({.kind = Kind::del, .path = Path(ObjectId(5))});
  give(std::move(plan));
  harness.store = Adapter::silent;
  begin();
  EXPECT_THAT(device.asked, IsEmpty());
  harness.server.credentials_kept(harness.now, harness.keeping.at(0), Server::Kept::durable);
  harness.settle();
  EXPECT_EQ(device.asked_names().front(), "DELETE /5");
  EXPECT_EQ(outcome(), Outcome::succeeded);
}

TEST_F(OperationEvents, AskForNoListWhereThePlanSaysSo) {
  auto plan = test::simple_plan();
  plan.discover = fleet::DiscoverFirst::no;
  plan.existing = fleet::Existing::replace;
  give(std::move(plan));
  begin();
  EXPECT_THAT(device.asked_names(), ElementsAre("DELETE /", "PUT /0/1", "PUT /1/1", "POST /bs"));
}

TEST_F(OperationEvents, GiveTheBootstrapCredentialToTheStoreAndTheDevice) {
  auto plan = test::simple_plan();
  plan.bootstrap = fleet::BootstrapAccountPlan{
      .uri = "coaps://bootstrap.example", .authority = {}, .identity = {}, .account_timeout_s = 60};
  give(std::move(plan));
  begin();
  ASSERT_EQ(harness.kept.size(), 2u);
  EXPECT_EQ(harness.kept[1].role, fleet::ServerRole::bootstrap);
  EXPECT_THAT(device.asked_names(), ElementsAre("GET /", "PUT /0/1", "PUT /1/1", "PUT /0/0", "POST /bs"));
  EXPECT_THAT(written(3),
              ElementsAre("/0/0/0 \"coaps://bootstrap.example\"", "/0/0/1 true", "/0/0/2 0",
                          "/0/0/3 " + Value::opaque(harness.kept[1].identity).to_display(), "/0/0/4 ",
                          "/0/0/5 " + Value::opaque(harness.kept[1].key.reveal()).to_display(), "/0/0/11 0",
                          "/0/0/12 60"));
  EXPECT_EQ(outcome(), Outcome::succeeded);
}

TEST_F(OperationEvents, LeaveTheBootstrapAccountWhenAnythingElseIsRefused) {
  auto plan = test::simple_plan();
  plan.bootstrap = fleet::BootstrapAccountPlan{.uri = "coaps://b", .authority = {}, .identity = {}};
  plan.instances.push_back(sensor(fleet::Need::required));
  give(std::move(plan));
  answer("PUT /3303/0", coap::Code::bad_request);
  begin();
  EXPECT_EQ(outcome(), Outcome::operation_refused);
  for (const auto& what : device.asked_names()) EXPECT_NE(what, "PUT /0/0");
}

TEST_F(OperationEvents, EndWhenTheBootstrapAccountCannotBeFound) {
  auto plan = test::simple_plan();
  plan.bootstrap = fleet::BootstrapAccountPlan{.uri = "coaps://b", .authority = {}, .identity = {}};
  give(std::move(plan));
  answer("GET /", coap::Code::method_not_allowed);
  begin();
  EXPECT_EQ(outcome(), Outcome::plan_unfit);
  EXPECT_THAT(reason(), HasSubstr("does not tell where"));
  EXPECT_EQ(device.asked.size(), 1u);
}

TEST_F(OperationEvents, GiveARawPublicKeyWithItsPrivateHalf) {
  auto plan = test::simple_plan();
  plan.servers[0].credential = fleet::CredentialSource::raw_public_key;
  plan.servers[0].identity.public_key = {0x5A};
  give(std::move(plan));
  begin();
  ASSERT_EQ(harness.kept.size(), 1u);
  EXPECT_EQ(harness.kept[0].mode, SecurityMode::rpk);
  const auto lines = written(1);
  EXPECT_EQ(lines.at(2), "/0/1/2 1");
  EXPECT_THAT(lines.at(3), HasSubstr("c0c0"));
  EXPECT_EQ(lines.at(4), "/0/1/4 5a");
  EXPECT_THAT(lines.at(5), HasSubstr("5e5e"));
}

TEST_F(OperationEvents, RefuseAPlanWhoseCredentialCannotBeMade) {
  auto plan = test::simple_plan();
  plan.servers[0].credential = fleet::CredentialSource::raw_public_key;
  give(std::move(plan));
  harness.maker.error = ErrorCode::refused;
  begin();
  EXPECT_THAT(device.answers, ElementsAre(coap::Code::internal_server_error));
  EXPECT_THAT(harness.ended,
              ElementsAre(test::Ended{"dev-1", Outcome::refused, "the authority has expired"}));
  EXPECT_THAT(harness.keeping, IsEmpty());
}

TEST_F(OperationEvents, HideAPartOfAPrivateKeyThatTheDeviceRepeats) {
  auto plan = test::simple_plan();
  plan.servers[0].credential = fleet::CredentialSource::raw_public_key;
  give(std::move(plan));
  answer("PUT /0/1", coap::Code::bad_request, "bad key " + std::string(60, 'x') + "5e5e5e5e5e5e5e5e5e5e");
  begin();
  EXPECT_THAT(reason(), testing::Not(HasSubstr("bad key")));
  EXPECT_THAT(harness.done.back().reason, testing::Not(HasSubstr("bad key")));
}

}  // namespace
}  // namespace slipway::bootstrap

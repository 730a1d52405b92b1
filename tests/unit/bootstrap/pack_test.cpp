// SPDX-License-Identifier: Apache-2.0
// The Bootstrap-Pack: one answer instead of a session. [LwM2M-CORE 1.2 §6.1.7.7]
#include "bootstrap/pack.hpp"

#include "unit/bootstrap/session_fixture.hpp"

namespace slipway::bootstrap {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class BootstrapPack : public test::BootstrapSession {
 protected:
  void ask(std::vector<std::string_view> queries = {"ep=dev-1"}, std::optional<std::uint16_t> accept = {}) {
    harness.attach(device, peer);
    device.post(harness.now, "/bspack", std::move(queries), coap::Code::get, accept);
    harness.settle();
  }
  [[nodiscard]] std::vector<std::string> pack() const {
    return values(static_cast<ContentFormat>(device.answer_format.value()), Path(), device.answer_payload);
  }
};

fleet::Plan rich_plan() {
  auto plan = test::two_servers();
  fleet::AccessControlPlan access;
  access.target_object = ObjectId(3303);
  access.acl = {{.server = ShortServerId(101), .rights = 7}};
  plan.access.push_back(std::move(access));
  const Path sensor(ObjectId(3303), InstanceId(0));
  fleet::InstancePlan instance{.instance = sensor, .values = {}};
  instance.values.emplace_back(sensor.child(5701), OwnedValue(Value::string("Cel")));
  plan.instances.push_back(std::move(instance));
  return plan;
}

TEST_F(BootstrapPack, HoldsTheWholePlanInOneAnswer) {
  give(rich_plan());
  ask();
  EXPECT_THAT(device.answers, ElementsAre(coap::Code::content));
  EXPECT_EQ(device.answer_format, 112);
  EXPECT_THAT(device.asked, IsEmpty());  // no Discover, no Finish
  const auto lines = pack();
  EXPECT_EQ(lines.size(), 2u * 7 + 2u * 4 + 4 + 1);
  EXPECT_THAT(lines, Contains("/0/1/0 \"coaps://management.example:5684\""));
  EXPECT_THAT(lines, Contains("/0/1/3 " + Value::opaque(harness.kept.at(0).identity).to_display()));
  EXPECT_THAT(lines, Contains("/0/2/5 " + Value::opaque(harness.kept.at(1).key.reveal()).to_display()));
  EXPECT_THAT(lines, Contains("/1/2/0 102"));
  EXPECT_THAT(lines, Contains("/2/0/2/101 7"));
  EXPECT_THAT(lines, Contains("/3303/0/5701 \"Cel\""));
  EXPECT_THAT(harness.operations, ElementsAre("Pack / 2.05"));
  EXPECT_EQ(harness.done.at(0).size, device.answer_payload.size());
  EXPECT_EQ(harness.done.at(0).format, ContentFormat::senml_cbor);
  EXPECT_EQ(outcome(), Outcome::succeeded);
  EXPECT_EQ(harness.server.sessions(), 0u);
  EXPECT_EQ(harness.server.counters().packs, 1u);
}

class PackFormat : public BootstrapPack, public testing::WithParamInterface<std::uint16_t> {};

TEST_P(PackFormat, IsWhatTheDeviceAccepts) {
  give(rich_plan());
  ask({"ep=dev-1"}, GetParam());
  EXPECT_EQ(device.answer_format, GetParam());
  EXPECT_THAT(pack(), Contains("/1/1/0 101"));
}

INSTANTIATE_TEST_SUITE_P(All, PackFormat, testing::Values<std::uint16_t>(110, 112, 11544));

TEST_F(BootstrapPack, IsNotMadeInAFormatThatItCannotHave) {
  for (const auto accept : std::array<std::uint16_t, 4>{0, 40, 11542, 60}) ask({"ep=dev-1"}, accept);
  EXPECT_THAT(device.answers, testing::Each(coap::Code::not_acceptable));
  EXPECT_EQ(device.answers.size(), 4u);
  EXPECT_THAT(harness.wanted, IsEmpty());
  EXPECT_THAT(harness.operations, testing::Each(std::string("Pack / 4.06")));
}

TEST_F(BootstrapPack, LeavesTheInstancesOfTheBootstrapAccount) {
  ask({"ep=dev-1", "acc=</0/2>,</21/0>"});
  EXPECT_THAT(pack(), Contains("/0/0/10 101"));
  ask({"ep=dev-1", "acc=</0/0>"});
  EXPECT_THAT(pack(), Contains("/0/1/10 101"));
  auto plan = test::simple_plan();
  plan.instances.push_back({.instance = Path(ObjectId(21), InstanceId(0)), .values = {}});
  give(std::move(plan));
  ask({"ep=dev-1", "acc=</0/2>,</21/0>"});
  EXPECT_EQ(device.answers.back(), coap::Code::method_not_allowed);
  EXPECT_EQ(harness.ended.back().outcome, Outcome::plan_unfit);
}

TEST_F(BootstrapPack, RefusesWhatIsNoListOfLinks) {
  for (const auto* account : {"acc=0/2", "acc=</0/99999>", "acc=<",
                              "acc=</0/1>,</0/2>,</0/3>,</0/4>,</0/5>,</0/6>,"
                              "</0/7>,</0/8>,</0/9>"}) {
    ask({"ep=dev-1", account});
    EXPECT_EQ(device.answers.back(), coap::Code::bad_request) << account;
  }
  ask({"ep=dev-1", "acc=</0/1>", "acc=</0/1>"});
  EXPECT_EQ(device.answers.back(), coap::Code::bad_request);
  EXPECT_THAT(harness.ended.back().reason, HasSubstr("acc stands twice"));
}

TEST_F(BootstrapPack, IsForTheNameOfTheCredentialOnly) {
  ask({"ep=dev-2"});
  EXPECT_THAT(device.answers, ElementsAre(coap::Code::bad_request));
  EXPECT_THAT(harness.wanted, IsEmpty());
  ask({});
  EXPECT_EQ(device.answers.back(), coap::Code::content);
  EXPECT_EQ(harness.ended.back().endpoint, "dev-1");
}

TEST_F(BootstrapPack, LeavesNothingBeforeTheCredentialsAreDurable) {
  harness.store = Adapter::silent;
  ask();
  harness.run_for(seconds(1));
  EXPECT_THAT(device.answers, IsEmpty());
  harness.server.credentials_kept(harness.now, harness.keeping.at(0), Server::Kept::durable);
  harness.settle();
  EXPECT_THAT(device.answers, ElementsAre(coap::Code::content));  // a separate response
}

TEST_F(BootstrapPack, IsRefusedWhenTheStoreFails) {
  harness.store = Adapter::refuses;
  ask();
  EXPECT_THAT(device.answers, ElementsAre(coap::Code::service_unavailable));
  EXPECT_EQ(outcome(), Outcome::storage_failed);
  EXPECT_THAT(harness.operations, ElementsAre("Pack / 5.03"));
}

TEST_F(BootstrapPack, AnswersAsTheAdapterSays) {
  harness.enrolment = Adapter::refuses;
  ask();
  EXPECT_THAT(device.answers, ElementsAre(coap::Code::bad_request));
  EXPECT_EQ(outcome(), Outcome::refused);
}

TEST_F(BootstrapPack, CanBeSwitchedOff) {
  test::BootstrapHarness without({.pack = PackService::off});
  without.attach(device, peer);
  device.post(without.now, "/bspack", {"ep=dev-1"}, coap::Code::get);
  without.settle();
  EXPECT_THAT(device.answers, ElementsAre(coap::Code::not_implemented));
  EXPECT_THAT(without.started, IsEmpty());
}

TEST_F(BootstrapPack, IsServedBlockByBlockWhenLarge) {
  auto plan = test::simple_plan();
  plan.servers[0].credential = fleet::CredentialSource::raw_public_key;
  harness.maker.public_bytes = 4096;
  give(std::move(plan));
  ask();
  EXPECT_GT(device.answer_payload.size(), 4096u);
  EXPECT_THAT(pack(), Contains("/0/1/10 101"));
}

TEST_F(BootstrapPack, SupersedesASessionThatRuns) {
  harness.store = Adapter::silent;
  begin();
  harness.store = Adapter::grants;
  ask();
  ASSERT_EQ(harness.ended.size(), 2u);
  EXPECT_EQ(harness.ended[0].outcome, Outcome::superseded);
  EXPECT_EQ(harness.ended[1].outcome, Outcome::succeeded);
}

struct UnfitCase {
  const char* name;
  void (*change)(fleet::Plan&);
  const char* reason;
};

class PackCannotSay : public BootstrapPack, public testing::WithParamInterface<UnfitCase> {};

TEST_P(PackCannotSay, SoTheDeviceGoesOnWithARequest) {
  auto plan = test::simple_plan();
  GetParam().change(plan);
  give(std::move(plan));
  ask();
  EXPECT_THAT(device.answers, ElementsAre(coap::Code::method_not_allowed));
  EXPECT_EQ(outcome(), Outcome::refused);
  EXPECT_THAT(reason(), HasSubstr(GetParam().reason));
  EXPECT_THAT(harness.keeping, IsEmpty());
  begin();
  EXPECT_EQ(harness.ended.back().outcome, Outcome::succeeded);
}

const UnfitCase kUnfit[] = {
    {"Before",
     [](auto& plan) {
       plan.before.push_back({.kind = fleet::OperationPlan::Kind::del, .path = Path(ObjectId(5))});
     },
     "explicit"},
    {"After",
     [](auto& plan) {
       plan.after.push_back({.kind = fleet::OperationPlan::Kind::del, .path = Path(ObjectId(3))});
     },
     "explicit"},
    {"Optional",
     [](auto& plan) {
       plan.instances.push_back(
           {.instance = Path(ObjectId(5), InstanceId(0)), .values = {}, .need = fleet::Need::optional});
     },
     "optional"},
    {"Replace", [](auto& plan) { plan.existing = fleet::Existing::replace; }, "deletes everything"},
    {"Keep", [](auto& plan) { plan.others = fleet::OtherAccounts::keep; }, "keeps accounts"},
    {"BootstrapAccount", [](auto& plan) { plan.bootstrap.emplace().uri = "coaps://b"; }, "bootstrap account"},
    {"Access",
     [](auto& plan) {
       auto& second = plan.servers.emplace_back();
       second.id = ShortServerId(9);
       second.uri = "coaps://h";
     },
     "/2"},
};
INSTANTIATE_TEST_SUITE_P(Each, PackCannotSay, testing::ValuesIn(kUnfit),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace slipway::bootstrap

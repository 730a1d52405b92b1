// SPDX-License-Identifier: Apache-2.0
// plan x what the device has -> operations: a pure function.
#include <slipway/bootstrap/operations.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/bootstrap/planning.hpp"

namespace slipway::bootstrap {
namespace {

using test::planned;
using test::two_servers;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(PlanOperations, WriteAroundTheBootstrapAccountWhereverItIs) {
  EXPECT_THAT(planned(test::simple_plan(), "</0/0>"), ElementsAre("Write /0/1", "Write /1/1", "Finish /"));
  EXPECT_THAT(planned(test::simple_plan(), "</0/1>"), ElementsAre("Write /0/0", "Write /1/0", "Finish /"));
  EXPECT_THAT(planned(two_servers(), "</0/1>"),
              ElementsAre("Write /0/0", "Write /1/0", "Write /0/2", "Write /1/2", "Finish /"));
}

TEST(PlanOperations, GiveBothHalvesOfAnAccountTheSameInstance) {
  EXPECT_THAT(planned(test::simple_plan(), "</0/0>,</1/1>;ssid=7,</0/1>;ssid=7"),
              ElementsAre("Delete /1/1", "Delete /0/1", "Write /0/2", "Write /1/2", "Finish /"));
  EXPECT_THAT(planned(test::simple_plan(), "</0/0>,</1/4>;ssid=101"),
              ElementsAre("Write /0/4", "Write /1/4", "Finish /"));
}

TEST(PlanOperations, ReplaceAnAccountInPlace) {
  EXPECT_THAT(planned(test::simple_plan(), "</0/0>,</0/5>;ssid=101,</1/9>;ssid=101"),
              ElementsAre("Write /0/5", "Write /1/9", "Finish /"));
}

TEST(PlanOperations, DeleteAccountsThatThePlanDoesNotNameServerFirst) {
  EXPECT_THAT(
      planned(test::simple_plan(), "</0/0>,</0/1>;ssid=7,</0/2>;ssid=101,</1/1>;ssid=7,</1/2>;ssid=101"),
      ElementsAre("Delete /1/1", "Delete /0/1", "Write /0/2", "Write /1/2", "Finish /"));
}

TEST(PlanOperations, DeleteTheSecondAccountOfOneServer) {
  EXPECT_THAT(planned(test::simple_plan(), "</0/0>,</0/1>;ssid=101,</0/2>;ssid=101"),
              ElementsAre("Delete /0/2", "Write /0/1", "Write /1/1", "Finish /"));
}

TEST(PlanOperations, NeverTouchASecurityInstanceWithoutServerId) {
  for (const auto* discover :
       {"</0/0>,</0/1>", "</0/3>,</0/4>;ssid=0", "lwm2m=\"1.0\",</0/0/>", "", "</0>,</1>"})
    for (const auto& name : planned(two_servers(), discover))
      for (const auto* forbidden :
           {"Delete /0/0", "Delete /0/1", "Delete /0/3", "Delete /0/4", "Delete /0", "Write /0/0"})
        if (std::string_view(discover) != "</0/3>,</0/4>;ssid=0" ||
            std::string_view(forbidden) != "Write /0/0") {
          EXPECT_NE(name, forbidden) << discover;
        }
  EXPECT_THAT(planned(test::simple_plan(), "</0/0>,</0/1>"),
              ElementsAre("Write /0/2", "Write /1/2", "Finish /"));
}

TEST(PlanOperations, LeaveTheFirstInstanceFreeWhenNothingIsKnown) {
  EXPECT_THAT(planned(test::simple_plan(), ""), ElementsAre("Write /0/1", "Write /1/1", "Finish /"));
  EXPECT_THAT(planned(test::simple_plan(), std::nullopt),
              ElementsAre("Write /0/1", "Write /1/1", "Finish /"));
}

TEST(PlanOperations, DeleteEverythingFirstWhenReplacing) {
  auto plan = test::simple_plan();
  plan.existing = fleet::Existing::replace;
  EXPECT_THAT(planned(plan, "</0/1>,</0/0>;ssid=101,</1/0>;ssid=101,</0/2>;ssid=7,</2/0>"),
              ElementsAre("Delete /", "Write /0/0", "Write /1/0", "Finish /"));
  EXPECT_THAT(planned(plan, std::nullopt), ElementsAre("Delete /", "Write /0/1", "Write /1/1", "Finish /"));
}

TEST(PlanOperations, PutAccountsWhereThePlanFixesThem) {
  auto plan = two_servers();
  plan.servers[0].security_instance = InstanceId(10);
  plan.servers[0].server_instance = InstanceId(0);
  EXPECT_THAT(planned(plan, "</0/0>"),
              ElementsAre("Write /0/10", "Write /1/0", "Write /0/1", "Write /1/1", "Finish /"));
}

TEST(PlanOperations, MoveAnAccountThatStandsElsewhereThanFixed) {
  auto plan = two_servers();  // each stands where the other shall
  plan.servers[0].security_instance = plan.servers[0].server_instance = InstanceId(1);
  plan.servers[1].security_instance = plan.servers[1].server_instance = InstanceId(2);
  EXPECT_THAT(planned(plan, "</0/0>,</0/1>;ssid=102,</0/2>;ssid=101,</1/1>;ssid=102,</1/2>;ssid=101"),
              ElementsAre("Delete /1/1", "Delete /1/2", "Delete /0/1", "Delete /0/2", "Write /0/1",
                          "Write /1/1", "Write /0/2", "Write /1/2", "Finish /"));
}

TEST(PlanOperations, RefuseToFixAnAccountOverTheBootstrapAccount) {
  auto plan = test::simple_plan();
  plan.servers[0].security_instance = InstanceId(0);
  EXPECT_THAT(planned(plan, "</0/0>").at(0), HasSubstr("bootstrap account"));
  EXPECT_THAT(planned(plan, "</0/1>"), ElementsAre("Write /0/0", "Write /1/0", "Finish /"));
  // Nobody contradicts the plan's author here.
  EXPECT_THAT(planned(plan, std::nullopt), ElementsAre("Write /0/0", "Write /1/0", "Finish /"));
}

TEST(PlanOperations, KeepOtherAccountsWhereThePlanSaysSo) {
  auto plan = test::simple_plan();
  plan.others = fleet::OtherAccounts::keep;
  EXPECT_THAT(planned(plan, "</0/0>,</0/1>;ssid=7,</1/1>;ssid=7,</0/4>;ssid=8"),
              ElementsAre("Write /0/2", "Write /1/2", "Finish /"));
  plan.servers[0].server_instance = InstanceId(1);
  EXPECT_THAT(planned(plan, "</0/0>,</0/1>;ssid=7,</1/1>;ssid=7").at(0), HasSubstr("another server"));
}

TEST(PlanOperations, TakeHalfAccountsOfOthersAwayInARepair) {
  auto plan = test::simple_plan();
  plan.others = fleet::OtherAccounts::keep;
  EXPECT_THAT(
      planned(plan, "</0/0>,</0/1>;ssid=7,</1/1>;ssid=7,</0/4>;ssid=8,</1/5>;ssid=9,</1/6>", Round::repair),
      ElementsAre("Delete /1/5", "Delete /1/6", "Delete /0/4", "Write /0/2", "Write /1/2", "Finish /"));
}

TEST(PlanOperations, ReplaceTheBootstrapAccountLastAndInPlace) {
  auto plan = test::simple_plan();
  plan.bootstrap.emplace().uri = "coaps://new.example";
  plan.instances.push_back({.instance = Path(ObjectId(3303), InstanceId(0)), .values = {}});
  plan.after.push_back({.kind = fleet::OperationPlan::Kind::del, .path = Path(ObjectId(5), InstanceId(0))});
  EXPECT_THAT(
      planned(plan, "</0/3>,</0/0>;ssid=101,</1/0>;ssid=101"),
      ElementsAre("Write /0/0", "Write /1/0", "Write /3303/0", "Write /0/3", "Delete /5/0", "Finish /"));
}

TEST(PlanOperations, ReplaceABootstrapAccountThatIsNotShownAtTheFirstInstance) {
  auto plan = test::simple_plan();
  plan.bootstrap.emplace().uri = "coaps://new.example";
  EXPECT_THAT(planned(plan, "</0>,</3/0>"),
              ElementsAre("Write /0/1", "Write /1/1", "Write /0/0", "Finish /"));
  EXPECT_THAT(planned(plan, "</0/0>;ssid=101,</1/0>;ssid=101").at(0), HasSubstr("/0/0 is another"));
}

TEST(PlanOperations, ReplaceNoBootstrapAccountByGuess) {
  auto plan = test::simple_plan();
  plan.bootstrap.emplace().uri = "coaps://new.example";
  EXPECT_THAT(planned(plan, std::nullopt).at(0), HasSubstr("does not tell"));
  EXPECT_THAT(planned(plan, "</0/0>,</0/1>").at(0), HasSubstr("two"));
}

TEST(PlanOperations, LeaveWhatBelongsToTheBootstrapAccount) {
  auto plan = test::simple_plan();
  plan.instances.push_back({.instance = Path(ObjectId(21), InstanceId(0)), .values = {}});
  EXPECT_THAT(planned(plan, "</0/0>,</21/0>").at(0), HasSubstr("bootstrap account"));
  EXPECT_THAT(planned(plan, "</0/0>,</21/0>;ssid=101"),
              ElementsAre("Write /0/1", "Write /1/1", "Write /21/0", "Finish /"));
}

TEST(PlanOperations, TakeExplicitOnesWhereTheyAreWanted) {
  using Kind = fleet::OperationPlan::Kind;
  auto plan = test::simple_plan();
  plan.before.push_back({.kind = Kind::del, .path = Path(ObjectId(5)), .need = fleet::Need::optional});
  plan.before.push_back({.kind = Kind::discover, .path = Path(ObjectId(5))});
  plan.after.push_back({.kind = Kind::read, .path = Path(ObjectId(1))});
  plan.after.push_back({.kind = Kind::write, .path = Path(ObjectId(4), InstanceId(0))});
  OperationList list;
  plan_before(plan, list);
  EXPECT_THAT(test::names(list), ElementsAre("Delete /5 optional", "Discover /5"));
  EXPECT_THAT(planned(plan, "</0/0>"),
              ElementsAre("Write /0/1", "Write /1/1", "Read /1", "Write /4/0", "Finish /"));
}

TEST(PlanOperations, DeleteAccessControlBeforeTheAccounts) {
  // A device tidies /2 up by itself when an account goes; what it has tidied away cannot be deleted again.
  EXPECT_THAT(planned(test::simple_plan(), "</0/0>,</0/1>;ssid=7,</1/1>;ssid=7,</2/0>"),
              ElementsAre("Delete /2", "Delete /1/1", "Delete /0/1", "Write /0/2", "Write /1/2", "Finish /"));
}

TEST(PlanOperations, MakeAccessControlAsThePlanSays) {
  auto plan = two_servers();
  for (std::uint16_t i = 0; i < 2; ++i) {
    fleet::AccessControlPlan access;
    access.target_object = ObjectId(3);
    access.target_instance = InstanceId(i);
    access.acl = {{.server = ShortServerId(102), .rights = 1}, {.server = ShortServerId(101), .rights = 15}};
    plan.access.push_back(std::move(access));
  }
  EXPECT_THAT(planned(plan, "</0/0>,</2/0>,</2/7>,</2/9>"),
              ElementsAre("Delete /2/7", "Delete /2/9", "Write /0/1", "Write /1/1", "Write /0/2",
                          "Write /1/2", "Write /2/0", "Write /2/1", "Finish /"));
  plan.access.clear();
  EXPECT_EQ(planned(plan, "</0/0>,</2/0>,</2/7>").front(), "Delete /2");
}

TEST(PlanOperations, EndWithTheFurtherInstances) {
  auto plan = test::simple_plan();
  plan.instances.push_back({.instance = Path(ObjectId(3303), InstanceId(4)), .values = {}});
  EXPECT_THAT(planned(plan, "</0/0>"), ElementsAre("Write /0/1", "Write /1/1", "Write /3303/4", "Finish /"));
}

}  // namespace
}  // namespace slipway::bootstrap

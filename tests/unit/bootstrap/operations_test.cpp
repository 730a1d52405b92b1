// SPDX-License-Identifier: Apache-2.0
// plan x what the device has -> operations: a pure function.
#include "bootstrap/operations.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "unit/bootstrap/harness.hpp"

namespace slipway::bootstrap {
namespace {

using testing::ElementsAre;

std::vector<std::string> planned(const fleet::Plan& plan, std::string_view discover) {
  std::vector<lwm2m::DiscoveredLink> links(kDiscoverLinksMax);
  const auto discovered = lwm2m::parse_bootstrap_discover(discover, links).value();
  std::vector<PlannedOperation> operations;
  const auto result = plan_operations(plan, discovered, operations);
  if (!result) return {result.error().detail};
  std::vector<std::string> names;
  for (const auto& operation : operations)
    names.push_back(std::string(to_string(operation.operation)) + " " +
                    std::string(operation.path.text().view()));
  return names;
}

fleet::Plan two_servers() {
  auto plan = test::simple_plan();
  fleet::ServerAccountPlan second;
  second.id = ShortServerId(102);
  second.uri = "coaps://other.example";
  plan.servers.push_back(std::move(second));
  return plan;
}

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

TEST(PlanEntries, AreSortedAndComplete) {
  auto plan = test::simple_plan();
  plan.servers[0].server_resources.emplace_back(ResourceId(13), OwnedValue(Value::unsigned_integer(1)));
  plan.servers[0].server_resources.emplace_back(ResourceId(2), OwnedValue(Value::integer(10)));
  std::vector<Entry> entries;
  ASSERT_TRUE(
      entries_of({.content = Content::server, .path = Path(ObjectId(1), InstanceId(3))}, plan, {}, entries));
  std::vector<std::uint16_t> ids;
  for (const auto& entry : entries) ids.push_back(entry.path.resource().value());
  EXPECT_THAT(ids, ElementsAre(0, 1, 2, 6, 7, 13));
}

TEST(PlanEntries, PutAccessRightsIntoResourceInstances) {
  auto plan = test::simple_plan();
  fleet::AccessControlPlan access;
  access.target_object = ObjectId(3303);
  access.target_instance = InstanceId(65535);
  access.acl = {{.server = ShortServerId(102), .rights = 16}, {.server = ShortServerId(101), .rights = 16}};
  plan.access.push_back(std::move(access));
  std::vector<Entry> entries;
  ASSERT_TRUE(
      entries_of({.content = Content::access, .path = Path(ObjectId(2), InstanceId(0))}, plan, {}, entries));
  ASSERT_EQ(entries.size(), 5u);
  EXPECT_EQ(entries[1].value.as_integer(), 65535);
  EXPECT_EQ(entries[2].path.text().view(), "/2/0/2/101");
  EXPECT_EQ(entries[4].value.as_integer(), kReservedId);
}

TEST(PlanEntries, WithoutACredentialMakeNoSecurityInstance) {
  std::vector<Entry> entries;
  EXPECT_FALSE(entries_of({.content = Content::security, .path = Path(ObjectId(0), InstanceId(1))},
                          test::simple_plan(), {}, entries));
}

TEST(Mint, MakesIdentitiesThatAreUniqueAndPrintable) {
  SeededRandom random(3);
  std::set<Bytes> identities;
  std::vector<fleet::Credential> credentials;
  for (int i = 0; i < 1000; ++i) {
    mint(two_servers(), "dev", random, credentials);
    ASSERT_EQ(credentials.size(), 2u);
    EXPECT_FALSE(credentials[0].key.same_as(credentials[1].key));
    for (const auto& credential : credentials) identities.insert(credential.identity);
  }
  EXPECT_EQ(identities.size(), 2000u);
  for (const auto& identity : identities)
    for (const auto byte : identity)
      EXPECT_TRUE((byte >= 'a' && byte <= 'z') || (byte >= '2' && byte <= '7'));
}

TEST(CheckPlan, RefusesWhatNoDeviceMaySee) {
  EXPECT_FALSE(check_plan({}));
  auto plan = two_servers();
  EXPECT_TRUE(check_plan(plan));
  plan.servers[1].id = ShortServerId(101);
  EXPECT_EQ(check_plan(plan).error().code, ErrorCode::duplicate);
  plan.servers[1].id = ShortServerId(65535);
  EXPECT_EQ(check_plan(plan).error().code, ErrorCode::out_of_range);
  plan = test::simple_plan();
  plan.servers[0].psk_bytes = 65;
  EXPECT_EQ(check_plan(plan).error().code, ErrorCode::out_of_range);
  plan = test::simple_plan();
  plan.servers[0].server_resources.emplace_back(ResourceId(1), OwnedValue(Value::integer(10)));
  EXPECT_EQ(check_plan(plan).error().code, ErrorCode::duplicate);
  plan = test::simple_plan();
  plan.instances.push_back({.instance = Path(ObjectId(0), InstanceId(0)), .values = {}});
  EXPECT_EQ(check_plan(plan).error().code, ErrorCode::wrong_path);
}

}  // namespace
}  // namespace slipway::bootstrap

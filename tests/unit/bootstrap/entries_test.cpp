// SPDX-License-Identifier: Apache-2.0
// What the Writes of a plan contain.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "unit/bootstrap/planning.hpp"

namespace slipway::bootstrap {
namespace {

using test::two_servers;
using testing::ElementsAre;

std::vector<Entry> entries(const PlannedOperation& operation, const fleet::Plan& plan,
                           std::span<const fleet::Credential> credentials = {},
                           std::span<const KeptRight> kept = {}) {
  std::vector<Entry> out;
  const auto made = append_entries(
      operation,
      {.plan = plan, .credentials = credentials, .kept_rights = kept, .catalog = builtin_objects()}, out);
  EXPECT_TRUE(made) << made.error().detail;
  return out;
}

std::vector<std::string> text(const std::vector<Entry>& entries) {
  std::vector<std::string> lines;
  for (const auto& entry : entries)
    lines.push_back(std::string(entry.path.text().view()) + " " + entry.value.to_display());
  return lines;
}

constexpr PlannedOperation kSecurityWrite{.content = Content::security,
                                          .path = Path(ObjectId(0), InstanceId(1))};
constexpr PlannedOperation kServerWrite{.content = Content::server, .path = Path(ObjectId(1), InstanceId(3))};

fleet::Credential credential(SecurityMode mode, fleet::ServerRole role = fleet::ServerRole::management) {
  fleet::Credential its;
  its.role = role;
  its.server = ShortServerId(role == fleet::ServerRole::management ? 101 : 0);
  its.mode = mode;
  its.identity = {0x1D};
  if (mode != SecurityMode::psk) its.public_part = {0xC0, 0xDE};
  its.key = Secret(Bytes{0x5E, 0xC4});
  return its;
}

TEST(PlanEntries, AreSortedAndComplete) {
  auto plan = test::simple_plan();
  plan.servers[0].server_resources.emplace_back(ResourceId(13), OwnedValue(Value::unsigned_integer(1)));
  plan.servers[0].server_resources.emplace_back(ResourceId(2), OwnedValue(Value::integer(10)));
  EXPECT_THAT(text(entries(kServerWrite, plan)), ElementsAre("/1/3/0 101", "/1/3/1 86400", "/1/3/2 10",
                                                             "/1/3/6 true", "/1/3/7 \"U\"", "/1/3/13 1"));
}

TEST(PlanEntries, MakeInstancesOfAMultipleResource) {
  auto plan = test::simple_plan();
  auto& resources = plan.servers[0].security_resources;
  resources.emplace_back(ResourceId(25), OwnedValue(Value::string("coaps://b")));
  resources.emplace_back(ResourceId(16), OwnedValue(Value::unsigned_integer(49320)));
  resources.emplace_back(ResourceId(16), OwnedValue(Value::unsigned_integer(174)));
  const std::vector<fleet::Credential> none;
  plan.servers[0].credential = fleet::CredentialSource::none;
  EXPECT_THAT(text(entries(kSecurityWrite, plan)),
              ElementsAre("/0/1/0 \"coaps://management.example:5684\"", "/0/1/1 false", "/0/1/2 3", "/0/1/3 ",
                          "/0/1/4 ", "/0/1/5 ", "/0/1/10 101", "/0/1/16/0 49320", "/0/1/16/1 174",
                          "/0/1/25/0 \"coaps://b\""));
}

struct KindCase {
  fleet::CredentialSource source;
  std::optional<SecurityMode> credential;
  const char* keys;  ///< /0/x/2 to 5
};

class CredentialKind : public testing::TestWithParam<KindCase> {};

TEST_P(CredentialKind, WritesItsKeysAndNoOthers) {
  auto plan = test::simple_plan();
  plan.servers[0].credential = GetParam().source;
  plan.servers[0].identity.public_key = {0x5A};
  std::vector<fleet::Credential> credentials;
  if (GetParam().credential) credentials.push_back(credential(*GetParam().credential));
  std::string keys;
  for (const auto& entry : entries(kSecurityWrite, plan, credentials))
    if (const auto id = entry.path.resource().value(); id >= 2 && id <= 5)
      keys += entry.value.to_display() + ";";
  EXPECT_EQ(keys, GetParam().keys);
}

INSTANTIATE_TEST_SUITE_P(
    All, CredentialKind,
    testing::Values(KindCase{fleet::CredentialSource::generate, SecurityMode::psk, "0;1d;;5ec4;"},
                    KindCase{fleet::CredentialSource::raw_public_key, SecurityMode::rpk, "1;c0de;5a;5ec4;"},
                    KindCase{fleet::CredentialSource::certificate, SecurityMode::x509, "2;c0de;5a;5ec4;"},
                    KindCase{fleet::CredentialSource::device_own, std::nullopt, "2;;5a;;"},
                    KindCase{fleet::CredentialSource::none, std::nullopt, "3;;;;"}));

TEST(PlanEntries, SayHowTheServersKeyIsRead) {
  auto plan = test::simple_plan();
  plan.servers[0].credential = fleet::CredentialSource::device_own;
  plan.servers[0].identity = {
      .public_key = {1}, .matching_type = 1, .certificate_usage = 2, .sni = "m.example"};
  const auto lines = text(entries(kSecurityWrite, plan));
  EXPECT_THAT(std::vector(lines.end() - 4, lines.end()),
              ElementsAre("/0/1/10 101", "/0/1/13 1", "/0/1/14 \"m.example\"", "/0/1/15 2"));
}

TEST(PlanEntries, MakeTheBootstrapAccountComplete) {
  auto plan = test::simple_plan();
  plan.bootstrap = fleet::BootstrapAccountPlan{.uri = "coaps://b", .authority = {}, .identity = {}};
  const PlannedOperation write{.content = Content::bootstrap, .path = Path(ObjectId(0), InstanceId(0))};
  std::vector<fleet::Credential> credentials;
  credentials.push_back(credential(SecurityMode::psk));
  credentials.push_back(credential(SecurityMode::psk, fleet::ServerRole::bootstrap));
  credentials[1].identity = {0xB5};
  EXPECT_THAT(text(entries(write, plan, credentials)),
              ElementsAre("/0/0/0 \"coaps://b\"", "/0/0/1 true", "/0/0/2 0", "/0/0/3 b5", "/0/0/4 ",
                          "/0/0/5 5ec4", "/0/0/11 0"));
  plan.bootstrap->hold_off_s = 7;
  plan.bootstrap->account_timeout_s = 3600;
  const auto lines = text(entries(write, plan, credentials));
  EXPECT_THAT(std::vector(lines.end() - 2, lines.end()), ElementsAre("/0/0/11 7", "/0/0/12 3600"));
}

TEST(PlanEntries, PutAccessRightsIntoResourceInstances) {
  auto plan = test::simple_plan();
  fleet::AccessControlPlan access;
  access.target_object = ObjectId(3303);
  access.target_instance = InstanceId(65535);
  access.acl = {{.server = ShortServerId(102), .rights = 16}, {.server = ShortServerId(101), .rights = 16}};
  plan.access.push_back(std::move(access));
  const PlannedOperation write{.content = Content::access, .path = Path(ObjectId(2), InstanceId(0))};
  EXPECT_THAT(text(entries(write, plan)),
              ElementsAre("/2/0/0 3303", "/2/0/1 65535", "/2/0/2/101 16", "/2/0/2/102 16", "/2/0/3 65535"));
  const std::array<KeptRight, 2> kept{{{.access = 0, .right = {.server = ShortServerId(7), .rights = 1}},
                                       {.access = 1, .right = {.server = ShortServerId(8), .rights = 1}}}};
  EXPECT_EQ(text(entries(write, plan, {}, kept)).at(2), "/2/0/2/7 1");
  EXPECT_EQ(entries(write, plan, {}, kept).size(), 6u);
}

TEST(PlanEntries, WithoutACredentialMakeNoSecurityInstance) {
  std::vector<Entry> out;
  EXPECT_FALSE(append_entries(
      kSecurityWrite, {.plan = test::simple_plan(), .credentials = {}, .catalog = builtin_objects()}, out));
}

}  // namespace
}  // namespace slipway::bootstrap

// SPDX-License-Identifier: Apache-2.0
// Credentials of a plan, and plans that no device may see.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "unit/bootstrap/planning.hpp"

namespace slipway::bootstrap {
namespace {

using test::two_servers;
using testing::HasSubstr;
using Kind = fleet::OperationPlan::Kind;
using Source = fleet::CredentialSource;

TEST(Mint, MakesIdentitiesThatAreUniqueAndPrintable) {
  SeededRandom random(3);
  std::set<Bytes> identities;
  std::vector<fleet::Credential> credentials;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(mint(two_servers(), "dev", random, nullptr, credentials));
    ASSERT_EQ(credentials.size(), 2u);
    EXPECT_FALSE(credentials[0].key.same_as(credentials[1].key));
    for (const auto& credential : credentials) identities.insert(credential.identity);
  }
  EXPECT_EQ(identities.size(), 2000u);
  for (const auto& identity : identities)
    for (const auto byte : identity)
      EXPECT_TRUE((byte >= 'a' && byte <= 'z') || (byte >= '2' && byte <= '7'));
}

TEST(Mint, MakesTheBootstrapCredentialOfItsOwnRole) {
  auto plan = test::simple_plan();
  plan.bootstrap =
      fleet::BootstrapAccountPlan{.uri = "coaps://b", .psk_bytes = 32, .authority = {}, .identity = {}};
  SeededRandom random(3);
  std::vector<fleet::Credential> credentials;
  ASSERT_TRUE(mint(plan, "dev", random, nullptr, credentials));
  ASSERT_EQ(credentials.size(), 2u);
  EXPECT_EQ(credentials[0].role, fleet::ServerRole::management);
  EXPECT_EQ(credentials[1].role, fleet::ServerRole::bootstrap);
  EXPECT_EQ(credentials[1].server, ShortServerId(0));
  EXPECT_EQ(credentials[1].key.size(), 32u);
  EXPECT_EQ(credentials[1].endpoint, "dev");
}

TEST(Mint, AsksTheMakerForKeysAndCertificates) {
  auto plan = two_servers();
  plan.servers[0].credential = Source::raw_public_key;
  plan.servers[1].credential = Source::certificate;
  plan.servers[1].authority = std::make_shared<fleet::Authority>();
  test::FixedMaker maker;
  SeededRandom random(3);
  std::vector<fleet::Credential> credentials;
  ASSERT_TRUE(mint(plan, "dev", random, &maker, credentials));
  ASSERT_EQ(credentials.size(), 2u);
  EXPECT_EQ(credentials[0].mode, SecurityMode::rpk);
  EXPECT_EQ(credentials[1].mode, SecurityMode::x509);
  EXPECT_EQ(credentials[1].server, ShortServerId(102));
  EXPECT_THAT(maker.asked, testing::ElementsAre("rpk dev", "x509 dev by authority"));
}

TEST(Mint, MakesNothingForADeviceThatHasItsOwn) {
  auto plan = two_servers();
  plan.servers[0].credential = Source::device_own;
  plan.servers[1].credential = Source::none;
  SeededRandom random(3);
  std::vector<fleet::Credential> credentials;
  ASSERT_TRUE(mint(plan, "dev", random, nullptr, credentials));
  EXPECT_TRUE(credentials.empty());
}

TEST(Mint, LeavesNothingWhenOneCannotBeMade) {
  auto plan = two_servers();
  plan.servers[1].credential = Source::raw_public_key;
  SeededRandom random(3);
  std::vector<fleet::Credential> credentials;
  EXPECT_EQ(mint(plan, "dev", random, nullptr, credentials).error().code, ErrorCode::unsupported);
  EXPECT_TRUE(credentials.empty());
  test::FixedMaker maker;
  maker.error = ErrorCode::refused;
  EXPECT_EQ(mint(plan, "dev", random, &maker, credentials).error().code, ErrorCode::refused);
  EXPECT_TRUE(credentials.empty());
}

/// A plan that is good, with one thing changed.
struct BadPlan {
  const char* name;
  void (*change)(fleet::Plan&);
  ErrorCode code;
  const char* reason;
};

fleet::OperationPlan operation(Kind kind, const Path& path) {
  return {.kind = kind, .path = path};
}

class CheckPlan : public testing::TestWithParam<BadPlan> {};

TEST_P(CheckPlan, RefusesWhatNoDeviceMaySee) {
  auto plan = two_servers();
  ASSERT_TRUE(check_plan(plan));
  GetParam().change(plan);
  const auto checked = check_plan(plan);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, GetParam().code);
  EXPECT_THAT(checked.error().detail, HasSubstr(GetParam().reason));
}

const BadPlan kBadPlans[] = {
    {"NoServer", [](auto& plan) { plan.servers.clear(); }, ErrorCode::out_of_range, "no server"},
    {"SameServer", [](auto& plan) { plan.servers[1].id = ShortServerId(101); }, ErrorCode::duplicate,
     "same short"},
    {"ReservedId", [](auto& plan) { plan.servers[1].id = ShortServerId(65535); }, ErrorCode::out_of_range,
     "65534"},
    {"NoUri", [](auto& plan) { plan.servers[1].uri.clear(); }, ErrorCode::out_of_range, "uri"},
    {"LongKey", [](auto& plan) { plan.servers[0].psk_bytes = 65; }, ErrorCode::out_of_range, "psk_bytes"},
    {"NoAuthority", [](auto& plan) { plan.servers[0].credential = Source::certificate; },
     ErrorCode::out_of_range, "authority"},
    {"SameFixed",
     [](auto& plan) {
       plan.servers[0].security_instance = plan.servers[1].security_instance = InstanceId(4);
     },
     ErrorCode::duplicate, "same instance"},
    {"ReservedFixed", [](auto& plan) { plan.servers[0].server_instance = InstanceId(65535); },
     ErrorCode::out_of_range, "65535"},
    {"ServerResource",
     [](auto& plan) {
       plan.servers[0].server_resources.emplace_back(ResourceId(1), OwnedValue(Value::integer(1)));
     },
     ErrorCode::duplicate, "server_resources"},
    {"SecurityResource",
     [](auto& plan) {
       plan.servers[0].security_resources.emplace_back(ResourceId(5), OwnedValue(Value::opaque({})));
     },
     ErrorCode::duplicate, "security_resources"},
    {"SecurityInstance",
     [](auto& plan) {
       plan.instances.push_back({.instance = Path(ObjectId(0), InstanceId(0)), .values = {}});
     },
     ErrorCode::wrong_path, "/0, /1 or /2"},
    {"ReplaceAndKeep",
     [](auto& plan) {
       plan.existing = fleet::Existing::replace;
       plan.others = fleet::OtherAccounts::keep;
     },
     ErrorCode::refused, "DELETE /"},
    {"OwnBootstrap",
     [](auto& plan) {
       plan.bootstrap.emplace().uri = "coaps://b";
       plan.bootstrap->credential = Source::device_own;
     },
     ErrorCode::refused, "own credential"},
    {"BlindBootstrap",
     [](auto& plan) {
       plan.bootstrap.emplace().uri = "coaps://b";
       plan.discover = fleet::DiscoverFirst::no;
     },
     ErrorCode::refused, "Discover"},
    {"DeleteSecurity",
     [](auto& plan) { plan.before.push_back(operation(Kind::del, Path(ObjectId(0), InstanceId(0)))); },
     ErrorCode::wrong_path, "bootstrap account"},
    {"WriteSecurity",
     [](auto& plan) { plan.after.push_back(operation(Kind::write, Path(ObjectId(0), InstanceId(0)))); },
     ErrorCode::wrong_path, "bootstrap account"},
    {"ReadDevice", [](auto& plan) { plan.before.push_back(operation(Kind::read, Path(ObjectId(3)))); },
     ErrorCode::wrong_path, "Read"},
    {"DiscoverInstance",
     [](auto& plan) { plan.before.push_back(operation(Kind::discover, Path(ObjectId(3), InstanceId(0)))); },
     ErrorCode::wrong_path, "Discover"},
    {"DeleteResource",
     [](auto& plan) {
       plan.before.push_back(operation(Kind::del, Path(ObjectId(3), InstanceId(0), ResourceId(1))));
     },
     ErrorCode::wrong_path, "Delete"},
    {"PayloadWithoutFormat",
     [](auto& plan) {
       plan.before.push_back(operation(Kind::write, Path(ObjectId(5), InstanceId(0))));
       plan.before[0].payload = Bytes{1};
     },
     ErrorCode::out_of_range, "format"},
    {"TooMuch", [](auto& plan) { plan.after.assign(1025, operation(Kind::del, Path(ObjectId(5)))); },
     ErrorCode::limit, "1024"},
};
INSTANTIATE_TEST_SUITE_P(Each, CheckPlan, testing::ValuesIn(kBadPlans),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace slipway::bootstrap

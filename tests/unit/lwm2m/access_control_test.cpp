// SPDX-License-Identifier: Apache-2.0
// Every case of the evaluation in [LwM2M-CORE 1.2 §8.2.1], as a table.
#include <gtest/gtest.h>

#include <array>

#include <vector>

#include <slipway/lwm2m/access_control.hpp>

namespace slipway::lwm2m {
namespace {

constexpr ShortServerId kA{101};
constexpr ShortServerId kB{102};
constexpr ShortServerId kDefault{0};

struct Case {
  const char* name;
  std::uint16_t owner;
  std::vector<AclEntry> acl;
  ShortServerId server;
  unsigned rights;
};

TEST(AccessControl, RightsOnAnInstance) {
  const std::vector<Case> cases = {
      {"the owner without an entry has all", 101, {}, kA, 15},
      {"the owner without an entry has all, though others have entries", 101, {{kB, 1}}, kA, 15},
      {"the owner with an entry has that", 101, {{kA, 1}}, kA, 1},
      {"the owner with an entry of nothing has nothing", 101, {{kA, 0}}, kA, 0},
      {"the default does not bind the owner", 101, {{kDefault, 1}}, kA, 15},
      {"another with an entry has that", 101, {{kB, 5}}, kB, 5},
      {"another with an entry does not get the default", 101, {{kB, 1}, {kDefault, 7}}, kB, 1},
      {"another without an entry has the default", 101, {{kA, 15}, {kDefault, 3}}, kB, 3},
      {"another without entry and default has nothing", 101, {{kA, 15}}, kB, 0},
      {"65535 owns for the bootstrap server", 65535, {{kA, 1}}, kB, 0},
      {"bits beyond the five are dropped", 101, {{kB, 0xffe1}}, kB, 1},
  };
  for (const auto& test : cases) {
    const AccessRule rule{ObjectId(3), 0, test.owner, test.acl};
    EXPECT_EQ(rights_on_instance(&rule, test.server), test.rights) << test.name;
  }
  EXPECT_EQ(rights_on_instance(nullptr, kA), 0) << "without a rule there are no rights";
}

TEST(AccessControl, CreateNeedsTheServersOwnEntryOnTheObject) {
  const std::vector<AclEntry> acl = {{kA, 16}, {kDefault, 16}};
  const AccessRule rule{ObjectId(3303), 65535, 65535, acl};
  EXPECT_TRUE(allowed(AccessMode::controlled, Right::create, &rule, kA));
  EXPECT_FALSE(allowed(AccessMode::controlled, Right::create, &rule, kB)) << "no default for create";
  EXPECT_FALSE(allowed(AccessMode::controlled, Right::create, nullptr, kA));
  const AccessRule owned{ObjectId(3303), 65535, 101, {}};
  EXPECT_FALSE(allowed(AccessMode::controlled, Right::create, &owned, kA));
}

TEST(AccessControl, ASingleServerMayDoAll) {
  for (const auto right : {Right::read, Right::write, Right::execute, Right::del, Right::create})
    EXPECT_TRUE(allowed(AccessMode::single_server, right, nullptr, kA));
}

TEST(AccessControl, EachRightIsItsOwnBit) {
  for (unsigned bits = 0; bits < 16; ++bits) {
    const std::vector<AclEntry> acl = {{kB, static_cast<std::uint16_t>(bits)}};
    const AccessRule rule{ObjectId(3), 0, 101, acl};
    for (const auto right : {Right::read, Right::write, Right::execute, Right::del})
      EXPECT_EQ(allowed(AccessMode::controlled, right, &rule, kB), (bits & static_cast<unsigned>(right)) != 0)
          << bits;
    EXPECT_TRUE(allowed(AccessMode::controlled, Right::none, &rule, kB)) << "Discover needs none";
  }
}

TEST(AccessControl, TheNewOwnerHasTheMostOfWriteAndDelete) {
  const ShortServerId kC{103};
  const ShortServerId kD{104};
  const std::array others{kB, kC, kD};
  const std::vector<AclEntry> acl = {{kDefault, 15}, {kA, 15}, {kB, 2}, {kC, 10}, {kD, 10}};
  EXPECT_EQ(elect_owner({ObjectId(3), 0, 101, acl}, others), kC) << "the first one on a tie";
  const std::vector<AclEntry> readers = {{kB, 1}};
  EXPECT_EQ(elect_owner({ObjectId(3), 0, 101, readers}, others), kB);
  EXPECT_EQ(elect_owner({ObjectId(3), 0, 101, {}}, others), std::nullopt);
}

TEST(AccessControl, OnlyServersThatAreThereAreElectedAlsoByTheDefaultEntry) {
  const ShortServerId kC{103};
  const std::vector<AclEntry> acl = {{kDefault, 10}, {kB, 8}, {ShortServerId(999), 15}};
  EXPECT_EQ(elect_owner({ObjectId(3), 0, 101, acl}, std::array{kB, kC}), kC);
  EXPECT_EQ(elect_owner({ObjectId(3), 0, 101, acl}, std::array{kB}), kB);
  EXPECT_EQ(elect_owner({ObjectId(3), 0, 101, acl}, {}), std::nullopt);
}

}  // namespace
}  // namespace slipway::lwm2m

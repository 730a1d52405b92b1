// SPDX-License-Identifier: Apache-2.0
#include <slipway/model/registry.hpp>

#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway {
namespace {

using ::testing::HasSubstr;

ObjectDescription object(std::uint16_t id, Version version, std::string name = "Test") {
  return {.id = ObjectId(id),
          .name = std::move(name),
          .version = version,
          .resources = {{.id = ResourceId(0), .name = "Zero", .type = DataType::integer, .units = "s"},
                        {.id = ResourceId(5700), .name = "Value", .type = DataType::floating}}};
}

/// What a file for a core object would say.
ObjectDescription copy_of_core(std::uint16_t id, Version version) {
  const auto* core = builtin_objects().find(ObjectId(id), version);
  ObjectDescription copy{.id = core->id, .name = std::string(core->name), .version = version};
  for (const auto& resource : core->resources)
    copy.resources.push_back({.id = resource.id,
                              .name = std::string(resource.name),
                              .type = resource.type,
                              .operations = resource.operations,
                              .multiplicity = resource.multiplicity,
                              .presence = resource.presence});
  return copy;
}

std::string conflict_of(ObjectRegistry& registry, const ObjectDescription& description) {
  const auto addition = registry.add(description);
  EXPECT_FALSE(addition);
  if (addition) return "";
  EXPECT_FALSE(addition.error().remedy.empty());
  return addition.error().message;
}

TEST(ObjectRegistry, FallsThroughToTheCore) {
  const ObjectRegistry registry;
  EXPECT_EQ(registry.find(ObjectId(3)), builtin_objects().find(ObjectId(3)));
  EXPECT_EQ(registry.find(ObjectId(21), {1, 0}), builtin_objects().find(ObjectId(21), {1, 0}));
  EXPECT_EQ(registry.find(ObjectId(3303)), nullptr);
  EXPECT_EQ(registry.find(ObjectId(3303), {1, 0}), nullptr);
  EXPECT_TRUE(registry.added().empty());
}

TEST(ObjectRegistry, OwnsWhatIsAdded) {
  ObjectRegistry registry;
  {
    auto description = object(3303, {1, 1}, "A name that is longer than a small string buffer");
    EXPECT_EQ(registry.add(description), RegistryAddition::added);
    description.name.assign(description.name.size(), '!');
  }
  const auto* found = registry.find(ObjectId(3303));
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->name, "A name that is longer than a small string buffer");
  ASSERT_NE(found->find(ResourceId(5700)), nullptr);
  EXPECT_EQ(found->find(ResourceId(5700))->type, DataType::floating);
  EXPECT_EQ(found->find(ResourceId(0))->units, "s");
  EXPECT_EQ(found->find(ResourceId(1)), nullptr);
}

TEST(ObjectRegistry, KeepsDefinitionsWhereTheyAreWhenItGrowsOrMoves) {
  ObjectRegistry registry;
  ASSERT_TRUE(registry.add(object(3303, {1, 1})));
  const auto* before = registry.find(ObjectId(3303));
  for (std::uint16_t id = 10'000; id < 10'500; ++id) ASSERT_TRUE(registry.add(object(id, {1, 0})));
  ASSERT_TRUE(registry.add(object(3303, {1, 0})));
  const ObjectRegistry moved = std::move(registry);
  EXPECT_EQ(moved.find(ObjectId(3303)), before);
  EXPECT_EQ(before->name, "Test");
}

TEST(ObjectRegistry, GivesTheVersionOrTheNewestOfItsMajor) {
  ObjectRegistry registry;
  for (const Version version : {Version{2, 0}, Version{1, 0}, Version{1, 2}})
    ASSERT_TRUE(registry.add(object(3303, version)));
  const auto version_for = [&](Version wanted) { return registry.find(ObjectId(3303), wanted)->version; };
  EXPECT_EQ(registry.find(ObjectId(3303))->version, (Version{2, 0}));
  EXPECT_EQ(version_for({1, 0}), (Version{1, 0}));
  EXPECT_EQ(version_for({1, 1}), (Version{1, 2}));
  EXPECT_EQ(version_for({1, 2}), (Version{1, 2}));
  EXPECT_EQ(version_for({1, 9}), (Version{1, 2}));
  EXPECT_EQ(version_for({2, 5}), (Version{2, 0}));
  EXPECT_EQ(registry.find(ObjectId(3303), {3, 0}), nullptr);
}

TEST(ObjectRegistry, ListsWhatWasAddedInOrder) {
  ObjectRegistry registry;
  ASSERT_TRUE(registry.add(object(3304, {1, 0})));
  ASSERT_TRUE(registry.add(object(3303, {1, 1})));
  ASSERT_TRUE(registry.add(object(3303, {1, 0})));
  const auto added = registry.added();
  ASSERT_EQ(added.size(), 3u);
  EXPECT_EQ(added[0]->version, (Version{1, 0}));
  EXPECT_EQ(added[1]->version, (Version{1, 1}));
  EXPECT_EQ(added[2]->id, ObjectId(3304));
}

TEST(ObjectRegistry, RefusesTheSameVersionTwice) {
  ObjectRegistry registry;
  ASSERT_TRUE(registry.add(object(3303, {1, 0}, "First")));
  EXPECT_THAT(conflict_of(registry, object(3303, {1, 0}, "Second")),
              HasSubstr("object /3303 version 1.0 is defined twice"));
  EXPECT_EQ(registry.find(ObjectId(3303))->name, "First");
}

TEST(ObjectRegistry, RefusesUnorderedResources) {
  ObjectRegistry registry;
  auto description = object(3303, {1, 0});
  std::swap(description.resources[0], description.resources[1]);
  EXPECT_THAT(conflict_of(registry, description), HasSubstr("out of order"));
  description.resources[1].id = description.resources[0].id;
  EXPECT_THAT(conflict_of(registry, description), HasSubstr("out of order or twice"));
}

TEST(ObjectRegistry, KeepsTheCoreWhereAFileSaysTheSame) {
  ObjectRegistry registry;
  for (const std::uint16_t id : std::to_array<std::uint16_t>({0, 1, 2, 3, 4, 5, 6, 7, 23, 24})) {
    const auto version = builtin_objects().find(ObjectId(id))->version;
    EXPECT_EQ(registry.add(copy_of_core(id, version)), RegistryAddition::already_built_in) << id;
    EXPECT_EQ(registry.find(ObjectId(id)), builtin_objects().find(ObjectId(id))) << id;
  }
  EXPECT_EQ(registry.add(copy_of_core(21, {1, 0})), RegistryAddition::already_built_in);
  EXPECT_EQ(registry.add(copy_of_core(21, {2, 0})), RegistryAddition::already_built_in);
}

TEST(ObjectRegistry, TakesAnOlderFileOfACoreObjectWithOtherOperations) {
  ObjectRegistry registry;
  auto description = copy_of_core(1, {1, 1});
  description.resources[13].operations = Operations::none;  // as it was before 1.2
  EXPECT_EQ(registry.add(description), RegistryAddition::already_built_in);
}

TEST(ObjectRegistry, ReportsAContradictionToTheCore) {
  ObjectRegistry registry;
  auto other_type = copy_of_core(3, {1, 2});
  other_type.resources[9].type = DataType::string;
  EXPECT_THAT(conflict_of(registry, other_type),
              HasSubstr("resource 9 of object /3 version 1.2 has another type"));
  auto other_instances = copy_of_core(3, {1, 0});
  other_instances.resources[0].multiplicity = Multiplicity::multiple;
  EXPECT_THAT(conflict_of(registry, other_instances), HasSubstr("another multiplicity"));
  auto other_operations = copy_of_core(3, {1, 2});
  other_operations.resources[0].operations = Operations::read_write;
  EXPECT_THAT(conflict_of(registry, other_operations), HasSubstr("has other operations than"));
  auto more = copy_of_core(3, {1, 2});
  more.resources.push_back({.id = ResourceId(26241), .name = "Vendor", .type = DataType::string});
  EXPECT_THAT(conflict_of(registry, more),
              HasSubstr("resource 26241 of object /3 version 1.2 does not exist"));
  auto secret_as_text = copy_of_core(0, {1, 2});
  secret_as_text.version = {1, 3};
  secret_as_text.resources[5].type = DataType::string;
  EXPECT_THAT(conflict_of(registry, secret_as_text), HasSubstr("resource 5 of object /0 version 1.3"));
  EXPECT_TRUE(registry.added().empty());
  EXPECT_EQ(registry.find(ObjectId(3)), builtin_objects().find(ObjectId(3)));
}

TEST(ObjectRegistry, AddsANewerVersionOfACoreObjectAndKeepsItsSecrets) {
  ObjectRegistry registry;
  auto newer = copy_of_core(0, {1, 2});
  newer.version = {1, 3};
  newer.resources.push_back({.id = ResourceId(31), .name = "New", .type = DataType::string});
  ASSERT_EQ(registry.add(newer), RegistryAddition::added);
  const auto* found = registry.find(ObjectId(0));
  EXPECT_EQ(found->version, (Version{1, 3}));
  EXPECT_NE(found->find(ResourceId(31)), nullptr);
  EXPECT_EQ(found->find(ResourceId(5))->confidentiality, Confidentiality::secret);
  EXPECT_EQ(found->find(ResourceId(3))->confidentiality, Confidentiality::open);
  EXPECT_EQ(registry.find(ObjectId(0), {1, 3}), found);
  EXPECT_EQ(registry.find(ObjectId(0), {1, 4}), found);
  EXPECT_EQ(registry.find(ObjectId(0), {1, 1}), builtin_objects().find(ObjectId(0)));
}

TEST(ObjectRegistry, KeepsSecretsInAnotherMajorVersion) {
  ObjectRegistry registry;
  auto next = copy_of_core(21, {2, 0});
  next.version = {3, 0};
  ASSERT_EQ(registry.add(next), RegistryAddition::added);
  EXPECT_EQ(registry.find(ObjectId(21), {3, 0})->find(ResourceId(0))->confidentiality,
            Confidentiality::secret);
  EXPECT_EQ(registry.find(ObjectId(21), {2, 0}), builtin_objects().find(ObjectId(21)));
}

TEST(ObjectRegistry, IsBounded) {
  ObjectRegistry registry;
  for (std::size_t i = 0; i < kRegistryObjectsMax; ++i)
    ASSERT_TRUE(registry.add(object(static_cast<std::uint16_t>(10'000 + i), {1, 0})));
  EXPECT_THAT(conflict_of(registry, object(3303, {1, 0})), HasSubstr("the limit of 4096"));
  EXPECT_EQ(registry.find(ObjectId(3303)), nullptr);
  EXPECT_EQ(registry.added().size(), kRegistryObjectsMax);
}

}  // namespace
}  // namespace slipway

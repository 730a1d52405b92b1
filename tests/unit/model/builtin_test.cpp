// SPDX-License-Identifier: Apache-2.0
// The tables against tests/vectors/model/builtin_objects.tsv, which was taken from the registry's files.
#include <array>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <slipway/model/definition.hpp>

namespace slipway {
namespace {

struct Row {
  std::uint16_t object, resource;
  std::string name, operations, instances, presence, type, range, since;
};

std::vector<Row> rows() {
  std::ifstream file(SLIPWAY_VECTORS "/model/builtin_objects.tsv");
  std::vector<Row> result;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream fields(line);
    std::vector<std::string> cells;
    for (std::string cell; std::getline(fields, cell, '\t');) cells.push_back(cell);
    EXPECT_EQ(cells.size(), 9u) << line;
    const auto number = [](const std::string& text) { return static_cast<std::uint16_t>(std::stoul(text)); };
    result.push_back({number(cells[0]), number(cells[1]), cells[2], cells[3], cells[4], cells[5], cells[6],
                      cells[7], cells[8]});
  }
  return result;
}

std::string letters(Operations operations) {
  if (can_execute(operations)) return "E";
  const std::string text = std::string(can_read(operations) ? "R" : "") + (can_write(operations) ? "W" : "");
  return text.empty() ? "-" : text;
}

std::string registry_type(DataType type) {
  static const std::map<DataType, std::string> kNames = {
      {DataType::none, "exec"},       {DataType::string, "String"},
      {DataType::integer, "Integer"}, {DataType::unsigned_integer, "Unsigned"},
      {DataType::floating, "Float"},  {DataType::boolean, "Boolean"},
      {DataType::opaque, "Opaque"},   {DataType::time, "Time"},
      {DataType::objlnk, "Objlnk"},   {DataType::corelnk, "Corelnk"}};
  return kNames.at(type);
}

/// Range and units as the column prints them.
std::string range_text(const ResourceDefinition& resource) {
  std::ostringstream text;
  if (resource.range.present) text << resource.range.min << '-' << resource.range.max;
  if (resource.range.present && !resource.units.empty()) text << ' ';
  text << resource.units;
  return text.str().empty() ? "-" : text.str();
}

TEST(BuiltinObjects, SayWhatTheRegistrySays) {
  const auto table = rows();
  ASSERT_EQ(table.size(), 149u);
  // Columns whose text is not a plain range.
  const std::map<std::pair<int, int>, std::string> spelled = {
      {{0, 7}, "6-6"}, {{0, 8}, "16-48"}, {{1, 22}, "-"}};
  for (const auto& row : table) {
    SCOPED_TRACE("/" + std::to_string(row.object) + "/x/" + std::to_string(row.resource));
    const auto* object = builtin_objects().find(ObjectId(row.object));
    ASSERT_NE(object, nullptr);
    const auto* resource = object->find(ResourceId(row.resource));
    ASSERT_NE(resource, nullptr);
    EXPECT_EQ(resource->name, row.name);
    EXPECT_EQ(letters(resource->operations), row.operations);
    EXPECT_EQ(resource->multiplicity == Multiplicity::multiple ? "M" : "S", row.instances);
    EXPECT_EQ(resource->presence == Presence::mandatory ? "M" : "O", row.presence);
    EXPECT_EQ(registry_type(resource->type), row.type);
    const auto exception = spelled.find({row.object, row.resource});
    EXPECT_EQ(range_text(*resource), exception == spelled.end() ? row.range : exception->second);
    EXPECT_EQ(resource->since.text().view(), row.since);
  }
}

TEST(BuiltinObjects, HaveNoResourceThatTheRegistryHasNot) {
  std::map<std::uint16_t, std::size_t> expected;
  for (const auto& row : rows()) ++expected[row.object];
  std::size_t objects = 0;
  for (std::uint32_t id = 0; id <= 65535; ++id) {
    const auto* object = builtin_objects().find(ObjectId(static_cast<std::uint16_t>(id)));
    if (object == nullptr) continue;
    ++objects;
    EXPECT_EQ(object->id.value(), id);
    EXPECT_EQ(object->resources.size(), expected[static_cast<std::uint16_t>(id)]) << id;
    for (std::size_t i = 1; i < object->resources.size(); ++i)
      EXPECT_LT(object->resources[i - 1].id, object->resources[i].id);
  }
  EXPECT_EQ(objects, expected.size());
}

TEST(BuiltinObjects, AreInTheirNewestVersion) {
  const std::map<int, const char*> versions = {{0, "1.2"},  {1, "1.2"},  {2, "1.1"}, {3, "1.2"},
                                               {4, "1.3"},  {5, "1.2"},  {6, "1.0"}, {7, "1.0"},
                                               {21, "2.0"}, {23, "1.0"}, {24, "1.0"}};
  const std::set<int> single = {3, 4, 5, 6, 7};
  const std::set<int> mandatory = {0, 1, 3};
  for (const auto& [id, version] : versions) {
    const auto* object = builtin_objects().find(ObjectId(static_cast<std::uint16_t>(id)));
    ASSERT_NE(object, nullptr) << id;
    EXPECT_EQ(object->version.text().view(), version) << id;
    EXPECT_EQ(object->multiplicity == Multiplicity::single, single.contains(id)) << id;
    EXPECT_EQ(object->presence == Presence::mandatory, mandatory.contains(id)) << id;
    EXPECT_FALSE(object->name.empty());
  }
}

TEST(BuiltinObjects, MarkExactlyTheSecretsInEveryVersion) {
  const std::set<std::pair<int, int>> expected = {{0, 5}, {0, 8}, {21, 0}, {23, 2}, {24, 8}};
  for (const Version version : {Version{1, 0}, Version{2, 0}})
    for (std::uint16_t id = 0; id < 32; ++id) {
      const auto* object = builtin_objects().find(ObjectId(id), version);
      if (object == nullptr) continue;
      for (const auto& resource : object->resources)
        EXPECT_EQ(resource.confidentiality == Confidentiality::secret,
                  expected.contains({id, resource.id.value()}))
            << id << '/' << resource.id.value();
    }
}

TEST(BuiltinObjects, GiveTheTableOfAVersion) {
  const auto& objects = builtin_objects();
  EXPECT_EQ(objects.find(ObjectId(21), {2, 0})->find(ResourceId(1))->type, DataType::opaque);
  EXPECT_EQ(objects.find(ObjectId(21), {1, 0})->find(ResourceId(1))->type, DataType::string);
  EXPECT_EQ(objects.find(ObjectId(21), {1, 1})->find(ResourceId(6))->type, DataType::string);
  EXPECT_EQ(objects.find(ObjectId(3), {1, 0}), objects.find(ObjectId(3)));
  EXPECT_EQ(objects.find(ObjectId(3), {1, 7}), objects.find(ObjectId(3)));
  EXPECT_EQ(objects.find(ObjectId(3), {2, 0}), nullptr);
  EXPECT_EQ(objects.find(ObjectId(21), {3, 0}), nullptr);
  EXPECT_EQ(objects.find(ObjectId(3303), {1, 0}), nullptr);
  EXPECT_EQ(objects.find(ObjectId(65535)), nullptr);
}

TEST(BuiltinObjects, LeaveOutResourceFourOfFirmwareUpdate) {
  const auto* object = builtin_objects().find(ObjectId(5));
  EXPECT_EQ(object->find(ResourceId(4)), nullptr);
  EXPECT_EQ(object->find(ResourceId(5))->name, "Update Result");
  EXPECT_EQ(object->find(ResourceId(14))->name, "Automatic Upgrade at Download");
  EXPECT_EQ(object->find(ResourceId(15)), nullptr);
}

TEST(ImpliedVersion, FollowsTheEnabler) {
  struct Expected {
    std::uint16_t object;
    const char *in_1_0, *in_1_1, *in_1_2;
  };
  constexpr std::array<Expected, 12> kExpected{{{0, "1.0", "1.1", "1.2"},
                                                {1, "1.0", "1.1", "1.2"},
                                                {2, "1.0", "1.0", "1.1"},
                                                {3, "1.0", "1.1", "1.2"},
                                                {4, "1.0", "1.2", "1.3"},
                                                {5, "1.0", "1.0", "1.1"},
                                                {6, "1.0", "1.0", "1.0"},
                                                {7, "1.0", "1.0", "1.0"},
                                                {21, "1.0", "1.0", "2.0"},
                                                {23, "1.0", "1.0", "1.0"},
                                                {3303, "1.0", "1.0", "1.0"},
                                                {65535, "1.0", "1.0", "1.0"}}};
  for (const auto& row : kExpected) {
    const ObjectId id(row.object);
    EXPECT_EQ(implied_version(id, {1, 0}).text().view(), row.in_1_0) << row.object;
    EXPECT_EQ(implied_version(id, {1, 1}).text().view(), row.in_1_1) << row.object;
    EXPECT_EQ(implied_version(id, {1, 2}).text().view(), row.in_1_2) << row.object;
    EXPECT_EQ(implied_version(id, {1, 9}), implied_version(id, {1, 2})) << row.object;
  }
}

}  // namespace
}  // namespace slipway

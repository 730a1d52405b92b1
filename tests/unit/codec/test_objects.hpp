// SPDX-License-Identifier: Apache-2.0
// Definitions for codec tests: the built-in objects, the examples' objects 65 and 66, and one object
// with a resource of every type, single and multiple.
#pragma once

#include <array>

#include <slipway/model/definition.hpp>

namespace slipway::test {

inline constexpr ObjectId kTypesObject{32770};
inline constexpr std::array kTypes{DataType::string,   DataType::integer, DataType::unsigned_integer,
                                   DataType::floating, DataType::boolean, DataType::opaque,
                                   DataType::time,     DataType::objlnk,  DataType::corelnk};

class TestCatalog final : public ObjectCatalog {
 public:
  TestCatalog() {
    for (std::size_t i = 0; i < kTypes.size(); ++i) {
      // Ids 0-8 are single, 300-308 multiple: a gap, and ids of 8 and of 16 bits.
      types_[i] = {.id = ResourceId(static_cast<std::uint16_t>(i)), .name = "single", .type = kTypes[i]};
      types_[i + kTypes.size()] = {.id = ResourceId(static_cast<std::uint16_t>(300 + i)),
                                   .name = "multiple",
                                   .type = kTypes[i],
                                   .multiplicity = Multiplicity::multiple};
    }
  }
  const ObjectDefinition* find(ObjectId id) const override {
    for (const auto* object : {&types_object_, &object65_, &object66_})
      if (object->id == id) return object;
    return builtin_objects().find(id);
  }
  const ObjectDefinition* find(ObjectId id, Version version) const override {
    const auto* found = find(id);
    return found != nullptr && found->version.major == version.major ? found : nullptr;
  }

 private:
  std::array<ResourceDefinition, 2 * kTypes.size()> types_{};
  std::array<ResourceDefinition, 3> objlnks_{{
      {.id = ResourceId(0),
       .name = "Res 0",
       .type = DataType::objlnk,
       .multiplicity = Multiplicity::multiple},
      {.id = ResourceId(1), .name = "Res 1", .type = DataType::string},
      {.id = ResourceId(2), .name = "Res 2", .type = DataType::integer},
  }};
  std::array<ResourceDefinition, 3> mixed_{{
      {.id = ResourceId(0), .name = "Res 0", .type = DataType::string},
      {.id = ResourceId(1), .name = "Res 1", .type = DataType::string},
      {.id = ResourceId(2), .name = "Res 2", .type = DataType::objlnk},
  }};
  ObjectDefinition types_object_{
      .id = kTypesObject, .name = "Types", .multiplicity = Multiplicity::multiple, .resources = types_};
  ObjectDefinition object65_{.id = ObjectId(65), .name = "Example 65", .resources = objlnks_};
  ObjectDefinition object66_{.id = ObjectId(66), .name = "Example 66", .resources = mixed_};
};

inline const TestCatalog& test_catalog() {
  static const TestCatalog catalog;
  return catalog;
}

}  // namespace slipway::test

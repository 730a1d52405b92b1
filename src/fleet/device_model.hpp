// SPDX-License-Identifier: Apache-2.0
// What objects the devices of a plan have: what is defined here, narrowed by the plan's `model`.
#pragma once

#include <map>
#include <optional>

#include <slipway/model/definition.hpp>

#include "toml_reader.hpp"

namespace slipway::fleet {

/// Objects that one plan's model may list.
inline constexpr std::size_t kModelObjectsMax = 1024;

class DeviceModel {
 public:
  explicit DeviceModel(const ObjectCatalog& catalog) : catalog_(&catalog) {}

  /// Reads `model = ["3", "3303/1.1"]` of a plan. /0, /1 and /3 are on every device.
  void read(TableReader& plan);

  /// Whether the plan says what its devices have; without, they may have anything.
  [[nodiscard]] bool stated() const { return stated_; }
  [[nodiscard]] bool has(ObjectId object) const;
  /// In the device's version where the model states one, else the newest.
  [[nodiscard]] const ObjectDefinition* find(ObjectId object) const;
  [[nodiscard]] const ResourceDefinition* find(const Path& path) const;

 private:
  void read_object(TableReader& plan, const TableReader::Item& item);
  const ObjectCatalog* catalog_;
  bool stated_ = false;
  std::map<ObjectId, std::optional<Version>> objects_;
};

}  // namespace slipway::fleet

// SPDX-License-Identifier: Apache-2.0
// Values of resources out of TOML, typed by the object model.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <slipway/codec/payload.hpp>
#include <slipway/model/definition.hpp>
#include <slipway/model/path.hpp>
#include <slipway/model/value.hpp>

#include "device_model.hpp"
#include "key_files.hpp"
#include "toml_reader.hpp"

namespace slipway::fleet {

/// Values of one write.
inline constexpr std::size_t kValuesMax = codec::kEntriesMax;

/// Values of one multiple-instance resource in a plan.
inline constexpr std::size_t kResourceInstancesMax = 256;

/// A number from 0 to 65535 as ids are written: decimal, without leading zeros.
[[nodiscard]] std::optional<std::uint16_t> read_id(std::string_view text);

/// A value and where it stands in the file.
struct PlacedValue {
  Path path;
  OwnedValue value;
  const toml::node* where = nullptr;
};
using PlacedValues = std::vector<PlacedValue>;

/// Reads `{ "5750" = "kitchen", "6" = [1, 2] }` below `instance`: one value of a single resource, a list
/// of a multiple one. Ascending paths.
[[nodiscard]] PlacedValues read_resources(TableReader& table, const Path& instance,
                                          const ObjectDefinition& object);

/// Reads `values = [ { path = "/40000/0/1", type = "string", value = "x" } ]` of `owner`, which lie at or
/// below `base`. The type may be left out where the object model has it; a value may stand in a `file`
/// instead. Ascending paths.
[[nodiscard]] PlacedValues read_values(TableReader& owner, const Path& base, const DeviceModel& model,
                                       KeyFiles& files);

}  // namespace slipway::fleet

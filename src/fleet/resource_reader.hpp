// SPDX-License-Identifier: Apache-2.0
// Values of resources out of TOML, typed by the object model.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <slipway/model/definition.hpp>
#include <slipway/model/path.hpp>
#include <slipway/model/value.hpp>

#include "toml_reader.hpp"

namespace slipway::fleet {

/// Values of one multiple-instance resource in a plan.
inline constexpr std::size_t kResourceInstancesMax = 256;

/// A number from 0 to 65535 as ids are written: decimal, without leading zeros.
[[nodiscard]] std::optional<std::uint16_t> read_id(std::string_view text);

/// Reads `{ "5750" = "kitchen", "6" = [1, 2] }` below `instance`: one value of a single resource, a list
/// of a multiple one. Ascending paths.
[[nodiscard]] std::vector<std::pair<Path, OwnedValue>> read_resources(TableReader& table,
                                                                      const Path& instance,
                                                                      const ObjectDefinition& object);

}  // namespace slipway::fleet

// SPDX-License-Identifier: Apache-2.0
// A configuration together with the object definitions that it is read by.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include <slipway/fleet/configuration.hpp>
#include <slipway/model/definition.hpp>

namespace slipway::cli {

struct LoadedConfiguration {
  std::unique_ptr<ObjectCatalog> catalog;  ///< plans were typed by it: it outlives them
  fleet::Configuration configuration;
};

/// Why there is none: findings, or a folder of objects that cannot be used.
struct LoadTrouble {
  std::vector<fleet::Finding> findings;
  std::string objects;

  [[nodiscard]] std::string text() const;  ///< a line each
};

/// Reads `file` by the objects of the folder `objects`; without it by those of the folder that the file
/// itself names
/// (`[server] objects`).
[[nodiscard]] std::expected<LoadedConfiguration, LoadTrouble> load_configuration(const std::string& file,
                                                                                 const std::string& objects);

}  // namespace slipway::cli

// SPDX-License-Identifier: Apache-2.0
#include "configuration.hpp"

#include "objects.hpp"

namespace slipway::cli {

std::string LoadTrouble::text() const {
  std::string all = objects;
  for (const auto& finding : findings) all += (all.empty() ? "" : "\n") + finding.text();
  return all;
}

std::expected<LoadedConfiguration, LoadTrouble> load_configuration(const std::string& file,
                                                                   const std::string& objects) {
  auto catalog = load_objects(objects.empty() ? fleet::objects_folder_of(file) : objects);
  if (!catalog) return std::unexpected(LoadTrouble{.findings = {}, .objects = catalog.error()});
  auto configuration = fleet::load_configuration(file, **catalog);
  if (!configuration)
    return std::unexpected(LoadTrouble{.findings = std::move(configuration.error()), .objects = ""});
  return LoadedConfiguration{std::move(*catalog), std::move(*configuration)};
}

}  // namespace slipway::cli

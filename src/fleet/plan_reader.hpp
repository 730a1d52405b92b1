// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include <slipway/fleet/plan.hpp>
#include <slipway/model/definition.hpp>

#include "toml_reader.hpp"

namespace slipway::fleet {

/// Reads the table of one plan; findings are added for everything that is wrong with it.
[[nodiscard]] std::shared_ptr<const Plan> read_plan(const toml::table& table, const std::string& name,
                                                    const std::string& key, const ObjectCatalog& catalog,
                                                    Findings& findings);

}  // namespace slipway::fleet

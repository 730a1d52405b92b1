// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "plan_draft.hpp"

namespace slipway::fleet {

/// Reads the table of one plan, `key` in the file; findings are added for everything that is wrong with one
/// of its parts. What its parts must be to each other is in lint.hpp.
[[nodiscard]] PlanDraft read_plan(const toml::table& table, const std::string& name, const std::string& key,
                                  const PlanContext& context, Findings& findings);

}  // namespace slipway::fleet

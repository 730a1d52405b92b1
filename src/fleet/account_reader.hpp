// SPDX-License-Identifier: Apache-2.0
// The accounts of a plan: servers, and the bootstrap account.
#pragma once

#include "plan_draft.hpp"

namespace slipway::fleet {

/// Reads one `[[plan.X.server]]`.
[[nodiscard]] ServerAccountPlan read_server_account(TableReader& table, const PlanContext& context);

/// Reads `[plan.X.bootstrap]`.
[[nodiscard]] BootstrapAccountPlan read_bootstrap_account(TableReader& table, const PlanContext& context);

/// Reads every `[authority.NAME]` of a configuration.
[[nodiscard]] Authorities read_authorities(TableReader& root, KeyFiles& files, UnixTime now);

}  // namespace slipway::fleet

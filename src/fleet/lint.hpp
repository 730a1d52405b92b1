// SPDX-License-Identifier: Apache-2.0
// What the parts of a plan must be to each other, and plans to the devices that they are for. Each rule is a
// function.
#pragma once

#include <span>

#include "plan_draft.hpp"

namespace slipway::fleet {

/// Rules within one plan: instances and links, access control, the device's model, operations, keys of
/// servers, bounds.
void lint_plan(PlanDraft& draft, const PlanContext& context);

/// Rules about the sessions of accounts: cipher suites that fit, and how devices know their servers.
void lint_sessions(PlanDraft& draft);

/// Rules about keys that stand in plans as values: nobody shares one, nobody could guess one. Over all plans
/// at once.
void lint_secrets(std::span<PlanDraft> drafts, const ObjectCatalog& catalog);

}  // namespace slipway::fleet

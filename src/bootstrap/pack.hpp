// SPDX-License-Identifier: Apache-2.0
// A plan as one Bootstrap-Pack. [LwM2M-CORE 1.2 §6.1.7.7]
#pragma once

#include <span>
#include <vector>

#include <slipway/bootstrap/operations.hpp>

namespace slipway::bootstrap {

/// Whether a Pack can say all of a plan. It replaces every instance of the objects in it (but the bootstrap
/// account and /3/0) and nothing else, all or nothing. Errors: refused (explicit operations, optional parts,
/// accounts to keep, DELETE /, a new bootstrap account, /2 instances that only a Delete could take away).
[[nodiscard]] Result<void> check_pack(const fleet::Plan& plan);

/// The operations that a Pack sums up, for a device that has its bootstrap account in `account` (its /0
/// instance, and linked /21, /23, /24) and else nothing. Without a /0 instance in it, /0/0 is taken for that.
/// Errors: as plan_operations.
[[nodiscard]] Result<void> plan_pack(const fleet::Plan& plan, std::span<const Path> account,
                                     const ObjectCatalog& catalog, OperationList& out);

}  // namespace slipway::bootstrap

// SPDX-License-Identifier: Apache-2.0
// Where the access controls of a plan go on a device, and what becomes of those that it has.
// [LwM2M-CORE 1.2 §8.1.3]
#pragma once

#include <slipway/bootstrap/operations.hpp>

namespace slipway::bootstrap {

/// Whether a Write of what the device already has is left out.
enum class Rewrite : std::uint8_t { what_differs, everything };

struct AccessInput {
  const fleet::Plan& plan;
  const DeviceState& device;
  Round round;
  Rewrite rewrite;
  std::span<const PlannedOperation> earlier;  ///< of the first round, for a repair
  const ObjectCatalog& catalog;
};

/// Appends the Deletes of /2 to `deletes`, the Writes to `writes`, and to `kept_rights` what servers keep
/// whose accounts stay. Errors: exhausted, limit.
[[nodiscard]] Result<void> plan_access(const AccessInput& input, std::vector<PlannedOperation>& deletes,
                                       std::vector<PlannedOperation>& writes,
                                       std::vector<KeptRight>& kept_rights);

}  // namespace slipway::bootstrap

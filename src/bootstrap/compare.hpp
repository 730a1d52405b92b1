// SPDX-License-Identifier: Apache-2.0
// Whether what a device told by Bootstrap-Read is what a plan would write.
#pragma once

#include <slipway/bootstrap/operations.hpp>

namespace slipway::bootstrap {

/// True when the device has, at `operation.path`, exactly what the operation would write. Of /1 the resources
/// that the device keeps by itself (11, 12) do not count. An instance that was not read is not the same.
[[nodiscard]] bool is_as_planned(const PlannedOperation& operation, const Sources& sources,
                                 std::span<const Entry> read);

}  // namespace slipway::bootstrap

// SPDX-License-Identifier: Apache-2.0
// What the link lists of bootstrap and registration read in the same way.
#pragma once

#include <optional>
#include <string_view>

#include <slipway/base/result.hpp>
#include <slipway/codec/link_format.hpp>
#include <slipway/model/definition.hpp>
#include <slipway/model/path.hpp>

namespace slipway::lwm2m {

/// The path that a link's target names; nothing when the target is not numeric or has no leading slash.
/// Errors: out_of_range (an id above 65534).
[[nodiscard]] Result<std::optional<Path>> path_of_target(std::string_view target, std::size_t offset);

/// `ver` of a link. Errors: malformed.
[[nodiscard]] Result<std::optional<Version>> version_of_link(const codec::Link& link);

}  // namespace slipway::lwm2m

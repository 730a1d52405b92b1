// SPDX-License-Identifier: Apache-2.0
// A failed handshake as the store has it: JSON with numbers, so that no change of a word makes it unreadable.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <slipway/node/failures.hpp>

namespace slipway::node {

/// Text of a peer is made UTF-8 on the way, as it is wherever it is shown.
[[nodiscard]] std::string to_record(const FailedHandshake& failure);
/// Nothing for what is damaged or from another version.
[[nodiscard]] std::optional<FailedHandshake> from_record(std::string_view text);

}  // namespace slipway::node

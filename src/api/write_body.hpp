// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <slipway/model/definition.hpp>
#include <slipway/model/path.hpp>
#include <slipway/model/value.hpp>

namespace slipway::api {

/// Values in one write, at most.
inline constexpr std::size_t kWriteValuesMax = 256;

/// Reads the body of a write to `path`: {"value": 5} for a resource, {"values": {"1": 300, "6": [1, 5]}} for
/// an instance, keys being ids or whole paths. Types are the object model's; without a definition they follow
/// from JSON. Opaque is hexadecimal text, an object link "3:0". The error is for a person.
[[nodiscard]] std::expected<std::vector<std::pair<Path, OwnedValue>>, std::string> read_write_body(
    const nlohmann::json& body, const Path& path, const ObjectCatalog& catalog);

}  // namespace slipway::api

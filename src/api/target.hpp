// SPDX-License-Identifier: Apache-2.0
// The request target: path and query with their percent-encoding.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/api/http.hpp>

namespace slipway::api {

enum class Plus : std::uint8_t { literal, blank };

/// Nothing for a % without two hexadecimal digits, or for a control character, written or encoded.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, Plus plus);

/// Segments of an absolute path, still encoded: "/a/b" -> a, b. Nothing when it is not absolute.
[[nodiscard]] std::optional<std::vector<std::string_view>> split_path(std::string_view path);

/// `a=1&b` -> (a,1) (b,""). Nothing for bad encoding.
[[nodiscard]] std::optional<Fields> parse_query(std::string_view query);

}  // namespace slipway::api

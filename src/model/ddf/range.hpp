// SPDX-License-Identifier: Apache-2.0
// The RangeEnumeration column of the registry, which people wrote in many ways.
#pragma once

#include <optional>
#include <string_view>

#include <slipway/model/definition.hpp>

namespace slipway {

///     range       = number sep number [unit]      "0..255"  "-40 - 125"  "0-255 bytes"
///     enumeration = number *("," number) [unit]   "0,1,2"
///     sep         = ".." / "-" / en dash
///
/// An enumeration becomes its least and greatest; a single number is the greatest length of text or
/// bytes. Not present: empty text, and types without a range. Nothing: text that is none of these,
/// an enumeration of strings, a minimum above the maximum.
[[nodiscard]] std::optional<Range> parse_range(std::string_view text, DataType type);

}  // namespace slipway

// SPDX-License-Identifier: Apache-2.0
// Text of a peer, made fit for a terminal, a page and JSON.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace slipway::trace {

/// Valid UTF-8 of at most about `max` bytes: control characters (also the C1 ones, and those that turn the
/// direction of writing) become dots, bytes that are no UTF-8 become U+FFFD, and what is cut ends in "…".
[[nodiscard]] std::string printable(std::string_view text, std::size_t max = 256);

/// How many columns a text takes, counting each code point as one.
[[nodiscard]] std::size_t columns_of(std::string_view text);
/// At most `columns` columns of a text; what is cut ends in "…".
[[nodiscard]] std::string cut(std::string_view text, std::size_t columns);
/// The text, and blanks up to `columns`.
[[nodiscard]] std::string padded(std::string_view text, std::size_t columns);

}  // namespace slipway::trace

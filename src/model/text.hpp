// SPDX-License-Identifier: Apache-2.0
// What of foreign text may reach a terminal or a log as it is.
#pragma once

#include <string>

#include <slipway/base/bytes.hpp>

namespace slipway {

/// Length of the character at the front of `bytes` (not empty) if a terminal may be given it as it is;
/// 0 for what must be escaped: controls (C0, DEL, C1) and what is not UTF-8. [RFC 3629 §4]
[[nodiscard]] std::size_t printable_length(ByteView bytes);

/// In double quotes; quotes and backslashes escaped, what is not printable as `\x1b`.
[[nodiscard]] std::string quoted(ByteView bytes);

}  // namespace slipway

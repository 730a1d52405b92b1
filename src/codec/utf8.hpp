// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <slipway/base/bytes.hpp>

namespace slipway::codec {

/// Whether bytes are UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. [RFC 3629 §4]
/// Asked where JSON needs it; binary formats and plain text pass on what the peer sent.
[[nodiscard]] bool is_utf8(ByteView bytes);

/// Writes a code point below 0x110000; returns its end. At most four bytes.
[[nodiscard]] std::uint8_t* put_utf8(std::uint8_t* at, std::uint32_t code_point);

}  // namespace slipway::codec

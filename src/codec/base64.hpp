// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <slipway/base/bytes.hpp>

namespace slipway::codec {

enum class Base64 : std::uint8_t {
  padded,  ///< + and /, with padding: plain text, OMA JSON [RFC 4648 §4]
  url,     ///< - and _, without padding: SenML JSON [RFC 4648 §5]
};

[[nodiscard]] constexpr std::size_t base64_size(std::size_t bytes, Base64 style) {
  return style == Base64::padded ? (bytes + 2) / 3 * 4 : bytes / 3 * 4 + (bytes % 3 == 0 ? 0 : bytes % 3 + 1);
}
void put_base64(ByteView bytes, Base64 style, ByteWriter& out);

/// Most bytes that `characters` of base64 can hold.
[[nodiscard]] constexpr std::size_t base64_bytes_max(std::size_t characters) {
  return characters / 4 * 3 + characters % 4;
}
/// Reads either alphabet, padded or not, since devices send all four; `out` may be the text itself.
/// Returns the end of what was written, nullptr when it is no base64.
[[nodiscard]] std::uint8_t* parse_base64(ByteView text, std::uint8_t* out);

}  // namespace slipway::codec

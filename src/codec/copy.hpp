// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>

namespace slipway::codec {

/// Copies and returns the end of the copy. Most values of a device are short: up to 32 bytes go as two
/// moves that overlap, without a call.
[[nodiscard]] inline std::uint8_t* put_bytes(std::uint8_t* to, const std::uint8_t* from, std::size_t size) {
  if (size >= 8) {
    if (size > 32) {
      std::memcpy(to, from, size);
    } else if (size >= 16) {
      std::memcpy(to, from, 16);
      std::memcpy(to + size - 16, from + size - 16, 16);
    } else {
      std::memcpy(to, from, 8);
      std::memcpy(to + size - 8, from + size - 8, 8);
    }
  } else if (size >= 4) {
    std::memcpy(to, from, 4);
    std::memcpy(to + size - 4, from + size - 4, 4);
  } else if (size != 0) {
    to[0] = from[0];
    to[size >> 1] = from[size >> 1];
    to[size - 1] = from[size - 1];
  }
  return to + size;
}

}  // namespace slipway::codec

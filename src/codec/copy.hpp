// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>

namespace slipway::codec {

/// Copies `size` bytes and returns the end of the copy: two moves that overlap, without a call.
[[nodiscard]] inline std::uint8_t* put_8_to_32(std::uint8_t* to, const std::uint8_t* from, std::size_t size) {
  if (size >= 16) {
    std::memcpy(to, from, 16);
    std::memcpy(to + size - 16, from + size - 16, 16);
  } else {
    std::memcpy(to, from, 8);
    std::memcpy(to + size - 8, from + size - 8, 8);
  }
  return to + size;
}

[[nodiscard]] inline std::uint8_t* put_up_to_7(std::uint8_t* to, const std::uint8_t* from, std::size_t size) {
  if (size >= 4) {
    std::memcpy(to, from, 4);
    std::memcpy(to + size - 4, from + size - 4, 4);
  } else if (size != 0) {
    to[0] = from[0];
    to[size >> 1] = from[size >> 1];
    to[size - 1] = from[size - 1];
  }
  return to + size;
}

/// The same for any size; most values of a device are short.
[[nodiscard]] inline std::uint8_t* put_bytes(std::uint8_t* to, const std::uint8_t* from, std::size_t size) {
  if (size < 8) return put_up_to_7(to, from, size);
  if (size <= 32) return put_8_to_32(to, from, size);
  std::memcpy(to, from, size);
  return to + size;
}

}  // namespace slipway::codec

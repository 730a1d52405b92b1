// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <slipway/model/value.hpp>

namespace slipway::codec {

/// Decimal digits of an id; returns their end. Writes at most five.
[[nodiscard]] inline std::uint8_t* put_id(std::uint8_t* at, unsigned id) {
  if (id >= 100) {
    const int digits = id < 1000 ? 3 : id < 10000 ? 4 : 5;
    for (int i = digits; i-- > 0; id /= 10) at[i] = static_cast<std::uint8_t>('0' + id % 10);
    return at + digits;
  }
  if (id >= 10) {
    *at++ = static_cast<std::uint8_t>('0' + id / 10);
    id %= 10;
  }
  *at++ = static_cast<std::uint8_t>('0' + id);
  return at;
}

/// Longest result of put_objlnk().
inline constexpr std::size_t kObjlnkTextMax = 11;
[[nodiscard]] inline std::uint8_t* put_objlnk(std::uint8_t* at, Objlnk link) {
  at = put_id(at, link.object);
  *at++ = ':';
  return put_id(at, link.instance);
}

}  // namespace slipway::codec

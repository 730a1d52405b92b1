// SPDX-License-Identifier: Apache-2.0
#include "codec/utf8.hpp"

namespace slipway::codec {
namespace {

bool is_continuation(std::uint8_t byte) {
  return (byte & 0xc0) == 0x80;
}

/// Bytes of the sequence at `at`, or 0.
std::size_t sequence_size(ByteView rest) {
  const auto first = rest[0];
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || rest.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if (!is_continuation(rest[i])) return 0;
  if (first == 0xe0 && rest[1] < 0xa0) return 0;  // overlong
  if (first == 0xed && rest[1] > 0x9f) return 0;  // surrogate
  if (first == 0xf0 && rest[1] < 0x90) return 0;  // overlong
  if (first == 0xf4 && rest[1] > 0x8f) return 0;  // above U+10FFFF
  return size;
}

}  // namespace

bool is_utf8(ByteView bytes) {
  while (!bytes.empty()) {
    const auto size = sequence_size(bytes);
    if (size == 0) return false;
    bytes = bytes.subspan(size);
  }
  return true;
}

std::uint8_t* put_utf8(std::uint8_t* at, std::uint32_t code_point) {
  const auto tail = [&](int shift) { return static_cast<std::uint8_t>(0x80 | (code_point >> shift & 0x3f)); };
  if (code_point < 0x80) {
    *at++ = static_cast<std::uint8_t>(code_point);
  } else if (code_point < 0x800) {
    *at++ = static_cast<std::uint8_t>(0xc0 | code_point >> 6);
    *at++ = tail(0);
  } else if (code_point < 0x10000) {
    *at++ = static_cast<std::uint8_t>(0xe0 | code_point >> 12);
    *at++ = tail(6);
    *at++ = tail(0);
  } else {
    *at++ = static_cast<std::uint8_t>(0xf0 | code_point >> 18);
    *at++ = tail(12);
    *at++ = tail(6);
    *at++ = tail(0);
  }
  return at;
}

}  // namespace slipway::codec

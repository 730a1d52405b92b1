// SPDX-License-Identifier: Apache-2.0
#include "model/text.hpp"

namespace slipway {

namespace {

bool is_continuation(std::uint8_t byte) {
  return (byte & 0xc0) == 0x80;
}

}  // namespace

std::size_t printable_length(ByteView bytes) {
  const auto first = bytes[0];
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || bytes.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if (!is_continuation(bytes[i])) return 0;
  const auto second = bytes[1];
  if (first == 0xc2 && second < 0xa0) return 0;   // C1 controls
  if (first == 0xe0 && second < 0xa0) return 0;   // overlong
  if (first == 0xed && second >= 0xa0) return 0;  // surrogates
  if (first == 0xf0 && second < 0x90) return 0;   // overlong
  if (first == 0xf4 && second >= 0x90) return 0;  // above U+10FFFF
  return length;
}

std::string quoted(ByteView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "\"";
  while (!bytes.empty()) {
    const auto length = printable_length(bytes);
    if (length == 0) {
      text += "\\x";
      text += kDigits[bytes[0] >> 4];
      text += kDigits[bytes[0] & 0xf];
    } else {
      if (bytes[0] == '"' || bytes[0] == '\\') text += '\\';
      text += as_text(bytes.first(length));
    }
    bytes = bytes.subspan(length == 0 ? 1 : length);
  }
  return text += '"';
}

}  // namespace slipway

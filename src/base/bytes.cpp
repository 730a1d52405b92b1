// SPDX-License-Identifier: Apache-2.0
#include <slipway/base/bytes.hpp>

namespace slipway {

bool equal_constant_time(ByteView a, ByteView b) {
  if (a.size() != b.size()) return false;
  volatile std::uint8_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference = difference | static_cast<std::uint8_t>(a[i] ^ b[i]);
  return difference == 0;
}

std::string to_hex(ByteView bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const auto byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

namespace {
int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}
bool is_separator(char c) {
  return c == ' ' || c == ':' || c == '\n' || c == '\r' || c == '\t';
}
}  // namespace

Result<Bytes> from_hex(std::string_view text) {
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  std::size_t at = text.starts_with("0x") || text.starts_with("0X") ? 2 : 0;
  int high = -1;
  for (; at < text.size(); ++at) {
    if (is_separator(text[at])) continue;
    const int digit = hex_digit(text[at]);
    if (digit < 0) return fail(ErrorCode::malformed, "not a hexadecimal digit", at);
    if (high < 0) {
      high = digit;
    } else {
      bytes.push_back(static_cast<std::uint8_t>(high << 4 | digit));
      high = -1;
    }
  }
  if (high >= 0) return fail(ErrorCode::malformed, "an odd number of hexadecimal digits", text.size());
  return bytes;
}

}  // namespace slipway

// SPDX-License-Identifier: Apache-2.0
#include "codec/base64.hpp"

namespace slipway::codec {
namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_";

std::uint8_t symbol(std::uint32_t bits, Base64 style) {
  const std::uint32_t index = bits & 63;
  return static_cast<std::uint8_t>(kAlphabet[index < 62 || style == Base64::padded ? index : index + 2]);
}

/// The six bits of a symbol, or 64.
std::uint32_t bits_of(std::uint8_t c) {
  if (c >= 'A' && c <= 'Z') return c - unsigned{'A'};
  if (c >= 'a' && c <= 'z') return c - unsigned{'a'} + 26;
  if (c >= '0' && c <= '9') return c - unsigned{'0'} + 52;
  if (c == '+' || c == '-') return 62;
  return c == '/' || c == '_' ? 63 : 64;
}

}  // namespace

void put_base64(ByteView bytes, Base64 style, ByteWriter& out) {
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const std::uint32_t group =
        std::uint32_t{bytes[i]} << 16 | std::uint32_t{bytes[i + 1]} << 8 | bytes[i + 2];
    for (int shift = 18; shift >= 0; shift -= 6) out.u8(symbol(group >> shift, style));
  }
  const auto left = bytes.size() - i;
  if (left == 0) return;
  const std::uint32_t group =
      std::uint32_t{bytes[i]} << 16 | (left == 2 ? std::uint32_t{bytes[i + 1]} << 8 : 0);
  out.u8(symbol(group >> 18, style));
  out.u8(symbol(group >> 12, style));
  if (left == 2) out.u8(symbol(group >> 6, style));
  if (style == Base64::padded) out.text(left == 2 ? "=" : "==");
}

std::uint8_t* parse_base64(ByteView text, std::uint8_t* out) {
  auto size = text.size();
  if (size != 0 && size % 4 == 0) {
    if (text[size - 1] == '=') --size;
    if (text[size - 1] == '=') --size;
  }
  if (size % 4 == 1) return nullptr;
  std::uint32_t group = 0;
  unsigned bits = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const auto symbol = bits_of(text[i]);
    if (symbol == 64) return nullptr;
    group = group << 6 | symbol;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    *out++ = static_cast<std::uint8_t>(group >> bits);
  }
  return out;
}

}  // namespace slipway::codec

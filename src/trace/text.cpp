// SPDX-License-Identifier: Apache-2.0
#include "text.hpp"

#include <cstdint>

namespace slipway::trace {
namespace {

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t size = 0;  ///< bytes; 0 when they are no UTF-8
};

/// The first code point of a text that is not empty. [RFC 3629 §4]
CodePoint first_of(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const auto lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return {};
  std::uint32_t value = lead & (0x7Fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    value = value << 6 | (byte(i) & 0x3Fu);
  }
  const bool overlong = (size == 3 && value < 0x800) || (size == 4 && value < 0x10000);
  if (overlong || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return {};
  return {value, size};
}

bool is_control(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x061C || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF;
}

bool continues(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

}  // namespace

std::string printable(std::string_view text, std::size_t max) {
  std::string out;
  while (!text.empty()) {
    if (out.size() >= max) return out + "…";
    const auto point = first_of(text);
    if (point.size == 0)
      out += "\xEF\xBF\xBD";
    else if (is_control(point.value))
      out += '.';
    else
      out += text.substr(0, point.size);
    text.remove_prefix(point.size == 0 ? 1 : point.size);
  }
  return out;
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  for (const char c : text) columns += continues(c) ? 0 : 1;
  return columns;
}

std::string cut(std::string_view text, std::size_t columns) {
  if (columns_of(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  std::size_t seen = 0;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (!continues(text[i]) && ++seen == columns) return std::string(text.substr(0, i)) + "…";
  return std::string(text);
}

std::string padded(std::string_view text, std::size_t columns) {
  std::string out(text);
  for (auto seen = columns_of(text); seen < columns; ++seen) out += ' ';
  return out;
}

}  // namespace slipway::trace

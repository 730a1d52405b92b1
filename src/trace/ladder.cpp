// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>

#include <slipway/trace/journey.hpp>

namespace slipway::trace {
namespace {

constexpr std::string_view kReset = "\033[0m";
constexpr std::string_view kDim = "\033[2m";
constexpr std::string_view kBold = "\033[1m";
constexpr std::string_view kUp = "\033[36m";
constexpr std::string_view kDown = "\033[32m";
constexpr std::string_view kBad = "\033[31m";

constexpr std::size_t kValueIndent = 21;  ///< under the code column

std::string paint(std::string_view text, std::string_view colour, const LadderStyle& style) {
  if (style.colour == Colour::off || text.empty()) return std::string(text);
  return std::string(colour) + std::string(text) + std::string(kReset);
}

/// Cuts to `width` columns, counting UTF-8 sequences as one column each.
std::string cut(std::string_view text, std::size_t width) {
  std::size_t columns = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (++columns > width) return std::string(text.substr(0, i)) + "…";
  }
  return std::string(text);
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

bool is_error(const Row& row) {
  return !row.code.empty() && (row.code[0] == '4' || row.code[0] == '5' || row.type == "RST" || row.type == "?");
}

}  // namespace

std::string ladder_header(const LadderStyle& style) {
  return paint("     time    bytes  device       server", kDim, style) + "\n";
}

std::string ladder_row(const Row& row, const LadderStyle& style) {
  char time_and_size[32];
  std::snprintf(time_and_size, sizeof time_and_size, "%9.1f %6zu  ", static_cast<double>(row.at.count()) / 1000.0,
                row.wire_size);
  const bool up = row.direction == Direction::up;
  const std::string arrow = up ? padded("──" + row.type + "─────▶", 0) : "◀─────" + row.type + "──";
  std::string text = row.code;
  if (!row.path.empty()) text += " " + row.path;
  const std::string operation = row.operation.empty() ? "" : "  " + row.operation;
  const std::string rest = row.detail.empty() ? "" : "  " + row.detail;
  const std::size_t room = style.width > 40 ? style.width - 36 : 24;

  std::string out = paint(time_and_size, kDim, style);
  out += paint(arrow, up ? kUp : kDown, style) + "  ";
  out += paint(cut(text, room), is_error(row) ? kBad : kBold, style);
  const auto left = room > text.size() ? room - text.size() : 0;
  out += paint(cut(operation, left), up ? kUp : kDown, style);
  out += paint(cut(rest, left > operation.size() + 8 ? left - operation.size() : 8), kDim, style) + "\n";
  for (const auto& value : row.values)
    out += std::string(kValueIndent + 14, ' ') + cut(value, style.width > 44 ? style.width - 38 : 24) + "\n";
  return out;
}

std::string ladder(const Journey& journey, const LadderStyle& style) {
  std::string out = ladder_header(style);
  for (const auto& row : journey.rows) out += ladder_row(row, style);
  if (journey.rows_dropped != 0) out += "  ... " + std::to_string(journey.rows_dropped) + " more messages\n";
  return out;
}

}  // namespace slipway::trace

// SPDX-License-Identifier: Apache-2.0
//
//     time ms  bytes   device      server
//         0.0     43  │─── CON ───▶│  POST          /bs        Bootstrap-Request
//                     │            │    ?ep=urn:dev:os:1&pct=112
//         2.5     12  │◀── ACK ────│  2.04 Changed  /bs
#include <algorithm>
#include <cstdio>

#include <slipway/trace/journey.hpp>

#include "text.hpp"

namespace slipway::trace {
namespace {

constexpr std::string_view kReset = "\033[0m";
constexpr std::string_view kDim = "\033[2m";
constexpr std::string_view kBold = "\033[1m";
constexpr std::string_view kUp = "\033[36m";
constexpr std::string_view kDown = "\033[32m";
constexpr std::string_view kBad = "\033[31m";

constexpr std::size_t kWideFrom = 90;
constexpr std::size_t kNumbers = 18;  ///< columns of time and bytes, with their blanks
constexpr std::size_t kTextMin = 20;
constexpr std::size_t kCode = 12, kPath = 9, kOperation = 18;

class Layout {
 public:
  explicit Layout(const LadderStyle& style) : style_(style), wide_(style.width >= kWideFrom) {}

  [[nodiscard]] bool wide() const { return wide_; }
  [[nodiscard]] std::size_t rung() const { return wide_ ? 12 : 8; }
  /// Columns left of the text: numbers, the two rails and the rung, two blanks.
  [[nodiscard]] std::size_t left() const { return kNumbers + rung() + 4; }
  [[nodiscard]] std::size_t room() const { return std::max(style_.width, left() + kTextMin) - left(); }

  [[nodiscard]] std::string paint(std::string_view text, std::string_view colour) const {
    if (style_.colour == Colour::off || text.find_first_not_of(' ') == std::string_view::npos)
      return std::string(text);
    return std::string(colour) + std::string(text) + std::string(kReset);
  }

  /// "─── CON ───▶", or "◀── ACK ────".
  [[nodiscard]] std::string arrow(const Row& row) const {
    const auto label = " " + cut(printable(row.type), 4) + " ";
    const auto lines = rung() - 1 - columns_of(label);
    std::string before, after;
    for (std::size_t i = 0; i < lines; ++i) (i < lines / 2 ? before : after) += "─";
    return row.direction == Direction::up ? after + label + before + "▶" : "◀" + before + label + after;
  }

  /// The rails of a line that is no message.
  [[nodiscard]] std::string between() const {
    return std::string(kNumbers, ' ') + paint("│" + std::string(rung(), ' ') + "│", kDim) + "  ";
  }

 private:
  LadderStyle style_;
  bool wide_;
};

bool is_error(const Row& row) {
  return row.type == "RST" || row.type == "?" || row.code.starts_with("4.") || row.code.starts_with("5.");
}

struct Part {
  std::string text;
  std::string_view colour;
  std::size_t column;  ///< its width in a wide ladder
};

}  // namespace

std::string ladder_header(const LadderStyle& style) {
  const Layout layout(style);
  return layout.paint("  time ms  bytes  device  server", kDim) + "\n";
}

std::string ladder_row(const Row& row, const LadderStyle& style) {
  const Layout layout(style);
  const auto direction = row.direction == Direction::up ? kUp : kDown;
  char numbers[64];
  std::snprintf(numbers, sizeof numbers, "%9.1f %6zu", static_cast<double>(row.at.count()) / 1000.0,
                row.wire_size);
  std::string out = layout.paint(padded(cut(numbers, kNumbers - 2), kNumbers), kDim);
  out += layout.paint("│", kDim) + layout.paint(layout.arrow(row), is_error(row) ? kBad : direction) +
         layout.paint("│", kDim);

  const Part parts[] = {{printable(row.code), is_error(row) ? kBad : kBold, kCode},
                        {printable(row.path), kBold, kPath},
                        {printable(row.operation), direction, kOperation}};
  std::string line;      // painted
  std::size_t used = 0;  // columns of it
  std::size_t owed = 0;  // blanks before the next part
  const auto append = [&](const Part& part) {
    if (!part.text.empty()) {
      if (used + owed + 1 >= layout.room()) return;
      line += std::string(owed, ' ');
      const auto text = cut(part.text, layout.room() - used - owed);
      line += layout.paint(text, part.colour);
      used += owed + columns_of(text);
      owed = 0;
    }
    const auto size = columns_of(part.text);
    if (layout.wide())
      owed += (size < part.column ? part.column - size : 0) + 2;
    else if (size != 0)
      owed = 2;
  };
  for (const auto& part : parts) append(part);
  const auto detail = printable(row.detail, 2 * kLineMax);
  const bool detail_fits = used + owed + columns_of(detail) <= layout.room();
  if (detail_fits) append({detail, kDim, 0});
  out += (line.empty() ? "" : "  ") + line + "\n";
  if (!detail_fits)
    out += layout.between() + "  " + layout.paint(cut(detail, layout.room() - 2), kDim) + "\n";
  for (const auto& value : row.values)
    out += layout.between() + "  " + cut(printable(value, 2 * kLineMax), layout.room() - 2) + "\n";
  return out;
}

std::string headline(const Journey& journey, const LadderStyle& style) {
  const Layout layout(style);
  const bool good = journey.reason.empty() && journey.remedy.empty();
  std::string out = layout.paint(printable(journey.outcome, 2 * kLineMax), good ? kBold : kBad);
  if (!journey.reason.empty()) out += ": " + printable(journey.reason, 4 * kLineMax);
  out += "\n";
  if (!journey.remedy.empty()) out += "  → " + printable(journey.remedy, 4 * kLineMax) + "\n";
  return out;
}

std::string ladder(const Journey& journey, const LadderStyle& style) {
  std::string out = ladder_header(style);
  for (const auto& row : journey.rows) out += ladder_row(row, style);
  if (journey.rows_dropped != 0)
    out += Layout(style).between() + "… " + std::to_string(journey.rows_dropped) + " more messages\n";
  return out;
}

}  // namespace slipway::trace

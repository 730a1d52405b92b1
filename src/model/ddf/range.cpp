// SPDX-License-Identifier: Apache-2.0
#include "model/ddf/range.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace slipway {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) { skip_blanks(); }

  [[nodiscard]] bool done() const { return rest_.empty(); }

  bool accept(std::string_view token) {
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    skip_blanks();
    return true;
  }

  /// The extent is found first: a conversion would take the first dot of "0..255" into the number.
  std::optional<double> number() {
    std::size_t at = rest_.starts_with('-') ? 1 : 0;
    const auto digits = skip_digits(at);
    if (digits == at) return std::nullopt;
    at = digits;
    if (at + 1 < rest_.size() && rest_[at] == '.' && is_digit(rest_[at + 1])) at = skip_digits(at + 1);
    double value = 0;
    if (std::from_chars(rest_.data(), rest_.data() + at, value).ec != std::errc{}) return std::nullopt;
    rest_.remove_prefix(at);
    skip_blanks();
    return value;
  }

 private:
  [[nodiscard]] std::size_t skip_digits(std::size_t at) const {
    while (at < rest_.size() && is_digit(rest_[at])) ++at;
    return at;
  }
  void skip_blanks() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\t' || rest_[0] == '\r' || rest_[0] == '\n'))
      rest_.remove_prefix(1);
  }
  std::string_view rest_;
};

enum class Measure { nothing, number, length };

Measure measure_of(DataType type) {
  switch (type) {
    case DataType::integer:
    case DataType::unsigned_integer:
    case DataType::floating:
    case DataType::time:
      return Measure::number;
    case DataType::string:
    case DataType::opaque:
    case DataType::corelnk:
      return Measure::length;
    case DataType::none:
    case DataType::boolean:
    case DataType::objlnk:
      return Measure::nothing;
  }
  return Measure::nothing;
}

/// Ends a well-formed range: only a unit of length may follow.
bool at_end(Scanner& scanner) {
  for (const auto* unit : {"bytes", "byte", "octets", "characters", "chars"})
    if (scanner.accept(unit)) break;
  return scanner.done();
}

bool accept_separator(Scanner& scanner) {
  return scanner.accept("..") || scanner.accept("-") || scanner.accept("\xe2\x80\x93");
}

}  // namespace

std::optional<Range> parse_range(std::string_view text, DataType type) {
  const auto measure = measure_of(type);
  Scanner scanner(text);
  if (scanner.done() || measure == Measure::nothing) return Range{};
  const auto first = scanner.number();
  if (!first) return std::nullopt;
  Range range{.min = *first, .max = *first, .present = true};
  if (accept_separator(scanner)) {
    const auto last = scanner.number();
    if (!last || *last < *first) return std::nullopt;
    range.max = *last;
  } else if (scanner.accept(",")) {
    if (type == DataType::string || type == DataType::corelnk) return std::nullopt;  // values, not lengths
    do {
      const auto next = scanner.number();
      if (!next) return std::nullopt;
      range.min = std::min(range.min, *next);
      range.max = std::max(range.max, *next);
    } while (scanner.accept(","));
  } else if (measure == Measure::length) {
    range.min = 0;
  } else {
    return std::nullopt;  // whether "10" is a bound or the only value is anyone's guess
  }
  if (!at_end(scanner) || (measure == Measure::length && range.min < 0)) return std::nullopt;
  return range;
}

}  // namespace slipway

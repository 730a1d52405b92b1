// SPDX-License-Identifier: Apache-2.0
#include "codec/number.hpp"

#include <charconv>
#include <limits>

namespace slipway::codec {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::size_t digits_from(std::string_view text, std::size_t at) {
  std::size_t count = 0;
  while (at + count < text.size() && is_digit(text[at + count])) ++count;
  return count;
}

/// Checks fraction and exponent after the whole digits, up to the end.
bool is_fraction_and_exponent(std::string_view text, std::size_t at) {
  if (at < text.size() && text[at] == '.') {
    const auto digits = digits_from(text, at + 1);
    if (digits == 0) return false;
    at += 1 + digits;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    const auto digits = digits_from(text, at);
    if (digits == 0) return false;
    at += digits;
  }
  return at == text.size();
}

/// False when 64 bits do not hold it.
bool whole_number(std::string_view digits, bool negative, Scalar& out) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{}) return false;
  if (!negative || number == 0) {
    out.kind = Scalar::Kind::unsigned_integer;
    out.number = number;
    return true;
  }
  if (number > std::uint64_t{1} << 63) return false;
  out.kind = Scalar::Kind::negative;
  out.number = ~number + 1;
  return true;
}

template <class Number>
void put(Number number, ByteWriter& out) {
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof text, number);
  if (error != std::errc{}) return out.overflow();
  out.text({text, static_cast<std::size_t>(end - text)});
}

}  // namespace

Result<Scalar> parse_number(std::string_view text, NumberGrammar grammar) {
  Scalar scalar;
  const bool negative = !text.empty() && text.front() == '-';
  const std::size_t start = negative ? 1 : 0;
  const auto whole = digits_from(text, start);
  if (whole == 0 || !is_fraction_and_exponent(text, start + whole) ||
      (grammar == NumberGrammar::json && whole > 1 && text[start] == '0'))
    return fail(ErrorCode::malformed, "not a number");
  const bool is_whole = start + whole == text.size();
  if (is_whole && whole_number(text.substr(start), negative, scalar)) return scalar;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), scalar.floating);
  if (error != std::errc{}) return fail(ErrorCode::out_of_range, "a number that no double holds");
  scalar.kind = Scalar::Kind::floating;
  return scalar;
}

void put_number(double number, ByteWriter& out) {
  put(number, out);
}
void put_number(std::int64_t number, ByteWriter& out) {
  put(number, out);
}
void put_number(std::uint64_t number, ByteWriter& out) {
  put(number, out);
}

}  // namespace slipway::codec

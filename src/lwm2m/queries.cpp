// SPDX-License-Identifier: Apache-2.0
#include <slipway/lwm2m/queries.hpp>

#include <array>
#include <charconv>

namespace slipway::lwm2m {

bool QueryList::add(std::string_view name, std::uint64_t value) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return add(name, std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
}

bool QueryList::append(std::string_view name, std::string_view separator, std::string_view value) {
  const auto start = text_.size();
  const auto size = name.size() + separator.size() + value.size();
  if (views_.full() || size > text_.capacity() - start) return false;
  (void)text_.append(name);
  (void)text_.append(separator);
  (void)text_.append(value);
  return views_.push_back(text_.view().substr(start, size));
}

Query split_query(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) return {.name = text, .value = {}, .has_value = false};
  return {.name = text.substr(0, equals), .value = text.substr(equals + 1), .has_value = true};
}

std::optional<std::uint64_t> parse_decimal(std::string_view text, std::uint64_t max) {
  if (text.empty() || text.size() > 20) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number > max) return std::nullopt;
  return number;
}

}  // namespace slipway::lwm2m

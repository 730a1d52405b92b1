// SPDX-License-Identifier: Apache-2.0
// The `name=value` queries of a request of the Enabler.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <slipway/base/bounded.hpp>
#include <slipway/codec/content_format.hpp>

namespace slipway::lwm2m {

/// The queries of a request, in order; the views live as long as this object.
class QueryList {
 public:
  QueryList() = default;
  QueryList(const QueryList&) = delete;
  QueryList& operator=(const QueryList&) = delete;

  /// `name=value`, or `name` alone. False when there is no room for it; nothing is added then.
  bool add(std::string_view name) { return append(name, {}, {}); }
  bool add(std::string_view name, std::string_view value) { return append(name, "=", value); }
  bool add(std::string_view name, std::uint64_t value);
  [[nodiscard]] std::span<const std::string_view> view() const { return {views_.data(), views_.size()}; }

 private:
  bool append(std::string_view name, std::string_view separator, std::string_view value);
  BoundedString<640> text_;
  BoundedVector<std::string_view, 8> views_;
};

/// A query as received, cut at its first `=`.
struct Query {
  std::string_view name;
  std::string_view value;
  bool has_value = false;
};
[[nodiscard]] Query split_query(std::string_view text);

/// Decimal digits only, at most `max`.
[[nodiscard]] std::optional<std::uint64_t> parse_decimal(std::string_view text, std::uint64_t max);

}  // namespace slipway::lwm2m

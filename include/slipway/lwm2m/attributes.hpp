// SPDX-License-Identifier: Apache-2.0
// Notification attributes: read from queries, checked, merged, written as link attributes, evaluated.
// [LwM2M-CORE 1.2.2 §7.3]
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <slipway/base/result.hpp>
#include <slipway/codec/link_format.hpp>

namespace slipway::lwm2m {

/// What one Write-Attributes, or one Observe, says. Absent: not said here.
struct Attributes {
  std::optional<std::uint32_t> pmin, pmax, epmin, epmax;  ///< seconds
  std::optional<double> gt, lt, st;
  std::optional<bool> edge;  ///< true: rising
  std::optional<bool> con;   ///< notifications are confirmable
  std::optional<std::uint32_t> hqmax;
  bool operator==(const Attributes&) const = default;
};

/// Which attributes one request changes: `value` to set it, nothing (`pmin` without a value) to unset it.
class AttributeChange {
 public:
  /// Takes one query such as `pmin=10`, `gt=-1.5` or `lt`. Errors: unsupported (no such attribute),
  /// malformed (its value), duplicate.
  Result<void> add(std::string_view query);
  [[nodiscard]] bool empty() const { return named_ == 0; }
  /// Whether gt, lt, st or edge are among them: these are for one numeric (edge: boolean) resource only.
  [[nodiscard]] bool needs_number() const;
  [[nodiscard]] bool needs_boolean() const;
  [[nodiscard]] Attributes apply_to(Attributes attributes) const;

 private:
  Attributes values_;
  std::uint16_t named_ = 0;
};

/// Errors: out_of_range when lt >= gt or lt + 2 st >= gt, or st is not above 0.
[[nodiscard]] Result<void> check(const Attributes& attributes);

/// What `over` says, and what `under` says where it says nothing: a resource inherits from its instance.
[[nodiscard]] Attributes merged(const Attributes& under, const Attributes& over);

void write(codec::LinkWriter& links, const Attributes& attributes);

/// Whether a number that was last reported as `before` and is `now` must be reported: it crossed gt or lt, or
/// moved by st. True when none of them is given and the value differs.
[[nodiscard]] bool must_report(const Attributes& attributes, double before, double now);
/// The same for a boolean and `edge`.
[[nodiscard]] bool must_report(const Attributes& attributes, bool before, bool now);

}  // namespace slipway::lwm2m

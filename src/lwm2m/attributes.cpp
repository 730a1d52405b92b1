// SPDX-License-Identifier: Apache-2.0
#include <slipway/lwm2m/attributes.hpp>

#include <array>
#include <charconv>
#include <cmath>

#include <slipway/lwm2m/queries.hpp>

namespace slipway::lwm2m {
namespace {

enum Name : std::uint8_t { pmin, pmax, epmin, epmax, gt, lt, st, edge, con, hqmax, kNames };
constexpr std::array<std::string_view, kNames> kTexts = {"pmin", "pmax", "epmin", "epmax", "gt",
                                                         "lt",   "st",   "edge",  "con",   "hqmax"};
constexpr std::uint64_t kPeriodMax = 0xffffffff;

/// `1*DIGIT ["." *DIGIT]`, with an exponent and a leading minus tolerated; no infinity, no NaN.
std::optional<double> parse_number(std::string_view text) {
  double number = 0;
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc() || at != end || !std::isfinite(number)) return std::nullopt;
  return number;
}

std::optional<bool> parse_flag(std::string_view text) {
  if (text == "0") return false;
  if (text == "1") return true;
  return std::nullopt;
}

template <class T>
Result<void> set(std::optional<T>& slot, std::optional<T> value) {
  if (!value) return fail(ErrorCode::malformed, "the value of an attribute is not a number of its kind");
  slot = value;
  return {};
}

std::optional<std::uint32_t> parse_period(std::string_view text) {
  const auto number = parse_decimal(text, kPeriodMax);
  if (!number) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

template <class Visitor>
void for_each_slot(Visitor&& visit) {
  visit(pmin, &Attributes::pmin);
  visit(pmax, &Attributes::pmax);
  visit(epmin, &Attributes::epmin);
  visit(epmax, &Attributes::epmax);
  visit(gt, &Attributes::gt);
  visit(lt, &Attributes::lt);
  visit(st, &Attributes::st);
  visit(edge, &Attributes::edge);
  visit(con, &Attributes::con);
  visit(hqmax, &Attributes::hqmax);
}

}  // namespace

Result<void> AttributeChange::add(std::string_view query) {
  const auto [name, value, has_value] = split_query(query);
  std::size_t index = 0;
  while (index < kTexts.size() && kTexts[index] != name) ++index;
  if (index == kTexts.size()) return fail(ErrorCode::unsupported, "there is no such attribute");
  if ((named_ >> index & 1) != 0) return fail(ErrorCode::duplicate, "an attribute stands twice");
  named_ = static_cast<std::uint16_t>(named_ | 1u << index);
  if (!has_value) return {};
  switch (static_cast<Name>(index)) {
    case pmin:
      return set(values_.pmin, parse_period(value));
    case pmax:
      return set(values_.pmax, parse_period(value));
    case epmin:
      return set(values_.epmin, parse_period(value));
    case epmax:
      return set(values_.epmax, parse_period(value));
    case hqmax:
      return set(values_.hqmax, parse_period(value));
    case gt:
      return set(values_.gt, parse_number(value));
    case lt:
      return set(values_.lt, parse_number(value));
    case st:
      return set(values_.st, parse_number(value));
    case edge:
      return set(values_.edge, parse_flag(value));
    case con:
      return set(values_.con, parse_flag(value));
    case kNames:
      break;
  }
  return {};
}

bool AttributeChange::needs_number() const {
  return (named_ & (1u << gt | 1u << lt | 1u << st)) != 0;
}
bool AttributeChange::needs_boolean() const {
  return (named_ & 1u << edge) != 0;
}

Attributes AttributeChange::apply_to(Attributes attributes) const {
  for_each_slot([&](Name name, auto member) {
    if ((named_ >> name & 1) != 0) attributes.*member = values_.*member;
  });
  return attributes;
}

Result<void> check(const Attributes& attributes) {
  const auto &above = attributes.gt, &below = attributes.lt, &step = attributes.st;
  if (step && !(*step > 0)) return fail(ErrorCode::out_of_range, "st is not above 0");
  if (!above || !below) return {};
  if (!(*below < *above)) return fail(ErrorCode::out_of_range, "lt is not below gt");
  if (step && !(*below + 2 * *step < *above))
    return fail(ErrorCode::out_of_range, "lt + 2 st is not below gt");
  return {};
}

Attributes merged(const Attributes& under, const Attributes& over) {
  Attributes result = under;
  for_each_slot([&](Name, auto member) {
    if (over.*member) result.*member = over.*member;
  });
  return result;
}

void write(codec::LinkWriter& links, const Attributes& attributes) {
  for_each_slot([&](Name name, auto member) {
    const auto& value = attributes.*member;
    if (!value) return;
    std::array<char, 32> text;
    char* end;
    if constexpr (requires { *value ? 1 : 0; } && std::is_same_v<std::remove_cvref_t<decltype(*value)>, bool>)
      end = std::to_chars(text.data(), text.data() + text.size(), *value ? 1 : 0).ptr;
    else
      end = std::to_chars(text.data(), text.data() + text.size(), *value).ptr;
    links.attribute_token(kTexts[name], {text.data(), static_cast<std::size_t>(end - text.data())});
  });
}

bool must_report(const Attributes& attributes, double before, double now) {
  if (!attributes.gt && !attributes.lt && !attributes.st) return before != now;
  const auto crossed = [&](const std::optional<double>& limit) {
    return limit && (before > *limit) != (now > *limit);
  };
  const auto crossed_down = [&](const std::optional<double>& limit) {
    return limit && (before < *limit) != (now < *limit);
  };
  return crossed(attributes.gt) || crossed_down(attributes.lt) ||
         (attributes.st && std::fabs(now - before) >= *attributes.st);
}

bool must_report(const Attributes& attributes, bool before, bool now) {
  if (!attributes.edge) return before != now;
  return before != now && now == *attributes.edge;
}

}  // namespace slipway::lwm2m

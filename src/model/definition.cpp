// SPDX-License-Identifier: Apache-2.0
#include <slipway/model/definition.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace slipway {

namespace {

/// Reads `1*DIGIT` up to 255 from `at`, which it moves behind the last digit.
Result<std::uint8_t> read_number(std::string_view text, std::size_t& at) {
  const auto start = at;
  std::uint32_t number = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    number = number * 10 + static_cast<std::uint32_t>(text[at] - '0');
    if (number > 255) return fail(ErrorCode::out_of_range, "a version number is above 255", start);
  }
  if (at == start) return fail(ErrorCode::malformed, "a version is not two numbers with a dot", start);
  return static_cast<std::uint8_t>(number);
}

/// What a range is about: the number, or the length of text and opaque. Nothing for other types.
std::optional<double> measure(const Value& value) {
  switch (value.type()) {
    case DataType::integer:
    case DataType::time:
      return static_cast<double>(value.as_integer());
    case DataType::unsigned_integer:
      return static_cast<double>(value.as_unsigned());
    case DataType::floating:
      return value.as_floating();
    case DataType::string:
    case DataType::corelnk:
    case DataType::opaque:
      return static_cast<double>(value.as_opaque().size());
    case DataType::none:
    case DataType::boolean:
    case DataType::objlnk:
      return std::nullopt;
  }
  return std::nullopt;
}

constexpr std::size_t kReleasedObjects = 22;
using MinorVersions = std::array<std::uint8_t, kReleasedObjects>;

// Minor versions by object id; those not named are 1.0.
constexpr MinorVersions kEnabler11 = {1, 1, 0, 1, 2};
// Table E-1 has 1.1 for /5 although enabler 1.2 brings 1.2: a 1.2 device that means 1.2 must say so.
constexpr MinorVersions kEnabler12 = {2, 2, 1, 2, 3, 1};
constexpr ObjectId kOscore{21};

}  // namespace

Result<Version> Version::parse(std::string_view text) {
  std::array<std::uint8_t, 3> numbers{};
  std::size_t count = 0;
  for (std::size_t at = 0; count < numbers.size(); ++at) {
    SLIPWAY_ASSIGN(numbers[count], read_number(text, at));
    ++count;
    if (at == text.size()) {
      if (count == 1) return fail(ErrorCode::malformed, "a version is not two numbers with a dot", at);
      return Version{.major = numbers[0], .minor = numbers[1]};
    }
    if (text[at] != '.')
      return fail(ErrorCode::malformed, "a version has something else than digits and dots", at);
  }
  return fail(ErrorCode::malformed, "a version has more than three numbers", text.size());
}

BoundedString<8> Version::text() const {
  std::array<char, 8> buffer;  // "255.255"
  char* const end = buffer.data() + buffer.size();
  char* at = std::to_chars(buffer.data(), end, major).ptr;
  *at++ = '.';
  at = std::to_chars(at, end, minor).ptr;
  return {std::string_view(buffer.data(), static_cast<std::size_t>(at - buffer.data()))};
}

const ResourceDefinition* ObjectDefinition::search(ResourceId resource) const {
  const auto found = std::ranges::lower_bound(resources, resource, {}, &ResourceDefinition::id);
  return found != resources.end() && found->id == resource ? &*found : nullptr;
}

Result<void> check(const ResourceDefinition& definition, const Value& value) {
  if (value.type() != definition.type || value.empty())
    return fail(ErrorCode::wrong_type, "the value has another type than the resource");
  if (!definition.range.present) return {};
  const auto measured = measure(value);
  if (!measured) return {};
  // Written so that a NaN, which compares false, is outside.
  if (!(*measured >= definition.range.min && *measured <= definition.range.max))
    return fail(ErrorCode::out_of_range, "the value is outside the range of the resource");
  return {};
}

std::string to_display(const ResourceDefinition& definition, const Value& value) {
  return definition.confidentiality == Confidentiality::secret ? "(secret)" : value.to_display();
}

Version implied_version(ObjectId id, Version enabler) {
  if (id.value() >= kReleasedObjects || enabler < Version{.major = 1, .minor = 1}) return {};
  if (enabler == Version{.major = 1, .minor = 1}) return {.major = 1, .minor = kEnabler11[id.value()]};
  if (id == kOscore) return {.major = 2, .minor = 0};
  return {.major = 1, .minor = kEnabler12[id.value()]};
}

}  // namespace slipway

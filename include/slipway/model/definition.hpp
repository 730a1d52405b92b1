// SPDX-License-Identifier: Apache-2.0
// What an object is: its resources, their types, operations and ranges.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <slipway/base/ids.hpp>
#include <slipway/base/result.hpp>
#include <slipway/model/path.hpp>
#include <slipway/model/value.hpp>

namespace slipway {

/// Of an object ("1.1") or of the enabler ("1.2").
struct Version {
  std::uint8_t major = 1;
  std::uint8_t minor = 0;
  constexpr auto operator<=>(const Version&) const = default;
  /// Reads `1.1`; a third number is accepted and dropped. Errors: malformed, out_of_range.
  [[nodiscard]] static Result<Version> parse(std::string_view text);
  [[nodiscard]] BoundedString<8> text() const;
};

/// What a server may do with a resource; `none` is for bootstrap only. [LwM2M-CORE 1.2 App. D]
enum class Operations : std::uint8_t { none = 0, read = 1, write = 2, read_write = 3, execute = 4 };
[[nodiscard]] constexpr bool can_read(Operations o) {
  return (static_cast<int>(o) & 1) != 0;
}
[[nodiscard]] constexpr bool can_write(Operations o) {
  return (static_cast<int>(o) & 2) != 0;
}
[[nodiscard]] constexpr bool can_execute(Operations o) {
  return o == Operations::execute;
}

enum class Multiplicity : std::uint8_t { single, multiple };
enum class Presence : std::uint8_t { optional, mandatory };

/// Whether a value may be shown; a `secret` one is masked wherever a person or a log looks.
enum class Confidentiality : std::uint8_t { open, secret };

/// Inclusive bounds: of the number for numeric types, of the length in bytes for text and opaque.
struct Range {
  double min = 0;
  double max = 0;
  bool present = false;
};

struct ResourceDefinition {
  ResourceId id;
  std::string_view name;
  DataType type = DataType::none;
  Operations operations = Operations::none;
  Multiplicity multiplicity = Multiplicity::single;
  Presence presence = Presence::optional;
  Confidentiality confidentiality = Confidentiality::open;
  Range range{};
  std::string_view units{};
  Version since{};  ///< first version of the object that has it
};

/// A view of tables that outlive it (built-in constants, or an ObjectRegistry's own storage).
struct ObjectDefinition {
  ObjectId id;
  std::string_view name;
  Version version;
  Multiplicity multiplicity = Multiplicity::single;
  Presence presence = Presence::optional;
  std::span<const ResourceDefinition> resources;  ///< ascending ids

  /// O(1) where ids are dense from 0, otherwise a binary search. nullptr when there is none.
  [[nodiscard]] const ResourceDefinition* find(ResourceId resource) const {
    const std::size_t index = resource.value();
    if (index < resources.size() && resources[index].id == resource) return &resources[index];
    return search(resource);
  }

 private:
  [[nodiscard]] const ResourceDefinition* search(ResourceId resource) const;
};

/// Where codecs and engines look up definitions. Implementations: `builtin_objects()`, and
/// ObjectRegistry (model/registry.hpp) which adds what the user's XML files define.
class ObjectCatalog {
 public:
  virtual ~ObjectCatalog() = default;
  /// The newest known version, or nullptr.
  [[nodiscard]] virtual const ObjectDefinition* find(ObjectId id) const = 0;
  /// That version, or else the newest of the same major version, or nullptr.
  [[nodiscard]] virtual const ObjectDefinition* find(ObjectId id, Version version) const = 0;
};

/// /0-/7 and /21 as constants, in their newest version. /23 and /24 are there for masking's sake.
[[nodiscard]] const ObjectCatalog& builtin_objects();

/// Checks a value against a definition: type first, then range. Errors: wrong_type, out_of_range.
[[nodiscard]] Result<void> check(const ResourceDefinition& definition, const Value& value);

/// For people: as Value::to_display, but a secret one as "(secret)", without its length.
[[nodiscard]] std::string to_display(const ResourceDefinition& definition, const Value& value);

/// The version that an object has when a registration gives no `ver`, for an enabler version.
/// [LwM2M-CORE 1.2 §7.2.3, Table E-1]
[[nodiscard]] Version implied_version(ObjectId id, Version enabler);

}  // namespace slipway

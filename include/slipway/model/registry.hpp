// SPDX-License-Identifier: Apache-2.0
// The core objects and what the user's files add to them.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <slipway/model/definition.hpp>

namespace slipway {

/// Objects (each version counts) that one registry holds beside the core objects.
inline constexpr std::size_t kRegistryObjectsMax = 4096;

/// A ResourceDefinition with its own text.
struct ResourceDescription {
  ResourceId id;
  std::string name;
  DataType type = DataType::none;
  Operations operations = Operations::none;
  Multiplicity multiplicity = Multiplicity::single;
  Presence presence = Presence::optional;
  Range range{};
  std::string units;
};

/// An ObjectDefinition with its own text and tables, as a file gives it.
struct ObjectDescription {
  ObjectId id;
  std::string name;
  Version version;
  Multiplicity multiplicity = Multiplicity::single;
  Presence presence = Presence::optional;
  std::vector<ResourceDescription> resources;  ///< ascending ids, no id twice
};

/// Why a description was not taken, for people.
struct RegistryConflict {
  std::string message;
  std::string remedy;
};

enum class RegistryAddition : std::uint8_t {
  added,
  already_built_in,  ///< says nothing that the core objects do not say; they stay in use
};

/// Owns definitions in any number of versions, over a catalog of core objects which it never changes.
/// Definitions that were handed out live as long as the registry, also when it is moved.
class ObjectRegistry final : public ObjectCatalog {
 public:
  /// `core` outlives the registry.
  explicit ObjectRegistry(const ObjectCatalog& core = builtin_objects());
  ObjectRegistry(ObjectRegistry&&) noexcept;
  ObjectRegistry& operator=(ObjectRegistry&&) noexcept;
  ~ObjectRegistry() override;

  /// Refused: the same object and version twice; a core object in a version that the core has, with
  /// another type, multiplicity or operation, or with resources that it has not; unordered resources;
  /// more than kRegistryObjectsMax. A newer version of a core object is added and must agree in the
  /// types of what it shares with the core; what is secret there stays secret.
  [[nodiscard]] std::expected<RegistryAddition, RegistryConflict> add(const ObjectDescription& description);

  [[nodiscard]] const ObjectDefinition* find(ObjectId id) const override;
  [[nodiscard]] const ObjectDefinition* find(ObjectId id, Version version) const override;

  /// What was added, by ascending id and version; the core objects are not among it.
  [[nodiscard]] std::vector<const ObjectDefinition*> added() const;

 private:
  struct Stored;
  using Versions = std::vector<std::unique_ptr<const Stored>>;  // ascending

  const ObjectCatalog* core_;
  std::unordered_map<ObjectId, Versions> objects_;
  std::size_t size_ = 0;
};

}  // namespace slipway

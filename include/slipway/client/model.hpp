// SPDX-License-Identifier: Apache-2.0
// The objects of a device.
//
//   Model model;
//   auto& temperature = model.object(ObjectId(3303)).instance(InstanceId(0));
//   temperature.resource<double>(ResourceId(5700)).reads([&] { return sensor.celsius(); });
//   temperature.value<std::string>(ResourceId(5701), "Cel");
//   auto& device = model.object(ObjectId(3)).instance(InstanceId(0));
//   device.resource<void>(ResourceId(4)).executes([&] { board.reboot(); });
//   device.resources<std::int64_t>(ResourceId(11)).reads([&] { return std::array{std::int64_t{0}}; });
//
// Order of a start: declare, then `load_factory`, then `load` where there is a snapshot, then Client::start.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include <slipway/client/object.hpp>

namespace slipway::client {

struct ModelBounds {
  TreeBounds tree{};
  std::size_t objects_max = 64;
  std::size_t instances_max = 64;  ///< of one object
};

/// What is told to a person: the place and the rule, and what to do.
using Complaint = std::string;

/// What of the stored state came from a smartcard. [LwM2M-CORE 1.2 §6.1.3.2]
struct CardOrigin {
  std::uint64_t digest = 0;     ///< of the card's content that was applied last; 0: of none
  std::vector<Path> instances;  ///< object instances that are still as the card made them, ascending
  bool operator==(const CardOrigin&) const = default;
};

/// What the engine knows beside the objects. It is part of the snapshot and of a transaction.
struct Memory {
  CardOrigin card;
  bool bootstrapped = false;              ///< a bootstrap has succeeded: /0/x/12 counts
  std::vector<ShortServerId> registered;  ///< since the last bootstrap: their /1/x/14 is over
  bool operator==(const Memory&) const = default;
};

/// Objects with functions ("live") and objects of plain values ("stored"). /0, /1, /2 and /21 are stored
/// ones and always there. Plain values of live objects are stored too.
class Model {
 public:
  explicit Model(const ObjectCatalog& catalog = builtin_objects(), const ModelBounds& bounds = {});
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  /// Declares an object, or returns it. `version`: what the device implements; by default the catalogue's
  /// newest, and 1.0 for an object that the catalogue does not know.
  Object& object(ObjectId id, std::optional<Version> version = std::nullopt);
  /// Mistakes in the declarations (a type against the catalogue's, too many objects). Call once, at start.
  [[nodiscard]] std::expected<void, Complaint> verify() const;

  /// Puts a factory pack's entries into the stored objects: accounts and additional instances, checked as
  /// one. What the model then holds is its factory state, and kept apart. On an error nothing has changed.
  [[nodiscard]] std::expected<void, Complaint> load_factory(std::span<const Entry> entries);
  /// The same for a device without a pack, whose accounts stand on a smartcard.
  void load_blank_factory() { factory_ = tree_; }
  /// The stored part as bytes, to be kept by the device; it holds secrets, wipe it after use.
  /// Equal state gives equal bytes.
  [[nodiscard]] Result<Bytes> snapshot() const;
  /// Takes such bytes back; values of objects that the device no longer has are dropped. On an error
  /// (not a snapshot, a later version, damaged) nothing has changed.
  [[nodiscard]] Result<void> load(ByteView snapshot);
  /// Whether bytes are a whole snapshot, for who stores them. Errors: malformed, truncated (it is damaged),
  /// unsupported (of a later version).
  [[nodiscard]] static Result<void> check_snapshot(ByteView snapshot);

  // What follows is for the engine.

  [[nodiscard]] const std::map<ObjectId, Object>& objects() const { return objects_; }
  [[nodiscard]] const Object* find(ObjectId id) const;
  [[nodiscard]] const ResourceDefinition* definition(const Path& resource) const;
  /// The definitions of this device's objects, for codecs.
  [[nodiscard]] const ObjectCatalog& catalog() const;
  [[nodiscard]] const Tree& tree() const { return tree_; }
  /// Changes of the engine itself (last bootstrapped, access control of a new instance).
  [[nodiscard]] Tree& mutable_tree() { return tree_; }
  [[nodiscard]] const Memory& memory() const { return memory_; }
  [[nodiscard]] Memory& mutable_memory() { return memory_; }
  /// The factory state; nullptr before `load_factory`.
  [[nodiscard]] const Tree* factory() const { return factory_ ? &*factory_ : nullptr; }
  /// Returns to it, within a transaction. Needs a factory state.
  void return_to_factory();

  /// Live and stored ones, ascending.
  [[nodiscard]] std::vector<InstanceId> instances_of(ObjectId id) const;
  [[nodiscard]] bool has_instance(const Path& instance) const;
  /// Whether the resource is there at present (it has a function, or a stored value).
  [[nodiscard]] bool has_resource(const Path& resource) const;
  /// Ids of resources that an instance has, ascending.
  [[nodiscard]] std::vector<ResourceId> resources_of(const Path& instance) const;

  enum class Reader : std::uint8_t { server, bootstrap };
  /// Collects everything readable at or below `path` (instance or deeper). A server reads what the
  /// definition lets it. Errors: not_found, refused (the resource is not readable), limit, and the maker's.
  Result<void> collect(const Path& path, Reader reader, Collector& out) const;

  enum class Merge : std::uint8_t { replace, update };
  /// Writes one resource: `entries` are its value, or all of its instances. Types were checked.
  Result<void> write(const Path& resource, std::span<const Entry> entries, Merge merge);
  /// Errors: not_found, refused, and the maker's.
  Result<void> execute(const Path& resource, std::string_view arguments);
  /// Errors: refused (nothing can be created here), duplicate, limit, and the factory's.
  Result<void> create_instance(const Path& instance);
  /// Errors: not_found, refused (an instance that is always there).
  Result<void> delete_instance(const Path& instance);
  /// What the engine or the application sets: survives a rollback. Errors: out_of_range, limit.
  Result<void> set(const Path& path, const Value& value);

  /// From `begin` to `commit` or `rollback`, writes into functions of the maker wait, and everything that
  /// is stored can be taken back.
  void begin();
  void commit();
  void rollback();
  [[nodiscard]] bool in_transaction() const { return backup_.has_value(); }
  /// The state before the transaction.
  [[nodiscard]] const Tree& before() const { return backup_->tree; }

  /// A place within a transaction to come back to, when one request of it cannot be carried out.
  struct Savepoint {
    Tree tree;
    std::size_t staged = 0;
  };
  [[nodiscard]] Savepoint save() const { return {tree_, staged_.size()}; }
  void restore(const Savepoint& savepoint);

  /// Remembers a mistake in a declaration for `verify`.
  void complain(std::string_view what, const Path& where);

 private:
  struct Staged {
    Path resource;
    std::vector<std::pair<Path, StoredValue>> values;
    Merge merge;
  };
  struct Backup {
    Tree tree;
    Memory memory;
  };
  class Catalog;
  Result<void> write_live(const detail::ResourceNode& node, const Path& resource,
                          std::span<const Entry> entries, Merge merge);
  Result<void> collect_instance(const Path& path, Reader reader, Collector& out) const;
  Result<void> collect_resource(const Path& path, Reader reader, Collector& out) const;
  [[nodiscard]] const detail::ResourceNode* node(const Path& resource) const;
  [[nodiscard]] bool keeps(const Path& path) const;
  /// Makes the instances of creatable objects agree with the marks in the tree.
  void reconcile();

  const ObjectCatalog& known_;
  ModelBounds bounds_;
  std::unique_ptr<Catalog> catalog_;
  std::map<ObjectId, Object> objects_;
  Tree tree_;
  Memory memory_;
  std::optional<Tree> factory_;
  std::optional<Backup> backup_;
  std::vector<Staged> staged_;
  std::string complaints_;
};

template <ResourceType T>
T Stored<T>::get() const {
  const auto value = model_->tree().find(path_);
  if (!value || value->type() != ResourceTraits<T>::kType) return T{};
  return detail::owned<T>(ResourceTraits<T>::from_value(*value));
}

template <ResourceType T>
Result<void> Stored<T>::set(const ViewOf<T>& value) {
  return model_->set(path_, ResourceTraits<T>::to_value(value));
}

}  // namespace slipway::client

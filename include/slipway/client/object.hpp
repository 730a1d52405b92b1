// SPDX-License-Identifier: Apache-2.0
// How a device maker declares objects, instances and resources: typed, without a switch over ids.
#pragma once

#include <deque>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <ranges>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <slipway/client/resource_traits.hpp>
#include <slipway/client/tree.hpp>
#include <slipway/codec/payload.hpp>
#include <slipway/model/definition.hpp>

namespace slipway::client {

class Model;
class Instance;

/// Gathers what is read, in path order, and keeps the bytes of values that were computed. Bounded by
/// codec::kEntriesMax; past it `limit`.
class Collector {
 public:
  /// `value` must outlive the collector (it is in the tree).
  Result<void> add(const Path& path, const Value& value);
  Result<void> add_copy(const Path& path, const Value& value);
  /// An instance, or a multiple-instance resource, without content.
  Result<void> add_empty(const Path& path);
  [[nodiscard]] std::span<const Entry> entries() const { return entries_; }
  void clear();

 private:
  std::vector<Entry> entries_;
  std::deque<StoredValue> kept_;
};

namespace detail {

/// One resource of one instance as the engine sees it. `type` none is an executable one.
struct ResourceNode {
  ResourceId id;
  DataType type = DataType::none;
  Multiplicity multiplicity = Multiplicity::single;
  std::function<Result<void>(Collector&, const Path&)> read{};
  /// All values of the resource: one entry at depth 3, or every resource instance at depth 4.
  std::function<Result<void>(std::span<const Entry>)> write{};
  std::function<Result<void>(std::string_view)> execute{};
  std::function<void()> written{};  ///< after a stored value was written by a server
  bool is_stored = false;
};

/// Calls a maker's function that returns nothing or a Result<void>.
template <class Function, class... Arguments>
Result<void> outcome_of(Function& function, Arguments&&... arguments) {
  if constexpr (std::is_void_v<std::invoke_result_t<Function&, Arguments...>>) {
    function(std::forward<Arguments>(arguments)...);
    return {};
  } else {
    return function(std::forward<Arguments>(arguments)...);
  }
}

template <class T>
struct Unwrapped {
  using type = T;
};
template <class T>
struct Unwrapped<std::optional<T>> {
  using type = T;
};
template <class T>
struct Unwrapped<Result<T>> {
  using type = T;
};
template <class Function>
using ReadTypeOf = typename Unwrapped<std::remove_cvref_t<std::invoke_result_t<Function&>>>::type;

template <class Function, class... Arguments>
concept Handles = std::invocable<Function&, Arguments...> &&
                  (std::is_void_v<std::invoke_result_t<Function&, Arguments...>> ||
                   std::same_as<std::invoke_result_t<Function&, Arguments...>, Result<void>>);

template <class T, class From>
Result<void> add_read(Collector& out, const Path& path, const From& from) {
  if constexpr (requires {
                  from.error();
                  from.value();
                }) {
    if (!from) return std::unexpected(from.error());
    return add_read<T>(out, path, *from);
  } else if constexpr (requires {
                         from.has_value();
                         from.value();
                       }) {
    return from ? add_read<T>(out, path, *from) : Result<void>();
  } else {
    return out.add_copy(path, ResourceTraits<T>::to_value(from));
  }
}

template <class T>
concept Keyed = requires(const T& item) {
  { item.first } -> std::convertible_to<std::uint16_t>;
  item.second;
};

/// What a range of plain items, or of pairs of id and item, holds.
template <class Item>
struct ItemOf {
  using type = Item;
};
template <Keyed Item>
struct ItemOf<Item> {
  using type = std::remove_cvref_t<decltype(std::declval<Item>().second)>;
};

template <ResourceType T>
T owned(const ViewOf<T>& view) {
  if constexpr (std::same_as<T, Bytes>)
    return Bytes(view.begin(), view.end());
  else
    return T(view);
}

}  // namespace detail

/// A resource with one value, given and taken by functions of the maker.
template <ResourceType T>
class Resource {
 public:
  explicit Resource(Instance& instance, detail::ResourceNode& node) : instance_(&instance), node_(&node) {}

  /// `function()` returns the value now: a T (or what widens to it), an optional (nothing: the resource is
  /// absent at present), or a Result (an error is answered to the server).
  template <class Function>
    requires std::invocable<Function&> && ReadsAs<detail::ReadTypeOf<Function>, T>
  Resource& reads(Function function);

  /// `function(value)` takes what a server wrote, already checked against type and range. It returns
  /// nothing, or a Result<void> whose error is answered: out_of_range 4.00, refused 4.01,
  /// wrong_path 4.05, exhausted 5.03.
  template <class Function>
    requires detail::Handles<Function, ViewOf<T>>
  Resource& writes(Function function);

 private:
  Instance* instance_;
  detail::ResourceNode* node_;
};

/// An executable resource: `resource<void>(...)`.
class Executable {
 public:
  explicit Executable(Instance& instance, detail::ResourceNode& node) : instance_(&instance), node_(&node) {}
  /// `function(arguments)` or `function()`; the arguments are as they came, `0='x',1` and the like, with
  /// their grammar checked [LwM2M-CORE 1.2 §6.3.5]. It returns nothing or a Result<void>.
  template <class Function>
    requires(detail::Handles<Function, std::string_view> || detail::Handles<Function>)
  Executable& executes(Function function);

 private:
  Instance* instance_;
  detail::ResourceNode* node_;
};

/// A multiple-instance resource given by functions: `resources<T>(...)`.
template <ResourceType T>
class MultipleResource {
 public:
  using Map = std::map<std::uint16_t, T>;
  explicit MultipleResource(Instance& instance, detail::ResourceNode& node)
      : instance_(&instance), node_(&node) {}

  /// `function()` returns a range of values (ids 0, 1, 2 ...), or of pairs of id and value, such as a map.
  template <class Function>
    requires std::invocable<Function&> && std::ranges::input_range<std::invoke_result_t<Function&>>
  MultipleResource& reads(Function function);

  /// `function(const std::map<std::uint16_t, T>&)` takes all values that the resource shall have.
  template <class Function>
    requires detail::Handles<Function, const std::map<std::uint16_t, T>&>
  MultipleResource& writes(Function function);

 private:
  Instance* instance_;
  detail::ResourceNode* node_;
};

/// A value that the client stores: it survives a restart, and servers see and change it as the object's
/// definition says. Without a definition servers may read it, and write it after `writable()`.
template <ResourceType T>
class Stored {
 public:
  Stored(Model& model, Instance& instance, detail::ResourceNode& node, const Path& path)
      : model_(&model), instance_(&instance), node_(&node), path_(path) {}

  [[nodiscard]] T get() const;
  /// Errors: out_of_range, limit. Call Client::changed afterwards, so that observers are told.
  Result<void> set(const ViewOf<T>& value);
  Stored& writable();
  /// `function(value)` is told when a server has written another value.
  template <class Function>
    requires std::invocable<Function&, ViewOf<T>>
  Stored& on_write(Function function);

 private:
  Model* model_;
  Instance* instance_;
  detail::ResourceNode* node_;
  Path path_;
};

/// One object instance. References stay valid until the instance is deleted.
class Instance {
 public:
  Instance(Model& model, ObjectId object, InstanceId id) : model_(&model), object_(object), id_(id) {}
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  [[nodiscard]] InstanceId id() const { return id_; }
  [[nodiscard]] Path path() const { return Path(object_, id_); }

  template <class T>
    requires(ResourceType<T> || std::is_void_v<T>)
  auto resource(ResourceId id) {
    if constexpr (std::is_void_v<T>)
      return Executable(*this, declare(id, DataType::none, Multiplicity::single));
    else
      return Resource<T>(*this, declare(id, ResourceTraits<T>::kType, Multiplicity::single));
  }
  template <ResourceType T>
  MultipleResource<T> resources(ResourceId id) {
    return MultipleResource<T>(*this, declare(id, ResourceTraits<T>::kType, Multiplicity::multiple));
  }
  /// Stores `initial` unless there is a value already (of the last run).
  template <ResourceType T>
  Stored<T> value(ResourceId id, const ViewOf<T>& initial) {
    auto& node = declare(id, ResourceTraits<T>::kType, Multiplicity::single);
    store(node, Path(object_, id_, id), ResourceTraits<T>::to_value(initial));
    return Stored<T>(*model_, *this, node, Path(object_, id_, id));
  }
  /// The same for a multiple-instance resource: `values<std::int64_t>(ResourceId(6), {{0, 1}, {1, 5}})`.
  template <ResourceType T>
  void values(ResourceId id, std::initializer_list<std::pair<std::uint16_t, ViewOf<T>>> initial) {
    auto& node = declare(id, ResourceTraits<T>::kType, Multiplicity::multiple);
    store_empty(node);
    for (const auto& [instance, item] : initial)
      store(node, Path(object_, id_, id, ResourceInstanceId(instance)), ResourceTraits<T>::to_value(item));
  }

  // For the engine.
  [[nodiscard]] const detail::ResourceNode* find(ResourceId id) const;
  [[nodiscard]] const std::map<ResourceId, detail::ResourceNode>& nodes() const { return nodes_; }
  /// A handler was added: a definition derived from the declaration follows it.
  void derive(const detail::ResourceNode& node, Operations added);

 private:
  detail::ResourceNode& declare(ResourceId id, DataType type, Multiplicity multiplicity);
  void store(detail::ResourceNode& node, const Path& path, const Value& initial);
  void store_empty(detail::ResourceNode& node);
  Model* model_;
  ObjectId object_;
  InstanceId id_;
  std::map<ResourceId, detail::ResourceNode> nodes_;
};

/// One object of the device.
class Object {
 public:
  /// Makes the resources of an instance that a server or the bootstrap server creates; an error refuses it.
  using Factory = std::function<Result<void>(Instance&)>;

  Object(Model& model, ObjectId id, Version version, const ObjectDefinition* known);
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  [[nodiscard]] ObjectId id() const { return definition_.id; }
  [[nodiscard]] Version version() const { return definition_.version; }
  /// From the catalogue where it knows the object, with what the maker declared beyond it.
  [[nodiscard]] const ObjectDefinition& definition() const { return definition_; }

  /// Declares an instance that is always there: no server can delete it.
  Instance& instance(InstanceId id);
  /// All instances are plain values that the client keeps; servers and bootstrap create and delete them.
  Object& stored() {
    kind_ = Kind::stored;
    return *this;
  }
  /// Further instances come and go by servers and bootstrap; `factory` declares the resources of each.
  /// Those that `instance` declared stay.
  Object& creatable(Factory factory) {
    kind_ = Kind::creatable;
    factory_ = std::move(factory);
    return *this;
  }
  /// Told before an instance of a creatable object goes.
  Object& on_delete(std::function<void(InstanceId)> function) {
    deleted_ = std::move(function);
    return *this;
  }

  // For the engine.
  enum class Kind : std::uint8_t { fixed, creatable, stored };
  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] const Instance* find(InstanceId id) const;
  [[nodiscard]] const std::map<InstanceId, Instance>& live() const { return live_; }
  /// Whether the maker declared it: nobody can delete it.
  [[nodiscard]] bool is_permanent(InstanceId id) const { return permanent_.contains(id); }
  Result<void> make(InstanceId id);
  void drop(InstanceId id);
  void derive(const detail::ResourceNode& node, Operations added);

 private:
  void refresh() { definition_.resources = resources_; }
  Model& model_;
  Kind kind_ = Kind::fixed;
  Factory factory_;
  std::function<void(InstanceId)> deleted_;
  std::map<InstanceId, Instance> live_;
  std::set<InstanceId> permanent_;
  std::vector<ResourceDefinition> resources_;
  std::set<ResourceId> derived_;
  ObjectDefinition definition_;
};

template <class Function>
  requires(detail::Handles<Function, std::string_view> || detail::Handles<Function>)
Executable& Executable::executes(Function function) {
  node_->execute = [function = std::move(function)](std::string_view arguments) mutable {
    if constexpr (std::invocable<Function&, std::string_view>)
      return detail::outcome_of(function, arguments);
    else
      return detail::outcome_of(function);
  };
  instance_->derive(*node_, Operations::execute);
  return *this;
}

template <ResourceType T>
template <class Function>
  requires std::invocable<Function&> && ReadsAs<detail::ReadTypeOf<Function>, T>
Resource<T>& Resource<T>::reads(Function function) {
  node_->read = [function = std::move(function)](Collector& out, const Path& path) mutable {
    return detail::add_read<T>(out, path, function());
  };
  instance_->derive(*node_, Operations::read);
  return *this;
}

template <ResourceType T>
template <class Function>
  requires detail::Handles<Function, ViewOf<T>>
Resource<T>& Resource<T>::writes(Function function) {
  node_->write = [function = std::move(function)](std::span<const Entry> entries) mutable {
    return detail::outcome_of(function, ResourceTraits<T>::from_value(entries.front().value));
  };
  instance_->derive(*node_, Operations::write);
  return *this;
}

template <ResourceType T>
template <class Function>
  requires std::invocable<Function&> && std::ranges::input_range<std::invoke_result_t<Function&>>
MultipleResource<T>& MultipleResource<T>::reads(Function function) {
  using Item = std::remove_cvref_t<std::ranges::range_reference_t<std::invoke_result_t<Function&>>>;
  static_assert(ReadsAs<typename detail::ItemOf<Item>::type, T>,
                "the range holds another type than the resource");
  node_->read = [function = std::move(function)](Collector& out, const Path& path) mutable -> Result<void> {
    const auto& range = function();
    std::uint16_t next = 0;
    for (const auto& item : range) {
      if constexpr (detail::Keyed<Item>)
        SLIPWAY_TRY(
            detail::add_read<T>(out, path.child(static_cast<std::uint16_t>(item.first)), item.second));
      else
        SLIPWAY_TRY(detail::add_read<T>(out, path.child(next), item));
      ++next;
    }
    return next == 0 ? out.add_empty(path) : Result<void>();
  };
  instance_->derive(*node_, Operations::read);
  return *this;
}

template <ResourceType T>
template <class Function>
  requires detail::Handles<Function, const std::map<std::uint16_t, T>&>
MultipleResource<T>& MultipleResource<T>::writes(Function function) {
  node_->write = [function = std::move(function)](std::span<const Entry> entries) mutable {
    Map values;
    for (const auto& entry : entries)
      if (entry.kind == EntryKind::value && entry.path.has_resource_instance())
        values.emplace(entry.path.resource_instance().value(),
                       detail::owned<T>(ResourceTraits<T>::from_value(entry.value)));
    return detail::outcome_of(function, std::as_const(values));
  };
  instance_->derive(*node_, Operations::write);
  return *this;
}

template <ResourceType T>
Stored<T>& Stored<T>::writable() {
  instance_->derive(*node_, Operations::write);
  return *this;
}

template <ResourceType T>
template <class Function>
  requires std::invocable<Function&, ViewOf<T>>
Stored<T>& Stored<T>::on_write(Function function) {
  node_->written = [function = std::move(function), self = *this]() mutable { function(self.get()); };
  return *this;
}

}  // namespace slipway::client

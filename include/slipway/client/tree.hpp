// SPDX-License-Identifier: Apache-2.0
// The stored part of a device's data model: values by path, in order, bounded, wiped when they go.
#pragma once

#include <map>
#include <optional>
#include <ranges>
#include <string_view>

#include <slipway/base/secret.hpp>
#include <slipway/model/path.hpp>
#include <slipway/model/value.hpp>

namespace slipway::client {

/// A value with its own bytes. They are wiped when the value goes: any of them may be a key (/0/x/5).
class StoredValue {
 public:
  /// Without a type: it marks an object instance, or a multiple-instance resource without instances.
  StoredValue() = default;
  explicit StoredValue(const Value& value);
  StoredValue(StoredValue&&) noexcept = default;
  StoredValue& operator=(StoredValue&&) noexcept = default;
  StoredValue(const StoredValue& other) : fixed_(other.fixed_), bytes_(other.bytes_.clone()) {}
  StoredValue& operator=(const StoredValue& other) { return *this = StoredValue(other); }
  /// Points into this object.
  [[nodiscard]] Value view() const;

 private:
  Value fixed_;
  Secret bytes_;  // of string, corelnk and opaque
};

/// Bounds of what a peer can make a device store.
struct TreeBounds {
  std::size_t values_max = 1024;       ///< values and marks, all objects
  std::size_t bytes_max = 128 * 1024;  ///< of text and opaque values, all objects
};

/// Copying one is how a transaction begins, swapping it back is how it is undone.
class Tree {
 public:
  using Values = std::map<Path, StoredValue>;
  using Range = std::ranges::subrange<Values::const_iterator>;

  explicit Tree(const TreeBounds& bounds = {}) : bounds_(bounds) {}

  /// Stores a resource, or one instance of it (depth 4); its object instance comes to exist. A resource is
  /// single or multiple by what was put last. Errors: wrong_path, limit.
  Result<void> put(const Path& path, const Value& value);
  /// Marks an object instance, or a multiple-instance resource without instances. Errors: wrong_path, limit.
  Result<void> mark(const Path& path);
  /// Forgets `path` and everything below it; returns whether there was anything.
  bool erase(const Path& path);
  void clear();

  [[nodiscard]] std::optional<Value> find(const Path& path) const;
  /// Whether `path` or anything below it is stored.
  [[nodiscard]] bool contains(const Path& path) const { return !below(path).empty(); }
  /// `path` itself (where stored) and everything below it, in order.
  [[nodiscard]] Range below(const Path& path) const;
  [[nodiscard]] Range all() const { return {values_.begin(), values_.end()}; }
  [[nodiscard]] std::size_t size() const { return values_.size(); }

  /// Nothing when it is not there or has another type; `integer` also reads time and unsigned values.
  [[nodiscard]] std::optional<std::int64_t> integer(const Path& path) const;
  [[nodiscard]] std::optional<bool> boolean(const Path& path) const;
  [[nodiscard]] std::string_view text(const Path& path) const;
  [[nodiscard]] ByteView opaque(const Path& path) const;

 private:
  Result<void> insert(const Path& path, StoredValue value);
  TreeBounds bounds_;
  Values values_;
  std::size_t bytes_ = 0;
};

/// Object instances below `object`, in ascending order: `for (const Path& instance : instances(tree, id))`.
[[nodiscard]] inline auto instances(const Tree& tree, ObjectId object) {
  return tree.below(Path(object)) | std::views::keys |
         std::views::filter([](const Path& path) { return path.level() == PathLevel::instance; });
}

}  // namespace slipway::client

// SPDX-License-Identifier: Apache-2.0
// A place in a device's data model: "/", "/3", "/3/0", "/3/0/7", "/3/0/7/1".
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <string_view>

#include <slipway/base/bounded.hpp>
#include <slipway/base/ids.hpp>
#include <slipway/base/result.hpp>

namespace slipway {

/// Text of any path: four ids of five digits and their slashes.
using PathText = BoundedString<24>;

enum class PathLevel : std::uint8_t { root, object, instance, resource, resource_instance };

/// Trivially copyable, 10 bytes. Orders as the text would with numeric ids: a parent before its
/// children. Ids are 0..65534; 65535 is kept for the places where the specification uses it as a
/// value (an Access Control instance of a whole object, a Create without an instance id).
class Path {
 public:
  constexpr Path() = default;
  constexpr explicit Path(ObjectId object) : ids_{object.value()}, depth_(1) {}
  constexpr Path(ObjectId object, InstanceId instance) : ids_{object.value(), instance.value()}, depth_(2) {}
  constexpr Path(ObjectId object, InstanceId instance, ResourceId resource)
      : ids_{object.value(), instance.value(), resource.value()}, depth_(3) {}
  constexpr Path(ObjectId object, InstanceId instance, ResourceId resource,
                 ResourceInstanceId resource_instance)
      : ids_{object.value(), instance.value(), resource.value(), resource_instance.value()}, depth_(4) {}

  /// Reads "/3/0/1"; "/" and "" are the root; a trailing slash is tolerated.
  /// Errors: malformed (not decimal, leading zero), out_of_range (above 65535), limit (too deep).
  [[nodiscard]] static Result<Path> parse(std::string_view text);
  [[nodiscard]] PathText text() const;

  [[nodiscard]] constexpr PathLevel level() const { return static_cast<PathLevel>(depth_); }
  [[nodiscard]] constexpr std::size_t depth() const { return depth_; }
  [[nodiscard]] constexpr bool is_root() const { return depth_ == 0; }
  [[nodiscard]] constexpr bool has_object() const { return depth_ >= 1; }
  [[nodiscard]] constexpr bool has_instance() const { return depth_ >= 2; }
  [[nodiscard]] constexpr bool has_resource() const { return depth_ >= 3; }
  [[nodiscard]] constexpr bool has_resource_instance() const { return depth_ >= 4; }

  /// Each is meaningful only where the `has_` above says so, and 0 otherwise.
  [[nodiscard]] constexpr ObjectId object() const { return ObjectId(ids_[0]); }
  [[nodiscard]] constexpr InstanceId instance() const { return InstanceId(ids_[1]); }
  [[nodiscard]] constexpr ResourceId resource() const { return ResourceId(ids_[2]); }
  [[nodiscard]] constexpr ResourceInstanceId resource_instance() const { return ResourceInstanceId(ids_[3]); }
  [[nodiscard]] constexpr std::uint16_t id_at(std::size_t depth) const { return ids_[depth]; }

  /// All ids as one number, the object lowest: what hot loops compare, and build paths from.
  [[nodiscard]] constexpr std::uint64_t packed() const {
    return std::uint64_t{ids_[0]} | std::uint64_t{ids_[1]} << 16 | std::uint64_t{ids_[2]} << 32 |
           std::uint64_t{ids_[3]} << 48;
  }
  /// The inverse; ids beyond `depth`, which is at most 4, have to be 0.
  [[nodiscard]] static constexpr Path unpack(std::uint64_t packed, std::size_t depth) {
    Path path;
    if constexpr (std::endian::native == std::endian::little) {
      path.ids_ = std::bit_cast<std::array<std::uint16_t, 4>>(packed);  // one store, not four
    } else {
      path.ids_ = {static_cast<std::uint16_t>(packed), static_cast<std::uint16_t>(packed >> 16),
                   static_cast<std::uint16_t>(packed >> 32), static_cast<std::uint16_t>(packed >> 48)};
    }
    path.depth_ = static_cast<std::uint8_t>(depth);
    return path;
  }

  /// This path with one more id; at resource-instance level it returns itself.
  [[nodiscard]] constexpr Path child(std::uint16_t id) const {
    Path path = *this;
    if (path.depth_ < 4) path.ids_[path.depth_++] = id;
    return path;
  }
  /// The first `depth` ids of this path.
  [[nodiscard]] constexpr Path prefix(std::size_t depth) const {
    Path path;
    path.depth_ = depth < depth_ ? static_cast<std::uint8_t>(depth) : depth_;
    for (std::size_t i = 0; i < path.depth_; ++i) path.ids_[i] = ids_[i];
    return path;
  }
  [[nodiscard]] constexpr Path parent() const { return prefix(depth_ == 0 ? 0 : depth_ - 1u); }
  /// True when `other` is this path or lies below it.
  [[nodiscard]] constexpr bool contains(const Path& other) const {
    return other.depth_ >= depth_ && other.prefix(depth_) == *this;
  }

  constexpr bool operator==(const Path& other) const {
    return packed() == other.packed() && depth_ == other.depth_;
  }
  constexpr std::strong_ordering operator<=>(const Path& other) const {
    const auto shared = depth_ < other.depth_ ? depth_ : other.depth_;
    for (std::size_t i = 0; i < shared; ++i)
      if (const auto order = ids_[i] <=> other.ids_[i]; order != 0) return order;
    return depth_ <=> other.depth_;
  }

 private:
  std::array<std::uint16_t, 4> ids_{};  // unused ones stay 0, so that == is memberwise
  std::uint8_t depth_ = 0;
};

}  // namespace slipway

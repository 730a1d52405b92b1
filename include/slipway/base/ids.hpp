// SPDX-License-Identifier: Apache-2.0
// Numbers that must not be mixed up get a type of their own.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace slipway {

template <class Tag, class Representation>
class StrongId {
 public:
  using representation = Representation;
  constexpr StrongId() = default;
  constexpr explicit StrongId(Representation value) : value_(value) {}
  [[nodiscard]] constexpr Representation value() const { return value_; }
  constexpr auto operator<=>(const StrongId&) const = default;

 private:
  Representation value_{};
};

using ObjectId = StrongId<struct ObjectIdTag, std::uint16_t>;
using InstanceId = StrongId<struct InstanceIdTag, std::uint16_t>;
using ResourceId = StrongId<struct ResourceIdTag, std::uint16_t>;
using ResourceInstanceId = StrongId<struct ResourceInstanceIdTag, std::uint16_t>;

/// The 16-bit id that names nothing. [LwM2M-CORE 1.2 §7.4]
inline constexpr std::uint16_t kReservedId = 65535;

/// Names an LwM2M Server within a device; 1..65534 are servers. [LwM2M-CORE 1.2 §7.4]
using ShortServerId = StrongId<struct ShortServerIdTag, std::uint16_t>;
[[nodiscard]] constexpr bool is_server(ShortServerId id) {
  return id.value() != 0 && id.value() != kReservedId;
}

/// A secure session, or a plain address, for as long as it lives. Given out by the adapter below
/// an engine (never reused while the process runs); an engine only compares it.
using PeerId = StrongId<struct PeerIdTag, std::uint64_t>;

}  // namespace slipway

template <class Tag, class Representation>
struct std::hash<slipway::StrongId<Tag, Representation>> {
  std::size_t operator()(slipway::StrongId<Tag, Representation> id) const noexcept {
    return std::hash<Representation>{}(id.value());
  }
};

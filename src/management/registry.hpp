// SPDX-License-Identifier: Apache-2.0
// The devices that are registered: compact records, found without a scan.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <slipway/base/bounded.hpp>
#include <slipway/base/compact_text.hpp>
#include <slipway/management/server.hpp>

#include "lwm2m/slot.hpp"
#include "management/expiry_heap.hpp"
#include "management/link_pool.hpp"
#include "management/name_order.hpp"

namespace slipway::management {

/// 64 random bits as thirteen characters of base32: not to be guessed, and short in every Update.
using LocationText = BoundedString<13>;
[[nodiscard]] LocationText location_text(std::uint64_t location);
[[nodiscard]] std::optional<std::uint64_t> parse_location(std::string_view text);

enum class DeviceState : std::uint8_t { free, registered, ended };

struct Device {
  CompactText endpoint;
  CompactText sms;
  std::uint64_t location = 0;
  PeerId peer{};
  Address address{};
  UnixTime registered{};
  UnixTime updated{};
  TimePoint expires = TimePoint::max();
  TimePoint awake_until{};  ///< of a queue-mode device
  std::uint32_t lifetime_s = 0;
  Slot links = kNoSlot;
  Slot first_operation = kNoSlot;  ///< queued or in flight, in order
  Slot last_operation = kNoSlot;
  Slot first_observation = kNoSlot;
  std::uint16_t operations = 0;
  std::uint16_t observations = 0;
  std::array<char, 8> binding{};  ///< padded with zeros
  Version enabler;
  DeviceState state = DeviceState::free;
  RegistrationEnd end = RegistrationEnd::expired;
  SecurityMode security = SecurityMode::nosec;
  bool queue_mode = false;
  bool in_flight = false;  ///< the first operation has been sent
  bool reobserve = false;  ///< it has observations of an earlier server, to be asked for again

  [[nodiscard]] std::string_view binding_text() const;
};
static_assert(sizeof(Device) <= 160, "a million of them are kept");

class Registry {
 public:
  Registry(std::size_t capacity, std::uint64_t seed)
      : capacity_(capacity), seed_(seed), links_(seed ^ 0x5851F42D4C957F2D) {}

  /// A new device under that name and location; kNoSlot when there are `capacity` already.
  [[nodiscard]] Slot add(std::string_view endpoint, std::uint64_t location);
  /// From now on no lookup finds it. Its data stay readable until `release`.
  void end(Slot slot, RegistrationEnd reason);
  void release(Slot slot);
  void set_peer(Slot slot, PeerId peer);
  void set_location(Slot slot, std::uint64_t location);
  void set_links(Slot slot, std::string_view text, const lwm2m::ObjectList& list);
  /// Counts the lifetime from `now`; 0 s never ends.
  void set_expiry(Slot slot, TimePoint now, Duration remaining);

  [[nodiscard]] Device& operator[](Slot slot) { return devices_[slot]; }
  [[nodiscard]] const Device& operator[](Slot slot) const { return devices_[slot]; }
  [[nodiscard]] const LinkPool::Entry& links_of(Slot slot) const { return links_[devices_[slot].links]; }
  [[nodiscard]] Slot find(std::string_view endpoint) const;
  [[nodiscard]] Slot find_location(std::uint64_t location) const;
  [[nodiscard]] Slot find(PeerId peer) const;
  [[nodiscard]] std::size_t size() const { return by_endpoint_.size(); }

  /// A device whose lifetime is over at `now`, if there is one.
  [[nodiscard]] Slot next_expired(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_expiry() const { return expiries_.next(); }

  /// The name of a slot, as NameOrder asks for it.
  struct NameOf {
    const std::deque<Device>& devices;
    std::string_view operator()(Slot slot) const { return devices[slot].endpoint.view(); }
  };
  [[nodiscard]] NameOf name_of() const { return {devices_}; }

  template <class Visit>
  void visit_after(std::string_view after, std::size_t limit, Visit&& visit) const {
    order_.visit_after(after, limit, name_of(), visit);
  }
  /// What a person or the store sees; `location` needs memory that outlives the result.
  [[nodiscard]] Registration view(Slot slot, LocationText& location) const;

 private:
  [[nodiscard]] std::uint32_t hash(std::uint64_t number) const { return lwm2m::hash_number(seed_, number); }

  std::size_t capacity_;
  std::uint64_t seed_;
  std::deque<Device> devices_;
  std::vector<Slot> free_;
  HashIndex by_endpoint_;
  HashIndex by_location_;
  HashIndex by_peer_;
  NameOrder order_;
  ExpiryHeap expiries_;
  LinkPool links_;
};

}  // namespace slipway::management

// SPDX-License-Identifier: Apache-2.0
#include "management/registry.hpp"

namespace slipway::management {
namespace {
constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";
}

LocationText location_text(std::uint64_t location) {
  LocationText text;
  for (unsigned i = 0; i < 13; ++i) (void)text.append(kAlphabet[location >> (60 - 5 * i) & 31]);
  return text;
}

std::optional<std::uint64_t> parse_location(std::string_view text) {
  if (text.size() != 13) return std::nullopt;
  std::uint64_t location = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = kAlphabet.find(text[i]);
    if (digit == std::string_view::npos || (i == 0 && digit > 15)) return std::nullopt;
    location = location << 5 | digit;
  }
  return location;
}

std::string_view Device::binding_text() const {
  const std::string_view text(binding.data(), binding.size());
  return text.substr(0, text.find('\0'));
}

Slot Registry::add(std::string_view endpoint, std::uint64_t location) {
  if (size() >= capacity_) return kNoSlot;
  Slot slot = kNoSlot;
  if (free_.empty()) {
    slot = static_cast<Slot>(devices_.size());
    devices_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  auto& device = devices_[slot];
  device.endpoint = CompactText(endpoint);
  device.location = location;
  device.state = DeviceState::registered;
  by_endpoint_.insert(lwm2m::hash_text(seed_, endpoint), slot);
  by_location_.insert(hash(location), slot);
  order_.insert(slot, name_of());
  return slot;
}

void Registry::end(Slot slot, RegistrationEnd reason) {
  auto& device = devices_[slot];
  set_peer(slot, PeerId{});
  by_endpoint_.erase(lwm2m::hash_text(seed_, device.endpoint.view()), slot);
  by_location_.erase(hash(device.location), slot);
  order_.erase(slot, name_of());
  expiries_.remove(slot);
  device.state = DeviceState::ended;
  device.end = reason;
}

void Registry::release(Slot slot) {
  links_.release(devices_[slot].links);
  devices_[slot] = Device{};
  free_.push_back(slot);
}

void Registry::set_peer(Slot slot, PeerId peer) {
  auto& device = devices_[slot];
  if (device.peer == peer) return;
  if (device.peer != PeerId{}) by_peer_.erase(hash(device.peer.value()), slot);
  device.peer = peer;
  if (peer != PeerId{}) by_peer_.insert(hash(peer.value()), slot);
}

void Registry::set_location(Slot slot, std::uint64_t location) {
  by_location_.erase(hash(devices_[slot].location), slot);
  devices_[slot].location = location;
  by_location_.insert(hash(location), slot);
}

void Registry::set_links(Slot slot, std::string_view text, const lwm2m::ObjectList& list) {
  const auto fresh = links_.acquire(text, list);
  links_.release(devices_[slot].links);
  devices_[slot].links = fresh;
}

void Registry::set_expiry(Slot slot, TimePoint now, Duration remaining) {
  auto& device = devices_[slot];
  if (device.lifetime_s == 0) {
    device.expires = TimePoint::max();
    return expiries_.remove(slot);
  }
  device.expires = now + remaining;
  expiries_.at_latest(slot, device.expires);
}

Slot Registry::find(std::string_view endpoint) const {
  return by_endpoint_.find(lwm2m::hash_text(seed_, endpoint),
                           [&](Slot slot) { return devices_[slot].endpoint.view() == endpoint; });
}

Slot Registry::find_location(std::uint64_t location) const {
  return by_location_.find(hash(location), [&](Slot slot) { return devices_[slot].location == location; });
}

Slot Registry::find(PeerId peer) const {
  return by_peer_.find(hash(peer.value()), [&](Slot slot) { return devices_[slot].peer == peer; });
}

Slot Registry::next_expired(TimePoint now) {
  while (expiries_.next().value_or(TimePoint::max()) <= now) {
    const auto slot = expiries_.front();
    if (devices_[slot].expires <= now) return slot;
    expiries_.remove(slot);  // it was postponed by an Update
    expiries_.at_latest(slot, devices_[slot].expires);
  }
  return kNoSlot;
}

Registration Registry::view(Slot slot, LocationText& location) const {
  const auto& device = devices_[slot];
  location = location_text(device.location);
  Registration view{.endpoint = device.endpoint.view(),
                    .location = location,
                    .enabler = device.enabler,
                    .lifetime = seconds(device.lifetime_s),
                    .binding = device.binding_text(),
                    .queue_mode = device.queue_mode,
                    .sms = device.sms.view(),
                    .links = {},
                    .alternate_path = {},
                    .peer = device.peer,
                    .address = device.address,
                    .security = device.security,
                    .registered = device.registered,
                    .updated = device.updated};
  if (device.links == kNoSlot) return view;
  view.links = links_[device.links].text;
  view.alternate_path = links_[device.links].alternate_path;
  return view;
}

}  // namespace slipway::management

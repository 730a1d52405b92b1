// SPDX-License-Identifier: Apache-2.0
#include "management/engine.hpp"

namespace slipway::management {

Server::Impl::Impl(const ServerConfig& config, const ObjectCatalog& catalog, Random& random)
    : config_(config),
      catalog_(catalog),
      random_(random),
      coap_(config.coap, random),
      registry_(config.registrations_max, random.u64()),
      links_(config.links_max),
      entries_(codec::kEntriesMax),
      scratch_(config.coap.body_max) {}

void Server::Impl::handle_datagram(TimePoint now, UnixTime wall, const PeerContext& peer, ByteView datagram) {
  if (peer.reliable && !coap_.set_reliable(peer.id, *peer.reliable)) return;
  coap_.handle_datagram(now, peer.id, datagram);
  drain(now, wall, &peer);
  const auto slot = registry_.find(peer.id);
  if (slot == kNoSlot) return;
  if (registry_[slot].queue_mode) stay_awake(now, slot);
  if (std::exchange(registry_[slot].reobserve, false)) reobserve(now, slot);
  kick(now, slot);
}

void Server::Impl::drain(TimePoint now, UnixTime wall, const PeerContext* peer) {
  while (const auto event = coap_.poll_event()) {
    if (const auto* request = std::get_if<coap::RequestReceived>(&*event)) {
      if (peer == nullptr || peer->id != request->peer) continue;
      on_request({.now = now, .wall = wall, .peer = *peer, .id = request->id, .message = request->message});
    } else if (const auto* response = std::get_if<coap::ResponseReceived>(&*event)) {
      on_response(now, *response);
    } else if (const auto* notification = std::get_if<coap::NotificationReceived>(&*event)) {
      on_notification(*notification);
    } else if (const auto* failure = std::get_if<coap::RequestFailed>(&*event)) {
      on_failure(now, *failure);
    }
  }
}

void Server::Impl::handle_timeout(TimePoint now) {
  coap_.handle_timeout(now);
  drain(now, {}, nullptr);
  for (auto slot = registry_.next_expired(now); slot != kNoSlot; slot = registry_.next_expired(now)) {
    ++counters_.expiries;
    end_registration(now, slot, RegistrationEnd::expired);
  }
  for (auto* deadlines : {&active_, &waiting_}) {
    while (deadlines->next().value_or(TimePoint::max()) <= now) {
      const auto slot = deadlines->front();
      const auto device = operations_[slot].device;
      fail_operation(now, slot, OperationFailure::timeout);
      kick(now, device);
    }
  }
}

std::optional<TimePoint> Server::Impl::next_timeout() const {
  auto earliest = coap_.next_timeout();
  for (const auto& next : {registry_.next_expiry(), active_.next(), waiting_.next()})
    if (next && (!earliest || *next < *earliest)) earliest = next;
  return earliest;
}

std::optional<Registration> Server::Impl::find(std::string_view endpoint) const {
  const auto slot = registry_.find(endpoint);
  if (slot == kNoSlot) return std::nullopt;
  return registry_.view(slot, found_location_);
}

void Server::Impl::restore(TimePoint now, const Registration& registration, Duration remaining) {
  if (!lwm2m::valid_endpoint(registration.endpoint) || registry_.find(registration.endpoint) != kNoSlot)
    return;
  auto location = parse_location(registration.location);
  if (!location || registry_.find_location(*location) != kNoSlot) location = fresh_location();
  const auto slot = registry_.add(registration.endpoint, *location);
  if (slot == kNoSlot) return;
  auto& device = registry_[slot];
  device.enabler = registration.enabler;
  device.lifetime_s = static_cast<std::uint32_t>(registration.lifetime.count());
  registration.binding.substr(0, device.binding.size()).copy(device.binding.data(), device.binding.size());
  device.queue_mode = registration.queue_mode;
  device.sms = CompactText(registration.sms);
  device.address = registration.address;
  device.security = registration.security;
  device.registered = registration.registered;
  device.updated = registration.updated;
  if (const auto list = lwm2m::parse_object_list(registration.links, links_))
    registry_.set_links(slot, registration.links, *list);
  registry_.set_expiry(slot, now, remaining);
  if (registry_.find(registration.peer) == kNoSlot) registry_.set_peer(slot, registration.peer);
}

void Server::Impl::revoke(TimePoint now, std::string_view endpoint) {
  if (const auto slot = registry_.find(endpoint); slot != kNoSlot)
    end_registration(now, slot, RegistrationEnd::revoked);
}

void Server::Impl::peer_gone(TimePoint now, PeerId peer) {
  if (const auto slot = registry_.find(peer); slot != kNoSlot) {
    const bool in_flight = registry_[slot].in_flight;
    if (in_flight && registry_[slot].queue_mode) fail_in_flight(now, slot, OperationFailure::session_lost);
    if (registry_[slot].in_flight)
      fail_operation(now, registry_[slot].first_operation, OperationFailure::session_lost);
    suspend_observations(slot);
    registry_.set_peer(slot, PeerId{});
  }
  coap_.drop_peer(peer);
  drain(now, {}, nullptr);
}

}  // namespace slipway::management

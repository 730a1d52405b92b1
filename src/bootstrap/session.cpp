// SPDX-License-Identifier: Apache-2.0
#include "bootstrap/session.hpp"

#include <algorithm>

namespace slipway::bootstrap {

/// One owner has a /64 of IPv6, and all addresses in it.
HostCounts::Host HostCounts::host_of(const Address& address) {
  auto host = address.ip;
  if (!address.is_v4()) std::fill(host.begin() + 8, host.end(), std::uint8_t{0});
  return host;
}

std::size_t HostCounts::of(const Address& address) const {
  const auto found = counts_.find(host_of(address));
  return found == counts_.end() ? 0 : found->second;
}

void HostCounts::remove(const Address& address) {
  const auto found = counts_.find(host_of(address));
  if (found != counts_.end() && --found->second == 0) counts_.erase(found);
}

Slot SessionTable::open(PeerId peer, std::string_view endpoint, std::size_t spare) {
  Slot slot = kNoSlot;
  if (sessions_.size() - free_.size() >= capacity_ + spare) return kNoSlot;
  if (free_.empty()) {
    slot = static_cast<Slot>(sessions_.size());
    sessions_.push_back(std::make_unique<Session>());
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  auto& session = *sessions_[slot];
  session.id = SessionId(++serial_ << kSlotBits | slot);
  session.state = State::wanted;
  session.peer = peer;
  session.endpoint = endpoint;
  session.endpoint_hash = lwm2m::hash_text(seed_, endpoint);
  by_peer_.insert(lwm2m::hash_number(seed_, peer.value()), slot);
  return slot;
}

void SessionTable::count_host(Slot slot) {
  auto& session = *sessions_[slot];
  session.counted = true;
  hosts_.add(session.address);
}

void SessionTable::list_endpoint(Slot slot) {
  auto& session = *sessions_[slot];
  session.listed = true;
  by_endpoint_.insert(session.endpoint_hash, slot);
}

void SessionTable::unlist(Slot slot) {
  auto& session = *sessions_[slot];
  if (session.state == State::ended || session.state == State::free) return;
  by_peer_.erase(lwm2m::hash_number(seed_, session.peer.value()), slot);
  if (session.listed) by_endpoint_.erase(session.endpoint_hash, slot);
  if (session.counted) hosts_.remove(session.address);
  session.listed = session.counted = false;
  session.state = State::ended;
}

void SessionTable::release(Slot slot) {
  auto& session = *sessions_[slot];
  session.state = State::free;
  session.phase = Phase::looking;
  session.round = Round::first;
  session.keeping = Wait::pending;
  session.answered = Answered::no;
  session.listing = DeviceState::Listing::unknown;
  session.enabler = {};
  session.request.reset();
  session.next = 0;
  session.plan.reset();
  session.credentials.clear();  // each wipes its key
  session.list.operations.clear();
  session.list.kept_rights.clear();
  session.links.clear();
  session.servers.payload.reset();
  session.access.payload.reset();
  session.first_refusal.clear();
  session.reason.clear();
  free_.push_back(slot);
}

Slot SessionTable::find(SessionId id) const {
  const auto slot = static_cast<Slot>(id.value() & ((1u << kSlotBits) - 1));
  if (slot >= sessions_.size()) return kNoSlot;
  const auto& session = *sessions_[slot];
  return session.id == id && (session.state == State::wanted || session.state == State::running) ? slot
                                                                                                 : kNoSlot;
}

Slot SessionTable::find(PeerId peer) const {
  return by_peer_.find(lwm2m::hash_number(seed_, peer.value()),
                       [&](Slot slot) { return sessions_[slot]->peer == peer; });
}

Slot SessionTable::find(std::string_view endpoint) const {
  return by_endpoint_.find(lwm2m::hash_text(seed_, endpoint),
                           [&](Slot slot) { return sessions_[slot]->endpoint == endpoint; });
}

}  // namespace slipway::bootstrap

// SPDX-License-Identifier: Apache-2.0
#include "peers.hpp"

#include "lwm2m/slot.hpp"

namespace slipway::node {

std::uint32_t Peers::slot_of(PeerId id) const {
  return by_id_.find(lwm2m::hash_number(seed_, id.value()),
                     [&](std::uint32_t slot) { return slots_[slot].id == id; });
}

std::uint32_t Peers::hash_of_endpoint(std::string_view endpoint) const {
  return lwm2m::hash_text(seed_, endpoint);
}

void Peers::add(PeerId id, Peer peer) {
  std::uint32_t slot = 0;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  if (!peer.endpoint.empty()) by_endpoint_.insert(hash_of_endpoint(peer.endpoint.view()), slot);
  by_id_.insert(lwm2m::hash_number(seed_, id.value()), slot);
  slots_[slot] = {.id = id, .peer = std::move(peer)};
}

void Peers::add_session(PeerId id, Peer peer) {
  add(id, std::move(peer));
}

PeerId Peers::plain(Port& port, const Address& address, std::optional<PeerId>& evicted) {
  if (const auto known = plain_.find({&port, address}); known != plain_.end()) {
    const auto place = find(known->second)->plain_order;
    plain_order_.splice(plain_order_.end(), plain_order_, place);
    return known->second;
  }
  if (plain_.size() >= plain_max_) {
    evicted = plain_order_.front();
    remove(*evicted);
  }
  const PeerId id = next();
  Peer peer{.port = &port, .address = address};
  peer.plain_order = plain_order_.insert(plain_order_.end(), id);
  plain_.emplace(PlainKey{&port, address}, id);
  add(id, std::move(peer));
  return id;
}

Peer* Peers::find(PeerId id) {
  const auto slot = slot_of(id);
  return slot == HashIndex::kNone ? nullptr : &slots_[slot].peer;
}

void Peers::remove(PeerId id) {
  const auto slot = slot_of(id);
  if (slot == HashIndex::kNone) return;
  const Peer& peer = slots_[slot].peer;
  if (peer.security == SecurityMode::nosec && !peer.port->streams) {
    plain_.erase({peer.port, peer.address});
    plain_order_.erase(peer.plain_order);
  }
  if (!peer.endpoint.empty()) by_endpoint_.erase(hash_of_endpoint(peer.endpoint.view()), slot);
  by_id_.erase(lwm2m::hash_number(seed_, id.value()), slot);
  slots_[slot] = {};
  free_.push_back(slot);
}

std::vector<PeerId> Peers::of(std::string_view endpoint) const {
  std::vector<PeerId> all;
  (void)by_endpoint_.find(hash_of_endpoint(endpoint), [&](std::uint32_t slot) {
    if (slots_[slot].peer.endpoint.view() == endpoint) all.push_back(slots_[slot].id);
    return false;
  });
  return all;
}

}  // namespace slipway::node

// SPDX-License-Identifier: Apache-2.0
#include "bootstrap/session.hpp"

namespace slipway::bootstrap {

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
  session.listed = false;
  session.state = State::ended;
}

void SessionTable::release(Slot slot) {
  auto& session = *sessions_[slot];
  session.state = State::free;
  session.discover = session.keeping = Wait::pending;
  session.request.reset();
  session.next = 0;
  session.plan.reset();
  session.credentials.clear();
  session.operations.clear();
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

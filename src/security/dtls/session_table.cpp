// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/session_table.hpp"

namespace slipway::security::dtls {
namespace {

/// Peer ids are consecutive numbers: spread them over the cells.
std::uint64_t hash_of_peer(PeerId peer) {
  auto z = peer.value() * 0x9E3779B97F4A7C15u;
  return z ^ (z >> 32);
}

}  // namespace

Session* SessionTable::find(const Address& address) {
  const auto slot =
      by_address_.find(hash_of(address), [&](std::uint32_t s) { return at(s).address == address; });
  return slot == kNone ? nullptr : &at(slot);
}

Session* SessionTable::find(PeerId peer) {
  const auto slot = by_peer_.find(hash_of_peer(peer), [&](std::uint32_t s) { return at(s).peer == peer; });
  return slot == kNone ? nullptr : &at(slot);
}

Session& SessionTable::insert(const Address& address, PeerId peer, TimePoint now) {
  if (free_ == kNone) {
    const auto first = static_cast<std::uint32_t>(chunks_.size() * kChunk);
    chunks_.push_back(std::make_unique<Session[]>(kChunk));
    for (auto slot = first + kChunk; slot-- > first;) {
      at(slot).slot_ = slot;
      at(slot).newer_ = free_;
      free_ = slot;
    }
  }
  auto& session = at(free_);
  free_ = session.newer_;
  session.address = address;
  session.peer = peer;
  session.touched = now;
  link_newest(session);
  by_address_.insert(session.slot_, [this](std::uint32_t s) { return hash_of(at(s).address); });
  by_peer_.insert(session.slot_, [this](std::uint32_t s) { return hash_of_peer(at(s).peer); });
  ++size_;
  return session;
}

void SessionTable::erase(Session& session) {
  const auto slot = session.slot_;
  by_address_.erase(slot, [this](std::uint32_t s) { return hash_of(at(s).address); });
  by_peer_.erase(slot, [this](std::uint32_t s) { return hash_of_peer(at(s).peer); });
  unlink(session);
  wipe(session.records.write.key);
  wipe(session.records.read.key);
  session = Session{};
  session.slot_ = slot;
  session.newer_ = free_;
  free_ = slot;
  --size_;
}

void SessionTable::touch(Session& session, TimePoint now) {
  session.touched = now;
  if (newest_ == session.slot_) return;
  unlink(session);
  link_newest(session);
}

Session* SessionTable::oldest() {
  return oldest_ == kNone ? nullptr : &at(oldest_);
}

std::size_t SessionTable::bytes() const {
  return chunks_.size() * kChunk * sizeof(Session) + chunks_.capacity() * sizeof(chunks_[0]) +
         by_address_.bytes() + by_peer_.bytes();
}

void SessionTable::link_newest(Session& session) {
  session.older_ = newest_;
  session.newer_ = kNone;
  (newest_ == kNone ? oldest_ : at(newest_).newer_) = session.slot_;
  newest_ = session.slot_;
}

void SessionTable::unlink(Session& session) {
  (session.older_ == kNone ? oldest_ : at(session.older_).newer_) = session.newer_;
  (session.newer_ == kNone ? newest_ : at(session.newer_).older_) = session.older_;
}

}  // namespace slipway::security::dtls

// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/session_table.hpp"

namespace slipway::security::dtls {
namespace {

/// Peer ids are consecutive numbers: spread them over the cells.
std::uint64_t hash_of_peer(PeerId peer) {
  auto z = peer.value() * 0x9E3779B97F4A7C15u;
  return z ^ (z >> 32);
}

/// Connection IDs are random but for their route.
std::uint64_t hash_of_cid(ByteView cid) {
  std::uint64_t text = cid.size();
  for (const auto byte : cid) text = text << 8 | byte;
  text *= 0x9E3779B97F4A7C15u;
  return text ^ (text >> 32);
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

Session* SessionTable::find_cid(ByteView cid) {
  const auto slot = by_cid_.find(hash_of_cid(cid),
                                 [&](std::uint32_t s) { return equal(at(s).records.cid_in.view(), cid); });
  return slot == kNone ? nullptr : &at(slot);
}

void SessionTable::list_cid(Session& session) {
  session.by_cid_ = true;
  by_cid_.insert(session.slot_, [this](std::uint32_t s) { return hash_of_cid(at(s).records.cid_in.view()); });
}

void SessionTable::unlist_address(Session& session) {
  if (!session.at_address_) return;
  session.at_address_ = false;
  by_address_.erase(session.slot_, [this](std::uint32_t s) { return hash_of(at(s).address); });
}

void SessionTable::list_address(Session& session) {
  session.at_address_ = true;
  by_address_.insert(session.slot_, [this](std::uint32_t s) { return hash_of(at(s).address); });
}

void SessionTable::move(Session& session, const Address& address) {
  unlist_address(session);
  session.address = address;
  list_address(session);
}

Session& SessionTable::insert(const Address& address, PeerId peer, TimePoint now) {
  auto& session = insert_aside(address, peer, now);
  list_address(session);
  return session;
}

Session& SessionTable::insert_aside(const Address& address, PeerId peer, TimePoint now) {
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
  by_peer_.insert(session.slot_, [this](std::uint32_t s) { return hash_of_peer(at(s).peer); });
  ++size_;
  return session;
}

void SessionTable::erase(Session& session) {
  const auto slot = session.slot_;
  unlist_address(session);
  if (session.by_cid_)
    by_cid_.erase(slot, [this](std::uint32_t s) { return hash_of_cid(at(s).records.cid_in.view()); });
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
         by_address_.bytes() + by_peer_.bytes() + by_cid_.bytes();
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

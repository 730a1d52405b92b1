// SPDX-License-Identifier: Apache-2.0
#include "peers.hpp"

namespace slipway::node {

void Peers::add_session(PeerId id, Peer peer) {
  if (!peer.endpoint.empty()) by_endpoint_.emplace(peer.endpoint, id);
  peers_.emplace(id, std::move(peer));
}

PeerId Peers::plain(Port& port, const Address& address, std::optional<PeerId>& evicted) {
  if (const auto known = plain_.find({&port, address}); known != plain_.end()) {
    const auto place = peers_.at(known->second).plain_order;
    plain_order_.splice(plain_order_.end(), plain_order_, place);
    return known->second;
  }
  if (plain_.size() >= plain_max_) {
    evicted = plain_order_.front();
    remove(*evicted);
  }
  const PeerId id = next();
  Peer peer{
      .port = &port, .security = SecurityMode::nosec, .endpoint = {}, .identity = {}, .address = address};
  peer.plain_order = plain_order_.insert(plain_order_.end(), id);
  plain_.emplace(PlainKey{&port, address}, id);
  peers_.emplace(id, std::move(peer));
  return id;
}

Peer* Peers::find(PeerId id) {
  const auto found = peers_.find(id);
  return found == peers_.end() ? nullptr : &found->second;
}

void Peers::remove(PeerId id) {
  const auto found = peers_.find(id);
  if (found == peers_.end()) return;
  const Peer& peer = found->second;
  if (peer.security == SecurityMode::nosec) {
    plain_.erase({peer.port, peer.address});
    plain_order_.erase(peer.plain_order);
  } else {
    const auto [first, last] = by_endpoint_.equal_range(peer.endpoint);
    for (auto at = first; at != last; ++at)
      if (at->second == id) {
        by_endpoint_.erase(at);
        break;
      }
  }
  peers_.erase(found);
}

std::vector<PeerId> Peers::of(std::string_view endpoint) const {
  std::vector<PeerId> all;
  const auto [first, last] = by_endpoint_.equal_range(std::string(endpoint));
  for (auto at = first; at != last; ++at) all.push_back(at->second);
  return all;
}

}  // namespace slipway::node

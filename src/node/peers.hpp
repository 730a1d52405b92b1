// SPDX-License-Identifier: Apache-2.0
// Who is behind a PeerId: a DTLS session, or a plain address.
#pragma once

#include <deque>
#include <list>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <slipway/base/address.hpp>
#include <slipway/base/bytes.hpp>
#include <slipway/base/compact_text.hpp>
#include <slipway/base/hash_index.hpp>
#include <slipway/lwm2m/peer.hpp>

#include "port.hpp"

namespace slipway::node {

struct Peer {
  Port* port = nullptr;
  CompactText endpoint{};  ///< of the credential; empty without one
  CompactText
      identity{};  ///< of the credential: a PSK identity, or the SHA-256 of a public key or certificate
  Address address{};
  ShortServerId server{};  ///< that the credential is for; 0 of a bootstrap server
  SecurityMode security = SecurityMode::nosec;
  std::list<PeerId>::iterator plain_order{};  ///< place in the order of use, for plain peers

  [[nodiscard]] ByteView identity_bytes() const { return as_bytes(identity.view()); }
  /// For what outlives the peer: a job of the store.
  [[nodiscard]] Bytes identity_copy() const { return {identity.view().begin(), identity.view().end()}; }
};
static_assert(sizeof(Peer) <= 64, "a million of them are kept");

class Peers {
 public:
  Peers(std::size_t plain_max, std::uint64_t seed) : plain_max_(plain_max), seed_(seed) {}

  [[nodiscard]] PeerId next() { return PeerId(++last_); }
  /// Ids up to this one were given by earlier servers, whose sessions may come back.
  void start_after(std::uint64_t last) { last_ = last; }
  void add_session(PeerId id, Peer peer);
  /// The peer of a plain address, made when it is new. At plain_max the longest unused one is
  /// dropped and given back in `evicted`.
  PeerId plain(Port& port, const Address& address, std::optional<PeerId>& evicted);
  [[nodiscard]] Peer* find(PeerId id);
  [[nodiscard]] const Peer* find(PeerId id) const { return const_cast<Peers*>(this)->find(id); }
  void remove(PeerId id);
  template <class Visit>
  void each_session(Visit&& visit) const {
    for (const auto& [id, peer] : slots_)
      if (id != PeerId{} && peer.security != SecurityMode::nosec) visit(id);
  }
  /// Sessions whose credential belongs to the endpoint.
  [[nodiscard]] std::vector<PeerId> of(std::string_view endpoint) const;
  [[nodiscard]] PeerContext context(PeerId id, const Peer& peer) const {
    return {.id = id, .security = peer.security, .endpoint = peer.endpoint.view(), .address = peer.address};
  }
  [[nodiscard]] std::size_t size() const { return by_id_.size(); }

 private:
  struct PlainKey {
    const Port* port;
    Address address;
    bool operator==(const PlainKey&) const = default;
  };
  struct PlainHash {
    std::size_t operator()(const PlainKey& key) const {
      return static_cast<std::size_t>(hash_of(key.address)) ^ reinterpret_cast<std::uintptr_t>(key.port);
    }
  };
  struct Entry {
    PeerId id{};  ///< 0 of a free slot
    Peer peer{};
  };
  [[nodiscard]] std::uint32_t slot_of(PeerId id) const;
  [[nodiscard]] std::uint32_t hash_of_endpoint(std::string_view endpoint) const;
  void add(PeerId id, Peer peer);

  std::size_t plain_max_;
  std::uint64_t seed_;  ///< nobody outside can choose names that collide
  std::uint64_t last_ = 0;
  std::deque<Entry> slots_;  // a Peer does not move
  std::vector<std::uint32_t> free_;
  HashIndex by_id_, by_endpoint_;
  std::unordered_map<PlainKey, PeerId, PlainHash> plain_;
  std::list<PeerId> plain_order_;  // longest unused first
};

}  // namespace slipway::node

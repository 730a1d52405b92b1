// SPDX-License-Identifier: Apache-2.0
// Who is behind a PeerId: a DTLS session, or a plain address.
#pragma once

#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <slipway/base/address.hpp>
#include <slipway/base/bytes.hpp>
#include <slipway/lwm2m/peer.hpp>

#include "port.hpp"

namespace slipway::node {

struct Peer {
  Port* port = nullptr;
  SecurityMode security = SecurityMode::nosec;
  std::string endpoint;  ///< of the credential; empty without one
  ShortServerId server;  ///< that the credential is for; 0 of a bootstrap server
  Bytes identity;        ///< of the credential: a PSK identity, or the SHA-256 of a public key or certificate
  Address address;
  std::list<PeerId>::iterator plain_order{};  ///< place in the order of use, for plain peers
};

class Peers {
 public:
  explicit Peers(std::size_t plain_max) : plain_max_(plain_max) {}

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
    for (const auto& [id, peer] : peers_)
      if (peer.security != SecurityMode::nosec) visit(id);
  }
  /// Sessions whose credential belongs to the endpoint.
  [[nodiscard]] std::vector<PeerId> of(std::string_view endpoint) const;
  [[nodiscard]] PeerContext context(PeerId id, const Peer& peer) const {
    return {.id = id, .security = peer.security, .endpoint = peer.endpoint, .address = peer.address};
  }
  [[nodiscard]] std::size_t size() const { return peers_.size(); }

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
  std::size_t plain_max_;
  std::uint64_t last_ = 0;
  std::unordered_map<PeerId, Peer> peers_;
  std::unordered_map<PlainKey, PeerId, PlainHash> plain_;
  std::list<PeerId> plain_order_;  // longest unused first
  std::unordered_multimap<std::string, PeerId> by_endpoint_;
};

}  // namespace slipway::node

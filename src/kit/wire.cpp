// SPDX-License-Identifier: Apache-2.0
#include "kit/wire.hpp"

#include <algorithm>

namespace slipway::kit {

namespace tls = security::dtls;

namespace {

std::string text_of(const tls::PeerIdentity& identity) {
  const auto* const psk = std::get_if<tls::PskIdentity>(&identity);
  return psk != nullptr ? std::string(as_text(psk->bytes())) : std::string();
}

}  // namespace

Wire::Wire(SecurityMode security, Random& random, KeyOf key_of) : key_of_(std::move(key_of)) {
  if (security == SecurityMode::nosec) return;
  for (auto& server : dtls_) {
    tls::ServerConfig config;
    config.next_peer = [this] { return PeerId(++last_peer_); };
    config.sessions_max = kSessionsMax;
    config.handshakes_max = kSessionsMax;
    server = std::make_unique<tls::DtlsServer>(std::move(config), random);
  }
}

void Wire::handle_datagram(TimePoint now, Door door, const Address& from, ByteView datagram) {
  if (auto* const server = dtls(door)) {
    server->handle_datagram(now, from, datagram);
    return drain(now, door);
  }
  events_.push_back(Arrived{door, plain_peer(door, from), Bytes(datagram.begin(), datagram.end())});
}

PeerId Wire::plain_peer(Door door, const Address& address) {
  for (const auto& [id, peer] : peers_)
    if (peer.door == door && peer.address == address) return id;
  if (peers_.size() >= kPlainPeersMax) {
    const auto oldest = peers_.begin();
    events_.push_back(Gone{oldest->second.door, oldest->first});
    peers_.erase(oldest);
  }
  const PeerId id(++last_peer_);
  peers_.emplace(id, Peer{door, address, {}});
  events_.push_back(Established{door, id, {}});
  return id;
}

void Wire::handle_timeout(TimePoint now) {
  for (const auto door : {Door::bootstrap, Door::management})
    if (auto* const server = dtls(door)) {
      server->handle_timeout(now);
      drain(now, door);
    }
}

std::optional<TimePoint> Wire::next_timeout() const {
  std::optional<TimePoint> next;
  for (const auto& server : dtls_)
    if (server)
      if (const auto at = server->next_timeout(); at && (!next || *at < *next)) next = at;
  return next;
}

void Wire::drain(TimePoint now, Door door) {
  auto& server = *dtls(door);
  while (const auto event = server.poll_event()) {
    if (const auto* wanted = std::get_if<tls::CredentialWanted>(&*event)) {
      auto key = key_of_(door, wanted->psk_identity);
      server.credential(now, wanted->lookup, std::move(key));
    } else if (const auto* established = std::get_if<tls::SessionEstablished>(&*event)) {
      Peer peer{door, established->address, text_of(established->identity)};
      events_.push_back(Established{door, established->peer, peer.identity});
      peers_.insert_or_assign(established->peer, std::move(peer));
    } else if (const auto* received = std::get_if<tls::DatagramReceived>(&*event)) {
      events_.push_back(
          Arrived{door, received->peer, Bytes(received->plaintext.begin(), received->plaintext.end())});
    } else if (const auto* ended = std::get_if<tls::SessionEnded>(&*event)) {
      events_.push_back(Gone{door, ended->peer});
      peers_.erase(ended->peer);
    } else if (const auto* failed = std::get_if<tls::HandshakeFailed>(&*event)) {
      std::string identity;
      if (failed->identity) identity = text_of(*failed->identity);
      const bool is_refusal = failed->failure.reason == tls::FailureReason::wrong_key ||
                              failed->failure.reason == tls::FailureReason::unknown_identity ||
                              failed->failure.reason == tls::FailureReason::peer_alert;
      if (is_refusal) events_.push_back(Refused{door, std::move(identity)});
    }
  }
  while (const auto out = server.poll_transmit()) push(door, out->to, out->bytes);
}

void Wire::push(Door door, const Address& to, ByteView bytes) {
  if (outgoing_.size() < kOutgoingMax) outgoing_.push_back({door, to, Bytes(bytes.begin(), bytes.end())});
}

std::optional<BenchTransmit> Wire::poll_transmit() {
  if (outgoing_.empty()) return std::nullopt;
  current_ = std::move(outgoing_.front().bytes);
  const BenchTransmit transmit{outgoing_.front().door, outgoing_.front().to, current_};
  outgoing_.pop_front();
  return transmit;
}

std::optional<Wire::Event> Wire::poll_event() {
  if (events_.empty()) return std::nullopt;
  auto event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void Wire::send(TimePoint now, PeerId peer, ByteView datagram) {
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return;
  const auto door = found->second.door;
  auto* const server = dtls(door);
  if (server == nullptr) return push(door, found->second.address, datagram);
  (void)server->send(now, peer, datagram);  // an ended session tells by its event
  drain(now, door);
}

void Wire::send_outside(PeerId peer, ByteView datagram) {
  if (const auto found = peers_.find(peer); found != peers_.end())
    push(found->second.door, found->second.address, datagram);
}

void Wire::end(TimePoint now, PeerId peer, tls::Alert alert) {
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return;
  const auto door = found->second.door;
  if (auto* const server = dtls(door)) {
    server->end(now, peer, alert);
    drain(now, door);
  }
}

Address Wire::address_of(PeerId peer) const {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? Address{} : found->second.address;
}

}  // namespace slipway::kit

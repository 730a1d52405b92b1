// SPDX-License-Identifier: Apache-2.0
// Handshakes: whose key is it, and what became of it.
#include <spdlog/spdlog.h>

#include <slipway/net/clock.hpp>
#include <slipway/security/keys.hpp>

#include "advice.hpp"
#include "server_node.hpp"

namespace slipway::node {

namespace dtls = security::dtls;
using fleet::CredentialState;
using fleet::ServerRole;

namespace {

ServerRole other(ServerRole role) {
  return role == ServerRole::bootstrap ? ServerRole::management : ServerRole::bootstrap;
}

trace::Interface interface_of(const Port& port) {
  return port.role == ServerRole::bootstrap ? trace::Interface::bootstrap : trace::Interface::management;
}

trace::Row handshake_row(trace::Direction direction, Duration at, std::size_t bytes, std::string detail) {
  return {.at = at,
          .direction = direction,
          .wire_size = bytes,
          .type = "DTLS",
          .code = "Handshake",
          .path = {},
          .operation = {},
          .detail = std::move(detail),
          .values = {}};
}

/// What the store knows of an identity.
struct Known {
  std::optional<fleet::Credential> credential;
  std::optional<storage::CredentialOwner> owner;  ///< of an identity that opens nothing here
  bool of_other_role = false;
};

SecurityMode mode_of(dtls::IdentityKind kind) {
  switch (kind) {
    case dtls::IdentityKind::psk:
      return SecurityMode::psk;
    case dtls::IdentityKind::raw_public_key:
      return SecurityMode::rpk;
    case dtls::IdentityKind::certificate:
      break;
  }
  return SecurityMode::x509;
}

/// What the store finds a credential by. [fleet::Credential::identity]
Bytes stored_identity(dtls::IdentityKind kind, ByteView claimed) {
  if (kind == dtls::IdentityKind::psk) return Bytes(claimed.begin(), claimed.end());
  const auto digest = security::sha256(claimed);
  return Bytes(digest.begin(), digest.end());
}

ByteView bytes_of(const dtls::PeerIdentity& identity) {
  if (const auto* psk = std::get_if<dtls::PskIdentity>(&identity)) return psk->bytes();
  if (const auto* raw = std::get_if<dtls::RawKeyIdentity>(&identity)) return raw->public_key;
  return std::get<dtls::CertificateIdentity>(identity).certificate;
}

storage::StoreResult<Known> look_up(storage::Store& store, ServerRole role, SecurityMode mode,
                                    ByteView identity) {
  Known known;
  auto credential = store.find_credential(role, identity);
  if (!credential) return std::unexpected(std::move(credential.error()));
  // RPK and X.509 are found by a hash that anybody can know: it must never pass for a PSK identity.
  if (*credential && (*credential)->mode == mode) {
    known.credential = std::move(*credential);
    return known;
  }
  for (const auto asked : {role, other(role)}) {
    auto owner = store.find_owner(asked, identity);
    if (!owner) return std::unexpected(std::move(owner.error()));
    if (!*owner) continue;
    known.owner = std::move(*owner);
    known.of_other_role = asked != role;
    break;
  }
  return known;
}

Claim claim_of(const Known& known, ServerRole role) {
  if (known.credential)
    return {.endpoint = known.credential->endpoint,
            .server = known.credential->server,
            .reason = {},
            .remedy = {}};
  Claim claim{.endpoint = known.owner->endpoint, .server = {}, .reason = {}, .remedy = {}};
  if (known.of_other_role) {
    claim.reason = std::string("its credential is for the ") + fleet::to_string(other(role)) +
                   " server, and this is the " + fleet::to_string(role) + " server";
    claim.remedy = "give the device's account the right address";
  } else if (known.owner->state == CredentialState::retired) {
    claim.reason = "its credential is retired: it was revoked, or a newer one has been used since";
    claim.remedy =
        role == ServerRole::management
            ? "nothing: the device bootstraps again by itself"
            : "if this is the device and not a copy of it, make it a new pack with `slipway factory --keys`";
  } else {
    claim.reason = "its credential is of another security mode than the one that it came with";
    claim.remedy = "give the device's account the security mode of its credential";
  }
  return claim;
}

}  // namespace

void ServerNode::on_dtls(TimePoint, Port& port, const dtls::CredentialWanted& event) {
  // The store's answer comes later; the handshake may be gone by then, which `credential` and `approve`
  // allow.
  const bool is_psk = event.kind == dtls::IdentityKind::psk;
  auto identity =
      std::make_shared<Bytes>(stored_identity(event.kind, is_psk ? event.psk_identity : event.public_part));
  auto known = std::make_shared<Known>();
  submit(
      [identity, known, role = port.role,
       mode = mode_of(event.kind)](storage::Store& store) -> storage::StoreResult<void> {
        auto found = look_up(store, role, mode, *identity);
        if (!found) return std::unexpected(std::move(found.error()));
        *known = std::move(*found);
        return {};
      },
      [this, &port, known, is_psk, lookup = event.lookup,
       peer = event.peer](storage::StoreResult<void> outcome) {
        const auto now = net::steady_now();
        if (outcome && (known->credential || known->owner)) claims_[peer] = claim_of(*known, port.role);
        const bool is_known = outcome && known->credential.has_value();
        const bool is_retired = outcome && known->owner && known->owner->state == CredentialState::retired;
        if (is_psk) {
          port.dtls->credential(now, lookup,
                                is_known ? std::optional(std::move(known->credential->key)) : std::nullopt);
        } else {
          using enum dtls::Approval;
          port.dtls->approve(now, lookup, is_known ? dtls::Approval::known : is_retired ? retired : unknown);
        }
        drain_dtls(now, port);
      });
}

void ServerNode::on_dtls(TimePoint now, Port& port, const dtls::SessionEstablished& event) {
  const auto kind = static_cast<dtls::IdentityKind>(event.identity.index());
  Peer peer{.port = &port,
            .security = mode_of(kind),
            .endpoint = {},
            .server = {},
            .identity = stored_identity(kind, bytes_of(event.identity)),
            .address = event.address};
  if (auto claim = claims_.extract(event.peer)) {
    peer.endpoint = std::move(claim.mapped().endpoint);
    peer.server = claim.mapped().server;
  }
  recorder_.begin(now - event.duration,
                  net::unix_now() - std::chrono::duration_cast<milliseconds>(event.duration), event.peer,
                  interface_of(port), event.address, peer.endpoint);
  const auto note = [&](trace::Direction direction, std::uint32_t bytes, unsigned datagrams) {
    recorder_.note(event.peer, handshake_row(direction, event.duration, bytes,
                                             std::string(dtls::to_string(event.suite)) + ", " +
                                                 std::to_string(datagrams) +
                                                 (datagrams == 1 ? " datagram" : " datagrams")));
  };
  note(trace::Direction::up, event.traffic.bytes_received, event.traffic.datagrams_received);
  note(trace::Direction::down, event.traffic.bytes_sent, event.traffic.datagrams_sent);
  publish("session", {{"endpoint", peer.endpoint},
                      {"server", fleet::to_string(port.role)},
                      {"address", event.address.to_string()},
                      {"suite", dtls::to_string(event.suite)}});
  // The device holds this key: from here on nothing may drop it for a newer one that it never got.
  prove(peer);
  peers_.add_session(event.peer, std::move(peer));
}

void ServerNode::prove(const Peer& peer) {
  if (peer.identity.empty()) return;
  auto identity = std::make_shared<Bytes>(peer.identity);
  submit([identity,
          role = peer.port->role](storage::Store& store) { return store.prove_credential(role, *identity); },
         {});
  settle_pack(peer);
}

void ServerNode::on_dtls(TimePoint now, Port&, const dtls::DatagramReceived& event) {
  if (const auto* peer = peers_.find(event.peer))
    deliver(now, event.peer, *peer, event.plaintext, event.wire_size);
}

/// The session names the device, so its address is only what is shown and where answers go.
void ServerNode::on_dtls(TimePoint, Port&, const dtls::PeerMoved& event) {
  auto* peer = peers_.find(event.peer);
  if (peer == nullptr) return;
  peer->address = event.to;
  publish("moved",
          {{"endpoint", peer->endpoint}, {"from", event.from.to_string()}, {"to", event.to.to_string()}});
}

/// No session is kept over a restart: freeze_reserve is 0.
void ServerNode::on_dtls(TimePoint, Port&, const dtls::FreezeWanted&) {}

void ServerNode::on_dtls(TimePoint now, Port&, const dtls::SessionEnded& event) {
  drop_peer(now, event.peer);
}

void ServerNode::on_dtls(TimePoint now, Port& port, const dtls::HandshakeFailed& event) {
  const auto& failure = event.failure;
  ++handshake_failures_[static_cast<std::size_t>(failure.reason)];
  Claim claim;
  if (auto known = claims_.extract(event.peer)) claim = std::move(known.mapped());
  if (claim.reason.empty()) {
    claim.reason = std::string("the handshake failed: ") + dtls::to_string(failure.reason);
    claim.remedy = advice(failure.reason);
  }
  spdlog::warn("{}: handshake with {}{} failed: {} ({})", port.name(), event.address.to_string(),
               claim.endpoint.empty() ? "" : " of " + claim.endpoint, dtls::to_string(failure.reason),
               failure.detail);
  record_refusal(now, port, event, claim);
  publish("handshake-failed", {{"server", fleet::to_string(port.role)},
                               {"address", event.address.to_string()},
                               {"endpoint", claim.endpoint},
                               {"reason", dtls::to_string(failure.reason)},
                               {"detail", failure.detail},
                               {"explanation", claim.reason},
                               {"alert", failure.alert ? dtls::to_string(*failure.alert) : ""}});
}

/// A journey of its own, for whoever asks why the device is not there. Anybody can name an identity, so equal
/// ones are told once a while.
void ServerNode::record_refusal(TimePoint now, const Port& port, const dtls::HandshakeFailed& event,
                                const Claim& claim) {
  if (claim.endpoint.empty()) return;
  if (!refusals_.passes(now, claim.endpoint + '\n' + claim.reason)) return;
  trace::Journey journey;
  journey.endpoint = claim.endpoint;
  journey.interface = interface_of(port);
  journey.began = net::unix_now();
  journey.peer = event.address.to_string();
  journey.outcome = "refused";
  journey.reason = claim.reason;
  journey.remedy = claim.remedy;
  std::string detail = event.failure.detail;
  if (event.failure.alert) detail += std::string(", alert ") + dtls::to_string(*event.failure.alert);
  journey.add(handshake_row(trace::Direction::up, {}, 0, std::move(detail)));
  keep_journey(std::move(journey), Recorder::Name::proven);
}

}  // namespace slipway::node

// SPDX-License-Identifier: Apache-2.0
// Handshakes: whose key is it, and what became of it.
#include <spdlog/spdlog.h>

#include <slipway/net/clock.hpp>
#include <slipway/security/keys.hpp>

#include "advice.hpp"
#include "look_up.hpp"
#include "server_node.hpp"
#include "suites.hpp"

namespace slipway::node {

namespace dtls = security::dtls;
using fleet::CredentialState;
using fleet::ServerRole;

namespace {

trace::Interface interface_of(const Port& port) {
  return port.role == ServerRole::bootstrap ? trace::Interface::bootstrap : trace::Interface::management;
}

trace::Row handshake_row(const char* protocol, trace::Direction direction, Duration at, std::size_t bytes,
                         std::string detail) {
  return {.at = at,
          .direction = direction,
          .wire_size = bytes,
          .type = protocol,
          .code = "Handshake",
          .path = {},
          .operation = {},
          .detail = std::move(detail),
          .values = {}};
}

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

Claim claim_of(const Known& known, ServerRole role) {
  if (known.credential)
    return {.endpoint = known.credential->endpoint,
            .server = known.credential->server,
            .reason = {},
            .remedy = {},
            .state = known.credential->state,
            .created = known.credential->created};
  Claim claim{.endpoint = known.owner->endpoint, .server = {}, .reason = {}, .remedy = {}};
  claim.state = known.owner->state;
  if (known.of_other_role) {
    claim.reason = std::string("its credential is for the ") + fleet::to_string(other_role(role)) +
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

CertificateFacts facts_of(ByteView certificate) {
  CertificateFacts facts;
  facts.fingerprint = to_hex(security::sha256(certificate));
  if (const auto read = security::read_certificate(certificate)) {
    facts.subject = read->common_name;
    facts.issuer = read->issuer_name;
    facts.not_before = read->not_before;
    facts.not_after = read->not_after;
  }
  return facts;
}

/// Whom the client says to be: its identity, or, where that was not believed, what it showed.
struct Shown {
  dtls::IdentityKind kind;
  ByteView part;
};
std::optional<Shown> shown_by(const dtls::HandshakeFailed& event) {
  if (event.identity)
    return Shown{static_cast<dtls::IdentityKind>(event.identity->index()), bytes_of(*event.identity)};
  if (!event.facts || event.facts->chain.empty()) return std::nullopt;
  const auto& part = event.facts->chain.front();
  const bool raw = security::read_public_key(part).has_value();
  return Shown{raw ? dtls::IdentityKind::raw_public_key : dtls::IdentityKind::certificate, part};
}

FailedHandshake failed_handshake(const dtls::HandshakeFailed& event, const Port& port, const Claim& claim) {
  FailedHandshake failed{.first = net::unix_now(),
                         .server = port.role,
                         .protocol = protocol_of(port),
                         .address = event.address.to_string(),
                         .endpoint = claim.endpoint,
                         .reason = event.failure.reason,
                         .refused_by = event.failure.refused_by,
                         .alert = event.failure.alert,
                         .detail = event.failure.detail,
                         .credential_state = claim.state,
                         .credential_created = claim.created};
  failed.last = failed.first;
  if (event.facts) failed.facts = *event.facts;
  failed.facts.chain.clear();
  const auto shown = shown_by(event);
  if (!shown) return failed;
  failed.mode = mode_of(shown->kind);
  failed.identity_fingerprint =
      to_hex(ByteView(security::sha256(stored_identity(shown->kind, shown->part))).first(4));
  if (shown->kind == dtls::IdentityKind::certificate) failed.certificate = facts_of(shown->part);
  return failed;
}

/// What the log says besides the reason, so that the log alone is enough to compare with the device's.
std::string log_tail(const FailedHandshake& failed) {
  std::string text;
  if (failed.alert)
    text += std::string(failed.refused_by == dtls::Side::peer ? "; received " : "; sent ") +
            dtls::alert_text(*failed.alert);
  if (!failed.identity_fingerprint.empty()) text += "; identity " + failed.identity_fingerprint;
  if (failed.facts.suite) text += "; suite " + dtls::suite_text(*failed.facts.suite);
  if (!failed.facts.suite && !failed.facts.offered.suites.empty())
    text += "; offered " + joined_suites(failed.facts.offered.suites);
  return text;
}

}  // namespace

void ServerNode::on_dtls(TimePoint, Port& port, const dtls::CredentialWanted& event) {
  // The store's answer comes later; the handshake may be gone by then, which `credential` and `approve`
  // allow.
  const bool is_psk = event.kind == dtls::IdentityKind::psk;
  ask_store(port, event.peer, event.kind, is_psk ? event.psk_identity : event.public_part,
            [this, &port, is_psk, lookup = event.lookup](TimePoint now, std::optional<Secret> key,
                                                         dtls::Approval approval) {
              if (is_psk)
                port.dtls->credential(now, lookup, std::move(key));
              else
                port.dtls->approve(now, lookup, approval);
              drain_dtls(now, port);
            });
}

/// Looks up whose credential a handshake goes by. The verdict has a key where one is asked for and known.
void ServerNode::ask_store(Port& port, PeerId peer, dtls::IdentityKind kind, ByteView claimed,
                           Verdict verdict) {
  auto identity = std::make_shared<Bytes>(stored_identity(kind, claimed));
  claims_.insert_or_assign(peer, Claimed{.port = &port, .identity = *identity});
  auto known = std::make_shared<Known>();
  submit(
      [identity, known, role = port.role,
       mode = mode_of(kind)](storage::Store& store) -> storage::StoreResult<void> {
        auto found = look_up(store, role, mode, *identity);
        if (!found) return std::unexpected(std::move(found.error()));
        *known = std::move(*found);
        return {};
      },
      [this, role = port.role, known, peer,
       verdict = std::move(verdict)](storage::StoreResult<void> outcome) {
        const auto place = claims_.find(peer);  // gone with its handshake, which may be long ago
        if (outcome && place != claims_.end() && (known->credential || known->owner))
          place->second.claim = claim_of(*known, role);
        const bool is_known = outcome && known->credential.has_value();
        const bool is_retired = outcome && known->owner && known->owner->state == CredentialState::retired;
        std::optional<Secret> key;
        if (is_known) key = std::move(known->credential->key);
        verdict(net::steady_now(), std::move(key),
                is_known     ? dtls::Approval::known
                : is_retired ? dtls::Approval::retired
                             : dtls::Approval::unknown);
      });
}

void ServerNode::on_dtls(TimePoint now, Port& port, const dtls::SessionEstablished& event) {
  const auto words = [&](unsigned datagrams) {
    return ", " + std::to_string(datagrams) + (datagrams == 1 ? " datagram" : " datagrams") +
           (event.resumed ? ", resumed" : "");
  };
  session_opened(now, port,
                 {.peer = event.peer,
                  .address = event.address,
                  .identity = event.identity,
                  .protocol = "DTLS",
                  .suite = dtls::to_string(event.suite),
                  .bytes_received = event.traffic.bytes_received,
                  .bytes_sent = event.traffic.bytes_sent,
                  .datagrams_received = words(event.traffic.datagrams_received),
                  .datagrams_sent = words(event.traffic.datagrams_sent),
                  .duration = event.duration});
}

void ServerNode::session_opened(TimePoint now, Port& port, Opened opened) {
  const auto kind = static_cast<dtls::IdentityKind>(opened.identity.index());
  Peer peer{.port = &port,
            .identity = CompactText(as_text(stored_identity(kind, bytes_of(opened.identity)))),
            .address = opened.address,
            .security = mode_of(kind)};
  if (auto claimed = claims_.extract(opened.peer)) {
    peer.endpoint = CompactText(claimed.mapped().claim.endpoint);
    peer.server = claimed.mapped().claim.server;
  }
  recorder_.begin(now - opened.duration,
                  net::unix_now() - std::chrono::duration_cast<milliseconds>(opened.duration), opened.peer,
                  interface_of(port), opened.address, peer.endpoint.view());
  using enum trace::Direction;
  recorder_.note(opened.peer, handshake_row(opened.protocol, up, opened.duration, opened.bytes_received,
                                            opened.suite + opened.datagrams_received));
  recorder_.note(opened.peer, handshake_row(opened.protocol, down, opened.duration, opened.bytes_sent,
                                            opened.suite + opened.datagrams_sent));
  ++handshakes_[static_cast<std::size_t>(port.role)].established[{kind, opened.suite}];
  publish("session", {{"endpoint", peer.endpoint.view()},
                      {"server", fleet::to_string(port.role)},
                      {"address", opened.address.to_string()},
                      {"suite", opened.suite}});
  // The device holds this key: from here on nothing may drop it for a newer one that it never got.
  prove(opened.peer, peer);
  keep_within_bound(now, peer);
  peers_.add_session(opened.peer, std::move(peer));
}

/// One credential cannot take the places of all others: its oldest session makes room.
void ServerNode::keep_within_bound(TimePoint now, const Peer& peer) {
  std::vector<PeerId> same;
  for (const auto id : peers_.of(peer.endpoint.view()))
    if (const auto* other = peers_.find(id);
        other->port->role == peer.port->role && other->identity.view() == peer.identity.view())
      same.push_back(id);
  if (same.size() >= kSessionsPerCredentialMax)
    end_session(now, *std::ranges::min_element(same), dtls::Alert::close_notify);
}

void ServerNode::prove(PeerId id, const Peer& peer) {
  if (peer.identity.empty()) return;
  auto identity = std::make_shared<Bytes>(peer.identity_copy());
  auto proven = std::make_shared<storage::Proven>();
  submit(
      [identity, proven, role = peer.port->role](storage::Store& store) -> storage::StoreResult<void> {
        auto told = store.prove_credential(role, *identity);
        if (!told) return std::unexpected(std::move(told.error()));
        *proven = std::move(*told);
        return {};
      },
      [this, id, proven](const storage::StoreResult<void>& outcome) {
        if (outcome) proved(net::steady_now(), id, *proven);
      });
  settle_pack(peer);
}

/// No session outlives its credential: not the one that was revoked in the middle of its handshake, and not
/// those of the older credentials that this one has replaced.
void ServerNode::proved(TimePoint now, PeerId id, const storage::Proven& proven) {
  const auto* peer = peers_.find(id);
  if (!proven.live) {
    if (peer == nullptr) return;
    const auto endpoint = std::string(peer->endpoint.view());
    const auto registration = management_.find(endpoint);
    end_session(now, id);
    if (registration && registration->peer == id) management_.revoke(now, endpoint);
    return drain_engines(now);
  }
  if (proven.retired.empty() || peer == nullptr) return;
  const auto role = peer->port->role;
  const auto is_dead = [&](const Peer& other) {
    return other.port->role == role && std::ranges::any_of(proven.retired, [&](const Bytes& dead) {
             return equal(dead, other.identity_bytes());
           });
  };
  end_handshakes(now, proven.endpoint, role, &proven.retired);
  // The device itself has left them: a word that sends nobody into a bootstrap.
  for (const auto old : peers_.of(proven.endpoint))
    if (const auto* other = peers_.find(old); other != nullptr && is_dead(*other))
      end_session(now, old, dtls::Alert::close_notify);
}

void ServerNode::end_handshakes(TimePoint now, std::string_view endpoint, ServerRole role,
                                const std::vector<Bytes>* dead) {
  std::vector<std::pair<PeerId, Port*>> ended;
  for (auto& [id, claimed] : claims_) {
    if (claimed.port->role != role || claimed.claim.endpoint != endpoint) continue;
    if (dead != nullptr && std::ranges::find(*dead, claimed.identity) == dead->end()) continue;
    claimed.claim.reason = "its credential was retired in the middle of the handshake";
    claimed.claim.remedy = "nothing, if that was meant";
    claimed.claim.state = CredentialState::retired;
    ended.emplace_back(id, claimed.port);
  }
  for (const auto& [id, port] : ended) {
    if (port->streams) {
      port->streams->end(now, id, dtls::Alert::access_denied);
    } else {
      port->dtls->end(now, id, dtls::Alert::access_denied);
      drain_dtls(now, *port);
    }
  }
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
  publish(
      "moved",
      {{"endpoint", peer->endpoint.view()}, {"from", event.from.to_string()}, {"to", event.to.to_string()}});
}

void ServerNode::on_dtls(TimePoint, Port&, const dtls::FreezeWanted& event) {
  freezer_.want(event.peer);
}

void ServerNode::on_dtls(TimePoint now, Port& port, const dtls::SessionEnded& event) {
  if (event.alert) count_alert(port, event.reason != dtls::SessionEnd::ended_here, *event.alert);
  if (settings_.server.sessions_kept) freezer_.ended(event.peer);
  drop_peer(now, event.peer);
}

void ServerNode::count_alert(const Port& port, bool received, dtls::Alert alert) {
  ++handshakes_[static_cast<std::size_t>(port.role)]
        .alerts[received ? 1 : 0][static_cast<std::size_t>(dtls::alert_class(alert))];
}

void ServerNode::on_dtls(TimePoint now, Port& port, const dtls::HandshakeFailed& event) {
  // The alert goes before anything is written about it: how much that is depends on whose identity it was.
  if (port.dtls) {
    (void)flush_dtls(port, PeerId());
    flush(port);
  }
  const auto& failure = event.failure;
  const bool on_purpose =
      failure.refused_by == dtls::Side::peer && failure.alert == dtls::Alert::user_canceled;
  const auto counted = on_purpose ? dtls::FailureReason::cancelled : failure.reason;
  ++handshakes_[static_cast<std::size_t>(port.role)]
        .failures[static_cast<std::size_t>(protocol_of(port))][static_cast<std::size_t>(counted)];
  if (failure.alert) count_alert(port, failure.refused_by == dtls::Side::peer, *failure.alert);
  Claim claim;
  if (auto known = claims_.extract(event.peer)) claim = std::move(known.mapped().claim);
  auto failed = failed_handshake(event, port, claim);
  if (claim.reason.empty()) {
    const auto& listen =
        port.role == ServerRole::bootstrap ? settings_.server.bootstrap : settings_.server.management;
    auto usual = failed.protocol == dtls::SecureProtocol::tls ? security::tls::Suites().tls12
                                                              : dtls::ServerConfig().suites;
    auto said = explain(failed, listen.tls ? ServerKeysThere::yes : ServerKeysThere::no,
                        suites_of(listen, std::move(usual)));
    claim.reason = std::move(said.reason);
    claim.remedy = std::move(said.remedy);
  }
  failed.explanation = claim.reason;
  failed.remedy = claim.remedy;
  auto& lines = failure_lines_[claim.endpoint.empty() ? 0 : 1];
  if (const auto left_out = lines.take(now)) {
    spdlog::warn("{}: handshake with {}{} failed: {} ({}){}", port.name(), event.address.to_string(),
                 claim.endpoint.empty() ? "" : " of " + claim.endpoint, dtls::to_string(failure.reason),
                 failure.detail, log_tail(failed));
    if (*left_out != 0)
      spdlog::warn("{}: {} more handshakes failed since the last line, see /metrics", port.name(), *left_out);
  }
  record_refusal(now, port, event, claim);
  publish("handshake-failed", to_json(failed));
  // `slipway doctor` tries suites and breaks off: no device has failed.
  if (!on_purpose) failures_.add(std::move(failed));
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
  journey.add(
      handshake_row(dtls::to_string(protocol_of(port)), trace::Direction::up, {}, 0, std::move(detail)));
  keep_journey(std::move(journey), Recorder::Name::proven);
}

}  // namespace slipway::node

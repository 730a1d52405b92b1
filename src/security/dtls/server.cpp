// SPDX-License-Identifier: Apache-2.0
#include <slipway/security/dtls/server.hpp>

#include <cassert>

#include "security/dtls/frozen.hpp"
#include "security/dtls/server_impl.hpp"

namespace slipway::security::dtls {
namespace {

/// Shorter ones would not be unique among a million sessions.
constexpr std::size_t kCidSizeMin = 4;

}  // namespace

DtlsServer::Impl::Impl(ServerConfig config, Random& random)
    : config_(std::move(config)),
      random_(random),
      context_(TlsContext::server(config_.suites, config_.keys, &psk_key_of)),
      authorities_(ClientAuthorities::from(config_.client_authorities)),
      cookies_(random, config_.cookie_key_life),
      resumable_(random, config_.resumable_bytes_max, config_.resumption_life),
      places_({.places = config_.handshakes_max, .per_network = config_.handshakes_per_ip_max}) {
  assert(context_ && authorities_ && config_.next_peer && "ask DtlsServer::check first");
}

void DtlsServer::Impl::handle_datagram(TimePoint now, const Address& from, ByteView datagram) {
  ++counters_.datagrams_received;
  if (datagram.size() < kRecordHeaderSize) {
    ++counters_.malformed;
    return;
  }
  if (is_client_hello(datagram)) return handle_hello(now, from, datagram);
  const bool plaintext = datagram[3] == 0 && datagram[4] == 0;
  if (datagram[0] == static_cast<std::uint8_t>(ContentType::tls12_cid))
    if (auto* named = session_named_by(datagram)) return open_records_from(now, from, *named, datagram);
  auto* session = sessions_.find(from);
  // A handshake beside an established session gets its plaintext, and what the session cannot read.
  if (auto* pending = pending_at(from)) {
    if (plaintext || session == nullptr || !open_records(now, *session, datagram))
      feed(now, *pending, datagram);
  } else if (session != nullptr) {
    open_records(now, *session, datagram);
  } else {
    ++counters_.unexpected;
  }
}

void DtlsServer::Impl::handle_timeout(TimePoint now) {
  while (!timers_.empty() && timers_.begin()->first <= now) {
    auto& pending = *pending_.at(timers_.begin()->second);
    pending.handshake.handle_timeout(now);
    after_step(now, pending);
  }
  while (auto* session = sessions_.oldest()) {
    if (now < session->touched + config_.session_idle_max) break;
    end_session(*session, SessionEnd::idle, std::nullopt);
  }
}

std::optional<TimePoint> DtlsServer::Impl::next_timeout() const {
  std::optional<TimePoint> next;
  if (!timers_.empty()) next = timers_.begin()->first;
  if (const auto* session = sessions_.oldest()) {
    const auto idle = session->touched + config_.session_idle_max;
    next = next ? std::min(*next, idle) : idle;
  }
  return next;
}

std::optional<ServerTransmit> DtlsServer::Impl::poll_transmit() {
  const auto item = transmits_.poll();
  if (!item) return std::nullopt;
  return ServerTransmit{item->first.to, item->first.peer, item->second};
}

std::optional<ServerEvent> DtlsServer::Impl::poll_event() {
  auto item = events_.poll();
  if (!item) return std::nullopt;
  if (auto* received = std::get_if<DatagramReceived>(&item->first)) received->plaintext = item->second;
  if (auto* wanted = std::get_if<CredentialWanted>(&item->first))
    (wanted->kind == IdentityKind::psk ? wanted->psk_identity : wanted->public_part) = item->second;
  return std::move(item->first);
}

void DtlsServer::Impl::credential(TimePoint now, LookupId lookup, std::optional<Secret> key) {
  const auto found = lookups_.find(lookup);
  if (found == lookups_.end()) return;
  auto& pending = *pending_.at(found->second);
  lookups_.erase(found);
  pending.lookup.reset();
  pending.handshake.credential(now, std::move(key));
  after_step(now, pending);
}

void DtlsServer::Impl::approve(TimePoint now, LookupId lookup, Approval approval) {
  const auto found = lookups_.find(lookup);
  if (found == lookups_.end()) return;
  auto& pending = *pending_.at(found->second);
  lookups_.erase(found);
  pending.lookup.reset();
  pending.handshake.approve(now, approval);
  after_step(now, pending);
}

Result<void> DtlsServer::Impl::send(TimePoint now, PeerId peer, ByteView plaintext) {
  auto* session = sessions_.find(peer);
  if (session == nullptr) return fail(ErrorCode::not_found, "no such session");
  if (plaintext.size() > kRecordPlaintextMax) return fail(ErrorCode::limit, "a record holds 16384 bytes");
  if (transmits_.size() >= kTransmitBacklogMax) return fail(ErrorCode::exhausted, "nobody polls transmits");
  const auto sealed = send_record(*session, ContentType::application_data, plaintext);
  want_freeze(*session);
  if (!sealed && session->records.next_sequence > kSequenceMax)
    end_session(*session, SessionEnd::sequence_exhausted, std::nullopt);
  SLIPWAY_TRY(sealed);
  sessions_.touch(*session, now);
  return {};
}

Result<FrozenSession> DtlsServer::Impl::freeze(PeerId peer) {
  auto* session = sessions_.find(peer);
  if (session == nullptr) return fail(ErrorCode::not_found, "no such session");
  if (session->library) return fail(ErrorCode::unsupported, "the session of this suite stays in GnuTLS");
  SLIPWAY_ASSIGN(auto bytes, dtls::freeze(session->records, config_.freeze_reserve));
  const auto limit = session->records.next_sequence + config_.freeze_reserve;
  session->sequence_limit = std::min(session->sequence_limit, limit);
  session->freeze_wanted = false;
  return FrozenSession{std::move(bytes), session->address, limit, session->identity_mark};
}

void DtlsServer::Impl::frozen(PeerId peer, std::uint64_t limit) {
  auto* session = sessions_.find(peer);
  if (session != nullptr) session->sequence_limit = std::max(session->sequence_limit, limit);
}

Result<void> DtlsServer::Impl::thaw(TimePoint now, PeerId peer, const Address& address,
                                    std::uint64_t identity_mark, ByteView frozen, std::uint64_t life) {
  if (sessions_.size() >= config_.sessions_max) return fail(ErrorCode::limit, "sessions_max are there");
  SLIPWAY_ASSIGN(auto thawed, dtls::thaw(frozen, life));
  const auto& cid = thawed.records.cid_in;
  if (cid.size != 0 && (cid.size != config_.cid_size || sessions_.find_cid(cid.view()) != nullptr))
    return fail(ErrorCode::duplicate, "its Connection ID is taken, or of another size than those given here");
  const bool address_is_free = sessions_.find(address) == nullptr;
  if (cid.size == 0 && !address_is_free) return fail(ErrorCode::duplicate, "its address has a session");
  auto& session =
      address_is_free ? sessions_.insert(address, peer, now) : sessions_.insert_aside(address, peer, now);
  session.records = thawed.records;
  session.sequence_limit = thawed.sequence_limit;
  session.identity_mark = identity_mark;
  if (cid.size != 0) sessions_.list_cid(session);
  return {};
}

void DtlsServer::Impl::end(TimePoint now, PeerId peer, Alert alert) {
  if (auto* session = sessions_.find(peer)) {
    send_alert(*session, alert);
    return end_session(*session, SessionEnd::ended_here, alert);
  }
  if (const auto found = pending_.find(peer); found != pending_.end()) {
    auto& pending = *found->second;
    pending.handshake.abort(alert, {.reason = FailureReason::cancelled,
                                    .alert = alert,
                                    .refused_by = Side::us,
                                    .detail = "the handshake was ended here"});
    after_step(now, pending);
  }
}

std::optional<Address> DtlsServer::Impl::address_of(PeerId peer) {
  if (const auto* session = sessions_.find(peer)) return session->address;
  if (const auto found = pending_.find(peer); found != pending_.end()) return found->second->address;
  return std::nullopt;
}

Result<void> DtlsServer::check(const ServerConfig& config) {
  if (!config.next_peer) return fail(ErrorCode::malformed, "next_peer is not set");
  if (config.cid_size != 0 && (config.cid_size < kCidSizeMin || config.cid_size > kCidMax))
    return fail(ErrorCode::out_of_range, "a Connection ID has 4 to 8 bytes");
  SLIPWAY_TRY(TlsContext::server(config.suites, config.keys, &psk_key_of));
  SLIPWAY_TRY(ClientAuthorities::from(config.client_authorities));
  return {};
}

DtlsServer::DtlsServer(ServerConfig config, Random& random)
    : impl_(std::make_unique<Impl>(std::move(config), random)) {}
DtlsServer::~DtlsServer() = default;

void DtlsServer::handle_datagram(TimePoint now, const Address& from, ByteView datagram) {
  impl_->handle_datagram(now, from, datagram);
}
void DtlsServer::handle_timeout(TimePoint now) {
  impl_->handle_timeout(now);
}
std::optional<TimePoint> DtlsServer::next_timeout() const {
  return impl_->next_timeout();
}
std::optional<ServerTransmit> DtlsServer::poll_transmit() {
  return impl_->poll_transmit();
}
std::optional<ServerEvent> DtlsServer::poll_event() {
  return impl_->poll_event();
}
void DtlsServer::credential(TimePoint now, LookupId lookup, std::optional<Secret> key) {
  impl_->credential(now, lookup, std::move(key));
}
Result<void> DtlsServer::send(TimePoint now, PeerId peer, ByteView plaintext) {
  return impl_->send(now, peer, plaintext);
}
Result<FrozenSession> DtlsServer::freeze(PeerId peer) {
  return impl_->freeze(peer);
}
void DtlsServer::frozen(PeerId peer, std::uint64_t limit) {
  impl_->frozen(peer, limit);
}
Result<void> DtlsServer::thaw(TimePoint now, PeerId peer, const Address& address,
                              const PeerIdentity& identity, ByteView frozen, std::uint64_t life) {
  return impl_->thaw(now, peer, address, Impl::mark_of(identity), frozen, life);
}
Result<void> DtlsServer::thaw(TimePoint now, PeerId peer, const Address& address, std::uint64_t identity_mark,
                              ByteView frozen, std::uint64_t life) {
  return impl_->thaw(now, peer, address, identity_mark, frozen, life);
}
void DtlsServer::end(TimePoint now, PeerId peer, Alert alert) {
  impl_->end(now, peer, alert);
}
std::optional<Address> DtlsServer::address_of(PeerId peer) const {
  return impl_->address_of(peer);
}
std::size_t DtlsServer::session_count() const {
  return impl_->session_count();
}
std::size_t DtlsServer::handshake_count() const {
  return impl_->handshake_count();
}
void DtlsServer::approve(TimePoint now, LookupId lookup, Approval approval) {
  impl_->approve(now, lookup, approval);
}
std::uint64_t DtlsServer::gave_way() const {
  return impl_->gave_way();
}
std::size_t DtlsServer::resumable_count() const {
  return impl_->resumable_count();
}
const DtlsCounters& DtlsServer::counters() const {
  return impl_->counters();
}

}  // namespace slipway::security::dtls

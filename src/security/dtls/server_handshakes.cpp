// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/server_impl.hpp"

namespace slipway::security::dtls {
namespace {

std::uint32_t hello_mark_of(ByteView client_random) {
  ByteReader reader(client_random.last(4));
  return *reader.u32();
}

}  // namespace

DtlsServer::Impl::Pending* DtlsServer::Impl::pending_at(const Address& address) {
  const auto found = pending_by_address_.find(address);
  return found == pending_by_address_.end() ? nullptr : pending_.at(found->second).get();
}

void DtlsServer::Impl::handle_hello(TimePoint now, const Address& from, ByteView hello) {
  const auto prestate = cookies_.verify(now, from, hello);
  if (!prestate) return answer_with_cookie(now, from, hello);
  ++counters_.cookies_accepted;
  if (auto* pending = pending_at(from)) {
    if (equal(pending->handshake.client_random(), client_random(hello))) return feed(now, *pending, hello);
    pending->handshake.abort(Alert::user_canceled, {.reason = FailureReason::superseded,
                                                    .refused_by = Side::nobody,
                                                    .detail = "the client began anew from the same address"});
    pending->handshake.output().clear();  // the alert would hit the new handshake
    after_step(now, *pending);
  }
  if (const auto* session = sessions_.find(from);
      session != nullptr && session->hello_mark == hello_mark_of(client_random(hello))) {
    ++counters_.replayed;  // a late copy of the hello that made this session
    return;
  }
  if (admits(now, from)) start_handshake(now, from, *prestate, hello);
}

void DtlsServer::Impl::answer_with_cookie(TimePoint now, const Address& from, ByteView hello) {
  if (transmits_.size() >= kTransmitBacklogMax) {
    ++counters_.refused_total;
    return;
  }
  const auto size = cookies_.answer(now, from, hello, transmits_.prepare(kHelloVerifyRequestMax));
  if (size == 0) return;
  transmits_.push({from, PeerId(0)}, size);
  ++counters_.cookies_sent;
  ++counters_.datagrams_sent;
}

bool DtlsServer::Impl::admits(TimePoint now, const Address& from) {
  const auto decision = places_.decide(now, from);
  if (decision.answer == FairPlaces::Answer::network_full) {
    ++counters_.refused_per_address;
    return false;
  }
  if (decision.answer == FairPlaces::Answer::full) {
    ++counters_.refused_total;
    return false;
  }
  if (decision.instead_of) give_way(now, *pending_.at(*decision.instead_of));
  return true;
}

/// Nothing is sent: who floods is not answered, and who is honest repeats its flight, and then its hello.
void DtlsServer::Impl::give_way(TimePoint now, Pending& pending) {
  ++gave_way_;
  pending.handshake.abort(Alert::user_canceled,
                          {.reason = FailureReason::superseded,
                           .refused_by = Side::nobody,
                           .detail = "too many handshakes were in progress: this one made room for another"});
  pending.handshake.output().clear();
  after_step(now, pending);
}

void DtlsServer::Impl::start_handshake(TimePoint now, const Address& from,
                                       const gnutls_dtls_prestate_st& prestate, ByteView hello) {
  const auto peer = config_.next_peer();
  HandshakeConfig handshake{.mtu = config_.mtu,
                            .retransmission = config_.retransmission,
                            .wall = config_.wall ? config_.wall(now) : std::nullopt,
                            .authorities = &*authorities_,
                            .resumable = &resumable_};
  handshake.library_suites = library_sessions_ < config_.library_sessions_max;
  if (config_.cid_size != 0) handshake.cid = new_cid();
  auto made = std::make_unique<Pending>(peer, from, *context_, handshake, engine_, random_);
  auto& pending = *pending_.emplace(peer, std::move(made)).first->second;
  pending_by_address_.emplace(from, peer);
  places_.take(now, from, peer);
  ++counters_.handshakes_started;
  pending.handshake.start_with_hello(now, prestate, hello);
  after_step(now, pending);
}

void DtlsServer::Impl::feed(TimePoint now, Pending& pending, ByteView datagram) {
  pending.handshake.handle_datagram(now, datagram);
  after_step(now, pending);
}

/// What a step of a handshake asks for; it may be gone afterwards.
void DtlsServer::Impl::after_step(TimePoint now, Pending& pending) {
  auto& handshake = pending.handshake;
  handshake.output().for_each([&](ByteView datagram) {
    transmits_.push({pending.address, pending.peer}, datagram);
    ++counters_.datagrams_sent;
  });
  handshake.output().clear();
  counters_.flights_retransmitted += handshake.retransmissions() - pending.retransmissions;
  pending.retransmissions = handshake.retransmissions();
  switch (handshake.state()) {
    case Handshake::State::running:
      return set_timer(pending, handshake.next_timeout());
    case Handshake::State::wants_credential:
      set_timer(pending, handshake.next_timeout());
      return ask_for_credential(pending);
    case Handshake::State::done:
      return establish(now, pending);
    case Handshake::State::failed:
      return report_failure(pending);
  }
}

void DtlsServer::Impl::set_timer(Pending& pending, std::optional<TimePoint> at) {
  if (pending.timer == at) return;
  if (pending.timer) timers_.erase({*pending.timer, pending.peer});
  if (at) timers_.emplace(*at, pending.peer);
  pending.timer = at;
}

void DtlsServer::Impl::ask_for_credential(Pending& pending) {
  if (pending.lookup) return;
  const LookupId lookup(++last_lookup_);
  pending.lookup = lookup;
  lookups_.emplace(lookup, pending.peer);
  const auto& identity = *pending.handshake.identity();
  events_.push(CredentialWanted{.lookup = lookup,
                                .peer = pending.peer,
                                .from = pending.address,
                                .psk_identity = {},
                                .kind = static_cast<IdentityKind>(identity.index())},
               bytes_of(identity));
}

void DtlsServer::Impl::establish(TimePoint now, Pending& pending) {
  auto& handshake = pending.handshake;
  const auto unread = handshake.unread();
  const auto identity_mark = mark_of(*handshake.identity());
  const auto cid = handshake.records().cid_in;
  if (cid.size != 0 && sessions_.find_cid(cid.view()) != nullptr) {
    // Two handshakes of the same moment have drawn one Connection ID: this device tries again.
    events_.push(HandshakeFailed{pending.address,
                                 pending.peer,
                                 {.reason = FailureReason::library,
                                  .refused_by = Side::us,
                                  .detail = "two handshakes drew the same Connection ID"},
                                 pending.handshake.identity()});
    ++counters_.handshakes_failed;
    return erase(pending);
  }
  if (auto* old = sessions_.find(pending.address)) {
    if (old->identity_mark == identity_mark)
      end_session(*old, SessionEnd::replaced, std::nullopt);
    else
      make_way(*old);
  }
  // Who has just proved who it is, is more likely to be there than who was silent for longest.
  while (sessions_.size() >= config_.sessions_max) end_idle(*sessions_.oldest());
  auto& session = sessions_.insert(pending.address, pending.peer, now);
  session.records = handshake.records();
  if (handshake.in_library()) {
    session.library = std::make_unique<LibrarySession>(handshake.library_session());
    ++library_sessions_;
  }
  if (session.records.cid_in.size != 0) sessions_.list_cid(session);
  session.identity_mark = identity_mark;
  session.hello_mark = hello_mark_of(handshake.client_random());
  if (!handshake.last_flight().empty())
    session.last_flight = std::make_unique<LastFlight>(std::move(handshake.last_flight()), now);
  if (auto resumable = handshake.take_resumable()) {
    resumable->identity = *handshake.identity();
    resumable_.keep(now, identity_mark, std::move(*resumable));
  }
  ++counters_.handshakes_completed;
  if (handshake.resumed()) ++counters_.handshakes_resumed;
  events_.push(SessionEstablished{.peer = pending.peer,
                                  .address = pending.address,
                                  .suite = handshake.suite(),
                                  .identity = *handshake.identity(),
                                  .traffic = handshake.traffic(),
                                  .duration = now - handshake.started(),
                                  .resumed = handshake.resumed()});
  if (config_.freeze_reserve != 0 && !session.library)
    ask_to_freeze(session);  // whose session it is, has been told by now
  erase(pending);
  if (!unread.empty()) open_records(now, session, unread);
}

void DtlsServer::Impl::report_failure(Pending& pending) {
  ++counters_.handshakes_failed;
  events_.push(HandshakeFailed{pending.address, pending.peer, pending.handshake.failure(),
                               pending.handshake.identity(),
                               std::make_shared<const HandshakeFacts>(pending.handshake.facts())});
  erase(pending);
}

void DtlsServer::Impl::erase(Pending& pending) {
  set_timer(pending, std::nullopt);
  if (pending.lookup) lookups_.erase(*pending.lookup);
  pending_by_address_.erase(pending.address);
  places_.leave(pending.peer);
  pending_.erase(pending.peer);
}

}  // namespace slipway::security::dtls

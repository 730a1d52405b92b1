// SPDX-License-Identifier: Apache-2.0
#include <slipway/security/dtls/server.hpp>

#include <cassert>
#include <set>
#include <unordered_map>

#include "security/dtls/cookie.hpp"
#include "security/dtls/handshake.hpp"
#include "security/dtls/queues.hpp"
#include "security/dtls/session_table.hpp"

namespace slipway::security::dtls {
namespace {

/// Datagrams that wait for poll_transmit; above it hellos go unanswered and sends are refused.
constexpr std::size_t kTransmitBacklogMax = 4096;

struct Destination {
  Address to;
  PeerId peer;
};

std::uint32_t mark_of(ByteView client_random) {
  ByteReader reader(client_random.last(4));
  return *reader.u32();
}

/// Addresses are counted without their port.
Address host_of(Address address) {
  address.port = 0;
  return address;
}

struct Pending {
  Pending(PeerId id, const Address& from, const TlsContext& context, const HandshakeConfig& config,
          AeadEngine& engine, Random& random)
      : peer(id), address(from), handshake(context, config, engine, random) {}
  PeerId peer;
  Address address;
  Handshake handshake;
  std::optional<LookupId> lookup;
  std::optional<TimePoint> timer;
  std::uint64_t retransmissions = 0;
};

}  // namespace

class DtlsServer::Impl {
 public:
  Impl(ServerConfig config, Random& random)
      : config_(std::move(config)),
        random_(random),
        context_(TlsContext::server(config_.suites, &psk_key_of)),
        cookies_(random, config_.cookie_key_life) {
    assert(context_ && config_.next_peer && "ask DtlsServer::check first");
  }

  void handle_datagram(TimePoint now, const Address& from, ByteView datagram) {
    ++counters_.datagrams_received;
    if (datagram.size() < kRecordHeaderSize) {
      ++counters_.malformed;
      return;
    }
    if (is_client_hello(datagram)) return handle_hello(now, from, datagram);
    const bool plaintext = datagram[3] == 0 && datagram[4] == 0;
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

  void handle_timeout(TimePoint now) {
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

  [[nodiscard]] std::optional<TimePoint> next_timeout() const {
    std::optional<TimePoint> next;
    if (!timers_.empty()) next = timers_.begin()->first;
    if (const auto* session = sessions_.oldest()) {
      const auto idle = session->touched + config_.session_idle_max;
      next = next ? std::min(*next, idle) : idle;
    }
    return next;
  }

  [[nodiscard]] std::optional<ServerTransmit> poll_transmit() {
    const auto item = transmits_.poll();
    if (!item) return std::nullopt;
    return ServerTransmit{item->first.to, item->first.peer, item->second};
  }

  [[nodiscard]] std::optional<ServerEvent> poll_event() {
    auto item = events_.poll();
    if (!item) return std::nullopt;
    if (auto* received = std::get_if<DatagramReceived>(&item->first)) received->plaintext = item->second;
    if (auto* wanted = std::get_if<CredentialWanted>(&item->first)) wanted->psk_identity = item->second;
    return std::move(item->first);
  }

  void credential(TimePoint now, LookupId lookup, std::optional<Secret> key) {
    const auto found = lookups_.find(lookup);
    if (found == lookups_.end()) return;
    auto& pending = *pending_.at(found->second);
    lookups_.erase(found);
    pending.lookup.reset();
    pending.handshake.credential(now, std::move(key));
    after_step(now, pending);
  }

  Result<void> send(TimePoint now, PeerId peer, ByteView plaintext) {
    auto* session = sessions_.find(peer);
    if (session == nullptr) return fail(ErrorCode::not_found, "no such session");
    if (plaintext.size() > kRecordPlaintextMax) return fail(ErrorCode::limit, "a record holds 16384 bytes");
    if (transmits_.size() >= kTransmitBacklogMax) return fail(ErrorCode::exhausted, "nobody polls transmits");
    const auto sealed = send_record(*session, ContentType::application_data, plaintext);
    if (!sealed && sealed.error().code == ErrorCode::exhausted)
      end_session(*session, SessionEnd::sequence_exhausted, std::nullopt);
    SLIPWAY_TRY(sealed);
    sessions_.touch(*session, now);
    return {};
  }

  void end(TimePoint now, PeerId peer, Alert alert) {
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

  [[nodiscard]] std::optional<Address> address_of(PeerId peer) {
    if (const auto* session = sessions_.find(peer)) return session->address;
    if (const auto found = pending_.find(peer); found != pending_.end()) return found->second->address;
    return std::nullopt;
  }
  [[nodiscard]] std::size_t session_count() const { return sessions_.size(); }
  [[nodiscard]] std::size_t handshake_count() const { return pending_.size(); }
  [[nodiscard]] const DtlsCounters& counters() const { return counters_; }

 private:
  // --- handshakes ------------------------------------------------------------------------------------------

  [[nodiscard]] Pending* pending_at(const Address& address) {
    const auto found = pending_by_address_.find(address);
    return found == pending_by_address_.end() ? nullptr : pending_.at(found->second).get();
  }

  void handle_hello(TimePoint now, const Address& from, ByteView hello) {
    const auto prestate = cookies_.verify(now, from, hello);
    if (!prestate) return answer_with_cookie(now, from, hello);
    ++counters_.cookies_accepted;
    if (auto* pending = pending_at(from)) {
      if (equal(pending->handshake.client_random(), client_random(hello))) return feed(now, *pending, hello);
      pending->handshake.abort(Alert::user_canceled,
                               {.reason = FailureReason::superseded,
                                .refused_by = Side::nobody,
                                .detail = "the client began anew from the same address"});
      pending->handshake.output().clear();  // the alert would hit the new handshake
      after_step(now, *pending);
    }
    if (const auto* session = sessions_.find(from);
        session != nullptr && session->hello_mark == mark_of(client_random(hello))) {
      ++counters_.replayed;  // a late copy of the hello that made this session
      return;
    }
    if (admits(from)) start_handshake(now, from, *prestate, hello);
  }

  void answer_with_cookie(TimePoint now, const Address& from, ByteView hello) {
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

  [[nodiscard]] bool admits(const Address& from) {
    if (pending_.size() >= config_.handshakes_max ||
        sessions_.size() + pending_.size() >= config_.sessions_max) {
      ++counters_.refused_total;
      return false;
    }
    const auto found = pending_by_host_.find(host_of(from));
    if (found != pending_by_host_.end() && found->second >= config_.handshakes_per_ip_max) {
      ++counters_.refused_per_address;
      return false;
    }
    return true;
  }

  void start_handshake(TimePoint now, const Address& from, const gnutls_dtls_prestate_st& prestate,
                       ByteView hello) {
    const auto peer = config_.next_peer();
    const HandshakeConfig handshake{config_.mtu, config_.retransmission};
    auto made = std::make_unique<Pending>(peer, from, *context_, handshake, engine_, random_);
    auto& pending = *pending_.emplace(peer, std::move(made)).first->second;
    pending_by_address_.emplace(from, peer);
    ++pending_by_host_[host_of(from)];
    ++counters_.handshakes_started;
    pending.handshake.start_with_hello(now, prestate, hello);
    after_step(now, pending);
  }

  void feed(TimePoint now, Pending& pending, ByteView datagram) {
    pending.handshake.handle_datagram(now, datagram);
    after_step(now, pending);
  }

  /// What a step of a handshake asks for; it may be gone afterwards.
  void after_step(TimePoint now, Pending& pending) {
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

  void set_timer(Pending& pending, std::optional<TimePoint> at) {
    if (pending.timer == at) return;
    if (pending.timer) timers_.erase({*pending.timer, pending.peer});
    if (at) timers_.emplace(*at, pending.peer);
    pending.timer = at;
  }

  void ask_for_credential(Pending& pending) {
    if (pending.lookup) return;
    const LookupId lookup(++last_lookup_);
    pending.lookup = lookup;
    lookups_.emplace(lookup, pending.peer);
    events_.push(CredentialWanted{lookup, pending.peer, pending.address, {}},
                 pending.handshake.psk_identity()->bytes());
  }

  void establish(TimePoint now, Pending& pending) {
    auto& handshake = pending.handshake;
    const auto unread = handshake.unread();
    if (auto* old = sessions_.find(pending.address)) end_session(*old, SessionEnd::replaced, std::nullopt);
    auto& session = sessions_.insert(pending.address, pending.peer, now);
    session.records = handshake.records();
    session.hello_mark = mark_of(handshake.client_random());
    session.last_flight = std::make_unique<LastFlight>(std::move(handshake.last_flight()), now);
    ++counters_.handshakes_completed;
    events_.push(SessionEstablished{.peer = pending.peer,
                                    .address = pending.address,
                                    .suite = handshake.suite(),
                                    .identity = *handshake.psk_identity(),
                                    .traffic = handshake.traffic(),
                                    .duration = now - handshake.started()});
    erase(pending);
    if (!unread.empty()) open_records(now, session, unread);
  }

  void report_failure(Pending& pending) {
    ++counters_.handshakes_failed;
    std::optional<PeerIdentity> claimed;
    if (pending.handshake.psk_identity()) claimed = *pending.handshake.psk_identity();
    events_.push(HandshakeFailed{pending.address, pending.peer, pending.handshake.failure(), claimed});
    erase(pending);
  }

  void erase(Pending& pending) {
    set_timer(pending, std::nullopt);
    if (pending.lookup) lookups_.erase(*pending.lookup);
    pending_by_address_.erase(pending.address);
    const auto host = pending_by_host_.find(host_of(pending.address));
    if (--host->second == 0) pending_by_host_.erase(host);
    pending_.erase(pending.peer);
  }

  // --- sessions --------------------------------------------------------------------------------------------

  /// Opens all records of a datagram; true if one of them was authentic. The session may be gone then.
  bool open_records(TimePoint now, Session& session, ByteView datagram) {
    const auto peer = session.peer;
    bool authentic = false;
    for (ByteReader reader(datagram); !reader.empty();) {
      const auto record = read_record(reader, session.records.cid_in.size);
      if (!record) {
        ++counters_.malformed;
        break;
      }
      const auto room = events_.prepare(record->fragment.size());
      const auto opened = open_record(engine_, session.records, *record, room);
      if (!opened) {
        authentic = note_drop(now, session, opened.error()) || authentic;
        continue;
      }
      authentic = true;
      ++counters_.records_received;
      handle_record(now, session, *record, *opened);
      if (sessions_.find(peer) == nullptr) break;
    }
    return authentic;
  }

  bool note_drop(TimePoint now, Session& session, const DroppedRecord& dropped) {
    switch (dropped.why) {
      case RecordDrop::malformed:
        ++counters_.malformed;
        return false;
      case RecordDrop::unexpected:
        ++counters_.unexpected;
        return false;
      case RecordDrop::unauthenticated:
        ++counters_.unauthenticated;
        return false;
      case RecordDrop::replayed:
        break;
    }
    ++counters_.replayed;
    if (dropped.type == ContentType::handshake) resend_last_flight(now, session);
    return true;
  }

  void handle_record(TimePoint now, Session& session, const RecordHeader& record,
                     const OpenedRecord& opened) {
    switch (opened.type) {
      case ContentType::application_data:
        sessions_.touch(session, now);
        session.last_flight.reset();
        events_.push(DatagramReceived{session.peer, {}, record.whole.size()}, opened.plaintext.size());
        return;
      case ContentType::alert:
        return handle_alert(session, opened.plaintext);
      case ContentType::handshake:
        return resend_last_flight(now, session);  // its Finished once more
      default:
        ++counters_.unexpected;
    }
  }

  /// [RFC 5246 §7.2]: level (1 warning, 2 fatal), description.
  void handle_alert(Session& session, ByteView text) {
    if (text.size() != 2) {
      ++counters_.malformed;
      return;
    }
    const auto alert = static_cast<Alert>(text[1]);
    if (alert == Alert::close_notify) {
      send_alert(session, Alert::close_notify);
      end_session(session, SessionEnd::closed_by_peer, alert);
    } else if (text[0] == 2) {
      end_session(session, SessionEnd::alert_by_peer, alert);
    }
  }

  /// The peer repeats its Finished, so ours was lost.
  void resend_last_flight(TimePoint now, Session& session) {
    if (!session.last_flight || now < session.last_flight->sent + config_.retransmission.answer_gap) return;
    session.last_flight->sent = now;
    ++counters_.flights_retransmitted;
    DatagramBatch batch;
    std::uint64_t next_plain = kLateSequence + static_cast<std::uint64_t>(counters_.flights_retransmitted);
    const FlightWriter writer{engine_, config_.mtu, next_plain, session.records};
    if (!writer.write(session.last_flight->flight, batch)) return;
    batch.for_each([&](ByteView datagram) {
      transmits_.push({session.address, session.peer}, datagram);
      ++counters_.datagrams_sent;
    });
  }

  Result<void> send_record(Session& session, ContentType type, ByteView plaintext) {
    const auto size = plaintext.size() + record_overhead(session.records.aead, session.records.cid_out);
    SLIPWAY_ASSIGN(const auto sealed,
                   seal_record(engine_, session.records, type, plaintext, transmits_.prepare(size)));
    transmits_.push({session.address, session.peer}, sealed);
    ++counters_.records_sent;
    ++counters_.datagrams_sent;
    return {};
  }

  void send_alert(Session& session, Alert alert) {
    const std::uint8_t level = alert == Alert::close_notify ? 1 : 2;
    const std::array<std::uint8_t, 2> text{level, static_cast<std::uint8_t>(alert)};
    (void)send_record(session, ContentType::alert, text);
  }

  void end_session(Session& session, SessionEnd reason, std::optional<Alert> alert) {
    ++counters_.sessions_ended;
    events_.push(SessionEnded{session.peer, reason, alert});
    sessions_.erase(session);
  }

  /// Plaintext records of a repeated last flight are numbered from here: their count is not kept, and any
  /// number above those of a handshake will do.
  static constexpr std::uint64_t kLateSequence = 1 << 16;

  ServerConfig config_;
  Random& random_;
  AeadEngine engine_;
  Result<TlsContext> context_;
  CookieJar cookies_;
  SessionTable sessions_;
  std::unordered_map<PeerId, std::unique_ptr<Pending>> pending_;
  std::unordered_map<Address, PeerId> pending_by_address_;
  std::unordered_map<Address, std::size_t> pending_by_host_;
  std::unordered_map<LookupId, PeerId> lookups_;
  std::set<std::pair<TimePoint, PeerId>> timers_;
  std::uint64_t last_lookup_ = 0;
  ByteQueue<Destination> transmits_;
  ByteQueue<ServerEvent> events_;
  DtlsCounters counters_;
};

Result<void> DtlsServer::check(const ServerConfig& config) {
  if (!config.next_peer) return fail(ErrorCode::malformed, "next_peer is not set");
  SLIPWAY_TRY(TlsContext::server(config.suites, &psk_key_of));
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
const DtlsCounters& DtlsServer::counters() const {
  return impl_->counters();
}

}  // namespace slipway::security::dtls

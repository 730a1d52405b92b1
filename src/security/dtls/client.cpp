// SPDX-License-Identifier: Apache-2.0
#include <slipway/security/dtls/client.hpp>

#include "security/dtls/frozen.hpp"
#include "security/dtls/handshake.hpp"
#include "security/dtls/library_session.hpp"
#include "security/dtls/queues.hpp"

namespace slipway::security::dtls {
namespace {

/// Whether the server has said more than its cookie: a network that is away says nothing about a session.
bool was_answered(const Handshake& handshake) {
  constexpr auto kCookie = 1u << static_cast<unsigned>(HandshakeType::hello_verify_request);
  return handshake.failure().reason != FailureReason::timeout || (handshake.facts().messages & ~kCookie) != 0;
}

}  // namespace

class DtlsClient::Impl {
 public:
  Impl(ClientConfig config, Random& random)
      : config_(std::move(config)), random_(random), resumption_(std::move(config_.resumption)) {}

  Result<void> start(TimePoint now) {
    forget();
    if (config_.own_cid_size > kCidMax)
      return fail(ErrorCode::out_of_range, "a Connection ID has at most 8 bytes");
    SLIPWAY_ASSIGN(auto context, TlsContext::client(config_.suites, config_.credential, &server_verdict_of));
    context_.emplace(std::move(context));
    HandshakeConfig handshake{.mtu = config_.mtu,
                              .retransmission = config_.retransmission,
                              .wall = config_.wall,
                              .credential = &config_.credential,
                              .resumption = resumption_.reveal()};
    if (config_.cid == ClientConfig::ConnectionId::offer) {
      auto& cid = handshake.cid.emplace();
      cid.size = static_cast<std::uint8_t>(config_.own_cid_size);
      random_.fill(MutableBytes(cid.bytes).first(cid.size));
    }
    handshake_ = std::make_unique<Handshake>(*context_, handshake, engine_, random_);
    ++counters_.handshakes_started;
    handshake_->start(now);
    after_step(now);
    return {};
  }

  void handle_datagram(TimePoint now, ByteView datagram) {
    ++counters_.datagrams_received;
    if (handshake_) {
      handshake_->handle_datagram(now, datagram);
      after_step(now);
    } else if (library_) {
      open_library_records(datagram);
    } else if (session_) {
      open_records(now, datagram);
    } else {
      ++counters_.unexpected;
    }
  }

  void handle_timeout(TimePoint now) {
    if (!handshake_) return;
    handshake_->handle_timeout(now);
    after_step(now);
  }

  [[nodiscard]] std::optional<TimePoint> next_timeout() const {
    if (!handshake_) return std::nullopt;
    return handshake_->next_timeout();
  }

  [[nodiscard]] std::optional<ByteView> poll_transmit() {
    const auto item = transmits_.poll();
    if (!item) return std::nullopt;
    return item->second;
  }

  [[nodiscard]] std::optional<ClientEvent> poll_event() {
    auto item = events_.poll();
    if (!item) return std::nullopt;
    if (auto* received = std::get_if<ClientDatagramReceived>(&item->first))
      received->plaintext = item->second;
    return std::move(item->first);
  }

  Result<void> send(ByteView plaintext) {
    if (!connected()) return fail(ErrorCode::not_found, "there is no session");
    if (plaintext.size() > kRecordPlaintextMax) return fail(ErrorCode::limit, "a record holds 16384 bytes");
    const auto sealed = send_record(ContentType::application_data, plaintext);
    if (!sealed && sealed.error().code == ErrorCode::exhausted)
      end_session(SessionEnd::sequence_exhausted, std::nullopt);
    return sealed;
  }

  void end(TimePoint now, Alert alert) {
    if (connected()) {
      send_alert(alert);
      end_session(SessionEnd::ended_here, alert);
    } else if (handshake_) {
      handshake_->abort(alert, {.reason = FailureReason::cancelled,
                                .alert = alert,
                                .refused_by = Side::us,
                                .detail = "the handshake was ended here"});
      after_step(now);
    }
  }

  Result<Secret> freeze() {
    if (library_) return fail(ErrorCode::unsupported, "the session of this suite stays in GnuTLS");
    if (!session_) return fail(ErrorCode::not_found, "there is no session");
    // The whole rest of the numbers is the next life's: this one ends here.
    auto bytes = dtls::freeze(*session_, 0);
    if (bytes) session_.reset();
    return bytes;
  }

  Result<void> thaw(ByteView frozen) {
    SLIPWAY_ASSIGN(auto thawed, dtls::thaw(frozen, 1));
    forget();
    session_ = thawed.records;
    return {};
  }

  [[nodiscard]] Secret take_resumption() { return handshake_ ? Secret() : std::exchange(resumption_, {}); }

  [[nodiscard]] bool connected() const { return session_.has_value() || library_; }
  [[nodiscard]] HandshakeFacts facts() const { return handshake_ ? handshake_->facts() : HandshakeFacts{}; }
  [[nodiscard]] const DtlsCounters& counters() const { return counters_; }

 private:
  void forget() {
    handshake_.reset();
    library_.reset();
    context_.reset();
    session_.reset();
    last_flight_.reset();
    transmits_.clear();
    events_.clear();
    retransmissions_ = 0;
  }

  void after_step(TimePoint now) {
    handshake_->output().for_each([&](ByteView datagram) {
      transmits_.push({}, datagram);
      ++counters_.datagrams_sent;
    });
    handshake_->output().clear();
    counters_.flights_retransmitted += handshake_->retransmissions() - retransmissions_;
    retransmissions_ = handshake_->retransmissions();
    if (const auto warning = handshake_->take_warning()) events_.push(AlertReceived{*warning});
    if (handshake_->state() == Handshake::State::done) return establish(now);
    if (handshake_->state() != Handshake::State::failed) return;
    ++counters_.handshakes_failed;
    events_.push(
        ConnectFailed{handshake_->failure(), std::make_shared<const HandshakeFacts>(handshake_->facts())});
    if (was_answered(*handshake_)) resumption_ = {};  // whatever was wrong, the next handshake is a whole one
    handshake_.reset();
  }

  void establish(TimePoint now) {
    if (handshake_->in_library())
      library_ = std::make_unique<LibrarySession>(handshake_->library_session());
    else
      session_ = handshake_->records();
    ++counters_.handshakes_completed;
    const bool resumed = handshake_->resumed();
    if (resumed) ++counters_.handshakes_resumed;
    resumption_ = handshake_->take_resumption();
    if (resumed && session_) last_flight_.emplace(std::move(handshake_->last_flight()), now);
    events_.push(Connected{.suite = handshake_->suite(),
                           .has_cid = session_ && session_->cid_out.size != 0,
                           .resumed = resumed,
                           .traffic = handshake_->traffic(),
                           .duration = now - handshake_->started(),
                           .facts = std::make_shared<const HandshakeFacts>(handshake_->facts())});
    const auto unread = handshake_->unread();
    handshake_.reset();
    library_ ? open_library_records(unread) : open_records(now, unread);
  }

  void open_library_records(ByteView datagram) {
    for (ByteReader reader(datagram); !reader.empty() && library_;) {
      const auto record = read_record(reader, 0);
      if (!record) {
        ++counters_.malformed;
        return;
      }
      if (record->epoch != kSessionEpoch) {
        ++counters_.unexpected;
        continue;
      }
      const auto opened = library_->open(*record);
      if (opened.kind == LibrarySession::Kind::dropped) {
        ++counters_.unauthenticated;
        continue;
      }
      ++counters_.records_received;
      if (opened.kind == LibrarySession::Kind::alert) return end_by_alert(opened.alert);
      if (opened.kind == LibrarySession::Kind::warning) {
        events_.push(AlertReceived{opened.alert});
        continue;
      }
      std::ranges::copy(opened.plaintext, events_.prepare(opened.plaintext.size()).begin());
      events_.push(ClientDatagramReceived{{}, record->whole.size()}, opened.plaintext.size());
    }
  }

  void open_records(TimePoint now, ByteView datagram) {
    for (ByteReader reader(datagram); !reader.empty() && session_;) {
      const auto record = read_record(reader, session_->cid_in.size);
      if (!record) {
        ++counters_.malformed;
        return;
      }
      const auto room = events_.prepare(record->fragment.size());
      const auto opened = open_record(engine_, *session_, *record, room);
      if (!opened) {
        note_drop(opened.error().why);
        if (record->epoch == 0) send_last_flight_again(now);
        continue;
      }
      ++counters_.records_received;
      handle_record(now, *record, *opened);
    }
  }

  void note_drop(RecordDrop why) {
    switch (why) {
      case RecordDrop::malformed:
        ++counters_.malformed;
        return;
      case RecordDrop::unexpected:
        ++counters_.unexpected;
        return;
      case RecordDrop::unauthenticated:
        ++counters_.unauthenticated;
        return;
      case RecordDrop::replayed:
        ++counters_.replayed;
        return;
    }
  }

  void handle_record(TimePoint now, const RecordHeader& record, const OpenedRecord& opened) {
    if (opened.type == ContentType::handshake && last_flight_) return send_last_flight_again(now);
    last_flight_.reset();  // the server has it, or would have nothing else to say
    if (opened.type == ContentType::application_data)
      events_.push(ClientDatagramReceived{{}, record.whole.size()}, opened.plaintext.size());
    else if (opened.type == ContentType::alert)
      handle_alert(opened.plaintext);
    else
      ++counters_.unexpected;  // a repeated Finished, or a wish to renegotiate
  }

  /// [RFC 5246 §7.2]: level (1 warning, 2 fatal), description.
  void handle_alert(ByteView text) {
    if (text.size() != 2) {
      ++counters_.malformed;
      return;
    }
    const auto alert = static_cast<Alert>(text[1]);
    if (alert == Alert::close_notify || text[0] == 2) return end_by_alert(alert);
    events_.push(AlertReceived{alert});
  }

  void end_by_alert(Alert alert) {
    if (alert != Alert::close_notify) return end_session(SessionEnd::alert_by_peer, alert);
    send_alert(Alert::close_notify);
    end_session(SessionEnd::closed_by_peer, alert);
  }

  /// The server repeats its flight of a resumed handshake: ours was lost. [RFC 6347 §4.2.4]
  void send_last_flight_again(TimePoint now) {
    if (!last_flight_ || now < last_flight_->sent + config_.retransmission.answer_gap) return;
    last_flight_->sent = now;
    ++counters_.flights_retransmitted;
    DatagramBatch batch;
    std::uint64_t next_plain = kLateSequence + counters_.flights_retransmitted;
    if (!FlightWriter{engine_, config_.mtu, next_plain, *session_}.write(last_flight_->flight, batch)) return;
    batch.for_each([&](ByteView datagram) {
      transmits_.push({}, datagram);
      ++counters_.datagrams_sent;
    });
  }

  void transmit_record(ByteView record) {
    transmits_.push({}, record);
    ++counters_.records_sent;
    ++counters_.datagrams_sent;
  }

  Result<void> send_record(ContentType type, ByteView plaintext) {
    if (library_) {
      SLIPWAY_ASSIGN(const auto sealed, library_->seal(plaintext));
      transmit_record(sealed);
      return {};
    }
    const auto size = plaintext.size() + record_overhead(session_->aead, session_->cid_out);
    SLIPWAY_ASSIGN(const auto sealed,
                   seal_record(engine_, *session_, type, plaintext, transmits_.prepare(size)));
    transmits_.push({}, sealed);
    ++counters_.records_sent;
    ++counters_.datagrams_sent;
    return {};
  }

  void send_alert(Alert alert) {
    if (library_) {
      const auto sealed = library_->seal_alert(alert);
      if (!sealed.empty()) transmit_record(sealed);
      return;
    }
    const std::uint8_t level = alert == Alert::close_notify ? 1 : 2;
    const std::array<std::uint8_t, 2> text{level, static_cast<std::uint8_t>(alert)};
    (void)send_record(ContentType::alert, text);
  }

  void end_session(SessionEnd reason, std::optional<Alert> alert) {
    session_.reset();
    library_.reset();
    last_flight_.reset();
    if (alert && *alert != Alert::close_notify) resumption_ = {};  // [RFC 5246 §7.2.2]
    ++counters_.sessions_ended;
    events_.push(ClientSessionEnded{reason, alert});
  }

  struct Nothing {};
  ClientConfig config_;
  Random& random_;
  AeadEngine engine_;
  std::optional<TlsContext> context_;
  std::unique_ptr<Handshake> handshake_;
  std::optional<RecordState> session_;
  std::unique_ptr<LibrarySession> library_;  // instead, of a suite whose records are not ours
  std::optional<LastFlight> last_flight_;    // of a resumed handshake
  Secret resumption_;                        // for the next handshake
  std::uint64_t retransmissions_ = 0;
  ByteQueue<Nothing> transmits_;
  ByteQueue<ClientEvent> events_;
  DtlsCounters counters_;
};

DtlsClient::DtlsClient(ClientConfig config, Random& random)
    : impl_(std::make_unique<Impl>(std::move(config), random)) {}
DtlsClient::~DtlsClient() = default;

Result<void> DtlsClient::start(TimePoint now) {
  return impl_->start(now);
}
void DtlsClient::handle_datagram(TimePoint now, ByteView datagram) {
  impl_->handle_datagram(now, datagram);
}
void DtlsClient::handle_timeout(TimePoint now) {
  impl_->handle_timeout(now);
}
std::optional<TimePoint> DtlsClient::next_timeout() const {
  return impl_->next_timeout();
}
std::optional<ByteView> DtlsClient::poll_transmit() {
  return impl_->poll_transmit();
}
std::optional<ClientEvent> DtlsClient::poll_event() {
  return impl_->poll_event();
}
Result<void> DtlsClient::send(TimePoint, ByteView plaintext) {
  return impl_->send(plaintext);
}
void DtlsClient::end(TimePoint now, Alert alert) {
  impl_->end(now, alert);
}
Result<Secret> DtlsClient::freeze() {
  return impl_->freeze();
}
Result<void> DtlsClient::thaw(ByteView frozen) {
  return impl_->thaw(frozen);
}
Secret DtlsClient::take_resumption() {
  return impl_->take_resumption();
}
bool DtlsClient::connected() const {
  return impl_->connected();
}
HandshakeFacts DtlsClient::facts() const {
  return impl_->facts();
}
const DtlsCounters& DtlsClient::counters() const {
  return impl_->counters();
}

}  // namespace slipway::security::dtls

// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/server_impl.hpp"

namespace slipway::security::dtls {

ByteView DtlsServer::Impl::bytes_of(const PeerIdentity& identity) {
  if (const auto* psk = std::get_if<PskIdentity>(&identity)) return psk->bytes();
  if (const auto* raw = std::get_if<RawKeyIdentity>(&identity)) return raw->public_key;
  return std::get<CertificateIdentity>(identity).certificate;
}

std::uint64_t DtlsServer::Impl::mark_of(const PeerIdentity& identity) {
  const auto text = as_text(bytes_of(identity));
  return std::hash<std::string_view>{}(text) ^ identity.index();
}

/// Nobody else's: of the sessions; among handshakes chance is enough, and checked when one is listed.
Cid DtlsServer::Impl::new_cid() {
  Cid cid;
  cid.size = static_cast<std::uint8_t>(config_.cid_size);
  do {
    random_.fill(MutableBytes(cid.bytes).first(cid.size));
    cid.bytes[0] = config_.cid_route;
  } while (sessions_.find_cid(cid.view()) != nullptr);
  return cid;
}

Session* DtlsServer::Impl::session_named_by(ByteView datagram) {
  ByteReader reader(datagram);
  const auto record = read_record(reader, config_.cid_size);
  return record && config_.cid_size != 0 ? sessions_.find_cid(record->cid) : nullptr;
}

/// A datagram with a Connection ID may come from anywhere. Only an authentic record that is the newest of
/// its session moves it: an old one that somebody sends again from elsewhere does not.
void DtlsServer::Impl::open_records_from(TimePoint now, const Address& from, Session& session,
                                         ByteView datagram) {
  const auto peer = session.peer;
  const auto newest = session.records.window.next();
  open_records(now, session, datagram);
  auto* still = sessions_.find(peer);
  if (still == nullptr || still->records.window.next() == newest) return;
  auto* other = sessions_.find(from);
  if (other == still) return;
  if (other != nullptr) make_way(*other);
  events_.push(PeerMoved{peer, still->address, from});
  sessions_.move(*still, from);
  ++counters_.moved;
  if (config_.freeze_reserve != 0) ask_to_freeze(*still);
}

void DtlsServer::Impl::ask_to_freeze(Session& session) {
  if (std::exchange(session.freeze_wanted, true)) return;
  events_.push(FreezeWanted{session.peer});
}

/// Half of the reserve is left while the next block becomes durable.
void DtlsServer::Impl::want_freeze(Session& session) {
  if (session.sequence_limit > kSequenceMax) return;
  if (session.records.next_sequence + config_.freeze_reserve / 2 >= session.sequence_limit)
    ask_to_freeze(session);
}

/// Another session has come to this one's address: what has a Connection ID lives on without an address.
void DtlsServer::Impl::make_way(Session& session) {
  if (session.records.cid_in.size != 0) return sessions_.unlist_address(session);
  end_session(session, SessionEnd::replaced, std::nullopt);
}

/// Opens all records of a datagram; true if one of them was authentic. The session may be gone then.
bool DtlsServer::Impl::open_records(TimePoint now, Session& session, ByteView datagram) {
  if (session.library) return open_library_records(now, session, datagram);
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

/// The same of a session that GnuTLS keeps. What is not a whole record under its keys is not shown to it.
bool DtlsServer::Impl::open_library_records(TimePoint now, Session& session, ByteView datagram) {
  const auto peer = session.peer;
  bool authentic = false;
  for (ByteReader reader(datagram); !reader.empty();) {
    const auto record = read_record(reader, 0);
    if (!record) {
      ++counters_.malformed;
      break;
    }
    if (record->epoch == 0 && session.last_flight) {
      resend_last_flight(now, session);  // its Finished is behind this one
      continue;
    }
    if (record->epoch != kSessionEpoch) {
      ++counters_.unexpected;
      continue;
    }
    const auto opened = session.library->open(*record);
    if (opened.kind == LibrarySession::Kind::dropped) {
      ++counters_.unauthenticated;
      continue;
    }
    authentic = true;
    ++counters_.records_received;
    if (opened.kind == LibrarySession::Kind::alert) {
      end_by_alert(session, opened.alert);
      break;
    }
    if (opened.kind == LibrarySession::Kind::warning) continue;
    const auto room = events_.prepare(opened.plaintext.size());
    std::ranges::copy(opened.plaintext, room.begin());
    sessions_.touch(session, now);
    session.last_flight.reset();
    events_.push(DatagramReceived{peer, {}, record->whole.size()}, opened.plaintext.size());
  }
  return authentic;
}

bool DtlsServer::Impl::note_drop(TimePoint now, Session& session, const DroppedRecord& dropped) {
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

void DtlsServer::Impl::handle_record(TimePoint now, Session& session, const RecordHeader& record,
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
      if (session.last_flight) return resend_last_flight(now, session);  // its Finished once more
      ++counters_.unexpected;  // a handshake inside the session: there is none [RFC 7925 §17]
      return;
    default:
      ++counters_.unexpected;
  }
}

/// [RFC 5246 §7.2]: level (1 warning, 2 fatal), description.
void DtlsServer::Impl::handle_alert(Session& session, ByteView text) {
  if (text.size() != 2) {
    ++counters_.malformed;
    return;
  }
  const auto alert = static_cast<Alert>(text[1]);
  if (alert == Alert::close_notify || text[0] == 2) end_by_alert(session, alert);
}

void DtlsServer::Impl::end_by_alert(Session& session, Alert alert) {
  if (alert != Alert::close_notify) return end_session(session, SessionEnd::alert_by_peer, alert);
  send_alert(session, Alert::close_notify);
  end_session(session, SessionEnd::closed_by_peer, alert);
}

/// The peer repeats its Finished, so ours was lost.
void DtlsServer::Impl::resend_last_flight(TimePoint now, Session& session) {
  if (!session.last_flight || now < session.last_flight->sent + config_.retransmission.answer_gap) return;
  if (session.records.next_sequence + kFlightRecordsMax > session.sequence_limit) return;
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

void DtlsServer::Impl::transmit_record(Session& session, ByteView record) {
  transmits_.push({session.address, session.peer}, record);
  ++counters_.records_sent;
  ++counters_.datagrams_sent;
}

Result<void> DtlsServer::Impl::send_record(Session& session, ContentType type, ByteView plaintext) {
  if (session.library) {
    SLIPWAY_ASSIGN(const auto sealed, session.library->seal(plaintext));
    transmit_record(session, sealed);
    return {};
  }
  if (session.records.next_sequence >= session.sequence_limit)
    return fail(ErrorCode::exhausted, "the session must be frozen before it sends more");
  const auto size = plaintext.size() + record_overhead(session.records.aead, session.records.cid_out);
  SLIPWAY_ASSIGN(const auto sealed,
                 seal_record(engine_, session.records, type, plaintext, transmits_.prepare(size)));
  transmits_.push({session.address, session.peer}, sealed);
  ++counters_.records_sent;
  ++counters_.datagrams_sent;
  return {};
}

void DtlsServer::Impl::send_alert(Session& session, Alert alert) {
  if (session.library) {
    const auto sealed = session.library->seal_alert(alert);
    if (!sealed.empty()) transmit_record(session, sealed);
    return;
  }
  const std::uint8_t level = alert == Alert::close_notify ? 1 : 2;
  const std::array<std::uint8_t, 2> text{level, static_cast<std::uint8_t>(alert)};
  (void)send_record(session, ContentType::alert, text);
}

/// Its peer is told, in case that it listens.
void DtlsServer::Impl::end_idle(Session& session) {
  send_alert(session, Alert::close_notify);
  end_session(session, SessionEnd::idle, std::nullopt);
}

void DtlsServer::Impl::end_session(Session& session, SessionEnd reason, std::optional<Alert> alert) {
  ++counters_.sessions_ended;
  if (session.library) --library_sessions_;
  if (alert && *alert != Alert::close_notify) resumable_.forget(session.identity_mark);
  events_.push(SessionEnded{session.peer, reason, alert});
  sessions_.erase(session);
}

}  // namespace slipway::security::dtls

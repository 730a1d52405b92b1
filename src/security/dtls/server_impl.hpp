// SPDX-License-Identifier: Apache-2.0
// Inside of the DTLS server. The engine's verbs: server.cpp; handshakes: server_handshakes.cpp; established
// sessions: server_sessions.cpp.
#pragma once

#include <slipway/base/fair_places.hpp>
#include <slipway/security/dtls/server.hpp>

#include <set>
#include <unordered_map>

#include "security/dtls/cookie.hpp"
#include "security/dtls/handshake.hpp"
#include "security/dtls/queues.hpp"
#include "security/dtls/session_table.hpp"

namespace slipway::security::dtls {

/// Datagrams that wait for poll_transmit; above it hellos go unanswered and sends are refused.
inline constexpr std::size_t kTransmitBacklogMax = 4096;

class DtlsServer::Impl {
 public:
  Impl(ServerConfig config, Random& random);
  void handle_datagram(TimePoint now, const Address& from, ByteView datagram);
  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;
  [[nodiscard]] std::optional<ServerTransmit> poll_transmit();
  [[nodiscard]] std::optional<ServerEvent> poll_event();
  void credential(TimePoint now, LookupId lookup, std::optional<Secret> key);
  void approve(TimePoint now, LookupId lookup, Approval approval);
  Result<void> send(TimePoint now, PeerId peer, ByteView plaintext);
  Result<FrozenSession> freeze(PeerId peer);
  void frozen(PeerId peer, std::uint64_t limit);
  Result<void> thaw(TimePoint now, PeerId peer, const Address& address, std::uint64_t identity_mark,
                    ByteView frozen, std::uint64_t life);
  [[nodiscard]] static std::uint64_t mark_of(const PeerIdentity& identity);
  void end(TimePoint now, PeerId peer, Alert alert);
  [[nodiscard]] std::optional<Address> address_of(PeerId peer);
  [[nodiscard]] std::size_t session_count() const { return sessions_.size(); }
  [[nodiscard]] std::size_t handshake_count() const { return pending_.size(); }
  [[nodiscard]] std::size_t resumable_count() const { return resumable_.size(); }
  [[nodiscard]] std::uint64_t gave_way() const { return gave_way_; }
  [[nodiscard]] const DtlsCounters& counters() const { return counters_; }

 private:
  // server_handshakes.cpp
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
  struct Destination {
    Address to;
    PeerId peer;
  };
  [[nodiscard]] Pending* pending_at(const Address& address);
  void handle_hello(TimePoint now, const Address& from, ByteView hello);
  void answer_with_cookie(TimePoint now, const Address& from, ByteView hello);
  [[nodiscard]] bool admits(TimePoint now, const Address& from);
  void give_way(TimePoint now, Pending& pending);
  void start_handshake(TimePoint now, const Address& from, const gnutls_dtls_prestate_st& prestate,
                       ByteView hello);
  void feed(TimePoint now, Pending& pending, ByteView datagram);
  void after_step(TimePoint now, Pending& pending);
  void set_timer(Pending& pending, std::optional<TimePoint> at);
  void ask_for_credential(Pending& pending);
  void establish(TimePoint now, Pending& pending);
  void report_failure(Pending& pending);
  void erase(Pending& pending);

  // server_sessions.cpp
  [[nodiscard]] static ByteView bytes_of(const PeerIdentity& identity);
  [[nodiscard]] Cid new_cid();
  [[nodiscard]] Session* session_named_by(ByteView datagram);
  void open_records_from(TimePoint now, const Address& from, Session& session, ByteView datagram);
  void ask_to_freeze(Session& session);
  void want_freeze(Session& session);
  void make_way(Session& session);
  bool open_records(TimePoint now, Session& session, ByteView datagram);
  bool open_library_records(TimePoint now, Session& session, ByteView datagram);
  void transmit_record(Session& session, ByteView record);
  bool note_drop(TimePoint now, Session& session, const DroppedRecord& dropped);
  void handle_record(TimePoint now, Session& session, const RecordHeader& record, const OpenedRecord& opened);
  void handle_alert(Session& session, ByteView text);
  void end_by_alert(Session& session, Alert alert);
  void resend_last_flight(TimePoint now, Session& session);
  Result<void> send_record(Session& session, ContentType type, ByteView plaintext);
  void send_alert(Session& session, Alert alert);
  void end_session(Session& session, SessionEnd reason, std::optional<Alert> alert);
  void end_idle(Session& session);

  /// Protected records of a last flight: one Finished.
  static constexpr std::uint64_t kFlightRecordsMax = 1;

  ServerConfig config_;
  Random& random_;
  AeadEngine engine_;
  Result<TlsContext> context_;
  Result<ClientAuthorities> authorities_;
  CookieJar cookies_;
  ResumableSessions resumable_;
  std::size_t library_sessions_ = 0;
  SessionTable sessions_;
  std::unordered_map<PeerId, std::unique_ptr<Pending>> pending_;
  std::unordered_map<Address, PeerId> pending_by_address_;
  FairPlaces places_;  // of those
  std::uint64_t gave_way_ = 0;
  std::unordered_map<LookupId, PeerId> lookups_;
  std::set<std::pair<TimePoint, PeerId>> timers_;
  std::uint64_t last_lookup_ = 0;
  ByteQueue<Destination> transmits_;
  ByteQueue<ServerEvent> events_;
  DtlsCounters counters_;
};

}  // namespace slipway::security::dtls

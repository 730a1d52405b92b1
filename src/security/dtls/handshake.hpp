// SPDX-License-Identifier: Apache-2.0
// One DTLS 1.2 handshake, either side: GnuTLS on buffers, with the engine's clock. [RFC 6347 §4.2]
#pragma once

#include <array>
#include <optional>
#include <utility>
#include <vector>

#include <slipway/base/random.hpp>
#include <slipway/base/time.hpp>
#include <slipway/security/dtls/facts.hpp>
#include <slipway/security/dtls/types.hpp>

#include "security/dtls/flight.hpp"
#include "security/dtls/resumption.hpp"
#include "security/dtls/tls_context.hpp"

namespace slipway::security::dtls {

/// GnuTLS reads the wall clock for its own timers: they are set so far away that only ours ever fire. The
/// first one must be the longer one, and both fit its unsigned arithmetic. [GnuTLS gnutls_dtls_set_timeouts]
inline constexpr unsigned kNeverMs = 0x7000'0000;

/// What a client may send while its credential is looked up.
inline constexpr std::size_t kHeldDatagramsMax = 6;
inline constexpr std::size_t kHeldDatagramSizeMax = 2048;

struct HandshakeConfig {
  std::size_t mtu;
  RetransmissionConfig retransmission;
  std::optional<Cid> cid{};                ///< ours, offered or given where the client offers one
  bool library_suites = true;              ///< of a server: whether there is room for a session in GnuTLS
  std::optional<UnixTime> wall{};          ///< for the dates of certificates
  const Credential* credential = nullptr;  ///< of a client: what it knows its server by
  const ClientAuthorities* authorities = nullptr;  ///< of a server: who issues the clients' certificates
  const ResumableSessions* resumable = nullptr;    ///< of a server: what its clients may resume
  ByteView resumption{};  ///< of a client: a session to resume [offer_resumption]; empty: none
};

//                      client: start()          server: start_with_hello()
//                             |                            |
//                             v                            v
//    timer: send the flight +---------------------------------+  handle_datagram: the next flight of the
//    again, twice as late   |             running             |  peer makes ours; a repeated one has ours
//                      +--> |                                 | <--+ sent again, answer_gap apart
//                      +----+---------------------------------+----+
//                             |          ^      |          |
//     server: identity read   v          |      |          | alert, broken rule, wrong key,
//            +-------------------+  credential() |          | handshake_time_max, abort()
//            |  wants_credential |-------+      |          v
//            +-------------------+              |       +--------+
//              datagrams are held     Finished  v       | failed |
//              | handshake_time_max   +------------+    +--------+
//              +--> failed            |    done    |
//                                     +------------+
//
// With a public key the server asks when the client has proved it (its Finished is verified): then our own
// last flight waits in `wants_credential`, and `approve()` sends it or an alert. Of a session that is to be
// resumed it asks at the hello: whose credential is no longer what it was, makes a whole handshake.
class Handshake {
 public:
  enum class State : std::uint8_t { running, wants_credential, done, failed };

  Handshake(const TlsContext& context, const HandshakeConfig& config, AeadEngine& engine, Random& random);
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;

  /// Client: makes the first flight.
  void start(TimePoint now);
  /// Server: goes on from a hello whose cookie was verified into `prestate`.
  void start_with_hello(TimePoint now, gnutls_dtls_prestate_st prestate, ByteView hello);

  void handle_datagram(TimePoint now, ByteView datagram);
  void handle_timeout(TimePoint now);
  [[nodiscard]] TimePoint next_timeout() const;
  /// Answers `wants_credential` of a pre-shared key.
  void credential(TimePoint now, std::optional<Secret> key);
  /// Answers `wants_credential` of a public key or certificate.
  void approve(TimePoint now, Approval approval);
  /// Sends a fatal alert and fails.
  void abort(Alert alert, const HandshakeFailure& failure);

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] const HandshakeFailure& failure() const { return failure_; }
  /// The last alert of the peer that did not end the handshake, once.
  [[nodiscard]] std::optional<Alert> take_warning() { return std::exchange(warning_, std::nullopt); }
  /// What was seen so far.
  [[nodiscard]] HandshakeFacts facts() const;
  /// Of a server's client, once it was read; a PSK identity is not proved until `done`.
  [[nodiscard]] const std::optional<PeerIdentity>& identity() const { return identity_; }
  [[nodiscard]] const HandshakeTraffic& traffic() const { return traffic_; }
  [[nodiscard]] TimePoint started() const { return started_; }
  [[nodiscard]] std::uint64_t retransmissions() const { return retransmissions_; }
  [[nodiscard]] ByteView client_random() const { return client_random_; }

  /// Takes what is to be sent; call after each of the calls above.
  [[nodiscard]] DatagramBatch& output() { return output_; }

  // When done:
  [[nodiscard]] CipherSuite suite() const { return *chosen_; }
  [[nodiscard]] const RecordState& records() const { return records_; }
  /// Whether the session stays in GnuTLS; it is taken out by `library_session`, once.
  [[nodiscard]] bool in_library() const { return chosen_ && stays_in_library(*chosen_); }
  [[nodiscard]] GnutlsPtr<gnutls_session_int> library_session() { return std::move(session_); }
  /// What is sent again when the peer repeats its own last flight; empty where it has ours for certain.
  [[nodiscard]] Flight& last_flight() { return flight_; }
  [[nodiscard]] bool resumed() const { return resumed_; }
  /// Of a server: what the next handshake may resume, but for the identity. Taken out, once.
  [[nodiscard]] std::optional<Resumable> take_resumable() { return std::exchange(resumable_, {}); }
  /// Of a client: `DtlsClient::take_resumption`, for one that has no Connection ID.
  [[nodiscard]] Secret take_resumption() { return std::move(resumption_); }
  /// Records behind the last one of the handshake in the datagram that completed it; a view into it.
  [[nodiscard]] ByteView unread() const { return input_; }

 private:
  // What a datagram holds, seen without keys.
  struct Contents {
    bool readable = false;
    bool handshake = false;
    bool repeated = false;  ///< every plaintext handshake message of it was answered by our flight
    bool key_exchange = false;
  };
  struct MessageSeen {
    std::uint32_t length = 0;
    std::uint16_t sequence = 0;
    bool seen = false;
  };

  static ssize_t pull(gnutls_transport_ptr_t self, void* data, size_t size);
  static ssize_t push(gnutls_transport_ptr_t self, const void* data, size_t size);
  static int readable(gnutls_transport_ptr_t self, unsigned timeout);

  bool open_session();
  Contents inspect(ByteView datagram);
  bool consistent(const HandshakeFragment& fragment);
  void note_server_hello(const HandshakeFragment& fragment);
  void note_key_exchange(const HandshakeFragment& fragment);
  void hold(ByteView datagram);
  [[nodiscard]] bool asks_before_resuming(TimePoint now, ByteView hello);
  [[nodiscard]] const Resumable* resumable_with(TimePoint now, const std::optional<Secret>& key) const;
  [[nodiscard]] const Resumable* resumable_with(TimePoint now, Approval approval) const;
  void go_on_with_hello(TimePoint now, const Resumable* session);
  void open_resumption();
  bool resumption_holds();
  void finish_client();
  void feed(TimePoint now, ByteView datagram);
  void advance(TimePoint now);
  void finish();
  void judge_client();
  int judge_server();
  void refuse(const Distrust& distrust);
  void note_presented();
  void offer_cid();
  void send_new_flight(TimePoint now);
  void send_again(TimePoint now);
  void let_library_repeat();
  bool takes_from_library(const RecordHeader& record);
  void send(const Flight& flight);
  /// Whose client may have its session already, and repeats its lost answer when it reads our Finished. In a
  /// session GnuTLS reads one record of a datagram, and the next one when another datagram comes.
  [[nodiscard]] bool repeats_for_a_session() const {
    return resumed_ && context_.role() == Role::server && retransmissions_ != 0;
  }
  void answer_repeated(TimePoint now);
  void detect_wrong_key(ByteView datagram);
  void fail_by_library(int code);
  void fail(const HandshakeFailure& failure);
  [[nodiscard]] const char* timeout_detail() const;
  void choose(std::uint16_t suite);
  [[nodiscard]] bool has_read_key() const;
  bool load_key(bool read, RecordKey& key) const;
  ssize_t pull_record(MutableBytes out);
  ssize_t pull_cid_record(const RecordHeader& record, MutableBytes out);
  /// Whether a server's client names a pre-shared key: our ServerHello has chosen such a suite.
  [[nodiscard]] bool psk_wanted() const {
    return context_.role() == Role::server && chosen_ && uses_psk(*chosen_);
  }
  bool push_records(ByteView bytes);

  friend int psk_key_of(gnutls_session_t, const gnutls_datum_t*, gnutls_datum_t*);
  friend int server_verdict_of(gnutls_session_t);
  static gnutls_datum_t resumable_wanted(void* self, gnutls_datum_t id);
  static int resumable_made(void* self, gnutls_datum_t id, gnutls_datum_t data);
  static int hello_received(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                            const gnutls_datum_t* body);
  static int cid_received(gnutls_session_t session, const unsigned char* data, size_t size);
  static int cid_wanted(gnutls_session_t session, gnutls_buffer_t out);

  const TlsContext& context_;
  HandshakeConfig config_;
  AeadEngine& engine_;
  Random& random_;
  GnutlsPtr<gnutls_session_int> session_;
  State state_ = State::running;
  HandshakeFailure failure_;
  std::optional<Alert> warning_;
  HandshakeTraffic traffic_;
  std::optional<CipherSuite> chosen_;  ///< by the ServerHello, not yet proved
  bool unwanted_ = false;              ///< of a client: it was not asked for; of a server: there is no room

  ByteView input_;  ///< records not yet taken by GnuTLS; only while a datagram is handled
  std::array<MessageSeen, 32> seen_{};
  int highest_message_ = -1;   ///< of the peer, by message sequence
  int answered_message_ = -1;  ///< up to here the peer's messages are answered by our flight
  HandshakeType latest_type_{};

  Flight fresh_;   ///< what GnuTLS sends in the current step
  Flight flight_;  ///< what is sent again until the peer answers
  DatagramBatch output_;
  std::uint64_t next_plain_ = 0;
  RecordState records_;
  std::uint64_t last_protected_ = 0;  ///< sequence number of the newest protected record given to GnuTLS

  // Of a client with a suite that stays in the library (handshake_repeat.cpp).
  bool library_repeats_ = false, repetition_wanted_ = false;
  enum class Pushed : std::uint8_t { fresh, repetition, unwanted } pushed_ = Pushed::fresh;
  int highest_sent_ = -1, flight_begins_with_ = -1;  ///< of our messages, by message sequence

  TimePoint started_{}, last_sent_{}, resend_at_{};
  Duration resend_after_{};
  std::uint64_t retransmissions_ = 0;

  // Resumption (handshake_resume.cpp).
  std::optional<SessionId> asks_for_;    ///< of a server: whose session is to be resumed, until that is known
  const Resumable* resuming_ = nullptr;  ///< while GnuTLS reads the hello
  std::optional<Resumable> resumable_;
  Secret resumption_;
  bool resumed_ = false;

  std::optional<Cid> peer_cid_;         ///< what the peer offered
  std::optional<Distrust> distrusted_;  ///< why the peer's public key is not believed

  // For facts(): read only when somebody asks.
  Bytes hello_;                                               ///< the body of the ClientHello
  std::optional<std::uint16_t> hello_version_, hello_suite_;  ///< of the ServerHello
  std::vector<Bytes> presented_;                              ///< by the peer

  // Server.
  std::optional<CipherSuite> intended_;  ///< the only suite that GnuTLS may choose
  std::array<std::uint8_t, kClientRandomSize> client_random_{};
  Bytes key_exchange_;  ///< the ClientKeyExchange of a PSK suite as far as it came
  std::optional<PeerIdentity> identity_;
  std::optional<Secret> psk_;
  bool identity_known_ = true;
  std::vector<Bytes> held_;
};

/// GnuTLS's question for the key of a server handshake (TlsContext::server).
int psk_key_of(gnutls_session_t session, const gnutls_datum_t* identity, gnutls_datum_t* key);
/// GnuTLS's question whether a client believes its server (TlsContext::client).
int server_verdict_of(gnutls_session_t session);

}  // namespace slipway::security::dtls

// SPDX-License-Identifier: Apache-2.0
// DTLS 1.2 sessions of many clients behind one socket. Sans-I/O. [RFC 6347] [RFC 4279] [RFC 6655]
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include <slipway/base/address.hpp>
#include <slipway/base/ids.hpp>
#include <slipway/base/random.hpp>
#include <slipway/base/result.hpp>
#include <slipway/security/dtls/facts.hpp>
#include <slipway/security/dtls/types.hpp>

namespace slipway::security::dtls {

/// Names one question for a credential. Never reused.
using LookupId = StrongId<struct LookupIdTag, std::uint64_t>;

struct ServerConfig {
  /// Gives each handshake its PeerId (it is its session's too); several adapters may share one
  /// number space. Never PeerId(0), never the same twice. Required.
  std::function<PeerId()> next_peer;
  /// Most wanted first; those that need public keys are offered only with `keys`, those that stay in the
  /// library only where the client knows none of the others.
  std::vector<CipherSuite> suites{
      CipherSuite::psk_aes_128_ccm_8,       CipherSuite::psk_aes_128_ccm,
      CipherSuite::psk_aes_128_gcm_sha256,  CipherSuite::ecdhe_ecdsa_aes_128_ccm_8,
      CipherSuite::ecdhe_ecdsa_aes_128_ccm, CipherSuite::ecdhe_ecdsa_aes_128_gcm_sha256};
  ServerKeys keys{};
  /// Who issues the certificates of clients, DER. Empty: a certificate is taken when the store knows exactly
  /// it.
  std::vector<Bytes> client_authorities{};
  /// The time of day, for the dates of certificates; empty, or without a result: dates are not looked at.
  std::function<std::optional<UnixTime>(TimePoint)> wall{};
  /// Bytes of the Connection IDs given to clients that offer one, 4..8 with `cid_route` in front; 0: none.
  /// [RFC 9146]
  std::size_t cid_size = 6;
  std::uint8_t cid_route = 0;  ///< first byte of each: which shard or node a datagram belongs to
  /// Records that a session may send from one freeze to the next; 0: sessions are not frozen. A larger number
  /// means fewer writes to the store, and uses up the 2^48 of a session sooner, by one such block each
  /// restart.
  std::uint32_t freeze_reserve = 0;
  std::size_t mtu = 1200;  ///< largest datagram of a handshake, bytes of UDP payload
  RetransmissionConfig retransmission{};
  Duration cookie_key_life = seconds(60);  ///< a cookie is good for one to two of these

  /// In progress, of all addresses (about 15 KB each). Beyond, one of the network that has the most makes
  /// room for another, or the oldest when it had 5 s. [FairPlaces]
  std::size_t handshakes_max = 1024;
  std::size_t handshakes_per_ip_max = 64;  ///< of one network [network_of] (there may be a NAT behind it)
  std::size_t sessions_max = 1'000'000;    ///< established; beyond, the one that is idle for longest ends
  std::size_t library_sessions_max =
      10'000;  ///< of them in GnuTLS [stays_in_library], handshakes in progress apart
  /// A session in which nothing was received or sent for so long ends. Devices sleep for weeks; what bounds
  /// the memory is sessions_max.
  Duration session_idle_max = std::chrono::days(30);
  /// Memory for sessions that clients without a Connection ID may resume, the newest of each identity; about
  /// 0.7 KB each, and a certificate where there is one. The oldest make room. 0: none are resumed.
  std::size_t resumable_bytes_max = 64 * 1024 * 1024;
  Duration resumption_life = std::chrono::hours(24);  ///< at most 7 days [RFC 5246 §F.1.4]
};

/// Answer a PSK with `credential`, the others with `approve`, now or later; the client waits until then. Of a
/// session that is to be resumed it is asked as well, before anything is proved: what the credential opened
/// once, it may open no more.
struct CredentialWanted {
  LookupId lookup;
  PeerId peer;
  Address from;
  ByteView psk_identity;  ///< of IdentityKind::psk: as the client sent it, not yet proved
  IdentityKind kind = IdentityKind::psk;
  ByteView public_part{};  ///< of the others: SubjectPublicKeyInfo or certificate (DER), proved now or before
};
struct SessionEstablished {
  PeerId peer;
  Address address;
  CipherSuite suite;
  PeerIdentity identity;
  HandshakeTraffic traffic;
  Duration duration;  ///< from the hello with a valid cookie
  bool resumed = false;
};
struct DatagramReceived {
  PeerId peer;
  ByteView plaintext;
  std::size_t wire_size;  ///< of its record
};
/// A session with a Connection ID goes on from another address: an authentic record that is newer than all
/// before came from there. [RFC 9146 §6]
struct PeerMoved {
  PeerId peer;
  Address from, to;
};
/// With `freeze_reserve`: the session is new, has moved, or has used half of its reserve. Freeze it and store
/// it.
struct FreezeWanted {
  PeerId peer;
};
/// The last event of a session. `alert` is the one received, or the one sent by end().
struct SessionEnded {
  PeerId peer;
  SessionEnd reason;
  std::optional<Alert> alert;
};
struct HandshakeFailed {
  Address address;
  PeerId peer;
  HandshakeFailure failure;
  std::optional<PeerIdentity> identity;  ///< what the client claimed, if it came that far
  std::shared_ptr<const HandshakeFacts> facts{};
};
using ServerEvent = std::variant<CredentialWanted, SessionEstablished, DatagramReceived, PeerMoved,
                                 FreezeWanted, SessionEnded, HandshakeFailed>;

struct ServerTransmit {
  Address to;
  PeerId peer;     ///< PeerId(0) for the cookie exchange
  ByteView bytes;  ///< one datagram; valid until the next non-const call
};

/// The contract of every engine (HOUSE: handle, timeout, next, transmit, event).
///
/// Before a client has returned a cookie nothing is kept of it and nothing allocated. A hello from
/// the address of an established session starts a handshake beside it; the session is replaced
/// when that handshake completes, and not before. What cannot be authenticated is dropped and counted.
/// What a session needs in order to go on after a restart, or on another server.
struct FrozenSession {
  Secret bytes;                 ///< holds its keys: seal it before it is stored
  Address address;              ///< the last one known
  std::uint64_t limit;          ///< for `frozen`, once it is durable
  std::uint64_t identity_mark;  ///< of whom its peer proved to be; not a secret
};

class DtlsServer {
 public:
  /// The configuration must pass `check`.
  DtlsServer(ServerConfig config, Random& random);
  ~DtlsServer();
  DtlsServer(const DtlsServer&) = delete;
  DtlsServer& operator=(const DtlsServer&) = delete;

  /// Errors: malformed (next_peer is missing, a key or certificate that cannot be read), unsupported (no
  /// suite, or one that GnuTLS cannot do), out_of_range (cid_size).
  [[nodiscard]] static Result<void> check(const ServerConfig& config);

  void handle_datagram(TimePoint now, const Address& from, ByteView datagram);
  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;
  [[nodiscard]] std::optional<ServerTransmit> poll_transmit();
  /// Views inside the event are valid until the next handle_ call or poll_event.
  [[nodiscard]] std::optional<ServerEvent> poll_event();

  /// Answers CredentialWanted. `nullopt` says that the identity is unknown: the handshake then goes
  /// the way of a wrong key. An answer for a handshake that is gone does nothing.
  void credential(TimePoint now, LookupId lookup, std::optional<Secret> key);
  /// Answers CredentialWanted of a public key or certificate.
  void approve(TimePoint now, LookupId lookup, Approval approval);
  /// Seals one datagram for a session. Errors: not_found, limit (above kRecordPlaintextMax),
  /// exhausted (poll_transmit is not called; the reserve is used up and no freeze is durable yet; or 2^48
  /// records: the session then ends).
  Result<void> send(TimePoint now, PeerId peer, ByteView plaintext);
  /// Freezes a session. One that stays in the library is not asked for, and cannot be: unsupported. Until
  /// `frozen` says that the result is durable, the session keeps within what an earlier freeze has reserved.
  /// Errors: not_found, exhausted.
  [[nodiscard]] Result<FrozenSession> freeze(PeerId peer);
  void frozen(PeerId peer, std::uint64_t limit);
  /// Puts a session back, as `peer`, in the `life`-th life of this server after the freeze (1: the next one).
  /// A peer whose address has another session is found by its Connection ID alone. Errors: as of a frozen
  /// session that was damaged; duplicate (its Connection ID, or without one its address, is taken); limit
  /// (sessions_max).
  [[nodiscard]] Result<void> thaw(TimePoint now, PeerId peer, const Address& address,
                                  const PeerIdentity& identity, ByteView frozen, std::uint64_t life);
  /// The same for who has not kept the whole identity, by the mark that `freeze` has given with the session.
  [[nodiscard]] Result<void> thaw(TimePoint now, PeerId peer, const Address& address,
                                  std::uint64_t identity_mark, ByteView frozen, std::uint64_t life);
  /// Ends a session (or a handshake) at once; its keys are wiped. SessionEnded follows, or HandshakeFailed.
  /// Unknown peers are ignored.
  void end(TimePoint now, PeerId peer, Alert alert);

  [[nodiscard]] std::optional<Address> address_of(PeerId peer) const;
  [[nodiscard]] std::size_t session_count() const;
  [[nodiscard]] std::size_t handshake_count() const;
  /// Handshakes so far that made room for one of another network.
  [[nodiscard]] std::uint64_t gave_way() const;
  /// Sessions that could be resumed.
  [[nodiscard]] std::size_t resumable_count() const;
  [[nodiscard]] const DtlsCounters& counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::security::dtls

// SPDX-License-Identifier: Apache-2.0
// One DTLS 1.2 session towards one server. Sans-I/O. [RFC 6347] [RFC 4279] [RFC 6655]
#pragma once

#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include <slipway/base/random.hpp>
#include <slipway/base/result.hpp>
#include <slipway/security/dtls/facts.hpp>
#include <slipway/security/dtls/types.hpp>

namespace slipway::security::dtls {

struct ClientConfig {
  Credential credential;
  /// Offered, most wanted first (/0/x/16); those that do not fit the credential are left out.
  std::vector<CipherSuite> suites{CipherSuite::psk_aes_128_ccm_8, CipherSuite::ecdhe_ecdsa_aes_128_ccm_8};
  std::optional<UnixTime> wall{};  ///< the time of day at `start`, where the device knows it
  /// Whether a Connection ID is offered; with one the session outlives a change of address. [RFC 9146]
  enum class ConnectionId : std::uint8_t { off, offer } cid = ConnectionId::offer;
  std::size_t own_cid_size = 0;  ///< of the one that the server shall send, 0..8; a device seldom needs one
  std::size_t mtu = 1200;        ///< largest datagram of a handshake, bytes of UDP payload
  RetransmissionConfig retransmission{};
  /// What an earlier client with the same credential has left [DtlsClient::take_resumption]; empty: nothing.
  Secret resumption{};
};

struct Connected {
  CipherSuite suite;
  bool has_cid = false;  ///< the server gave a Connection ID: a change of address does no harm
  bool resumed = false;  ///< by what an earlier session has left: a round trip less, and no public keys
  HandshakeTraffic traffic;
  Duration duration;
  std::shared_ptr<const HandshakeFacts> facts{};
};
/// The session did not come to be. `failure.alert` with `refused_by == Side::peer` is what /1/x/11
/// shows; `alert_class` says what to do about it. [LwM2M-TRANSPORT 1.2 §5.2.10]
struct ConnectFailed {
  HandshakeFailure failure;
  std::shared_ptr<const HandshakeFacts> facts{};
};
struct ClientDatagramReceived {
  ByteView plaintext;
  std::size_t wire_size;  ///< of its record
};
/// A warning, in a handshake or in a session, which goes on: for /1/x/11. [LwM2M-TRANSPORT 1.2 §5.2.10]
struct AlertReceived {
  Alert alert;
};
struct ClientSessionEnded {
  SessionEnd reason;
  std::optional<Alert> alert;  ///< the one received, or the one sent by end()
};
using ClientEvent =
    std::variant<Connected, ConnectFailed, ClientDatagramReceived, AlertReceived, ClientSessionEnded>;

/// The contract of every engine (HOUSE: handle, timeout, next, transmit, event). After ConnectFailed
/// or ClientSessionEnded, `start` begins anew.
class DtlsClient {
 public:
  DtlsClient(ClientConfig config, Random& random);
  ~DtlsClient();
  DtlsClient(const DtlsClient&) = delete;
  DtlsClient& operator=(const DtlsClient&) = delete;

  /// Sends the first hello; a handshake or session that is there is forgotten without an event.
  /// Errors: out_of_range (identity or key length), unsupported (no suite), all from the configuration.
  Result<void> start(TimePoint now);
  void handle_datagram(TimePoint now, ByteView datagram);
  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;
  /// One datagram; valid until the next non-const call.
  [[nodiscard]] std::optional<ByteView> poll_transmit();
  /// Views inside the event are valid until the next handle_ call or poll_event.
  [[nodiscard]] std::optional<ClientEvent> poll_event();

  /// Seals one datagram. Errors: not_found (no session), limit (above kRecordPlaintextMax), exhausted (2^48
  /// records).
  Result<void> send(TimePoint now, ByteView plaintext);
  /// Ends the session or the handshake; its keys are wiped. ClientSessionEnded or ConnectFailed follows.
  void end(TimePoint now, Alert alert = Alert::close_notify);

  /// Takes the session out as bytes, for a sleep without memory or a reboot. It holds keys: store it where
  /// keys are stored. Afterwards there is no session here, and no event tells it. Errors: not_found,
  /// exhausted.
  [[nodiscard]] Result<Secret> freeze();
  /// Goes on with such a session. The bytes must be gone from where they were stored before the first `send`,
  /// so that no second life begins with them: a crash then costs a handshake, and no nonce is used twice.
  /// What is here is forgotten without an event. Errors: as of damaged bytes.
  Result<void> thaw(ByteView frozen);

  /// Takes out what shortens the next handshake with this server, for a new client with the same
  /// credential: the session of a server that gave no Connection ID, but a session id or a ticket. It holds
  /// keys, and is of use for a day. Empty where there is nothing; after a ConnectFailed there is nothing
  /// unless the server did not answer at all. [RFC 5246 §7.3] [RFC 5077] [RFC 7925 §6]
  [[nodiscard]] Secret take_resumption();

  [[nodiscard]] bool connected() const;
  /// Of a handshake in progress: what was seen so far. Otherwise nothing was.
  [[nodiscard]] HandshakeFacts facts() const;
  [[nodiscard]] const DtlsCounters& counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::security::dtls

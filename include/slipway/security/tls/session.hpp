// SPDX-License-Identifier: Apache-2.0
// TLS 1.2 and 1.3 over a reliable stream, either side, for CoAP over TLS. Sans-I/O. GnuTLS does all of it;
// who is believed is decided as for DTLS. [RFC 5246] [RFC 8446] [RFC 8323 §8.2, §9]
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include <slipway/base/bytes.hpp>
#include <slipway/base/random.hpp>
#include <slipway/base/result.hpp>
#include <slipway/base/secret.hpp>
#include <slipway/base/time.hpp>
#include <slipway/security/dtls/facts.hpp>
#include <slipway/security/dtls/types.hpp>

namespace slipway::security::tls {

enum class Version : std::uint8_t { tls12, tls13 };
[[nodiscard]] const char* to_string(Version version);

/// IANA numbers, as in /0/x/16. [RFC 8446 §B.4]
enum class Tls13Suite : std::uint16_t {
  aes_128_gcm_sha256 = 0x1301,  ///< the mandatory one
  aes_128_ccm_sha256 = 0x1304,
  aes_128_ccm_8_sha256 = 0x1305,
};
/// Empty for a suite that is not done here.
[[nodiscard]] std::optional<Tls13Suite> tls13_suite(std::uint16_t iana);

/// Most wanted first; a version without suites is not spoken. Streams carry no datagrams of bounded size: the
/// whole tag of GCM comes before the 8 bytes of CCM_8.
struct Suites {
  std::vector<dtls::CipherSuite> tls12{
      dtls::CipherSuite::psk_aes_128_gcm_sha256,  dtls::CipherSuite::psk_aes_128_ccm,
      dtls::CipherSuite::psk_aes_128_ccm_8,       dtls::CipherSuite::ecdhe_ecdsa_aes_128_gcm_sha256,
      dtls::CipherSuite::ecdhe_ecdsa_aes_128_ccm, dtls::CipherSuite::ecdhe_ecdsa_aes_128_ccm_8};
  std::vector<Tls13Suite> tls13{Tls13Suite::aes_128_gcm_sha256, Tls13Suite::aes_128_ccm_sha256,
                                Tls13Suite::aes_128_ccm_8_sha256};
};

struct Limits {
  Duration handshake_time_max = seconds(30);
  /// Bytes that are taken from a peer until it is known who it is.
  std::size_t handshake_bytes_max = 64 * 1024;
};

/// Bytes of output that may wait to be taken; `write` fails beyond.
inline constexpr std::size_t kOutputMax = 64 * 1024;

struct ServerConfig {
  Suites suites{};  ///< those that need public keys are offered only with `keys`
  dtls::ServerKeys keys{};
  /// Who issues the certificates of clients, DER. Empty: a certificate is taken when the store knows exactly
  /// it.
  std::vector<Bytes> client_authorities{};
  Limits limits{};
};

struct ClientConfig {
  dtls::Credential credential;
  Suites suites{};                 ///< those that do not fit the credential are left out
  std::optional<UnixTime> wall{};  ///< the time of day, where the device knows it
  Limits limits{};
};

struct Traffic {
  std::uint32_t bytes_received = 0, bytes_sent = 0;
};

/// Of a server: answer a PSK with `credential`, the others with `approve`, now or later; the client waits. A
/// PSK identity is not yet proved, the others are.
struct CredentialWanted {
  dtls::IdentityKind kind;
  ByteView identity;  ///< the PSK identity, or the SubjectPublicKeyInfo or certificate (DER)
};
struct Established {
  Version version;
  const char* suite;                           ///< its IANA name, static text
  std::optional<dtls::PeerIdentity> identity;  ///< of a client, at its server
  Traffic traffic;
  Duration duration;
  std::shared_ptr<const dtls::HandshakeFacts> facts{};  ///< at a client
};
/// The session did not come to be. What is left to send tells the peer.
struct HandshakeFailed {
  dtls::HandshakeFailure failure;
  std::optional<dtls::PeerIdentity> identity;  ///< what a client claimed, if it came that far
  std::shared_ptr<const dtls::HandshakeFacts> facts{};
};
/// Of a client: a warning of its server, in the handshake or in the session, which goes on: for /1/x/11.
/// [LwM2M-TRANSPORT 1.2 §5.2.10]
struct AlertReceived {
  dtls::Alert alert;
};
struct BytesReceived {
  ByteView plaintext;
};
struct SessionEnded {
  dtls::SessionEnd reason;
  std::optional<dtls::Alert> alert;  ///< the one received, or the one sent
};
using Event =
    std::variant<CredentialWanted, Established, HandshakeFailed, AlertReceived, BytesReceived, SessionEnded>;

class TlsServer;

//  handshake --(server: a PSK identity is read)--> wants credential --credential()--> handshake
//  handshake --(server: a public key is proved)--> wants approval --approve()--> established
//  handshake --> established --close_notify, alert, end(), handle_end()--> ended
//  any state before `established` --alert, broken rule, wrong key, time, bytes, end()--> failed
//
/// One session, without renegotiation, early data, compression or resumption. HandshakeFailed and
/// SessionEnded are the last events. With TLS 1.3 a client is established before its server has judged it:
/// the server's refusal then comes as SessionEnded with an alert.
class TlsSession {
 public:
  /// A client's; its hello is the first output. Errors, all from the configuration: out_of_range (identity or
  /// key length), unsupported (no suite), malformed (key or certificate).
  [[nodiscard]] static Result<std::unique_ptr<TlsSession>> connect(TimePoint now, ClientConfig config,
                                                                   Random& random);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  /// Bytes of the stream, cut anywhere; copied. Poll events until there are none before giving more.
  void handle_bytes(TimePoint now, ByteView ciphertext);
  /// The peer has ended its side of the stream.
  void handle_end(TimePoint now);
  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;

  /// What is to be written to the stream; valid until the next non-const call.
  [[nodiscard]] ByteView poll_output() const;
  void taken(std::size_t bytes);
  /// Views inside the event are valid until the next non-const call.
  [[nodiscard]] std::optional<Event> poll_event();

  /// Answers CredentialWanted of a PSK. `nullopt` says that the identity is unknown: the handshake then goes
  /// the way of a wrong key. A late answer does nothing.
  void credential(TimePoint now, std::optional<Secret> key);
  /// Answers CredentialWanted of a public key or certificate.
  void approve(TimePoint now, dtls::Approval approval);

  /// Seals bytes. Errors: not_found (no session), exhausted (kOutputMax would be exceeded: nothing is taken).
  Result<void> write(ByteView plaintext);
  /// Ends the session or the handshake with an alert; its keys are wiped. SessionEnded or HandshakeFailed
  /// follows.
  void end(TimePoint now, dtls::Alert alert = dtls::Alert::close_notify);

  [[nodiscard]] bool established() const;

 private:
  friend class TlsServer;
  class Impl;
  explicit TlsSession(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Makes the sessions of those who connect to one port; outlives them.
class TlsServer {
 public:
  /// Errors: malformed (a key or certificate that cannot be read), unsupported (no suite).
  [[nodiscard]] static Result<std::unique_ptr<TlsServer>> create(ServerConfig config, Random& random);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  /// `wall`: the time of day, for the dates of certificates; without it they are not looked at.
  [[nodiscard]] std::unique_ptr<TlsSession> accept(TimePoint now, std::optional<UnixTime> wall);

 private:
  friend class TlsSession;
  struct Shared;
  explicit TlsServer(std::unique_ptr<Shared> shared);
  std::unique_ptr<Shared> shared_;
};

}  // namespace slipway::security::tls

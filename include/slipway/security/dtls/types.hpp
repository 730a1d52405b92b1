// SPDX-License-Identifier: Apache-2.0
// What DTLS server and client share: suites, alerts, credentials, reasons, counters.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include <slipway/base/bounded.hpp>
#include <slipway/base/bytes.hpp>
#include <slipway/base/secret.hpp>
#include <slipway/base/time.hpp>
#include <slipway/security/trust.hpp>

namespace slipway::security::dtls {

/// Longest PSK identity and key that are taken. [LwM2M-TRANSPORT 1.2 §5.2.9.1] [RFC 7925 §4.2]
inline constexpr std::size_t kPskIdentityMax = 128;
inline constexpr std::size_t kPskKeyMax = 64;
/// Longest plaintext of one record. [RFC 6347 §4.1]
inline constexpr std::size_t kRecordPlaintextMax = 16384;
/// What one record adds to its plaintext at most, a Connection ID not counted.
inline constexpr std::size_t kRecordOverheadMax = 13 + 8 + 16;

/// A PSK identity is bytes: any value, NUL included.
class PskIdentity {
 public:
  PskIdentity() = default;
  /// Empty when `bytes` is longer than kPskIdentityMax.
  [[nodiscard]] static std::optional<PskIdentity> from(ByteView bytes) {
    if (bytes.size() > kPskIdentityMax) return std::nullopt;
    PskIdentity identity;
    (void)identity.text_.append(as_text(bytes));
    return identity;
  }
  [[nodiscard]] ByteView bytes() const { return as_bytes(text_.view()); }
  friend bool operator==(const PskIdentity& a, const PskIdentity& b) { return equal(a.bytes(), b.bytes()); }

 private:
  BoundedString<kPskIdentityMax> text_;
};

/// IANA numbers, as in /0/x/16. [LwM2M-TRANSPORT 1.2 §5.2.9]
enum class CipherSuite : std::uint16_t {
  psk_aes_128_gcm_sha256 = 0x00A8,
  psk_aes_128_ccm = 0xC0A4,
  psk_aes_128_ccm_8 = 0xC0A8,  ///< the mandatory one with a pre-shared key
  ecdhe_ecdsa_aes_128_gcm_sha256 = 0xC02B,
  ecdhe_ecdsa_aes_128_ccm = 0xC0AC,
  ecdhe_ecdsa_aes_128_ccm_8 = 0xC0AE,  ///< the mandatory one with a raw public key or a certificate
  // Those that stay in the library, and are off unless they are asked for:
  psk_aes_128_cbc_sha256 = 0x00AE,
  ecdhe_psk_aes_128_cbc_sha256 = 0xC037,
  ecdhe_psk_chacha20_poly1305_sha256 = 0xCCAC,  ///< a pre-shared key with forward secrecy
  ecdhe_ecdsa_aes_128_cbc_sha256 = 0xC023,
};
/// Whether GnuTLS keeps the sessions of the suite: about 10 KB each, without Connection ID, and not to be
/// frozen.
[[nodiscard]] bool stays_in_library(CipherSuite suite);
/// Whether the suite authenticates by a pre-shared key; the others do so by public keys.
[[nodiscard]] bool uses_psk(CipherSuite suite);
[[nodiscard]] const char* to_string(CipherSuite suite);
/// Empty for a suite that is not done here.
[[nodiscard]] std::optional<CipherSuite> cipher_suite(std::uint16_t iana);
/// By its IANA name: "TLS_PSK_WITH_AES_128_CCM_8".
[[nodiscard]] std::optional<CipherSuite> cipher_suite(std::string_view name);
/// All that are done here, the usual ones first.
[[nodiscard]] std::span<const CipherSuite> cipher_suites();

/// [RFC 5246 §7.2] [RFC 4279 §6] [RFC 6066 §9]
enum class Alert : std::uint8_t {
  close_notify = 0,
  unexpected_message = 10,
  bad_record_mac = 20,
  decryption_failed = 21,
  record_overflow = 22,
  decompression_failure = 30,
  handshake_failure = 40,
  no_certificate = 41,
  bad_certificate = 42,
  unsupported_certificate = 43,
  certificate_revoked = 44,
  certificate_expired = 45,
  certificate_unknown = 46,
  illegal_parameter = 47,
  unknown_ca = 48,
  access_denied = 49,
  decode_error = 50,
  decrypt_error = 51,
  export_restriction = 60,
  protocol_version = 70,
  insufficient_security = 71,
  internal_error = 80,
  inappropriate_fallback = 86,
  user_canceled = 90,
  no_renegotiation = 100,
  missing_extension = 109,
  unsupported_extension = 110,
  certificate_unobtainable = 111,
  unrecognized_name = 112,
  bad_certificate_status_response = 113,
  bad_certificate_hash_value = 114,
  unknown_psk_identity = 115,
  certificate_required = 116,     ///< of TLS 1.3 [RFC 8446 §6.2]
  no_application_protocol = 120,  ///< [RFC 7301 §3.2]
};
[[nodiscard]] const char* to_string(Alert alert);

/// What a client does about an alert from its server. [LwM2M-TRANSPORT 1.2 §5.2.10]
enum class AlertClass : std::uint8_t {
  retry,   ///< may be transient
  fail,    ///< the client cannot recover alone
  ignore,  ///< also every code the specification does not name
};
[[nodiscard]] AlertClass alert_class(Alert alert);

/// What a client proves itself with, and what it knows its server by.
struct PskCredential {
  PskIdentity identity;
  Secret key;  ///< 1..kPskKeyMax bytes
};
/// A raw public key [RFC 7250]: the server's must be exactly the stored one. [LwM2M-TRANSPORT 1.2 §5.2.9.2]
struct RawKeyCredential {
  Bytes public_key;    ///< SubjectPublicKeyInfo, DER
  Secret private_key;  ///< PKCS#8 or SEC1, DER
  Bytes server_key;    ///< SubjectPublicKeyInfo, DER
};
struct CertificateCredential {
  std::vector<Bytes> chain;  ///< own certificate first, DER
  Secret private_key;        ///< PKCS#8 or SEC1, DER
  ServerTrust trust;
};
using Credential = std::variant<PskCredential, RawKeyCredential, CertificateCredential>;

/// What a server proves itself with.
struct ServerKeys {
  std::vector<Bytes> chain;  ///< its certificate first, DER; empty: no certificate
  Bytes public_key;          ///< SubjectPublicKeyInfo, DER; empty: no raw public key
  Secret private_key;        ///< of both, PKCS#8 or SEC1, DER
};

/// Who a peer proved to be.
struct RawKeyIdentity {
  Bytes public_key;  ///< SubjectPublicKeyInfo, DER
};
struct CertificateIdentity {
  Bytes certificate;  ///< its own, DER
};
using PeerIdentity = std::variant<PskIdentity, RawKeyIdentity, CertificateIdentity>;
/// The alternatives of PeerIdentity, in its order.
enum class IdentityKind : std::uint8_t { psk, raw_public_key, certificate };
/// What a store says of a public key or certificate that a client has proved.
enum class Approval : std::uint8_t { known, unknown, retired };
/// Longest public key or certificate of a peer that is taken, bytes of DER.
inline constexpr std::size_t kPublicPartMax = 8 * 1024;

enum class FailureReason : std::uint8_t {
  timeout,            ///< the peer fell silent
  peer_alert,         ///< the peer refused; `alert` says how
  wrong_key,          ///< the peer's Finished does not decrypt: the two keys differ
  unknown_identity,   ///< no such PSK identity (the peer cannot tell this from wrong_key)
  identity_too_long,  ///< above kPskIdentityMax
  untrusted,          ///< the peer's public key or certificate is not accepted; `detail` says why
  no_common_suite,    ///< nothing both ends would use
  protocol_error,     ///< the peer broke the handshake's rules
  superseded,         ///< a newer handshake from the same address took its place
  cancelled,          ///< end() or a new start() on this side
  library,            ///< our TLS library failed
};
[[nodiscard]] const char* to_string(FailureReason reason);

enum class Side : std::uint8_t { us, peer, nobody };

struct HandshakeFailure {
  FailureReason reason = FailureReason::library;
  std::optional<Alert> alert{};  ///< sent by `refused_by`, if that side sent one
  Side refused_by = Side::nobody;
  const char* detail = "";  ///< static text for a person: what was noticed, and where
};

enum class SessionEnd : std::uint8_t {
  closed_by_peer,  ///< close_notify
  alert_by_peer,   ///< a fatal alert
  ended_here,      ///< end()
  idle,            ///< nothing received or sent for session_idle_max, or for longest where no place is left
  replaced,        ///< a completed handshake from the same address took its place
  sequence_exhausted,  ///< 2^48 records were sent
  broken,              ///< TLS only: a record that is not authentic, or breaks the rules
  cut,                 ///< TLS only: the stream ended without a close_notify
};
[[nodiscard]] const char* to_string(SessionEnd end);

/// Datagrams and UDP payload bytes of one handshake, seen from this side. A server counts from the
/// hello that returned the cookie: before it, it keeps nothing to count in.
struct HandshakeTraffic {
  std::uint32_t bytes_received = 0, bytes_sent = 0;
  std::uint16_t datagrams_received = 0, datagrams_sent = 0;
};

/// [RFC 6347 §4.2.4.1]
struct RetransmissionConfig {
  Duration first = seconds(1);     ///< doubled after each retransmission
  Duration longest = seconds(60);  ///< and never above this
  Duration answer_gap =
      milliseconds(400);  ///< least time between two answers to a repeated flight of the peer
  Duration handshake_time_max = seconds(60);
};

/// Records are dropped silently, so counters are all that tells. [RFC 6347 §4.1.2.7]
struct DtlsCounters {
  std::uint64_t datagrams_received = 0, datagrams_sent = 0;
  std::uint64_t records_received = 0, records_sent = 0;  ///< of established sessions
  std::uint64_t malformed = 0;                           ///< datagrams or records that cannot be parsed
  std::uint64_t unauthenticated = 0;                     ///< records whose tag is wrong
  std::uint64_t replayed = 0;
  std::uint64_t unexpected = 0;  ///< of no session, wrong epoch, or not awaited
  std::uint64_t cookies_sent = 0, cookies_accepted = 0;
  std::uint64_t refused_total = 0;        ///< hellos dropped: handshakes_max
  std::uint64_t refused_per_address = 0;  ///< hellos dropped: handshakes_per_ip_max
  std::uint64_t handshakes_started = 0, handshakes_completed = 0, handshakes_failed = 0;
  std::uint64_t handshakes_resumed = 0;  ///< of those that were completed
  std::uint64_t flights_retransmitted = 0;
  std::uint64_t sessions_ended = 0;
  std::uint64_t moved = 0;  ///< sessions that went on from another address
};

}  // namespace slipway::security::dtls

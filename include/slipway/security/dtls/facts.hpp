// SPDX-License-Identifier: Apache-2.0
// What a handshake showed of both ends, for whoever asks why it failed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <slipway/base/bytes.hpp>
#include <slipway/security/dtls/types.hpp>

namespace slipway::security::dtls {

/// Entries of a list in a hello that are kept.
inline constexpr std::size_t kFactsListMax = 64;
inline constexpr std::size_t kServerNameMax = 255;

enum class SecureProtocol : std::uint8_t { dtls, tls };
/// "DTLS", "TLS".
[[nodiscard]] const char* to_string(SecureProtocol protocol);

/// What a client offered. All of it is a claim, and may be anything.
struct HelloFacts {
  /// As on the wire: 0xFEFD is DTLS 1.2, 0xFEFF is DTLS 1.0, 0x0304 is TLS 1.3. Of several the latest that
  /// has a name here [RFC 8446 §4.2.1]; 0: there was no hello.
  std::uint16_t version = 0;
  std::vector<std::uint16_t> suites{};  ///< IANA numbers, most wanted first; at most kFactsListMax
  std::vector<std::uint16_t> groups{};  ///< likewise [RFC 8422 §5.1.1]
  std::string server_name{};            ///< SNI; empty: none was sent [RFC 6066 §3]
  bool cid = false;                     ///< a Connection ID was offered [RFC 9146 §3]
};

struct HandshakeFacts {
  HelloFacts offered;
  std::optional<std::uint16_t> version{}, suite{};  ///< that the ServerHello chose
  std::uint32_t messages = 0;  ///< bit n: a handshake message of type n came from the peer
  std::vector<Bytes> chain{};  ///< the public key or certificates that the peer showed, DER
  [[nodiscard]] bool got(unsigned type) const { return type < 32 && (messages >> type & 1) != 0; }
};

/// Reads the body of a ClientHello. What cannot be read is left out. [RFC 5246 §7.4.1.2] [RFC 6347 §4.2.1]
[[nodiscard]] HelloFacts read_hello_facts(ByteView body, SecureProtocol protocol = SecureProtocol::dtls);

/// "DTLS 1.2", "TLS 1.3", or the number of a version that has no name here.
[[nodiscard]] std::string version_text(std::uint16_t version);
/// The name of a suite that is done here, or of one that others often want; else its number, "0xC0A8".
[[nodiscard]] std::string suite_text(std::uint16_t iana);
/// "secp256r1", or the number. [RFC 8422 §5.1.1]
[[nodiscard]] std::string group_text(std::uint16_t iana);
/// "alert decrypt_error (51)".
[[nodiscard]] std::string alert_text(Alert alert);
/// What whoever sent an alert during a handshake wants to say, as a half sentence. [RFC 5246 §7.2.2]
[[nodiscard]] const char* meaning_of(Alert alert);

}  // namespace slipway::security::dtls

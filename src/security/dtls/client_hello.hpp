// SPDX-License-Identifier: Apache-2.0
// A ClientHello of DTLS or TLS as far as servers read it before GnuTLS does. All of it is a claim.
#pragma once

#include <cstdint>
#include <optional>

#include <slipway/base/bytes.hpp>
#include <slipway/security/dtls/facts.hpp>

namespace slipway::security::dtls {

/// Views into the body of the message. What cannot be read is left out.
struct ClientHello {
  std::optional<std::uint16_t> version;  ///< as on the wire
  ByteView suites;                       ///< IANA numbers, two bytes each, most wanted first
  ByteView extensions;                   ///< type (2), size (2), data ...
};
/// [RFC 5246 §7.4.1.2] [RFC 6347 §4.2.1]
[[nodiscard]] ClientHello read_client_hello(ByteView body, SecureProtocol protocol);

/// The data of the first extension of a type; empty where there is none.
[[nodiscard]] std::optional<ByteView> extension_of(const ClientHello& hello, std::uint16_t type);
/// What a vector with a size of two bytes in front holds; nothing where it is cut.
[[nodiscard]] ByteView vector_in(ByteView data);
/// Whether a list of numbers of two bytes holds one.
[[nodiscard]] bool lists(ByteView numbers, std::uint16_t wanted);
/// Whether the hello is of a client that speaks TLS 1.3. [RFC 8446 §4.2.1]
[[nodiscard]] bool speaks_tls13(const ClientHello& hello);

}  // namespace slipway::security::dtls

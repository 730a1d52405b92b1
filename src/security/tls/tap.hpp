// SPDX-License-Identifier: Apache-2.0
// What a TLS server must read, before GnuTLS does, of a client's records: the identity of its pre-shared key.
#pragma once

#include <cstdint>
#include <optional>

#include <slipway/base/bytes.hpp>
#include <slipway/security/dtls/types.hpp>

namespace slipway::security::tls {

inline constexpr std::size_t kRecordHeaderSize = 5;
inline constexpr std::size_t kHandshakeHeaderSize = 4;
/// Longest fragment of a record. [RFC 5246 §6.2.3]
inline constexpr std::size_t kFragmentMax = 16384 + 2048;
/// A longer handshake message is refused by GnuTLS, and not collected here.
inline constexpr std::size_t kHandshakeMessageMax = 16 * 1024;

enum class ContentType : std::uint8_t {
  change_cipher_spec = 20,
  alert = 21,
  handshake = 22,
  application_data = 23,
};
enum class HandshakeType : std::uint8_t { client_hello = 1, server_hello = 2, client_key_exchange = 16 };

/// Bytes of the first record in `bytes`: empty while it is not whole, 0 when this is no TLS.
[[nodiscard]] std::optional<std::size_t> record_size(ByteView bytes);

/// The cipher suite of the ServerHello in a record; empty when it holds none. [RFC 5246 §7.4.1.3]
[[nodiscard]] std::optional<std::uint16_t> suite_of_server_hello(ByteView record);
/// The same, of the body of a ServerHello.
[[nodiscard]] std::optional<std::uint16_t> suite_in_server_hello(ByteView body);

/// Follows the plaintext half of a client's handshake.
class Tap {
 public:
  enum class Tls13 : std::uint8_t { spoken, not_spoken };
  explicit Tap(Tls13 tls13) : tls13_(tls13) {}

  enum class Verdict : std::uint8_t {
    pass,      ///< give it to GnuTLS, and show the next one
    hold,      ///< it names a PSK `identity`, whose key GnuTLS will ask for
    too_long,  ///< the identity is above kPskIdentityMax
    done,      ///< give it to GnuTLS; nothing more is to be read
  };
  /// One whole record, in order. `psk`: the server has chosen a PSK suite of TLS 1.2.
  [[nodiscard]] Verdict show(ByteView record, bool psk);
  [[nodiscard]] const dtls::PskIdentity& identity() const { return identity_; }

 private:
  [[nodiscard]] Verdict read_messages(bool psk);
  [[nodiscard]] Verdict read_hello(ByteView body);
  [[nodiscard]] Verdict read_identities(ByteView extension);
  [[nodiscard]] Verdict read_key_exchange(ByteView body);
  [[nodiscard]] Verdict take(ByteView identity);

  Tls13 tls13_;
  Bytes message_;  ///< as far as it came
  dtls::PskIdentity identity_;
};

}  // namespace slipway::security::tls

// SPDX-License-Identifier: Apache-2.0
// What the handshakes of one server or one client have in common, as GnuTLS wants it.
#pragma once

#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/security/dtls/types.hpp>

#include "security/dtls/aead.hpp"
#include "security/dtls/client_hello.hpp"

namespace slipway::security::dtls {

enum class Role : std::uint8_t { client, server };

/// What the sessions of a context speak, in the words of GnuTLS.
struct Protocol {
  std::string version = ":+VERS-DTLS1.2";  ///< of the suites
  std::string tls13_ciphers{};             ///< empty: TLS 1.3 is not spoken
  unsigned flags = GNUTLS_DATAGRAM;
};

struct GnutlsDeleter {
  void operator()(gnutls_priority_st* priority) const { gnutls_priority_deinit(priority); }
  void operator()(gnutls_psk_server_credentials_st* c) const { gnutls_psk_free_server_credentials(c); }
  void operator()(gnutls_psk_client_credentials_st* c) const { gnutls_psk_free_client_credentials(c); }
  void operator()(gnutls_certificate_credentials_st* c) const { gnutls_certificate_free_credentials(c); }
  void operator()(gnutls_session_int* session) const { gnutls_deinit(session); }
};
template <class T>
using GnutlsPtr = std::unique_ptr<T, GnutlsDeleter>;

class TlsContext {
 public:
  /// The key of each server handshake is asked of `key_of`. Suites that need public keys are left out where
  /// `keys` has none. Errors: unsupported, malformed (a key or certificate that GnuTLS does not read).
  [[nodiscard]] static Result<TlsContext> server(std::span<const CipherSuite> suites, const ServerKeys& keys,
                                                 gnutls_psk_server_credentials_function2* key_of,
                                                 Protocol protocol = {});
  /// The certificate or raw public key of the server is judged by `verify`. Suites that do not fit the
  /// credential are left out. Errors: unsupported, malformed, out_of_range (identity or key).
  [[nodiscard]] static Result<TlsContext> client(std::span<const CipherSuite> suites,
                                                 const Credential& credential,
                                                 gnutls_certificate_verify_function* verify,
                                                 Protocol protocol = {});

  [[nodiscard]] Role role() const { return role_; }
  /// Whether the suite was asked for and fits the credentials.
  [[nodiscard]] bool takes(CipherSuite suite) const {
    return std::ranges::find(suites_, suite) != suites_.end();
  }
  /// A session with suites and credentials set. Empty when GnuTLS has no memory.
  [[nodiscard]] GnutlsPtr<gnutls_session_int> new_session() const;

  /// Whether there is room for one more session that stays in GnuTLS.
  enum class LibraryRoom : std::uint8_t { none, some };
  /// Of a server, for the body of a ClientHello that GnuTLS has not read yet: leaves `session` the first of
  /// our suites that its client can take, and nothing else. Empty: there is none (GnuTLS then refuses), or
  /// the client speaks TLS 1.3, and the suites of that are left.
  std::optional<CipherSuite> choose(gnutls_session_t session, ByteView hello, LibraryRoom room) const;

 private:
  TlsContext(Role role, Protocol protocol) : role_(role), protocol_(std::move(protocol)) {}
  enum class Types : std::uint8_t { none = 0, x509 = 1, raw = 2, both = 3 };
  [[nodiscard]] Result<void> set_suites(std::span<const CipherSuite> suites, bool with_psk, Types types);
  [[nodiscard]] Result<GnutlsPtr<gnutls_priority_st>> priority_of(const std::string& versions,
                                                                  const std::string& exchanges,
                                                                  const std::string& ciphers) const;
  [[nodiscard]] bool fits(const ClientHello& hello, CipherSuite suite) const;
  [[nodiscard]] Result<void> add_key(std::span<const Bytes> chain, ByteView raw_key, const Secret& key);

  Role role_;
  Protocol protocol_;
  Types types_ = Types::none;
  std::vector<CipherSuite> suites_;
  std::string host_name_;                   ///< for SNI; empty: none is sent
  GnutlsPtr<gnutls_priority_st> priority_;  ///< every pair of the exchanges and ciphers
  /// Of a server: each of `suites_` alone, and TLS 1.3 alone.
  std::vector<GnutlsPtr<gnutls_priority_st>> single_priorities_;
  GnutlsPtr<gnutls_priority_st> tls13_priority_;
  GnutlsPtr<gnutls_psk_server_credentials_st> psk_server_;
  GnutlsPtr<gnutls_psk_client_credentials_st> psk_client_;
  GnutlsPtr<gnutls_certificate_credentials_st> certificates_;
};

/// How our records of a suite are protected; empty for one that stays in GnuTLS, or is not done here.
[[nodiscard]] std::optional<Aead> aead_of(std::uint16_t iana);
/// What a completed handshake agreed on. GnuTLS does not tell before.
[[nodiscard]] std::optional<CipherSuite> agreed_suite(gnutls_session_t session);

}  // namespace slipway::security::dtls

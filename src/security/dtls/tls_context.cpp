// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/tls_context.hpp"

#include <string>

namespace slipway::security::dtls {
namespace {

/// One row for each suite: its name, its parts in a GnuTLS priority string, and how its records are made.
struct SuiteRow {
  CipherSuite suite;
  const char* exchange_priority;
  const char* cipher_priority;
  Aead aead;
};
constexpr SuiteRow kSuites[] = {
    {CipherSuite::psk_aes_128_ccm_8, ":+PSK", ":+AES-128-CCM-8", Aead::aes_128_ccm_8},
    {CipherSuite::psk_aes_128_ccm, ":+PSK", ":+AES-128-CCM", Aead::aes_128_ccm},
    {CipherSuite::psk_aes_128_gcm_sha256, ":+PSK", ":+AES-128-GCM", Aead::aes_128_gcm},
};

const SuiteRow* row_of(CipherSuite suite) {
  for (const auto& row : kSuites)
    if (row.suite == suite) return &row;
  return nullptr;
}

std::unexpected<Error> library_failed() {
  return fail(ErrorCode::exhausted, "GnuTLS could not allocate its credentials");
}

gnutls_datum_t datum(ByteView bytes) {
  // GnuTLS takes input by a pointer to non-const and leaves it as it is.
  return {const_cast<unsigned char*>(bytes.data()), static_cast<unsigned>(bytes.size())};
}

}  // namespace

Result<void> TlsContext::set_suites(std::span<const CipherSuite> suites) {
  std::string exchanges, ciphers;
  for (const auto suite : suites) {
    const auto* row = row_of(suite);
    if (row == nullptr) return fail(ErrorCode::unsupported, "a cipher suite that is not done here");
    if (exchanges.find(row->exchange_priority) == std::string::npos) exchanges += row->exchange_priority;
    ciphers += row->cipher_priority;
  }
  if (ciphers.empty()) return fail(ErrorCode::unsupported, "no cipher suite is configured");
  auto text = "NONE:+VERS-DTLS1.2" + exchanges + ciphers + ":+AEAD:+COMP-NULL:+GROUP-SECP256R1:+SIGN-ALL";
  if (role_ == Role::server) text += ":%SERVER_PRECEDENCE";
  gnutls_priority_t priority = nullptr;
  if (gnutls_priority_init(&priority, text.c_str(), nullptr) < 0)
    return fail(ErrorCode::unsupported, "GnuTLS does not know a configured cipher suite");
  priority_.reset(priority);
  return {};
}

Result<TlsContext> TlsContext::server(std::span<const CipherSuite> suites,
                                      gnutls_psk_server_credentials_function2* key_of) {
  TlsContext context;
  context.role_ = Role::server;
  SLIPWAY_TRY(context.set_suites(suites));
  gnutls_psk_server_credentials_t credentials = nullptr;
  if (gnutls_psk_allocate_server_credentials(&credentials) < 0) return library_failed();
  context.psk_server_.reset(credentials);
  gnutls_psk_set_server_credentials_function2(credentials, key_of);
  return context;
}

Result<TlsContext> TlsContext::client(std::span<const CipherSuite> suites, const Credential& credential) {
  TlsContext context;
  context.role_ = Role::client;
  SLIPWAY_TRY(context.set_suites(suites));
  const auto& psk = std::get<PskCredential>(credential);
  if (psk.identity.bytes().empty()) return fail(ErrorCode::out_of_range, "the PSK identity is empty");
  if (psk.key.empty() || psk.key.size() > kPskKeyMax)
    return fail(ErrorCode::out_of_range, "a PSK has 1 to 64 bytes");
  gnutls_psk_client_credentials_t credentials = nullptr;
  if (gnutls_psk_allocate_client_credentials(&credentials) < 0) return library_failed();
  context.psk_client_.reset(credentials);
  const auto identity = datum(psk.identity.bytes());
  const auto key = datum(psk.key.reveal());
  if (gnutls_psk_set_client_credentials2(credentials, &identity, &key, GNUTLS_PSK_KEY_RAW) < 0)
    return fail(ErrorCode::out_of_range, "GnuTLS refused the PSK identity or key");
  return context;
}

GnutlsPtr<gnutls_session_int> TlsContext::new_session() const {
  gnutls_session_t raw = nullptr;
  const unsigned side = role_ == Role::server ? GNUTLS_SERVER : GNUTLS_CLIENT;
  if (gnutls_init(&raw, side | GNUTLS_DATAGRAM | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS) < 0)
    return nullptr;
  GnutlsPtr<gnutls_session_int> session(raw);
  void* credentials =
      role_ == Role::server ? static_cast<void*>(psk_server_.get()) : static_cast<void*>(psk_client_.get());
  if (gnutls_priority_set(raw, priority_.get()) < 0 ||
      gnutls_credentials_set(raw, GNUTLS_CRD_PSK, credentials) < 0)
    return nullptr;
  return session;
}

std::optional<Aead> aead_of(std::uint16_t iana) {
  const auto* row = row_of(static_cast<CipherSuite>(iana));
  if (row == nullptr) return std::nullopt;
  return row->aead;
}

std::optional<CipherSuite> agreed_suite(gnutls_session_t session) {
  const char* name = gnutls_ciphersuite_get(session);  // as IANA writes it
  if (name != nullptr)
    for (const auto& row : kSuites)
      if (std::string_view(to_string(row.suite)) == name) return row.suite;
  return std::nullopt;
}

}  // namespace slipway::security::dtls

// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/tls_context.hpp"

#include <gnutls/abstract.h>

#include <string>

#include "security/key_log.hpp"

namespace slipway::security::dtls {
namespace {

/// One row for each suite: its name, its parts in a GnuTLS priority string, and how its records are made.
struct SuiteRow {
  CipherSuite suite;
  const char* exchange_priority;
  const char* cipher_priority;
  std::optional<Aead> aead;  ///< nothing: its sessions stay in GnuTLS
};
constexpr SuiteRow kSuites[] = {
    {CipherSuite::psk_aes_128_ccm_8, ":+PSK", ":+AES-128-CCM-8", Aead::aes_128_ccm_8},
    {CipherSuite::psk_aes_128_ccm, ":+PSK", ":+AES-128-CCM", Aead::aes_128_ccm},
    {CipherSuite::psk_aes_128_gcm_sha256, ":+PSK", ":+AES-128-GCM", Aead::aes_128_gcm},
    {CipherSuite::ecdhe_ecdsa_aes_128_ccm_8, ":+ECDHE-ECDSA", ":+AES-128-CCM-8", Aead::aes_128_ccm_8},
    {CipherSuite::ecdhe_ecdsa_aes_128_ccm, ":+ECDHE-ECDSA", ":+AES-128-CCM", Aead::aes_128_ccm},
    {CipherSuite::ecdhe_ecdsa_aes_128_gcm_sha256, ":+ECDHE-ECDSA", ":+AES-128-GCM", Aead::aes_128_gcm},
    {CipherSuite::psk_aes_128_cbc_sha256, ":+PSK", ":+AES-128-CBC", std::nullopt},
    {CipherSuite::ecdhe_psk_aes_128_cbc_sha256, ":+ECDHE-PSK", ":+AES-128-CBC", std::nullopt},
    {CipherSuite::ecdhe_psk_chacha20_poly1305_sha256, ":+ECDHE-PSK", ":+CHACHA20-POLY1305", std::nullopt},
    {CipherSuite::ecdhe_ecdsa_aes_128_cbc_sha256, ":+ECDHE-ECDSA", ":+AES-128-CBC", std::nullopt},
};

const SuiteRow* row_of(CipherSuite suite) {
  for (const auto& row : kSuites)
    if (row.suite == suite) return &row;
  return nullptr;
}

/// Adds a part to a priority string unless it is there.
void add_once(std::string& text, const std::string& part) {
  if ((text + ":").find(part + ":") == std::string::npos) text += part;
}

std::unexpected<Error> library_failed() {
  return fail(ErrorCode::exhausted, "GnuTLS could not allocate its credentials");
}

gnutls_datum_t datum(ByteView bytes) {
  // GnuTLS takes input by a pointer to non-const and leaves it as it is.
  return {const_cast<unsigned char*>(bytes.data()), static_cast<unsigned>(bytes.size())};
}

}  // namespace

Result<void> TlsContext::set_suites(std::span<const CipherSuite> suites, bool with_psk, Types types) {
  types_ = types;
  const bool tls13 = !protocol_.tls13_ciphers.empty();
  // Of TLS 1.3: a pre-shared key together with a key exchange first, for forward secrecy. [RFC 8446 §4.2.9]
  std::string exchanges13;
  if (tls13 && with_psk) exchanges13 += ":+ECDHE-PSK:+PSK";
  if (tls13 && types != Types::none) exchanges13 += ":+ECDHE-ECDSA";
  // What stays in the library is the last choice of a server: the other sessions can be kept and moved.
  std::vector<CipherSuite> ordered, last;
  for (const auto suite : suites)
    (role_ == Role::server && stays_in_library(suite) ? last : ordered).push_back(suite);
  ordered.insert(ordered.end(), last.begin(), last.end());
  auto exchanges = exchanges13, ciphers = protocol_.tls13_ciphers;
  for (const auto suite : ordered) {
    const auto* row = row_of(suite);
    if (row == nullptr) return fail(ErrorCode::unsupported, "a cipher suite that is not done here");
    if (uses_psk(suite) ? !with_psk : types == Types::none) continue;
    if (role_ == Role::server) {
      SLIPWAY_ASSIGN(auto single,
                     priority_of(protocol_.version, row->exchange_priority, row->cipher_priority));
      single_priorities_.push_back(std::move(single));
    }
    add_once(exchanges, row->exchange_priority);
    add_once(ciphers, row->cipher_priority);
    suites_.push_back(suite);
  }
  if (ciphers.empty()) return fail(ErrorCode::unsupported, "no cipher suite fits the credentials");
  // GnuTLS takes every pair of the exchanges and ciphers that are named. A server is left one suite when it
  // has seen the hello (`choose`). A client cannot but offer them all: what was not asked for is refused when
  // its server chooses it (`takes`).
  const std::string versions =
      std::string(tls13 ? ":+VERS-TLS1.3" : "") + (suites_.empty() ? "" : protocol_.version);
  SLIPWAY_ASSIGN(priority_, priority_of(versions, exchanges, ciphers));
  if (tls13 && role_ == Role::server) {
    SLIPWAY_ASSIGN(tls13_priority_, priority_of(":+VERS-TLS1.3", exchanges13, protocol_.tls13_ciphers));
  }
  return {};
}

Result<GnutlsPtr<gnutls_priority_st>> TlsContext::priority_of(const std::string& versions,
                                                              const std::string& exchanges,
                                                              const std::string& ciphers) const {
  std::string text = "NONE" + versions + exchanges + ciphers;
  // GnuTLS orders suites by their MACs first.
  text += ciphers.contains("-CBC") ? ":+AEAD:+SHA256" : ":+AEAD";
  text += ":+COMP-NULL:+GROUP-SECP256R1:+GROUP-X25519:+GROUP-SECP384R1";
  text += types_ == Types::none ? ":+SIGN-ALL" : ":+SIGN-ECDSA-SHA256:+SIGN-ECDSA-SHA384:+SIGN-ECDSA-SHA512";
  if (versions.contains("TLS1.3"))
    text += ":+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SECP384R1-SHA384:+SIGN-ECDSA-SECP521R1-SHA512";
  const auto has = [&](Types type) {
    return (static_cast<unsigned>(types_) & static_cast<unsigned>(type)) != 0;
  };
  if (has(Types::raw)) text += ":+CTYPE-CLI-RAWPK:+CTYPE-SRV-RAWPK";
  if (has(Types::x509)) text += ":+CTYPE-CLI-X509:+CTYPE-SRV-X509";
  if (role_ == Role::server) text += ":%SERVER_PRECEDENCE";
  gnutls_priority_t priority = nullptr;
  if (gnutls_priority_init(&priority, text.c_str(), nullptr) < 0)
    return fail(ErrorCode::unsupported, "GnuTLS does not know a configured cipher suite");
  return GnutlsPtr<gnutls_priority_st>(priority);
}

/// Gives the context a private key with its certificates, or with its raw public key.
Result<void> TlsContext::add_key(std::span<const Bytes> chain, ByteView raw_key, const Secret& key) {
  struct PrivateKey {
    ~PrivateKey() { gnutls_privkey_deinit(handle); }
    gnutls_privkey_t handle = nullptr;
  } private_key;
  const auto key_text = datum(key.reveal());
  if (gnutls_privkey_init(&private_key.handle) < 0) return library_failed();
  if (gnutls_privkey_import_x509_raw(private_key.handle, &key_text, GNUTLS_X509_FMT_DER, nullptr, 0) < 0)
    return fail(ErrorCode::malformed,
                "GnuTLS cannot use the private key: it must be EC, on prime256v1 or secp384r1");
  std::vector<gnutls_pcert_st> parts;
  const auto release = [&] {
    for (auto& part : parts) gnutls_pcert_deinit(&part);
  };
  if (!raw_key.empty()) {
    const auto text = datum(raw_key);
    auto& part = parts.emplace_back();
    if (gnutls_pcert_import_rawpk_raw(&part, &text, GNUTLS_X509_FMT_DER, 0, 0) < 0) {
      parts.clear();
      return fail(ErrorCode::malformed, "the raw public key cannot be read");
    }
  }
  for (const auto& certificate : chain) {
    const auto text = datum(certificate);
    auto& part = parts.emplace_back();
    if (gnutls_pcert_import_x509_raw(&part, &text, GNUTLS_X509_FMT_DER, 0) < 0) {
      parts.pop_back();
      release();
      return fail(ErrorCode::malformed, "a certificate cannot be read");
    }
  }
  const int set = gnutls_certificate_set_key(certificates_.get(), nullptr, 0, parts.data(),
                                             static_cast<int>(parts.size()), private_key.handle);
  if (set < 0) {
    release();
    return fail(ErrorCode::malformed, set == GNUTLS_E_CERTIFICATE_KEY_MISMATCH
                                          ? "the private key does not belong to the public one"
                                          : "GnuTLS refused the key");
  }
  private_key.handle = nullptr;  // both are the context's now
  return {};
}

Result<TlsContext> TlsContext::server(std::span<const CipherSuite> suites, const ServerKeys& keys,
                                      gnutls_psk_server_credentials_function2* key_of, Protocol protocol) {
  TlsContext context(Role::server, std::move(protocol));
  const bool x509 = !keys.chain.empty(), raw = !keys.public_key.empty();
  const auto types = static_cast<Types>((x509 ? 1 : 0) | (raw ? 2 : 0));
  SLIPWAY_TRY(context.set_suites(suites, true, types));
  gnutls_psk_server_credentials_t credentials = nullptr;
  if (gnutls_psk_allocate_server_credentials(&credentials) < 0) return library_failed();
  context.psk_server_.reset(credentials);
  gnutls_psk_set_server_credentials_function2(credentials, key_of);
  if (types == Types::none) return context;
  gnutls_certificate_credentials_t certificates = nullptr;
  if (gnutls_certificate_allocate_credentials(&certificates) < 0) return library_failed();
  context.certificates_.reset(certificates);
  if (x509) SLIPWAY_TRY(context.add_key(keys.chain, {}, keys.private_key));
  if (raw) SLIPWAY_TRY(context.add_key({}, keys.public_key, keys.private_key));
  return context;
}

Result<TlsContext> TlsContext::client(std::span<const CipherSuite> suites, const Credential& credential,
                                      gnutls_certificate_verify_function* verify, Protocol protocol) {
  TlsContext context(Role::client, std::move(protocol));
  if (const auto* psk = std::get_if<PskCredential>(&credential)) {
    SLIPWAY_TRY(context.set_suites(suites, true, Types::none));
    if (psk->identity.bytes().empty()) return fail(ErrorCode::out_of_range, "the PSK identity is empty");
    if (psk->key.empty() || psk->key.size() > kPskKeyMax)
      return fail(ErrorCode::out_of_range, "a PSK has 1 to 64 bytes");
    gnutls_psk_client_credentials_t credentials = nullptr;
    if (gnutls_psk_allocate_client_credentials(&credentials) < 0) return library_failed();
    context.psk_client_.reset(credentials);
    const auto identity = datum(psk->identity.bytes());
    const auto key = datum(psk->key.reveal());
    if (gnutls_psk_set_client_credentials2(credentials, &identity, &key, GNUTLS_PSK_KEY_RAW) < 0)
      return fail(ErrorCode::out_of_range, "GnuTLS refused the PSK identity or key");
    return context;
  }
  gnutls_certificate_credentials_t certificates = nullptr;
  if (gnutls_certificate_allocate_credentials(&certificates) < 0) return library_failed();
  context.certificates_.reset(certificates);
  gnutls_certificate_set_verify_function(certificates, verify);
  if (const auto* raw = std::get_if<RawKeyCredential>(&credential)) {
    SLIPWAY_TRY(context.set_suites(suites, false, Types::raw));
    SLIPWAY_TRY(context.add_key({}, raw->public_key, raw->private_key));
    return context;
  }
  const auto& own = std::get<CertificateCredential>(credential);
  if (own.chain.empty()) return fail(ErrorCode::out_of_range, "the device has no certificate");
  SLIPWAY_TRY(context.set_suites(suites, false, Types::x509));
  SLIPWAY_TRY(context.add_key(own.chain, {}, own.private_key));
  if (!is_ip_literal(own.trust.name)) context.host_name_ = own.trust.name;
  return context;
}

GnutlsPtr<gnutls_session_int> TlsContext::new_session() const {
  gnutls_session_t raw = nullptr;
  unsigned flags = protocol_.flags | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL;
  flags |= role_ == Role::server ? GNUTLS_SERVER : GNUTLS_CLIENT;
  // A client takes what its server gives. A server keeps its sessions by their ids: every client knows those,
  // and nobody has to guard a key that opens all sessions of a day.
  const bool takes_tickets = role_ == Role::client && (protocol_.flags & GNUTLS_DATAGRAM) != 0;
  if (!takes_tickets) flags |= GNUTLS_NO_TICKETS;
  if (types_ == Types::raw || types_ == Types::both) flags |= GNUTLS_ENABLE_RAWPK;
  // A device has one certificate. A server may know it by itself, whatever authorities it names.
  if (role_ == Role::client) flags |= GNUTLS_FORCE_CLIENT_CERT;
  if (gnutls_init(&raw, flags) < 0) return nullptr;
  GnutlsPtr<gnutls_session_int> session(raw);
  heed_key_log(raw);
  if (gnutls_priority_set(raw, priority_.get()) < 0) return nullptr;
  if (psk_server_ && gnutls_credentials_set(raw, GNUTLS_CRD_PSK, psk_server_.get()) < 0) return nullptr;
  if (psk_client_ && gnutls_credentials_set(raw, GNUTLS_CRD_PSK, psk_client_.get()) < 0) return nullptr;
  if (certificates_ && gnutls_credentials_set(raw, GNUTLS_CRD_CERTIFICATE, certificates_.get()) < 0)
    return nullptr;
  if (certificates_ && role_ == Role::server) gnutls_certificate_server_set_request(raw, GNUTLS_CERT_REQUIRE);
  if (!host_name_.empty()) gnutls_server_name_set(raw, GNUTLS_NAME_DNS, host_name_.data(), host_name_.size());
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

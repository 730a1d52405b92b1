// SPDX-License-Identifier: Apache-2.0
// Which suite a server takes. GnuTLS is given exchanges and ciphers apart and takes any pair of them, in an
// order of its own: so the choice is made here, before it reads the hello.
#include "security/dtls/tls_context.hpp"

namespace slipway::security::dtls {
namespace {

constexpr std::uint16_t kSupportedGroups = 10, kSignatureAlgorithms = 13, kServerCertificateType = 20;
constexpr std::uint16_t kGroups[] = {23, 24, 29};                  // secp256r1, secp384r1, x25519
constexpr std::uint16_t kSignatures[] = {0x0403, 0x0503, 0x0603};  // ECDSA with SHA-256, 384, 512
constexpr std::uint8_t kX509 = 0, kRawPublicKey = 2;

bool uses_ecdhe(CipherSuite suite) {
  return std::string_view(to_string(suite)).find("_ECDHE_") != std::string_view::npos;
}

/// Whether a client's list names one of ours. Without the extension the client takes what the server has.
/// [RFC 8422 §4] [RFC 5246 §7.4.1.4.1]
bool any_common(const std::optional<ByteView>& extension, std::span<const std::uint16_t> ours) {
  if (!extension) return true;
  const auto theirs = vector_in(*extension);
  return std::ranges::any_of(ours, [&](std::uint16_t number) { return lists(theirs, number); });
}

/// Whether the client takes a server's X.509 certificate or raw public key. Without the extension it is the
/// former. [RFC 7250 §4.1]
bool takes_key(const ClientHello& hello, bool x509, bool raw) {
  const auto extension = extension_of(hello, kServerCertificateType);
  if (!extension || extension->empty()) return x509;
  return std::ranges::any_of(extension->subspan(1), [&](std::uint8_t type) {
    return (x509 && type == kX509) || (raw && type == kRawPublicKey);
  });
}

}  // namespace

std::optional<CipherSuite> TlsContext::choose(gnutls_session_t session, ByteView body,
                                              LibraryRoom room) const {
  const auto form = (protocol_.flags & GNUTLS_DATAGRAM) != 0 ? SecureProtocol::dtls : SecureProtocol::tls;
  const auto hello = read_client_hello(body, form);
  if (tls13_priority_ && speaks_tls13(hello)) {
    gnutls_priority_set(session, tls13_priority_.get());
    return std::nullopt;
  }
  if (suites_.empty()) return std::nullopt;
  // One that the hello offers and that cannot be used is left as well: GnuTLS says why.
  std::optional<std::size_t> usable, offered;
  for (std::size_t i = 0; i < suites_.size() && !usable; ++i) {
    if (!lists(hello.suites, static_cast<std::uint16_t>(suites_[i]))) continue;
    if (!offered) offered = i;
    const bool has_room = room == LibraryRoom::some || !stays_in_library(suites_[i]);
    if (has_room && fits(hello, suites_[i])) usable = i;
  }
  const auto chosen = usable ? usable : offered;
  gnutls_priority_set(session, single_priorities_[chosen.value_or(0)].get());
  return chosen ? std::optional(suites_[*chosen]) : std::nullopt;
}

/// Whether a client that offers the suite brings what else it needs: a group, a signature, a kind of key.
bool TlsContext::fits(const ClientHello& hello, CipherSuite suite) const {
  if (!uses_ecdhe(suite)) return true;
  if (!any_common(extension_of(hello, kSupportedGroups), kGroups)) return false;
  if (uses_psk(suite)) return true;
  const bool x509 = types_ == Types::x509 || types_ == Types::both;
  const bool raw = types_ == Types::raw || types_ == Types::both;
  return any_common(extension_of(hello, kSignatureAlgorithms), kSignatures) && takes_key(hello, x509, raw);
}

}  // namespace slipway::security::dtls

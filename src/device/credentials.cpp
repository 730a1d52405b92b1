// SPDX-License-Identifier: Apache-2.0
#include <slipway/device/credentials.hpp>
#include <slipway/security/keys.hpp>

#include "certificate_chain.hpp"

namespace slipway::device {
namespace {

using Misfit = client::CredentialChecker::Misfit;
using security::CertificateInfo;
using security::Curve;

constexpr ResourceId kIdentity{3}, kServerKey{4}, kPrivateKey{5}, kCertificateUsage{15};
constexpr std::uint8_t kServiceConstraint = 1, kDomainIssued = 3;  // /0/x/15: /0/x/4 is the server's own

const char* time_misfit(const CertificateInfo& certificate, std::optional<UnixTime> now) {
  if (!now) return nullptr;
  if (*now < certificate.not_before) return "the certificate is not valid yet";
  return *now > certificate.not_after ? "the certificate has expired" : nullptr;
}

const char* device_misfit(const CertificateInfo& certificate, const client::AccountCredentials& account) {
  if (certificate.curve == Curve::other) return "the certificate's key is on neither P-256 nor P-384";
  if (certificate.is_authority) return "the certificate is that of an authority, not of a device";
  if (!certificate.may_sign) return "the certificate's key may not sign, as a handshake needs";
  if (!certificate.for_clients) return "the certificate is not for clients";
  if (!certificate.common_name.empty() && certificate.common_name != account.endpoint)
    return "the certificate's common name is another endpoint's";
  return time_misfit(certificate, account.now);
}

const char* server_misfit(const CertificateInfo& certificate, const client::AccountCredentials& account) {
  const auto usage = account.certificate_usage;
  const bool is_end_entity = usage == kServiceConstraint || usage == kDomainIssued;
  if (is_end_entity && !certificate.for_servers) return "the server's certificate is not for servers";
  return time_misfit(certificate, account.now);
}

std::optional<Misfit> check_server(const client::AccountCredentials& account) {
  if (account.matching_type != 0) return std::nullopt;
  if (account.mode == SecurityMode::rpk) {
    const auto curve = security::read_public_key(account.server_public_key);
    if (!curve) return Misfit{kServerKey, "the server's public key is not an EC key in DER"};
    if (*curve == Curve::other)
      return Misfit{kServerKey, "the server's public key is on neither P-256 nor P-384"};
    return std::nullopt;
  }
  const auto certificate = security::read_certificate(account.server_public_key);
  if (!certificate) return Misfit{kServerKey, "the server's certificate is not X.509 in DER with an EC key"};
  if (const auto* rule = server_misfit(*certificate, account)) return Misfit{kServerKey, rule};
  return std::nullopt;
}

}  // namespace

std::optional<Misfit> CredentialChecks::check(const client::AccountCredentials& account) const {
  const auto key = security::read_private_key(account.key);
  if (!key) return Misfit{kPrivateKey, "the private key is not an EC key as PKCS#8 or SEC1 in DER"};
  if (account.mode == SecurityMode::rpk) {
    const auto curve = security::read_public_key(account.identity);
    if (!curve) return Misfit{kIdentity, "the public key is not an EC key in DER"};
    if (*curve == Curve::other) return Misfit{kIdentity, "the public key is on neither P-256 nor P-384"};
    if (!equal(account.identity, key->public_key))
      return Misfit{kPrivateKey, "the private key is not that of the public key"};
    return check_server(account);
  }
  const auto chain = certificate_chain(account.identity);
  const auto certificate = security::read_certificate(chain.empty() ? ByteView{} : ByteView(chain[0]));
  if (!certificate)
    return Misfit{kIdentity, "the certificate is not X.509 with an EC key, in DER or as a chain in PEM"};
  for (const auto& issuer : std::span(chain).subspan(1)) {
    const auto read = security::read_certificate(issuer);  // its key may be of any kind
    if (!read && read.error().code == ErrorCode::malformed)
      return Misfit{kIdentity, "a certificate of the chain in PEM is not X.509"};
  }
  if (!equal(certificate->public_key, key->public_key))
    return Misfit{kPrivateKey, "the private key is not that of the certificate"};
  if (const auto* rule = device_misfit(*certificate, account)) return Misfit{kIdentity, rule};
  if (account.certificate_usage <= kServiceConstraint && trust_store_ == TrustStore::none)
    return Misfit{kCertificateUsage, "certificate usage 0 and 1 need a trust store, and the device has none"};
  return check_server(account);
}

}  // namespace slipway::device

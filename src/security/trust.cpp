// SPDX-License-Identifier: Apache-2.0
#include <slipway/security/trust.hpp>

#include <arpa/inet.h>
#include <openssl/x509_vfy.h>

#include <array>

#include "security/certificate_library.hpp"

namespace slipway::security {
namespace {

using StorePtr = std::unique_ptr<X509_STORE, Freed<X509_STORE_free>>;
using ContextPtr = std::unique_ptr<X509_STORE_CTX, Freed<X509_STORE_CTX_free>>;

/// Alerts of [RFC 5246 §7.2.2], by what is wrong with a certificate.
constexpr std::uint8_t kBadCertificate = 42, kUnsupportedCertificate = 43, kCertificateExpired = 45,
                       kCertificateUnknown = 46, kUnknownCa = 48;
/// Certificates of a chain; more is nobody's.
constexpr std::size_t kChainMax = 8;

struct StackDeleter {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};
using StackPtr = std::unique_ptr<STACK_OF(X509), StackDeleter>;

std::vector<CertificateHandle> read_chain(const CertificateLibrary& library,
                                          std::span<const ByteView> chain) {
  std::vector<CertificateHandle> all;
  if (chain.size() > kChainMax) return all;
  for (const auto der : chain) {
    auto certificate = library.read(der);
    if (!certificate) return {};
    all.push_back(std::move(certificate));
  }
  return all;
}

/// Whom to believe, as libcrypto wants it.
struct Anchors {
  CertificateLibrary library;
  StorePtr store{X509_STORE_new()};

  [[nodiscard]] bool add(ByteView der) {
    const auto certificate = library.read(der);
    return certificate && X509_STORE_add_cert(store.get(), certificate.get()) == 1;
  }
};

Distrust distrust_of_error(int error) {
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return {kCertificateExpired, "a certificate of the chain has expired"};
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return {kBadCertificate,
              "a certificate of the chain is not valid yet: compare the clocks of both ends"};
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return {kBadCertificate, "the certificate is made out to another name than the server's URI or SNI"};
    case X509_V_ERR_INVALID_PURPOSE:
      return {kUnsupportedCertificate, "the certificate's key usage does not allow this"};
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
      return {kUnknownCa, "a certificate of the chain was issued by one that is no authority"};
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return {kBadCertificate, "a signature in the chain is wrong"};
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return {kUnknownCa, "no path leads to a trusted authority"};
    default:
      return {kCertificateUnknown, X509_verify_cert_error_string(error)};
  }
}

/// The digest of a matching type, or nothing for `exact`.
const EVP_MD* digest_of(MatchingType matching) {
  switch (matching) {
    case MatchingType::exact:
      return nullptr;
    case MatchingType::sha256:
      return EVP_sha256();
    case MatchingType::sha384:
      return EVP_sha384();
    case MatchingType::sha512:
      return EVP_sha512();
  }
  return nullptr;
}

bool matches(const ServerTrust& trust, ByteView certificate) {
  const auto* digest = digest_of(trust.matching);
  if (digest == nullptr) return trust.matching == MatchingType::exact && equal(trust.server_key, certificate);
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> hash;
  unsigned size = 0;
  if (EVP_Digest(certificate.data(), certificate.size(), hash.data(), &size, digest, nullptr) != 1)
    return false;
  return equal(trust.server_key, ByteView(hash).first(size));
}

enum class Peer : std::uint8_t { server, client };

/// A path from the first of `chain` to the store. `name` may be empty: then it is not compared. On success
/// `path` takes the DER of every certificate of it.
std::optional<Distrust> find_path(const Anchors& anchors, const std::vector<CertificateHandle>& chain,
                                  Peer peer, const std::string& name, std::optional<UnixTime> wall,
                                  std::vector<Bytes>* path) {
  const Distrust out_of_memory{kCertificateUnknown, "libcrypto has no memory"};
  StackPtr others(sk_X509_new_null());
  ContextPtr context(X509_STORE_CTX_new_ex(anchors.library.get(), nullptr));
  if (!others || !context) return out_of_memory;
  for (std::size_t i = 1; i < chain.size(); ++i)
    if (sk_X509_push(others.get(), chain[i].get()) == 0) return out_of_memory;
  if (X509_STORE_CTX_init(context.get(), anchors.store.get(), chain[0].get(), others.get()) != 1)
    return out_of_memory;
  auto* parameters = X509_STORE_CTX_get0_param(context.get());
  // An anchor need not be a root: what the operator names is trusted as it is.
  unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;
  if (!wall) flags |= X509_V_FLAG_NO_CHECK_TIME;
  X509_VERIFY_PARAM_set_flags(parameters, flags);
  if (wall)
    X509_VERIFY_PARAM_set_time(
        parameters,
        static_cast<time_t>(std::chrono::duration_cast<seconds>(wall->time_since_epoch()).count()));
  X509_VERIFY_PARAM_set_depth(parameters, static_cast<int>(kChainMax));
  X509_VERIFY_PARAM_set_purpose(parameters,
                                peer == Peer::server ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT);
  if (!name.empty()) {
    const int set = is_ip_literal(name) ? X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str())
                                        : X509_VERIFY_PARAM_set1_host(parameters, name.data(), name.size());
    if (set != 1)
      return Distrust{kBadCertificate, "the server's name is not one that a certificate can have"};
  }
  if (X509_verify_cert(context.get()) != 1) return distrust_of_error(X509_STORE_CTX_get_error(context.get()));
  if (path == nullptr) return std::nullopt;
  const auto* found = X509_STORE_CTX_get0_chain(context.get());
  for (int i = 0; i < sk_X509_num(found); ++i) {
    unsigned char* der = nullptr;
    const int size = i2d_X509(sk_X509_value(found, i), &der);
    if (size > 0) path->emplace_back(der, der + size);
    OPENSSL_free(der);
  }
  return std::nullopt;
}

}  // namespace

bool is_ip_literal(const std::string& name) {
  std::array<std::uint8_t, 16> address;
  return inet_pton(AF_INET, name.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, name.c_str(), address.data()) == 1;
}

std::optional<Distrust> distrust_of_server(const ServerTrust& trust, std::span<const ByteView> chain,
                                           std::optional<UnixTime> wall) {
  if (trust.server_key.empty())
    return Distrust{kUnknownCa, "the account names no server certificate (/0/x/4): nobody is trusted"};
  if (chain.empty()) return Distrust{kBadCertificate, "the server presented no certificate"};
  const bool is_own = matches(trust, chain[0]);
  if (trust.usage == CertificateUsage::domain_issued ||
      trust.usage == CertificateUsage::service_certificate) {
    if (!is_own)
      return Distrust{kBadCertificate, "the server's certificate is not the one of the account (/0/x/4)"};
    if (trust.usage == CertificateUsage::domain_issued) return std::nullopt;
  }
  Anchors anchors;
  if (!anchors.store) return Distrust{kCertificateUnknown, "libcrypto has no memory"};
  const auto parsed = read_chain(anchors.library, chain);
  if (parsed.empty())
    return Distrust{kBadCertificate, "the server's chain cannot be read, or is longer than 8"};
  // Names are compared unless the account has this very certificate. [LwM2M-TRANSPORT 1.2 §5.2.9.3]
  const auto& name = is_own ? std::string() : trust.name;
  if (!is_own && name.empty())
    return Distrust{kBadCertificate,
                    "the account has no name to compare the certificate with (/0/x/0, /0/x/14)"};
  if (trust.usage == CertificateUsage::trust_anchor) {
    ByteView anchor = trust.server_key;
    if (trust.matching != MatchingType::exact) {
      anchor = {};
      for (const auto der : chain)
        if (matches(trust, der)) anchor = der;
    }
    if (anchor.empty() || !anchors.add(anchor))
      return Distrust{kUnknownCa,
                      "the anchor of the account (/0/x/4) is no certificate, or none of the chain"};
    return find_path(anchors, parsed, Peer::server, name, wall, nullptr);
  }
  if (trust.anchors.empty())
    return Distrust{kUnknownCa, "certificate usage 0 and 1 need a trust store, and the device has none"};
  for (const auto& anchor : trust.anchors)
    if (!anchors.add(anchor)) return Distrust{kUnknownCa, "the device's trust store cannot be read"};
  std::vector<Bytes> path;
  if (const auto wrong = find_path(anchors, parsed, Peer::server, name, wall, &path)) return wrong;
  if (trust.usage == CertificateUsage::service_certificate) return std::nullopt;
  for (const auto& der : path)
    if (matches(trust, der)) return std::nullopt;
  return Distrust{kUnknownCa,
                  "the path to the trust store does not hold the authority of the account (/0/x/4)"};
}

struct ClientAuthorities::Store {
  Anchors anchors{.library = CertificateLibrary::quick()};
  bool names_any = false;
};

ClientAuthorities::ClientAuthorities() = default;
ClientAuthorities::~ClientAuthorities() = default;
ClientAuthorities::ClientAuthorities(ClientAuthorities&&) noexcept = default;
ClientAuthorities& ClientAuthorities::operator=(ClientAuthorities&&) noexcept = default;

Result<ClientAuthorities> ClientAuthorities::from(std::span<const Bytes> anchors) {
  ClientAuthorities authorities;
  auto store = std::make_unique<Store>();
  if (!store->anchors.store) return fail(ErrorCode::exhausted, "libcrypto has no memory");
  for (const auto& anchor : anchors)
    if (!store->anchors.add(anchor)) return fail(ErrorCode::malformed, "an authority is not a certificate");
  store->names_any = !anchors.empty();
  authorities.store_ = std::move(store);
  return authorities;
}

bool ClientAuthorities::empty() const {
  return store_ == nullptr || !store_->names_any;
}

std::optional<Distrust> ClientAuthorities::distrust_of(std::span<const ByteView> chain,
                                                       std::optional<UnixTime> wall) const {
  if (empty()) return Distrust{kUnknownCa, "this server takes no client certificates"};
  const auto& trusted = store_->anchors;
  const auto parsed = read_chain(trusted.library, chain);
  if (parsed.empty())
    return Distrust{kBadCertificate, "the client's chain cannot be read, or is longer than 8"};
  return find_path(trusted, parsed, Peer::client, "", wall, nullptr);
}

std::optional<Distrust> ClientAuthorities::distrust_of_known(ByteView certificate,
                                                             std::optional<UnixTime> wall) const {
  const auto read =
      store_ ? store_->anchors.library.read(certificate) : CertificateLibrary().read(certificate);
  if (!read) return Distrust{kBadCertificate, "the client's certificate cannot be read"};
  if (X509_check_purpose(read.get(), X509_PURPOSE_SSL_CLIENT, 0) != 1)
    return distrust_of_error(X509_V_ERR_INVALID_PURPOSE);
  if (!wall) return std::nullopt;
  auto at = static_cast<time_t>(std::chrono::duration_cast<seconds>(wall->time_since_epoch()).count());
  if (X509_cmp_time(X509_get0_notAfter(read.get()), &at) <= 0)
    return Distrust{kCertificateExpired, "the client's certificate has expired"};
  if (X509_cmp_time(X509_get0_notBefore(read.get()), &at) > 0)
    return distrust_of_error(X509_V_ERR_CERT_NOT_YET_VALID);
  return std::nullopt;
}

}  // namespace slipway::security

// SPDX-License-Identifier: Apache-2.0
#include "client/account_rules.hpp"

#include <array>

#include <slipway/base/uri.hpp>

#include "client/accounts.hpp"

namespace slipway::client {
namespace {

constexpr std::size_t kPskIdentityMax = 128;  // what must be supported [LwM2M-TRANSPORT 1.2 §5.2.9.1]
constexpr std::size_t kPskMax = 64;

constexpr std::int64_t kAesCcm16_64_128 = 10;  // COSE [RFC 9053 §4.2]
constexpr std::int64_t kHmac256 = 5, kDirectHkdfSha256 = -10;
/// A nonce of 13 bytes less what is not the id. [RFC 8613 §3.3]
constexpr std::size_t kOscoreIdMax = 7;

/// Bytes that /0/x/4 has where it is a hash, by /0/x/13.
constexpr std::array<std::size_t, 4> kHashBytes = {0, 32, 48, 64};

Found check_psk(const Tree& tree, InstanceId id) {
  const auto identity = tree.opaque(security(id, 3));
  const auto key = tree.opaque(security(id, 5));
  if (identity.empty()) return Inconsistency{security(id, 3), "the PSK identity is missing"};
  if (identity.size() > kPskIdentityMax)
    return Inconsistency{security(id, 3), "the PSK identity is above 128 bytes"};
  if (key.empty()) return Inconsistency{security(id, 5), "the PSK is missing"};
  if (key.size() > kPskMax) return Inconsistency{security(id, 5), "the PSK is above 64 bytes"};
  return std::nullopt;
}

/// /0/x/4 as /0/x/13 and /0/x/15 say it is.
Found check_server_key(const Tree& tree, InstanceId id) {
  const auto key = tree.opaque(security(id, 4));
  const auto matching = tree.integer(security(id, 13)).value_or(0);
  const auto usage = tree.integer(security(id, 15)).value_or(3);
  if (matching < 0 || matching >= static_cast<std::int64_t>(kHashBytes.size()))
    return Inconsistency{security(id, 13), "the matching type is none of 0 to 3"};
  if (usage < 0 || usage > 3)
    return Inconsistency{security(id, 15), "the certificate usage is none of 0 to 3"};
  if (key.empty()) return Inconsistency{security(id, 4), "the server's public key or certificate is missing"};
  const auto hash = kHashBytes[static_cast<std::size_t>(matching)];
  if (hash != 0 && key.size() != hash)
    return Inconsistency{security(id, 4), "its length is not that of the hash that the matching type names"};
  return std::nullopt;
}

Found ask(const Tree& tree, InstanceId id, SecurityMode mode, const Checks& checks) {
  if (checks.credentials == nullptr) return std::nullopt;
  const auto small = [&](std::uint16_t resource, std::int64_t otherwise) {
    return static_cast<std::uint8_t>(tree.integer(security(id, resource)).value_or(otherwise));
  };
  const auto misfit = checks.credentials->check({.mode = mode,
                                                 .identity = tree.opaque(security(id, 3)),
                                                 .server_public_key = tree.opaque(security(id, 4)),
                                                 .key = tree.opaque(security(id, 5)),
                                                 .matching_type = small(13, 0),
                                                 .certificate_usage = small(15, 3),
                                                 .endpoint = checks.endpoint,
                                                 .now = checks.now});
  if (!misfit) return std::nullopt;
  return Inconsistency{security(id, misfit->resource.value()), misfit->rule};
}

Found check_key_pair(const Tree& tree, InstanceId id, SecurityMode mode, const Checks& checks) {
  const bool has_identity = !tree.opaque(security(id, 3)).empty();
  const bool has_key = !tree.opaque(security(id, 5)).empty();
  const bool is_certificate = mode == SecurityMode::x509;
  const bool uses_own = is_certificate && !has_identity && !has_key;
  if (uses_own && checks.own_certificate == OwnCertificate::present) return check_server_key(tree, id);
  if (uses_own)
    return Inconsistency{security(id, 3), "the certificate is missing, and the device has none of its own"};
  if (!has_identity)
    return Inconsistency{security(id, 3),
                         is_certificate ? "the certificate is missing" : "the public key is missing"};
  if (auto found = check_server_key(tree, id)) return found;
  if (!has_key) return Inconsistency{security(id, 5), "the private key is missing"};
  return ask(tree, id, mode, checks);
}

Found check_credentials(const Tree& tree, InstanceId id, SecurityMode mode, const Checks& checks) {
  switch (mode) {
    case SecurityMode::nosec:
      return std::nullopt;
    case SecurityMode::psk:
      return check_psk(tree, id);
    case SecurityMode::rpk:
    case SecurityMode::x509:
      return check_key_pair(tree, id, mode, checks);
    case SecurityMode::est:
      return Inconsistency{security(id, 2),
                           "the device does not enrol by EST; give it a certificate (mode 2)"};
  }
  return Inconsistency{security(id, 2), "the device does not have this security mode"};
}

}  // namespace

Found check_security(const Tree& tree, InstanceId id, const Checks& checks) {
  const auto uri = parse_uri(tree.text(security(id, 0)));
  if (!uri)
    return Inconsistency{security(id, 0), "the server URI is not one of coap, coaps, coap+tcp, coaps+tcp"};
  if (!checks.transports.empty() && !checks.transports.contains(is_tcp(uri->scheme) ? 'T' : 'U'))
    return Inconsistency{security(id, 0), "the device does not have the transport of the server URI"};
  const auto mode = static_cast<SecurityMode>(tree.integer(security(id, 2)).value_or(-1));
  if (is_secure(uri->scheme) != (mode != SecurityMode::nosec))
    return Inconsistency{security(id, 0), "the scheme of the URI and the security mode disagree"};
  if (!is_bootstrap_account(tree, id) && !is_server(security_server(tree, id)))
    return Inconsistency{security(id, 10), "a server account has no short server id"};
  return check_credentials(tree, id, mode, checks);
}

Found check_oscore(const Tree& tree, InstanceId id) {
  const auto at = [&](std::uint16_t resource) { return Path(kOscore, id, ResourceId(resource)); };
  const auto sender = tree.opaque(at(1));
  const auto recipient = tree.opaque(at(2));
  if (tree.opaque(at(0)).empty()) return Inconsistency{at(0), "the master secret is missing"};
  if (sender.size() > kOscoreIdMax) return Inconsistency{at(1), "the sender id is above 7 bytes"};
  if (recipient.size() > kOscoreIdMax) return Inconsistency{at(2), "the recipient id is above 7 bytes"};
  if (equal(sender, recipient)) return Inconsistency{at(2), "sender and recipient have the same id"};
  if (tree.integer(at(3)).value_or(kAesCcm16_64_128) != kAesCcm16_64_128)
    return Inconsistency{at(3), "the AEAD algorithm is not 10 (AES-CCM-16-64-128)"};
  const auto hkdf = tree.integer(at(4)).value_or(kDirectHkdfSha256);
  if (hkdf != kHmac256 && hkdf != kDirectHkdfSha256)
    return Inconsistency{at(4), "the key derivation is neither 5 nor -10 (HKDF with SHA-256)"};
  return std::nullopt;
}

}  // namespace slipway::client

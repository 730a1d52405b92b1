// SPDX-License-Identifier: Apache-2.0
// Whether keys and certificates of an account fit together, by OpenSSL. [LwM2M-TRANSPORT 1.2 §5.2.9]
#pragma once

#include <slipway/client/credentials.hpp>

namespace slipway::device {

/// Refused: what does not parse (DER; a private key as PKCS#8 or SEC1); a curve other than P-256 and P-384; a
/// private key of another public key or certificate; a certificate of an authority, one that may not sign or
/// is not for clients (the server's: for servers), one that has expired or is not valid yet where the time is
/// known, and one whose common name is another endpoint's. What the server shall show is not parsed where it
/// is a hash.
class CredentialChecks final : public client::CredentialChecker {
 public:
  /// Whether the device has authorities that it trusts by itself: certificate usage 0 and 1 need them, and
  /// are refused without. [LwM2M-TRANSPORT 1.2 §5.2.9.6.4]
  enum class TrustStore : std::uint8_t { none, present };
  explicit CredentialChecks(TrustStore trust_store = TrustStore::present) : trust_store_(trust_store) {}
  [[nodiscard]] std::optional<Misfit> check(const client::AccountCredentials& account) const override;

 private:
  TrustStore trust_store_;
};

}  // namespace slipway::device

// SPDX-License-Identifier: Apache-2.0
// The port by which the bootstrap engine gets key pairs and certificates: it knows no cryptography and no
// clock.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include <slipway/base/random.hpp>
#include <slipway/base/time.hpp>
#include <slipway/fleet/credential.hpp>
#include <slipway/fleet/plan.hpp>

namespace slipway::fleet {

/// Makes what a plan asks for and random bytes alone cannot give.
class CredentialMaker {
 public:
  virtual ~CredentialMaker() = default;
  /// For CredentialSource::raw_public_key and ::certificate: fills mode, identity, public_part and key. The
  /// subject of a certificate is CN=`endpoint` [LwM2M-TRANSPORT 1.2 §5.2.9.6]. Errors: refused (no authority,
  /// or it has expired), unsupported (any other source).
  virtual Result<void> make(CredentialSource source, const Authority* authority, std::string_view endpoint,
                            Credential& out) = 0;
};

/// A certificate begins this much before it is made, for servers whose clocks are late.
inline constexpr std::chrono::hours kCertificateBackdating{1};

/// Makes keys on secp256r1, and certificates for client authentication that begin kCertificateBackdating ago
/// and last as long as the authority says, but never longer than the authority itself. `random` gives serial
/// numbers and outlives the maker; `now` dates.
[[nodiscard]] std::unique_ptr<CredentialMaker> make_credential_maker(std::function<UnixTime()> now,
                                                                     Random& random);

}  // namespace slipway::fleet

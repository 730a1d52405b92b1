// SPDX-License-Identifier: Apache-2.0
// The port by which the bootstrap engine gets key pairs and certificates: it knows no cryptography and no
// clock.
#pragma once

#include <string_view>

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

}  // namespace slipway::fleet

// SPDX-License-Identifier: Apache-2.0
// What a certificate of a configuration must be good for. [LwM2M-TRANSPORT 1.2 §5.2.9.6]
#pragma once

#include <slipway/security/keys.hpp>

#include "toml_reader.hpp"

namespace slipway::fleet {

/// /0/x/15. [LwM2M-TRANSPORT 1.2 §5.2.9.6.4]
enum class CertificateUsage : std::uint8_t {
  ca_constraint = 0,
  service_certificate_constraint = 1,
  trust_anchor_assertion = 2,
  domain_issued_certificate = 3,
};
[[nodiscard]] constexpr bool is_of_an_authority(CertificateUsage usage) {
  return usage == CertificateUsage::ca_constraint || usage == CertificateUsage::trust_anchor_assertion;
}

/// A server's own key must be on a curve that sessions are done with here; another one is a finding at
/// `name`.
void check_curve(TableReader& table, std::string_view name, ByteView public_key);

/// Dates, and rights to issue or to serve; whatever is wrong is a finding at `name`.
void check_server_certificate(TableReader& table, std::string_view name, ByteView certificate,
                              CertificateUsage usage, UnixTime now);
void check_authority_certificate(TableReader& table, std::string_view name,
                                 const security::CertificateInfo& certificate, UnixTime now);

}  // namespace slipway::fleet

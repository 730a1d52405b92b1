// SPDX-License-Identifier: Apache-2.0
// A server that gives no Connection IDs, and clients of it of each kind, that may resume.
#pragma once

#include "dtls_link.hpp"
#include "pki.hpp"

namespace slipway::security::dtls::test {

inline ServerConfig server_without_cid() {
  ServerConfig config;
  config.cid_size = 0;
  config.keys = security::test::keys_of(security::test::world().server);
  config.client_authorities = {security::test::world().authority.certificate};
  config.wall = [](TimePoint) { return security::test::kToday; };
  return config;
}

inline ServerTrust by_authority() {
  return {.server_key = security::test::world().authority.certificate,
          .usage = CertificateUsage::trust_anchor,
          .anchors = {},
          .name = "server.example"};
}

inline ClientConfig client_of(IdentityKind kind, Secret resumption = {},
                              UnixTime wall = security::test::kToday) {
  auto config = client_config();
  if (kind == IdentityKind::raw_public_key)
    config.credential =
        security::test::raw_credential(security::test::world().device, security::test::world().server);
  if (kind == IdentityKind::certificate)
    config.credential =
        security::test::certificate_credential(security::test::world().device, by_authority());
  config.wall = wall;
  config.resumption = std::move(resumption);
  return config;
}

}  // namespace slipway::security::dtls::test

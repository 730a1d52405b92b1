// SPDX-License-Identifier: Apache-2.0
// The cipher suites that an operator asked for, as DTLS and TLS want them.
#pragma once

#include <vector>

#include <slipway/fleet/configuration.hpp>
#include <slipway/security/dtls/types.hpp>

namespace slipway::node {

/// Those of the configuration, or `usual` where it names none.
[[nodiscard]] inline std::vector<security::dtls::CipherSuite> suites_of(
    const fleet::ListenSettings& listen, std::vector<security::dtls::CipherSuite> usual) {
  if (listen.cipher_suites.empty()) return usual;
  std::vector<security::dtls::CipherSuite> asked;
  for (const auto number : listen.cipher_suites)
    if (const auto suite = security::dtls::cipher_suite(number)) asked.push_back(*suite);
  return asked;
}

}  // namespace slipway::node

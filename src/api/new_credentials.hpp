// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <slipway/fleet/credential.hpp>

namespace slipway::api {

/// Credentials that one request may bring.
inline constexpr std::size_t kNewCredentialsMax = 64;
/// Longest public key or certificate, DER.
inline constexpr std::size_t kPublicPartMax = 4096;

/// Reads the body of PUT /api/v1/credentials: management credentials, a PSK with identity and key, or the
/// public part of RPK and X.509, all in hexadecimal. Nothing of it is repeated in the error, which is for a
/// person; the keys in `body` are wiped.
[[nodiscard]] std::expected<std::vector<fleet::Credential>, std::string> read_new_credentials(
    nlohmann::json& body);

}  // namespace slipway::api

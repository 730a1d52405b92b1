// SPDX-License-Identifier: Apache-2.0
// What an account of /0 means for the DTLS session with its server. [LwM2M-TRANSPORT 1.2 §5.2.9]
#pragma once

#include <expected>
#include <string>

#include <slipway/client/client.hpp>
#include <slipway/security/dtls/client.hpp>

namespace slipway::device {

/// `host`: of the account's URI. The error is for a person: which resource is not usable, and why.
[[nodiscard]] std::expected<security::dtls::ClientConfig, std::string> secure_config(
    const client::ConnectWanted& wanted, std::string_view host, std::optional<UnixTime> wall);

}  // namespace slipway::device

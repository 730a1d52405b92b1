// SPDX-License-Identifier: Apache-2.0
// Whether a key opens a session, found out by trying.
#pragma once

#include <optional>
#include <string>

#include <slipway/base/address.hpp>
#include <slipway/base/bytes.hpp>
#include <slipway/base/ids.hpp>
#include <slipway/base/secret.hpp>
#include <slipway/base/time.hpp>
#include <slipway/device/pack.hpp>

namespace slipway::cli {

struct PskAccount {
  Bytes identity;
  Secret key;
};

/// The bootstrap account of a pack; nothing when it has none with a PSK.
[[nodiscard]] std::optional<PskAccount> psk_of_pack(const device::Pack& pack);
/// A management account out of a device's state file.
[[nodiscard]] std::optional<PskAccount> psk_of_state(const std::string& file, ShortServerId server);

enum class ProbeResult { accepted, refused, no_answer };
/// One DTLS handshake with a server, then close_notify. Blocks for `patience` at most.
[[nodiscard]] ProbeResult probe_psk(const Address& server, const PskAccount& account, Duration patience);

}  // namespace slipway::cli

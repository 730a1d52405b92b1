// SPDX-License-Identifier: Apache-2.0
// What the layer below an engine knows of the peer that a datagram came from.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <slipway/base/address.hpp>
#include <slipway/base/ids.hpp>
#include <slipway/coap/reliable.hpp>

namespace slipway {

/// Resource /0/x/2. [LwM2M-CORE 1.2 App. E.1]
enum class SecurityMode : std::uint8_t { psk = 0, rpk = 1, x509 = 2, nosec = 3, est = 4 };
[[nodiscard]] const char* to_string(SecurityMode mode);

/// Given with every datagram. `endpoint` is the name that the authenticated credential belongs to, by
/// the word of the credential store: an engine compares the `ep` that a device claims with it
/// [LwM2M-TRANSPORT 1.2 §5.2.6]. It is empty without authentication (NoSec).
struct PeerContext {
  PeerId id;
  SecurityMode security = SecurityMode::nosec;
  std::string_view endpoint{};
  Address address{};
  /// For a peer over TCP or TLS, what its connection told (`coap::StreamReady`); each of its datagrams is
  /// then one whole frame. Each connection needs a PeerId of its own.
  std::optional<coap::Reliable> reliable{};
};

/// Bytes of an endpoint name; a longer one is refused. [LwM2M-CORE 1.2 §7.4.1 leaves it open]
inline constexpr std::size_t kEndpointMax = 255;

}  // namespace slipway

// SPDX-License-Identifier: Apache-2.0
// A device's credential towards one of its servers, as the servers keep it.
#pragma once

#include <cstdint>
#include <string>

#include <slipway/base/bytes.hpp>
#include <slipway/base/ids.hpp>
#include <slipway/base/secret.hpp>
#include <slipway/base/time.hpp>
#include <slipway/lwm2m/peer.hpp>

namespace slipway::fleet {

/// The server that a credential opens a session with. Never the same key for both. [T §5.2.1]
enum class ServerRole : std::uint8_t { bootstrap, management };
[[nodiscard]] const char* to_string(ServerRole role);

/// Life of a credential: `issued` is durable and may already be used; `proven` once the device has
/// opened a session with it; `retired` is refused.
///
///   issued --device authenticates--> proven --newer one proven, or revoked--> retired
enum class CredentialState : std::uint8_t { issued, proven, retired };
[[nodiscard]] const char* to_string(CredentialState state);

struct Credential {
  std::string endpoint;
  ServerRole role = ServerRole::bootstrap;
  ShortServerId server{};  ///< 0 for the bootstrap server
  SecurityMode mode = SecurityMode::psk;
  CredentialState state = CredentialState::issued;
  /// What the peer is found by, unique within a role: a PSK identity (any bytes, at most 128); of RPK the
  /// SHA-256 of the SubjectPublicKeyInfo, of X.509 that of the certificate (32 bytes).
  Bytes identity;
  Bytes public_part;  ///< RPK: SubjectPublicKeyInfo, X.509: certificate (DER); empty for PSK
  /// PSK, 16..64 bytes. Of RPK and X.509 the private key (PKCS#8 DER), while a session gives it to its
  /// device: no store keeps it.
  Secret key;
  UnixTime created{};

  [[nodiscard]] Credential clone() const;
};

/// Largest that every server must take. [LwM2M-TRANSPORT 1.2 §5.2.9.1]
inline constexpr std::size_t kPskIdentityMax = 128;
inline constexpr std::size_t kPskMin = 16;
inline constexpr std::size_t kPskMax = 64;

/// Why somebody could guess this pre-shared key, static text; nullptr when nobody sees how. Of random keys of
/// 16 bytes one in a million is called a pattern.
[[nodiscard]] const char* weakness_of(ByteView key);

}  // namespace slipway::fleet

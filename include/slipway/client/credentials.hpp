// SPDX-License-Identifier: Apache-2.0
// Whether the keys and certificates of an account fit: what needs cryptography, and is asked for by a port.
// [LwM2M-TRANSPORT 1.2 §5.2.9]
#pragma once

#include <optional>
#include <string_view>

#include <slipway/base/bytes.hpp>
#include <slipway/base/ids.hpp>
#include <slipway/base/time.hpp>
#include <slipway/lwm2m/peer.hpp>

namespace slipway::client {

/// Whether the device has a certificate and a key that no account holds (in a secure element, in its TLS
/// layer). An account of mode 2 whose /0/x/3 and /0/x/5 are empty then uses it.
enum class OwnCertificate : std::uint8_t { none, present };

/// The credentials of one /0 instance of mode RPK or X.509. Views for the time of the call.
struct AccountCredentials {
  SecurityMode mode = SecurityMode::x509;
  ByteView identity{};                 ///< /0/x/3: public key or certificate
  ByteView server_public_key{};        ///< /0/x/4
  ByteView key{};                      ///< /0/x/5: secret
  std::uint8_t matching_type = 0;      ///< /0/x/13: above 0, /0/x/4 is a hash
  std::uint8_t certificate_usage = 3;  ///< /0/x/15
  std::string_view endpoint{};
  std::optional<UnixTime> now{};  ///< where the device knows the time of day
};

/// Asked at Bootstrap-Finish, and for a pack, before an account becomes the device's. Its answer is a rule
/// that is broken, in words and without any value of the credentials.
class CredentialChecker {
 public:
  virtual ~CredentialChecker() = default;

  struct Misfit {
    ResourceId resource;  ///< of /0: where
    const char* rule;     ///< a static text
  };
  [[nodiscard]] virtual std::optional<Misfit> check(const AccountCredentials& account) const = 0;
};

}  // namespace slipway::client

// SPDX-License-Identifier: Apache-2.0
// Whether a peer's certificate is believed: certificate usage, matching type, names, dates. By OpenSSL.
// [LwM2M-TRANSPORT 1.2 §5.2.9.3, §5.2.9.6] [RFC 6698 §2.1] [RFC 6125]
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <slipway/base/bytes.hpp>
#include <slipway/base/result.hpp>
#include <slipway/base/time.hpp>

namespace slipway::security {

/// /0/x/15.
enum class CertificateUsage : std::uint8_t {
  ca_constraint = 0,        ///< a path to the trust store that holds /0/x/4
  service_certificate = 1,  ///< a path to the trust store, and /0/x/4 is the server's own
  trust_anchor = 2,         ///< /0/x/4 is the anchor
  domain_issued = 3,        ///< /0/x/4 is the server's own, and that is all
};
/// /0/x/13: what /0/x/4 holds of the certificate.
enum class MatchingType : std::uint8_t { exact = 0, sha256 = 1, sha384 = 2, sha512 = 3 };

/// What a device knows a server by.
struct ServerTrust {
  Bytes server_key;  ///< /0/x/4: a certificate (DER), or its hash
  MatchingType matching = MatchingType::exact;
  CertificateUsage usage = CertificateUsage::domain_issued;
  std::vector<Bytes> anchors;  ///< the device's trust store, DER; usage 0 and 1 are refused without
  /// /0/x/14, or the host of the URI: what a certificate must be made out to. An IP literal is compared with
  /// the addresses in the certificate, and is never sent as SNI [RFC 6066 §3].
  std::string name;
};

/// Why a certificate is not believed.
struct Distrust {
  std::uint8_t alert;  ///< what to tell the peer [RFC 5246 §7.2.2]
  const char* detail;  ///< for a person
};

/// Judges the chain that a server presented, its own certificate first. `wall` is empty on a device that does
/// not know the time of day: then dates are not looked at, as the device could never learn the time
/// otherwise.
[[nodiscard]] std::optional<Distrust> distrust_of_server(const ServerTrust& trust,
                                                         std::span<const ByteView> chain,
                                                         std::optional<UnixTime> wall);

/// Authorities that a server takes client certificates of, read once.
class ClientAuthorities {
 public:
  /// Errors: malformed (not a certificate).
  [[nodiscard]] static Result<ClientAuthorities> from(std::span<const Bytes> anchors);
  ClientAuthorities();
  ~ClientAuthorities();
  ClientAuthorities(ClientAuthorities&&) noexcept;
  ClientAuthorities& operator=(ClientAuthorities&&) noexcept;
  [[nodiscard]] bool empty() const;
  /// Judges the chain of a client: a path to an anchor, dates (where the time is known), key usage.
  [[nodiscard]] std::optional<Distrust> distrust_of(std::span<const ByteView> chain,
                                                    std::optional<UnixTime> wall) const;
  /// Judges a certificate that needs no path, since the store knows exactly it: dates and key usage.
  [[nodiscard]] std::optional<Distrust> distrust_of_known(ByteView certificate,
                                                          std::optional<UnixTime> wall) const;

 private:
  struct Store;
  std::unique_ptr<Store> store_;
};

/// Whether a name is an IP address: such a one is not a host name for SNI.
[[nodiscard]] bool is_ip_literal(const std::string& name);

}  // namespace slipway::security

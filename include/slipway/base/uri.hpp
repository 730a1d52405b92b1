// SPDX-License-Identifier: Apache-2.0
// The URI of an LwM2M server: coap, coaps, coap+tcp and coaps+tcp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <slipway/base/result.hpp>

namespace slipway {

/// As resource /0/x/0 can hold it. [LwM2M-CORE 1.2 §E.1]
inline constexpr std::size_t kUriBytesMax = 255;

enum class UriScheme : std::uint8_t { coap, coaps, coap_tcp, coaps_tcp };

enum class HostKind : std::uint8_t { name, ipv4, ipv6 };

/// Views into the text that was parsed; nothing is decoded.
struct Uri {
  UriScheme scheme = UriScheme::coap;
  HostKind host_kind = HostKind::name;
  std::string_view host;   ///< IPv6 without its brackets
  std::uint16_t port = 0;  ///< the scheme's default where none is given
  std::string_view path;   ///< with its leading "/"; empty where none is given
  std::string_view query;  ///< without its leading "?"

  bool operator==(const Uri&) const = default;
};

[[nodiscard]] constexpr bool is_secure(UriScheme scheme) {
  return scheme == UriScheme::coaps || scheme == UriScheme::coaps_tcp;
}
[[nodiscard]] constexpr bool is_tcp(UriScheme scheme) {
  return scheme == UriScheme::coap_tcp || scheme == UriScheme::coaps_tcp;
}
/// 5683, or 5684 for the secure ones. [RFC 7252 §6.1, §6.2] [RFC 8323 §8.1, §8.2]
[[nodiscard]] constexpr std::uint16_t default_port(UriScheme scheme) {
  return is_secure(scheme) ? 5684 : 5683;
}

[[nodiscard]] std::string_view to_string(UriScheme scheme);

/// Reads an absolute URI strictly: no user information, no fragment, no zone, and percent signs only
/// before two hexadecimal digits. Errors: malformed, unsupported (scheme), limit (kUriBytesMax),
/// out_of_range (port 0 or above 65535). [RFC 3986 §3] [RFC 7252 §6]
[[nodiscard]] Result<Uri> parse_uri(std::string_view text);

}  // namespace slipway

// SPDX-License-Identifier: Apache-2.0
// Other nodes that a bootstrap server gives devices to: their management servers must know a credential
// before the device does.
#pragma once

#include <string>
#include <string_view>

#include <slipway/base/result.hpp>

namespace slipway::fleet {

/// `[remote.NAME]` of a configuration; an account of a plan names it.
struct Remote {
  std::string name;
  std::string url;         ///< of its HTTP API: https://host[:port], or http:// to this machine
  std::string token_file;  ///< its first line is the API's bearer token; empty: none
  std::string ca_file;     ///< authorities that its certificate must come from, PEM; empty: the system's
};

/// Remotes of one configuration.
inline constexpr std::size_t kRemotesMax = 64;

enum class HttpScheme : std::uint8_t { http, https };

struct HttpBase {
  HttpScheme scheme = HttpScheme::https;
  std::string host;  ///< a name or an address, IPv6 without brackets
  std::string port;
};

/// Reads `scheme://host[:port][/]`. Errors: malformed, unsupported (scheme), refused (http to another
/// machine: keys would travel in clear).
[[nodiscard]] Result<HttpBase> parse_http_base(std::string_view url);

}  // namespace slipway::fleet

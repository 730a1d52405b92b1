// SPDX-License-Identifier: Apache-2.0
#include <slipway/fleet/remote.hpp>

#include <algorithm>

#include <slipway/base/address.hpp>

namespace slipway::fleet {
namespace {

constexpr std::string_view kHttp = "http://";
constexpr std::string_view kHttps = "https://";

bool is_this_machine(const std::string& host) {
  if (host == "localhost") return true;
  const auto literal = Address::parse((host.find(':') == std::string::npos ? host : "[" + host + "]") + ":1");
  return literal && literal->is_loopback();
}

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > 5) return false;
  unsigned number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    number = number * 10 + static_cast<unsigned>(c - '0');
  }
  return number >= 1 && number <= 65535;
}

bool is_host(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == ':' || c == '_';
  };
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, allowed);
}

}  // namespace

Result<HttpBase> parse_http_base(std::string_view url) {
  HttpBase base;
  if (url.starts_with(kHttps)) {
    base = {.scheme = HttpScheme::https, .host = {}, .port = "443"};
  } else if (url.starts_with(kHttp)) {
    base = {.scheme = HttpScheme::http, .host = {}, .port = "80"};
  } else {
    return fail(ErrorCode::unsupported, "a URL begins with https:// or http://");
  }
  auto rest = url.substr(base.scheme == HttpScheme::https ? kHttps.size() : kHttp.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  std::string_view host = rest, after;
  if (rest.starts_with('[')) {
    const auto close = rest.find(']');
    if (close == std::string_view::npos) return fail(ErrorCode::malformed, "'[' without ']'");
    host = rest.substr(1, close - 1);
    after = rest.substr(close + 1);
  } else if (const auto colon = rest.find(':'); colon != std::string_view::npos) {
    host = rest.substr(0, colon);
    after = rest.substr(colon);
  }
  if (!is_host(host)) return fail(ErrorCode::malformed, "this is no host, or more than a host");
  if (!after.empty()) {
    if (after[0] != ':' || !is_port(after.substr(1)))
      return fail(ErrorCode::malformed, "after the host stands a port of 1 to 65535, and nothing else");
    base.port = after.substr(1);
  }
  base.host = host;
  if (base.scheme == HttpScheme::http && !is_this_machine(base.host))
    return fail(ErrorCode::refused, "keys would travel in clear; use https:// to another machine");
  return base;
}

}  // namespace slipway::fleet

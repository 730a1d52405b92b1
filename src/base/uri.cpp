// SPDX-License-Identifier: Apache-2.0
#include <slipway/base/uri.hpp>

#include <array>
#include <charconv>

#include <slipway/base/address.hpp>
#include <slipway/base/bounded.hpp>

namespace slipway {
namespace {

constexpr std::array kSchemes{UriScheme::coap, UriScheme::coaps, UriScheme::coap_tcp, UriScheme::coaps_tcp};

bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// unreserved / sub-delims: what a host name may hold besides percent triplets. [RFC 3986 §3.2.2]
bool is_name_char(char c) {
  constexpr std::string_view kOthers = "-._~!$&'()*+,;=";
  return is_alpha(c) || is_digit(c) || kOthers.find(c) != std::string_view::npos;
}

/// Offset of the first character that may not stand there, or npos.
std::size_t first_bad(std::string_view text, std::string_view also_allowed) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (text.size() - i < 3 || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return i;
      i += 2;
    } else if (!is_name_char(text[i]) && also_allowed.find(text[i]) == std::string_view::npos) {
      return i;
    }
  }
  return std::string_view::npos;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

Result<UriScheme> read_scheme(std::string_view text) {
  for (const auto scheme : kSchemes)
    if (equal_ignoring_case(text, to_string(scheme))) return scheme;
  return fail(ErrorCode::unsupported, "the scheme is none of coap, coaps, coap+tcp, coaps+tcp");
}

bool is_literal(std::string_view before, std::string_view host, std::string_view after) {
  BoundedString<kUriBytesMax + 8> text(before);
  text.append(host);
  text.append(after);
  return Address::parse(text).has_value();
}

Result<void> read_port(std::string_view text, std::size_t offset, std::uint16_t& port) {
  if (text.empty()) return {};  // "coap://host:" means the default [RFC 3986 §3.2.3]
  for (const char c : text)
    if (!is_digit(c)) return fail(ErrorCode::malformed, "a port is a number", offset);
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || port == 0)
    return fail(ErrorCode::out_of_range, "a port lies in 1..65535", offset);
  return {};
}

Result<void> read_ipv6_host(std::string_view authority, std::size_t offset, Uri& uri,
                            std::string_view& rest) {
  const auto close = authority.find(']');
  if (close == std::string_view::npos) return fail(ErrorCode::malformed, "'[' without ']'", offset);
  uri.host = authority.substr(1, close - 1);
  uri.host_kind = HostKind::ipv6;
  if (uri.host.find('%') != std::string_view::npos || !is_literal("[", uri.host, "]:0"))
    return fail(ErrorCode::malformed, "not an IPv6 address", offset + 1);
  rest = authority.substr(close + 1);
  if (!rest.empty() && rest[0] != ':')
    return fail(ErrorCode::malformed, "only a port follows ']'", offset + close + 1);
  return {};
}

Result<void> read_name_host(std::string_view authority, std::size_t offset, Uri& uri,
                            std::string_view& rest) {
  const auto colon = authority.find(':');
  uri.host = authority.substr(0, colon);
  rest = colon == std::string_view::npos ? std::string_view() : authority.substr(colon);
  if (uri.host.empty()) return fail(ErrorCode::malformed, "the host is missing", offset);
  if (const auto bad = first_bad(uri.host, ""); bad != std::string_view::npos)
    return fail(ErrorCode::malformed, "a character that no host may have", offset + bad);
  uri.host_kind = is_literal("", uri.host, ":0") ? HostKind::ipv4 : HostKind::name;
  return {};
}

Result<void> read_authority(std::string_view authority, std::size_t offset, Uri& uri) {
  if (authority.find('@') != std::string_view::npos)
    return fail(ErrorCode::malformed, "user information is not allowed", offset);
  std::string_view rest;
  if (authority.starts_with('[')) {
    SLIPWAY_TRY(read_ipv6_host(authority, offset, uri, rest));
  } else {
    SLIPWAY_TRY(read_name_host(authority, offset, uri, rest));
  }
  uri.port = default_port(uri.scheme);
  if (rest.empty()) return {};
  return read_port(rest.substr(1), offset + (authority.size() - rest.size()) + 1, uri.port);
}

}  // namespace

std::string_view to_string(UriScheme scheme) {
  switch (scheme) {
    case UriScheme::coap:
      return "coap";
    case UriScheme::coaps:
      return "coaps";
    case UriScheme::coap_tcp:
      return "coap+tcp";
    case UriScheme::coaps_tcp:
      return "coaps+tcp";
  }
  return "";
}

//   coaps+tcp :// host-or-[v6] :port /path ?query
//   '--scheme-'   '----authority----' '--- the rest ---
Result<Uri> parse_uri(std::string_view text) {
  if (text.size() > kUriBytesMax)
    return fail(ErrorCode::limit, "a URI is at most 255 bytes long", kUriBytesMax);
  const auto colon = text.find("://");
  if (colon == std::string_view::npos) return fail(ErrorCode::malformed, "expected scheme://host");
  Uri uri;
  SLIPWAY_ASSIGN(uri.scheme, read_scheme(text.substr(0, colon)));

  const auto start = colon + 3;
  auto end = text.find_first_of("/?#", start);
  if (end == std::string_view::npos) end = text.size();
  SLIPWAY_TRY(read_authority(text.substr(start, end - start), start, uri));

  const auto question = text.find('?', end);
  uri.path = text.substr(end, question == std::string_view::npos ? question : question - end);
  if (const auto bad = first_bad(uri.path, ":@/"); bad != std::string_view::npos)
    return fail(ErrorCode::malformed, "a character that no path may have", end + bad);
  if (question != std::string_view::npos) {
    uri.query = text.substr(question + 1);
    if (const auto bad = first_bad(uri.query, ":@/?"); bad != std::string_view::npos)
      return fail(ErrorCode::malformed, "a character that no query may have", question + 1 + bad);
  }
  return uri;
}

}  // namespace slipway

// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <cstring>

#include <slipway/base/address.hpp>
#include <slipway/base/bytes.hpp>

namespace slipway {
namespace {

constexpr std::array<std::uint8_t, 12> kV4Prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

template <class Number>
bool read_number(std::string_view text, Number& out, int base = 10) {
  const auto end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, out, base);
  return error == std::errc() && at == end && !text.empty();
}

bool read_v4(std::string_view text, std::uint8_t* out) {
  for (int i = 0; i < 4; ++i) {
    const auto dot = text.find('.');
    if ((dot == std::string_view::npos) != (i == 3)) return false;
    const auto number = text.substr(0, dot);
    if (number.size() > 1 && number[0] == '0') return false;  // some read 010 as eight [RFC 6943 §3.1.1]
    if (!read_number(number, out[i])) return false;
    if (i < 3) text.remove_prefix(dot + 1);
  }
  return true;
}

/// Colon-separated groups with at most one "::", the last group may be dotted IPv4. [RFC 4291 §2.2]
bool read_v6(std::string_view text, std::array<std::uint8_t, 16>& out) {
  std::array<std::uint8_t, 16> groups{};
  std::size_t count = 0;
  std::size_t gap = 17;
  if (text.starts_with("::")) {
    gap = 0;
    text.remove_prefix(2);
  }
  while (!text.empty()) {
    const auto colon = text.find(':');
    const auto group = text.substr(0, colon);
    if (group.find('.') != std::string_view::npos) {
      if (colon != std::string_view::npos || count > 12 || !read_v4(group, &groups[count])) return false;
      count += 4;
      text = {};
      break;
    }
    std::uint16_t number;
    if (count > 14 || group.size() > 4 || !read_number(group, number, 16)) return false;
    groups[count++] = static_cast<std::uint8_t>(number >> 8);
    groups[count++] = static_cast<std::uint8_t>(number);
    if (colon == std::string_view::npos) break;
    text.remove_prefix(colon + 1);
    if (text.starts_with(':')) {
      if (gap != 17) return false;
      gap = count;
      text.remove_prefix(1);
    } else if (text.empty()) {
      return false;
    }
  }
  if (gap == 17 ? count != 16 : count > 14) return false;
  if (gap == 17) gap = count;
  out = {};
  std::memcpy(out.data(), groups.data(), gap);
  std::memcpy(out.data() + 16 - (count - gap), groups.data() + gap, count - gap);
  return true;
}

}  // namespace

bool Address::is_v4() const {
  return std::memcmp(ip.data(), kV4Prefix.data(), kV4Prefix.size()) == 0;
}

bool Address::is_loopback() const {
  if (is_v4()) return ip[12] == 127;
  for (std::size_t i = 0; i < 15; ++i)
    if (ip[i] != 0) return false;
  return ip[15] == 1;
}

std::string Address::to_string() const {
  if (is_v4()) {
    std::string text;
    for (std::size_t i = 12; i < 16; ++i) text += std::to_string(ip[i]) + (i < 15 ? "." : ":");
    return text + std::to_string(port);
  }
  // The longest run of two or more zero groups becomes "::". [RFC 5952 §4.2]
  std::array<unsigned, 8> groups;
  for (std::size_t i = 0; i < 8; ++i) groups[i] = unsigned{ip[2 * i]} << 8 | ip[2 * i + 1];
  std::size_t best = 8, best_length = 1;
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t length = 0;
    while (i + length < 8 && groups[i + length] == 0) ++length;
    if (length > best_length) best = i, best_length = length;
  }
  std::string text = "[";
  for (std::size_t i = 0; i < 8;) {
    if (i == best) {
      text += "::";
      i += best_length;
      continue;
    }
    if (i != 0 && i != best + best_length) text += ':';
    std::array<char, 4> digits;
    text.append(digits.data(), std::to_chars(digits.data(), digits.data() + 4, groups[i], 16).ptr);
    ++i;
  }
  if (scope != 0) text += '%' + std::to_string(scope);
  return text + "]:" + std::to_string(port);
}

Result<Address> Address::parse(std::string_view text) {
  Address address;
  std::string_view host, port_text;
  if (text.starts_with('[')) {
    const auto close = text.find("]:");
    if (close == std::string_view::npos) return fail(ErrorCode::malformed, "expected [address]:port");
    host = text.substr(1, close - 1);
    port_text = text.substr(close + 2);
    if (const auto percent = host.find('%'); percent != std::string_view::npos) {
      if (!read_number(host.substr(percent + 1), address.scope))
        return fail(ErrorCode::malformed, "a scope is an interface number", percent + 2);
      host = host.substr(0, percent);
    }
    if (!read_v6(host, address.ip)) return fail(ErrorCode::malformed, "not an IPv6 address", 1);
  } else {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return fail(ErrorCode::malformed, "expected address:port");
    host = text.substr(0, colon);
    port_text = text.substr(colon + 1);
    std::memcpy(address.ip.data(), kV4Prefix.data(), kV4Prefix.size());
    if (!read_v4(host, &address.ip[12])) return fail(ErrorCode::malformed, "not an IPv4 address");
  }
  if (!read_number(port_text, address.port))
    return fail(ErrorCode::malformed, "a port is a number from 0 to 65535", text.size() - port_text.size());
  return address;
}

Address Address::v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, std::uint16_t port) {
  Address address;
  std::memcpy(address.ip.data(), kV4Prefix.data(), kV4Prefix.size());
  address.ip[12] = a;
  address.ip[13] = b;
  address.ip[14] = c;
  address.ip[15] = d;
  address.port = port;
  return address;
}

std::uint64_t hash_of(const Address& address) {
  std::uint64_t high, low;
  std::memcpy(&high, address.ip.data(), 8);
  std::memcpy(&low, address.ip.data() + 8, 8);
  std::uint64_t hash = high * 0x9E3779B97F4A7C15u ^ low;
  hash ^= std::uint64_t{address.port} << 32 | address.scope;
  hash ^= hash >> 32;
  hash *= 0xD6E8FEB86659FD93u;
  return hash ^ hash >> 32;
}

}  // namespace slipway

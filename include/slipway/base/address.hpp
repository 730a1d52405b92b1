// SPDX-License-Identifier: Apache-2.0
// An address on a network, as a value: IPv6, or IPv4 mapped into it, with a port.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <slipway/base/result.hpp>

namespace slipway {

struct Address {
  std::array<std::uint8_t, 16> ip{};  ///< IPv4 as ::ffff:a.b.c.d
  std::uint16_t port = 0;
  std::uint32_t scope = 0;  ///< interface index of a link-local address, otherwise 0

  auto operator<=>(const Address&) const = default;
  [[nodiscard]] bool is_v4() const;
  [[nodiscard]] bool is_loopback() const;

  /// `127.0.0.1:5684`, `[::1]:5684`, with `%2` inside the brackets for a scope.
  [[nodiscard]] std::string to_string() const;
  /// Reads a literal as `to_string` writes it; no names are looked up. Errors: malformed.
  [[nodiscard]] static Result<Address> parse(std::string_view text);
  [[nodiscard]] static Address v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d,
                                  std::uint16_t port);
};

[[nodiscard]] std::uint64_t hash_of(const Address& address);

}  // namespace slipway

template <>
struct std::hash<slipway::Address> {
  std::size_t operator()(const slipway::Address& address) const noexcept {
    return static_cast<std::size_t>(slipway::hash_of(address));
  }
};

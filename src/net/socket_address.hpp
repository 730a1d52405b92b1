// SPDX-License-Identifier: Apache-2.0
// Between slipway::Address and what the kernel reads.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>

#include <slipway/base/address.hpp>

namespace slipway::net {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] sockaddr* data() { return reinterpret_cast<sockaddr*>(&storage); }
};

[[nodiscard]] int family_of(const Address& address);
[[nodiscard]] bool is_wildcard(const Address& address);
[[nodiscard]] bool is_link_local(const Address& address);

/// Nothing when a socket of `family` cannot name this address (IPv6 on an IPv4 socket).
[[nodiscard]] std::optional<SocketAddress> to_socket_address(const Address& address, int family);
/// Nothing for a family that is not IP.
[[nodiscard]] std::optional<Address> from_socket_address(const sockaddr_storage& storage);

[[nodiscard]] Address address_of(const in_addr& ip, std::uint16_t port);
[[nodiscard]] Address address_of(const in6_addr& ip, std::uint16_t port, std::uint32_t scope);

}  // namespace slipway::net

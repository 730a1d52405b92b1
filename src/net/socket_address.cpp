// SPDX-License-Identifier: Apache-2.0
#include "net/socket_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace slipway::net {

int family_of(const Address& address) {
  return address.is_v4() ? AF_INET : AF_INET6;
}

bool is_wildcard(const Address& address) {
  const auto first = address.ip.begin() + (address.is_v4() ? 12 : 0);
  return std::all_of(first, address.ip.end(), [](std::uint8_t byte) { return byte == 0; });
}

bool is_link_local(const Address& address) {
  return address.ip[0] == 0xFE && (address.ip[1] & 0xC0) == 0x80;
}

std::optional<SocketAddress> to_socket_address(const Address& address, int family) {
  SocketAddress result;
  if (family == AF_INET) {
    if (!address.is_v4()) return std::nullopt;
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    std::memcpy(&v4.sin_addr, &address.ip[12], 4);
    std::memcpy(&result.storage, &v4, sizeof v4);
    result.size = sizeof v4;
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    v6.sin6_scope_id = address.scope;
    std::memcpy(&v6.sin6_addr, address.ip.data(), 16);
    std::memcpy(&result.storage, &v6, sizeof v6);
    result.size = sizeof v6;
  }
  return result;
}

std::optional<Address> from_socket_address(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &storage, sizeof v4);
    return address_of(v4.sin_addr, ntohs(v4.sin_port));
  }
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &storage, sizeof v6);
    return address_of(v6.sin6_addr, ntohs(v6.sin6_port), v6.sin6_scope_id);
  }
  return std::nullopt;
}

Address address_of(const in_addr& ip, std::uint16_t port) {
  std::array<std::uint8_t, 4> bytes;
  std::memcpy(bytes.data(), &ip, bytes.size());
  return Address::v4(bytes[0], bytes[1], bytes[2], bytes[3], port);
}

Address address_of(const in6_addr& ip, std::uint16_t port, std::uint32_t scope) {
  Address address;
  std::memcpy(address.ip.data(), &ip, address.ip.size());
  address.port = port;
  // Elsewhere a scope would make two names for one peer.
  address.scope = is_link_local(address) ? scope : 0;
  return address;
}

}  // namespace slipway::net

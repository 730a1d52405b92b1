// SPDX-License-Identifier: Apache-2.0
#include "net/listening.hpp"

#include <cerrno>
#include <string>

#include "net/socket_address.hpp"

namespace slipway::net {
namespace {

const char* remedy_for(int errno_value) {
  switch (errno_value) {
    case EADDRINUSE:
      return "stop the other program or choose another port";
    case EACCES:
      return "choose a port above 1023, or grant CAP_NET_BIND_SERVICE";
    case EADDRNOTAVAIL:
      return "use an address of this machine (see `ip address`), or 0.0.0.0 or [::] for all";
    case EAFNOSUPPORT:
      return "this machine has no IPv6: use an IPv4 address";
    case EMFILE:
    case ENFILE:
      return "raise the limit on open files (`ulimit -n`)";
    default:
      return "";
  }
}

}  // namespace

std::unexpected<SystemError> cannot_listen(const Address& local, const char* protocol, int errno_value) {
  return std::unexpected(SystemError{.what = "cannot listen on " + local.to_string() + " (" + protocol + ")",
                                     .errno_value = errno_value,
                                     .remedy = remedy_for(errno_value)});
}

bool set_option(int fd, int level, int name, int value) {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

Address bound_address(int fd, const Address& otherwise) {
  SocketAddress bound{.size = sizeof(sockaddr_storage)};
  if (::getsockname(fd, bound.data(), &bound.size) != 0) return otherwise;
  return from_socket_address(bound.storage).value_or(otherwise);
}

}  // namespace slipway::net

// SPDX-License-Identifier: Apache-2.0
// What the sockets of this folder have in common.
#pragma once

#include <expected>

#include <slipway/base/address.hpp>
#include <slipway/net/system_error.hpp>

namespace slipway::net {

/// `protocol`: "udp" or "tcp", as the person reads it.
[[nodiscard]] std::unexpected<SystemError> cannot_listen(const Address& local, const char* protocol,
                                                         int errno_value);

[[nodiscard]] bool set_option(int fd, int level, int name, int value);

/// The address that the kernel has bound a socket to; `otherwise` where it does not tell.
[[nodiscard]] Address bound_address(int fd, const Address& otherwise);

}  // namespace slipway::net

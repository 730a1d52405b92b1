// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <slipway/net/file_descriptor.hpp>

namespace slipway::net {

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace slipway::net

// SPDX-License-Identifier: Apache-2.0
// What the operating system refused, told to a person: the thing, the reason, the remedy.
#pragma once

#include <expected>
#include <string>

namespace slipway::net {

struct SystemError {
  std::string what;     ///< "cannot listen on 0.0.0.0:5684 (udp)"
  int errno_value = 0;  ///< 0 when `what` already holds the reason
  std::string remedy;   ///< what to do about it; may be empty

  /// "cannot listen on 0.0.0.0:5684 (udp): address already in use; stop the other program or ..."
  [[nodiscard]] std::string message() const;
};

template <class T>
using SystemResult = std::expected<T, SystemError>;

}  // namespace slipway::net

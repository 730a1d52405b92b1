// SPDX-License-Identifier: Apache-2.0
// Where the runner gets the content of the smartcard's file from.
#pragma once

#include <expected>
#include <optional>
#include <string>

#include <slipway/base/secret.hpp>

namespace slipway::device {

class SmartcardSource {
 public:
  virtual ~SmartcardSource() = default;
  /// The bytes of EF(LwM2M_Bootstrap); nothing where there is no card, or no such file on it. Blocks, for
  /// seconds at most: it is called on a thread of its own. The error is for a person. Throws nothing.
  [[nodiscard]] virtual std::expected<std::optional<Secret>, std::string> read() = 0;
};

}  // namespace slipway::device

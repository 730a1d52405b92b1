// SPDX-License-Identifier: Apache-2.0
#include "client/alerts.hpp"

#include <algorithm>
#include <array>

namespace slipway::client {
namespace {

// 86 is printed where 80 is meant: both. See docs/decisions.toml.
constexpr auto kRetry =
    std::to_array<std::uint8_t>({0, 10, 20, 21, 22, 40, 47, 50, 51, 70, 71, 80, 86, 90, 100, 111});
constexpr auto kFail = std::to_array<std::uint8_t>({42, 43, 44, 45, 46, 48, 49, 112, 113, 114, 115});

}  // namespace

AlertClass alert_class(std::uint8_t alert) {
  if (std::ranges::binary_search(kFail, alert)) return AlertClass::fail;
  return std::ranges::binary_search(kRetry, alert) ? AlertClass::retry : AlertClass::ignore;
}

}  // namespace slipway::client

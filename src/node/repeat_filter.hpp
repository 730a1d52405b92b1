// SPDX-License-Identifier: Apache-2.0
// Lets the first of many equal things pass. What somebody without a key can cause must not push out of the
// store what a device did.
#pragma once

#include <array>
#include <functional>
#include <string_view>

#include <slipway/base/time.hpp>

namespace slipway::node {

class RepeatFilter {
 public:
  /// False when the same came less than kPause ago. Things that share one of the kSlots may hide each other's
  /// repetition, never more.
  [[nodiscard]] bool passes(TimePoint now, std::string_view thing) {
    const auto hash = std::hash<std::string_view>{}(thing);
    auto& slot = slots_[hash % kSlots];
    if (slot.used && slot.hash == hash && now - slot.at < kPause) return false;
    slot = {.hash = hash, .at = now, .used = true};
    return true;
  }

  static constexpr Duration kPause = seconds(60);
  static constexpr std::size_t kSlots = 4096;

 private:
  struct Slot {
    std::size_t hash = 0;
    TimePoint at{};
    bool used = false;
  };
  std::array<Slot, kSlots> slots_{};
};

}  // namespace slipway::node

// SPDX-License-Identifier: Apache-2.0
// Slots of tables, and the hashes by which they are found.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include <slipway/base/hash_index.hpp>

namespace slipway::lwm2m {

using Slot = std::uint32_t;
inline constexpr Slot kNoSlot = HashIndex::kNone;

/// Seeded, so that nobody outside can choose names that collide.
[[nodiscard]] inline std::uint32_t hash_text(std::uint64_t seed, std::string_view text) {
  constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15;
  std::uint64_t hash = seed ^ (text.size() * kMultiplier);
  while (!text.empty()) {
    std::uint64_t chunk = 0;
    const auto size = text.size() < 8 ? text.size() : 8;
    std::memcpy(&chunk, text.data(), size);
    hash = (hash ^ chunk) * kMultiplier;
    hash ^= hash >> 29;
    text.remove_prefix(size);
  }
  hash *= kMultiplier;
  return static_cast<std::uint32_t>(hash >> 32);
}
[[nodiscard]] inline std::uint32_t hash_number(std::uint64_t seed, std::uint64_t number) {
  std::uint64_t hash = (seed ^ number) * 0x9E3779B97F4A7C15;
  hash = (hash ^ hash >> 32) * 0xD6E8FEB86659FD93;
  return static_cast<std::uint32_t>(hash >> 32);
}

}  // namespace slipway::lwm2m

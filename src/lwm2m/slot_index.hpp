// SPDX-License-Identifier: Apache-2.0
// From a key to the slot of a table that holds it: open addressing, eight bytes an entry.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

namespace slipway::lwm2m {

using Slot = std::uint32_t;
inline constexpr Slot kNoSlot = 0xFFFFFFFF;

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

/// The keys themselves stay in the caller's table: `matches(slot)` says whether that slot has the key
/// that is looked for. Linear probing at a load of at most three quarters; removal shifts back, so that there
/// are no tombstones.
class SlotIndex {
 public:
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t bytes() const { return entries_.capacity() * sizeof(Entry); }

  template <class Matches>
  [[nodiscard]] Slot find(std::uint32_t hash, Matches&& matches) const {
    if (entries_.empty()) return kNoSlot;
    for (std::size_t at = hash & mask();; at = (at + 1) & mask()) {
      const auto& entry = entries_[at];
      if (entry.slot == kNoSlot) return kNoSlot;
      if (entry.hash == hash && matches(entry.slot)) return entry.slot;
    }
  }

  /// The key must not be there yet.
  void insert(std::uint32_t hash, Slot slot) {
    if (entries_.empty() || size_ * 4 >= entries_.size() * 3) grow();
    place({hash, slot});
    ++size_;
  }

  void erase(std::uint32_t hash, Slot slot) {
    if (entries_.empty()) return;
    std::size_t at = hash & mask();
    while (entries_[at].slot != slot) {
      if (entries_[at].slot == kNoSlot) return;
      at = (at + 1) & mask();
    }
    --size_;
    for (std::size_t next = (at + 1) & mask(); entries_[next].slot != kNoSlot; next = (next + 1) & mask()) {
      const std::size_t home = entries_[next].hash & mask();
      if (((next - home) & mask()) < ((next - at) & mask())) continue;
      entries_[at] = entries_[next];
      at = next;
    }
    entries_[at] = {};
  }

 private:
  struct Entry {
    std::uint32_t hash = 0;
    Slot slot = kNoSlot;
  };
  [[nodiscard]] std::size_t mask() const { return entries_.size() - 1; }
  void place(Entry entry) {
    std::size_t at = entry.hash & mask();
    while (entries_[at].slot != kNoSlot) at = (at + 1) & mask();
    entries_[at] = entry;
  }
  void grow() {
    std::vector<Entry> old(entries_.empty() ? 16 : entries_.size() * 2);
    old.swap(entries_);
    for (const auto& entry : old)
      if (entry.slot != kNoSlot) place(entry);
  }
  std::vector<Entry> entries_;
  std::size_t size_ = 0;
};

}  // namespace slipway::lwm2m

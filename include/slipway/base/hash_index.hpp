// SPDX-License-Identifier: Apache-2.0
// Finds slots of a pool by a hash of what they hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace slipway {

/// Open addressing with linear probing over (hash, slot) pairs; the things themselves live elsewhere and the
/// caller tells whether a slot is the one meant. Erasing moves followers back, so that no tombstones pile
/// up. Grows by doubling, never shrinks; empty, it holds no memory.
class HashIndex {
 public:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;

  [[nodiscard]] std::size_t size() const { return size_; }

  /// The slot with this hash for which `is_it(slot)` holds, or kNone.
  template <class IsIt>
  [[nodiscard]] std::uint32_t find(std::uint32_t hash, const IsIt& is_it) const {
    if (size_ == 0) return kNone;
    for (std::size_t at = hash & mask_;; at = (at + 1) & mask_) {
      const Entry& entry = entries_[at];
      if (entry.slot == kNone) return kNone;
      if (entry.hash == hash && is_it(entry.slot)) return entry.slot;
    }
  }

  void insert(std::uint32_t hash, std::uint32_t slot) {
    if ((size_ + 1) * 4 > entries_.size() * 3) grow();
    put({hash, slot});
    ++size_;
  }

  /// The pair must be there.
  void erase(std::uint32_t hash, std::uint32_t slot) {
    std::size_t hole = hash & mask_;
    while (entries_[hole].slot != slot) hole = (hole + 1) & mask_;
    // An entry may move back to the hole unless its home lies cyclically behind the hole.
    for (std::size_t at = (hole + 1) & mask_; entries_[at].slot != kNone; at = (at + 1) & mask_) {
      const std::size_t home = entries_[at].hash & mask_;
      if (((at - home) & mask_) < ((at - hole) & mask_)) continue;
      entries_[hole] = entries_[at];
      hole = at;
    }
    entries_[hole].slot = kNone;
    --size_;
  }

 private:
  struct Entry {
    std::uint32_t hash = 0;
    std::uint32_t slot = kNone;
  };

  void put(Entry entry) {
    std::size_t at = entry.hash & mask_;
    while (entries_[at].slot != kNone) at = (at + 1) & mask_;
    entries_[at] = entry;
  }
  void grow() {
    std::vector<Entry> old(entries_.empty() ? 8 : entries_.size() * 2);
    old.swap(entries_);
    mask_ = entries_.size() - 1;
    for (const Entry& entry : old)
      if (entry.slot != kNone) put(entry);
  }

  std::vector<Entry> entries_;
  std::size_t mask_ = 0;
  std::size_t size_ = 0;
};

}  // namespace slipway

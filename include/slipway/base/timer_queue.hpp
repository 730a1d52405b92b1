// SPDX-License-Identifier: Apache-2.0
// Deadlines of many things, the next one first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <slipway/base/time.hpp>

namespace slipway {

/// A binary heap of (deadline, key) that knows where each key stands: setting, moving and erasing take
/// O(log n), looking at the next one O(1). Keys are small integers, such as the slots of a pool: memory is
/// 16 bytes a deadline and 4 bytes a key up to the largest one used.
class TimerQueue {
 public:
  using Key = std::uint32_t;

  /// Sets or moves the deadline of `key`.
  void set(Key key, TimePoint deadline);
  /// Does nothing when the key has no deadline.
  void erase(Key key);
  [[nodiscard]] bool contains(Key key) const {
    return key < positions_.size() && positions_[key] != kNowhere;
  }
  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] std::size_t size() const { return heap_.size(); }
  [[nodiscard]] std::optional<TimePoint> next() const {
    if (heap_.empty()) return std::nullopt;
    return heap_.front().deadline;
  }
  /// Takes out the earliest key that is due at `now`; call until empty.
  [[nodiscard]] std::optional<Key> pop_due(TimePoint now);

 private:
  struct Entry {
    TimePoint deadline;
    Key key;
  };
  static constexpr std::uint32_t kNowhere = 0xFFFFFFFF;

  void place(std::size_t position, Entry entry);
  void sift_up(std::size_t position, Entry entry);
  void sift_down(std::size_t position, Entry entry);

  std::vector<Entry> heap_;
  std::vector<std::uint32_t> positions_;
};

}  // namespace slipway

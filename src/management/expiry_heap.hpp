// SPDX-License-Identifier: Apache-2.0
// When registrations end: one entry a device, moved only when it must be.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include <slipway/base/time.hpp>

#include "lwm2m/slot.hpp"

namespace slipway::management {

using lwm2m::kNoSlot;
using lwm2m::Slot;

/// A heap of (time, slot) that knows where each slot stands. Most changes postpone an end, and then
/// nothing moves: the entry keeps its early time, and when that comes the caller sets the true one. So an
/// Update costs no reordering, and a device never has two entries.
class ExpiryHeap {
 public:
  /// The entry's time becomes `at`, or stays if it is earlier.
  void at_latest(Slot slot, TimePoint at) {
    if (slot >= places_.size()) places_.resize(slot + std::size_t{1}, kNoSlot);
    if (places_[slot] == kNoSlot) {
      heap_.push_back({at, slot});
      places_[slot] = static_cast<Slot>(heap_.size() - 1);
      rise(heap_.size() - 1);
    } else if (at < heap_[places_[slot]].at) {
      heap_[places_[slot]].at = at;
      rise(places_[slot]);
    }
  }
  void remove(Slot slot) {
    if (slot >= places_.size() || places_[slot] == kNoSlot) return;
    const auto place = places_[slot];
    swap(place, heap_.size() - 1);
    heap_.pop_back();
    places_[slot] = kNoSlot;
    if (place == heap_.size()) return;
    rise(place);
    sink(place);
  }
  [[nodiscard]] std::optional<TimePoint> next() const {
    if (heap_.empty()) return std::nullopt;
    return heap_.front().at;
  }
  [[nodiscard]] Slot front() const { return heap_.front().slot; }

 private:
  struct Entry {
    TimePoint at;
    Slot slot;
  };
  void swap(std::size_t a, std::size_t b) {
    std::swap(heap_[a], heap_[b]);
    places_[heap_[a].slot] = static_cast<Slot>(a);
    places_[heap_[b].slot] = static_cast<Slot>(b);
  }
  void rise(std::size_t at) {
    while (at != 0 && heap_[at].at < heap_[(at - 1) / 2].at) {
      swap(at, (at - 1) / 2);
      at = (at - 1) / 2;
    }
  }
  void sink(std::size_t at) {
    for (;;) {
      auto child = 2 * at + 1;
      if (child >= heap_.size()) return;
      if (child + 1 < heap_.size() && heap_[child + 1].at < heap_[child].at) ++child;
      if (heap_[at].at <= heap_[child].at) return;
      swap(at, child);
      at = child;
    }
  }
  std::vector<Entry> heap_;
  std::vector<Slot> places_;
};

}  // namespace slipway::management

// SPDX-License-Identifier: Apache-2.0
// Deadlines that all lie equally far ahead.
#pragma once

#include <optional>
#include <vector>

#include <slipway/base/time.hpp>

#include "lwm2m/slot.hpp"

namespace slipway::lwm2m {

/// Slots of a table in the order in which a deadline of theirs falls due. Every entry waits equally long, so
/// the order is that of arrival: no heap, no scan.
class DeadlineList {
 public:
  void push(Slot slot, TimePoint deadline);
  void remove(Slot slot);
  [[nodiscard]] bool contains(Slot slot) const { return slot < nodes_.size() && nodes_[slot].linked; }
  [[nodiscard]] Slot front() const { return head_; }
  [[nodiscard]] std::optional<TimePoint> next() const;

 private:
  struct Node {
    TimePoint deadline{};
    Slot before = kNoSlot;
    Slot after = kNoSlot;
    bool linked = false;
  };
  std::vector<Node> nodes_;
  Slot head_ = kNoSlot;
  Slot tail_ = kNoSlot;
};

}  // namespace slipway::lwm2m

// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/deadline_list.hpp"

namespace slipway::lwm2m {

void DeadlineList::push(Slot slot, TimePoint deadline) {
  if (slot >= nodes_.size()) nodes_.resize(slot + std::size_t{1});
  remove(slot);
  nodes_[slot] = Node{.deadline = deadline, .before = tail_, .after = kNoSlot, .linked = true};
  (tail_ == kNoSlot ? head_ : nodes_[tail_].after) = slot;
  tail_ = slot;
}

void DeadlineList::remove(Slot slot) {
  if (!contains(slot)) return;
  auto& node = nodes_[slot];
  (node.before == kNoSlot ? head_ : nodes_[node.before].after) = node.after;
  (node.after == kNoSlot ? tail_ : nodes_[node.after].before) = node.before;
  node.linked = false;
}

std::optional<TimePoint> DeadlineList::next() const {
  if (head_ == kNoSlot) return std::nullopt;
  return nodes_[head_].deadline;
}

}  // namespace slipway::lwm2m

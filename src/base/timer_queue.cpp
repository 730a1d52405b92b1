// SPDX-License-Identifier: Apache-2.0
#include <slipway/base/timer_queue.hpp>

namespace slipway {

void TimerQueue::set(Key key, TimePoint deadline) {
  if (key >= positions_.size()) positions_.resize(std::size_t{key} + 1, kNowhere);
  const Entry entry{deadline, key};
  auto position = positions_[key];
  if (position == kNowhere) {
    position = static_cast<std::uint32_t>(heap_.size());
    heap_.push_back(entry);
    sift_up(position, entry);
  } else if (deadline < heap_[position].deadline) {
    sift_up(position, entry);
  } else {
    sift_down(position, entry);
  }
}

void TimerQueue::erase(Key key) {
  if (!contains(key)) return;
  const std::size_t hole = positions_[key];
  positions_[key] = kNowhere;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (hole == heap_.size()) return;
  if (hole != 0 && last.deadline < heap_[(hole - 1) / 2].deadline) {
    sift_up(hole, last);
  } else {
    sift_down(hole, last);
  }
}

std::optional<TimerQueue::Key> TimerQueue::pop_due(TimePoint now) {
  if (heap_.empty() || heap_.front().deadline > now) return std::nullopt;
  const Key key = heap_.front().key;
  erase(key);
  return key;
}

void TimerQueue::place(std::size_t position, Entry entry) {
  heap_[position] = entry;
  positions_[entry.key] = static_cast<std::uint32_t>(position);
}

void TimerQueue::sift_up(std::size_t position, Entry entry) {
  while (position != 0) {
    const std::size_t parent = (position - 1) / 2;
    if (heap_[parent].deadline <= entry.deadline) break;
    place(position, heap_[parent]);
    position = parent;
  }
  place(position, entry);
}

void TimerQueue::sift_down(std::size_t position, Entry entry) {
  for (;;) {
    std::size_t child = 2 * position + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1].deadline < heap_[child].deadline) ++child;
    if (entry.deadline <= heap_[child].deadline) break;
    place(position, heap_[child]);
    position = child;
  }
  place(position, entry);
}

}  // namespace slipway

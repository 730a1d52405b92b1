// SPDX-License-Identifier: Apache-2.0
// Bounded tables whose entries are named by their slot, lists threaded through them, and a queue.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace slipway::coap {

using Slot = std::uint32_t;
inline constexpr Slot kNoSlot = 0xFFFFFFFF;

/// At most `capacity` things. Memory comes in chunks as it is needed and is kept; things never move.
template <class T>
class Pool {
 public:
  explicit Pool(std::size_t capacity) : capacity_(capacity) {}

  [[nodiscard]] std::size_t size() const { return used_ - free_.size(); }
  [[nodiscard]] bool full() const { return size() == capacity_; }
  /// kNoSlot when full.
  [[nodiscard]] Slot take() {
    if (!free_.empty()) {
      const Slot slot = free_.back();
      free_.pop_back();
      return slot;
    }
    if (used_ == capacity_) return kNoSlot;
    if (used_ == chunks_.size() * kChunk) chunks_.push_back(std::make_unique<T[]>(kChunk));
    return static_cast<Slot>(used_++);
  }
  void give_back(Slot slot) {
    auto* const thing = &(*this)[slot];
    std::destroy_at(thing);
    std::construct_at(thing);
    free_.push_back(slot);
  }
  /// True for a slot that was handed out at least once.
  [[nodiscard]] bool knows(Slot slot) const { return slot < used_; }
  T& operator[](Slot slot) { return chunks_[slot / kChunk][slot % kChunk]; }
  const T& operator[](Slot slot) const { return chunks_[slot / kChunk][slot % kChunk]; }

 private:
  static constexpr std::size_t kChunk = 16;
  std::size_t capacity_;
  std::size_t used_ = 0;
  std::vector<std::unique_ptr<T[]>> chunks_;
  std::vector<Slot> free_;
};

struct Link {
  Slot previous = kNoSlot;
  Slot next = kNoSlot;
};

/// A doubly linked list through the member `link` of a pool's things.
template <class T, Link T::* link>
class List {
 public:
  [[nodiscard]] bool empty() const { return head_ == kNoSlot; }
  [[nodiscard]] Slot front() const { return head_; }

  void push_back(Pool<T>& pool, Slot slot) {
    pool[slot].*link = {tail_, kNoSlot};
    (tail_ == kNoSlot ? head_ : (pool[tail_].*link).next) = slot;
    tail_ = slot;
  }
  void push_front(Pool<T>& pool, Slot slot) {
    pool[slot].*link = {kNoSlot, head_};
    (head_ == kNoSlot ? tail_ : (pool[head_].*link).previous) = slot;
    head_ = slot;
  }
  void remove(Pool<T>& pool, Slot slot) {
    const Link at = pool[slot].*link;
    (at.previous == kNoSlot ? head_ : (pool[at.previous].*link).next) = at.next;
    (at.next == kNoSlot ? tail_ : (pool[at.next].*link).previous) = at.previous;
    pool[slot].*link = {};
  }

 private:
  Slot head_ = kNoSlot;
  Slot tail_ = kNoSlot;
};

/// First in, first out; grows by doubling and keeps its memory.
template <class T>
class Ring {
 public:
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::size_t size() const { return count_; }
  /// A place at the end, with whatever an earlier use left in it.
  [[nodiscard]] T& push() {
    if (count_ == capacity_) grow();
    return items_[(head_ + count_++) & (capacity_ - 1)];
  }
  [[nodiscard]] T& front() { return items_[head_]; }
  void pop() {
    head_ = (head_ + 1) & (capacity_ - 1);
    --count_;
  }

 private:
  void grow() {
    std::vector<T> larger(items_.empty() ? 4 : capacity_ * 2);
    for (std::size_t i = 0; i < count_; ++i) larger[i] = std::move(items_[(head_ + i) & (capacity_ - 1)]);
    items_ = std::move(larger);
    capacity_ = items_.size();
    head_ = 0;
  }
  std::vector<T> items_;
  std::size_t capacity_ = 0;  // that of items_, which would have to divide for it
  std::size_t head_ = 0;
  std::size_t count_ = 0;
};

}  // namespace slipway::coap

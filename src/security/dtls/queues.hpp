// SPDX-License-Identifier: Apache-2.0
// What an engine has to say, until it is polled: no allocation once warm.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include <slipway/base/bytes.hpp>

namespace slipway::security::dtls {

/// Items with some bytes each, first in first out. The bytes lie in one buffer that starts anew
/// whenever the queue is empty.
template <class Item>
class ByteQueue {
 public:
  /// Room for the next item's bytes; `push` takes it. Views of earlier polls become invalid.
  [[nodiscard]] MutableBytes prepare(std::size_t size) {
    if (next_ == entries_.size()) {
      entries_.clear();
      next_ = 0;
      used_ = 0;
    }
    if (bytes_.size() < used_ + size) bytes_.resize(used_ + size);
    return MutableBytes(bytes_).subspan(used_, size);
  }
  void push(Item item, std::size_t size) {
    entries_.push_back({std::move(item), used_, size});
    used_ += size;
  }
  void push(Item item, ByteView bytes = {}) {
    const auto room = prepare(bytes.size());
    if (!bytes.empty()) std::memcpy(room.data(), bytes.data(), bytes.size());
    push(std::move(item), bytes.size());
  }
  /// The view is valid until the next `prepare` or `push`.
  [[nodiscard]] std::optional<std::pair<Item, ByteView>> poll() {
    if (next_ == entries_.size()) return std::nullopt;
    auto& entry = entries_[next_++];
    return std::pair{std::move(entry.item), ByteView(bytes_).subspan(entry.offset, entry.size)};
  }
  [[nodiscard]] std::size_t size() const { return entries_.size() - next_; }
  void clear() {
    entries_.clear();
    next_ = used_ = 0;
  }

 private:
  struct Entry {
    Item item;
    std::size_t offset, size;
  };
  std::vector<Entry> entries_;
  std::size_t next_ = 0, used_ = 0;
  Bytes bytes_;
};

}  // namespace slipway::security::dtls

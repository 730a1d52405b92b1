// SPDX-License-Identifier: Apache-2.0
// Slots in the order of their names, about five bytes each.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "lwm2m/slot.hpp"

namespace slipway::management {

using lwm2m::kNoSlot;
using lwm2m::Slot;

/// A list of sorted chunks: two binary searches find a place, an insertion moves at most one chunk
/// (2 KiB), a full chunk is halved. A tree node for each device would cost forty bytes.
/// `name(slot)` gives the name, which must not change while the slot is in here.
class NameOrder {
 public:
  template <class NameOf>
  void insert(Slot slot, NameOf&& name) {
    if (chunks_.empty()) chunks_.emplace_back();
    auto chunk = chunk_for(name(slot), name);
    auto& slots = *chunk;
    slots.insert(place_in(slots, name(slot), name), slot);
    if (slots.size() < kChunkMax) return;
    Chunk upper(slots.begin() + kChunkMax / 2, slots.end());
    slots.resize(kChunkMax / 2);
    slots.shrink_to_fit();
    chunks_.insert(chunk + 1, std::move(upper));
  }

  template <class NameOf>
  void erase(Slot slot, NameOf&& name) {
    if (chunks_.empty()) return;
    const auto chunk = chunk_for(name(slot), name);
    const auto at = place_in(*chunk, name(slot), name);
    if (at == chunk->end() || *at != slot) return;
    chunk->erase(at);
    if (chunk->empty()) chunks_.erase(chunk);
  }

  /// Calls `visit(slot)` for up to `limit` slots whose names come after `after`; "" is before all.
  template <class NameOf, class Visit>
  void visit_after(std::string_view after, std::size_t limit, NameOf&& name, Visit&& visit) const {
    auto chunk = chunks_.begin();
    if (!after.empty() && !chunks_.empty()) {
      chunk = std::upper_bound(chunks_.begin(), chunks_.end(), after,
                               [&](std::string_view text, const Chunk& c) { return text < name(c.front()); });
      if (chunk != chunks_.begin()) --chunk;
    }
    for (; chunk != chunks_.end() && limit != 0; ++chunk) {
      auto at = chunk->begin();
      if (!after.empty())
        at = std::upper_bound(chunk->begin(), chunk->end(), after,
                              [&](std::string_view text, Slot slot) { return text < name(slot); });
      for (; at != chunk->end() && limit != 0; ++at, --limit) visit(*at);
    }
  }

 private:
  using Chunk = std::vector<Slot>;
  static constexpr std::size_t kChunkMax = 512;

  /// The last chunk that begins at or before `text`, or the first.
  template <class NameOf>
  [[nodiscard]] std::vector<Chunk>::iterator chunk_for(std::string_view text, NameOf&& name) {
    const auto after = std::upper_bound(
        chunks_.begin(), chunks_.end(), text,
        [&](std::string_view t, const Chunk& c) { return !c.empty() && t < name(c.front()); });
    return after == chunks_.begin() ? after : after - 1;
  }
  template <class NameOf>
  [[nodiscard]] static Chunk::iterator place_in(Chunk& slots, std::string_view text, NameOf&& name) {
    return std::lower_bound(slots.begin(), slots.end(), text,
                            [&](Slot slot, std::string_view t) { return name(slot) < t; });
  }
  std::vector<Chunk> chunks_;
};

}  // namespace slipway::management

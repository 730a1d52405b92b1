// SPDX-License-Identifier: Apache-2.0
// Object lists of devices, each kept once: a fleet of one model has one list.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/lwm2m/registration.hpp>

#include "lwm2m/slot.hpp"

namespace slipway::management {

using lwm2m::kNoSlot;
using lwm2m::Slot;

/// Reference counted; a handle is a slot.
class LinkPool {
 public:
  struct Entry {
    std::string text;            ///< as the device sent it
    std::string alternate_path;  ///< "" or "/lwm2m"
    lwm2m::FormatSet formats;
    std::vector<std::pair<ObjectId, Version>> versions;  ///< where `ver` was given
    std::uint32_t hash = 0;
    std::uint32_t references = 0;
  };

  explicit LinkPool(std::uint64_t seed) : seed_(seed) {}
  /// The handle of this list, with one more reference. `list` is what `text` parses to.
  [[nodiscard]] Slot acquire(std::string_view text, const lwm2m::ObjectList& list);
  void release(Slot handle);
  [[nodiscard]] const Entry& operator[](Slot handle) const { return entries_[handle]; }
  [[nodiscard]] std::size_t size() const { return index_.size(); }

 private:
  std::uint64_t seed_;
  std::deque<Entry> entries_;
  std::vector<Slot> free_;
  HashIndex index_;
};

}  // namespace slipway::management

// SPDX-License-Identifier: Apache-2.0
#include "management/link_pool.hpp"

namespace slipway::management {

Slot LinkPool::acquire(std::string_view text, const lwm2m::ObjectList& list) {
  const auto hash = lwm2m::hash_text(seed_, text);
  auto handle = index_.find(hash, [&](Slot slot) { return entries_[slot].text == text; });
  if (handle != kNoSlot) {
    ++entries_[handle].references;
    return handle;
  }
  if (free_.empty()) {
    handle = static_cast<Slot>(entries_.size());
    entries_.emplace_back();
  } else {
    handle = free_.back();
    free_.pop_back();
  }
  auto& entry = entries_[handle];
  entry.text = text;
  entry.alternate_path = list.alternate_path;
  entry.formats = list.formats;
  for (const auto& link : list.links)
    if (link.version) entry.versions.emplace_back(link.path.object(), *link.version);
  entry.hash = hash;
  entry.references = 1;
  index_.insert(hash, handle);
  return handle;
}

void LinkPool::release(Slot handle) {
  if (handle == kNoSlot) return;
  auto& entry = entries_[handle];
  if (--entry.references != 0) return;
  index_.erase(entry.hash, handle);
  entry = Entry{};
  free_.push_back(handle);
}

}  // namespace slipway::management

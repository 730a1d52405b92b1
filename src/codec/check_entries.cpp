// SPDX-License-Identifier: Apache-2.0
#include "codec/formats.hpp"

namespace slipway::codec {
namespace {

Result<void> check_kind(const Entry& entry) {
  switch (entry.kind) {
    case EntryKind::value:
      if (entry.path.depth() < 3) return fail(ErrorCode::unsupported, "a value that is no resource's");
      if (entry.value.empty()) return fail(ErrorCode::unsupported, "an entry without a value");
      return {};
    case EntryKind::instance:
      if (entry.path.depth() != 2) return fail(ErrorCode::wrong_path, "an instance entry of another level");
      return {};
    case EntryKind::multiple:
      if (entry.path.depth() != 3) return fail(ErrorCode::wrong_path, "a multiple entry of another level");
      return {};
    case EntryKind::absent:
      break;
  }
  return {};
}

Result<void> check_order(const Entry& previous, const Entry& entry) {
  if (previous.path == entry.path) {
    if (previous.time == entry.time) return fail(ErrorCode::duplicate, "two entries for one path");
    return {};
  }
  if (entry.path < previous.path) return fail(ErrorCode::wrong_path, "entries that are not sorted");
  if (previous.kind != EntryKind::absent && entry.kind != EntryKind::absent &&
      previous.path.contains(entry.path))
    return fail(ErrorCode::duplicate, "a value, and entries below it");
  return {};
}

}  // namespace

Result<void> check_entries(const Path& base, Entries entries) {
  const Entry* previous = nullptr;
  std::uint64_t last_key = 0;
  for (const auto& entry : entries) {
    const auto key = key_of(entry.path);
    const bool plain = entry.kind == EntryKind::value && entry.path.depth() >= 3 && !entry.value.empty();
    if (!plain) SLIPWAY_TRY(check_kind(entry));
    const bool ascends = key > last_key && previous != nullptr &&
                         previous->path.depth() >= entry.path.depth();
    if (!ascends && previous != nullptr) SLIPWAY_TRY(check_order(*previous, entry));
    previous = &entry;
    last_key = key;
  }
  // Sorted entries lie inside the base when the first and the last do.
  if (!entries.empty() && (!base.contains(entries.front().path) || !base.contains(entries.back().path)))
    return fail(ErrorCode::wrong_path, "an entry outside the base path");
  return {};
}

}  // namespace slipway::codec

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

Result<void> check_entry(const Entry* previous, const Entry& entry) {
  SLIPWAY_TRY(check_kind(entry));
  if (previous != nullptr) SLIPWAY_TRY(check_order(*previous, entry));
  return {};
}

// Sorted entries lie inside the base when the first and the last do.
Result<void> check_ends(const Path& base, Entries entries) {
  if (entries.empty() || base.is_root()) return {};
  const auto depth = base.depth();
  const auto ids = base.packed();
  const auto mask = ~std::uint64_t{0} >> (16 * (4 - depth));
  const Path& first = entries.front().path;
  const Path& last = entries.back().path;
  const bool inside = first.depth() >= depth && last.depth() >= depth &&
                      ((first.packed() ^ ids) & mask) == 0 && ((last.packed() ^ ids) & mask) == 0;
  if (!inside) return fail(ErrorCode::wrong_path, "an entry outside the base path");
  return {};
}

Result<void> check_entries(const Path& base, Entries entries) {
  const Entry* previous = nullptr;
  for (const auto& entry : entries) {
    if (previous == nullptr || !follows(*previous, entry)) SLIPWAY_TRY(check_entry(previous, entry));
    previous = &entry;
  }
  return check_ends(base, entries);
}

}  // namespace slipway::codec

// SPDX-License-Identifier: Apache-2.0
#include "bootstrap/compare.hpp"

#include <algorithm>

#include "bootstrap/core_objects.hpp"

namespace slipway::bootstrap {
namespace {

/// TLS-DTLS Alert Code and Last Bootstrapped. [LwM2M-CORE 1.2 App. E.2]
bool kept_by_the_device(const Path& path) {
  const auto id = path.resource().value();
  return path.object() == kServer && (id == 11 || id == 12);
}

}  // namespace

bool is_as_planned(const PlannedOperation& operation, const Sources& sources, std::span<const Entry> read) {
  std::vector<Entry> planned, had;
  if (!append_entries(operation, sources, planned)) return false;
  for (const auto& entry : read)
    if (entry.kind == EntryKind::value && operation.path.contains(entry.path) &&
        !kept_by_the_device(entry.path))
      had.push_back(entry);
  std::ranges::sort(had, {}, &Entry::path);
  return std::ranges::equal(
      planned, had, [](const Entry& a, const Entry& b) { return a.path == b.path && a.value == b.value; });
}

}  // namespace slipway::bootstrap

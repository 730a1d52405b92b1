// SPDX-License-Identifier: Apache-2.0
#include "codec/entry_sink.hpp"

#include <algorithm>
#include <array>

namespace slipway::codec {
namespace {

/// Below this many entries comparing all pairs is cheaper than sorting.
constexpr std::size_t kPairwiseMax = 32;

bool before(const Entry& a, const Entry& b) {
  if (const auto order = a.path <=> b.path; order != 0) return order < 0;
  return a.time < b.time;
}

/// Two lines collide when they say the same thing twice, or when one gives a value to what the other
/// divides. History (one path at several times) and overlapping requests (absent) do not.
bool collide(const Entry& a, const Entry& b) {
  if (a.path == b.path) return a.time == b.time;
  const Entry& parent = a.path.depth() < b.path.depth() ? a : b;
  const Entry& child = &parent == &a ? b : a;
  return parent.kind != EntryKind::absent && child.kind != EntryKind::absent &&
         parent.path.contains(child.path);
}

bool any_pair_collides(std::span<const Entry> entries) {
  for (std::size_t i = 1; i < entries.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (collide(entries[i], entries[j])) return true;
  return false;
}

/// In sorted order a collision is between neighbours, or with the nearest line above that has fewer ids.
bool sorted_neighbours_collide(std::span<const Entry> entries) {
  std::array<std::uint16_t, kEntriesMax> order;
  for (std::size_t i = 0; i < entries.size(); ++i) order[i] = static_cast<std::uint16_t>(i);
  std::sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(entries.size()),
            [&](auto a, auto b) { return before(entries[a], entries[b]); });
  std::array<const Entry*, 5> last_at_depth{};
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Entry& entry = entries[order[i]];
    for (std::size_t depth = 0; depth <= entry.path.depth(); ++depth)
      if (last_at_depth[depth] != nullptr && collide(*last_at_depth[depth], entry)) return true;
    last_at_depth[entry.path.depth()] = &entry;
  }
  return false;
}

}  // namespace

void EntrySink::keep_error(ErrorCode code, const char* detail, const std::uint8_t* at) {
  if (!error_) error_ = {code, static_cast<std::uint32_t>(at - payload_.data()), detail};
}

void EntrySink::look_up(std::uint16_t object) {
  object_ = object;
  definition_ = nullptr;
  if (options_.catalog == nullptr) return;
  const bool versioned =
      options_.object_version != nullptr && base_.has_object() && base_.object().value() == object;
  definition_ = versioned ? options_.catalog->find(ObjectId(object), *options_.object_version)
                          : options_.catalog->find(ObjectId(object));
}

std::uint8_t* EntrySink::take_scratch(std::size_t size, const std::uint8_t* at) {
  if (scratch_.size() - scratch_used_ < size) {
    fail(ErrorCode::limit, "more rebuilt text than the scratch buffer takes", at);
    return nullptr;
  }
  auto* taken = scratch_.data() + scratch_used_;
  scratch_used_ += size;
  return taken;
}

void EntrySink::restart() {
  at_ = first_;
  scratch_used_ = 0;
  last_key_ = 0;
  last_rest_ = 0;
  last_depth_ = 4;
  unordered_ = false;
  error_.reset();
}

bool EntrySink::check_duplicates() {
  const std::span<const Entry> entries(first_, at_);
  if (entries.size() > kEntriesMax)
    return fail(ErrorCode::limit, "too many entries out of order", payload_.data());
  const bool collides =
      entries.size() <= kPairwiseMax ? any_pair_collides(entries) : sorted_neighbours_collide(entries);
  if (collides) return fail(ErrorCode::duplicate, "two values for one path", payload_.data());
  return true;
}

}  // namespace slipway::codec

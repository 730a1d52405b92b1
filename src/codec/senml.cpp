// SPDX-License-Identifier: Apache-2.0
#include "codec/senml.hpp"

#include <cmath>

#include "codec/cbor_writer.hpp"

namespace slipway::codec {

SenmlResolver::SenmlResolver(EntrySink& sink)
    : sink_(sink), base_key_(key_of(sink.base())), base_depth_(static_cast<unsigned>(sink.base().depth())) {
  base_mask_ = base_depth_ == 0 ? 0 : ~std::uint64_t{0} << (16 * (4 - base_depth_));
}

void SenmlResolver::set_base_name(ByteView name) {
  base_name_ = {};
  base_name_.append(name);
  boundary_ = base_name_.at_boundary() ? base_name_.depth() : 0;
  boundary_key_ = boundary_ == 0 ? 0 : base_name_.key();
}

bool SenmlResolver::add(SenmlRecord& record) {
  if (record.has(SenmlField::base_name)) set_base_name(record.base_name);
  if (record.has(SenmlField::base_time)) base_time_ = record.base_time;
  SenmlName name = base_name_;
  if (record.has(SenmlField::name)) name.append(record.name);
  return add(record, name);
}

bool SenmlResolver::add(SenmlRecord& record, SenmlName name) {
  std::uint64_t key = 0;
  unsigned depth = 0;
  if (!name.complete(key, depth, sink_, record.at)) return false;
  if (((key ^ base_key_) & base_mask_) != 0 || depth < base_depth_)
    return sink_.fail(ErrorCode::wrong_path, "a SenML record outside the target", record.at);
  sink_.note_order(key, depth);
  auto* entry = sink_.next(record.at);
  if (entry == nullptr) return false;
  entry->path = path_of(key, depth);
  entry->time = base_time_ + record.time;
  if (!record.has(SenmlField::value) || record.value.kind == Scalar::Kind::null) {
    entry->value = {};
    entry->kind = EntryKind::absent;
    return true;
  }
  if (depth < 3) return sink_.fail(ErrorCode::wrong_path, "a SenML value that is no resource's", record.at);
  entry->kind = EntryKind::value;
  const auto object = static_cast<std::uint16_t>(key >> 48);
  const auto resource = static_cast<std::uint16_t>(key >> 16);
  return to_value(record.value, sink_.type_of(object, resource), sink_, record.at, entry->value);
}

SenmlSplit split_names(Entries entries) {
  if (entries.empty()) return {};
  const Path& first = entries.front().path;
  const Path& last = entries.back().path;
  if (first == last) return {first, true};
  // Sorted entries all share what the first and the last share; a first that is above the others must
  // keep an id for its own name.
  const auto most = std::min({first.depth() - 1, last.depth() - 1, std::size_t{3}});
  std::size_t shared = 0;
  while (shared < most && first.id_at(shared) == last.id_at(shared)) ++shared;
  return {first.prefix(shared), false};
}

std::uint8_t* put_base_name(std::uint8_t* at, const SenmlSplit& split) {
  for (std::size_t depth = 0; depth < split.base.depth(); ++depth) {
    *at++ = '/';
    at = put_id(at, split.base.id_at(depth));
  }
  if (!split.whole && !split.base.is_root()) *at++ = '/';
  return at;
}

Result<std::size_t> check_senml(const Path& base, Entries entries) {
  const Entry* previous = nullptr;
  std::size_t records = 0;
  for (const auto& entry : entries) {
    if (previous != nullptr && follows(*previous, entry) && entry.time == 0) {
      ++records;
    } else {
      SLIPWAY_TRY(check_entry(previous, entry));
      if (entry.path.instance().value() == kReservedId)
        return fail(ErrorCode::unsupported, "SenML cannot create an instance without its id");
      if (!std::isfinite(entry.time)) return fail(ErrorCode::out_of_range, "a time that is no number");
      records += is_written(entry) ? 1u : 0u;
    }
    previous = &entry;
  }
  SLIPWAY_TRY(check_ends(base, entries));
  if (!entries.empty() && entries.front().path.is_root())
    return fail(ErrorCode::unsupported, "a SenML record needs a path");
  return records;
}

}  // namespace slipway::codec

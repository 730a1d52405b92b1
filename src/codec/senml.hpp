// SPDX-License-Identifier: Apache-2.0
// What SenML JSON and SenML CBOR share: one record, and how names are split. [RFC 8428]
#pragma once

#include "codec/decimal.hpp"
#include "codec/formats.hpp"
#include "codec/scalar.hpp"
#include "codec/senml_name.hpp"

namespace slipway::codec {

/// Labels that matter here, as bits, so that one that stands twice in a record is seen.
enum class SenmlField : std::uint8_t {
  base_name = 1 << 0,
  base_time = 1 << 1,
  name = 1 << 2,
  time = 1 << 3,
  value = 1 << 4,  ///< any of v, vs, vb, vd, vlo: a record has one at most
};

/// One record as it stands in the payload.
struct SenmlRecord {
  std::uint8_t seen = 0;
  ByteView base_name{};
  ByteView name{};
  double base_time = 0;
  double time = 0;
  Scalar value{};
  const std::uint8_t* at = nullptr;  ///< its start

  [[nodiscard]] bool has(SenmlField field) const { return (seen & static_cast<std::uint8_t>(field)) != 0; }
  /// False when it was there already.
  [[nodiscard]] bool note(SenmlField field) {
    const bool is_new = !has(field);
    seen |= static_cast<std::uint8_t>(field);
    return is_new;
  }
};

/// Resolves record after record: base name and base time persist. [RFC 8428 §4.6]
class SenmlResolver {
 public:
  explicit SenmlResolver(EntrySink& sink);
  /// A base name, for this record and those after it.
  void set_base_name(ByteView name);
  /// Makes an entry of a record.
  [[nodiscard]] bool add(SenmlRecord& record);
  /// The same with a name that was put together elsewhere.
  [[nodiscard]] bool add(SenmlRecord& record, SenmlName name);

  /// Reads a name that is nothing but ids below the base name, "6/0", and lies inside the target.
  /// False for anything else, which add() then reads or refuses.
  [[nodiscard]] bool short_name(const std::uint8_t* at, const std::uint8_t* end, std::uint64_t& key,
                                unsigned& depth) const {
    if (boundary_ == 0) return false;
    key = boundary_key_;
    depth = boundary_;
    for (;;) {
      unsigned id = *at - unsigned{'0'};
      if (id > 9) return false;
      while (++at != end) {
        const unsigned digit = *at - unsigned{'0'};
        if (digit > 9) break;
        if (id == 0) return false;
        id = id * 10 + digit;
        if (id >= kReservedId) return false;
      }
      key |= std::uint64_t{id} << (48 - 16 * depth);
      ++depth;
      if (at == end) return ((key ^ base_key_) & base_mask_) == 0 && depth >= base_depth_;
      if (*at != '/' || depth == 4 || ++at == end) return false;
    }
  }
  [[nodiscard]] double base_time() const { return base_time_; }

 private:
  EntrySink& sink_;
  SenmlName base_name_;
  unsigned boundary_ = 0;  ///< ids in the base name, where it ends between two; otherwise 0
  std::uint64_t boundary_key_ = 0;
  double base_time_ = 0;
  std::uint64_t base_key_;
  std::uint64_t base_mask_;
  unsigned base_depth_;
};

/// How names of a sorted list are split: the base name takes the ids that all paths share.
struct SenmlSplit {
  Path base;
  bool whole = false;  ///< all entries have the path `base`: records need no name
};
[[nodiscard]] SenmlSplit split_names(Entries entries);

/// Longest base name: four ids, with a slash before each and one after.
inline constexpr std::size_t kSenmlNameMax = 26;
/// "/3/0/" for a split, "" where paths share nothing.
[[nodiscard]] std::uint8_t* put_base_name(std::uint8_t* at, const SenmlSplit& split);
/// The ids after the base name, "6/0"; with a slash before them where there is no base name.
[[nodiscard]] inline std::uint8_t* put_name(std::uint8_t* at, const SenmlSplit& split, const Path& path) {
  auto depth = split.base.depth();
  if (depth == 0) *at++ = '/';
  for (;;) {
    at = put_id(at, path.id_at(depth));
    if (++depth >= path.depth()) return at;
    *at++ = '/';
  }
}

/// SenML has nothing for an empty instance or an empty multiple resource: they are left out.
[[nodiscard]] inline bool is_written(const Entry& entry) {
  return entry.kind == EntryKind::value || entry.kind == EntryKind::absent;
}
/// check_entries(), what SenML cannot say, and the number of records.
[[nodiscard]] Result<std::size_t> check_senml(const Path& base, Entries entries);

}  // namespace slipway::codec

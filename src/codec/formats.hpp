// SPDX-License-Identifier: Apache-2.0
// One encoder and one decoder per format, behind payload.cpp which picks one.
#pragma once

#include "codec/entry_sink.hpp"

namespace slipway::codec {

using Entries = std::span<const Entry>;
using Encoded = Result<std::size_t>;

/// What all list formats but TLV (which does it on its way) demand of entries: inside `base`, sorted,
/// no duplicates, a kind that fits the depth.
[[nodiscard]] Result<void> check_entries(const Path& base, Entries entries);

/// The same in parts, for an encoder that has its own loop. follows() tells the common case cheaply: a
/// value of the same instance as the entry before it, with a greater resource id, or of the same multiple
/// resource, with a greater instance id. Of any other entry check_entry() decides; `previous` is nullptr for
/// the first. At last check_ends().
[[nodiscard]] inline bool follows(const Entry& previous, const Entry& entry) {
  const auto before = previous.path.packed();
  const auto ids = entry.path.packed();
  if (static_cast<std::uint32_t>(before ^ ids) != 0 || entry.kind != EntryKind::value || entry.value.empty())
    return false;
  const auto resource_before = static_cast<std::uint16_t>(before >> 32);
  const auto resource = static_cast<std::uint16_t>(ids >> 32);
  if (resource_before < resource) return previous.path.depth() >= 3;
  return resource_before == resource && before >> 48 < ids >> 48 && previous.path.depth() == 4;
}
[[nodiscard]] Result<void> check_entry(const Entry* previous, const Entry& entry);
[[nodiscard]] Result<void> check_ends(const Path& base, Entries entries);

[[nodiscard]] Encoded encode_tlv(const Path& base, Entries entries, MutableBytes out);
[[nodiscard]] bool decode_tlv(EntrySink& sink);

/// How an entry without a value is written: SenML without a value field, SenML-ETCH with a null.
enum class AbsentAs : std::uint8_t { no_value, null };

[[nodiscard]] Encoded encode_senml_cbor(const Path& base, Entries entries, AbsentAs absent, MutableBytes out);
[[nodiscard]] bool decode_senml_cbor(EntrySink& sink);

[[nodiscard]] Encoded encode_senml_json(const Path& base, Entries entries, AbsentAs absent, MutableBytes out);
[[nodiscard]] bool decode_senml_json(EntrySink& sink);

[[nodiscard]] Encoded encode_lwm2m_cbor(const Path& base, Entries entries, MutableBytes out);
[[nodiscard]] bool decode_lwm2m_cbor(EntrySink& sink);

[[nodiscard]] bool decode_oma_json(EntrySink& sink);

[[nodiscard]] Encoded encode_text(const Entry& entry, MutableBytes out);
[[nodiscard]] bool decode_text(EntrySink& sink);
[[nodiscard]] Encoded encode_opaque(const Entry& entry, MutableBytes out);
[[nodiscard]] bool decode_opaque(EntrySink& sink);
[[nodiscard]] Encoded encode_cbor(const Entry& entry, MutableBytes out);
[[nodiscard]] bool decode_cbor(EntrySink& sink);

}  // namespace slipway::codec

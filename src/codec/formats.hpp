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

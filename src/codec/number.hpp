// SPDX-License-Identifier: Apache-2.0
// Numbers as text. Integers stay integers of 64 bits; nothing passes through a double on its way.
#pragma once

#include "codec/scalar.hpp"

namespace slipway::codec {

enum class NumberGrammar : std::uint8_t {
  json,  ///< [RFC 8259 §6]
  text,  ///< the same, leading zeros tolerated
};

/// Reads all of `text`. Errors: malformed; out_of_range beyond what a double holds. An integer of more
/// than 64 bits becomes a double, which a definition of an integer then refuses.
[[nodiscard]] Result<Scalar> parse_number(std::string_view text, NumberGrammar grammar);

/// Shortest text that reads back as the same number; not for NaN and infinities.
void put_number(double number, ByteWriter& out);
void put_number(std::int64_t number, ByteWriter& out);
void put_number(std::uint64_t number, ByteWriter& out);

}  // namespace slipway::codec

// SPDX-License-Identifier: Apache-2.0
// A value as CBOR or JSON spells it, before the object model gives it its type.
#pragma once

#include "codec/entry_sink.hpp"

namespace slipway::codec {

struct Scalar {
  enum class Kind : std::uint8_t { unsigned_integer, negative, floating, text, bytes, boolean, link, null };

  Kind kind = Kind::null;
  bool is_time = false;       ///< CBOR tag 0 or 1
  bool flag = false;          ///< boolean
  bool maybe_base64 = false;  ///< text that is base64 where the resource is Opaque (OMA JSON)
  std::uint64_t number = 0;   ///< unsigned_integer; negative as the bits of an int64
  double floating = 0;
  ByteView data{};  ///< text, bytes, link

  [[nodiscard]] std::int64_t as_negative() const { return static_cast<std::int64_t>(number); }
  [[nodiscard]] bool is_number() const {
    return kind == Kind::unsigned_integer || kind == Kind::negative || kind == Kind::floating;
  }
  [[nodiscard]] double as_double() const {
    if (kind == Kind::floating) return floating;
    return kind == Kind::negative ? static_cast<double>(as_negative()) : static_cast<double>(number);
  }
};

/// Gives a scalar the type of its resource; `none` keeps its own. What may become what:
///  - Integer, Unsigned Integer, Time: an integer, or a float without fraction up to 2^53;
///  - Float: any number, NaN and infinities too where the format can say them;
///  - Objlnk: a link, or text "oid:iid"; String and Corelnk: text; Opaque: bytes; Boolean: boolean.
/// Fails with wrong_type, or out_of_range for an integer that does not fit.
[[nodiscard]] bool to_value(const Scalar& scalar, DataType type, EntrySink& sink, const std::uint8_t* at,
                            Value& out);

/// Turns base64 text into the bytes it stands for, in the scratch.
[[nodiscard]] bool to_bytes(Scalar& scalar, EntrySink& sink, const std::uint8_t* at);

/// "oid:iid" in decimal; "FFFF:FFFF", which the specification prints, is the null link.
[[nodiscard]] bool parse_objlnk(std::string_view text, Objlnk& link);

/// A date as RFC 3339 writes it, in seconds since 1970, fractions cut off. [RFC 8949 §3.4.1]
[[nodiscard]] bool parse_date(std::string_view text, std::int64_t& seconds);

}  // namespace slipway::codec

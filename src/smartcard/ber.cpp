// SPDX-License-Identifier: Apache-2.0
#include "smartcard/ber.hpp"

namespace slipway::smartcard {
namespace {

//   tag   length                    value
//  +-----+-------------------------+----- - -
//  | TT  | 00..7F | 81 LL | 82 LLLL |
//  +-----+-------------------------+----- - -

Result<std::size_t> read_length(ByteReader& reader) {
  SLIPWAY_ASSIGN(const auto first, reader.u8());
  if (first < 0x80) return first;
  if (first == 0x81 || first == 0x82) {
    SLIPWAY_ASSIGN(const auto length, reader.unsigned_of(first - 0x80u));
    return static_cast<std::size_t>(length);
  }
  return fail(ErrorCode::malformed, "a length that no card has", reader.offset());
}

}  // namespace

Result<std::optional<BerTlv>> BerReader::next() {
  if (reader_.empty()) return std::nullopt;
  SLIPWAY_ASSIGN(const auto tag, reader_.u8());
  if (tag == 0xFF || tag == 0x00) return std::nullopt;
  if ((tag & 0x1F) == 0x1F) return fail(ErrorCode::malformed, "a tag of several bytes", reader_.offset());
  SLIPWAY_ASSIGN(const auto length, read_length(reader_));
  SLIPWAY_ASSIGN(const auto value, reader_.take(length));
  return BerTlv{tag, value};
}

std::optional<ByteView> find_tag(ByteView bytes, std::uint8_t tag) {
  BerReader reader(bytes);
  for (auto tlv = reader.next(); tlv && *tlv; tlv = reader.next())
    if ((*tlv)->tag == tag) return (*tlv)->value;
  return std::nullopt;
}

bool is_complete(ByteView bytes) {
  BerReader reader(bytes);
  auto tlv = reader.next();
  while (tlv && *tlv) tlv = reader.next();
  return tlv || tlv.error().code != ErrorCode::truncated;
}

}  // namespace slipway::smartcard

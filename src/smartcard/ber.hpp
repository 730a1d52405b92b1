// SPDX-License-Identifier: Apache-2.0
// BER-TLV as cards have it: tags of one byte, definite lengths below 64 KiB. [ISO 7816-4 §5.2.2]
#pragma once

#include <cstdint>
#include <optional>

#include <slipway/base/bytes.hpp>

namespace slipway::smartcard {

struct BerTlv {
  std::uint8_t tag = 0;
  ByteView value;
};

/// Walks over the TLVs of one level. FF or 00 where a tag would be is the padding of a file: the end.
class BerReader {
 public:
  explicit BerReader(ByteView bytes) : reader_(bytes) {}
  /// Nothing at the end. Errors: truncated, malformed (a tag of several bytes, an indefinite length).
  [[nodiscard]] Result<std::optional<BerTlv>> next();

 private:
  ByteReader reader_;
};

/// The first TLV of this tag at this level; nothing when there is none, or the bytes are broken before it.
[[nodiscard]] std::optional<ByteView> find_tag(ByteView bytes, std::uint8_t tag);

/// False when the bytes end inside a TLV of this level.
[[nodiscard]] bool is_complete(ByteView bytes);

}  // namespace slipway::smartcard

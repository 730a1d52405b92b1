// SPDX-License-Identifier: Apache-2.0
#include "codec/cbor_writer.hpp"

namespace slipway::codec {

void CborWriter::long_head(CborMajor major, std::uint64_t argument) {
  const unsigned info = argument <= 0xff ? 24 : argument <= 0xffff ? 25 : argument <= 0xffffffff ? 26 : 27;
  fixed(static_cast<std::uint8_t>(static_cast<unsigned>(major) << 5 | info), argument,
        std::size_t{1} << (info - 24));
}

void CborWriter::close_map(std::size_t start, std::size_t pairs) {
  if (overflowed_) return;
  if (pairs < 24) {
    begin_[start] = static_cast<std::uint8_t>(0xa0 | pairs);
    return;
  }
  const std::size_t more = pairs <= 0xff ? 1 : pairs <= 0xffff ? 2 : 4;
  if (static_cast<std::size_t>(end_ - at_) < more) return overflow();
  std::memmove(begin_ + start + 1 + more, begin_ + start + 1, size() - start - 1);
  auto* const after = at_ + more;
  at_ = begin_ + start;
  long_head(CborMajor::map, pairs);
  at_ = after;
}

}  // namespace slipway::codec

// SPDX-License-Identifier: Apache-2.0
#include "codec/cbor_reader.hpp"

#include <array>
#include <bit>
#include <cmath>

namespace slipway::codec {
namespace {

constexpr std::uint64_t kTagDate = 0;
constexpr std::uint64_t kTagEpoch = 1;
constexpr std::uint64_t kTagSelfDescribed = 55799;

//   15  14 ... 10  9 ... 0
//  sign exponent   fraction
double from_half(unsigned bits) {
  const int exponent = static_cast<int>(bits >> 10 & 31);
  const auto fraction = static_cast<double>(bits & 0x3ff);
  double value = 0;
  if (exponent == 0) {
    value = std::ldexp(fraction, -24);
  } else if (exponent != 31) {
    value = std::ldexp(fraction + 1024, exponent - 25);
  } else {
    value = fraction == 0 ? HUGE_VAL : std::nan("");
  }
  return (bits & 0x8000) != 0 ? -value : value;
}

}  // namespace

bool CborReader::long_head(CborHead& head) {
  if (head.info == 31) {
    const bool can_be = head.major >= CborMajor::bytes && head.major <= CborMajor::map;
    if (can_be) return true;
    --at_;
    return fail(ErrorCode::malformed, "a CBOR break, or an indefinite length, where none can be");
  }
  if (head.info > 27) {
    --at_;
    return fail(ErrorCode::malformed, "a reserved CBOR head");
  }
  const std::size_t size = std::size_t{1} << (head.info - 24);
  if (static_cast<std::size_t>(end_ - at_) < size) return truncated();
  std::uint64_t argument = 0;
  for (std::size_t i = 0; i < size; ++i) argument = argument << 8 | at_[i];
  at_ += size;
  head.argument = argument;
  return true;
}

bool CborReader::chunks(CborMajor major, ByteView& out) {
  // One claim for all that is left keeps the chunks in one piece; the rest is given back.
  const auto* start = at_;
  std::size_t total = 0;
  std::uint8_t* room = nullptr;
  CborHead sequence{.major = major, .info = 31};
  while (more(sequence)) {
    CborHead chunk;
    if (!head(chunk)) return false;
    if (chunk.major != major || chunk.indefinite())
      return fail(ErrorCode::malformed, "a chunk of another type than its string");
    ByteView piece;
    if (!string(chunk, piece)) return false;
    if (piece.empty()) continue;
    auto* place = sink_.take_scratch(piece.size(), start);
    if (place == nullptr) return false;
    if (room == nullptr) room = place;
    std::memcpy(place, piece.data(), piece.size());
    total += piece.size();
  }
  out = {room, total};
  return true;
}

bool CborReader::simple(const CborHead& head, Scalar& out) {
  switch (head.info) {
    case 20:
    case 21:
      out.kind = Scalar::Kind::boolean;
      out.flag = head.info == 21;
      return true;
    case 22:
    case 23:
      out.kind = Scalar::Kind::null;
      return true;
    case 25:
      out.floating = from_half(static_cast<unsigned>(head.argument));
      break;
    case 26:
      out.floating = std::bit_cast<float>(static_cast<std::uint32_t>(head.argument));
      break;
    case 27:
      out.floating = std::bit_cast<double>(head.argument);
      break;
    default:
      return fail(ErrorCode::malformed, "a CBOR simple value that means nothing here");
  }
  out.kind = Scalar::Kind::floating;
  return true;
}

bool CborReader::scalar(CborHead start, Scalar& out) {
  // At most a self-described tag and a time tag: a chain of tags is nobody's value.
  for (int tags = 0; start.major == CborMajor::tag; ++tags) {
    if (tags == 2) return fail(ErrorCode::malformed, "too many CBOR tags");
    if (start.argument == kTagDate || start.argument == kTagEpoch) {
      out.is_time = true;
    } else if (start.argument != kTagSelfDescribed) {
      return fail(ErrorCode::unsupported, "a CBOR tag that is not understood");
    }
    if (!head(start)) return false;
  }
  switch (start.major) {
    case CborMajor::unsigned_integer:
      out.kind = Scalar::Kind::unsigned_integer;
      out.number = start.argument;
      return true;
    case CborMajor::negative:
      if (start.argument >> 63 != 0)
        return fail(ErrorCode::out_of_range, "an integer below what 64 bits hold");
      out.kind = Scalar::Kind::negative;
      out.number = ~start.argument;
      return true;
    case CborMajor::text:
      out.kind = Scalar::Kind::text;
      return string(start, out.data);
    case CborMajor::bytes:
      out.kind = Scalar::Kind::bytes;
      return string(start, out.data);
    case CborMajor::simple:
      return simple(start, out);
    default:
      return fail(ErrorCode::malformed, "a CBOR container where a value has to be");
  }
}

bool CborReader::skip() {
  std::array<std::uint64_t, kCborSkipDepthMax> left{};  // items still to pass, by depth
  std::array<bool, kCborSkipDepthMax> open{};           // indefinite: until its break
  std::size_t depth = 0;
  left[0] = 1;
  for (;;) {
    while (!open[depth] && left[depth] == 0)
      if (depth-- == 0) return true;
    if (open[depth] && at_ != end_ && *at_ == 0xff) {
      ++at_;
      open[depth] = false;
      left[depth] = 0;
      continue;
    }
    CborHead item;
    if (!head(item)) return false;
    if (!open[depth]) --left[depth];
    ByteView ignored;
    const bool is_string = item.major == CborMajor::bytes || item.major == CborMajor::text;
    if (is_string && !item.indefinite()) {
      if (!string(item, ignored)) return false;
      continue;
    }
    if (item.major != CborMajor::array && item.major != CborMajor::map && item.major != CborMajor::tag &&
        !is_string)
      continue;
    if (++depth == kCborSkipDepthMax) return fail(ErrorCode::limit, "CBOR nested too deep");
    open[depth] = item.indefinite();
    left[depth] = item.major == CborMajor::tag ? 1 : item.argument;
    if (item.major == CborMajor::map && !open[depth]) {
      if (item.argument > ~std::uint64_t{0} / 2) return truncated();
      left[depth] = item.argument * 2;
    }
  }
}

}  // namespace slipway::codec

// SPDX-License-Identifier: Apache-2.0
// Reads CBOR from a payload. [RFC 8949 §3]
#pragma once

#include "codec/scalar.hpp"

namespace slipway::codec {

enum class CborMajor : std::uint8_t { unsigned_integer, negative, bytes, text, array, map, tag, simple };

//    7 6 5   4 3 2 1 0        0, 1, 2, 4 or 8 bytes
//  +-------+-----------+------------------------------
//  | major |   info    | argument (info 24..27)
//  +-------+-----------+------------------------------
//  info 0..23 is the argument itself, 31 an indefinite length (or, of major 7, the break)
struct CborHead {
  CborMajor major = CborMajor::simple;
  std::uint8_t info = 0;
  std::uint64_t argument = 0;

  [[nodiscard]] bool indefinite() const { return info == 31; }
};

/// How deep a value that is not for us may be nested before the payload is refused.
inline constexpr std::size_t kCborSkipDepthMax = 8;

class CborReader {
 public:
  explicit CborReader(EntrySink& sink) : sink_(sink), at_(sink.begin()), end_(sink.end()) {}

  [[nodiscard]] const std::uint8_t* at() const { return at_; }
  [[nodiscard]] const std::uint8_t* end() const { return end_; }
  [[nodiscard]] bool empty() const { return at_ == end_; }
  /// Goes on from another place of the payload.
  void seek(const std::uint8_t* at) { at_ = at; }
  bool fail(ErrorCode code, const char* detail) { return sink_.fail(code, detail, at_); }

  [[nodiscard]] bool head(CborHead& head) {
    if (at_ == end_) [[unlikely]]
      return truncated();
    head.major = static_cast<CborMajor>(*at_ >> 5);
    head.info = *at_ & 31;
    head.argument = head.info;
    ++at_;
    return head.info < 24 || long_head(head);
  }

  /// Whether a container of `left` items goes on; counts down, and eats the break of an indefinite one.
  [[nodiscard]] bool more(CborHead& container) {
    if (container.indefinite()) {
      if (at_ == end_ || *at_ != 0xff) return true;  // an end of input shows at the next read
      ++at_;
      return false;
    }
    return container.argument-- != 0;
  }

  /// A text or byte string after its head; one in chunks is put together in the scratch.
  [[nodiscard]] bool string(const CborHead& head, ByteView& out) {
    if (head.indefinite()) [[unlikely]]
      return chunks(head.major, out);
    if (static_cast<std::uint64_t>(end_ - at_) < head.argument) [[unlikely]]
      return truncated();
    out = {at_, static_cast<std::size_t>(head.argument)};
    at_ += head.argument;
    return true;
  }
  /// A text string with its head.
  [[nodiscard]] bool text(ByteView& out) {
    CborHead start;
    if (!head(start)) return false;
    if (start.major != CborMajor::text) return fail(ErrorCode::malformed, "text was expected");
    return string(start, out);
  }

  /// Any single value; containers are malformed.
  [[nodiscard]] bool scalar(Scalar& out) {
    CborHead start;
    return head(start) && scalar(start, out);
  }
  /// The same after its head was read.
  [[nodiscard]] bool scalar(CborHead head, Scalar& out);

  /// Passes over one value of any kind.
  [[nodiscard]] bool skip();

  [[nodiscard]] bool truncated() { return fail(ErrorCode::truncated, "the CBOR ends inside a value"); }

 private:
  [[nodiscard]] bool long_head(CborHead& head);
  [[nodiscard]] bool chunks(CborMajor major, ByteView& out);
  [[nodiscard]] bool simple(const CborHead& head, Scalar& out);

  EntrySink& sink_;
  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

}  // namespace slipway::codec

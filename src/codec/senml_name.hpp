// SPDX-License-Identifier: Apache-2.0
// SenML names: base name and name, read one after the other as if they stood in one string.
#pragma once

#include "codec/entry_sink.hpp"

namespace slipway::codec {

/// Reads "/3/0/6/1" digit by digit and can be copied in the middle: the state after the base name is
/// kept, and each record goes on from it. [RFC 8428 §4.5.1]
class SenmlName {
 public:
  /// Errors are told by complete(), so that a base name that only makes sense with a name is fine.
  void append(ByteView text) {
    for (const auto c : text) {
      if (c == '/') {
        slash();
        continue;
      }
      const unsigned digit = c - unsigned{'0'};
      if (digit > 9 || (digits_ != 0 && number_ == 0)) broken_ = true;  // no leading zeros
      number_ = number_ * 10 + digit;
      if (number_ >= kReservedId) {
        number_ = kReservedId;
        out_of_range_ = true;
      }
      digits_ = 1;
    }
  }

  /// Whether the ids read so far end with a slash: what follows starts a new id.
  [[nodiscard]] bool at_boundary() const {
    return depth_ != 0 && depth_ < 4 && digits_ == 0 && slashed_ && !broken_ && !out_of_range_;
  }
  /// Meaningful at a boundary.
  [[nodiscard]] unsigned depth() const { return depth_; }
  [[nodiscard]] std::uint64_t key() const { return key_ << (16 * (4 - depth_)); }

  /// The path, or why there is none.
  [[nodiscard]] bool complete(std::uint64_t& key, unsigned& depth, EntrySink& sink, const std::uint8_t* at) {
    if (digits_ != 0) close();
    if (broken_) return sink.fail(ErrorCode::malformed, "a SenML name that is no path", at);
    if (out_of_range_) return sink.fail(ErrorCode::out_of_range, "an identifier above 65534", at);
    if (depth_ > 4) return sink.fail(ErrorCode::wrong_path, "a SenML name with more than four ids", at);
    if (depth_ == 0) return sink.fail(ErrorCode::wrong_path, "a SenML record without a path", at);
    key = key_ << (16 * (4 - depth_));
    depth = depth_;
    return true;
  }

 private:
  void slash() {
    if (digits_ != 0) {
      close();
    } else if (slashed_) {
      broken_ = true;  // two in a row
    }
    slashed_ = true;
  }
  void close() {
    key_ = key_ << 16 | number_;
    if (depth_ < 5) ++depth_;
    number_ = 0;
    digits_ = 0;
  }

  std::uint64_t key_ = 0;
  std::uint32_t number_ = 0;
  std::uint8_t depth_ = 0;
  std::uint8_t digits_ = 0;  // of the id being read: 0 or 1
  bool slashed_ = false;
  bool broken_ = false;
  bool out_of_range_ = false;
};

}  // namespace slipway::codec

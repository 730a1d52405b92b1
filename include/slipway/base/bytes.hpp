// SPDX-License-Identifier: Apache-2.0
// Views of bytes, and a reader and a writer that cannot leave their buffer. Network byte order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>

namespace slipway {

using ByteView = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;
using Bytes = std::vector<std::uint8_t>;

[[nodiscard]] inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
[[nodiscard]] inline bool equal(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

/// Compares without telling by its duration where the two differ. Lengths are not secret.
[[nodiscard]] bool equal_constant_time(ByteView a, ByteView b);

/// 64-bit FNV-1a: finds damage and change by accident, protects against nobody.
[[nodiscard]] constexpr std::uint64_t fnv1a(ByteView bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const auto byte : bytes) hash = (hash ^ byte) * 0x100000001b3;
  return hash;
}

/// Lower-case hexadecimal without separators.
[[nodiscard]] std::string to_hex(ByteView bytes);

/// Reads hexadecimal; blanks, colons, line ends and a leading 0x are skipped. Errors: malformed.
[[nodiscard]] Result<Bytes> from_hex(std::string_view text);

/// Reads big-endian values from the front of a view. Every read checks its bound first.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()) {}

  [[nodiscard]] std::size_t offset() const { return static_cast<std::size_t>(at_ - begin_); }
  [[nodiscard]] std::size_t remaining() const { return static_cast<std::size_t>(end_ - at_); }
  [[nodiscard]] bool empty() const { return at_ == end_; }
  [[nodiscard]] ByteView rest() const { return {at_, end_}; }

  [[nodiscard]] Result<std::uint8_t> u8() {
    if (at_ == end_) return truncated();
    return *at_++;
  }
  [[nodiscard]] Result<std::uint8_t> peek_u8() const {
    if (at_ == end_) return truncated();
    return *at_;
  }
  [[nodiscard]] Result<std::uint16_t> u16() {
    SLIPWAY_ASSIGN(auto value, unsigned_of(2));
    return static_cast<std::uint16_t>(value);
  }
  [[nodiscard]] Result<std::uint32_t> u24() {
    SLIPWAY_ASSIGN(auto value, unsigned_of(3));
    return static_cast<std::uint32_t>(value);
  }
  [[nodiscard]] Result<std::uint32_t> u32() {
    SLIPWAY_ASSIGN(auto value, unsigned_of(4));
    return static_cast<std::uint32_t>(value);
  }
  [[nodiscard]] Result<std::uint64_t> u64() { return unsigned_of(8); }

  /// An unsigned integer of `size` bytes, at most 8.
  [[nodiscard]] Result<std::uint64_t> unsigned_of(std::size_t size) {
    if (remaining() < size) return truncated();
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) value = value << 8 | at_[i];
    at_ += size;
    return value;
  }
  [[nodiscard]] Result<ByteView> take(std::size_t size) {
    if (remaining() < size) return truncated();
    const ByteView taken{at_, size};
    at_ += size;
    return taken;
  }

 private:
  [[nodiscard]] std::unexpected<Error> truncated() const {
    return fail(ErrorCode::truncated, "the input ends inside an element", offset());
  }
  const std::uint8_t* begin_;
  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

/// Appends big-endian values to a fixed buffer. Past its end it writes nothing and remembers
/// that it overflowed: check `ok()` once, after the last write.
class ByteWriter {
 public:
  explicit ByteWriter(MutableBytes buffer)
      : begin_(buffer.data()), at_(begin_), end_(begin_ + buffer.size()) {}

  [[nodiscard]] bool ok() const { return !overflowed_; }
  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(at_ - begin_); }
  [[nodiscard]] std::size_t room() const { return static_cast<std::size_t>(end_ - at_); }
  [[nodiscard]] ByteView written() const { return {begin_, at_}; }
  [[nodiscard]] MutableBytes mutable_written() { return {begin_, at_}; }

  void u8(std::uint8_t value) {
    if (at_ == end_) return overflow();
    *at_++ = value;
  }
  void u16(std::uint16_t value) { unsigned_of(value, 2); }
  void u24(std::uint32_t value) { unsigned_of(value, 3); }
  void u32(std::uint32_t value) { unsigned_of(value, 4); }
  void u64(std::uint64_t value) { unsigned_of(value, 8); }

  /// The low `size` bytes of `value`, most significant first; `size` at most 8.
  void unsigned_of(std::uint64_t value, std::size_t size) {
    if (room() < size) return overflow();
    for (std::size_t i = size; i-- > 0;) *at_++ = static_cast<std::uint8_t>(value >> (8 * i));
  }
  void bytes(ByteView value) {
    if (room() < value.size()) return overflow();
    if (!value.empty()) std::memcpy(at_, value.data(), value.size());
    at_ += value.size();
  }
  void text(std::string_view value) { bytes(as_bytes(value)); }

  /// Leaves `size` bytes to be filled in later; returns where they start.
  std::size_t skip(std::size_t size) {
    const auto start = this->size();
    if (room() < size) {
      overflow();
      return start;
    }
    at_ += size;
    return start;
  }
  /// Forgets everything after `size` written bytes (and an overflow, as it came after).
  void truncate(std::size_t size) {
    at_ = begin_ + size;
    overflowed_ = false;
  }
  void overflow() {
    overflowed_ = true;
    at_ = at_ > end_ ? end_ : at_;
  }

 private:
  std::uint8_t* begin_;
  std::uint8_t* at_;
  std::uint8_t* end_;
  bool overflowed_ = false;
};

}  // namespace slipway

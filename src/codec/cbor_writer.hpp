// SPDX-License-Identifier: Apache-2.0
// Writes CBOR in its shortest form, but floats never as half: not every peer reads those. [RFC 8949 §4.2]
#pragma once

#include <bit>

#include <slipway/base/bytes.hpp>
#include <slipway/model/value.hpp>

#include "codec/cbor_reader.hpp"
#include "codec/decimal.hpp"

namespace slipway::codec {

class CborWriter {
 public:
  explicit CborWriter(MutableBytes out) : begin_(out.data()), at_(begin_), end_(begin_ + out.size()) {}

  [[nodiscard]] bool ok() const { return !overflowed_; }
  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(at_ - begin_); }

  /// For those who write past the checks: where, how much fits, and where it ended.
  [[nodiscard]] std::uint8_t* at() const { return at_; }
  [[nodiscard]] std::size_t room() const { return static_cast<std::size_t>(end_ - at_); }
  void set_at(std::uint8_t* at) { at_ = at; }

  void byte(std::uint8_t value) {
    if (at_ == end_) [[unlikely]]
      return overflow();
    *at_++ = value;
  }
  void head(CborMajor major, std::uint64_t argument) {
    if (argument < 24) [[likely]]
      return byte(static_cast<std::uint8_t>(static_cast<unsigned>(major) << 5 | argument));
    long_head(major, argument);
  }
  void integer(std::int64_t number) {
    if (number >= 0) return head(CborMajor::unsigned_integer, static_cast<std::uint64_t>(number));
    head(CborMajor::negative, ~static_cast<std::uint64_t>(number));
  }
  void floating(double number) {
    const auto narrow = static_cast<float>(number);
    if (static_cast<double>(narrow) == number || number != number)
      return fixed(0xfa, std::bit_cast<std::uint32_t>(narrow), 4);
    fixed(0xfb, std::bit_cast<std::uint64_t>(number), 8);
  }
  void boolean(bool flag) { byte(flag ? 0xf5 : 0xf4); }
  void null() { byte(0xf6); }
  void string(CborMajor major, ByteView content) {
    head(major, content.size());
    if (static_cast<std::size_t>(end_ - at_) < content.size()) [[unlikely]]
      return overflow();
    if (!content.empty()) std::memcpy(at_, content.data(), content.size());
    at_ += content.size();
  }
  void objlnk(Objlnk link) {
    std::uint8_t text[kObjlnkTextMax];
    string(CborMajor::text, {text, put_objlnk(text, link)});
  }

  /// A value as App. C has it for CBOR; `none` is null.
  void value(const Value& value) {
    switch (value.type()) {
      case DataType::string:
      case DataType::corelnk:
        return string(CborMajor::text, value.as_opaque());
      case DataType::opaque:
        return string(CborMajor::bytes, value.as_opaque());
      case DataType::integer:
      case DataType::time:
        return integer(value.as_integer());
      case DataType::unsigned_integer:
        return head(CborMajor::unsigned_integer, value.as_unsigned());
      case DataType::floating:
        return floating(value.as_floating());
      case DataType::boolean:
        return boolean(value.as_boolean());
      case DataType::objlnk:
        return objlnk(value.as_objlnk());
      case DataType::none:
        return null();
    }
  }

  /// Starts a map whose size is not known yet: returns where its head stands.
  [[nodiscard]] std::size_t open_map() {
    const auto start = size();
    byte(0xa0);
    return start;
  }
  /// Gives a map its size; content moves only where the head needs more than one byte.
  void close_map(std::size_t start, std::size_t pairs);

 private:
  void overflow() {
    overflowed_ = true;
    at_ = end_ = begin_;  // nothing more is written
  }
  void fixed(std::uint8_t first, std::uint64_t bits, std::size_t size) {
    if (static_cast<std::size_t>(end_ - at_) < size + 1) [[unlikely]]
      return overflow();
    *at_++ = first;
    for (std::size_t i = size; i-- > 0;) *at_++ = static_cast<std::uint8_t>(bits >> (8 * i));
  }
  void long_head(CborMajor major, std::uint64_t argument);

  std::uint8_t* begin_;
  std::uint8_t* at_;
  std::uint8_t* end_;
  bool overflowed_ = false;
};

}  // namespace slipway::codec

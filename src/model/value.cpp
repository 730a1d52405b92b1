// SPDX-License-Identifier: Apache-2.0
#include <slipway/model/value.hpp>

#include <array>
#include <charconv>

namespace slipway {

namespace {

bool is_continuation(std::uint8_t byte) {
  return (byte & 0xc0) == 0x80;
}

/// Length of the character at the front of `bytes` if a terminal may be given it as it is; 0 for what
/// must be escaped: controls (C0, DEL, C1) and what is not UTF-8. [RFC 3629 §4]
std::size_t printable_length(ByteView bytes) {
  const auto first = bytes[0];
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || bytes.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if (!is_continuation(bytes[i])) return 0;
  const auto second = bytes[1];
  if (first == 0xc2 && second < 0xa0) return 0;   // C1 controls
  if (first == 0xe0 && second < 0xa0) return 0;   // overlong
  if (first == 0xed && second >= 0xa0) return 0;  // surrogates
  if (first == 0xf0 && second < 0x90) return 0;   // overlong
  if (first == 0xf4 && second >= 0x90) return 0;  // above U+10FFFF
  return length;
}

std::string quoted(ByteView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "\"";
  while (!bytes.empty()) {
    const auto length = printable_length(bytes);
    if (length == 0) {
      text += "\\x";
      text += kDigits[bytes[0] >> 4];
      text += kDigits[bytes[0] & 0xf];
    } else {
      if (bytes[0] == '"' || bytes[0] == '\\') text += '\\';
      text += as_text(bytes.first(length));
    }
    bytes = bytes.subspan(length == 0 ? 1 : length);
  }
  return text += '"';
}

std::string hex(ByteView bytes, std::size_t shown_max) {
  if (bytes.size() <= shown_max) return to_hex(bytes);
  return to_hex(bytes.first(shown_max)) + "... (" + std::to_string(bytes.size()) + " bytes)";
}

template <class Number>
std::string decimal(Number number) {
  std::array<char, 32> buffer;  // the longest is a double: 24 characters
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
  return {buffer.data(), end};
}

}  // namespace

const char* to_string(DataType type) {
  switch (type) {
    case DataType::none:
      return "none";
    case DataType::string:
      return "string";
    case DataType::integer:
      return "integer";
    case DataType::unsigned_integer:
      return "unsigned integer";
    case DataType::floating:
      return "float";
    case DataType::boolean:
      return "boolean";
    case DataType::opaque:
      return "opaque";
    case DataType::time:
      return "time";
    case DataType::objlnk:
      return "objlnk";
    case DataType::corelnk:
      return "corelnk";
  }
  return "unknown";
}

bool operator==(const Value& a, const Value& b) {
  if (a.type_ != b.type_) return false;
  switch (a.type_) {
    case DataType::none:
      return true;
    case DataType::string:
    case DataType::corelnk:
    case DataType::opaque:
      return equal(a.as_opaque(), b.as_opaque());
    case DataType::integer:
    case DataType::time:
      return a.integer_ == b.integer_;
    case DataType::unsigned_integer:
      return a.unsigned_ == b.unsigned_;
    case DataType::floating:  // a NaN that stays a NaN has not changed
      return a.floating_ == b.floating_ || (a.floating_ != a.floating_ && b.floating_ != b.floating_);
    case DataType::boolean:
      return a.boolean_ == b.boolean_;
    case DataType::objlnk:
      return a.objlnk_ == b.objlnk_;
  }
  return false;
}

std::string Value::to_display(std::size_t opaque_max) const {
  switch (type_) {
    case DataType::none:
      return "(none)";
    case DataType::string:
    case DataType::corelnk:
      return quoted(as_opaque());
    case DataType::opaque:
      return hex(as_opaque(), opaque_max);
    case DataType::integer:
    case DataType::time:
      return decimal(integer_);
    case DataType::unsigned_integer:
      return decimal(unsigned_);
    case DataType::floating:
      return decimal(floating_);
    case DataType::boolean:
      return boolean_ ? "true" : "false";
    case DataType::objlnk:
      return decimal(objlnk_.object) + ":" + decimal(objlnk_.instance);
  }
  return "(none)";
}

OwnedValue::OwnedValue(const Value& value) {
  switch (value.type()) {
    case DataType::string:
      fixed_ = Value::string({});
      break;
    case DataType::corelnk:
      fixed_ = Value::corelnk({});
      break;
    case DataType::opaque:
      fixed_ = Value::opaque({});
      break;
    default:
      fixed_ = value;
      return;
  }
  bytes_ = as_text(value.as_opaque());
}

Value OwnedValue::view() const {
  switch (fixed_.type()) {
    case DataType::string:
      return Value::string(bytes_);
    case DataType::corelnk:
      return Value::corelnk(bytes_);
    case DataType::opaque:
      return Value::opaque(as_bytes(bytes_));
    default:
      return fixed_;
  }
}

}  // namespace slipway

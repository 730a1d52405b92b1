// SPDX-License-Identifier: Apache-2.0
#include <slipway/base/secret.hpp>
#include <slipway/model/value.hpp>

#include <array>
#include <charconv>

#include "model/text.hpp"

namespace slipway {

namespace {

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

void OwnedValue::wipe() {
  slipway::wipe({reinterpret_cast<std::uint8_t*>(bytes_.data()), bytes_.size()});
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

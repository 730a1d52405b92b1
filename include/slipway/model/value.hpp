// SPDX-License-Identifier: Apache-2.0
// A typed value of a resource: a view for the packet path, and an owner for what is kept.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <slipway/base/bytes.hpp>
#include <slipway/base/ids.hpp>

namespace slipway {

/// [LwM2M-CORE 1.2 App. C]. `none` is the type of an executable resource, and of a value whose type
/// is not known yet (TLV of an object without a definition; it is then held as opaque bytes).
enum class DataType : std::uint8_t {
  none,
  string,
  integer,
  unsigned_integer,
  floating,
  boolean,
  opaque,
  time,
  objlnk,
  corelnk,
};
[[nodiscard]] const char* to_string(DataType type);

/// A link to an object instance; 65535:65535 links to nothing. [LwM2M-CORE 1.2 App. C]
struct Objlnk {
  std::uint16_t object = kReservedId;
  std::uint16_t instance = kReservedId;
  constexpr bool operator==(const Objlnk&) const = default;
  [[nodiscard]] constexpr bool is_null() const { return object == kReservedId && instance == kReservedId; }
};

/// 16 bytes, trivially copyable. Text and bytes are views: they live as long as what they point to.
class Value {
 public:
  constexpr Value() : integer_(0) {}  // not defaulted: the union has a member with initialisers
  static constexpr Value string(std::string_view text) { return of_text(DataType::string, text); }
  static constexpr Value corelnk(std::string_view text) { return of_text(DataType::corelnk, text); }
  static constexpr Value opaque(ByteView bytes) {
    Value value(DataType::opaque);
    value.data_ = bytes.data();
    value.size_ = static_cast<std::uint32_t>(bytes.size());
    return value;
  }
  static constexpr Value integer(std::int64_t number) {
    Value value(DataType::integer);
    value.integer_ = number;
    return value;
  }
  static constexpr Value unsigned_integer(std::uint64_t number) {
    Value value(DataType::unsigned_integer);
    value.unsigned_ = number;
    return value;
  }
  static constexpr Value floating(double number) {
    Value value(DataType::floating);
    value.floating_ = number;
    return value;
  }
  static constexpr Value boolean(bool flag) {
    Value value(DataType::boolean);
    value.boolean_ = flag;
    return value;
  }
  /// Seconds since 1970-01-01T00:00:00Z, negative before.
  static constexpr Value time(std::int64_t unix_time) {
    Value value(DataType::time);
    value.integer_ = unix_time;
    return value;
  }
  static constexpr Value objlnk(Objlnk link) {
    Value value(DataType::objlnk);
    value.objlnk_ = link;
    return value;
  }

  [[nodiscard]] constexpr DataType type() const { return type_; }
  [[nodiscard]] constexpr bool empty() const { return type_ == DataType::none; }

  /// Each accessor is for the types named beside it; reading another is a bug of the caller.
  [[nodiscard]] std::string_view as_text() const {  // string, corelnk
    return {static_cast<const char*>(data_), size_};
  }
  [[nodiscard]] ByteView as_opaque() const {  // opaque, and the bytes of string and corelnk
    return {static_cast<const std::uint8_t*>(data_), size_};
  }
  [[nodiscard]] constexpr std::int64_t as_integer() const { return integer_; }  // integer, time
  [[nodiscard]] constexpr std::uint64_t as_unsigned() const { return unsigned_; }
  [[nodiscard]] constexpr double as_floating() const { return floating_; }
  [[nodiscard]] constexpr bool as_boolean() const { return boolean_; }
  [[nodiscard]] constexpr Objlnk as_objlnk() const { return objlnk_; }

  /// Same type and same content.
  friend bool operator==(const Value& a, const Value& b);

  /// For people: text in quotes, numbers plain, bytes as hex up to `opaque_max` then "... (n bytes)".
  [[nodiscard]] std::string to_display(std::size_t opaque_max = 16) const;

 private:
  constexpr explicit Value(DataType type) : integer_(0), type_(type) {}
  static constexpr Value of_text(DataType type, std::string_view text) {
    Value value(type);
    value.data_ = text.data();
    value.size_ = static_cast<std::uint32_t>(text.size());
    return value;
  }
  union {
    std::int64_t integer_;
    std::uint64_t unsigned_;
    double floating_;
    bool boolean_;
    Objlnk objlnk_;
    const void* data_;
  };
  std::uint32_t size_ = 0;
  DataType type_ = DataType::none;
};

/// A value with its own bytes.
class OwnedValue {
 public:
  OwnedValue() = default;
  explicit OwnedValue(const Value& value);
  /// Points into this object.
  [[nodiscard]] Value view() const;
  [[nodiscard]] DataType type() const { return fixed_.type(); }
  /// Overwrites its bytes; for values that were secret.
  void wipe();
  friend bool operator==(const OwnedValue& a, const OwnedValue& b) { return a.view() == b.view(); }

 private:
  Value fixed_;
  std::string bytes_;  // of string, corelnk and opaque
};

}  // namespace slipway

// SPDX-License-Identifier: Apache-2.0
// Which C++ type stands for which LwM2M data type. [LwM2M-CORE 1.2 App. C]
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <ranges>
#include <string>
#include <string_view>

#include <slipway/base/bytes.hpp>
#include <slipway/model/value.hpp>

namespace slipway::client {

/// Text in CoRE link format, where a plain string would be another data type.
struct CoreLink {
  std::string text;
  bool operator==(const CoreLink&) const = default;
};

/// Specialised for each type that a resource can have. `View` is what a write function receives.
template <class T>
struct ResourceTraits;

template <>
struct ResourceTraits<std::string> {
  static constexpr DataType kType = DataType::string;
  using View = std::string_view;
  static Value to_value(View value) { return Value::string(value); }
  static View from_value(const Value& value) { return value.as_text(); }
};
template <>
struct ResourceTraits<std::int64_t> {
  static constexpr DataType kType = DataType::integer;
  using View = std::int64_t;
  static Value to_value(View value) { return Value::integer(value); }
  static View from_value(const Value& value) { return value.as_integer(); }
};
template <>
struct ResourceTraits<std::uint64_t> {
  static constexpr DataType kType = DataType::unsigned_integer;
  using View = std::uint64_t;
  static Value to_value(View value) { return Value::unsigned_integer(value); }
  static View from_value(const Value& value) { return value.as_unsigned(); }
};
template <>
struct ResourceTraits<double> {
  static constexpr DataType kType = DataType::floating;
  using View = double;
  static Value to_value(View value) { return Value::floating(value); }
  static View from_value(const Value& value) { return value.as_floating(); }
};
template <>
struct ResourceTraits<bool> {
  static constexpr DataType kType = DataType::boolean;
  using View = bool;
  static Value to_value(View value) { return Value::boolean(value); }
  static View from_value(const Value& value) { return value.as_boolean(); }
};
template <>
struct ResourceTraits<Bytes> {
  static constexpr DataType kType = DataType::opaque;
  using View = ByteView;
  static Value to_value(View value) { return Value::opaque(value); }
  static View from_value(const Value& value) { return value.as_opaque(); }
};
template <>
struct ResourceTraits<std::chrono::sys_seconds> {
  static constexpr DataType kType = DataType::time;
  using View = std::chrono::sys_seconds;
  static Value to_value(View value) { return Value::time(value.time_since_epoch().count()); }
  static View from_value(const Value& value) { return View(std::chrono::seconds(value.as_integer())); }
};
template <>
struct ResourceTraits<Objlnk> {
  static constexpr DataType kType = DataType::objlnk;
  using View = Objlnk;
  static Value to_value(View value) { return Value::objlnk(value); }
  static View from_value(const Value& value) { return value.as_objlnk(); }
};
template <>
struct ResourceTraits<CoreLink> {
  static constexpr DataType kType = DataType::corelnk;
  using View = CoreLink;
  static Value to_value(const CoreLink& value) { return Value::corelnk(value.text); }
  static View from_value(const Value& value) { return {std::string(value.as_text())}; }
};

/// std::string, std::int64_t, std::uint64_t, double, bool, Bytes, std::chrono::sys_seconds, Objlnk, CoreLink.
/// There is no int and no float here on purpose: a resource has the width that goes over the wire.
template <class T>
concept ResourceType = requires { ResourceTraits<T>::kType; };

template <ResourceType T>
using ViewOf = typename ResourceTraits<T>::View;

/// What a read function may return for a T: the same data type, without a narrowing conversion. An int
/// or a float is fine where it widens; text may be anything that a string_view can look at.
template <class From, class T>
concept ReadsAs = ResourceType<T> &&
                  ((std::same_as<T, bool> && std::same_as<std::remove_cvref_t<From>, bool>) ||
                   (std::integral<T> && !std::same_as<T, bool> && std::integral<std::remove_cvref_t<From>> &&
                    !std::same_as<std::remove_cvref_t<From>, bool> && requires(From from) { T{from}; }) ||
                   (std::same_as<T, double> && std::floating_point<std::remove_cvref_t<From>>) ||
                   (!std::is_arithmetic_v<T> && !std::is_arithmetic_v<std::remove_cvref_t<From>> &&
                    (std::convertible_to<From, ViewOf<T>> || std::convertible_to<From, const T&>)));

}  // namespace slipway::client

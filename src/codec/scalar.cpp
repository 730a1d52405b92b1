// SPDX-License-Identifier: Apache-2.0
#include "codec/scalar.hpp"

#include <chrono>
#include <limits>

#include "codec/base64.hpp"

namespace slipway::codec {
namespace {

using Kind = Scalar::Kind;

constexpr double kExactMax = 9007199254740992.0;  // 2^53: above, a double no longer names one integer
constexpr auto kInt64Max = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

bool wrong_type(EntrySink& sink, const std::uint8_t* at) {
  return sink.fail(ErrorCode::wrong_type, "a value of another type than its resource", at);
}
bool too_large(EntrySink& sink, const std::uint8_t* at) {
  return sink.fail(ErrorCode::out_of_range, "an integer that its type cannot hold", at);
}

bool to_signed(const Scalar& scalar, EntrySink& sink, const std::uint8_t* at, std::int64_t& out) {
  if (scalar.kind == Kind::negative) {
    out = scalar.as_negative();
    return true;
  }
  if (scalar.kind == Kind::unsigned_integer) {
    if (scalar.number > kInt64Max) return too_large(sink, at);
    out = static_cast<std::int64_t>(scalar.number);
    return true;
  }
  if (scalar.kind != Kind::floating) return wrong_type(sink, at);
  if (!(scalar.floating >= -kExactMax && scalar.floating <= kExactMax)) return too_large(sink, at);
  out = static_cast<std::int64_t>(scalar.floating);
  // A tagged time may have a fraction; whoever writes one for an Integer means another type.
  return scalar.is_time || static_cast<double>(out) == scalar.floating || wrong_type(sink, at);
}

bool to_unsigned(const Scalar& scalar, EntrySink& sink, const std::uint8_t* at, std::uint64_t& out) {
  if (scalar.kind == Kind::unsigned_integer) {
    out = scalar.number;
    return true;
  }
  if (scalar.kind == Kind::negative) return too_large(sink, at);
  if (scalar.kind != Kind::floating) return wrong_type(sink, at);
  if (!(scalar.floating >= 0 && scalar.floating <= kExactMax)) return too_large(sink, at);
  out = static_cast<std::uint64_t>(scalar.floating);
  return static_cast<double>(out) == scalar.floating || wrong_type(sink, at);
}

bool to_time(const Scalar& scalar, EntrySink& sink, const std::uint8_t* at, std::int64_t& out) {
  if (!scalar.is_time || scalar.kind != Kind::text) return to_signed(scalar, sink, at, out);
  return parse_date(as_text(scalar.data), out) ||
         sink.fail(ErrorCode::malformed, "a date that is not written as RFC 3339 has it", at);
}

bool to_objlnk(const Scalar& scalar, EntrySink& sink, const std::uint8_t* at, Value& out) {
  if (scalar.kind != Kind::link && scalar.kind != Kind::text) return wrong_type(sink, at);
  Objlnk link;
  if (!parse_objlnk(as_text(scalar.data), link))
    return sink.fail(ErrorCode::malformed, "an object link is written oid:iid", at);
  out = Value::objlnk(link);
  return true;
}

bool to_opaque(Scalar scalar, EntrySink& sink, const std::uint8_t* at, Value& out) {
  if (scalar.kind == Kind::text && scalar.maybe_base64 && !to_bytes(scalar, sink, at)) return false;
  if (scalar.kind != Kind::bytes) return wrong_type(sink, at);
  out = Value::opaque(scalar.data);
  return true;
}

/// Without a definition: the type that the format itself shows.
DataType own_type(const Scalar& scalar) {
  if (scalar.is_time) return DataType::time;
  switch (scalar.kind) {
    case Kind::unsigned_integer:
      return scalar.number > kInt64Max ? DataType::unsigned_integer : DataType::integer;
    case Kind::negative:
      return DataType::integer;
    case Kind::floating:
      return DataType::floating;
    case Kind::text:
      return DataType::string;
    case Kind::bytes:
      return DataType::opaque;
    case Kind::boolean:
      return DataType::boolean;
    case Kind::link:
      return DataType::objlnk;
    case Kind::null:
      break;
  }
  return DataType::none;
}

bool parse_id(std::string_view text, std::uint16_t& id) {
  if (text.empty() || text.size() > 5) return false;
  std::uint32_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    number = number * 10 + static_cast<std::uint32_t>(c - '0');
  }
  id = static_cast<std::uint16_t>(number);
  return number <= 0xffff;
}

bool is_ffff(std::string_view text) {
  if (text.size() != 4) return false;
  for (const char c : text)
    if (c != 'F' && c != 'f') return false;
  return true;
}

/// Two digits at `at`, or -1.
int two_digits(std::string_view text, std::size_t at) {
  if (at + 2 > text.size()) return -1;
  const int high = text[at] - '0';
  const int low = text[at + 1] - '0';
  return high < 0 || high > 9 || low < 0 || low > 9 ? -1 : high * 10 + low;
}

/// `Z`, or `+hh:mm`, which has to end the text.
bool parse_zone(std::string_view text, std::int64_t& offset) {
  offset = 0;
  if (text == "Z" || text == "z") return true;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return false;
  const int hours = two_digits(text, 1);
  const int minutes = two_digits(text, 4);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return false;
  offset = (hours * 60 + minutes) * 60 * (text[0] == '-' ? -1 : 1);
  return true;
}

}  // namespace

bool to_bytes(Scalar& scalar, EntrySink& sink, const std::uint8_t* at) {
  if (scalar.data.empty()) {
    scalar.kind = Kind::bytes;
    return true;
  }
  // Text that was rebuilt in the scratch becomes bytes in place, so that the scratch is used once.
  auto* room = sink.scratch_at(scalar.data);
  if (room == nullptr) room = sink.take_scratch(base64_bytes_max(scalar.data.size()), at);
  if (room == nullptr) return false;
  const auto* end = parse_base64(scalar.data, room);
  if (end == nullptr) return sink.fail(ErrorCode::malformed, "not base64", at);
  scalar.kind = Kind::bytes;
  scalar.data = {room, end};
  return true;
}

bool parse_objlnk(std::string_view text, Objlnk& link) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  const auto object = text.substr(0, colon);
  const auto instance = text.substr(colon + 1);
  if (is_ffff(object) && is_ffff(instance)) {
    link = {};
    return true;
  }
  return parse_id(object, link.object) && parse_id(instance, link.instance);
}

bool parse_date(std::string_view text, std::int64_t& seconds) {
  const int century = two_digits(text, 0);
  const int year = two_digits(text, 2);
  const int month = two_digits(text, 5);
  const int day = two_digits(text, 8);
  const int hour = two_digits(text, 11);
  const int minute = two_digits(text, 14);
  const int second = two_digits(text, 17);
  if (century < 0 || year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0) return false;
  if (text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') || text[13] != ':' ||
      text[16] != ':' || hour > 23 || minute > 59 || second > 60)
    return false;
  const std::chrono::year_month_day date(std::chrono::year(century * 100 + year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok()) return false;
  auto rest = text.substr(19);
  if (!rest.empty() && rest.front() == '.') {
    const auto digits = rest.find_first_not_of("0123456789", 1);
    if (digits == std::string_view::npos || digits == 1) return false;
    rest.remove_prefix(digits);
  }
  std::int64_t zone = 0;
  if (!parse_zone(rest, zone)) return false;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  seconds = ((days * 24 + hour) * 60 + minute) * 60 + second - zone;
  return true;
}

bool to_value(const Scalar& scalar, DataType type, EntrySink& sink, const std::uint8_t* at, Value& out) {
  switch (type == DataType::none ? own_type(scalar) : type) {
    case DataType::string:
      if (scalar.kind != Kind::text) return wrong_type(sink, at);
      out = Value::string(as_text(scalar.data));
      return true;
    case DataType::corelnk:
      if (scalar.kind != Kind::text) return wrong_type(sink, at);
      out = Value::corelnk(as_text(scalar.data));
      return true;
    case DataType::integer: {
      std::int64_t number = 0;
      if (!to_signed(scalar, sink, at, number)) return false;
      out = Value::integer(number);
      return true;
    }
    case DataType::unsigned_integer: {
      std::uint64_t number = 0;
      if (!to_unsigned(scalar, sink, at, number)) return false;
      out = Value::unsigned_integer(number);
      return true;
    }
    case DataType::floating:
      if (!scalar.is_number()) return wrong_type(sink, at);
      out = Value::floating(scalar.as_double());
      return true;
    case DataType::boolean:
      if (scalar.kind != Kind::boolean) return wrong_type(sink, at);
      out = Value::boolean(scalar.flag);
      return true;
    case DataType::opaque:
      return to_opaque(scalar, sink, at, out);
    case DataType::time: {
      std::int64_t seconds = 0;
      if (!to_time(scalar, sink, at, seconds)) return false;
      out = Value::time(seconds);
      return true;
    }
    case DataType::objlnk:
      return to_objlnk(scalar, sink, at, out);
    case DataType::none:
      break;
  }
  return sink.fail(ErrorCode::wrong_type, "a null where a value has to be", at);
}

}  // namespace slipway::codec

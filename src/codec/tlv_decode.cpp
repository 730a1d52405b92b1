// SPDX-License-Identifier: Apache-2.0
// Reads application/vnd.oma.lwm2m+tlv. [LwM2M-CORE 1.2 §7.5.5]
#include <bit>

#include "codec/formats.hpp"
#include "codec/tlv.hpp"

namespace slipway::codec {
namespace {

struct Element {
  TlvKind kind;
  std::uint16_t id;
  const std::uint8_t* value;
  const std::uint8_t* end;
};

std::uint64_t big_endian(const std::uint8_t* at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | at[i];
  return value;
}

class TlvDecoder {
 public:
  explicit TlvDecoder(EntrySink& sink) : sink_(sink) {}

  bool decode() {
    switch (sink_.base().level()) {
      case PathLevel::root:
        return sink_.fail(ErrorCode::wrong_path, "TLV names no object", sink_.begin());
      case PathLevel::object:
        return object();
      case PathLevel::instance:
        return instance();
      default:
        return below_instance();
    }
  }

 private:
  //      0        1 (or 1-2)     0, 1, 2 or 3 bytes
  //  +--------+--------------+------------------+--------
  //  |KKIL LSSS|  identifier |  length if LL!=0 | value
  //  +--------+--------------+------------------+--------
  //  KK kind, I identifier has 16 bits, LL size of the length field, SSS the length if LL is 0
  bool read(const std::uint8_t*& at, const std::uint8_t* end, Element& element) {
    const unsigned head = *at;
    if ((head & 0x30) != 0) [[unlikely]]
      return read_long(at, end, element);
    const std::size_t size = 2 + (head >> 3 & 1);
    if (static_cast<std::size_t>(end - at) < size) [[unlikely]]
      return sink_.fail(ErrorCode::truncated, "a TLV header ends too early", at);
    const std::size_t length = size == 2 ? head & 7 : at[2];
    const auto* value = at + size;
    if (static_cast<std::size_t>(end - value) < length) [[unlikely]]
      return sink_.fail(ErrorCode::truncated, "a TLV value is longer than what contains it", at);
    element = {static_cast<TlvKind>(head & 0xc0), at[1], value, value + length};
    at = value + length;
    return true;
  }

  /// With an identifier of 16 bits, or a length of 16 or 24.
  [[gnu::noinline]] bool read_long(const std::uint8_t*& at, const std::uint8_t* end, Element& element) {
    const unsigned head = *at;
    const std::size_t length_size = head >> 3 & 3;
    const std::size_t id_size = 1 + (head >> 5 & 1);
    if (static_cast<std::size_t>(end - at) < 1 + id_size + length_size)
      return sink_.fail(ErrorCode::truncated, "a TLV header ends too early", at);
    const auto id = big_endian(at + 1, id_size);
    if (id == kReservedId) return sink_.fail(ErrorCode::out_of_range, "65535 is no identifier", at);
    const auto* value = at + 1 + id_size;
    const auto length = length_size == 0 ? head & 7 : static_cast<std::size_t>(big_endian(value, length_size));
    value += length_size;
    if (static_cast<std::size_t>(end - value) < length)
      return sink_.fail(ErrorCode::truncated, "a TLV value is longer than what contains it", at);
    element = {static_cast<TlvKind>(head & 0xc0), static_cast<std::uint16_t>(id), value, value + length};
    at = value + length;
    return true;
  }

  bool object() {
    const auto object = sink_.base().object();
    const auto* at = sink_.begin();
    if (at != sink_.end() && (*at & 0xc0) != static_cast<unsigned>(TlvKind::instance))
      return resources(at, sink_.end(), object, InstanceId(kReservedId));
    int last = -1;
    while (at != sink_.end()) {
      const auto* start = at;
      Element element;
      if (!read(at, sink_.end(), element)) return false;
      if (element.kind != TlvKind::instance)
        return sink_.fail(ErrorCode::malformed, "resources and object instances side by side", start);
      if (element.id <= last) sink_.mark_unordered();
      last = element.id;
      if (!content_of_instance(element, object, InstanceId(element.id))) return false;
    }
    return true;
  }

  bool instance() {
    const auto& base = sink_.base();
    const auto* at = sink_.begin();
    if (at == sink_.end()) return true;
    if ((*at & 0xc0) != static_cast<unsigned>(TlvKind::instance))
      return resources(at, sink_.end(), base.object(), base.instance());
    Element element;
    if (!read(at, sink_.end(), element)) return false;
    if (element.id != base.instance().value())
      return sink_.fail(ErrorCode::wrong_path, "another object instance than the target", sink_.begin());
    if (at != sink_.end())
      return sink_.fail(ErrorCode::malformed, "more than one object instance for an instance", at);
    return content_of_instance(element, base.object(), base.instance());
  }

  // A resource, the multiple resource around its instances, or those instances bare: all are in use.
  bool below_instance() {
    const auto& base = sink_.base();
    const auto* at = sink_.begin();
    if (at != sink_.end() && (*at & 0xc0) == static_cast<unsigned>(TlvKind::resource_instance))
      return resource_instances(at, sink_.end(), base.prefix(3),
                                sink_.type_of(base.object().value(), base.resource().value())) &&
             all_inside();
    return resources(at, sink_.end(), base.object(), base.instance()) && all_inside();
  }

  bool all_inside() {
    for (const auto& entry : sink_.entries())
      if (!sink_.base().contains(entry.path))
        return sink_.fail(ErrorCode::wrong_path, "another resource than the target", sink_.begin());
    return true;
  }

  bool content_of_instance(const Element& element, ObjectId object, InstanceId id) {
    if (element.value != element.end) return resources(element.value, element.end, object, id);
    auto* entry = sink_.next(element.value);
    if (entry == nullptr) return false;
    *entry = {.path = Path(object, id), .kind = EntryKind::instance};
    return true;
  }

  bool resources(const std::uint8_t* at, const std::uint8_t* end, ObjectId object, InstanceId instance) {
    const auto* definition = sink_.definition_of(object.value());
    int last = -1;
    while (at != end) {
      const auto* start = at;
      Element element;
      if (!read(at, end, element)) return false;
      if (element.id <= last) sink_.mark_unordered();
      last = element.id;
      const auto type = EntrySink::type_in(definition, element.id);
      const Path path(object, instance, ResourceId(element.id));
      if (element.kind == TlvKind::resource) {
        if (!value(element, type, path)) return false;
      } else if (element.kind == TlvKind::multiple) {
        if (!multiple(element, type, path)) return false;
      } else {
        return sink_.fail(ErrorCode::malformed, "a TLV kind that cannot stand in an object instance", start);
      }
    }
    return true;
  }

  bool multiple(const Element& element, DataType type, const Path& path) {
    if (element.value != element.end)
      return resource_instances(element.value, element.end, path, type);
    auto* entry = sink_.next(element.value);
    if (entry == nullptr) return false;
    *entry = {.path = path, .kind = EntryKind::multiple};
    return true;
  }

  bool resource_instances(const std::uint8_t* at, const std::uint8_t* end, const Path& path, DataType type) {
    int last = -1;
    while (at != end) {
      const auto* start = at;
      Element element;
      if (!read(at, end, element)) return false;
      if (element.kind != TlvKind::resource_instance)
        return sink_.fail(ErrorCode::malformed, "only resource instances stand in a multiple resource", start);
      if (element.id <= last) sink_.mark_unordered();
      last = element.id;
      if (!value(element, type, path.child(element.id))) return false;
    }
    return true;
  }

  bool value(const Element& element, DataType type, const Path& path) {
    auto* entry = sink_.next(element.value);
    if (entry == nullptr) return false;
    entry->path = path;
    entry->kind = EntryKind::value;
    entry->time = 0;
    const auto size = static_cast<std::size_t>(element.end - element.value);
    switch (type) {
      case DataType::string:
        entry->value = Value::string(as_text({element.value, size}));
        return true;
      case DataType::corelnk:
        entry->value = Value::corelnk(as_text({element.value, size}));
        return true;
      case DataType::none:
      case DataType::opaque:
        entry->value = Value::opaque({element.value, size});
        return true;
      case DataType::integer:
      case DataType::time: {
        std::int64_t number = 0;
        if (!signed_number(element.value, size, number)) return false;
        entry->value = type == DataType::time ? Value::time(number) : Value::integer(number);
        return true;
      }
      case DataType::unsigned_integer:
        if (!std::has_single_bit(size) || size > 8)
          return sink_.fail(ErrorCode::wrong_type, "an Unsigned Integer has 1, 2, 4 or 8 bytes",
                            element.value);
        entry->value = Value::unsigned_integer(big_endian(element.value, size));
        return true;
      case DataType::floating:
        return floating(element, size, entry->value);
      case DataType::boolean:
        if (size != 1) return sink_.fail(ErrorCode::wrong_type, "a Boolean has one byte", element.value);
        if (*element.value > 1)
          return sink_.fail(ErrorCode::out_of_range, "a Boolean is 0 or 1", element.value);
        entry->value = Value::boolean(*element.value == 1);
        return true;
      case DataType::objlnk:
        if (size != 4) return sink_.fail(ErrorCode::wrong_type, "an Objlnk has four bytes", element.value);
        entry->value = Value::objlnk({static_cast<std::uint16_t>(big_endian(element.value, 2)),
                                      static_cast<std::uint16_t>(big_endian(element.value + 2, 2))});
        return true;
    }
    return false;
  }

  bool signed_number(const std::uint8_t* at, std::size_t size, std::int64_t& number) {
    if (size == 1) {
      number = static_cast<std::int8_t>(*at);
    } else if (size == 4) {
      number = static_cast<std::int32_t>(big_endian(at, 4));
    } else if (size == 2) {
      number = static_cast<std::int16_t>(big_endian(at, 2));
    } else if (size == 8) {
      number = static_cast<std::int64_t>(big_endian(at, 8));
    } else {
      return sink_.fail(ErrorCode::wrong_type, "an Integer has 1, 2, 4 or 8 bytes", at);
    }
    return true;
  }

  bool floating(const Element& element, std::size_t size, Value& out) {
    if (size == 4) {
      out = Value::floating(std::bit_cast<float>(static_cast<std::uint32_t>(big_endian(element.value, 4))));
    } else if (size == 8) {
      out = Value::floating(std::bit_cast<double>(big_endian(element.value, 8)));
    } else {
      return sink_.fail(ErrorCode::wrong_type, "a Float has 4 or 8 bytes", element.value);
    }
    return true;
  }

  EntrySink& sink_;
};

}  // namespace

bool decode_tlv(EntrySink& sink) { return TlvDecoder(sink).decode(); }

}  // namespace slipway::codec

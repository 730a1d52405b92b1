// SPDX-License-Identifier: Apache-2.0
// Reads application/vnd.oma.lwm2m+tlv. [LwM2M-CORE 1.2 §7.5.5]
#include <bit>

#include "codec/formats.hpp"
#include "codec/tlv.hpp"

namespace slipway::codec {
namespace {

struct Element {
  TlvKind kind = TlvKind::instance;
  std::uint16_t id = 0;
  const std::uint8_t* value = nullptr;
  const std::uint8_t* end = nullptr;
};

std::uint16_t load16(const std::uint8_t* at) { return static_cast<std::uint16_t>(at[0] << 8 | at[1]); }
std::uint32_t load32(const std::uint8_t* at) {
  return std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 | std::uint32_t{at[2]} << 8 | at[3];
}
std::uint64_t load64(const std::uint8_t* at) { return std::uint64_t{load32(at)} << 32 | load32(at + 4); }

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
  //
  // An element whose `value` is nullptr did not fit, and the sink knows why.
  Element read(const std::uint8_t* at, const std::uint8_t* end) {
    const unsigned head = *at;
    if ((head & 0x38) == 0 && end - at >= 2 + static_cast<std::ptrdiff_t>(head & 7)) [[likely]]
      return {static_cast<TlvKind>(head & 0xc0), at[1], at + 2, at + 2 + (head & 7)};
    return read_long(at, end);
  }

  [[gnu::noinline]] Element read_long(const std::uint8_t* at, const std::uint8_t* end) {
    const unsigned head = *at;
    const std::size_t length_size = head >> 3 & 3;
    const std::size_t id_size = 1 + (head >> 5 & 1);
    if (static_cast<std::size_t>(end - at) < 1 + id_size + length_size) {
      sink_.fail(ErrorCode::truncated, "a TLV header ends too early", at);
      return {};
    }
    const auto id = big_endian(at + 1, id_size);
    const auto* value = at + 1 + id_size;
    const auto length = length_size == 0 ? head & 7 : static_cast<std::size_t>(big_endian(value, length_size));
    value += length_size;
    if (id == kReservedId) {
      sink_.fail(ErrorCode::out_of_range, "65535 is no identifier", at);
      return {};
    }
    if (static_cast<std::size_t>(end - value) < length) {
      sink_.fail(ErrorCode::truncated, "a TLV value is longer than what contains it", at);
      return {};
    }
    return {static_cast<TlvKind>(head & 0xc0), static_cast<std::uint16_t>(id), value, value + length};
  }

  bool object() {
    const auto object = sink_.base().object();
    const auto* at = sink_.begin();
    if (at != sink_.end() && (*at & 0xc0) != static_cast<unsigned>(TlvKind::instance))
      return resources(at, sink_.end(), object, InstanceId(kReservedId));
    int last = -1;
    while (at != sink_.end()) {
      const auto* start = at;
      const auto element = read(at, sink_.end());
      if (element.value == nullptr) return false;
      at = element.end;
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
    const auto element = read(at, sink_.end());
    if (element.value == nullptr) return false;
    at = element.end;
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
    const bool bare =
        at != sink_.end() && (*at & 0xc0) == static_cast<unsigned>(TlvKind::resource_instance);
    if (!bare) return resources(at, sink_.end(), base.object(), base.instance()) && all_inside();
    const auto type = sink_.type_of(base.object().value(), base.resource().value());
    auto* entry = resource_instances(at, sink_.end(), base.prefix(3).packed(), type, sink_.place());
    if (entry == nullptr) return false;
    sink_.set_place(entry);
    return all_inside();
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

  /// The content of an object instance. An element with an id and a length of one byte, which nearly
  /// all are, is read right here, others by read().
  bool resources(const std::uint8_t* at, const std::uint8_t* end, ObjectId object, InstanceId instance) {
    const auto* definition = sink_.definition_of(object.value());
    const auto defined = definition == nullptr ? std::span<const ResourceDefinition>() : definition->resources;
    const auto parent = Path(object, instance).packed();
    auto* entry = sink_.place();  // in a local, and given back at the end
    const auto* const limit = sink_.limit();
    int last = -1;
    while (at != end) {
      const unsigned head = *at;
      int id = 0;
      std::size_t length = 0;
      const std::uint8_t* value = nullptr;
      if ((head & 0x30) == 0 && end - at > 2) [[likely]] {
        id = at[1];
        value = at + 2;
        length = head & 7;
        if ((head & 0x08) != 0) length = *value++;
        if (static_cast<std::size_t>(end - value) < length) [[unlikely]]
          return too_long(value);
      } else {
        const auto element = read(at, end);
        if (element.value == nullptr) return false;
        id = element.id;
        value = element.value;
        length = static_cast<std::size_t>(element.end - value);
      }
      if (id <= last) [[unlikely]]
        sink_.mark_unordered();
      last = id;
      const auto index = static_cast<std::size_t>(id);
      DataType type = DataType::none;
      if (index < defined.size() && defined[index].id.value() == id) [[likely]] {
        type = defined[index].type;
      } else {
        type = EntrySink::type_in(definition, static_cast<std::uint16_t>(id));
      }
      if (entry == limit) [[unlikely]]
        return sink_.fail_full(value);
      const auto ids = parent | static_cast<std::uint64_t>(id) << 32;
      if (head >= 0xc0) [[likely]] {
        entry->path = Path::unpack(ids, 3);
        if (!value_of(value, length, type, *entry++)) [[unlikely]]
          return false;
      } else {
        if ((head & 0x40) != 0 || head < 0x80)
          return sink_.fail(ErrorCode::malformed, "a TLV kind that cannot stand in an object instance", at);
        entry = resource_instances(value, value + length, ids, type, entry);
        if (entry == nullptr) return false;
      }
      at = value + length;
    }
    sink_.set_place(entry);
    return true;
  }

  [[gnu::noinline]] bool too_long(const std::uint8_t* value) {
    return sink_.fail(ErrorCode::truncated, "a TLV value is longer than what contains it", value);
  }

  /// The content of a multiple resource. Returns where the next entry goes, or nullptr when it failed.
  [[gnu::noinline]] Entry* resource_instances(const std::uint8_t* at, const std::uint8_t* end,
                                              std::uint64_t resource, DataType type, Entry* entry) {
    if (at == end) {
      *entry = {.path = Path::unpack(resource, 3), .kind = EntryKind::multiple};
      return entry + 1;
    }
    int last = -1;
    do {
      const auto element = read(at, end);
      if (element.value == nullptr) return nullptr;
      if (element.kind != TlvKind::resource_instance) {
        sink_.fail(ErrorCode::malformed, "only resource instances stand in a multiple resource", at);
        return nullptr;
      }
      if (element.id <= last) sink_.mark_unordered();
      last = element.id;
      if (entry == sink_.limit()) {
        sink_.fail_full(at);
        return nullptr;
      }
      entry->path = Path::unpack(resource | std::uint64_t{element.id} << 48, 4);
      const auto size = static_cast<std::size_t>(element.end - element.value);
      if (!value_of(element.value, size, type, *entry++)) return nullptr;
      at = element.end;
    } while (at != end);
    return entry;
  }

  /// Everything of an entry but its path.
  [[gnu::always_inline]] bool value_of(const std::uint8_t* at, std::size_t size, DataType type, Entry& entry) {
    entry.kind = EntryKind::value;
    entry.time = 0;
    if (type == DataType::string) {
      entry.value = Value::string(as_text({at, size}));
      return true;
    }
    if (size == 1 && type == DataType::integer) {
      entry.value = Value::integer(static_cast<std::int8_t>(*at));
      return true;
    }
    return any_value(at, size, type, entry.value);
  }

  [[gnu::noinline]] bool any_value(const std::uint8_t* at, std::size_t size, DataType type, Value& out) {
    switch (type) {
      case DataType::string:
        out = Value::string(as_text({at, size}));
        return true;
      case DataType::corelnk:
        out = Value::corelnk(as_text({at, size}));
        return true;
      case DataType::none:
      case DataType::opaque:
        out = Value::opaque({at, size});
        return true;
      case DataType::integer:
        return signed_number<DataType::integer>(at, size, out);
      case DataType::time:
        return signed_number<DataType::time>(at, size, out);
      case DataType::unsigned_integer:
        if (size != 1 && size != 2 && size != 4 && size != 8)
          return sink_.fail(ErrorCode::wrong_type, "an Unsigned Integer has 1, 2, 4 or 8 bytes", at);
        out = Value::unsigned_integer(big_endian(at, size));
        return true;
      case DataType::floating:
        return floating(at, size, out);
      case DataType::boolean:
        if (size != 1) return sink_.fail(ErrorCode::wrong_type, "a Boolean has one byte", at);
        if (*at > 1) return sink_.fail(ErrorCode::out_of_range, "a Boolean is 0 or 1", at);
        out = Value::boolean(*at == 1);
        return true;
      case DataType::objlnk:
        if (size != 4) return sink_.fail(ErrorCode::wrong_type, "an Objlnk has four bytes", at);
        out = Value::objlnk({load16(at), load16(at + 2)});
        return true;
    }
    return false;
  }

  template <DataType Type>
  bool signed_number(const std::uint8_t* at, std::size_t size, Value& out) {
    std::int64_t number = 0;
    if (size == 1) {
      number = static_cast<std::int8_t>(*at);
    } else if (size == 4) {
      number = static_cast<std::int32_t>(load32(at));
    } else if (size == 2) {
      number = static_cast<std::int16_t>(load16(at));
    } else if (size == 8) {
      number = static_cast<std::int64_t>(load64(at));
    } else {
      return sink_.fail(ErrorCode::wrong_type, "an Integer has 1, 2, 4 or 8 bytes", at);
    }
    out = Type == DataType::time ? Value::time(number) : Value::integer(number);
    return true;
  }

  bool floating(const std::uint8_t* at, std::size_t size, Value& out) {
    if (size == 4) {
      out = Value::floating(std::bit_cast<float>(load32(at)));
    } else if (size == 8) {
      out = Value::floating(std::bit_cast<double>(load64(at)));
    } else {
      return sink_.fail(ErrorCode::wrong_type, "a Float has 4 or 8 bytes", at);
    }
    return true;
  }

  EntrySink& sink_;
};

}  // namespace

bool decode_tlv(EntrySink& sink) { return TlvDecoder(sink).decode(); }

}  // namespace slipway::codec

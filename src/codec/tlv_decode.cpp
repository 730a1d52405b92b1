// SPDX-License-Identifier: Apache-2.0
// Reads application/vnd.oma.lwm2m+tlv. [LwM2M-CORE 1.2 §7.5.5]
#include <algorithm>
#include <bit>

#include "codec/formats.hpp"
#include "codec/tlv.hpp"

namespace slipway::codec {
namespace {

/// One TLV of a content: what it is, and where in the content its value lies.
struct Element {
  TlvKind kind = TlvKind::instance;
  std::size_t id = 0;
  std::size_t value = 0;
  std::size_t size = 0;
  [[nodiscard]] std::size_t end() const { return value + size; }
};

std::uint16_t load16(const std::uint8_t* at) {
  return static_cast<std::uint16_t>(at[0] << 8 | at[1]);
}
std::uint32_t load32(const std::uint8_t* at) {
  return std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 | std::uint32_t{at[2]} << 8 | at[3];
}
std::uint64_t load64(const std::uint8_t* at) {
  return std::uint64_t{load32(at)} << 32 | load32(at + 4);
}

std::uint64_t big_endian(const std::uint8_t* at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | at[i];
  return value;
}

/// How far the content of one object instance was read.
struct TlvRun {
  ByteView content;
  std::span<const ResourceDefinition> defined;  ///< each at the index of its id
  std::uint64_t parent = 0;                     ///< the instance, as Path::packed()
  Entry* entry = nullptr;                       ///< where the next one goes
  const Entry* limit = nullptr;
  std::uint64_t next = 0;  ///< the least resource, as Path::packed(), that keeps the order
  std::size_t at = 0;
};

//      0        1 (or 1-2)     0, 1, 2 or 3 bytes
//  +--------+--------------+------------------+--------
//  |KKIL LSSS|  identifier |  length if LL!=0 | value
//  +--------+--------------+------------------+--------
//  KK kind, I identifier has 16 bits, LL size of the length field, SSS the length if LL is 0

/// Reads a header of one byte of id and at most one of length; false when it is another, or of another
/// kind, or when the content ends before the value does.
[[gnu::always_inline]] inline bool read_short(ByteView content, std::size_t at, TlvKind kind,
                                              Element& element) {
  std::size_t value = at + 2;
  if (value >= content.size()) return false;
  std::size_t size = std::size_t{content[at]} - static_cast<std::size_t>(kind);  // if the head holds it
  if (size > 7) [[unlikely]] {
    if (size != 8) return false;
    size = content[value++];
  }
  element = {.kind = kind, .id = content[at + 1], .value = value, .size = size};
  return element.end() <= content.size();
}

/// The usual sizes of an integer.
[[gnu::always_inline]] inline bool common_number(const std::uint8_t* at, std::size_t size,
                                                 std::int64_t& number) {
  if (size == 1) {
    number = static_cast<std::int8_t>(*at);
    return true;
  }
  if (size == 4) number = static_cast<std::int32_t>(load32(at));
  return size == 4;
}

/// Writes an entry of a text or of an integer of a usual size; false for all else.
[[gnu::always_inline]] inline bool put_common(const std::uint8_t* at, std::size_t size, DataType type,
                                              std::uint64_t ids, unsigned depth, Entry& entry) {
  std::int64_t number = 0;
  if (type == DataType::string) [[likely]] {
    entry.value = Value::string(as_text({at, size}));
  } else if (type == DataType::integer) {
    if (!common_number(at, size, number)) return false;
    entry.value = Value::integer(number);
  } else if (type == DataType::time) {
    if (!common_number(at, size, number)) return false;
    entry.value = Value::time(number);
  } else {
    return false;
  }
  entry.path = Path::unpack(ids, depth);
  entry.kind = EntryKind::value;
  entry.time = 0;
  return true;
}

/// The instances of a common multiple resource. Returns where the next entry goes, or nullptr when any of
/// them is not common.
[[gnu::always_inline]] inline Entry* read_common_instances(ByteView content, std::uint64_t resource,
                                                           DataType type, Entry* entry, const TlvRun& run) {
  auto next = resource;
  Element element;
  std::size_t at = 0;
  do {
    if (!read_short(content, at, TlvKind::resource_instance, element)) return nullptr;
    const auto ids = resource | std::uint64_t{element.id} << 48;
    if (ids < next || entry == run.limit) return nullptr;
    if (!put_common(content.data() + element.value, element.size, type, ids, 4, *entry)) return nullptr;
    ++entry;
    next = ids + 1;
    at = element.end();
  } while (at != content.size());
  return entry;
}

/// Reads the elements that most contents consist of: defined, in order, with short headers, and with text
/// or integers. Stops before the first one that is anything else, or wrong: the decoder reads that. It
/// calls nothing, so that what changes stays in registers.
[[gnu::noinline]] void read_common(TlvRun& run) {
  const auto content = run.content;
  auto* entry = run.entry;
  auto at = run.at;
  auto next = run.next;
  const auto* const defined = run.defined.data();
  while (at + 2 < content.size()) {
    Element element;
    if (read_short(content, at, TlvKind::resource, element)) [[likely]] {
      if (element.id >= run.defined.size()) break;
      const auto type = defined[element.id].type;
      const auto ids = run.parent | std::uint64_t{element.id} << 32;
      if (ids < next || entry == run.limit) break;
      if (!put_common(content.data() + element.value, element.size, type, ids, 3, *entry)) break;
      ++entry;
      next = ids + 1;
    } else if (read_short(content, at, TlvKind::multiple, element)) {
      if (element.id >= run.defined.size()) break;
      const auto type = defined[element.id].type;
      const auto ids = run.parent | std::uint64_t{element.id} << 32;
      if (ids < next) break;
      const ByteView instances(content.data() + element.value, element.size);
      auto* const after = read_common_instances(instances, ids, type, entry, run);
      if (after == nullptr) break;
      entry = after;
      next = ids + 1;
    } else {
      break;
    }
    at = element.end();
  }
  run.entry = entry;
  run.at = at;
  run.next = next;
}

class TlvDecoder {
 public:
  explicit TlvDecoder(EntrySink& sink) : sink_(sink) {}

  bool decode() {
    switch (sink_.base().level()) {
      [[likely]] case PathLevel::instance:
        return instance();
      case PathLevel::root:
        return sink_.fail(ErrorCode::wrong_path, "TLV names no object", sink_.begin());
      case PathLevel::object:
        return object();
      default:
        return below_instance();
    }
  }

 private:
  // An element whose `value` is 0 did not fit, and the sink knows why.
  Element read(ByteView content, std::size_t at) {
    const unsigned head = content[at];
    const std::size_t length_size = head >> 3 & 3;
    const std::size_t id_size = 1 + (head >> 5 & 1);
    if (content.size() - at < 1 + id_size + length_size) {
      sink_.fail(ErrorCode::truncated, "a TLV header ends too early", &content[at]);
      return {};
    }
    const auto id = static_cast<std::size_t>(big_endian(&content[at] + 1, id_size));
    if (id == kReservedId) {
      sink_.fail(ErrorCode::out_of_range, "65535 is no identifier", &content[at]);
      return {};
    }
    const auto value = at + 1 + id_size + length_size;
    const auto* length = content.data() + at + 1 + id_size;
    const auto size = length_size == 0 ? head & 7 : static_cast<std::size_t>(big_endian(length, length_size));
    if (content.size() - value < size) {
      sink_.fail(ErrorCode::truncated, "a TLV value is longer than what contains it", &content[at]);
      return {};
    }
    return {.kind = static_cast<TlvKind>(head & 0xc0), .id = id, .value = value, .size = size};
  }

  [[nodiscard]] ByteView payload() const { return {sink_.begin(), sink_.end()}; }
  [[nodiscard]] static bool starts_with(ByteView content, TlvKind kind) {
    return !content.empty() && (content[0] & 0xc0) == static_cast<unsigned>(kind);
  }

  [[gnu::noinline]] bool object() {
    const auto object = sink_.base().object();
    const auto content = payload();
    if (!content.empty() && !starts_with(content, TlvKind::instance))
      return resources(content, object, InstanceId(kReservedId));
    int last = -1;
    Element element;
    for (std::size_t at = 0; at != content.size(); at = element.end()) {
      element = read(content, at);
      if (element.value == 0) return false;
      if (element.kind != TlvKind::instance)
        return sink_.fail(ErrorCode::malformed, "resources and object instances side by side", &content[at]);
      const auto id = static_cast<std::uint16_t>(element.id);
      if (id <= last) sink_.mark_unordered();
      last = id;
      if (!content_of_instance(content.subspan(element.value, element.size), object, InstanceId(id)))
        return false;
    }
    return true;
  }

  bool instance() {
    const auto& base = sink_.base();
    const auto content = payload();
    if (!starts_with(content, TlvKind::instance)) [[likely]]
      return resources(content, base.object(), base.instance());
    return named_instance(content);
  }

  [[gnu::noinline]] bool named_instance(ByteView content) {
    const auto& base = sink_.base();
    const auto element = read(content, 0);
    if (element.value == 0) return false;
    if (element.id != base.instance().value())
      return sink_.fail(ErrorCode::wrong_path, "another object instance than the target", sink_.begin());
    if (element.end() != content.size())
      return sink_.fail(ErrorCode::malformed, "more than one object instance for an instance",
                        &content[element.end()]);
    return content_of_instance(content.subspan(element.value, element.size), base.object(), base.instance());
  }

  // A resource, the multiple resource around its instances, or those instances bare: all are in use.
  [[gnu::noinline]] bool below_instance() {
    const auto& base = sink_.base();
    const auto content = payload();
    if (!starts_with(content, TlvKind::resource_instance))
      return resources(content, base.object(), base.instance()) && all_inside();
    const auto type = sink_.type_of(base.object().value(), base.resource().value());
    auto* entry = resource_instances(content, base.prefix(3).packed(), type, sink_.place());
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

  bool content_of_instance(ByteView content, ObjectId object, InstanceId id) {
    if (!content.empty()) return resources(content, object, id);
    auto* entry = sink_.next(content.data());
    if (entry == nullptr) return false;
    *entry = {.path = Path(object, id), .kind = EntryKind::instance};
    return true;
  }

  /// The first resources of an object, as far as each stands at the index of its id.
  [[nodiscard]] static std::span<const ResourceDefinition> indexed(const ObjectDefinition* definition) {
    if (definition == nullptr || definition->resources.empty()) return {};
    const auto all = definition->resources;  // ascending ids
    return all.back().id.value() == all.size() - 1 ? all : before_first_gap(all);
  }
  [[gnu::noinline]] static std::span<const ResourceDefinition> before_first_gap(
      std::span<const ResourceDefinition> all) {
    const auto gap = std::partition_point(all.begin(), all.end(), [&](const ResourceDefinition& resource) {
      return resource.id.value() == &resource - all.data();
    });
    return all.first(static_cast<std::size_t>(gap - all.begin()));
  }

  /// The content of an object instance: runs of common elements, and single ones of any other form.
  bool resources(ByteView content, ObjectId object, InstanceId instance) {
    const auto* definition = sink_.definition_of(object.value());
    TlvRun run{.content = content,
               .defined = indexed(definition),
               .parent = Path(object, instance).packed(),
               .entry = sink_.place(),
               .limit = sink_.limit()};
    for (;;) {
      read_common(run);
      if (run.at == content.size()) break;
      if (!resource(run, definition)) return false;
    }
    sink_.set_place(run.entry);
    return true;
  }

  /// Any element of an object instance.
  [[gnu::noinline]] bool resource(TlvRun& run, const ObjectDefinition* definition) {
    const auto element = read(run.content, run.at);
    if (element.value == 0) return false;
    if (element.kind == TlvKind::instance || element.kind == TlvKind::resource_instance)
      return sink_.fail(ErrorCode::malformed, "a TLV kind that cannot stand in an object instance",
                        &run.content[run.at]);
    const auto ids = run.parent | std::uint64_t{element.id} << 32;
    if (ids < run.next) sink_.mark_unordered();
    run.next = ids + 1;
    const auto value = run.content.subspan(element.value, element.size);
    if (run.entry == run.limit) return sink_.fail_full(value.data());
    const auto type = EntrySink::type_in(definition, static_cast<std::uint16_t>(element.id));
    if (element.kind == TlvKind::multiple) {
      run.entry = resource_instances(value, ids, type, run.entry);
    } else {
      run.entry = single(value, Path::unpack(ids, 3), type, run.entry);
    }
    run.at = element.end();
    return run.entry != nullptr;
  }

  /// The content of a multiple resource. Returns where the next entry goes, or nullptr when it failed.
  Entry* resource_instances(ByteView content, std::uint64_t resource, DataType type, Entry* entry) {
    if (content.empty()) {
      if (entry == sink_.limit()) return full(content.data());
      *entry = {.path = Path::unpack(resource, 3), .kind = EntryKind::multiple};
      return entry + 1;
    }
    std::size_t next = 0;
    Element element;
    for (std::size_t at = 0; at != content.size(); at = element.end()) {
      element = read(content, at);
      if (element.value == 0) return nullptr;
      if (element.kind != TlvKind::resource_instance) {
        sink_.fail(ErrorCode::malformed, "only resource instances stand in a multiple resource",
                   &content[at]);
        return nullptr;
      }
      if (element.id < next) sink_.mark_unordered();
      next = element.id + 1;
      if (entry == sink_.limit()) return full(&content[at]);
      const auto path = Path::unpack(resource | std::uint64_t{element.id} << 48, 4);
      entry = single(content.subspan(element.value, element.size), path, type, entry);
      if (entry == nullptr) return nullptr;
    }
    return entry;
  }

  Entry* full(const std::uint8_t* at) {
    sink_.fail_full(at);
    return nullptr;
  }

  /// One value. Returns where the next entry goes, or nullptr when it failed.
  Entry* single(ByteView value, const Path& path, DataType type, Entry* entry) {
    *entry = {.path = path};
    return any_value(value.data(), value.size(), type, entry->value) ? entry + 1 : nullptr;
  }

  bool any_value(const std::uint8_t* at, std::size_t size, DataType type, Value& out) {
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
    return sink_.fail(ErrorCode::malformed, "a type that no resource has", at);
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

bool decode_tlv(EntrySink& sink) {
  return TlvDecoder(sink).decode();
}

}  // namespace slipway::codec

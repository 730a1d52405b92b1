// SPDX-License-Identifier: Apache-2.0
// Writes application/vnd.oma.lwm2m+tlv in one pass. [LwM2M-CORE 1.2 §7.5.5]
//
// A container's header is written with its smallest size first; where the content turns out longer,
// it moves by the missing bytes. No list of lengths is kept, and each byte moves at most twice.
#include <bit>

#include "codec/copy.hpp"
#include "codec/formats.hpp"
#include "codec/tlv.hpp"

namespace slipway::codec {
namespace {

constexpr std::size_t kHeaderMax = 6;  // kind, 16-bit id, 24-bit length
constexpr std::size_t kLengthMax = 0xffffff;
constexpr std::size_t kShortTextMax = 32;
constexpr std::ptrdiff_t kShortMax = kShortTextMax + 3;

std::uint64_t resource_key(const Path& path) { return path.packed() & 0xffffffffffff; }
std::uint32_t instance_key(const Path& path) { return static_cast<std::uint32_t>(path.packed()); }

std::size_t header_size(std::uint16_t id, std::size_t length) {
  return 2 + (id > 0xff ? 1u : 0u) + (length < 8 ? 0u : length < 0x100 ? 1u : length < 0x10000 ? 2u : 3u);
}

std::uint8_t* put_big_endian(std::uint8_t* at, std::uint64_t value, std::size_t size) {
  for (std::size_t i = size; i-- > 0;) *at++ = static_cast<std::uint8_t>(value >> (8 * i));
  return at;
}

std::uint8_t* put_32(std::uint8_t* at, std::uint32_t value) {
  at[0] = static_cast<std::uint8_t>(value >> 24);
  at[1] = static_cast<std::uint8_t>(value >> 16);
  at[2] = static_cast<std::uint8_t>(value >> 8);
  at[3] = static_cast<std::uint8_t>(value);
  return at + 4;
}

std::uint8_t* put_long_header(std::uint8_t* at, TlvKind kind, std::uint16_t id, std::size_t length) {
  const std::size_t length_size = header_size(0, length) - 2;
  *at++ = static_cast<std::uint8_t>(static_cast<unsigned>(kind) | (id > 0xff ? 0x20u : 0u) | length_size << 3 |
                                    (length_size == 0 ? length : 0u));
  at = put_big_endian(at, id, id > 0xff ? 2 : 1);
  return put_big_endian(at, length, length_size);
}

inline std::uint8_t* put_header(std::uint8_t* at, TlvKind kind, std::uint16_t id, std::size_t length) {
  if (id > 0xff || length > 0xff) [[unlikely]]
    return put_long_header(at, kind, id, length);
  at[1] = static_cast<std::uint8_t>(id);
  if (length < 8) {
    at[0] = static_cast<std::uint8_t>(static_cast<unsigned>(kind) | length);
    return at + 2;
  }
  at[0] = static_cast<std::uint8_t>(static_cast<unsigned>(kind) | 0x08u);
  at[2] = static_cast<std::uint8_t>(length);
  return at + 3;
}

/// What a value's content is: bytes, or a number in its smallest size.
struct Content {
  const std::uint8_t* bytes = nullptr;
  std::uint64_t number = 0;
  std::size_t size = 0;
};

std::size_t size_of_signed(std::int64_t number) {
  if (number == static_cast<std::int8_t>(number)) return 1;
  if (number == static_cast<std::int16_t>(number)) return 2;
  return number == static_cast<std::int32_t>(number) ? 4 : 8;
}
std::size_t size_of_unsigned(std::uint64_t number) {
  if (number <= 0xff) return 1;
  if (number <= 0xffff) return 2;
  return number <= 0xffffffff ? 4 : 8;
}

class TlvEncoder {
 public:
  TlvEncoder(Entries entries, MutableBytes out)
      : at_(out.data()), end_(at_ + out.size()), entry_(entries.data()), last_(entry_ + entries.size()) {}

  bool encode(const Path& base) {
    if (base.is_root()) return fail(ErrorCode::unsupported, "TLV names no object");
    if (entry_ == last_) return true;
    if (base.depth() == 1) return instances(base.object());
    const bool done = base.depth() == 2 && entry_->kind == EntryKind::instance
                          ? empty_instance(base)
                          : resources(instance_key(base));
    if (!done) return false;
    return entry_ == last_ || fail(ErrorCode::wrong_path, "an entry outside the base path, or out of order");
  }

  [[nodiscard]] std::uint8_t* at() const { return at_; }
  [[nodiscard]] const Error& error() const { return error_; }

 private:
  bool fail(ErrorCode code, const char* detail) {
    error_ = {code, 0, detail};
    return false;
  }

  // The target itself, without resources, is the one case where it has to be named.
  bool empty_instance(const Path& base) {
    if (entry_->path != base) return fail(ErrorCode::wrong_path, "an entry outside the base path");
    ++entry_;
    return named_instance(base.instance().value(), true);
  }

  bool instances(ObjectId object) {
    if (entry_->path.instance().value() == kReservedId) return unnamed_instance(object);
    int last = -1;
    while (entry_ != last_) {
      const Path& path = entry_->path;
      const auto id = path.instance().value();
      if (path.depth() < 2 || path.object() != object)
        return fail(ErrorCode::wrong_path, "an entry outside the base path");
      if (id <= last) return fail_order(id, last);
      if (id == kReservedId) return fail(ErrorCode::unsupported, "an instance without id beside others");
      last = id;
      const bool empty = entry_->kind == EntryKind::instance && path.depth() == 2;
      if (empty) ++entry_;
      if (!named_instance(id, empty)) return false;
    }
    return true;
  }

  /// An object instance with its header.
  bool named_instance(std::uint16_t id, bool empty) {
    auto* const start = at_;
    at_ = open(start, id);
    if (at_ == nullptr) return false;
    if (!empty && !resources(instance_key(entry_->path))) return false;
    at_ = close(at_, start, TlvKind::instance, id);
    return at_ != nullptr;
  }

  // A Create that leaves the choice of the id to the device: bare resources.
  bool unnamed_instance(ObjectId object) {
    const auto key = std::uint32_t{kReservedId} << 16 | object.value();
    if (entry_->kind == EntryKind::instance && instance_key(entry_->path) == key) {
      ++entry_;
    } else if (!resources(key)) {
      return false;
    }
    return entry_ == last_ || fail(ErrorCode::wrong_path, "entries beside an instance without id");
  }

  /// Where writing goes on, and with which entry; `at` is nullptr when it failed.
  struct Progress {
    std::uint8_t* at;
    const Entry* entry;
  };

  /// All entries of one object instance. What changes is held in locals: bytes written through a
  /// pointer may, to the compiler, change every member.
  bool resources(std::uint32_t instance) {
    const Entry* entry = entry_;
    const Entry* const last_entry = last_;
    std::uint8_t* at = at_;
    const auto* const near_end = end_ - at > kShortMax ? end_ - kShortMax : at;
    int last = -1;
    while (entry != last_entry) {
      const Path& path = entry->path;
      if (instance_key(path) != instance) break;
      const int id = path.resource().value();
      if (id <= last) [[unlikely]]
        return fail_order(id, last);
      last = id;
      if (path.depth() == 3 && entry->kind == EntryKind::value) [[likely]] {
        at = value(at, near_end, TlvKind::resource, static_cast<std::uint16_t>(id), entry->value);
        ++entry;
      } else {
        const auto progress = multiple(at, near_end, entry);
        at = progress.at;
        entry = progress.entry;
      }
      if (at == nullptr) [[unlikely]]
        return false;
    }
    at_ = at;
    entry_ = entry;
    return last >= 0 || fail(ErrorCode::wrong_path, "an entry outside the base path");
  }

  /// A multiple resource and its instances.
  Progress multiple(std::uint8_t* at, const std::uint8_t* near_end, const Entry* entry) {
    const Entry* const last_entry = last_;
    const auto resource = resource_key(entry->path);
    const auto id = entry->path.resource().value();
    auto* const start = at;
    at = open(at, id);
    if (at == nullptr) return {};
    if (entry->kind == EntryKind::multiple && entry->path.depth() == 3)
      return {close(at, start, TlvKind::multiple, id), entry + 1};
    int last = -1;
    for (; entry != last_entry && resource_key(entry->path) == resource; ++entry) {
      if (entry->path.depth() != 4 || entry->kind != EntryKind::value) [[unlikely]] {
        fail(last < 0 ? ErrorCode::unsupported : ErrorCode::duplicate, "TLV has nothing for this entry");
        return {};
      }
      const int child = entry->path.resource_instance().value();
      if (child <= last) [[unlikely]] {
        fail_order(child, last);
        return {};
      }
      last = child;
      at = value(at, near_end, TlvKind::resource_instance, static_cast<std::uint16_t>(child), entry->value);
      if (at == nullptr) [[unlikely]]
        return {};
    }
    return {close(at, start, TlvKind::multiple, id), entry};
  }

  bool fail_order(int id, int last) {
    return id == last ? fail(ErrorCode::duplicate, "two entries for one path")
                      : fail(ErrorCode::wrong_path, "entries that are not sorted");
  }

  /// Leaves the smallest room that the header of a container can have; nullptr when there is none.
  std::uint8_t* open(std::uint8_t* at, std::uint16_t id) {
    const auto size = header_size(id, 0);
    if (static_cast<std::size_t>(end_ - at) < size) [[unlikely]] {
      no_space();
      return nullptr;
    }
    return at + size;
  }

  /// Writes that header once the content, up to `at`, is known. Returns the container's end, or nullptr.
  std::uint8_t* close(std::uint8_t* at, std::uint8_t* start, TlvKind kind, std::uint16_t id) {
    const auto reserved = header_size(id, 0);
    const auto length = static_cast<std::size_t>(at - start) - reserved;
    if (length >= 8) {
      const auto missing = header_size(id, length) - reserved;
      if (length > kLengthMax) {
        fail(ErrorCode::out_of_range, "a TLV holds at most 2^24-1 bytes");
        return nullptr;
      }
      if (static_cast<std::size_t>(end_ - at) < missing) {
        no_space();
        return nullptr;
      }
      std::memmove(start + reserved + missing, start + reserved, length);
      at += missing;
    }
    put_header(start, kind, id, length);
    return at;
  }

  bool no_space() { return fail(ErrorCode::no_space, "the output buffer is too small"); }

  /// Writes one TLV; returns its end, or nullptr when it failed. Short text and small integers with
  /// an id of one byte, which is what devices hold, take the short way.
  [[gnu::always_inline]] std::uint8_t* value(std::uint8_t* at, const std::uint8_t* near_end, TlvKind kind,
                                             std::uint16_t id, const Value& value) {
    if (at >= near_end || id > 0xff) [[unlikely]]
      return any_value(at, kind, id, value);
    const auto bits = static_cast<unsigned>(kind);
    if (value.type() == DataType::string) {
      const auto text = value.as_opaque();
      if (text.size() > kShortTextMax) [[unlikely]]
        return any_value(at, kind, id, value);
      at[1] = static_cast<std::uint8_t>(id);
      if (text.size() < 8) {
        at[0] = static_cast<std::uint8_t>(bits | text.size());
        return put_up_to_7(at + 2, text.data(), text.size());
      }
      at[0] = static_cast<std::uint8_t>(bits | 0x08u);
      at[2] = static_cast<std::uint8_t>(text.size());
      return put_8_to_32(at + 3, text.data(), text.size());
    }
    if (value.type() == DataType::integer || value.type() == DataType::time) {
      const auto number = value.as_integer();
      at[1] = static_cast<std::uint8_t>(id);
      if (number == static_cast<std::int8_t>(number)) {
        at[0] = static_cast<std::uint8_t>(bits | 1u);
        at[2] = static_cast<std::uint8_t>(number);
        return at + 3;
      }
      if (number == static_cast<std::int32_t>(number) && number != static_cast<std::int16_t>(number)) {
        at[0] = static_cast<std::uint8_t>(bits | 4u);
        return put_32(at + 2, static_cast<std::uint32_t>(number));
      }
    }
    return any_value(at, kind, id, value);
  }

  [[gnu::noinline]] std::uint8_t* any_value(std::uint8_t* at, TlvKind kind, std::uint16_t id,
                                            const Value& value) {
    Content content;
    switch (value.type()) {
      case DataType::string:
      case DataType::corelnk:
      case DataType::opaque:
        content = {.bytes = value.as_opaque().data(), .size = value.as_opaque().size()};
        break;
      case DataType::integer:
      case DataType::time:
        content = {.number = static_cast<std::uint64_t>(value.as_integer()),
                   .size = size_of_signed(value.as_integer())};
        break;
      case DataType::unsigned_integer:
        content = {.number = value.as_unsigned(), .size = size_of_unsigned(value.as_unsigned())};
        break;
      case DataType::floating:
        content = floating(value.as_floating());
        break;
      case DataType::boolean:
        content = {.number = value.as_boolean() ? 1u : 0u, .size = 1};
        break;
      case DataType::objlnk:
        content = {.number = std::uint64_t{value.as_objlnk().object} << 16 | value.as_objlnk().instance,
                   .size = 4};
        break;
      case DataType::none:
        fail(ErrorCode::unsupported, "an entry without a value");
        return nullptr;
    }
    const auto room = static_cast<std::size_t>(end_ - at);
    if (room < content.size + kHeaderMax && room < content.size + header_size(id, content.size)) [[unlikely]] {
      no_space();
      return nullptr;
    }
    if (content.size > kLengthMax) [[unlikely]] {
      fail(ErrorCode::out_of_range, "a TLV holds at most 2^24-1 bytes");
      return nullptr;
    }
    at = put_header(at, kind, id, content.size);
    if (content.bytes != nullptr) return put_bytes(at, content.bytes, content.size);
    if (content.size == 1) {
      *at = static_cast<std::uint8_t>(content.number);
      return at + 1;
    }
    return put_big_endian(at, content.number, content.size);
  }

  static Content floating(double value) {
    const auto narrow = static_cast<float>(value);
    if (static_cast<double>(narrow) == value || value != value)
      return {.number = std::bit_cast<std::uint32_t>(narrow), .size = 4};
    return {.number = std::bit_cast<std::uint64_t>(value), .size = 8};
  }

  std::uint8_t* at_;
  std::uint8_t* end_;
  const Entry* entry_;
  const Entry* last_;
  Error error_;
};

}  // namespace

Encoded encode_tlv(const Path& base, Entries entries, MutableBytes out) {
  if (base.depth() >= 3) {
    for (const auto& entry : entries)
      if (!base.contains(entry.path)) return fail(ErrorCode::wrong_path, "an entry outside the base path");
  }
  TlvEncoder encoder(entries, out);
  if (!encoder.encode(base)) return std::unexpected(encoder.error());
  return static_cast<std::size_t>(encoder.at() - out.data());
}

}  // namespace slipway::codec

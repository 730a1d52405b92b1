// SPDX-License-Identifier: Apache-2.0
// Writes application/vnd.oma.lwm2m+tlv in one pass. [LwM2M-CORE 1.2 §7.5.5]
//
// A container's header is written with its smallest size first; where the content turns out longer,
// it moves by the missing bytes. No list of lengths is kept, and each byte moves at most twice.
#include <bit>
#include <optional>

#include "codec/copy.hpp"
#include "codec/formats.hpp"
#include "codec/tlv.hpp"

namespace slipway::codec {
namespace {

constexpr std::size_t kHeaderMax = 6;  // kind, 16-bit id, 24-bit length
constexpr std::size_t kLengthMax = 0xffffff;
constexpr std::size_t kShortTextMax = 32;
constexpr std::size_t kShortMax =
    2 + 3 + kShortTextMax;  // with its own header and that of a multiple resource

std::uint64_t resource_key(const Path& path) {
  return path.packed() & 0xffffffffffff;
}
std::uint32_t instance_key(const Path& path) {
  return static_cast<std::uint32_t>(path.packed());
}

std::size_t header_size(std::uint16_t id, std::size_t length) {
  return 2 + (id > 0xff ? 1u : 0u) + (length < 8 ? 0u : length < 0x100 ? 1u : length < 0x10000 ? 2u : 3u);
}

std::uint8_t* put_big_endian(std::uint8_t* at, std::uint64_t value, std::size_t size) {
  for (std::size_t i = size; i-- > 0;) *at++ = static_cast<std::uint8_t>(value >> (8 * i));
  return at;
}

std::uint8_t* put_32(std::uint8_t* at, std::uint32_t value) {
  if constexpr (std::endian::native == std::endian::little) value = std::byteswap(value);
  std::memcpy(at, &value, 4);
  return at + 4;
}

std::uint8_t* put_long_header(std::uint8_t* at, TlvKind kind, std::uint16_t id, std::size_t length) {
  const std::size_t length_size = header_size(0, length) - 2;
  *at++ = static_cast<std::uint8_t>(static_cast<unsigned>(kind) | (id > 0xff ? 0x20u : 0u) |
                                    length_size << 3 | (length_size == 0 ? length : 0u));
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
    std::size_t next = 0;
    if (base.depth() == 2) {
      next = put_common(instance_key(base), next);
      if (entry_ == last_) return true;
    }
    return encode_rest(base, next);
  }

  [[nodiscard]] std::uint8_t* at() const { return at_; }
  /// The reason; only after a failure.
  [[nodiscard]] const Error& error() const { return *error_; }

 private:
  bool fail(ErrorCode code, const char* detail) {
    error_ = {code, 0, detail};
    return false;
  }

  /// All that encode() has left, where resources below `next` are written already.
  [[gnu::noinline]] bool encode_rest(const Path& base, std::size_t next) {
    if (base.is_root()) return fail(ErrorCode::unsupported, "TLV names no object");
    if (entry_ == last_) return true;
    if (base.depth() == 1) return instances(base.object());
    if (base.depth() >= 3) {
      for (const auto* entry = entry_; entry != last_; ++entry)
        if (!base.contains(entry->path)) return fail(ErrorCode::wrong_path, "an entry outside the base path");
    }
    const bool done = base.depth() == 2 && next == 0 && entry_->kind == EntryKind::instance
                          ? empty_instance(base)
                          : resources(instance_key(base), next);
    if (!done) return false;
    return entry_ == last_ || fail(ErrorCode::wrong_path, "an entry outside the base path, or out of order");
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

  /// All entries of one object instance: runs of common values, and single ones of any other form.
  /// `next` is the least id that keeps the order.
  bool resources(std::uint32_t instance, std::size_t next = 0) {
    for (;;) {
      next = put_common(instance, next);
      if (entry_ == last_ || instance_key(entry_->path) != instance) break;
      const auto id = entry_->path.resource().value();
      if (id < next) return fail_order(id, static_cast<int>(next) - 1);
      next = id + 1u;
      if (entry_->path.depth() == 3 && entry_->kind == EntryKind::value) {
        at_ = any_value(at_, TlvKind::resource, id, entry_->value);
        ++entry_;
      } else {
        at_ = multiple(at_, id);
      }
      if (at_ == nullptr) return false;
    }
    return next != 0 || fail(ErrorCode::wrong_path, "an entry outside the base path");
  }

  /// Where writing goes on, and with which entry; `at` is nullptr when nothing was written.
  struct Progress {
    std::uint8_t* at = nullptr;
    const Entry* entry = nullptr;
  };

  /// Writes the entries that most instances consist of: in order, with ids of one byte, with short text or
  /// small integers, and where room is ample. Stops before the first other one. Returns the least id
  /// that may follow. What changes is held in locals: bytes written through a pointer may, to the
  /// compiler, change every member.
  [[gnu::noinline]] std::size_t put_common(std::uint64_t instance, std::size_t next) {
    const Entry* entry = entry_;
    std::uint8_t* at = at_;
    // An entry in memory is larger than a common one in TLV: told without a division.
    static_assert(sizeof(Entry) >= kShortMax);
    const auto ample = static_cast<std::size_t>(last_ - entry) * sizeof(Entry);
    const Entry* const last = static_cast<std::size_t>(end_ - at) >= ample ? last_ : first_without_room();
    while (entry != last) {
      // The resource's id, and 0 above it where the object instance and the depth are those wanted here.
      const auto id = std::rotr(entry->path.packed() ^ instance, 32);
      if (entry->path.depth() == 3) [[likely]] {
        if (id > 0xff || id < next || entry->kind != EntryKind::value) break;
        auto* const end = common_value(at, TlvKind::resource, id, entry->value);
        if (end == nullptr) break;
        at = end;
        ++entry;
        next = id + 1;
      } else {
        const auto resource = id & 0xffff;
        if ((id >> 32) != 0 || resource > 0xff || resource < next) break;
        const auto progress = common_multiple(at, instance | resource << 32, entry, last);
        if (progress.at == nullptr) break;
        at = progress.at;
        entry = progress.entry;
        next = resource + 1;
      }
    }
    at_ = at;
    entry_ = entry;
    return next;
  }

  /// The same for the instances of one multiple resource, all or none of them.
  [[gnu::always_inline]] static Progress common_multiple(std::uint8_t* start, std::uint64_t resource,
                                                         const Entry* entry, const Entry* last) {
    auto* const content = start + 2;
    auto* at = content;
    std::size_t next = 0;
    do {
      // The instance's id, and more above it where the resource is another.
      const auto id = std::rotr(entry->path.packed() ^ resource, 48);
      if (id > 0xff) {
        if (id > 0xffff) break;
        return {};
      }
      if (id < next || entry->path.depth() != 4 || entry->kind != EntryKind::value) return {};
      at = common_value(at, TlvKind::resource_instance, id, entry->value);
      if (at == nullptr) return {};
      next = id + 1;
    } while (++entry != last);
    const auto size = static_cast<std::size_t>(at - content);
    if (size > 7) return {};
    start[0] = static_cast<std::uint8_t>(static_cast<unsigned>(TlvKind::multiple) | size);
    start[1] = static_cast<std::uint8_t>(resource >> 32);
    return {at, entry};
  }

  /// Where a run has to end for lack of room; never inside a multiple resource.
  [[nodiscard, gnu::noinline]] const Entry* first_without_room() const {
    const auto fitting = static_cast<std::size_t>(end_ - at_) / kShortMax;
    if (fitting >= static_cast<std::size_t>(last_ - entry_)) return last_;
    const Entry* end = entry_ + fitting;
    while (end != entry_ && resource_key(end->path) == resource_key(end[-1].path)) --end;
    return end;
  }

  /// A multiple resource and its instances.
  [[gnu::noinline]] std::uint8_t* multiple(std::uint8_t* at, std::uint16_t id) {
    const auto resource = resource_key(entry_->path);
    auto* const start = at;
    at = open(at, id);
    if (at == nullptr) return nullptr;
    if (entry_->kind == EntryKind::multiple && entry_->path.depth() == 3) {
      ++entry_;
      return close(at, start, TlvKind::multiple, id);
    }
    int last = -1;
    for (; entry_ != last_ && resource_key(entry_->path) == resource; ++entry_) {
      const Path& path = entry_->path;
      if (path.depth() != 4 || entry_->kind != EntryKind::value) {
        fail(last < 0 ? ErrorCode::unsupported : ErrorCode::duplicate, "TLV has nothing for this entry");
        return nullptr;
      }
      const auto child = path.resource_instance().value();
      if (child <= last) {
        fail_order(child, last);
        return nullptr;
      }
      last = child;
      at = any_value(at, TlvKind::resource_instance, child, entry_->value);
      if (at == nullptr) return nullptr;
    }
    return close(at, start, TlvKind::multiple, id);
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

  /// Writes one TLV of short text or a small integer, of which kShortMax is the longest; nullptr for any
  /// other value.
  [[gnu::always_inline]] static std::uint8_t* common_value(std::uint8_t* at, TlvKind kind, std::size_t id,
                                                           const Value& value) {
    const auto bits = static_cast<unsigned>(kind);
    at[1] = static_cast<std::uint8_t>(id);
    if (value.type() == DataType::string) [[likely]] {
      const auto text = value.as_opaque();
      if (text.size() < 8) {
        at[0] = static_cast<std::uint8_t>(bits | text.size());
        return put_up_to_7(at + 2, text.data(), text.size());
      }
      if (text.size() > kShortTextMax) return nullptr;
      at[0] = static_cast<std::uint8_t>(bits | 0x08u);
      at[2] = static_cast<std::uint8_t>(text.size());
      return put_8_to_32(at + 3, text.data(), text.size());
    }
    if (value.type() != DataType::integer && value.type() != DataType::time) return nullptr;
    const auto number = value.as_integer();
    if (number == static_cast<std::int8_t>(number)) {
      at[0] = static_cast<std::uint8_t>(bits | 1u);
      at[2] = static_cast<std::uint8_t>(number);
      return at + 3;
    }
    if (number != static_cast<std::int32_t>(number) || number == static_cast<std::int16_t>(number))
      return nullptr;
    at[0] = static_cast<std::uint8_t>(bits | 4u);
    return put_32(at + 2, static_cast<std::uint32_t>(number));
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
    if (room < content.size + kHeaderMax && room < content.size + header_size(id, content.size))
        [[unlikely]] {
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
  std::optional<Error> error_;
};

}  // namespace

Encoded encode_tlv(const Path& base, Entries entries, MutableBytes out) {
  TlvEncoder encoder(entries, out);
  if (!encoder.encode(base)) return std::unexpected(encoder.error());
  return static_cast<std::size_t>(encoder.at() - out.data());
}

}  // namespace slipway::codec

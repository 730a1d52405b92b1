// SPDX-License-Identifier: Apache-2.0
// Writes application/vnd.oma.lwm2m+tlv in one pass. [LwM2M-CORE 1.2 §7.5.5]
//
// A container's header is written with its smallest size first; where the content turns out longer,
// it moves by the missing bytes. No list of lengths is kept, and each byte moves at most twice.
#include <bit>

#include "codec/formats.hpp"
#include "codec/tlv.hpp"

namespace slipway::codec {
namespace {

constexpr std::size_t kHeaderMax = 6;  // kind, 16-bit id, 24-bit length
constexpr std::size_t kLengthMax = 0xffffff;

std::uint32_t instance_key(const Path& path) { return std::uint32_t{path.id_at(0)} << 16 | path.id_at(1); }

std::size_t header_size(std::uint16_t id, std::size_t length) {
  return 2 + (id > 0xff ? 1u : 0u) + (length < 8 ? 0u : length < 0x100 ? 1u : length < 0x10000 ? 2u : 3u);
}

std::uint8_t* put_big_endian(std::uint8_t* at, std::uint64_t value, std::size_t size) {
  for (std::size_t i = size; i-- > 0;) *at++ = static_cast<std::uint8_t>(value >> (8 * i));
  return at;
}

std::uint8_t* put_header(std::uint8_t* at, TlvKind kind, std::uint16_t id, std::size_t length) {
  const auto bits = static_cast<unsigned>(kind);
  if (id <= 0xff && length < 0x100) [[likely]] {
    at[1] = static_cast<std::uint8_t>(id);
    if (length < 8) {
      at[0] = static_cast<std::uint8_t>(bits | length);
      return at + 2;
    }
    at[0] = static_cast<std::uint8_t>(bits | 0x08);
    at[2] = static_cast<std::uint8_t>(length);
    return at + 3;
  }
  const std::size_t length_size = header_size(0, length) - 2;
  *at++ = static_cast<std::uint8_t>(bits | (id > 0xff ? 0x20u : 0u) | length_size << 3 |
                                    (length_size == 0 ? length : 0u));
  at = put_big_endian(at, id, id > 0xff ? 2 : 1);
  return put_big_endian(at, length, length_size);
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

  // Nothing is written for an instance without resources that is the target itself.
  bool empty_instance(const Path& base) {
    if (entry_->path != base) return fail(ErrorCode::wrong_path, "an entry outside the base path");
    ++entry_;
    return true;
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
      auto* start = at_;
      if (!skip(header_size(id, 0))) return false;
      if (entry_->kind == EntryKind::instance && path.depth() == 2) {
        ++entry_;
      } else if (!resources(instance_key(path))) {
        return false;
      }
      if (!close(start, TlvKind::instance, id)) return false;
    }
    return true;
  }

  // A Create that leaves the choice of the id to the device: bare resources.
  bool unnamed_instance(ObjectId object) {
    const auto key = std::uint32_t{object.value()} << 16 | kReservedId;
    if (entry_->kind == EntryKind::instance && instance_key(entry_->path) == key) {
      ++entry_;
    } else if (!resources(key)) {
      return false;
    }
    return entry_ == last_ || fail(ErrorCode::wrong_path, "entries beside an instance without id");
  }

  /// All entries of one object instance.
  bool resources(std::uint32_t instance) {
    int last = -1;
    do {
      const Path& path = entry_->path;
      if (instance_key(path) != instance) break;
      const auto id = path.resource().value();
      if (id <= last) [[unlikely]]
        return fail_order(id, last);
      last = id;
      if (entry_->kind != EntryKind::value || path.depth() == 4) {
        if (!multiple(path)) return false;
      } else {
        if (path.depth() != 3) return fail(ErrorCode::unsupported, "a value that is no resource's");
        if (!value(TlvKind::resource, id, entry_->value)) return false;
        ++entry_;
      }
    } while (entry_ != last_);
    return last >= 0 || fail(ErrorCode::wrong_path, "an entry outside the base path");
  }

  bool multiple(const Path& resource) {
    const auto id = resource.resource().value();
    auto* start = at_;
    if (!skip(header_size(id, 0))) return false;
    if (entry_->kind == EntryKind::multiple && resource.depth() == 3) {
      ++entry_;
      return close(start, TlvKind::multiple, id);
    }
    const auto instance = instance_key(resource);
    int last = -1;
    do {
      const Path& path = entry_->path;
      if (path.resource().value() != id || instance_key(path) != instance) break;
      if (path.depth() != 4 || entry_->kind != EntryKind::value)
        return path.depth() == 3 && last >= 0
                   ? fail(ErrorCode::duplicate, "a resource with a value and with instances")
                   : fail(ErrorCode::unsupported, "TLV has nothing for an entry without a value");
      const auto child = path.resource_instance().value();
      if (child <= last) return fail_order(child, last);
      last = child;
      if (!value(TlvKind::resource_instance, child, entry_->value)) return false;
      ++entry_;
    } while (entry_ != last_);
    return close(start, TlvKind::multiple, id);
  }

  bool fail_order(int id, int last) {
    return id == last ? fail(ErrorCode::duplicate, "two entries for one path")
                      : fail(ErrorCode::wrong_path, "entries that are not sorted");
  }

  bool skip(std::size_t size) {
    if (static_cast<std::size_t>(end_ - at_) < size) [[unlikely]]
      return no_space();
    at_ += size;
    return true;
  }

  bool close(std::uint8_t* start, TlvKind kind, std::uint16_t id) {
    const auto reserved = header_size(id, 0);
    const auto length = static_cast<std::size_t>(at_ - start) - reserved;
    if (const auto missing = header_size(id, length) - reserved; missing != 0) {
      if (length > kLengthMax) return fail(ErrorCode::out_of_range, "a TLV holds at most 2^24-1 bytes");
      if (!skip(missing)) return false;
      std::memmove(start + reserved + missing, start + reserved, length);
    }
    put_header(start, kind, id, length);
    return true;
  }

  bool no_space() { return fail(ErrorCode::no_space, "the output buffer is too small"); }

  /// Room for a header and `length` bytes.
  [[nodiscard]] bool has_room(std::uint16_t id, std::size_t length) const {
    const auto room = static_cast<std::size_t>(end_ - at_);
    return room >= length + kHeaderMax || room >= length + header_size(id, length);
  }

  bool number(TlvKind kind, std::uint16_t id, std::uint64_t bits, std::size_t size) {
    if (!has_room(id, size)) [[unlikely]]
      return no_space();
    auto* at = put_header(at_, kind, id, size);
    if (size == 1) {
      *at = static_cast<std::uint8_t>(bits);
      at_ = at + 1;
    } else {
      at_ = put_big_endian(at, bits, size);
    }
    return true;
  }

  bool bytes(TlvKind kind, std::uint16_t id, ByteView content) {
    if (content.size() > kLengthMax) return fail(ErrorCode::out_of_range, "a TLV holds at most 2^24-1 bytes");
    if (!has_room(id, content.size())) [[unlikely]]
      return no_space();
    auto* at = put_header(at_, kind, id, content.size());
    if (!content.empty()) std::memcpy(at, content.data(), content.size());
    at_ = at + content.size();
    return true;
  }

  static std::size_t size_of_signed(std::int64_t number) {
    if (number == static_cast<std::int8_t>(number)) return 1;
    if (number == static_cast<std::int16_t>(number)) return 2;
    return number == static_cast<std::int32_t>(number) ? 4 : 8;
  }
  static std::size_t size_of_unsigned(std::uint64_t number) {
    if (number <= 0xff) return 1;
    if (number <= 0xffff) return 2;
    return number <= 0xffffffff ? 4 : 8;
  }

  bool value(TlvKind kind, std::uint16_t id, const Value& value) {
    switch (value.type()) {
      case DataType::string:
      case DataType::corelnk:
      case DataType::opaque:
        return bytes(kind, id, value.as_opaque());
      case DataType::integer:
      case DataType::time:
        return number(kind, id, static_cast<std::uint64_t>(value.as_integer()),
                      size_of_signed(value.as_integer()));
      case DataType::unsigned_integer:
        return number(kind, id, value.as_unsigned(), size_of_unsigned(value.as_unsigned()));
      case DataType::floating:
        return floating(kind, id, value.as_floating());
      case DataType::boolean:
        return number(kind, id, value.as_boolean() ? 1 : 0, 1);
      case DataType::objlnk:
        return number(kind, id, std::uint64_t{value.as_objlnk().object} << 16 | value.as_objlnk().instance,
                      4);
      case DataType::none:
        break;
    }
    return fail(ErrorCode::unsupported, "an entry without a value");
  }

  bool floating(TlvKind kind, std::uint16_t id, double value) {
    const auto narrow = static_cast<float>(value);
    if (static_cast<double>(narrow) == value || value != value)
      return number(kind, id, std::bit_cast<std::uint32_t>(narrow), 4);
    return number(kind, id, std::bit_cast<std::uint64_t>(value), 8);
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

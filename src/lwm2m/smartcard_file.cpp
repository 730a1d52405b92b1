// SPDX-License-Identifier: Apache-2.0
#include <slipway/lwm2m/smartcard_file.hpp>

#include <algorithm>

#include <slipway/base/bounded.hpp>

namespace slipway::lwm2m {
namespace {

//   0       2      4
//  +-------+------+-----------+-----------+--
//  |objects| size | object    | object    |     size: of all objects, without these four bytes
//  +-------+------+-----------+-----------+--
//
//   0       2         3 or 4  +2
//  +-------+---------+-------+---------------------+
//  |  id   | version |length | object instance TLVs|
//  +-------+---------+-------+---------------------+
//           00           one byte: the implied version
//           MAJOR MINOR  two bytes, MAJOR 1..255
//  All numbers are big-endian. [LwM2M-CORE 1.2 App. G.3.4]

Result<std::optional<Version>> read_version(ByteReader& reader) {
  SLIPWAY_ASSIGN(const auto major, reader.u8());
  if (major == 0) return std::optional<Version>();
  SLIPWAY_ASSIGN(const auto minor, reader.u8());
  return Version{major, minor};
}

std::unexpected<Error> within(const SmartcardObject& object, Error error) {
  error.offset += static_cast<std::uint32_t>(object.offset);
  return std::unexpected(error);
}

/// Whether the device understands this version of the object; one that it does not know at all is taken.
bool version_is_known(const SmartcardObject& object, const ObjectCatalog& catalog) {
  return !object.version || catalog.find(object.id) == nullptr ||
         catalog.find(object.id, *object.version) != nullptr;
}

/// The entries at the front that are of one object.
std::span<const Entry> first_object(std::span<const Entry> entries) {
  const auto id = entries.front().path.object();
  const auto end = std::ranges::find_if(entries, [&](const Entry& e) { return e.path.object() != id; });
  return entries.first(static_cast<std::size_t>(end - entries.begin()));
}

Result<void> write_version(ByteWriter& out, ObjectId id, std::span<const SmartcardObjectVersion> versions) {
  const auto found = std::ranges::find(versions, id, &SmartcardObjectVersion::id);
  if (found == versions.end()) {
    out.u8(0);
    return {};
  }
  if (found->version.major == 0) return fail(ErrorCode::out_of_range, "a version has a major number of 0");
  out.u8(found->version.major);
  out.u8(found->version.minor);
  return {};
}

/// Fills in a 16-bit number that `skip` left room for.
void write_at(MutableBytes out, std::size_t at, std::size_t number) {
  out[at] = static_cast<std::uint8_t>(number >> 8);
  out[at + 1] = static_cast<std::uint8_t>(number);
}

}  // namespace

Result<std::size_t> smartcard_content_size(ByteView file) {
  ByteReader reader(file);
  SLIPWAY_ASSIGN(const auto objects, reader.u16());
  SLIPWAY_ASSIGN(const auto size, reader.u16());
  if (objects == 0xFFFF && size == 0xFFFF)
    return fail(ErrorCode::not_found, "the smartcard's file is blank: nobody has written it");
  if (kSmartcardHeaderBytes + size > kSmartcardFileMax)
    return fail(ErrorCode::limit, "the smartcard's file says that it has more than 32 KiB", 2);
  return kSmartcardHeaderBytes + size;
}

Result<SmartcardFileReader> SmartcardFileReader::open(ByteView file) {
  SLIPWAY_ASSIGN(const auto size, smartcard_content_size(file));
  if (file.size() < size)
    return fail(ErrorCode::truncated, "the smartcard's file ends before its content does", file.size());
  const auto objects = static_cast<std::size_t>(file[0] << 8 | file[1]);
  if (objects > kSmartcardObjectsMax)
    return fail(ErrorCode::limit, "the smartcard's file has more than 64 objects");
  return SmartcardFileReader(file.first(size), objects);
}

Result<std::optional<SmartcardObject>> SmartcardFileReader::next() {
  if (left_ == 0) {
    if (at_ != content_.size())
      return fail(ErrorCode::malformed, "the smartcard's file has bytes behind its last object", at_);
    return std::nullopt;
  }
  ByteReader reader(content_.subspan(at_));
  const auto read = [&]() -> Result<SmartcardObject> {
    SmartcardObject object;
    SLIPWAY_ASSIGN(const auto id, reader.u16());
    object.id = ObjectId(id);
    SLIPWAY_ASSIGN(object.version, read_version(reader));
    SLIPWAY_ASSIGN(const auto length, reader.u16());
    object.offset = at_ + reader.offset();
    SLIPWAY_ASSIGN(object.tlv, reader.take(length));
    return object;
  };
  const auto object = read();
  if (!object)
    return fail(ErrorCode::truncated, "the smartcard's file ends inside an object", at_ + reader.offset());
  if (object->id.value() == kReservedId) return fail(ErrorCode::wrong_path, "65535 is no object", at_);
  at_ += reader.offset();
  --left_;
  return *object;
}

Result<std::span<Entry>> decode_smartcard_file(ByteView file, const ObjectCatalog& catalog,
                                               std::span<Entry> entries) {
  SLIPWAY_ASSIGN(auto reader, SmartcardFileReader::open(file));
  BoundedVector<ObjectId, kSmartcardObjectsMax> seen;
  std::size_t count = 0;
  for (;;) {
    SLIPWAY_ASSIGN(const auto object, reader.next());
    if (!object) return entries.first(count);
    if (std::ranges::find(seen, object->id) != seen.end())
      return fail(ErrorCode::duplicate, "an object stands twice in the smartcard's file", object->offset);
    (void)seen.push_back(object->id);  // the reader gives no more than fit
    if (!version_is_known(*object, catalog))
      return fail(ErrorCode::unsupported, "the object's version is not known here", object->offset);
    const auto decoded =
        codec::decode(ContentFormat::tlv, Path(object->id), object->tlv,
                      {.catalog = &catalog, .object_version = object->version ? &*object->version : nullptr},
                      {entries.subspan(count), {}});
    if (!decoded) return within(*object, decoded.error());
    for (const auto& entry : *decoded)
      if (entry.path.instance().value() == kReservedId)
        return fail(ErrorCode::wrong_path, "an object instance has no id", object->offset);
    count += decoded->size();
  }
}

Result<std::size_t> encode_smartcard_file(std::span<const Entry> entries, MutableBytes out,
                                          std::span<const SmartcardObjectVersion> versions) {
  ByteWriter writer(out.first(std::min(out.size(), kSmartcardFileMax)));
  const auto full = [&] {
    return out.size() < kSmartcardFileMax
               ? fail(ErrorCode::no_space, "the output buffer is too small")
               : fail(ErrorCode::limit, "a smartcard's file takes no more than 32 KiB");
  };
  writer.skip(kSmartcardHeaderBytes);
  std::size_t objects = 0;
  for (auto rest = entries; !rest.empty(); ++objects) {
    if (objects == kSmartcardObjectsMax)
      return fail(ErrorCode::limit, "a smartcard's file takes no more than 64 objects");
    const auto own = first_object(rest);
    const auto id = own.front().path.object();
    if (!own.front().path.has_object()) return fail(ErrorCode::wrong_path, "an entry is of no object");
    rest = rest.subspan(own.size());
    if (!rest.empty() && rest.front().path < own.front().path)
      return fail(ErrorCode::wrong_path, "entries that are not sorted");
    writer.u16(id.value());
    SLIPWAY_TRY(write_version(writer, id, versions));
    const auto length = writer.skip(2);
    if (!writer.ok()) return full();
    const auto size =
        codec::encode(ContentFormat::tlv, Path(id), own, out.subspan(writer.size(), writer.room()));
    if (!size) return size.error().code == ErrorCode::no_space ? full() : std::unexpected(size.error());
    write_at(out, length, *size);
    writer.skip(*size);
  }
  if (!writer.ok()) return full();
  write_at(out, 0, objects);
  write_at(out, 2, writer.size() - kSmartcardHeaderBytes);
  return writer.size();
}

}  // namespace slipway::lwm2m

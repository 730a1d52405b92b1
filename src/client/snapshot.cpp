// SPDX-License-Identifier: Apache-2.0
// The stored part of a model as bytes, and the factory's entries on their way in.
#include <algorithm>

#include <slipway/base/secret.hpp>
#include <slipway/client/model.hpp>
#include <slipway/codec/payload.hpp>

#include "client/accounts.hpp"
#include "client/validation.hpp"

namespace slipway::client {
namespace {

// A snapshot, big-endian:
//
//   | "SLWS" | version 16 | marks 16 | body length 32 | checksum 64 | memory length 16 |
//   | marks times: depth 8, object 16, instance 16, resource 16                        |
//   | memory: flags 8 (1: bootstrapped) | digest of the card's content 64              |
//   |         cards 16, as many times: object 16, instance 16 | servers 16, each 16    |
//   | body: SenML CBOR of the values, absolute names                                   |
//
// Marks are what SenML cannot say: instances without resources, multiple resources without instances.
// The checksum (FNV-1a over all that follows the header) finds a torn file, nothing more.
// Version 1 had neither the memory nor its length, and is still read.
constexpr std::uint32_t kMagic = 0x534c5753;
constexpr std::uint16_t kFormatVersion = 2;
constexpr std::size_t kHeaderSize = 22;
constexpr std::size_t kMarkSize = 7;
constexpr std::size_t kMemorySize = 13;  // without its lists
constexpr std::size_t kBodyMax = 1024 * 1024;

/// Appends `entries` as SenML CBOR; grows until they fit.
Result<void> append_values(std::span<const Entry> entries, Bytes& out) {
  if (entries.empty()) return {};
  for (std::size_t room = 4096; room <= kBodyMax; room *= 4) {
    Bytes body(room);
    const auto size = codec::encode(ContentFormat::senml_cbor, Path(), entries, body);
    if (size) out.insert(out.end(), body.begin(), body.begin() + static_cast<std::ptrdiff_t>(*size));
    wipe(body);
    if (size) return {};
    if (size.error().code != ErrorCode::no_space) return std::unexpected(size.error());
  }
  return fail(ErrorCode::limit, "the stored values are more than a snapshot holds");
}

struct Header {
  std::uint16_t marks;
  std::uint16_t memory;  ///< its length; 0 before version 2
  ByteView rest;
};

Result<Header> read_header(ByteView snapshot) {
  ByteReader in(snapshot);
  SLIPWAY_ASSIGN(const auto magic, in.u32());
  if (magic != kMagic) return fail(ErrorCode::malformed, "this is not a snapshot of a device");
  SLIPWAY_ASSIGN(const auto version, in.u16());
  if (version == 0 || version > kFormatVersion)
    return fail(ErrorCode::unsupported, "the snapshot is of another version", 4);
  SLIPWAY_ASSIGN(const auto marks, in.u16());
  SLIPWAY_ASSIGN(const auto length, in.u32());
  SLIPWAY_ASSIGN(const auto expected, in.u64());
  std::uint16_t memory = 0;
  if (version >= 2) {
    SLIPWAY_ASSIGN(memory, in.u16());
  }
  const auto rest = in.rest();
  if (rest.size() != marks * kMarkSize + memory + length)
    return fail(ErrorCode::truncated, "the snapshot is cut off", 8);
  if (fnv1a(rest) != expected) return fail(ErrorCode::malformed, "the snapshot is damaged", 12);
  return Header{marks, memory, rest};
}

std::size_t memory_size(const Memory& memory) {
  return kMemorySize + memory.card.instances.size() * 4 + memory.registered.size() * 2;
}

void write_memory(ByteWriter& out, const Memory& memory) {
  out.u8(memory.bootstrapped ? 1 : 0);
  out.u64(memory.card.digest);
  out.u16(static_cast<std::uint16_t>(memory.card.instances.size()));
  for (const Path& instance : memory.card.instances) {
    out.u16(instance.id_at(0));
    out.u16(instance.id_at(1));
  }
  out.u16(static_cast<std::uint16_t>(memory.registered.size()));
  for (const auto server : memory.registered) out.u16(server.value());
}

Result<Memory> read_memory(ByteView bytes) {
  Memory memory;
  if (bytes.empty()) return memory;
  ByteReader in(bytes);
  SLIPWAY_ASSIGN(const auto flags, in.u8());
  memory.bootstrapped = (flags & 1) != 0;
  SLIPWAY_ASSIGN(memory.card.digest, in.u64());
  SLIPWAY_ASSIGN(const auto instances, in.u16());
  for (unsigned i = 0; i < instances; ++i) {
    SLIPWAY_ASSIGN(const auto object, in.u16());
    SLIPWAY_ASSIGN(const auto instance, in.u16());
    memory.card.instances.emplace_back(ObjectId(object), InstanceId(instance));
  }
  SLIPWAY_ASSIGN(const auto servers, in.u16());
  for (unsigned i = 0; i < servers; ++i) {
    SLIPWAY_ASSIGN(const auto server, in.u16());
    memory.registered.emplace_back(server);
  }
  if (!in.empty()) return fail(ErrorCode::malformed, "the snapshot's memory is longer than it says");
  return memory;
}

Result<Path> read_mark(ByteReader& in) {
  SLIPWAY_ASSIGN(const auto depth, in.u8());
  SLIPWAY_ASSIGN(const auto object, in.u16());
  SLIPWAY_ASSIGN(const auto instance, in.u16());
  SLIPWAY_ASSIGN(const auto resource, in.u16());
  if (depth != 2 && depth != 3) return fail(ErrorCode::malformed, "a mark is neither instance nor resource");
  return Path(ObjectId(object), InstanceId(instance), ResourceId(resource)).prefix(depth);
}

Complaint complaint(const Path& place, std::string_view rule) {
  Complaint text(place.text().view());
  text += ": ";
  text += rule;
  return text;
}

}  // namespace

Result<Bytes> Model::snapshot() const {
  std::vector<Entry> values;
  std::vector<Path> marks;
  for (const auto& [path, value] : tree_.all()) {
    if (value.view().empty())
      marks.push_back(path);
    else
      values.push_back({.path = path, .value = value.view()});
  }
  const auto memory = memory_size(memory_);
  Bytes out(kHeaderSize + marks.size() * kMarkSize + memory);
  ByteWriter writer(out);
  writer.skip(kHeaderSize);
  for (const auto& mark : marks) {
    writer.u8(static_cast<std::uint8_t>(mark.depth()));
    for (std::size_t i = 0; i < 3; ++i) writer.u16(mark.id_at(i));
  }
  write_memory(writer, memory_);
  const auto body_at = out.size();
  if (auto appended = append_values(values, out); !appended) {
    wipe(out);
    return std::unexpected(appended.error());
  }
  ByteWriter header(out);
  header.u32(kMagic);
  header.u16(kFormatVersion);
  header.u16(static_cast<std::uint16_t>(marks.size()));
  header.u32(static_cast<std::uint32_t>(out.size() - body_at));
  header.u64(fnv1a(ByteView(out).subspan(kHeaderSize)));
  header.u16(static_cast<std::uint16_t>(memory));
  return out;
}

Result<void> Model::check_snapshot(ByteView snapshot) {
  SLIPWAY_TRY(read_header(snapshot));
  return {};
}

Result<void> Model::load(ByteView snapshot) {
  SLIPWAY_ASSIGN(const auto header, read_header(snapshot));
  ByteReader in(header.rest);
  // Values of live objects which the snapshot does not know keep their initial value; what is
  // stored as a whole is replaced.
  Tree loaded = tree_;
  for (const auto& [id, object] : objects_)
    for (const auto instance : instances_of(id))
      if (!object.is_permanent(instance)) loaded.erase(Path(id, instance));
  for (unsigned i = 0; i < header.marks; ++i) {
    SLIPWAY_ASSIGN(const auto mark, read_mark(in));
    if (keeps(mark)) SLIPWAY_TRY(loaded.mark(mark));
  }
  SLIPWAY_ASSIGN(const auto memory_bytes, in.take(header.memory));
  SLIPWAY_ASSIGN(auto memory, read_memory(memory_bytes));
  if (!in.empty()) {
    const auto put_all = [&](std::span<const Entry> values, Tree& tree) -> Result<void> {
      for (const auto& entry : values) tree.erase(entry.path.prefix(3));
      for (const auto& entry : values)
        if (keeps(entry.path)) SLIPWAY_TRY(tree.put(entry.path, entry.value));
      return {};
    };
    std::vector<Entry> entries(bounds_.tree.values_max);
    Bytes scratch(in.remaining());
    const auto decoded = codec::decode(ContentFormat::senml_cbor, Path(), in.rest(), {.catalog = &catalog()},
                                       {.entries = entries, .scratch = scratch});
    Result<void> put;
    if (!decoded)
      put = std::unexpected(decoded.error());
    else
      put = put_all(*decoded, loaded);
    wipe(scratch);
    SLIPWAY_TRY(put);
  }
  tree_ = std::move(loaded);
  memory_ = std::move(memory);
  reconcile();
  return {};
}

std::expected<void, Complaint> Model::load_factory(std::span<const Entry> entries) {
  Tree before = tree_;
  const auto undo = [&](const Path& place, std::string_view rule) {
    tree_ = std::move(before);
    return std::unexpected(complaint(place, rule));
  };
  for (const auto& entry : entries) {
    const auto* object = find(entry.path.object());
    if (!entry.path.has_instance()) return undo(entry.path, "an entry of a pack names an instance at least");
    if (object == nullptr) return undo(entry.path, "the device does not have this object");
    if (object->kind() != Object::Kind::stored)
      return undo(entry.path, "a pack fills stored objects only; the device makes this one itself");
    const bool is_mark = entry.kind == EntryKind::instance || entry.kind == EntryKind::multiple;
    if (is_mark) {
      if (auto marked = tree_.mark(entry.path); !marked) return undo(entry.path, marked.error().detail);
      continue;
    }
    const auto* known = object->definition().find(entry.path.resource());
    if (known == nullptr) return undo(entry.path, "the object has no such resource");
    if (auto fits = check(*known, entry.value); !fits) return undo(entry.path, fits.error().detail);
    if (auto put = tree_.put(entry.path, entry.value); !put) return undo(entry.path, put.error().detail);
  }
  if (const auto wrong = validate(*this, Purpose::factory)) return undo(wrong->place, wrong->rule);
  factory_ = tree_;
  return {};
}

}  // namespace slipway::client

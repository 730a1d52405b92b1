// SPDX-License-Identifier: Apache-2.0
#include "client/hibernation.hpp"

#include <bit>

#include "client/accounts.hpp"

namespace slipway::client {
namespace {

// A hibernation, big-endian:
//
//   | "SLWH" | version 8 | checksum 64 | since 64 (0: unknown) | servers 8, as many times:
//   |   id 16 | account 64 | enabler 8, 8 | lifetime 64 | objects 64 | left 64 (-1: endless)
//   |   location: size 8, text | binding: size 8, text
//   |   attributes 8, as many times: path | attributes
//   |   observations 8, as many times: token: size 8, bytes | path | format 16 | number 32 | attributes
//   |   answered requests 8, as many times: type 8 | message id 16 | answer: size 8, bytes
//
//   path:       depth 8 | ids, 16 each
//   attributes: which of them 16, by kPmin and so on, lowest first | 32 each; 64 for gt, lt, st; 8 for flags
//
// The checksum (FNV-1a over all that follows it) finds damage.
constexpr std::uint32_t kMagic = 0x534c5748;
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHeaderSize = 4 + 1 + 8;
constexpr std::size_t kListMax = 255;

enum Given : std::uint16_t {
  kPmin = 1,
  kPmax = 2,
  kEpmin = 4,
  kEpmax = 8,
  kGt = 16,
  kLt = 32,
  kSt = 64,
  kEdge = 128,
  kCon = 256,
  kHqmax = 512,
  kAll = 1023,
};

// --- Writing ----------------------------------------------------------------------------------------

void write(ByteWriter& out, const Path& path) {
  out.u8(static_cast<std::uint8_t>(path.depth()));
  for (std::size_t i = 0; i < path.depth(); ++i) out.u16(path.id_at(i));
}

void write(ByteWriter& out, std::string_view text) {
  if (text.size() > kListMax) return out.overflow();
  out.u8(static_cast<std::uint8_t>(text.size()));
  out.text(text);
}

void write(ByteWriter& out, const lwm2m::Attributes& attributes) {
  const auto at = out.skip(2);
  std::uint16_t given = 0;
  const auto number = [&](const std::optional<std::uint32_t>& value, Given which) {
    if (!value) return;
    given |= which;
    out.u32(*value);
  };
  const auto real = [&](const std::optional<double>& value, Given which) {
    if (!value) return;
    given |= which;
    out.u64(std::bit_cast<std::uint64_t>(*value));
  };
  const auto flag = [&](const std::optional<bool>& value, Given which) {
    if (!value) return;
    given |= which;
    out.u8(*value ? 1 : 0);
  };
  number(attributes.pmin, kPmin);
  number(attributes.pmax, kPmax);
  number(attributes.epmin, kEpmin);
  number(attributes.epmax, kEpmax);
  real(attributes.gt, kGt);
  real(attributes.lt, kLt);
  real(attributes.st, kSt);
  flag(attributes.edge, kEdge);
  flag(attributes.con, kCon);
  number(attributes.hqmax, kHqmax);
  if (!out.ok()) return;
  ByteWriter which(out.mutable_written().subspan(at, 2));
  which.u16(given);
}

void write_count(ByteWriter& out, std::size_t count) {
  if (count > kListMax) return out.overflow();
  out.u8(static_cast<std::uint8_t>(count));
}

void write(ByteWriter& out, const KeptServer& server) {
  out.u16(server.id.value());
  out.u64(server.account);
  out.u8(server.enabler.major);
  out.u8(server.enabler.minor);
  out.u64(static_cast<std::uint64_t>(server.lifetime));
  out.u64(server.objects);
  out.u64(static_cast<std::uint64_t>(server.left ? server.left->count() : -1));
  write(out, server.location);
  write(out, server.binding);
  write_count(out, server.watch.attributes.size());
  for (const auto& [path, attributes] : server.watch.attributes) {
    write(out, path);
    write(out, attributes);
  }
  write_count(out, server.watch.observations.size());
  for (const auto& observation : server.watch.observations) {
    write(out, as_text(observation.token.bytes()));
    write(out, observation.path);
    out.u16(static_cast<std::uint16_t>(observation.format));
    out.u32(observation.number);
    write(out, observation.own);
  }
  write_count(out, server.answered.size());
  for (const auto& request : server.answered) {
    out.u8(static_cast<std::uint8_t>(request.type));
    out.u16(request.id.value());
    write(out, as_text(request.answer));
  }
}

// --- Reading ----------------------------------------------------------------------------------------

Result<Path> read_path(ByteReader& in) {
  SLIPWAY_ASSIGN(const auto depth, in.u8());
  if (depth > 4) return fail(ErrorCode::malformed, "a path is too deep", in.offset());
  Path path;
  for (unsigned i = 0; i < depth; ++i) {
    SLIPWAY_ASSIGN(const auto id, in.u16());
    path = i == 0 ? Path(ObjectId(id)) : path.child(id);
  }
  return path;
}

Result<std::string_view> read_text(ByteReader& in) {
  SLIPWAY_ASSIGN(const auto size, in.u8());
  SLIPWAY_ASSIGN(const auto bytes, in.take(size));
  return as_text(bytes);
}

template <class T>
Result<void> read_given(ByteReader& in, std::optional<T>& value) {
  constexpr std::size_t kSize = std::is_same_v<T, double> ? 8 : std::is_same_v<T, bool> ? 1 : 4;
  SLIPWAY_ASSIGN(const auto number, in.unsigned_of(kSize));
  if constexpr (std::is_same_v<T, double>)
    value = std::bit_cast<double>(number);
  else
    value = static_cast<T>(number);
  return {};
}

Result<lwm2m::Attributes> read_attributes(ByteReader& in) {
  lwm2m::Attributes attributes;
  SLIPWAY_ASSIGN(const auto given, in.u16());
  if ((given & ~kAll) != 0) return fail(ErrorCode::malformed, "an attribute without a name", in.offset());
  if ((given & kPmin) != 0) SLIPWAY_TRY(read_given(in, attributes.pmin));
  if ((given & kPmax) != 0) SLIPWAY_TRY(read_given(in, attributes.pmax));
  if ((given & kEpmin) != 0) SLIPWAY_TRY(read_given(in, attributes.epmin));
  if ((given & kEpmax) != 0) SLIPWAY_TRY(read_given(in, attributes.epmax));
  if ((given & kGt) != 0) SLIPWAY_TRY(read_given(in, attributes.gt));
  if ((given & kLt) != 0) SLIPWAY_TRY(read_given(in, attributes.lt));
  if ((given & kSt) != 0) SLIPWAY_TRY(read_given(in, attributes.st));
  if ((given & kEdge) != 0) SLIPWAY_TRY(read_given(in, attributes.edge));
  if ((given & kCon) != 0) SLIPWAY_TRY(read_given(in, attributes.con));
  if ((given & kHqmax) != 0) SLIPWAY_TRY(read_given(in, attributes.hqmax));
  return attributes;
}

Result<KeptObservation> read_observation(ByteReader& in) {
  KeptObservation observation;
  SLIPWAY_ASSIGN(const auto token, read_text(in));
  if (token.size() > coap::Token::kSizeMax)
    return fail(ErrorCode::malformed, "a token is too long", in.offset());
  observation.token = coap::Token(as_bytes(token));
  SLIPWAY_ASSIGN(observation.path, read_path(in));
  SLIPWAY_ASSIGN(const auto format, in.u16());
  observation.format = static_cast<ContentFormat>(format);
  SLIPWAY_ASSIGN(observation.number, in.u32());
  SLIPWAY_ASSIGN(observation.own, read_attributes(in));
  return observation;
}

Result<KeptServer> read_server(ByteReader& in) {
  KeptServer server;
  SLIPWAY_ASSIGN(const auto id, in.u16());
  server.id = ShortServerId(id);
  SLIPWAY_ASSIGN(server.account, in.u64());
  SLIPWAY_ASSIGN(server.enabler.major, in.u8());
  SLIPWAY_ASSIGN(server.enabler.minor, in.u8());
  SLIPWAY_ASSIGN(const auto lifetime, in.u64());
  server.lifetime = static_cast<std::int64_t>(lifetime);
  SLIPWAY_ASSIGN(server.objects, in.u64());
  SLIPWAY_ASSIGN(const auto left, in.u64());
  if (const auto count = static_cast<std::int64_t>(left); count >= 0) server.left = seconds(count);
  SLIPWAY_ASSIGN(server.location, read_text(in));
  SLIPWAY_ASSIGN(server.binding, read_text(in));
  SLIPWAY_ASSIGN(const auto attributes, in.u8());
  for (unsigned i = 0; i < attributes; ++i) {
    SLIPWAY_ASSIGN(const auto path, read_path(in));
    SLIPWAY_ASSIGN(const auto attached, read_attributes(in));
    server.watch.attributes.emplace_back(path, attached);
  }
  SLIPWAY_ASSIGN(const auto observations, in.u8());
  for (unsigned i = 0; i < observations; ++i) {
    SLIPWAY_ASSIGN(auto observation, read_observation(in));
    server.watch.observations.push_back(observation);
  }
  SLIPWAY_ASSIGN(const auto answered, in.u8());
  for (unsigned i = 0; i < answered; ++i) {
    SLIPWAY_ASSIGN(const auto type, in.u8());
    SLIPWAY_ASSIGN(const auto message_id, in.u16());
    SLIPWAY_ASSIGN(const auto answer, read_text(in));
    server.answered.push_back({.type = static_cast<coap::Type>(type & 3),
                               .id = coap::MessageId(message_id),
                               .answer = Bytes(answer.begin(), answer.end())});
  }
  return server;
}

// --- Digests ----------------------------------------------------------------------------------------

class Digest {
 public:
  void add(ByteView bytes) {
    for (const auto byte : bytes) hash_ = (hash_ ^ byte) * 0x100000001b3;
  }
  void add(std::uint64_t number) {
    for (unsigned i = 0; i < 8; ++i) hash_ = (hash_ ^ (number >> (8 * i) & 0xff)) * 0x100000001b3;
  }
  [[nodiscard]] std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

void add(Digest& digest, const Value& value) {
  digest.add(static_cast<std::uint64_t>(value.type()));
  switch (value.type()) {
    case DataType::string:
    case DataType::corelnk:
    case DataType::opaque:
      digest.add(value.as_opaque().size());
      return digest.add(value.as_opaque());
    case DataType::integer:
    case DataType::time:
      return digest.add(static_cast<std::uint64_t>(value.as_integer()));
    case DataType::unsigned_integer:
      return digest.add(value.as_unsigned());
    case DataType::floating:
      return digest.add(std::bit_cast<std::uint64_t>(value.as_floating()));
    case DataType::boolean:
      return digest.add(std::uint64_t{value.as_boolean()});
    case DataType::objlnk:
      return digest.add(std::uint64_t{value.as_objlnk().object} << 16 | value.as_objlnk().instance);
    default:
      return;
  }
}

}  // namespace

std::uint64_t account_digest(const Tree& tree, InstanceId account) {
  Digest digest;
  for (const auto& [path, value] : tree.below(Path(kSecurity, account))) {
    // The instance may have another number.
    digest.add(std::uint64_t{path.depth()} << 32 | std::uint64_t{path.id_at(2)} << 16 | path.id_at(3));
    add(digest, value.view());
  }
  return digest.value();
}

Result<Secret> write_hibernation(const Hibernated& kept) {
  Bytes buffer(kHibernationBytesMax);
  ByteWriter out(buffer);
  out.skip(kHeaderSize);
  out.u64(static_cast<std::uint64_t>(kept.since.value_or(0)));
  write_count(out, kept.servers.size());
  for (const auto& server : kept.servers) write(out, server);
  if (!out.ok()) {
    wipe(buffer);
    return fail(ErrorCode::limit, "there is too much to keep over a hibernation");
  }
  const auto written = out.written();
  ByteWriter header(buffer);
  header.u32(kMagic);
  header.u8(kVersion);
  header.u64(fnv1a(written.subspan(kHeaderSize)));
  Secret bytes(written);
  wipe(buffer);
  return bytes;
}

Result<Hibernated> read_hibernation(ByteView bytes) {
  if (bytes.size() > kHibernationBytesMax)
    return fail(ErrorCode::malformed, "a hibernation is not as long as that");
  ByteReader in(bytes);
  SLIPWAY_ASSIGN(const auto magic, in.u32());
  if (magic != kMagic) return fail(ErrorCode::malformed, "this is not a hibernation of a device");
  SLIPWAY_ASSIGN(const auto version, in.u8());
  if (version != kVersion) return fail(ErrorCode::unsupported, "the hibernation is of another version", 4);
  SLIPWAY_ASSIGN(const auto checksum, in.u64());
  if (fnv1a(in.rest()) != checksum) return fail(ErrorCode::malformed, "the hibernation is damaged", 5);
  Hibernated kept;
  SLIPWAY_ASSIGN(const auto since, in.u64());
  if (since != 0) kept.since = static_cast<std::int64_t>(since);
  SLIPWAY_ASSIGN(const auto servers, in.u8());
  for (unsigned i = 0; i < servers; ++i) {
    SLIPWAY_ASSIGN(auto server, read_server(in));
    kept.servers.push_back(std::move(server));
  }
  if (!in.empty()) return fail(ErrorCode::malformed, "bytes behind a hibernation", in.offset());
  return kept;
}

}  // namespace slipway::client

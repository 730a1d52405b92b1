// SPDX-License-Identifier: Apache-2.0
#include <slipway/client/factory_pack.hpp>

#include <array>

#include <slipway/lwm2m/registration.hpp>

namespace slipway::client {
namespace {

//   84                              an array of four
//   6C 73 6C 69 70 77 61 79 2D ...  "slipway-pack"
//   01                              version
//   6x | 78 xx  endpoint            text, 1..255 bytes
//   4x | 58 xx | 59 xxxx | 5A ...   byte string: SenML CBOR [RFC 8428 §6] with full paths
//  All heads are in their shortest form. [RFC 8949 §3]

constexpr std::string_view kMagic = "slipway-pack";
constexpr std::uint8_t kArrayOfFour = 0x84;
constexpr std::uint8_t kUnsigned = 0, kByteString = 2, kText = 3;
constexpr std::size_t kMagicBytes = 2 + kMagic.size();

/// The argument of a head of this major type.
Result<std::uint64_t> read_head(ByteReader& reader, std::uint8_t major) {
  const auto offset = reader.offset();
  SLIPWAY_ASSIGN(const auto first, reader.u8());
  if (first >> 5 != major)
    return fail(ErrorCode::malformed, "not what stands here in a factory pack", offset);
  const auto info = static_cast<std::uint8_t>(first & 31);
  if (info < 24) return info;
  if (info > 27) return fail(ErrorCode::malformed, "a length that a factory pack does not have", offset);
  return reader.unsigned_of(std::size_t{1} << (info - 24));
}

Result<ByteView> read_string(ByteReader& reader, std::uint8_t major) {
  SLIPWAY_ASSIGN(const auto size, read_head(reader, major));
  if (size > reader.remaining())
    return fail(ErrorCode::truncated, "the factory pack ends inside a value", reader.offset());
  return reader.take(static_cast<std::size_t>(size));
}

void write_head(ByteWriter& out, std::uint8_t major, std::size_t argument) {
  const auto first = static_cast<std::uint8_t>(major << 5);
  if (argument < 24) return out.u8(static_cast<std::uint8_t>(first | argument));
  const unsigned power = argument <= 0xFF ? 0 : argument <= 0xFFFF ? 1 : 2;
  out.u8(static_cast<std::uint8_t>(first | (24 + power)));
  out.unsigned_of(argument, std::size_t{1} << power);
}

/// Each path once, in order: then a device needs to look at no entry twice.
Result<void> check_entries(std::span<const Entry> entries) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].kind != EntryKind::value)
      return fail(ErrorCode::malformed, "the factory pack has a record without a value");
    if (i != 0 && !(entries[i - 1].path < entries[i].path))
      return fail(ErrorCode::wrong_path, "the factory pack's paths do not ascend");
  }
  return {};
}

std::unexpected<Error> within(std::size_t offset, Error error) {
  error.offset += static_cast<std::uint32_t>(offset);
  return std::unexpected(error);
}

}  // namespace

bool is_factory_pack(ByteView bytes) {
  return bytes.size() >= kMagicBytes && bytes[0] == kArrayOfFour &&
         bytes[1] == (kText << 5 | kMagic.size()) && as_text(bytes.subspan(2, kMagic.size())) == kMagic;
}

Result<FactoryPack> read_factory_pack(ByteView bytes, const ObjectCatalog& catalog,
                                      const codec::DecodeBuffers& buffers) {
  if (bytes.size() > kFactoryPackBytesMax) return fail(ErrorCode::limit, "larger than a factory pack may be");
  if (!is_factory_pack(bytes)) return fail(ErrorCode::malformed, "this is not a factory pack");
  ByteReader reader(bytes);
  (void)reader.take(kMagicBytes);
  SLIPWAY_ASSIGN(const auto version, read_head(reader, kUnsigned));
  if (version != kFactoryPackVersion)
    return fail(ErrorCode::unsupported, "a factory pack of another version", kMagicBytes);
  FactoryPack pack;
  SLIPWAY_ASSIGN(const auto endpoint, read_string(reader, kText));
  pack.endpoint = as_text(endpoint);
  if (!lwm2m::valid_endpoint(pack.endpoint))
    return fail(ErrorCode::malformed, "the endpoint is not a name of 1 to 255 printable bytes",
                kMagicBytes + 1);
  SLIPWAY_ASSIGN(const auto senml, read_string(reader, kByteString));
  if (!reader.empty())
    return fail(ErrorCode::malformed, "there are bytes behind the factory pack", reader.offset());
  const auto entries =
      codec::decode(ContentFormat::senml_cbor, Path(), senml, {.catalog = &catalog}, buffers);
  if (!entries) return within(reader.offset() - senml.size(), entries.error());
  SLIPWAY_TRY(check_entries(*entries));
  pack.entries = *entries;
  return pack;
}

Result<std::size_t> write_factory_pack(const FactoryPack& pack, MutableBytes out) {
  if (!lwm2m::valid_endpoint(pack.endpoint))
    return fail(ErrorCode::malformed, "the endpoint is not a name of 1 to 255 printable bytes");
  SLIPWAY_TRY(check_entries(pack.entries));
  // The values first, behind the longest frame; then the frame, whose length depends on theirs.
  std::array<std::uint8_t, kMagicBytes + 1 + 2 + kEndpointMax + 5> buffer;
  const auto room = out.size() > buffer.size() ? out.subspan(buffer.size()) : MutableBytes();
  SLIPWAY_ASSIGN(const auto size, codec::encode(ContentFormat::senml_cbor, Path(), pack.entries, room));
  ByteWriter frame(buffer);
  frame.u8(kArrayOfFour);
  write_head(frame, kText, kMagic.size());
  frame.text(kMagic);
  write_head(frame, kUnsigned, kFactoryPackVersion);
  write_head(frame, kText, pack.endpoint.size());
  frame.text(pack.endpoint);
  write_head(frame, kByteString, size);
  std::memmove(out.data() + frame.size(), room.data(), size);
  std::memcpy(out.data(), buffer.data(), frame.size());
  return frame.size() + size;
}

}  // namespace slipway::client

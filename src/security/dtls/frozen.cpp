// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/frozen.hpp"

namespace slipway::security::dtls {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kFrozenMax = 2 + 2 * (16 + 4) + 2 * 8 + 4 + 2 * (1 + kCidMax);

void write_key(ByteWriter& writer, const RecordKey& key) {
  writer.bytes(key.key);
  writer.bytes(key.salt);
}
void write_cid(ByteWriter& writer, const Cid& cid) {
  writer.u8(cid.size);
  writer.bytes(cid.view());
}
Result<void> read_key(ByteReader& reader, RecordKey& key) {
  SLIPWAY_ASSIGN(const auto bytes, reader.take(key.key.size()));
  SLIPWAY_ASSIGN(const auto salt, reader.take(key.salt.size()));
  std::copy(bytes.begin(), bytes.end(), key.key.begin());
  std::copy(salt.begin(), salt.end(), key.salt.begin());
  return {};
}
Result<void> read_cid(ByteReader& reader, Cid& cid) {
  SLIPWAY_ASSIGN(cid.size, reader.u8());
  if (cid.size > kCidMax) return fail(ErrorCode::malformed, "a Connection ID is too long", reader.offset());
  SLIPWAY_ASSIGN(const auto bytes, reader.take(cid.size));
  std::copy(bytes.begin(), bytes.end(), cid.bytes.begin());
  return {};
}

}  // namespace

// A frozen session:
//
//   0         1      2              22             42               50              58        62
//  +---------+------+- ... --------+- ... --------+- ... ----------+- ... ---------+- ... ---+- ...
//  --------------+ | version | AEAD | write key 16 | read key 16  | next to send   | next to       | reserve
//  | peer's cid, ours:  | |         |      | and salt 4   | and salt 4   | in life 1      | receive       |
//  | size 1, bytes      |
//  +---------+------+- ... --------+- ... --------+- ... ----------+- ... ---------+- ... ---+- ...
//  --------------+
Result<Secret> freeze(const RecordState& state, std::uint32_t reserve) {
  if (state.next_sequence > kSequenceMax - reserve)
    return fail(ErrorCode::exhausted, "no sequence numbers are left to reserve");
  std::array<std::uint8_t, kFrozenMax> bytes;
  ByteWriter writer(bytes);
  writer.u8(kVersion);
  writer.u8(static_cast<std::uint8_t>(state.aead));
  write_key(writer, state.write);
  write_key(writer, state.read);
  writer.u64(state.next_sequence + reserve);
  writer.u64(state.window.next());
  writer.u32(reserve);
  write_cid(writer, state.cid_out);
  write_cid(writer, state.cid_in);
  Secret frozen(writer.written());
  wipe(bytes);
  return frozen;
}

Result<Thawed> thaw(ByteView frozen, std::uint64_t life) {
  if (life == 0) return fail(ErrorCode::out_of_range, "a session is thawed in a later life");
  ByteReader reader(frozen);
  SLIPWAY_ASSIGN(const auto version, reader.u8());
  if (version != kVersion) return fail(ErrorCode::unsupported, "a session frozen by another version");
  Thawed thawed;
  auto& state = thawed.records;
  SLIPWAY_ASSIGN(const auto aead, reader.u8());
  if (aead > static_cast<std::uint8_t>(Aead::aes_128_gcm))
    return fail(ErrorCode::malformed, "a frozen session with an unknown cipher", reader.offset());
  state.aead = static_cast<Aead>(aead);
  SLIPWAY_TRY(read_key(reader, state.write));
  SLIPWAY_TRY(read_key(reader, state.read));
  SLIPWAY_ASSIGN(state.next_sequence, reader.u64());
  SLIPWAY_ASSIGN(const auto next_received, reader.u64());
  if (state.next_sequence > kSequenceMax || next_received > kSequenceMax + 1)
    return fail(ErrorCode::malformed, "a frozen session beyond its last sequence number", reader.offset());
  state.window.refuse_below(next_received);
  SLIPWAY_ASSIGN(const auto reserve, reader.u32());
  if (reserve != 0 && life > (kSequenceMax - state.next_sequence) / reserve)
    return fail(ErrorCode::exhausted, "no sequence numbers are left for another life");
  state.next_sequence += (life - 1) * reserve;
  thawed.sequence_limit = state.next_sequence + reserve;
  SLIPWAY_TRY(read_cid(reader, state.cid_out));
  SLIPWAY_TRY(read_cid(reader, state.cid_in));
  if (!reader.empty()) return fail(ErrorCode::malformed, "bytes behind a frozen session", reader.offset());
  return thawed;
}

}  // namespace slipway::security::dtls

// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/wire.hpp"

namespace slipway::security::dtls {

// A record [RFC 6347 §4.1], and with a Connection ID [RFC 9146 §4] (type 25):
//
//   0       1       2       3       4       5                       11      13
//  +-------+-------+-------+-------+-------+-----------------------+- ... -+-------+-------+- ... -+
//  | type  |    version    |     epoch     |    sequence number    |  cid  |    length     | fragm.|
//  +-------+-------+-------+-------+-------+-----------------------+- ... -+-------+-------+- ... -+
//
// The cid is there for type 25 only. The fragment of a protected record (epoch > 0) is
//
//  +-------------------------------+- ... ------+- ... ---+
//  |  explicit nonce (8)           | ciphertext | tag 8/16|     AEAD [RFC 5246 §6.2.3.3, RFC 6655]
//  +-------------------------------+- ... ------+- ... ---+
Result<RecordHeader> read_record(ByteReader& reader, std::size_t cid_size) {
  const auto start = reader.rest();
  RecordHeader record{};
  SLIPWAY_ASSIGN(const auto type, reader.u8());
  record.type = static_cast<ContentType>(type);
  SLIPWAY_ASSIGN(record.version, reader.u16());
  if (record.version >> 8 != 0xFE) return fail(ErrorCode::malformed, "not a DTLS record", reader.offset());
  SLIPWAY_ASSIGN(record.epoch, reader.u16());
  SLIPWAY_ASSIGN(record.sequence, reader.unsigned_of(6));
  if (record.type == ContentType::tls12_cid) {
    SLIPWAY_ASSIGN(record.cid, reader.take(cid_size));
  }
  SLIPWAY_ASSIGN(const auto length, reader.u16());
  const auto header_size = start.size() - reader.remaining();
  SLIPWAY_ASSIGN(record.fragment, reader.take(length));
  record.header = start.first(header_size);
  record.whole = start.first(header_size + length);
  return record;
}

// A handshake fragment [RFC 6347 §4.2.2]:
//
//   0       1                       4               6                       9                       12
//  +-------+-----------------------+---------------+-----------------------+-----------------------+- ... -+
//  | type  | length of the message | message seq   |    fragment offset    |    fragment length    | body  |
//  +-------+-----------------------+---------------+-----------------------+-----------------------+- ... -+
Result<HandshakeFragment> read_handshake_fragment(ByteReader& reader) {
  HandshakeFragment fragment{};
  SLIPWAY_ASSIGN(const auto type, reader.u8());
  fragment.type = static_cast<HandshakeType>(type);
  SLIPWAY_ASSIGN(fragment.length, reader.u24());
  SLIPWAY_ASSIGN(fragment.sequence, reader.u16());
  SLIPWAY_ASSIGN(fragment.offset, reader.u24());
  SLIPWAY_ASSIGN(const auto size, reader.u24());
  if (fragment.length > kHandshakeMessageMax)
    return fail(ErrorCode::limit, "a handshake message is too long", reader.offset());
  if (fragment.offset + size > fragment.length)
    return fail(ErrorCode::malformed, "a handshake fragment leaves its message", reader.offset());
  SLIPWAY_ASSIGN(fragment.body, reader.take(size));
  return fragment;
}

namespace {
constexpr std::size_t kRandomAt = kRecordHeaderSize + kHandshakeHeaderSize + 2;
}

bool is_client_hello(ByteView datagram) {
  return datagram.size() >= kRandomAt + kClientRandomSize &&
         datagram[0] == static_cast<std::uint8_t>(ContentType::handshake) && datagram[1] == 0xFE &&
         datagram[3] == 0 && datagram[4] == 0 &&
         datagram[kRecordHeaderSize] == static_cast<std::uint8_t>(HandshakeType::client_hello);
}

ByteView client_random(ByteView client_hello) {
  return client_hello.subspan(kRandomAt, kClientRandomSize);
}

}  // namespace slipway::security::dtls

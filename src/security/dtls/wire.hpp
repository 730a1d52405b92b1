// SPDX-License-Identifier: Apache-2.0
// The frames of DTLS 1.2: records, and handshake fragments inside them. [RFC 6347 §4.1, §4.2.2]
#pragma once

#include <cstdint>

#include <slipway/base/bytes.hpp>

namespace slipway::security::dtls {

enum class ContentType : std::uint8_t {
  change_cipher_spec = 20,
  alert = 21,
  handshake = 22,
  application_data = 23,
  tls12_cid = 25,
};

enum class HandshakeType : std::uint8_t {
  client_hello = 1,
  server_hello = 2,
  hello_verify_request = 3,
  server_hello_done = 14,
  client_key_exchange = 16,
  finished = 20,
};

inline constexpr std::uint16_t kDtls12 = 0xFEFD;
inline constexpr std::size_t kRecordHeaderSize = 13;
inline constexpr std::size_t kHandshakeHeaderSize = 12;
inline constexpr std::size_t kClientRandomSize = 32;
/// A longer handshake message is refused before anything is allocated for it.
inline constexpr std::uint32_t kHandshakeMessageMax = 16 * 1024;

/// Views point into the datagram.
struct RecordHeader {
  ContentType type;
  std::uint16_t version;
  std::uint16_t epoch;
  std::uint64_t sequence;  ///< 48 bits
  ByteView cid;            ///< empty unless type is tls12_cid
  ByteView header;         ///< the bytes before the fragment
  ByteView fragment;
  ByteView whole;
};

/// Takes one record off the reader. `cid_size` is the length of the Connection IDs this side gave out:
/// the record itself does not tell. Errors: truncated, malformed.
[[nodiscard]] Result<RecordHeader> read_record(ByteReader& reader, std::size_t cid_size);

struct HandshakeFragment {
  HandshakeType type;
  std::uint32_t length;  ///< of the whole message
  std::uint16_t sequence;
  std::uint32_t offset;
  ByteView body;
};
/// Takes one fragment off the reader of a handshake record. Errors: truncated, malformed, limit.
[[nodiscard]] Result<HandshakeFragment> read_handshake_fragment(ByteReader& reader);

/// True when the datagram begins with the first fragment of a plaintext ClientHello that is long
/// enough to hold its random.
[[nodiscard]] bool is_client_hello(ByteView datagram);
/// The random of such a datagram.
[[nodiscard]] ByteView client_random(ByteView client_hello);

}  // namespace slipway::security::dtls

// SPDX-License-Identifier: Apache-2.0
#include "security/tls/tap.hpp"

#include "security/dtls/client_hello.hpp"

namespace slipway::security::tls {
namespace {

constexpr std::uint16_t kPreSharedKey = 41;

ContentType type_of(ByteView record) {
  return static_cast<ContentType>(record[0]);
}

}  // namespace

// A record [RFC 5246 §6.2.1] [RFC 8446 §5.1]:
//
//   0       1               3               5
//  +-------+-------+-------+-------+-------+- ... -----+
//  | type  |    version    |    length     | fragment  |
//  +-------+-------+-------+-------+-------+- ... -----+
std::optional<std::size_t> record_size(ByteView bytes) {
  if (bytes.empty()) return std::nullopt;
  if (bytes[0] < 20 || bytes[0] > 23 || (bytes.size() > 1 && bytes[1] != 3)) return 0;
  if (bytes.size() < kRecordHeaderSize) return std::nullopt;
  const std::size_t length = std::size_t{bytes[3]} << 8 | bytes[4];
  if (length == 0 || length > kFragmentMax) return 0;
  if (bytes.size() < kRecordHeaderSize + length) return std::nullopt;
  return kRecordHeaderSize + length;
}

std::optional<std::uint16_t> suite_of_server_hello(ByteView record) {
  if (record.size() < kRecordHeaderSize || type_of(record) != ContentType::handshake) return std::nullopt;
  ByteReader reader(record.subspan(kRecordHeaderSize));
  const auto type = reader.u8();
  if (!type || *type != static_cast<std::uint8_t>(HandshakeType::server_hello)) return std::nullopt;
  if (!reader.take(3)) return std::nullopt;  // length
  return suite_in_server_hello(record.subspan(kRecordHeaderSize + kHandshakeHeaderSize));
}

std::optional<std::uint16_t> suite_in_server_hello(ByteView body) {
  ByteReader reader(body);
  if (!reader.take(2 + 32)) return std::nullopt;  // version, random
  const auto id_size = reader.u8();
  if (!id_size || !reader.take(*id_size)) return std::nullopt;
  const auto suite = reader.u16();
  return suite ? std::optional(*suite) : std::nullopt;
}

Tap::Verdict Tap::show(ByteView record, bool psk) {
  if (type_of(record) == ContentType::alert) return Verdict::pass;
  if (type_of(record) != ContentType::handshake) return Verdict::done;  // what follows is protected
  const auto fragment = record.subspan(kRecordHeaderSize);
  if (message_.size() + fragment.size() > kHandshakeHeaderSize + kHandshakeMessageMax + kFragmentMax)
    return Verdict::done;
  message_.insert(message_.end(), fragment.begin(), fragment.end());
  return read_messages(psk);
}

// A handshake message [RFC 5246 §7.4]:
//
//   0       1                       4
//  +-------+-------+-------+-------+- ... -+
//  | type  |        length         | body  |
//  +-------+-------+-------+-------+- ... -+
Tap::Verdict Tap::read_messages(bool psk) {
  ByteReader reader(message_);
  auto verdict = Verdict::pass;
  std::size_t whole = 0;
  while (verdict == Verdict::pass) {
    const auto type = reader.u8();
    const auto high = reader.u8();
    const auto low = reader.u16();
    if (!type || !high || !low) break;
    const std::size_t length = std::size_t{*high} << 16 | *low;
    if (length > kHandshakeMessageMax) return Verdict::done;
    const auto body = reader.take(length);
    if (!body) break;
    whole = reader.offset();
    switch (static_cast<HandshakeType>(*type)) {
      case HandshakeType::client_hello:
        verdict = read_hello(*body);
        break;
      case HandshakeType::client_key_exchange:
        verdict = psk ? read_key_exchange(*body) : Verdict::done;
        break;
      default:
        break;
    }
  }
  message_.erase(message_.begin(), message_.begin() + static_cast<std::ptrdiff_t>(whole));
  return verdict;
}

Tap::Verdict Tap::read_hello(ByteView body) {
  if (tls13_ == Tls13::not_spoken) return Verdict::pass;
  const auto hello = dtls::read_client_hello(body, dtls::SecureProtocol::tls);
  if (!dtls::speaks_tls13(hello)) return Verdict::pass;
  const auto key = dtls::extension_of(hello, kPreSharedKey);
  return key ? read_identities(*key) : Verdict::pass;
}

// pre_shared_key of a client [RFC 8446 §4.2.11]; an age of 0 says that this is no ticket:
//
//   0               2               4                              age (4)
//  +-------+-------+-------+-------+- ... -----+-------+-------+-------+-------+
//  |   list size   | identity size | identity  |  obfuscated age of a ticket   | ... binders
//  +-------+-------+-------+-------+- ... -----+-------+-------+-------+-------+
Tap::Verdict Tap::read_identities(ByteView extension) {
  for (ByteReader reader(dtls::vector_in(extension));;) {
    const auto size = reader.u16();
    if (!size) return Verdict::pass;
    const auto identity = reader.take(*size);
    const auto age = reader.u32();
    if (!identity || !age) return Verdict::pass;
    if (*age == 0) return take(*identity);
  }
}

// The ClientKeyExchange of a PSK suite of TLS 1.2 [RFC 4279 §2]:
//
//   0               2
//  +-------+-------+- ... -----------+
//  | identity size |    identity     |
//  +-------+-------+- ... -----------+
Tap::Verdict Tap::read_key_exchange(ByteView body) {
  ByteReader reader(body);
  const auto size = reader.u16();
  if (!size) return Verdict::done;
  const auto identity = reader.take(*size);
  return identity ? take(*identity) : Verdict::done;
}

Tap::Verdict Tap::take(ByteView bytes) {
  const auto identity = dtls::PskIdentity::from(bytes);
  if (!identity) return Verdict::too_long;
  identity_ = *identity;
  return Verdict::hold;
}

}  // namespace slipway::security::tls

// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/client_hello.hpp"

namespace slipway::security::dtls {
namespace {

constexpr std::uint16_t kSupportedVersions = 43;
constexpr std::uint16_t kTls13 = 0x0304;

}  // namespace

// The ClientHello; TLS has no cookie:
//
//   0               2              34
//  +-------+-------+- ... ---------+-------+- ... -------+-------+- ... ---+-------+-------+- ... ----+
//  |    version    |  random (32)  | size  | session id  | size  | cookie  |     size      |  suites  |
//  +-------+-------+- ... ---------+-------+- ... -------+-------+- ... ---+-------+-------+- ... ----+
//  | size  | compression methods |     size      | extensions: type (2), size (2), data ... |
ClientHello read_client_hello(ByteView body, SecureProtocol protocol) {
  ClientHello hello;
  ByteReader reader(body);
  const auto version = reader.u16();
  if (!version || !reader.take(32)) return hello;
  hello.version = *version;
  const int skipped = protocol == SecureProtocol::dtls ? 2 : 1;
  for (int i = 0; i < skipped; ++i) {
    const auto size = reader.u8();
    if (!size || !reader.take(*size)) return hello;
  }
  const auto suites_size = reader.u16();
  if (!suites_size) return hello;
  const auto suites = reader.take(*suites_size);
  if (!suites) return hello;
  hello.suites = *suites;
  const auto methods_size = reader.u8();
  if (!methods_size || !reader.take(*methods_size)) return hello;
  hello.extensions = vector_in(reader.rest());
  return hello;
}

std::optional<ByteView> extension_of(const ClientHello& hello, std::uint16_t type) {
  for (ByteReader reader(hello.extensions);;) {
    const auto found = reader.u16();
    const auto size = reader.u16();
    if (!found || !size) return std::nullopt;
    const auto data = reader.take(*size);
    if (!data) return std::nullopt;
    if (*found == type) return *data;
  }
}

ByteView vector_in(ByteView data) {
  ByteReader reader(data);
  const auto size = reader.u16();
  if (!size) return {};
  return reader.take(*size).value_or(ByteView{});
}

bool lists(ByteView numbers, std::uint16_t wanted) {
  ByteReader reader(numbers);
  while (const auto number = reader.u16())
    if (*number == wanted) return true;
  return false;
}

// supported_versions of a client:
//
//   0       1               3
//  +-------+-------+-------+- ...
//  | size  |    version    |
//  +-------+-------+-------+- ...
bool speaks_tls13(const ClientHello& hello) {
  const auto data = extension_of(hello, kSupportedVersions);
  return data && !data->empty() && lists(data->subspan(1), kTls13);
}

}  // namespace slipway::security::dtls

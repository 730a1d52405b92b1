// SPDX-License-Identifier: Apache-2.0
#include <slipway/security/dtls/facts.hpp>

#include <algorithm>
#include <cstdio>

#include "security/dtls/client_hello.hpp"

namespace slipway::security::dtls {
namespace {

constexpr std::uint16_t kServerName = 0, kSupportedGroups = 10, kSupportedVersions = 43, kConnectionId = 54;
constexpr std::uint16_t kSsl3 = 0x0300, kTls13 = 0x0304;

struct Named {
  std::uint16_t number;
  const char* name;
};
/// Suites of TLS 1.3, and those that devices and servers in the field offer and that are not done here.
constexpr Named kOtherSuites[] = {
    {0x008C, "TLS_PSK_WITH_AES_128_CBC_SHA"},
    {0x00A9, "TLS_PSK_WITH_AES_256_GCM_SHA384"},
    {0x00AE, "TLS_PSK_WITH_AES_128_CBC_SHA256"},
    {0x00FF, "TLS_EMPTY_RENEGOTIATION_INFO_SCSV"},
    {0x1301, "TLS_AES_128_GCM_SHA256"},
    {0x1302, "TLS_AES_256_GCM_SHA384"},
    {0x1303, "TLS_CHACHA20_POLY1305_SHA256"},
    {0x1304, "TLS_AES_128_CCM_SHA256"},
    {0x1305, "TLS_AES_128_CCM_8_SHA256"},
    {0xC023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"},
    {0xC027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"},
    {0xC02C, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"},
    {0xC02F, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
    {0xC037, "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256"},
    {0xC0A5, "TLS_PSK_WITH_AES_256_CCM"},
    {0xC0A9, "TLS_PSK_WITH_AES_256_CCM_8"},
    {0xC0AD, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM"},
    {0xC0AF, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8"},
    {0xCCA9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"},
    {0xCCAB, "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256"},
    {0xD001, "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256"},
    {0xD003, "TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256"},
    {0xD005, "TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256"},
};
constexpr Named kGroups[] = {
    {23, "secp256r1"}, {24, "secp384r1"}, {25, "secp521r1"}, {29, "x25519"}, {30, "x448"},
};

std::string hexadecimal(std::uint16_t number) {
  char text[8];
  std::snprintf(text, sizeof text, "0x%04X", number);
  return text;
}

/// A list of numbers, two bytes each.
void read_list(ByteView list, std::vector<std::uint16_t>& out) {
  ByteReader reader(list);
  while (out.size() < kFactsListMax) {
    const auto number = reader.u16();
    if (!number) return;
    out.push_back(*number);
  }
}

// server_name [RFC 6066 §3]:
//
//   0               2       3               5
//  +-------+-------+-------+-------+-------+- ... -+
//  |   list size   | type  |   name size   | name  |   type 0: a host name
//  +-------+-------+-------+-------+-------+- ... -+
std::string read_name(ByteView data) {
  ByteReader reader(vector_in(data));
  const auto type = reader.u8();
  const auto size = reader.u16();
  if (!type || *type != 0 || !size) return {};
  const auto name = reader.take(*size);
  if (!name || name->size() > kServerNameMax) return {};
  return std::string(as_text(*name));
}

// supported_versions of a client [RFC 8446 §4.2.1]: those of TLS; what has no name here may be a grease.
//
//   0       1               3
//  +-------+-------+-------+-------+-------+- ...
//  | size  |    version    |    version    |
//  +-------+-------+-------+-------+-------+- ...
void read_versions(ByteView data, HelloFacts& facts) {
  ByteReader reader(data);
  if (!reader.u8()) return;
  while (const auto version = reader.u16())
    if (*version >= kSsl3 && *version <= kTls13) facts.version = std::max(facts.version, *version);
}

}  // namespace

const char* to_string(SecureProtocol protocol) {
  return protocol == SecureProtocol::tls ? "TLS" : "DTLS";
}

HelloFacts read_hello_facts(ByteView body, SecureProtocol protocol) {
  const auto hello = read_client_hello(body, protocol);
  HelloFacts facts;
  facts.version = hello.version.value_or(0);
  read_list(hello.suites, facts.suites);
  if (const auto names = extension_of(hello, kServerName)) facts.server_name = read_name(*names);
  if (const auto groups = extension_of(hello, kSupportedGroups)) read_list(vector_in(*groups), facts.groups);
  if (protocol == SecureProtocol::tls)
    if (const auto versions = extension_of(hello, kSupportedVersions)) read_versions(*versions, facts);
  facts.cid = extension_of(hello, kConnectionId).has_value();
  return facts;
}

std::string version_text(std::uint16_t version) {
  switch (version) {
    case 0xFEFF:
      return "DTLS 1.0";
    case 0xFEFD:
      return "DTLS 1.2";
    case 0xFEFC:
      return "DTLS 1.3";
    case kSsl3:
      return "SSL 3.0";
    case 0x0301:
      return "TLS 1.0";
    case 0x0302:
      return "TLS 1.1";
    case 0x0303:
      return "TLS 1.2";
    case kTls13:
      return "TLS 1.3";
    default:
      return "version " + hexadecimal(version);
  }
}

std::string suite_text(std::uint16_t iana) {
  if (const auto suite = cipher_suite(iana)) return to_string(*suite);
  for (const auto& other : kOtherSuites)
    if (other.number == iana) return other.name;
  return hexadecimal(iana);
}

std::string alert_text(Alert alert) {
  return std::string("alert ") + to_string(alert) + " (" + std::to_string(static_cast<int>(alert)) + ")";
}

const char* meaning_of(Alert alert) {
  switch (alert) {
    case Alert::handshake_failure:
      return "no cipher suite, curve or signature of those offered is taken";
    case Alert::bad_record_mac:
    case Alert::decryption_failed:
    case Alert::decrypt_error:
      return "what the other side sealed does not open: the keys differ, or the identity is unknown";
    case Alert::unknown_psk_identity:
      return "the PSK identity is not known";
    case Alert::no_certificate:
    case Alert::certificate_required:
      return "a certificate is missing";
    case Alert::bad_certificate:
      return "the public key or certificate is not the expected one, or is damaged";
    case Alert::unsupported_certificate:
      return "a key or certificate of this kind, or for this use, is not taken";
    case Alert::certificate_revoked:
      return "the key or certificate was revoked";
    case Alert::certificate_expired:
      return "the certificate has expired, or is not valid yet, by the clock of who refused it";
    case Alert::certificate_unknown:
      return "the key or certificate is not one that is known";
    case Alert::unknown_ca:
      return "who issued the certificate is not trusted";
    case Alert::access_denied:
      return "the identity is proved, and is not let in";
    case Alert::protocol_version:
      return "this version of the protocol is not spoken";
    case Alert::insufficient_security:
      return "what was offered is too weak";
    case Alert::unrecognized_name:
      return "there is no server of the name that was asked for (SNI)";
    case Alert::no_application_protocol:
      return "something else than CoAP is spoken there (ALPN)";
    case Alert::user_canceled:
    case Alert::close_notify:
      return "the handshake was ended on purpose";
    case Alert::internal_error:
      return "something broke down that has nothing to do with the peer";
    case Alert::missing_extension:
    case Alert::unsupported_extension:
    case Alert::illegal_parameter:
    case Alert::decode_error:
    case Alert::unexpected_message:
      return "a message was not as the protocol wants it";
    default:
      return "the handshake was refused";
  }
}

std::string group_text(std::uint16_t iana) {
  for (const auto& group : kGroups)
    if (group.number == iana) return group.name;
  return hexadecimal(iana);
}

}  // namespace slipway::security::dtls

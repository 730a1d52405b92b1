// SPDX-License-Identifier: Apache-2.0
// A small public-key world for tests: an authority, a server, devices.
#pragma once

#include <slipway/security/dtls/types.hpp>
#include <slipway/security/keys.hpp>

#include <chrono>
#include <string_view>

namespace slipway::security::test {

inline const UnixTime kToday{std::chrono::milliseconds(1'800'000'000'000)};
inline constexpr auto kDay = std::chrono::hours(24);

/// A key with a certificate for it.
struct Party {
  KeyPair key;
  Bytes certificate;
};

struct PartyWish {
  CertificateRequest::Use use = CertificateRequest::Use::client;
  std::string_view name = "urn:dev:os:lamp";
  std::string_view dns_name = {};
  UnixTime from = kToday - kDay;
  UnixTime to = kToday + 365 * kDay;
};

inline Party make_party(const PartyWish& wish, const Party* issuer) {
  Party party;
  party.key = *make_key_pair();
  const auto serial = sha256(party.key.public_key);
  const CertificateRequest request{.public_key = party.key.public_key,
                                   .common_name = wish.name,
                                   .not_before = wish.from,
                                   .not_after = wish.to,
                                   .serial = ByteView(serial).first(16),
                                   .use = wish.use,
                                   .dns_name = wish.dns_name};
  party.certificate = *issue_certificate(
      request, issuer != nullptr ? ByteView(issuer->certificate) : ByteView(),
      issuer != nullptr ? issuer->key.private_key.reveal() : party.key.private_key.reveal());
  return party;
}

inline Party make_authority(std::string_view name = "Test CA", const Party* issuer = nullptr) {
  return make_party({.use = CertificateRequest::Use::authority, .name = name}, issuer);
}

inline Party make_server(const Party& authority, std::string_view name = "server.example") {
  return make_party({.use = CertificateRequest::Use::server, .name = name, .dns_name = name}, &authority);
}

/// One authority, one server, one device; made once, since keys take time.
struct World {
  Party authority = make_authority();
  Party server = make_server(authority);
  Party device = make_party({}, &authority);
};
inline const World& world() {
  static const World one;
  return one;
}

inline dtls::ServerKeys keys_of(const Party& server) {
  dtls::ServerKeys keys;
  keys.chain.push_back(server.certificate);
  keys.public_key = server.key.public_key;
  keys.private_key = server.key.private_key.clone();
  return keys;
}
inline dtls::RawKeyCredential raw_credential(const Party& device, const Party& server) {
  return {device.key.public_key, device.key.private_key.clone(), server.key.public_key};
}
inline dtls::CertificateCredential certificate_credential(const Party& device, ServerTrust trust) {
  dtls::CertificateCredential credential;
  credential.chain.push_back(device.certificate);
  credential.private_key = device.key.private_key.clone();
  credential.trust = std::move(trust);
  return credential;
}

}  // namespace slipway::security::test

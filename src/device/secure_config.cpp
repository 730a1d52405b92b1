// SPDX-License-Identifier: Apache-2.0
#include "secure_config.hpp"

#include <ctime>

#include <slipway/security/keys.hpp>

#include "certificate_chain.hpp"

namespace slipway::device {

namespace dtls = security::dtls;
namespace tls = security::tls;

namespace {

std::unexpected<std::string> unusable(const char* what) {
  return std::unexpected(std::string("the account cannot be used: ") + what);
}

std::expected<dtls::Credential, std::string> credential_of(const client::ConnectWanted& wanted,
                                                           std::string_view host,
                                                           std::span<const Bytes> trust_store) {
  const auto& server_key = wanted.server_public_key;
  switch (wanted.mode) {
    case SecurityMode::psk: {
      const auto identity = dtls::PskIdentity::from(wanted.identity);
      if (!identity) return unusable("its PSK identity (/0/x/3) is longer than 128 bytes");
      return dtls::PskCredential{*identity, Secret(wanted.key)};
    }
    case SecurityMode::rpk:
      if (wanted.matching_type != 0)
        return unusable("a raw public key is compared whole: leave out the matching type (/0/x/13)");
      return dtls::RawKeyCredential{.public_key = Bytes(wanted.identity.begin(), wanted.identity.end()),
                                    .private_key = Secret(wanted.key),
                                    .server_key = Bytes(server_key.begin(), server_key.end())};
    case SecurityMode::x509: {
      if (wanted.matching_type > 3) return unusable("its matching type (/0/x/13) is not 0 to 3");
      if (wanted.certificate_usage > 3) return unusable("its certificate usage (/0/x/15) is not 0 to 3");
      dtls::CertificateCredential credential;
      credential.chain = certificate_chain(wanted.identity);
      credential.private_key = Secret(wanted.key);
      credential.trust = {.server_key = Bytes(server_key.begin(), server_key.end()),
                          .matching = static_cast<security::MatchingType>(wanted.matching_type),
                          .usage = static_cast<security::CertificateUsage>(wanted.certificate_usage),
                          .anchors = {trust_store.begin(), trust_store.end()},
                          .name = std::string(wanted.sni.empty() ? host : wanted.sni)};
      return credential;
    }
    case SecurityMode::nosec:
    case SecurityMode::est:
      break;
  }
  return unusable("its security mode (/0/x/2) opens no secure session here");
}

}  // namespace

std::expected<dtls::ClientConfig, std::string> secure_config(const client::ConnectWanted& wanted,
                                                             std::string_view host,
                                                             std::optional<UnixTime> wall,
                                                             std::span<const Bytes> trust_store) {
  auto credential = credential_of(wanted, host, trust_store);
  if (!credential) return std::unexpected(std::move(credential.error()));
  dtls::ClientConfig config{.credential = std::move(*credential)};
  config.wall = wall;
  if (wanted.cipher_suites[0] == 0) return config;
  config.suites.clear();
  for (const auto number : wanted.cipher_suites)
    if (const auto suite = dtls::cipher_suite(number)) config.suites.push_back(*suite);
  if (config.suites.empty()) return unusable("none of its cipher suites (/0/x/16) is done here");
  return config;
}

std::string identity_fingerprint(SecurityMode mode, ByteView identity) {
  Bytes found_by(identity.begin(), identity.end());
  if (mode != SecurityMode::psk) {
    const auto chain =
        mode == SecurityMode::x509 ? certificate_chain(identity) : std::vector<Bytes>{found_by};
    const auto digest = security::sha256(chain.empty() ? ByteView{} : ByteView(chain.front()));
    found_by.assign(digest.begin(), digest.end());
  }
  return to_hex(ByteView(security::sha256(found_by)).first(4));
}

std::string date_text(UnixTime time) {
  const std::time_t whole = std::chrono::duration_cast<seconds>(time.time_since_epoch()).count();
  std::tm utc{};
  ::gmtime_r(&whole, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &utc);
  return text;
}

std::string described(ByteView certificate) {
  const auto fingerprint = "SHA-256 " + to_hex(security::sha256(certificate));
  if (security::read_public_key(certificate)) return "a raw public key, " + fingerprint;
  const auto read = security::read_certificate(certificate);
  if (!read) return "a certificate that is not of an EC key, " + fingerprint;
  auto text = "a certificate of \"" + read->common_name + "\"";
  for (std::size_t i = 0; i < read->dns_names.size() && i < 4; ++i)
    text += (i == 0 ? " for " : ", ") + read->dns_names[i];
  return text + ", issued by \"" + read->issuer_name + "\", valid from " + date_text(read->not_before) +
         " to " + date_text(read->not_after) + ", " + fingerprint;
}

std::expected<tls::ClientConfig, std::string> stream_config(const client::ConnectWanted& wanted,
                                                            std::string_view host,
                                                            std::optional<UnixTime> wall,
                                                            std::span<const Bytes> trust_store) {
  auto credential = credential_of(wanted, host, trust_store);
  if (!credential) return std::unexpected(std::move(credential.error()));
  tls::ClientConfig config{.credential = std::move(*credential)};
  config.wall = wall;
  if (wanted.cipher_suites[0] == 0) return config;
  config.suites = {.tls12 = {}, .tls13 = {}};
  for (const auto number : wanted.cipher_suites) {
    if (const auto suite = dtls::cipher_suite(number)) config.suites.tls12.push_back(*suite);
    if (const auto suite = tls::tls13_suite(number)) config.suites.tls13.push_back(*suite);
  }
  if (config.suites.tls12.empty() && config.suites.tls13.empty())
    return unusable("none of its cipher suites (/0/x/16) is done here");
  return config;
}

std::optional<UnixTime> believable(UnixTime clock) {
  // There was no such device before.
  constexpr UnixTime kFirstDay{std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)};
  return clock < kFirstDay ? std::nullopt : std::optional(clock);
}

}  // namespace slipway::device

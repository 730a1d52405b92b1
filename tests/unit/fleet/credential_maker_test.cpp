// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <slipway/fleet/credential_maker.hpp>
#include <slipway/security/keys.hpp>

#include "support/named_bytes.hpp"

namespace slipway::fleet {
namespace {

using namespace std::chrono_literals;

const Bytes& vector(const std::string& name) {
  static const testing::NamedBytes all(SLIPWAY_VECTORS "/security/keys.txt");
  return all[name];
}

constexpr UnixTime kNow{std::chrono::sys_days{2027y / 3 / 1} + 5min};
constexpr std::string_view kEndpoint = "urn:dev:os:0023C7-000001";

class MadeCredentials : public ::testing::Test {
 protected:
  MadeCredentials() {
    authority.name = "fleet";
    authority.certificate = vector("ca_certificate");
    authority.key = Secret(vector("ca_key"));
    authority.validity_s = 90 * 86400;
  }
  Result<Credential> make(CredentialSource source, const Authority* from) {
    Credential made;
    if (const auto result = maker->make(source, from, kEndpoint, made); !result)
      return std::unexpected(result.error());
    return made;
  }
  std::string refusal(CredentialSource source, const Authority* from) {
    const auto made = make(source, from);
    return made ? "none" : std::string(to_string(made.error().code)) + ": " + made.error().detail;
  }

  Authority authority;
  UnixTime now = kNow;
  SeededRandom random{1};
  std::unique_ptr<CredentialMaker> maker = make_credential_maker([this] { return now; }, random);
};

TEST_F(MadeCredentials, RawPublicKeysArePairsThatAreFoundByTheirHash) {
  const auto made = make(CredentialSource::raw_public_key, nullptr).value();
  EXPECT_EQ(made.mode, SecurityMode::rpk);
  EXPECT_EQ(security::read_private_key(made.key.reveal())->public_key, made.public_part);
  EXPECT_EQ(to_hex(made.identity), to_hex(security::sha256(made.public_part)));
  EXPECT_NE(make(CredentialSource::raw_public_key, nullptr)->public_part, made.public_part);
}

TEST_F(MadeCredentials, CertificatesNameTheDeviceAndAreTheAuthoritys) {
  const auto made = make(CredentialSource::certificate, &authority).value();
  EXPECT_EQ(made.mode, SecurityMode::x509);
  EXPECT_TRUE(security::is_signed_by(made.public_part, authority.certificate));
  EXPECT_EQ(to_hex(made.identity), to_hex(security::sha256(made.public_part)));
  const auto certificate = security::read_certificate(made.public_part).value();
  EXPECT_EQ(certificate.common_name, kEndpoint);
  EXPECT_EQ(certificate.public_key, security::read_private_key(made.key.reveal())->public_key);
  EXPECT_TRUE(certificate.for_clients && certificate.may_sign);
  EXPECT_FALSE(certificate.for_servers);
  EXPECT_EQ(certificate.not_before, kNow - kCertificateBackdating);
  EXPECT_EQ(certificate.not_after, kNow + std::chrono::days(90));
}

TEST_F(MadeCredentials, CertificatesDoNotOutliveTheirAuthority) {
  authority.validity_s = std::int64_t{200} * 365 * 86400;
  const auto issuer = security::read_certificate(authority.certificate).value();
  now = issuer.not_before;
  const auto made = make(CredentialSource::certificate, &authority).value();
  const auto certificate = security::read_certificate(made.public_part).value();
  EXPECT_EQ(certificate.not_before, issuer.not_before);
  EXPECT_EQ(certificate.not_after, issuer.not_after);
}

TEST_F(MadeCredentials, AreRefusedWithAReason) {
  EXPECT_EQ(refusal(CredentialSource::certificate, nullptr), "refused: the account has no authority");
  EXPECT_EQ(refusal(CredentialSource::generate, nullptr),
            "unsupported: only key pairs and certificates are made here");
  now = UnixTime(std::chrono::sys_days{2126y / 11 / 2});
  EXPECT_EQ(refusal(CredentialSource::certificate, &authority),
            "refused: the authority's certificate has expired");
  now = UnixTime(std::chrono::sys_days{2026y / 1 / 1});
  EXPECT_EQ(refusal(CredentialSource::certificate, &authority),
            "refused: the authority's certificate is not yet valid");
  now = kNow;
  authority.key = Secret(vector("server_key"));
  EXPECT_EQ(refusal(CredentialSource::certificate, &authority),
            "refused: the private key is not the authority's");
}

}  // namespace
}  // namespace slipway::fleet

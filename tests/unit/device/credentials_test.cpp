// SPDX-License-Identifier: Apache-2.0
// What a device finds wrong with the keys and certificates of an account. [facts A.8, C.1, C.3]
#include <gtest/gtest.h>

#include <slipway/device/credentials.hpp>
#include <slipway/security/keys.hpp>

namespace slipway::device {
namespace {

using client::AccountCredentials;
using security::CertificateRequest;
using Use = CertificateRequest::Use;

constexpr UnixTime kNow{std::chrono::seconds(1'800'000'000)};
constexpr auto kDay = std::chrono::hours(24);
constexpr std::string_view kEndpoint = "urn:dev:credentials";

struct Issued {
  security::KeyPair keys;
  Bytes certificate;
};
struct Shape {
  std::string_view name = kEndpoint;
  Use use = Use::client;
  UnixTime from = kNow - kDay, until = kNow + kDay;
};

Issued issue(const Shape& shape = {}) {
  auto keys = security::make_key_pair();
  EXPECT_TRUE(keys);
  const std::array<std::uint8_t, 8> serial = {1, 2, 3, 4, 5, 6, 7, 8};
  auto certificate = security::issue_certificate({.public_key = keys->public_key,
                                                  .common_name = shape.name,
                                                  .not_before = shape.from,
                                                  .not_after = shape.until,
                                                  .serial = serial,
                                                  .use = shape.use},
                                                 {}, keys->private_key.reveal());
  EXPECT_TRUE(certificate);
  return {std::move(*keys), std::move(*certificate)};
}

class Credentials : public testing::Test {
 protected:
  [[nodiscard]] AccountCredentials x509() const {
    return {.mode = SecurityMode::x509,
            .identity = device.certificate,
            .server_public_key = server.certificate,
            .key = device.keys.private_key.reveal(),
            .endpoint = kEndpoint,
            .now = kNow};
  }
  [[nodiscard]] AccountCredentials rpk() const {
    auto account = x509();
    account.mode = SecurityMode::rpk;
    account.identity = device.keys.public_key;
    account.server_public_key = server.keys.public_key;
    return account;
  }
  static void expect(const AccountCredentials& account, std::uint16_t resource, std::string_view rule) {
    const auto found = CredentialChecks().check(account);
    ASSERT_TRUE(found) << "nothing was found";
    EXPECT_EQ(found->resource, ResourceId(resource));
    EXPECT_NE(std::string_view(found->rule).find(rule), std::string_view::npos) << found->rule;
  }
  static void expect_fits(const AccountCredentials& account) {
    const auto found = CredentialChecks().check(account);
    EXPECT_FALSE(found) << found->rule;
  }
  Issued device = issue();
  Issued server = issue({.name = "lwm2m.example", .use = Use::server});
};

TEST_F(Credentials, ThatBelongTogetherFit) {
  expect_fits(x509());
  expect_fits(rpk());
}

// [LwM2M-TRANSPORT 1.2 §5.2.9.6.4]
TEST_F(Credentials, OfUsageZeroAndOneNeedATrustStore) {
  auto account = x509();
  for (std::uint8_t usage = 0; usage < 4; ++usage) {
    account.certificate_usage = usage;
    const auto without = CredentialChecks(CredentialChecks::TrustStore::none).check(account);
    EXPECT_EQ(without.has_value(), usage < 2) << int{usage};
    if (without) {
      EXPECT_EQ(without->resource, ResourceId(15));
      EXPECT_NE(std::string_view(without->rule).find("the device has none"), std::string_view::npos);
    }
    expect_fits(account);
  }
}

std::string pem(ByteView der) {
  return security::to_pem("CERTIFICATE", der);
}

// The device's own certificate is the first. [LwM2M-TRANSPORT 1.2 §5.2.9.6]
TEST_F(Credentials, AChainInPemIsReadWhole) {
  auto account = x509();
  const auto chain = pem(device.certificate) + pem(issue({.use = Use::authority}).certificate);
  account.identity = as_bytes(chain);
  expect_fits(account);
  const auto turned = pem(server.certificate) + pem(device.certificate);
  account.identity = as_bytes(turned);
  expect(account, 5, "not that of the certificate");
  const auto broken = pem(device.certificate) + pem(ByteView(device.certificate).first(100));
  account.identity = as_bytes(broken);
  expect(account, 3, "of the chain");
  account.identity = as_bytes("-----BEGIN CERTIFICATE-----\n");
  expect(account, 3, "not X.509");
}

TEST_F(Credentials, APrivateKeyOfAnotherIsRefused) {
  const auto other = issue();
  auto account = x509();
  account.key = other.keys.private_key.reveal();
  expect(account, 5, "not that of the certificate");
  account = rpk();
  account.key = other.keys.private_key.reveal();
  expect(account, 5, "not that of the public key");
}

TEST_F(Credentials, WhatDoesNotParseIsRefused) {
  for (const auto& whole : {x509(), rpk()}) {
    auto account = whole;
    account.key = as_bytes("not a key");
    expect(account, 5, "private key is not");
    account = whole;
    account.identity = whole.identity.first(whole.identity.size() - 1);
    expect(account, 3, "is not");
    account = whole;
    account.server_public_key = as_bytes("not a key");
    expect(account, 4, "is not");
  }
}

TEST_F(Credentials, AHashOfTheServersKeyIsTakenAsItIs) {
  const auto hash = security::sha256(server.certificate);
  auto account = x509();
  account.matching_type = 1;
  account.server_public_key = hash;
  expect_fits(account);
}

TEST_F(Credentials, ACertificateHasItsTimeWhereTheTimeIsKnown) {
  const auto old = issue({.until = kNow - std::chrono::hours(1)});
  auto account = x509();
  account.identity = old.certificate;
  account.key = old.keys.private_key.reveal();
  expect(account, 3, "expired");
  account.now.reset();
  expect_fits(account);
  const auto early = issue({.from = kNow + std::chrono::hours(1), .until = kNow + kDay});
  account = x509();
  account.identity = early.certificate;
  account.key = early.keys.private_key.reveal();
  expect(account, 3, "not valid yet");
}

TEST_F(Credentials, ACertificateIsForClientsAndForThisDevice) {
  for (const auto& [shape, rule] : {std::pair{Shape{.use = Use::server}, "not for clients"},
                                    std::pair{Shape{.use = Use::authority}, "authority"},
                                    std::pair{Shape{.name = "urn:dev:another"}, "another endpoint"}}) {
    const auto wrong = issue(shape);
    auto account = x509();
    account.identity = wrong.certificate;
    account.key = wrong.keys.private_key.reveal();
    expect(account, 3, rule);
  }
}

TEST_F(Credentials, TheServersOwnCertificateIsForServersAnAnchorNeedNotBe) {
  const auto anchor = issue({.name = "an authority", .use = Use::authority});
  auto account = x509();
  account.server_public_key = device.certificate;
  expect(account, 4, "not for servers");
  account.server_public_key = anchor.certificate;
  account.certificate_usage = 2;
  expect_fits(account);
  const auto expired =
      issue({.name = "lwm2m.example", .use = Use::server, .until = kNow - std::chrono::hours(1)});
  account = x509();
  account.server_public_key = expired.certificate;
  expect(account, 4, "expired");
}

TEST_F(Credentials, NoRuleNamesAValue) {
  auto account = x509();
  account.endpoint = "urn:dev:secret-name";
  const auto found = CredentialChecks().check(account);
  ASSERT_TRUE(found);
  EXPECT_EQ(std::string_view(found->rule).find("secret-name"), std::string_view::npos);
}

}  // namespace
}  // namespace slipway::device

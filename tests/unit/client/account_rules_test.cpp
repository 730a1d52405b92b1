// SPDX-License-Identifier: Apache-2.0
// What the credentials of an account must be at Finish, mode by mode. [facts A.8, C.1, C.3, C.7]
#include "stage.hpp"

#include "client/validation.hpp"

namespace slipway::client::test {
namespace {

class AccountRules : public testing::Test {
 protected:
  AccountRules() : device(factory_entries() + security_entries("/0/1", 101) + server_entries("/1/0", 101)) {}
  void set(std::string_view at, const Value& value) {
    ASSERT_TRUE(device.model.mutable_tree().put(path(at), value));
  }
  void set(std::string_view at, std::size_t bytes) {
    set(at, Value::opaque(as_bytes(std::string(bytes, 'x'))));
  }
  void erase(std::string_view at) { ASSERT_TRUE(device.model.mutable_tree().erase(path(at))); }
  void expect(std::string_view place, std::string_view rule) {
    const auto found = validate(device.model, Purpose::finish, checks);
    ASSERT_TRUE(found.has_value()) << "nothing was found at " << place;
    EXPECT_EQ(found->place.text().view(), place);
    EXPECT_NE(std::string_view(found->rule).find(rule), std::string_view::npos) << found->rule;
  }
  void expect_fits() {
    const auto found = validate(device.model, Purpose::finish, checks);
    EXPECT_FALSE(found) << found->place.text().view() << ": " << found->rule;
  }
  Device device;
  Checks checks;
};

TEST_F(AccountRules, APskHasItsLengths) {
  set("/0/1/3", Value::opaque({}));
  expect("/0/1/3", "identity is missing");
  set("/0/1/3", Value::opaque(as_bytes(std::string(129, 'i'))));
  expect("/0/1/3", "128");
  set("/0/1/3", Value::opaque(as_bytes(std::string(128, 'i'))));
  set("/0/1/5", Value::opaque({}));
  expect("/0/1/5", "PSK is missing");
  set("/0/1/5", Value::opaque(as_bytes(std::string(65, 'k'))));
  expect("/0/1/5", "64");
  set("/0/1/5", Value::opaque(as_bytes(std::string(64, 'k'))));
  expect_fits();
}

TEST_F(AccountRules, ARawPublicKeyIsThreeParts) {
  set("/0/1/2", Value::integer(1));
  expect("/0/1/4", "server's public key");
  set("/0/1/4", 91);
  expect_fits();
  set("/0/1/3", std::size_t{0});
  expect("/0/1/3", "public key is missing");
  set("/0/1/3", 91);
  set("/0/1/5", std::size_t{0});
  expect("/0/1/5", "private key is missing");
}

TEST_F(AccountRules, AHashOfTheServersKeyHasTheLengthOfItsKind) {
  set("/0/1/2", Value::integer(1));
  for (const auto& [type, bytes] : {std::pair{1, 32}, {2, 48}, {3, 64}}) {
    set("/0/1/13", Value::unsigned_integer(static_cast<std::uint64_t>(type)));
    set("/0/1/4", static_cast<std::size_t>(bytes));
    expect_fits();
    set("/0/1/4", static_cast<std::size_t>(bytes) - 1);
    expect("/0/1/4", "hash");
  }
  set("/0/1/13", Value::unsigned_integer(4));
  expect("/0/1/13", "matching type");
}

TEST_F(AccountRules, TheCertificateUsageIsOneOfFour) {
  set("/0/1/2", Value::integer(2));
  set("/0/1/4", 400);
  set("/0/1/15", Value::unsigned_integer(3));
  expect_fits();
  set("/0/1/15", Value::unsigned_integer(4));
  expect("/0/1/15", "usage");
}

TEST_F(AccountRules, AnEmptyCertificateIsTheDevicesOwnOrAMistake) {
  set("/0/1/2", Value::integer(2));
  set("/0/1/4", 400);
  set("/0/1/3", std::size_t{0});
  set("/0/1/5", std::size_t{0});
  expect("/0/1/3", "none of its own");
  checks.own_certificate = OwnCertificate::present;
  expect_fits();
  set("/0/1/5", 100);  // half of a pair is no pair
  expect("/0/1/3", "certificate is missing");
}

/// Answers what it is told to, and remembers what it was asked.
class Checker : public CredentialChecker {
 public:
  [[nodiscard]] std::optional<Misfit> check(const AccountCredentials& account) const override {
    ++asked;
    endpoint = account.endpoint;
    mode = account.mode;
    now = account.now;
    return answer;
  }
  std::optional<Misfit> answer;
  mutable int asked = 0;
  mutable std::string endpoint;
  mutable SecurityMode mode{};
  mutable std::optional<UnixTime> now;
};

TEST_F(AccountRules, WhatNeedsCryptographyIsAskedFor) {
  Checker checker;
  checks.credentials = &checker;
  checks.endpoint = "urn:dev:me";
  expect_fits();
  EXPECT_EQ(checker.asked, 0) << "a pre-shared key needs none";
  set("/0/1/2", Value::integer(1));
  set("/0/1/4", 91);
  expect_fits();
  EXPECT_EQ(checker.asked, 1);
  EXPECT_EQ(checker.mode, SecurityMode::rpk);
  EXPECT_EQ(checker.endpoint, "urn:dev:me");
  checker.answer = {ResourceId(5), "the private key is that of another"};
  expect("/0/1/5", "another");
}

TEST_F(AccountRules, TheCheckerIsAskedAtFinishWithTheTimeOfDay) {
  Device fresh;
  Checker checker;
  checker.answer = {ResourceId(3), "the certificate has expired"};
  Stage stage(fresh.model, {.credentials = &checker});
  stage.start(UnixTime(seconds(1'800'000'000)));
  auto account = security_entries("/0/1", 101);
  account[2] = entry("/0/1/2", Value::integer(2));
  account[4] = entry("/0/1/4", Value::opaque(as_bytes("the server's certificate")));
  EXPECT_EQ(stage.put(0, "/0/1", account).code, Code::changed);
  EXPECT_EQ(stage.put(0, "/1/0", server_entries("/1/0", 101)).code, Code::changed);
  const auto refused = stage.finish();
  EXPECT_EQ(refused.code, Code::not_acceptable);
  EXPECT_EQ(refused.payload, "/0/1/3: the certificate has expired");
  EXPECT_EQ(checker.now, UnixTime(seconds(1'800'000'000)));
  checker.answer.reset();
  EXPECT_EQ(stage.finish().code, Code::changed);
}

TEST_F(AccountRules, AnAccountWithoutACertificateTakesThatOfTheBootstrapAccount) {
  auto factory = factory_entries();
  factory[2] = entry("/0/0/2", Value::integer(2));
  factory[4] = entry("/0/0/4", Value::opaque(as_bytes("the bootstrap server's certificate")));
  Device fresh(factory);
  Stage stage(fresh.model);
  stage.start();
  auto account = security_entries("/0/1", 101);
  account[2] = entry("/0/1/2", Value::integer(2));
  account[3] = entry("/0/1/3", Value::opaque({}));
  account[4] = entry("/0/1/4", Value::opaque(as_bytes("the server's certificate")));
  account[5] = entry("/0/1/5", Value::opaque({}));
  EXPECT_EQ(stage.put(0, "/0/1", account).code, Code::changed);
  EXPECT_EQ(stage.put(0, "/1/0", server_entries("/1/0", 101)).code, Code::changed);
  EXPECT_EQ(stage.finish().code, Code::changed);
  ASSERT_NE(stage.session(101), nullptr);
  EXPECT_EQ(stage.session(101)->identity, "factory-identity");
  EXPECT_EQ(stage.session(101)->key, "0123456789abcdef");
}

class OscoreRules : public AccountRules {
 protected:
  OscoreRules() {
    set("/0/1/17", Value::objlnk({21, 4}));
    set("/21/4/0", 16);
    set("/21/4/1", Value::opaque(as_bytes("device")));
    set("/21/4/2", Value::opaque(as_bytes("server")));
  }
};

TEST_F(OscoreRules, AContextHasAKeyAndTwoShortIds) {
  expect_fits();
  set("/21/4/1", Value::opaque({}));  // no bytes at all is an id too
  expect_fits();
  set("/21/4/1", 8);
  expect("/21/4/1", "7 bytes");
  set("/21/4/1", Value::opaque(as_bytes("device")));
  set("/21/4/2", 8);
  expect("/21/4/2", "7 bytes");
  set("/21/4/2", Value::opaque(as_bytes("device")));
  expect("/21/4/2", "same id");
  set("/21/4/2", Value::opaque(as_bytes("server")));
  set("/21/4/0", std::size_t{0});
  expect("/21/4/0", "master secret");
}
TEST_F(OscoreRules, AlgorithmsAreThoseThatEveryoneHas) {
  set("/21/4/3", Value::integer(10));
  for (const auto hkdf : {5, -10}) {
    set("/21/4/4", Value::integer(hkdf));
    expect_fits();
  }
  set("/21/4/4", Value::integer(7));
  expect("/21/4/4", "key derivation");
  set("/21/4/4", Value::integer(5));
  set("/21/4/3", Value::integer(12));
  expect("/21/4/3", "AEAD");
}

}  // namespace
}  // namespace slipway::client::test

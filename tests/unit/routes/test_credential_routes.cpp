// SPDX-License-Identifier: Apache-2.0
// PUT /api/v1/credentials and POST .../bootstrap.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/security/keys.hpp>

#include "unit/api/http_client.hpp"
#include "unit/routes/fake_node.hpp"

namespace slipway::api {
namespace {

using nlohmann::json;
using test::Client;
using test::Served;
using testing::HasSubstr;
using testing::Not;

const std::string kTarget = "/api/v1/credentials";
const std::string kKey = "000102030405060708090a0b0c0d0eff";

json psk() {
  return {{"endpoint", "sensor-1"}, {"server", 102}, {"mode", "psk"}, {"identity", "6964"}, {"key", kKey}};
}

json body_of(const json& credential) {
  return {{"credentials", {credential}}};
}

class NewCredentials : public testing::Test {
 protected:
  test::Reply put(const std::string& body) {
    Client client(served.server->local_address());
    return client.request("PUT", kTarget, "", body);
  }
  /// A request that is wrong in one thing: refused by name, before anything is kept.
  void expect_refused(const json& body, const std::string& why) {
    const auto reply = put(body.dump());
    EXPECT_EQ(reply.status, 400) << body;
    EXPECT_THAT(reply.body, HasSubstr(why)) << body;
    EXPECT_THAT(reply.body, Not(HasSubstr(kKey)));
    EXPECT_TRUE(served.node.taken.empty()) << body;
  }
  Served served;
};

TEST_F(NewCredentials, ReachTheStoreWithEveryField) {
  const auto reply = put(body_of(psk()).dump());
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.json(), (json{{"kept", 1}}));
  ASSERT_EQ(served.node.taken.size(), 1u);
  const auto& taken = served.node.taken[0];
  EXPECT_EQ(taken.endpoint, "sensor-1");
  EXPECT_EQ(taken.role, fleet::ServerRole::management);
  EXPECT_EQ(taken.server, ShortServerId(102));
  EXPECT_EQ(taken.mode, SecurityMode::psk);
  EXPECT_EQ(as_text(taken.identity), "id");
  EXPECT_EQ(to_hex(taken.key.reveal()), kKey);
}

TEST_F(NewCredentials, OfRpkAreFoundByTheHashOfTheirPublicKey) {
  const auto pair = security::make_key_pair();
  ASSERT_TRUE(pair);
  auto one = psk();
  one.erase("identity");
  one.erase("key");
  one["mode"] = "rpk";
  one["public_part"] = to_hex(pair->public_key);
  ASSERT_EQ(put(body_of(one).dump()).status, 200);
  const auto& taken = served.node.taken.at(0);
  EXPECT_EQ(taken.public_part, pair->public_key);
  const auto digest = security::sha256(pair->public_key);
  EXPECT_TRUE(equal(taken.identity, digest));
  EXPECT_TRUE(taken.key.empty());
}

TEST_F(NewCredentials, ThatAreWrongAreRefusedByName) {
  const struct {
    const char* member;
    json value;
    const char* why;
  } wrong[] = {
      {"endpoint", "", "endpoint is not"},
      {"endpoint", std::string(256, 'x'), "endpoint is not"},
      {"endpoint", 5, "endpoint is not"},
      {"server", 0, "server is not"},
      {"server", 65535, "server is not"},
      {"server", -1, "server is not"},
      {"server", "101", "server is not"},
      {"mode", "nosec", "mode is not"},
      {"mode", nullptr, "mode is not"},
      {"identity", "", "identity is not"},
      {"identity", std::string(258, 'a'), "identity is not"},
      {"identity", "xyz", "identity is not"},
      {"key", "00", "key is not"},
      {"key", std::string(130, 'a'), "key is not"},
      {"key", json::array(), "key is not"},
  };
  for (const auto& one : wrong) {
    auto credential = psk();
    credential[one.member] = one.value;
    expect_refused(body_of(credential), std::string("credentials[0]: ") + one.why);
  }
  auto private_key = psk();
  private_key["mode"] = "x509";
  expect_refused(body_of(private_key), "a private key is the device's alone");
  auto not_a_key = psk();
  not_a_key.erase("key");
  not_a_key["mode"] = "rpk";
  not_a_key["public_part"] = "3000";
  expect_refused(body_of(not_a_key), "not a SubjectPublicKeyInfo");
  not_a_key["mode"] = "x509";
  expect_refused(body_of(not_a_key), "not an X.509 certificate");
}

TEST_F(NewCredentials, ComeInAListOfBoundedLength) {
  expect_refused(json::object(), "a list of 1 to 64");
  expect_refused({{"credentials", json::array()}}, "a list of 1 to 64");
  expect_refused({{"credentials", std::vector<json>(65, psk())}}, "a list of 1 to 64");
  expect_refused({{"credentials", {psk(), 5}}}, "credentials[1]");
  EXPECT_EQ(put("{").status, 400);
  EXPECT_EQ(put("").status, 400);
}

TEST_F(NewCredentials, WithAKnownIdentityAreAConflict) {
  served.node.conflicts = true;
  const auto reply = put(body_of(psk()).dump());
  EXPECT_EQ(reply.status, 409);
  EXPECT_EQ(reply.error_code(), "conflict");
}

TEST_F(NewCredentials, ThatCannotBeKeptAreNotAcknowledged) {
  served.node.store_fails = true;
  EXPECT_EQ(put(body_of(psk()).dump()).status, 503);
}

TEST(CredentialRoutes, NeedTheToken) {
  Served served(Secret(as_bytes("0123456789abcdef0123")));
  Client client(served.server->local_address());
  EXPECT_EQ(client.request("PUT", kTarget, "", body_of(psk()).dump()).status, 401);
  EXPECT_TRUE(served.node.taken.empty());
}

TEST(CredentialRoutes, BootstrapAsksTheDevice) {
  Served served;
  Client client(served.server->local_address());
  const auto reply = client.request("POST", "/api/v1/devices/sensor-1/bootstrap");
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_THAT(served.node.asked, HasSubstr("bootstrap sensor-1"));
}

}  // namespace
}  // namespace slipway::api

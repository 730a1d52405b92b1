// SPDX-License-Identifier: Apache-2.0
// What a configuration must be at Finish, rule by rule. [facts A.8]
#include "stage.hpp"

#include "client/validation.hpp"

namespace slipway::client::test {
namespace {

class Validation : public testing::Test {
 protected:
  Validation() : device(factory_entries() + security_entries("/0/1", 101) + server_entries("/1/0", 101)) {}
  void set(std::string_view at, const Value& value) {
    ASSERT_TRUE(device.model.mutable_tree().put(path(at), value));
  }
  void erase(std::string_view at) { ASSERT_TRUE(device.model.mutable_tree().erase(path(at))); }
  /// Puts one thing wrong and expects to be told of that place.
  void expect(std::string_view place, std::string_view rule) {
    const auto found = validate(device.model, Purpose::finish);
    ASSERT_TRUE(found.has_value()) << "nothing was found at " << place;
    EXPECT_EQ(found->place.text().view(), place);
    EXPECT_NE(std::string_view(found->rule).find(rule), std::string_view::npos) << found->rule;
  }
  Device device;
};

TEST_F(Validation, AcceptsACompleteConfiguration) {
  EXPECT_FALSE(validate(device.model, Purpose::finish));
}

TEST_F(Validation, EveryMandatoryResourceMustBeThere) {
  for (const auto* at : {"/0/1/0", "/0/1/1", "/0/1/2", "/1/0/0", "/1/0/1", "/1/0/6", "/1/0/7"}) {
    const Tree before = device.model.tree();
    erase(at);
    expect(at, "mandatory");
    device.model.mutable_tree() = before;
  }
}
TEST_F(Validation, AServerAccountMustBeThere) {
  erase("/0/1");
  erase("/1");
  expect("/1", "no server account");
  EXPECT_FALSE(validate(device.model, Purpose::factory));
}
TEST_F(Validation, AccountsArePairs) {
  erase("/1/0");
  expect("/0/1", "no Server instance");
}
TEST_F(Validation, AServerInstanceNeedsItsSecurity) {
  erase("/0/1");
  expect("/1/0", "no Security instance");
}
TEST_F(Validation, AServerAccountHasAShortId) {
  erase("/0/1/10");
  expect("/0/1/10", "short server id");
}
TEST_F(Validation, ThereIsOneBootstrapAccount) {
  set("/0/1/1", Value::boolean(true));
  expect("/0/1", "two bootstrap accounts");
}
TEST_F(Validation, NoTwoServersShareAnId) {
  for (const auto& item : server_entries("/1/4", 101)) set(item.path.text(), item.value);
  expect("/1/4", "same short server id");
}
TEST_F(Validation, TheDeviceHasTheTransportOfTheUri) {
  set("/0/1/0", Value::string("coaps+tcp://lwm2m.example"));
  const auto found = validate(device.model, Purpose::finish, {.transports = "U"});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->place, path("/0/1/0"));
  EXPECT_FALSE(validate(device.model, Purpose::finish, {.transports = "UT"}));
  set("/0/1/0", Value::string("coap+tcp://lwm2m.example"));
  EXPECT_TRUE(validate(device.model, Purpose::finish, {.transports = "UT"})) << "with keys and without TLS";
}
TEST_F(Validation, ThePreferredTransportIsOne) {
  for (const auto* good : {"U", "T", "N", ""}) {
    set("/1/0/22", Value::string(good));
    EXPECT_FALSE(validate(device.model, Purpose::finish)) << good;
  }
  for (const auto* bad : {"UT", "Q", "t", "X"}) {
    set("/1/0/22", Value::string(bad));
    expect("/1/0/22", "preferred transport");
  }
}
TEST_F(Validation, SchemeAndModeAgree) {
  set("/0/1/0", Value::string("coap://lwm2m.example"));
  expect("/0/1/0", "disagree");
  set("/0/1/2", Value::integer(3));
  EXPECT_FALSE(validate(device.model, Purpose::finish));
  set("/0/1/0", Value::string("coaps://lwm2m.example"));
  expect("/0/1/0", "disagree");
}
TEST_F(Validation, TheUriMustBeOne) {
  for (const auto* uri :
       {"", "lwm2m.example", "http://lwm2m.example", "coaps://", "coaps://a:0", "coaps://a b"}) {
    set("/0/1/0", Value::string(uri));
    expect("/0/1/0", "URI");
  }
}
TEST_F(Validation, UnknownModesAreRefused) {
  set("/0/1/2", Value::integer(4));
  expect("/0/1/2", "EST");
  set("/0/1/2", Value::integer(7));
  expect("/0/1/2", "security mode");
}
TEST_F(Validation, LinksLeadSomewhereAndNotTwice) {
  set("/0/1/17", Value::objlnk({21, 0}));
  expect("/0/1/17", "does not exist");
  for (const auto* at : {"/21/0/0", "/21/0/1", "/21/0/2"}) set(at, Value::opaque(as_bytes(at + 6)));
  EXPECT_FALSE(validate(device.model, Purpose::finish));
  set("/0/0/17", Value::objlnk({21, 0}));
  expect("/0/1/17", "share");
  set("/0/0/17", Value::objlnk({3, 0}));
  expect("/0/0/17", "/21");
  set("/0/0/17", Value::objlnk({}));
  EXPECT_FALSE(validate(device.model, Purpose::finish));
}
TEST_F(Validation, LifetimeAndBindingMakeSense) {
  set("/1/0/1", Value::integer(-1));
  expect("/1/0/1", "negative");
  set("/1/0/1", Value::integer(0));
  set("/1/0/7", Value::string("X"));
  expect("/1/0/7", "binding");
  set("/1/0/7", Value::string("UQ"));
  EXPECT_FALSE(validate(device.model, Purpose::finish));
}
TEST_F(Validation, AccessControlSpeaksOnceOfATarget) {
  for (const auto* place : {"/2/0", "/2/1"}) {
    const std::string base(place);
    set(base + "/0", Value::integer(3));
    set(base + "/1", Value::integer(0));
    set(base + "/3", Value::integer(101));
  }
  expect("/2/1", "same target");
}
TEST_F(Validation, RightsAreThoseOfServersThatTheDeviceHas) {
  set("/2/0/0", Value::integer(3));
  set("/2/0/1", Value::integer(0));
  set("/2/0/3", Value::integer(102));
  expect("/2/0/3", "owner");
  EXPECT_FALSE(validate(device.model, Purpose::factory));  // a server may write it; Finish may not leave it
  set("/2/0/3", Value::integer(65535));
  set("/2/0/2/0", Value::integer(1));
  set("/2/0/2/101", Value::integer(15));
  EXPECT_FALSE(validate(device.model, Purpose::finish));
  set("/2/0/2/102", Value::integer(1));
  expect("/2/0/2/102", "unknown server");
}
TEST_F(Validation, MqttAndCoseLinksLeadToTheirObjects) {
  for (const auto object : {23, 24})
    device.model.object(ObjectId(static_cast<std::uint16_t>(object))).stored();
  set("/0/1/26", Value::objlnk({23, 0}));
  expect("/0/1/26", "/24");
  set("/0/1/26", Value::objlnk({24, 0}));
  expect("/0/1/26", "does not exist");
  ASSERT_TRUE(device.model.mutable_tree().erase(path("/0/1/26")));
  set("/0/1/27/0", Value::objlnk({24, 0}));
  expect("/0/1/27/0", "/23");
  set("/0/1/27/0", Value::objlnk({23, 5}));
  expect("/0/1/27/0", "does not exist");
}

}  // namespace
}  // namespace slipway::client::test

// SPDX-License-Identifier: Apache-2.0
// Observations: when a server is told, and how it ends. [facts F.6] [RFC 7641]
#include "stage.hpp"

namespace slipway::client::test {
namespace {

class ClientObserve : public testing::Test {
 protected:
  explicit ClientObserve(ClientConfig config = {})
      : device(security_entries("/0/1", 101) + server_entries("/1/0", 101, 0)),
        stage(device.model, std::move(config)) {
    stage.start();
  }
  void set(double celsius) {
    device.celsius = celsius;
    stage.client.changed(stage.now, path("/3303/0/5700"));
    stage.settle();
  }
  std::vector<std::string> told() {
    std::vector<std::string> payloads;
    for (const auto& notification : stage.notifications) payloads.push_back(notification.payload);
    return payloads;
  }
  using Texts = std::vector<std::string>;
  Device device;
  Stage stage;
};

TEST_F(ClientObserve, AChangeIsToldAtOnceWhereNothingElseIsSaid) {
  const auto first = stage.observe(101, "/3303/0/5700");
  EXPECT_EQ(first.code, Code::content);
  EXPECT_TRUE(first.observe.has_value());
  EXPECT_EQ(first.payload, "21.5");
  set(22);
  set(22);  // the same
  set(23);
  EXPECT_EQ(told(), (Texts{"22", "23"}));
  EXPECT_EQ(stage.notifications[0].type, coap::Type::non_confirmable);
}

TEST_F(ClientObserve, PminHoldsBackAndTellsTheLatest) {
  EXPECT_EQ(stage.attributes(101, "/3303/0/5700", {"pmin=10"}).code, Code::changed);
  (void)stage.observe(101, "/3303/0/5700");
  set(22);
  set(23);
  EXPECT_TRUE(told().empty());
  stage.pass(seconds(9));
  EXPECT_TRUE(told().empty());
  stage.pass(seconds(1));
  EXPECT_EQ(told(), (Texts{"23"}));
}

TEST_F(ClientObserve, PmaxTellsWithoutAChange) {
  EXPECT_EQ(stage.attributes(101, "/3303", {"pmax=60"}).code, Code::changed);
  (void)stage.observe(101, "/3303/0/5700");
  stage.pass(seconds(185));
  EXPECT_EQ(told(), (Texts{"21.5", "21.5", "21.5"}));
}

TEST_F(ClientObserve, APmaxBelowPminIsIgnored) {
  EXPECT_EQ(stage.attributes(101, "/3303/0/5700", {"pmin=20", "pmax=10"}).code, Code::changed);
  (void)stage.observe(101, "/3303/0/5700");
  stage.pass(seconds(100));
  EXPECT_TRUE(told().empty());
}

TEST_F(ClientObserve, PeriodsOfTheAccountAreTheDefault) {
  EXPECT_EQ(stage.put_text(101, "/1/0/3", "30").code, Code::changed);
  (void)stage.observe(101, "/3303/0/5700");
  stage.pass(seconds(31));
  EXPECT_EQ(told().size(), 1u);
}

TEST_F(ClientObserve, LimitsTellOnlyWhenTheyAreCrossed) {
  EXPECT_EQ(stage.attributes(101, "/3303/0/5700", {"gt=25", "lt=20"}).code, Code::changed);
  (void)stage.observe(101, "/3303/0/5700");
  for (const double celsius : {22.0, 25.0, 25.1, 26.0, 24.0, 19.9, 19.0, 21.0}) set(celsius);
  EXPECT_EQ(told(), (Texts{"25.1", "24", "19.9", "21"}));
}

TEST_F(ClientObserve, AStepIsMeasuredFromWhatWasTold) {
  EXPECT_EQ(stage.attributes(101, "/3303/0/5700", {"st=2"}).code, Code::changed);
  (void)stage.observe(101, "/3303/0/5700");
  for (const double celsius : {22.5, 23.4, 23.5, 25.0, 25.5, 23.5}) set(celsius);
  EXPECT_EQ(told(), (Texts{"23.5", "25.5", "23.5"}));
}

TEST_F(ClientObserve, AttributesOfTheObserveItselfCountFirst) {
  EXPECT_EQ(stage.attributes(101, "/3303/0/5700", {"pmin=100"}).code, Code::changed);
  EXPECT_EQ(stage.observe(101, "/3303/0/5700", ContentFormat::text, {"pmin=5", "con=1"}).code, Code::content);
  set(30);
  stage.pass(seconds(5));
  ASSERT_EQ(told(), (Texts{"30"}));
  EXPECT_EQ(stage.notifications[0].type, coap::Type::confirmable);
  EXPECT_EQ(stage.observe(101, "/3303/0/5700", ContentFormat::text, {"unknown=5"}).code, Code::bad_request);
}

TEST_F(ClientObserve, AnInstanceIsToldAsAWhole) {
  EXPECT_EQ(stage.observe(101, "/3303/0", ContentFormat::senml_json).code, Code::content);
  set(24);
  ASSERT_EQ(told().size(), 1u);
  EXPECT_NE(told()[0].find("24"), std::string::npos);
  EXPECT_NE(told()[0].find("Cel"), std::string::npos);
}

TEST_F(ClientObserve, AWriteOfAServerIsToldToo) {
  (void)stage.observe(101, "/3/0/14");
  EXPECT_EQ(stage.put_text(101, "/3/0/14", "+05:00").code, Code::changed);
  stage.pass(seconds(1));
  EXPECT_EQ(told(), (Texts{"+05:00"}));
}

TEST_F(ClientObserve, OnceADayTheServerMustConfirm) {
  EXPECT_EQ(stage.attributes(101, "/3303/0/5700", {"pmax=3600"}).code, Code::changed);
  (void)stage.observe(101, "/3303/0/5700");
  stage.pass(std::chrono::hours(50));
  unsigned confirmable = 0;
  for (const auto& notification : stage.notifications)
    confirmable += notification.type == coap::Type::confirmable ? 1 : 0;
  EXPECT_EQ(stage.notifications.size(), 50u);
  EXPECT_EQ(confirmable, 2u);
}

TEST_F(ClientObserve, ResetEndsIt) {
  const auto id = stage.send(101, {.code = Code::get, .path = "/3303/0/5700", .observe = 0});
  stage.settle();
  stage.servers.cancel(*id);  // the next notification is answered by RST
  set(22);
  const auto before = stage.bytes_up;
  set(23);
  EXPECT_EQ(stage.bytes_up, before);
}

TEST_F(ClientObserve, ACancelEndsItAndAnswersTheValue) {
  const auto id = stage.send(101, {.code = Code::get,
                                   .path = "/3303/0/5700",
                                   .accept = 0,
                                   .observe = 0,
                                   .token = coap::Token(as_bytes("abcd"))});
  stage.settle();
  stage.servers.cancel(*id);
  const auto answer = stage.ask(101, {.code = Code::get,
                                      .path = "/3303/0/5700",
                                      .accept = 0,
                                      .observe = 1,
                                      .token = coap::Token(as_bytes("abcd"))});
  EXPECT_EQ(answer.code, Code::content);
  EXPECT_FALSE(answer.observe.has_value());
  const auto before = stage.bytes_up;
  set(22);
  EXPECT_EQ(stage.bytes_up, before);
}

TEST_F(ClientObserve, ADeletedTargetEndsItWithAnError) {
  EXPECT_EQ(stage.post(101, "/1000", {entry("/1000/1/0", Value::string("x"))}).code, Code::created);
  const auto id = stage.send(101, {.code = Code::get, .path = "/1000/1/0", .observe = 0});
  stage.settle();
  EXPECT_EQ(stage.remove(101, "/1000/1").code, Code::deleted);
  stage.pass(seconds(1));
  EXPECT_EQ(stage.replies[id->value()].code, Code::not_found);  // the final word, without an Observe option
  const auto before = stage.bytes_up;
  stage.client.changed(stage.now, path("/1000/1"));
  stage.settle();
  EXPECT_EQ(stage.bytes_up, before);
}

TEST_F(ClientObserve, ANewRegistrationForgetsThem) {
  (void)stage.observe(101, "/3303/0/5700");
  stage.client.connection_lost(stage.now, stage.session(101)->peer, std::nullopt);
  stage.settle();
  EXPECT_EQ(stage.client.state(), State::registered);
  set(30);
  EXPECT_TRUE(told().empty());
}

class ClientObserveBounds : public ClientObserve {
 protected:
  static ClientConfig small() {
    ClientConfig config;
    config.observations_max = 2;
    config.attributes_max = 2;
    return config;
  }
  ClientObserveBounds() : ClientObserve(small()) {}
};

TEST_F(ClientObserveBounds, TooManyAreAnsweredButNotObserved) {
  EXPECT_TRUE(stage.observe(101, "/3303/0/5700").observe.has_value());
  EXPECT_TRUE(stage.observe(101, "/3303/0/5701").observe.has_value());
  const auto third = stage.observe(101, "/3/0/14");
  EXPECT_EQ(third.code, Code::content);
  EXPECT_FALSE(third.observe.has_value());
}

TEST_F(ClientObserveBounds, TooManyAttributesAreRefused) {
  EXPECT_EQ(stage.attributes(101, "/3303/0/5700", {"pmin=1"}).code, Code::changed);
  EXPECT_EQ(stage.attributes(101, "/3303/0/5701", {"pmin=1"}).code, Code::changed);
  EXPECT_EQ(stage.attributes(101, "/3/0", {"pmin=1"}).code, Code::service_unavailable);
  EXPECT_EQ(stage.attributes(101, "/3303/0/5701", {"pmin"}).code, Code::changed);
  EXPECT_EQ(stage.attributes(101, "/3/0", {"pmin=1"}).code, Code::changed);
}

}  // namespace
}  // namespace slipway::client::test

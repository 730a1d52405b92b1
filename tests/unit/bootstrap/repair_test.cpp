// SPDX-License-Identifier: Apache-2.0
// A Finish that is refused: one look more, one repair, and then the truth. [LwM2M-CORE 1.2 §6.1.6]
#include "unit/bootstrap/session_fixture.hpp"

namespace slipway::bootstrap {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class BootstrapRepair : public test::BootstrapSession {
 protected:
  /// The device refuses the first `times` Finishes.
  void refuse_finish(unsigned times, coap::Code code = coap::Code::not_acceptable) {
    device.reply = [this, times, code](const std::string& what) -> std::optional<test::Reply> {
      if (what != "POST /bs" || finishes_++ >= times) return std::nullopt;
      if (after_refusal) device.discover = *after_refusal;
      return test::Reply{code, "reason " + std::to_string(finishes_)};
    };
  }
  std::optional<std::string> after_refusal;  ///< what it lists from then on

 private:
  unsigned finishes_ = 0;
};

TEST_F(BootstrapRepair, WritesEverythingAgainOnce) {
  after_refusal = "</>;lwm2m=1.1,</0/0>,</0/1>;ssid=101,</3/0>";  // it has lost /1/1
  refuse_finish(1);
  begin();
  EXPECT_THAT(device.asked_names(), ElementsAre("GET /", "PUT /0/1", "PUT /1/1", "POST /bs",  //
                                                "GET /", "PUT /0/1", "PUT /1/1", "POST /bs"));
  EXPECT_EQ(outcome(), Outcome::succeeded);
  EXPECT_EQ(device.asked.at(1).payload, device.asked.at(5).payload);  // the same credential
  EXPECT_EQ(harness.kept.size(), 1u);
  EXPECT_EQ(harness.done.at(4).reason, "the device refused the Finish with 4.06 Not Acceptable: reason 1");
  EXPECT_EQ(harness.server.counters().repairs, 1u);
}

TEST_F(BootstrapRepair, TakesStrayAccountsAway) {
  after_refusal = "</>;lwm2m=1.1,</0/0>,</0/1>;ssid=101,</1/1>;ssid=101,</1/6>,</0/5>;ssid=7";
  refuse_finish(1);
  begin();
  EXPECT_THAT(device.asked_names(), ElementsAre("GET /", "PUT /0/1", "PUT /1/1", "POST /bs",  //
                                                "GET /", "GET /1", "DELETE /1/6", "DELETE /0/5", "PUT /0/1",
                                                "PUT /1/1", "POST /bs"));
}

TEST_F(BootstrapRepair, EndsWithBothReasonsAtTheSecondRefusal) {
  refuse_finish(9);
  begin();
  EXPECT_EQ(outcome(), Outcome::finish_refused);
  EXPECT_EQ(
      reason(),
      "the device refused the Finish with 4.06 Not Acceptable: reason 1; then, in the repair: the device "
      "refused the Finish with 4.06 Not Acceptable: reason 2");
  EXPECT_EQ(device.asked.size(), 8u);
  EXPECT_EQ(harness.server.counters().finish_refused, 1u);
  EXPECT_EQ(harness.server.counters().failed, 1u);
}

TEST_F(BootstrapRepair, IsTriedAtAnyErrorToTheFinish) {
  refuse_finish(1, coap::Code::internal_server_error);
  begin();
  EXPECT_EQ(outcome(), Outcome::succeeded);
}

TEST_F(BootstrapRepair, LeavesWhatIsAsReadNoMore) {
  device.discover = "</>;lwm2m=1.1,</0/0>,</0/1>;ssid=101,</1/1>;ssid=101";
  Bytes payload(256);
  const Path path(ObjectId(1), InstanceId(1));
  const std::array<Entry, 4> entries{{{.path = path.child(0), .value = Value::integer(101)},
                                      {.path = path.child(1), .value = Value::integer(86400)},
                                      {.path = path.child(6), .value = Value::boolean(true)},
                                      {.path = path.child(7), .value = Value::string("U")}}};
  payload.resize(codec::encode(ContentFormat::senml_cbor, Path(ObjectId(1)), entries, payload).value());
  device.reads["/1"] = {ContentFormat::senml_cbor, payload};
  refuse_finish(1);
  begin();
  EXPECT_THAT(device.asked_names(), ElementsAre("GET /", "GET /1", "PUT /0/1", "POST /bs",  //
                                                "GET /", "GET /1", "PUT /0/1", "PUT /1/1", "POST /bs"));
}

TEST_F(BootstrapRepair, ForgetsNotWhereTheBootstrapAccountIs) {
  // Blindly, the account would be written to /0/1, over the device's own.
  device.discover = "</>;lwm2m=1.1,</0/1>";
  device.reply = [this](const std::string& what) -> std::optional<test::Reply> {
    if (what == "POST /bs") return test::Reply{coap::Code::not_acceptable, "first"};
    if (what == "GET /" && device.asked.size() > 1) return test::Reply{coap::Code::not_found};
    return std::nullopt;
  };
  begin();
  EXPECT_THAT(device.asked_names(), ElementsAre("GET /", "PUT /0/0", "PUT /1/0", "POST /bs", "GET /"));
  EXPECT_EQ(outcome(), Outcome::finish_refused);
  EXPECT_THAT(reason(), AllOf(HasSubstr("first"), HasSubstr("Discover with 4.04")));
}

TEST_F(BootstrapRepair, TellsBothWhenAWriteIsRefusedInIt) {
  device.reply = [this](const std::string& what) -> std::optional<test::Reply> {
    if (what == "POST /bs") return test::Reply{coap::Code::not_acceptable, "first"};
    if (what == "PUT /1/1" && device.asked.size() > 4) return test::Reply{coap::Code::bad_request, "second"};
    return std::nullopt;
  };
  begin();
  EXPECT_EQ(outcome(), Outcome::finish_refused);
  EXPECT_THAT(reason(), AllOf(HasSubstr("first"), HasSubstr("second")));
}

TEST_F(BootstrapRepair, WorksBlindlyToo) {
  auto plan = test::simple_plan();
  plan.discover = fleet::DiscoverFirst::no;
  give(std::move(plan));
  refuse_finish(1);
  begin();
  EXPECT_THAT(device.asked_names(), ElementsAre("PUT /0/1", "PUT /1/1", "POST /bs",  //
                                                "PUT /0/1", "PUT /1/1", "POST /bs"));
  EXPECT_EQ(outcome(), Outcome::succeeded);
}

TEST_F(BootstrapRepair, RepeatsWhatComesAtTheEndButNotWhatComesFirst) {
  auto plan = test::simple_plan();
  plan.before.push_back({.kind = fleet::OperationPlan::Kind::del, .path = Path(ObjectId(5))});
  plan.after.push_back({.kind = fleet::OperationPlan::Kind::del, .path = Path(ObjectId(6))});
  give(std::move(plan));
  refuse_finish(1);
  begin();
  EXPECT_THAT(device.asked_names(),
              ElementsAre("DELETE /5", "GET /", "PUT /0/1", "PUT /1/1", "DELETE /6", "POST /bs",  //
                          "GET /", "PUT /0/1", "PUT /1/1", "DELETE /6", "POST /bs"));
}

TEST_F(BootstrapRepair, MakesNoSecondRuleOfOneTarget) {
  // /2 cannot be read, and others are kept: what the first round wrote is written again where it is.
  auto plan = test::simple_plan();
  plan.others = fleet::OtherAccounts::keep;
  fleet::AccessControlPlan access;
  access.target_object = ObjectId(3303);
  plan.access.push_back(std::move(access));
  give(std::move(plan));
  device.discover = "</>;lwm2m=1.1,</0/0>,</0/1>;ssid=7,</1/1>;ssid=7,</2/0>";
  after_refusal =
      "</>;lwm2m=1.1,</0/0>,</0/1>;ssid=7,</1/1>;ssid=7,</0/2>;ssid=101,</1/2>;ssid=101,</2/0>,</2/1>";
  refuse_finish(1);
  begin();
  EXPECT_THAT(device.asked_names(),
              ElementsAre("GET /", "GET /2", "PUT /0/2", "PUT /1/2", "PUT /2/1", "POST /bs",  //
                          "GET /", "GET /1", "GET /2", "PUT /0/2", "PUT /1/2", "PUT /2/1", "POST /bs"));
}

}  // namespace
}  // namespace slipway::bootstrap

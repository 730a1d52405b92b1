// SPDX-License-Identifier: Apache-2.0
// Content formats, and values that take many blocks. [LwM2M-CORE 1.2 §6.1.7.1] [RFC 7959]
#include "unit/bootstrap/session_fixture.hpp"

namespace slipway::bootstrap {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class WriteFormat : public test::BootstrapSession {
 protected:
  [[nodiscard]] std::vector<int> formats() const {
    std::vector<int> out;
    for (const auto& asked : device.asked)
      if (asked.format) out.push_back(*asked.format);
    return out;
  }
};

TEST_F(WriteFormat, IsThatOfThePlanBeforeThatOfTheDevice) {
  auto plan = test::simple_plan();
  plan.format = ContentFormat::lwm2m_cbor;
  give(std::move(plan));
  begin({"ep=dev-1", "pct=110"});
  EXPECT_THAT(formats(), ElementsAre(11544, 11544));
}

TEST_F(WriteFormat, IsWhatTheDevicePrefers) {
  begin({"ep=dev-1", "pct=110"});
  EXPECT_THAT(formats(), ElementsAre(110, 110));
}

TEST_F(WriteFormat, FollowsTheVersionOfADeviceThatNamesNone) {
  begin({"ep=dev-1"});
  EXPECT_THAT(formats(), ElementsAre(112, 112));
  device.asked.clear();
  device.discover = "</>;lwm2m=1.0,</0/0>";
  begin({"ep=dev-1"});
  EXPECT_THAT(formats(), ElementsAre(11542, 11542));
  device.asked.clear();
  answer("GET /", coap::Code::method_not_allowed);
  begin({"ep=dev-1"});
  EXPECT_THAT(formats(), ElementsAre(11542, 11542));
}

TEST_F(WriteFormat, OfAnExplicitOperationIsItsOwn) {
  auto plan = test::simple_plan();
  const Path path(ObjectId(5), InstanceId(0), ResourceId(1));
  fleet::OperationPlan operation{.path = path, .format = ContentFormat::text};
  operation.values.emplace_back(path, OwnedValue(Value::string("coap://f")));
  plan.after.push_back(std::move(operation));
  give(std::move(plan));
  begin();
  EXPECT_THAT(formats(), ElementsAre(112, 112, 0));
  EXPECT_EQ(as_text(device.asked.at(3).payload), "coap://f");
}

struct Fallback {
  const char* preferred;
  int first, second;
};

class FormatFallback : public WriteFormat, public testing::WithParamInterface<Fallback> {};

TEST_P(FormatFallback, IsTriedOnceAndKept) {
  device.reply = [&](const std::string& what) -> std::optional<test::Reply> {
    if (what.starts_with("PUT") && device.asked.back().format == GetParam().first)
      return test::Reply{coap::Code::unsupported_content_format};
    return std::nullopt;
  };
  begin({"ep=dev-1", GetParam().preferred});
  EXPECT_THAT(formats(), ElementsAre(GetParam().first, GetParam().second, GetParam().second));
  EXPECT_EQ(outcome(), Outcome::succeeded);
  EXPECT_THAT(harness.done.at(2).reason, HasSubstr("4.15"));
  EXPECT_EQ(harness.operations.at(3), "Write /0/1 2.04");
}

INSTANTIATE_TEST_SUITE_P(All, FormatFallback,
                         testing::Values(Fallback{"pct=112", 112, 11542}, Fallback{"pct=11542", 11542, 112},
                                         Fallback{"pct=110", 110, 112}, Fallback{"pct=11544", 11544, 112}));

TEST_F(WriteFormat, IsNotChangedTwice) {
  answer("PUT /0/1", coap::Code::unsupported_content_format);
  begin();
  EXPECT_THAT(formats(), ElementsAre(112, 11542));
  EXPECT_EQ(outcome(), Outcome::operation_refused);
}

TEST_F(WriteFormat, OfAnExplicitOperationIsNotChanged) {
  auto plan = test::simple_plan();
  plan.before.push_back(
      {.path = Path(ObjectId(5), InstanceId(0)), .payload = Bytes{8}, .format = ContentFormat::tlv});
  give(std::move(plan));
  answer("PUT /5/0", coap::Code::unsupported_content_format);
  begin();
  EXPECT_EQ(outcome(), Outcome::operation_refused);
  EXPECT_EQ(device.asked.size(), 1u);
}

class LargeCertificate : public WriteFormat, public testing::WithParamInterface<std::uint8_t> {};

TEST_P(LargeCertificate, GoesThroughBlockByBlock) {
  auto plan = test::simple_plan();
  plan.servers[0].credential = fleet::CredentialSource::certificate;
  plan.servers[0].authority = std::make_shared<fleet::Authority>();
  plan.servers[0].identity.public_key = Bytes(4096, 0x5A);
  give(std::move(plan));
  harness.maker.public_bytes = 4096;
  test::ScriptedDevice small(9, {.block_szx = GetParam()});
  harness.attach(small, peer);
  small.post(harness.now, "/bs", {"ep=dev-1", "pct=112"});
  harness.settle();
  ASSERT_EQ(small.asked.size(), 4u);
  EXPECT_EQ(outcome(), Outcome::succeeded);
  EXPECT_GT(small.asked[1].payload.size(), 8192u);
  EXPECT_EQ(harness.done.at(2).size, small.asked[1].payload.size());
  const auto lines =
      values(ContentFormat::senml_cbor, Path(ObjectId(0), InstanceId(1)), small.asked[1].payload);
  ASSERT_EQ(lines.size(), 7u);
  EXPECT_THAT(lines[3], HasSubstr("(4096 bytes)"));
}

INSTANTIATE_TEST_SUITE_P(BlockSizes, LargeCertificate, testing::Values(2, 4, 6));

TEST_F(WriteFormat, IsNotInventedForWhatCannotBeSent) {
  auto plan = test::simple_plan();
  plan.servers[0].identity.sni = std::string(70'000, 'a');
  give(std::move(plan));
  begin();
  EXPECT_EQ(outcome(), Outcome::plan_unfit);
  EXPECT_THAT(reason(), HasSubstr("cannot send the Write of /0/1"));
}

}  // namespace
}  // namespace slipway::bootstrap

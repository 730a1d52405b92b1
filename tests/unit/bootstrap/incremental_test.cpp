// SPDX-License-Identifier: Apache-2.0
// What a device lets be read, and what is then left alone or kept. [LwM2M-CORE 1.2 §6.1.7.4, §8.1.3]
#include <algorithm>

#include "unit/bootstrap/session_fixture.hpp"

namespace slipway::bootstrap {
namespace {

using test::planned;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kBoth = "</>;lwm2m=1.1,</0/0>,</0/1>;ssid=101,</1/1>;ssid=101,</2/0>,</2/1>";

class IncrementalBootstrap : public test::BootstrapSession {
 protected:
  IncrementalBootstrap() { device.discover = kBoth; }

  /// `entries` as the device's answer to a Read of that object.
  void readable(std::uint16_t object, std::vector<Entry> entries,
                ContentFormat format = ContentFormat::senml_cbor) {
    std::ranges::sort(entries, {}, &Entry::path);
    Bytes payload(4096);
    payload.resize(codec::encode(format, Path(ObjectId(object)), entries, payload).value());
    device.reads["/" + std::to_string(object)] = {format, payload};
  }
  static std::vector<Entry> server(std::uint16_t instance, std::int64_t id) {
    const Path path(ObjectId(1), InstanceId(instance));
    return {{.path = path.child(0), .value = Value::integer(id)},
            {.path = path.child(1), .value = Value::integer(86400)},
            {.path = path.child(6), .value = Value::boolean(true)},
            {.path = path.child(7), .value = Value::string("U")}};
  }
  struct Acl {
    std::uint16_t instance;
    std::int64_t object, target, owner;
    std::vector<std::pair<std::uint16_t, std::int64_t>> rights;
  };
  static std::vector<Entry> access(const std::vector<Acl>& acls) {
    std::vector<Entry> entries;
    for (const auto& acl : acls) {
      const Path path(ObjectId(2), InstanceId(acl.instance));
      entries.push_back({.path = path.child(0), .value = Value::integer(acl.object)});
      entries.push_back({.path = path.child(1), .value = Value::integer(acl.target)});
      for (const auto& [id, rights] : acl.rights)
        entries.push_back({.path = path.child(2).child(id), .value = Value::integer(rights)});
      entries.push_back({.path = path.child(3), .value = Value::integer(acl.owner)});
    }
    return entries;
  }
  /// 101 may read and write /3303/0.
  static fleet::Plan plan_with_access() {
    auto plan = test::simple_plan();
    fleet::AccessControlPlan its;
    its.target_object = ObjectId(3303);
    its.owner = ShortServerId(101);
    its.acl = {{.server = ShortServerId(101), .rights = 3}};
    plan.access.push_back(std::move(its));
    return plan;
  }
};

TEST_F(IncrementalBootstrap, WritesAgainOnlyWhatDiffers) {
  give(plan_with_access());
  readable(1, server(1, 101));
  readable(2, access({{0, 3, 0, 101, {{101, 1}}}, {1, 3303, 0, 101, {{101, 3}}}}));
  begin();
  // /0 is never readable, and its credential is new: always written. /2/0 is of nobody any more.
  EXPECT_THAT(device.asked_names(),
              ElementsAre("GET /", "GET /1", "GET /2", "DELETE /2/0", "PUT /0/1", "POST /bs"));
  EXPECT_EQ(device.asked.at(1).accept, 112);
  EXPECT_EQ(outcome(), Outcome::succeeded);
}

TEST_F(IncrementalBootstrap, WritesInPlaceWhatDiffers) {
  give(plan_with_access());
  auto other = server(1, 101);
  other[1].value = Value::integer(60);
  readable(1, other);
  readable(2, access({{0, 3, 0, 101, {}}, {1, 3303, 0, 101, {{101, 1}}}}));
  begin();
  EXPECT_THAT(device.asked_names(), ElementsAre("GET /", "GET /1", "GET /2", "DELETE /2/0", "PUT /0/1",
                                                "PUT /1/1", "PUT /2/1", "POST /bs"));
  EXPECT_THAT(written(6), Contains("/2/1/2/101 3"));
}

TEST_F(IncrementalBootstrap, TakesASurplusResourceForADifference) {
  auto more = server(1, 101);
  more.push_back({.path = Path(ObjectId(1), InstanceId(1), ResourceId(5)), .value = Value::integer(7)});
  readable(1, more);
  begin();
  EXPECT_THAT(device.asked_names(), Contains("PUT /1/1"));
  auto own = server(1, 101);  // what the device keeps by itself is none
  own.push_back(
      {.path = Path(ObjectId(1), InstanceId(1), ResourceId(11)), .value = Value::unsigned_integer(40)});
  own.push_back(
      {.path = Path(ObjectId(1), InstanceId(1), ResourceId(12)), .value = Value::time(1'700'000'000)});
  readable(1, own);
  device.asked.clear();
  begin();
  EXPECT_THAT(device.asked_names(), ElementsAre("GET /", "GET /1", "DELETE /2", "PUT /0/1", "POST /bs"));
}

TEST_F(IncrementalBootstrap, TakesAnEmptyListOfRightsForNone) {
  auto plan = plan_with_access();
  plan.access[0].acl.clear();
  give(std::move(plan));
  device.discover = "</>;lwm2m=1.1,</0/0>,</2/1>";
  auto entries = access({{1, 3303, 0, 101, {}}});
  entries.push_back({.path = Path(ObjectId(2), InstanceId(1), ResourceId(2)), .kind = EntryKind::multiple});
  readable(2, entries, ContentFormat::tlv);
  begin();
  EXPECT_THAT(device.asked_names(), ElementsAre("GET /", "GET /2", "PUT /0/1", "PUT /1/1", "POST /bs"));
}

TEST_F(IncrementalBootstrap, ReadsInTheFormatOfTheDevice) {
  device.discover = "</>;lwm2m=1.2,</0/0>,</0/1>;ssid=101,</1/1>;ssid=101";
  readable(1, server(1, 101), ContentFormat::tlv);  // it may answer in another than was asked for
  begin({"ep=dev-1", "pct=11544"});
  EXPECT_EQ(device.asked.at(1).accept, 11544);
  EXPECT_THAT(device.asked_names(), ElementsAre("GET /", "GET /1", "PUT /0/1", "POST /bs"));
}

TEST_F(IncrementalBootstrap, ReadsNothingWhereNothingCouldStay) {
  device.discover = "</>;lwm2m=1.0,</0/0>,</0/1>;ssid=101,</1/1>;ssid=101";
  begin();
  EXPECT_EQ(device.asked.at(1).what, "PUT /0/1");  // 1.0 knows no Read
  device.asked.clear();
  device.discover = "</>;lwm2m=1.1,</0/0>,</0/1>;ssid=7,</1/1>;ssid=7";
  begin();
  EXPECT_EQ(device.asked.at(1).what, "DELETE /1/1");
  device.asked.clear();
  auto plan = plan_with_access();
  plan.existing = fleet::Existing::replace;
  give(std::move(plan));
  device.discover = kBoth;
  begin();
  EXPECT_EQ(device.asked.at(1).what, "DELETE /");
}

class ReadRefused : public IncrementalBootstrap, public testing::WithParamInterface<coap::Code> {};

TEST_P(ReadRefused, TakesTheDeviceAsUnread) {
  give(plan_with_access());
  answer("GET /1", GetParam(), "no");
  answer("GET /2", GetParam());
  begin();
  EXPECT_THAT(device.asked_names(), ElementsAre("GET /", "GET /1", "GET /2", "DELETE /2/1", "PUT /0/1",
                                                "PUT /1/1", "PUT /2/0", "POST /bs"));
  EXPECT_THAT(harness.done.at(2).reason, HasSubstr("Read of /1"));
  EXPECT_EQ(outcome(), Outcome::succeeded);
}

INSTANTIATE_TEST_SUITE_P(Codes, ReadRefused,
                         testing::Values(coap::Code::bad_request, coap::Code::unauthorized,
                                         coap::Code::not_found, coap::Code::method_not_allowed,
                                         coap::Code::not_acceptable, coap::Code::not_implemented));

TEST_F(IncrementalBootstrap, EndsWhenAReadFailsOnTheDevicesSide) {
  answer("GET /1", coap::Code::internal_server_error);
  begin();
  EXPECT_EQ(outcome(), Outcome::operation_refused);
}

/// Answers that no good device gives.
struct HostileRead {
  const char* name;
  ContentFormat format;
  Bytes payload;
};

class HostileAnswer : public IncrementalBootstrap, public testing::WithParamInterface<int> {
 protected:
  /// Well-formed, and above kReadBytesMax.
  static Bytes large() {
    const std::string binding(kReadBytesMax, 'U');
    const std::array<Entry, 1> entries{
        {{.path = Path(ObjectId(1), InstanceId(1), ResourceId(7)), .value = Value::string(binding)}}};
    Bytes payload(2 * kReadBytesMax);
    payload.resize(codec::encode(ContentFormat::tlv, Path(ObjectId(1)), entries, payload).value());
    return payload;
  }
  static HostileRead read(int which) {
    switch (which) {
      case 0:
        return {"Rubbish", ContentFormat::senml_cbor, Bytes(64, 0xFF)};
      case 1:
        return {"NoFormatOfOurs", ContentFormat{999}, Bytes{1}};
      case 2:
        return {"Empty", ContentFormat::lwm2m_cbor, {}};
      case 3:
        return {"TooLarge", ContentFormat::tlv, large()};
      default: {
        Bytes many;  // /1/0 .. with a resource each, 2 bytes: more than kReadEntriesMax
        for (std::size_t i = 0; i <= kReadEntriesMax; ++i) many.insert(many.end(), {0xC0, 0x0A});
        return {"TooMany", ContentFormat::tlv, many};
      }
    }
  }
};

TEST_P(HostileAnswer, IsAsGoodAsNone) {
  const auto hostile = read(GetParam());
  device.reads["/1"] = {hostile.format, hostile.payload};
  begin();
  EXPECT_EQ(outcome(), Outcome::succeeded) << hostile.name;
  EXPECT_THAT(device.asked_names(), Contains("PUT /1/1"));
  EXPECT_THAT(harness.done.at(2).reason, HasSubstr("cannot be read")) << hostile.name;
}

INSTANTIATE_TEST_SUITE_P(Kinds, HostileAnswer, testing::Range(0, 5));

TEST_F(IncrementalBootstrap, KeepsRulesThatThePlanIsSilentAbout) {
  auto plan = plan_with_access();
  plan.others = fleet::OtherAccounts::keep;
  give(std::move(plan));
  device.discover = "</>;lwm2m=1.1,</0/0>,</0/1>;ssid=7,</1/1>;ssid=7,</2/0>,</2/1>";
  readable(2, access({{0, 3, 0, 7, {}}, {1, 5, 0, 7, {}}}));
  begin();
  EXPECT_THAT(device.asked_names(),
              ElementsAre("GET /", "GET /2", "PUT /0/2", "PUT /1/2", "PUT /2/2", "POST /bs"));
}

TEST_F(IncrementalBootstrap, KeepsTheRightsOfServersThatStay) {
  auto plan = plan_with_access();
  plan.others = fleet::OtherAccounts::keep;
  plan.access[0].acl.push_back({.server = ShortServerId(9), .rights = 1});
  give(std::move(plan));
  device.discover =
      "</>;lwm2m=1.1,</0/0>,</1/1>;ssid=7,</1/2>;ssid=8,</1/3>;ssid=9,</0/1>;ssid=7,</0/2>;ssid=8,</0/"
      "3>;ssid=9,"
      "</2/0>,</2/4>";
  // 7 owned it, 8 lived on the default, 9 is named by the plan; the second rule of the same target is surplus
  readable(2, access({{0, 3303, 0, 7, {{0, 1}, {9, 15}}}, {4, 3303, 0, 8, {}}}));
  begin();
  EXPECT_THAT(device.asked_names(),
              ElementsAre("GET /", "GET /2", "DELETE /2/4", "PUT /0/4", "PUT /1/4", "PUT /2/0", "POST /bs"));
  EXPECT_THAT(written(5), ElementsAre("/2/0/0 3303", "/2/0/1 0", "/2/0/2/7 15", "/2/0/2/8 1", "/2/0/2/9 1",
                                      "/2/0/2/101 3", "/2/0/3 101"));
}

TEST_F(IncrementalBootstrap, OverwritesNoRuleOfOthersThatItCouldNotRead) {
  auto plan = plan_with_access();
  plan.others = fleet::OtherAccounts::keep;
  give(std::move(plan));
  begin();
  EXPECT_THAT(device.asked_names(), Contains("PUT /2/2"));
}

TEST_F(IncrementalBootstrap, WritesAllAgainWhenAnAccountMoves) {
  // The device deletes /1/1 and tidies /2 up by itself when /0/1 goes.
  auto plan = plan_with_access();
  plan.servers[0].security_instance = InstanceId(4);
  give(std::move(plan));
  readable(1, server(1, 101));
  readable(2, access({{0, 3, 0, 101, {}}, {1, 3303, 0, 101, {{101, 3}}}}));
  begin();
  EXPECT_THAT(device.asked_names(), ElementsAre("GET /", "GET /1", "GET /2", "DELETE /2/0", "DELETE /0/1",
                                                "PUT /0/4", "PUT /1/1", "PUT /2/1", "POST /bs"));
}

}  // namespace
}  // namespace slipway::bootstrap

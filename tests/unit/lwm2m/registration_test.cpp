// SPDX-License-Identifier: Apache-2.0
#include <slipway/lwm2m/registration.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "unit/lwm2m/request_builder.hpp"

namespace slipway::lwm2m {
namespace {

using test::Request;

std::expected<RegisterParameters, Refusal> initial(const Request& request) {
  return parse_register(request.message, RegistrationKind::initial);
}

TEST(RegisterParameters, AreReadInAnyOrder) {
  const Request request(
      {"Q", "b=UT", "lt=300", "ep=urn:dev:1", "sms=491701", "lwm2m=1.1", "pid=1:ab", "et=demo"});
  const auto parameters = initial(request);
  ASSERT_TRUE(parameters);
  EXPECT_EQ(parameters->endpoint, "urn:dev:1");
  EXPECT_EQ(parameters->lifetime, seconds(300));
  EXPECT_EQ(parameters->enabler, (Version{1, 1}));
  EXPECT_EQ(parameters->binding, "UT");
  EXPECT_TRUE(parameters->queue_mode);
  EXPECT_EQ(parameters->sms, "491701");
  EXPECT_EQ(parameters->profile, "1:ab");
}

TEST(RegisterParameters, VersionOneSaysQueueModeInItsBinding) {
  const Request request({"ep=a", "lt=300", "lwm2m=1.0", "b=UQ"});
  EXPECT_TRUE(initial(request)->queue_mode);
}

TEST(RegisterParameters, VersionOneMayLeaveOutTheLifetime) {
  const Request request({"ep=a", "lwm2m=1.0"});
  EXPECT_EQ(initial(request)->lifetime, seconds(86400));
}

TEST(RegisterParameters, TheLifetimeReachesThirtyTwoBits) {
  EXPECT_EQ(initial(Request({"lwm2m=1.2", "lt=4294967295"}))->lifetime, seconds(4294967295));
  EXPECT_EQ(initial(Request({"lwm2m=1.2", "lt=0"}))->lifetime, seconds(0));
  EXPECT_EQ(initial(Request({"lwm2m=1.2", "lt=4294967296"})).error().code, coap::Code::bad_request);
}

TEST(RegisterParameters, AnUnknownVersionIsAPreconditionThatFailed) {
  for (const auto* version : {"lwm2m=1.3", "lwm2m=2.0", "lwm2m=0.9"})
    EXPECT_EQ(initial(Request({"lt=1", version})).error().code, coap::Code::precondition_failed) << version;
}

TEST(RegisterParameters, BadOnesAreRefusedWithAReason) {
  const std::string long_name = "ep=" + std::string(256, 'x');
  const std::vector<std::vector<std::string_view>> cases{
      {"lt=300"},     // no version
      {"lwm2m=1.1"},  // no lifetime
      {"lwm2m=one", "lt=1"},
      {"lwm2m=1.1", "lt=-1"},
      {"lwm2m=1.1", "lt="},
      {"lwm2m=1.1", "lt=1e3"},
      {"lwm2m=1.1", "lt=1", "lt=1"},
      {"lwm2m=1.1", "lwm2m=1.1", "lt=1"},
      {"lwm2m=1.1", "lt=1", "ep="},
      {"lwm2m=1.1", "lt=1", "ep=a", "ep=b"},
      {"lwm2m=1.1", "lt=1", long_name},
      {"lwm2m=1.1", "lt=1", "ep=a\nb"},
      {"lwm2m=1.1", "lt=1", "b="},
      {"lwm2m=1.1", "lt=1", "b=XY"},
      {"lwm2m=1.1", "lt=1", "b=UU"},
      {"lwm2m=1.1", "lt=1", "sms="},
      {"lwm2m=1.1", "lt=1", "pid="},
  };
  for (const auto& queries : cases) {
    std::array<std::uint8_t, 2048> buffer;
    coap::MessageWriter writer(buffer, coap::Type::confirmable, coap::Code::post, coap::MessageId(1), {});
    for (const auto query : queries) writer.option(coap::OptionNumber::uri_query, query);
    const auto bytes = writer.finish().value();
    const auto parsed = parse_register(coap::Message::parse(bytes).value(), RegistrationKind::initial);
    ASSERT_FALSE(parsed) << queries.back();
    EXPECT_EQ(parsed.error().code, coap::Code::bad_request) << queries.back();
    EXPECT_STRNE(parsed.error().reason, "");
  }
}

TEST(RegisterParameters, AnUpdateNeedsNone) {
  const Request request({});
  const auto parameters = parse_register(request.message, RegistrationKind::update);
  ASSERT_TRUE(parameters);
  EXPECT_FALSE(parameters->lifetime);
  EXPECT_FALSE(parameters->binding);
}

TEST(RegisterQueries, StandInTheOrderThatStrictServersWant) {
  QueryList queries;
  ASSERT_TRUE(add_register_queries(queries, {.endpoint = "dev",
                                             .lifetime = seconds(60),
                                             .enabler = Version{1, 1},
                                             .binding = "U",
                                             .queue_mode = true,
                                             .sms = "49"}));
  const std::vector<std::string_view> expected{"lwm2m=1.1", "ep=dev", "lt=60", "b=U", "Q", "sms=49"};
  EXPECT_TRUE(std::ranges::equal(queries.view(), expected));
}

TEST(RegisterQueries, PutTheQIntoTheBindingOfVersionOne) {
  QueryList queries;
  ASSERT_TRUE(add_register_queries(queries, {.enabler = Version{1, 0}, .binding = "U", .queue_mode = true}));
  EXPECT_EQ(queries.view()[1], "b=UQ");
  EXPECT_EQ(queries.view().size(), 2u);
}

TEST(RegisterQueries, SayWhenThereIsNoRoom) {
  QueryList queries;
  const std::string name(400, 'n');
  EXPECT_TRUE(queries.add("ep", name));
  EXPECT_FALSE(queries.add("sms", name));
  EXPECT_EQ(queries.view().size(), 1u);
  for (int i = 0; i < 7; ++i) EXPECT_TRUE(queries.add("Q"));
  EXPECT_FALSE(queries.add("Q"));
}

Result<ObjectList> parse(std::string_view text) {
  static std::array<ObjectLink, 8> buffer;
  return parse_object_list(text, buffer);
}

TEST(ObjectListParser, ReadsObjectsInstancesAndVersions) {
  const auto list = parse("</1/0>,</3>;ver=1.1,</3/0>,</5>");
  ASSERT_TRUE(list);
  ASSERT_EQ(list->links.size(), 4u);
  EXPECT_EQ(list->links[0].path, Path(ObjectId(1), InstanceId(0)));
  EXPECT_EQ(list->links[1].version, (Version{1, 1}));
  EXPECT_EQ(list->links[3].path, Path(ObjectId(5)));
  EXPECT_EQ(list->alternate_path, "");
  EXPECT_TRUE(list->formats.empty());
}

TEST(ObjectListParser, ReadsTheFormatsOfTheRoot) {
  const auto list = parse("</>;rt=\"oma.lwm2m\";ct=\"110 112 60\",</1/0>");
  ASSERT_TRUE(list);
  EXPECT_TRUE(list->formats.contains(ContentFormat::senml_cbor));
  EXPECT_TRUE(list->formats.contains(ContentFormat::senml_json));
  EXPECT_FALSE(list->formats.contains(ContentFormat::tlv));
  EXPECT_TRUE(parse("</>;ct=11542,</1/0>")->formats.contains(ContentFormat::tlv));
}

TEST(ObjectListParser, TakesTheAlternatePathOff) {
  const auto list = parse("</lwm2m/1/0>,</lwm2m>;rt=\"oma.lwm2m\",</lwm2m/3/0>,</9/0>");
  ASSERT_TRUE(list);
  EXPECT_EQ(list->alternate_path, "/lwm2m");
  ASSERT_EQ(list->links.size(), 2u);
  EXPECT_EQ(list->links[1].path, Path(ObjectId(3), InstanceId(0)));
}

TEST(ObjectListParser, PassesOverWhatDoesNotBelongThere) {
  const auto list =
      parse("</0/0>,</21/0>,</23/1>,</.well-known/core>;ct=40,</1/0/1>,</1/0/>,</1/0>;obs;foo=\"a,b\"");
  ASSERT_TRUE(list);
  ASSERT_EQ(list->links.size(), 2u);
  EXPECT_EQ(list->links[0].path, Path(ObjectId(1), InstanceId(0)));
}

TEST(ObjectListParser, RefusesWhatIsBroken) {
  EXPECT_EQ(parse("</70000/0>").error().code, ErrorCode::out_of_range);
  EXPECT_EQ(parse("</3/65535>").error().code, ErrorCode::out_of_range);
  EXPECT_EQ(parse("</3>;ver=x").error().code, ErrorCode::malformed);
  EXPECT_EQ(parse("</a/1>;rt=\"oma.lwm2m\"").error().code, ErrorCode::malformed);
  EXPECT_EQ(parse("</a>;rt=\"oma.lwm2m\",</b>;rt=\"oma.lwm2m\"").error().code, ErrorCode::malformed);
  EXPECT_FALSE(parse("</3/0"));
  EXPECT_FALSE(parse("3/0"));
}

TEST(ObjectListParser, KeepsItsBounds) {
  EXPECT_EQ(parse("</1>,</2>,</3>,</4>,</5>,</6>,</7>,</8>,</9>").error().code, ErrorCode::limit);
  EXPECT_EQ(parse(std::string(kLinksBytesMax + 1, ' ')).error().code, ErrorCode::limit);
  EXPECT_EQ(parse("</" + std::string(64, 'p') + ">;rt=\"oma.lwm2m\"").error().code, ErrorCode::limit);
}

TEST(ObjectListWriter, WritesWhatTheParserReads) {
  std::array<std::uint8_t, 256> buffer;
  ByteWriter out(buffer);
  ObjectListWriter writer(out);
  constexpr std::array formats{ContentFormat::senml_cbor, ContentFormat::tlv};
  writer.root(formats);
  writer.instance(ObjectId(1), InstanceId(0));
  writer.object(ObjectId(3), Version{1, 0});
  writer.instance(ObjectId(3), InstanceId(0));
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(as_text(out.written()), "</>;rt=\"oma.lwm2m\";ct=\"112 11542\",</1/0>,</3>;ver=1.0,</3/0>");
  const auto list = parse(as_text(out.written()));
  ASSERT_TRUE(list);
  EXPECT_EQ(list->links.size(), 3u);
  EXPECT_TRUE(list->formats.contains(ContentFormat::tlv));
}

TEST(Location, JoinsItsOptions) {
  std::array<std::uint8_t, 64> buffer;
  coap::MessageWriter writer(buffer, coap::Type::acknowledgement, coap::Code::created, coap::MessageId(1),
                             {});
  writer.path(coap::OptionNumber::location_path, "/rd/5a3f");
  EXPECT_EQ(location_of(coap::Message::parse(writer.finish().value()).value()).view(), "/rd/5a3f");
}

TEST(Versions, GoDownOneByOne) {
  EXPECT_EQ(next_lower({1, 2}), (Version{1, 1}));
  EXPECT_EQ(next_lower({1, 1}), (Version{1, 0}));
  EXPECT_FALSE(next_lower({1, 0}));
  EXPECT_TRUE(speaks({1, 2}));
  EXPECT_FALSE(speaks({1, 3}));
  EXPECT_FALSE(speaks({2, 0}));
}

}  // namespace
}  // namespace slipway::lwm2m

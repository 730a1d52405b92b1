// SPDX-License-Identifier: Apache-2.0
#include <slipway/lwm2m/bootstrap.hpp>

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "unit/lwm2m/request_builder.hpp"

namespace slipway::lwm2m {
namespace {

using test::Request;

TEST(BootstrapRequest, IsReadInAnyOrder) {
  const Request request({"pct=112", "x=y", "ep=dev-1"});
  const auto parsed = parse_bootstrap_request(request.message);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->endpoint, "dev-1");
  EXPECT_EQ(parsed->preferred, ContentFormat::senml_cbor);
}

TEST(BootstrapRequest, MayNameNothing) {
  const Request request({});
  const auto parsed = parse_bootstrap_request(request.message);
  ASSERT_TRUE(parsed);
  EXPECT_FALSE(parsed->endpoint);
  EXPECT_FALSE(parsed->preferred);
}

TEST(BootstrapRequest, RefusesAFormatThatNoServerMayUse) {
  for (const auto* query : {"pct=0", "pct=40", "pct=11543", "pct=65535"})
    EXPECT_EQ(parse_bootstrap_request(Request({query}).message).error().code,
              coap::Code::unsupported_content_format)
        << query;
}

TEST(BootstrapRequest, RefusesWhatIsBroken) {
  EXPECT_EQ(parse_bootstrap_request(Request({"ep="}).message).error().code, coap::Code::bad_request);
  EXPECT_EQ(parse_bootstrap_request(Request({"ep=a", "ep=a"}).message).error().code, coap::Code::bad_request);
  EXPECT_EQ(parse_bootstrap_request(Request({"pct=abc"}).message).error().code, coap::Code::bad_request);
  EXPECT_EQ(parse_bootstrap_request(Request({"pct=112", "pct=112"}).message).error().code,
            coap::Code::bad_request);
  EXPECT_EQ(parse_bootstrap_request(Request({"pct=70000"}).message).error().code, coap::Code::bad_request);
}

TEST(BootstrapRequest, IsWrittenWithTheEndpointFirst) {
  QueryList queries;
  ASSERT_TRUE(add_bootstrap_queries(queries, {.endpoint = "dev", .preferred = ContentFormat::senml_cbor}));
  ASSERT_EQ(queries.view().size(), 2u);
  EXPECT_EQ(queries.view()[0], "ep=dev");
  EXPECT_EQ(queries.view()[1], "pct=112");
}

Result<Discovered> parse(std::string_view text) {
  static std::array<DiscoveredLink, 6> buffer;
  return parse_bootstrap_discover(text, buffer);
}

TEST(BootstrapDiscover, ReadsTheExampleOfTheSpecification) {
  const auto found = parse(
      "</>;lwm2m=1.1,</0/0>;ssid=101;uri=\"coaps://s1.example.com\",</0/1>,</1/0>;ssid=101,</3/0>,</5>");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->enabler, (Version{1, 1}));
  EXPECT_EQ(found->bootstrap_account(), InstanceId(1));
  ASSERT_EQ(found->links.size(), 5u);
  EXPECT_EQ(found->links[0].server, ShortServerId(101));
  EXPECT_EQ(found->links[0].uri, "coaps://s1.example.com");
  EXPECT_TRUE(found->has(Path(ObjectId(5))));
  EXPECT_FALSE(found->has(Path(ObjectId(4))));
}

TEST(BootstrapDiscover, TakesTheOldFormWithoutARoot) {
  const auto found = parse("lwm2m=\"1.0\", </0/0/>, </0/1/>;ssid=5,</3>;ver=1.0");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->enabler, (Version{1, 0}));
  EXPECT_EQ(found->bootstrap_account(), InstanceId(0));
  EXPECT_EQ(found->links[2].version, (Version{1, 0}));
}

TEST(BootstrapDiscover, TakesAServerIdOfZeroForNone) {
  EXPECT_EQ(parse("</0/7>;ssid=0;uri=\"coap://b\"")->bootstrap_account(), InstanceId(7));
}

TEST(BootstrapDiscover, KnowsWhenThereIsNoBootstrapAccount) {
  EXPECT_FALSE(parse("</0/0>;ssid=1,</1/0>;ssid=1")->bootstrap_account());
  EXPECT_FALSE(parse("</0>")->bootstrap_account());
  EXPECT_FALSE(parse("")->bootstrap_account());
}

TEST(BootstrapDiscover, RefusesWhatIsBroken) {
  EXPECT_EQ(parse("</0/0>;ssid=65536").error().code, ErrorCode::out_of_range);
  EXPECT_EQ(parse("</0/0>;ssid=x").error().code, ErrorCode::out_of_range);
  EXPECT_EQ(parse("</>;lwm2m=x").error().code, ErrorCode::malformed);
  EXPECT_EQ(parse("</65536/0>").error().code, ErrorCode::out_of_range);
  EXPECT_EQ(parse("</1>,</2>,</3>,</4>,</5>,</6>,</7>").error().code, ErrorCode::limit);
  EXPECT_FALSE(parse("</0/0"));
  EXPECT_FALSE(parse("garbage"));
}

TEST(BootstrapDiscoverWriter, WritesWhatTheParserReads) {
  std::array<std::uint8_t, 256> buffer;
  ByteWriter out(buffer);
  BootstrapDiscoverWriter writer(out, {1, 2});
  writer.instance(Path(ObjectId(0), InstanceId(0)));
  writer.instance(Path(ObjectId(0), InstanceId(1)), ShortServerId(9), "coaps://h");
  writer.object(ObjectId(3), Version{1, 1});
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(as_text(out.written()), "</>;lwm2m=1.2,</0/0>,</0/1>;ssid=9;uri=\"coaps://h\",</3>;ver=1.1");
  EXPECT_EQ(parse(as_text(out.written()))->bootstrap_account(), InstanceId(0));
}

TEST(Codes, AreThoseOfTheSpecification) {
  using coap::Code;
  EXPECT_EQ(code_for(Operation::bootstrap_write, ErrorCode::malformed), Code::bad_request);
  EXPECT_EQ(code_for(Operation::bootstrap_write, ErrorCode::unsupported), Code::unsupported_content_format);
  EXPECT_EQ(code_for(Operation::bootstrap_write, ErrorCode::unknown_object), Code::bad_request);
  EXPECT_EQ(code_for(Operation::bootstrap_read, ErrorCode::refused), Code::method_not_allowed);
  EXPECT_EQ(code_for(Operation::bootstrap_finish, ErrorCode::wrong_type), Code::not_acceptable);
  EXPECT_EQ(code_for(Operation::register_device, ErrorCode::limit), Code::request_entity_too_large);
  EXPECT_EQ(code_for(Operation::register_device, ErrorCode::unsupported), Code::precondition_failed);
  EXPECT_EQ(code_for(Operation::read, ErrorCode::refused), Code::unauthorized);
  EXPECT_EQ(code_for(Operation::read, ErrorCode::unsupported), Code::not_acceptable);
  EXPECT_EQ(code_for(Operation::write, ErrorCode::wrong_path), Code::method_not_allowed);
  EXPECT_EQ(code_for(Operation::update, ErrorCode::not_found), Code::not_found);
  EXPECT_EQ(code_for(Operation::write, ErrorCode::exhausted), Code::service_unavailable);
  EXPECT_EQ(success_code(Operation::register_device), Code::created);
  EXPECT_EQ(success_code(Operation::bootstrap_write), Code::changed);
}

}  // namespace
}  // namespace slipway::lwm2m

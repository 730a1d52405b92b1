// SPDX-License-Identifier: Apache-2.0
#include <slipway/codec/link_format.hpp>

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace slipway::codec {
namespace {

std::vector<std::string> targets(std::string_view text) {
  std::vector<std::string> found;
  for (LinkReader reader(text);;) {
    const auto link = reader.next();
    if (!link) return {std::string("error ") + to_string(link.error().code)};
    if (!*link) return found;
    found.emplace_back((*link)->target);
  }
}

Link only_link(std::string_view text) {
  LinkReader reader(text);
  const auto link = reader.next();
  EXPECT_TRUE(link && *link);
  return link && *link ? **link : Link{};
}

using Strings = std::vector<std::string>;

TEST(LinkFormat, ReadsARegistration) {
  EXPECT_EQ((Strings{"/", "/1/0", "/3/0", "/5"}),
            targets(R"(</>;rt="oma.lwm2m";ct=110,</1/0>,</3/0>;ver=1.1,</5>)"));
}

TEST(LinkFormat, ToleratesBlanksAndTrailingCommas) {
  EXPECT_EQ((Strings{"/1/0", "/3/0"}), targets("</1/0>, </3/0>,"));
  EXPECT_EQ((Strings{"/1/0"}), targets("  </1/0> ; ver=1.1 \r\n"));
  EXPECT_EQ(Strings{}, targets(""));
  EXPECT_EQ(Strings{}, targets(" \n"));
}

TEST(LinkFormat, ReadsTheFirstFormOfDiscover) {
  EXPECT_EQ((Strings{"", "/0/0", "/1"}), targets(R"(lwm2m="1.0",</0/0>;ssid=101,</1>)"));
  const auto version = find_attribute(only_link(R"(lwm2m="1.0",</0/0>)"), "lwm2m");
  ASSERT_TRUE(version && *version);
  EXPECT_EQ("1.0", (*version)->value);
}

TEST(LinkFormat, EndsStringsAtTheirQuoteOnly) {
  const std::string_view text = R"(</0/1>;uri="coaps://a,b;c\"d>";ssid=1,</3/0>)";
  EXPECT_EQ((Strings{"/0/1", "/3/0"}), targets(text));
  const auto uri = find_attribute(only_link(text), "uri");
  ASSERT_TRUE(uri && *uri);
  EXPECT_EQ(R"(coaps://a,b;c\"d>)", (*uri)->value);
  EXPECT_TRUE((*uri)->quoted);
  const auto ssid = find_attribute(only_link(text), "ssid");
  ASSERT_TRUE(ssid && *ssid);
  EXPECT_EQ("1", (*ssid)->value);
  EXPECT_FALSE((*ssid)->quoted);
}

TEST(LinkFormat, TellsABareAttributeFromAnEmptyOne) {
  const auto link = only_link("</3/0/1>;obs;dim=");
  const auto obs = find_attribute(link, "obs");
  ASSERT_TRUE(obs && *obs);
  EXPECT_FALSE((*obs)->has_value);
  const auto dim = find_attribute(link, "dim");
  ASSERT_TRUE(dim && *dim);
  EXPECT_TRUE((*dim)->has_value);
  const auto none = find_attribute(link, "pmin");
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
}

TEST(LinkFormat, SaysWhereItIsBroken) {
  EXPECT_EQ(Strings{"error truncated"}, targets("</3/0"));
  EXPECT_EQ(Strings{"error truncated"}, targets("</3/0>;a=\"b"));
  EXPECT_EQ(Strings{"error truncated"}, targets("</3/0>;a=\"b\\\""));
  EXPECT_EQ(Strings{"error malformed"}, targets("</3/0></1>"));
  EXPECT_EQ(Strings{"error malformed"}, targets("</3/0>x"));
  EXPECT_EQ(Strings{"error malformed"}, targets("</3/0>;a=1</1>"));
  EXPECT_EQ(Strings{"error malformed"}, targets("</3/0>,x=1"));
  EXPECT_EQ(Strings{"error malformed"}, targets(",</3/0>"));
  LinkReader reader("</1/0>,</3/0");
  EXPECT_TRUE(reader.next());
  EXPECT_EQ(7u, reader.next().error().offset);
}

TEST(LinkFormat, RefusesAttributesWithoutNames) {
  for (const auto* text : {"</3>;=1", "</3>;\"a\"", "</3>;a b=1", "</3>;a=\"b\"c", "</3>;a=b\"c\""})
    EXPECT_FALSE(find_attribute(only_link(text), "zzz")) << text;
}

TEST(LinkFormat, WritesWhatItReads) {
  std::array<std::uint8_t, 128> buffer;
  ByteWriter out(buffer);
  LinkWriter writer(out);
  writer.link("/");
  writer.attribute_quoted("rt", "oma.lwm2m");
  writer.attribute("ct", 110);
  writer.link("/0/1");
  writer.attribute_quoted("uri", R"(a"b\c)");
  writer.attribute("obs");
  writer.attribute_token("ver", "1.1");
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(R"(</>;rt="oma.lwm2m";ct=110,</0/1>;uri="a\"b\\c";obs;ver=1.1)", as_text(out.written()));
  EXPECT_EQ((Strings{"/", "/0/1"}), targets(as_text(out.written())));
}

TEST(LinkFormat, TellsThatTheBufferIsTooSmall) {
  std::array<std::uint8_t, 4> buffer;
  ByteWriter out(buffer);
  LinkWriter writer(out);
  writer.link("/3/0");
  EXPECT_FALSE(out.ok());
}

TEST(LinkFormat, SurvivesBeingCutAnywhere) {
  const std::string text = R"(</>;rt="oma.lwm2m";ct=110,</0/1>;uri="a\"b\\c";obs;ver=1.1, </3/0>,)";
  for (std::size_t size = 0; size < text.size(); ++size) {
    const std::string cut(text, 0, size);
    (void)targets(cut);
  }
}

}  // namespace
}  // namespace slipway::codec

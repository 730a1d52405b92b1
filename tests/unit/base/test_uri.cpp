// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include <slipway/base/random.hpp>
#include <slipway/base/uri.hpp>

namespace slipway {
namespace {

struct Good {
  const char* text;
  Uri uri;
};
class GoodUri : public testing::TestWithParam<Good> {};

TEST_P(GoodUri, HasItsParts) {
  const auto uri = parse_uri(GetParam().text);
  ASSERT_TRUE(uri) << GetParam().text << ": " << uri.error().detail;
  EXPECT_EQ(*uri, GetParam().uri) << GetParam().text;
}

using enum UriScheme;
using enum HostKind;
INSTANTIATE_TEST_SUITE_P(
    Text, GoodUri,
    testing::Values(Good{"coap://example.com", {coap, name, "example.com", 5683, "", ""}},
                    Good{"coaps://example.com", {coaps, name, "example.com", 5684, "", ""}},
                    Good{"coap+tcp://h", {coap_tcp, name, "h", 5683, "", ""}},
                    Good{"coaps+tcp://h", {coaps_tcp, name, "h", 5684, "", ""}},
                    Good{"CoAPs://Example.com:1", {coaps, name, "Example.com", 1, "", ""}},
                    Good{"coap://h:65535/", {coap, name, "h", 65535, "/", ""}},
                    Good{"coap://h:/", {coap, name, "h", 5683, "/", ""}},
                    Good{"coap://127.0.0.1:5783", {coap, ipv4, "127.0.0.1", 5783, "", ""}},
                    Good{"coap://127.0.0.1.example", {coap, name, "127.0.0.1.example", 5683, "", ""}},
                    Good{"coaps://[::1]", {coaps, ipv6, "::1", 5684, "", ""}},
                    Good{"coaps://[2001:db8::1]:5784/bs", {coaps, ipv6, "2001:db8::1", 5784, "/bs", ""}},
                    Good{"coap://h/a/b%20c?d=e&f=%2F", {coap, name, "h", 5683, "/a/b%20c", "d=e&f=%2F"}},
                    Good{"coap://h?q", {coap, name, "h", 5683, "", "q"}},
                    Good{"coap://h/?", {coap, name, "h", 5683, "/", ""}},
                    Good{"coap://h/:@!$&'()*+,;=-._~?/?:@",
                         {coap, name, "h", 5683, "/:@!$&'()*+,;=-._~", "/?:@"}},
                    Good{"coap://a%2Db", {coap, name, "a%2Db", 5683, "", ""}}));

struct Bad {
  std::string_view text;
  ErrorCode code;
  std::uint32_t offset;
};
class BadUri : public testing::TestWithParam<Bad> {};

TEST_P(BadUri, IsRefusedWithThePlace) {
  const auto uri = parse_uri(GetParam().text);
  ASSERT_FALSE(uri) << GetParam().text;
  EXPECT_EQ(uri.error().code, GetParam().code) << GetParam().text;
  EXPECT_EQ(uri.error().offset, GetParam().offset) << GetParam().text;
  EXPECT_STRNE(uri.error().detail, "");
}

constexpr auto kBad = ErrorCode::malformed;
INSTANTIATE_TEST_SUITE_P(
    Text, BadUri,
    testing::Values(
        Bad{"", kBad, 0}, Bad{"coap", kBad, 0}, Bad{"coap:h", kBad, 0}, Bad{"coap:/h", kBad, 0},
        Bad{"://h", ErrorCode::unsupported, 0}, Bad{"http://h", ErrorCode::unsupported, 0},
        Bad{"coapx://h", ErrorCode::unsupported, 0}, Bad{" coap://h", ErrorCode::unsupported, 0},
        Bad{"coap://", kBad, 7}, Bad{"coap:///bs", kBad, 7}, Bad{"coap://:5683", kBad, 7},
        Bad{"coap://u@h", kBad, 7}, Bad{"coap://u:p@h", kBad, 7}, Bad{"coap://h:x", kBad, 9},
        Bad{"coap://h:5x", kBad, 9}, Bad{"coap://h:-1", kBad, 9}, Bad{"coap://h:1:2", kBad, 9},
        Bad{"coap://h:0", ErrorCode::out_of_range, 9}, Bad{"coap://h:65536", ErrorCode::out_of_range, 9},
        Bad{"coap://h:99999999999999999999", ErrorCode::out_of_range, 9}, Bad{"coap://[::1", kBad, 7},
        Bad{"coap://[]", kBad, 8}, Bad{"coap://[1.2.3.4]", kBad, 8}, Bad{"coap://[::g]:1", kBad, 8},
        Bad{"coap://[fe80::1%251]", kBad, 8}, Bad{"coap://[fe80::1%1]", kBad, 8},
        Bad{"coap://[v1.x]", kBad, 8}, Bad{"coap://[::1]x", kBad, 12}, Bad{"coap://[::1]:x", kBad, 13},
        Bad{"coap://::1", kBad, 7}, Bad{"coap://h[", kBad, 8}, Bad{"coap://h\\x", kBad, 8},
        Bad{"coap://a b", kBad, 8}, Bad{"coap://h%", kBad, 8}, Bad{"coap://h%2", kBad, 8},
        Bad{"coap://h%zz", kBad, 8}, Bad{"coap://h/%", kBad, 9}, Bad{"coap://h/a%f", kBad, 10},
        Bad{"coap://h/a b", kBad, 10}, Bad{"coap://h/\"", kBad, 9}, Bad{"coap://h/<>", kBad, 9},
        Bad{"coap://h/[", kBad, 9}, Bad{"coap://h#f", kBad, 8}, Bad{"coap://h/#f", kBad, 9},
        Bad{"coap://h/?a#f", kBad, 11}, Bad{"coap://h/?%g0", kBad, 10}, Bad{"coap://h\n", kBad, 8},
        Bad{std::string_view("coap://h\0", 9), kBad, 8}, Bad{"coap://h/\xC3\xA9", kBad, 9}));

TEST(Uri, LengthIsBounded) {
  const std::string prefix = "coap://h/";
  const std::string longest = prefix + std::string(kUriBytesMax - prefix.size(), 'a');
  EXPECT_TRUE(parse_uri(longest));
  const auto longer = parse_uri(longest + "a");
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().code, ErrorCode::limit);
}

TEST(Uri, PartsAreViewsIntoTheText) {
  SeededRandom random(11);
  constexpr std::string_view kLetters = "coaps+t:/[]%@?#.1aF";
  for (int i = 0; i < 20'000; ++i) {
    std::string text = "coap://";
    for (auto length = random.below(20); length > 0; --length)
      text += kLetters[random.below(kLetters.size())];
    const auto uri = parse_uri(text);
    if (!uri) {
      EXPECT_LE(uri.error().offset, text.size());
      continue;
    }
    EXPECT_FALSE(uri->host.empty());
    EXPECT_NE(uri->port, 0);
    EXPECT_NE(text.find(uri->host), std::string::npos);
    EXPECT_TRUE(uri->path.empty() || uri->path[0] == '/');
  }
}

TEST(UriScheme, KnowsItsTransport) {
  EXPECT_FALSE(is_secure(coap));
  EXPECT_TRUE(is_secure(coaps_tcp));
  EXPECT_TRUE(is_tcp(coap_tcp));
  EXPECT_FALSE(is_tcp(coaps));
}

}  // namespace
}  // namespace slipway

// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <unordered_set>

#include <slipway/base/address.hpp>
#include <slipway/base/random.hpp>

namespace slipway {
namespace {

class AddressText : public testing::TestWithParam<const char*> {};

TEST_P(AddressText, SurvivesParsingAndFormatting) {
  const auto address = Address::parse(GetParam());
  ASSERT_TRUE(address) << address.error().detail;
  EXPECT_EQ(address->to_string(), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Canonical, AddressText,
                         testing::Values("0.0.0.0:0", "127.0.0.1:5684", "255.255.255.255:65535", "[::]:0",
                                         "[::1]:5683", "[1::]:1", "[2001:db8::1]:5684",
                                         "[1:2:3:4:5:6:7:8]:80", "[2001:db8::1:0:0:1]:1",
                                         "[2001:db8:0:1:1:1:1:1]:1", "[1:0:0:2::]:1", "[::2:0:0:3:4]:1",
                                         "[fe80::1%3]:5684", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:9"));

struct Spelling {
  const char* text;
  const char* canonical;
};
class AddressSpelling : public testing::TestWithParam<Spelling> {};

TEST_P(AddressSpelling, IsTheSameAddress) {
  const auto address = Address::parse(GetParam().text);
  ASSERT_TRUE(address) << address.error().detail;
  EXPECT_EQ(address->to_string(), GetParam().canonical);
}

INSTANTIATE_TEST_SUITE_P(Other, AddressSpelling,
                         testing::Values(Spelling{"[0:0:0:0:0:0:0:1]:1", "[::1]:1"},
                                         Spelling{"[2001:DB8:0000::00A1]:1", "[2001:db8::a1]:1"},
                                         Spelling{"[::ffff:192.0.2.1]:1", "192.0.2.1:1"},
                                         Spelling{"[::ffff:c000:201]:1", "192.0.2.1:1"},
                                         Spelling{"[1:2:3:4:5:6:7::]:1", "[1:2:3:4:5:6:7:0]:1"},
                                         Spelling{"[::1%0]:1", "[::1]:1"},
                                         Spelling{"[64:ff9b::192.0.2.33]:1", "[64:ff9b::c000:221]:1"}));

class HostileAddress : public testing::TestWithParam<std::string_view> {};

TEST_P(HostileAddress, IsMalformed) {
  const auto address = Address::parse(GetParam());
  ASSERT_FALSE(address) << address->to_string();
  EXPECT_EQ(address.error().code, ErrorCode::malformed);
  EXPECT_STRNE(address.error().detail, "");
}

INSTANTIATE_TEST_SUITE_P(
    Text, HostileAddress,
    testing::Values("", ":", ":1", "[", "[]", "[]:", "[]:1", "[:]:1", "[::]", "[::]1", "[::]:", "[::]:x",
                    "[::]:65536", "[::]:-1", "[::]:+1", "[::]: 1", "[:::]:1", "[1:::2]:1", "[::1::]:1",
                    "[1:2]:1", "[1:2:3:4:5:6:7]:1", "[1:2:3:4:5:6:7:8:9]:1", "[1:2:3:4:5:6:7:8::]:1",
                    "[::1:2:3:4:5:6:7:8]:1", "[12345::]:1", "[g::]:1", "[1:]:1", "[:1]:1", "[::1.2.3]:1",
                    "[::1.2.3.4.5]:1", "[::1.2.3.4:5]:1", "[1:2:3:4:5:6:7:1.2.3.4]:1", "[::1%]:1",
                    "[::1%eth0]:1", "[::1%4294967296]:1", "[%1]:1", "1.2.3:1", "1.2.3.4.5:1", "1.2.3.256:1",
                    "1.2.3.-4:1", "1..3.4:1", ".1.2.3:1", "1.2.3.4", "1.2.3.4:", "1.2.3.4:99999",
                    "1.2.3.4 :1", " 1.2.3.4:1", "::1:1", "localhost:1", "0x7f.0.0.1:1", "127.0.0.01:1",
                    "010.0.0.1:1", std::string_view("1.2.3.4:1\0", 10), std::string_view("1.2.3\0.4:1", 10)));

TEST(Address, RandomTextNeverParsesIntoSomethingThatDoesNotRoundTrip) {
  SeededRandom random(1);
  constexpr std::string_view kLetters = "[]:.%0123456789abf";
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (auto length = random.below(24); length > 0; --length)
      text += kLetters[random.below(kLetters.size())];
    if (const auto address = Address::parse(text)) {
      EXPECT_EQ(Address::parse(address->to_string()), *address) << text;
    }
  }
}

TEST(Address, RandomValuesRoundTrip) {
  SeededRandom random(2);
  for (int i = 0; i < 2'000; ++i) {
    Address address;
    random.fill(address.ip);
    for (auto zeros = random.below(16); zeros > 0; --zeros) address.ip[random.below(16)] = 0;
    address.port = static_cast<std::uint16_t>(random.below(65536));
    const auto parsed = Address::parse(address.to_string());
    ASSERT_TRUE(parsed) << address.to_string();
    EXPECT_EQ(*parsed, address);
  }
}

TEST(Address, KnowsLoopback) {
  EXPECT_TRUE(Address::parse("127.0.0.1:1")->is_loopback());
  EXPECT_TRUE(Address::parse("127.255.0.9:1")->is_loopback());
  EXPECT_TRUE(Address::parse("[::1]:1")->is_loopback());
  EXPECT_FALSE(Address::parse("128.0.0.1:1")->is_loopback());
  EXPECT_FALSE(Address::parse("0.0.0.0:1")->is_loopback());
  EXPECT_FALSE(Address::parse("[::]:1")->is_loopback());
  EXPECT_FALSE(Address::parse("[1::1]:1")->is_loopback());
}

TEST(Address, PortAndScopeTellPeersApart) {
  EXPECT_NE(*Address::parse("1.2.3.4:1"), *Address::parse("1.2.3.4:2"));
  EXPECT_NE(*Address::parse("[fe80::1%1]:1"), *Address::parse("[fe80::1%2]:1"));
}

TEST(Address, HashSpreadsNeighbours) {
  std::unordered_set<std::uint64_t> hashes;
  for (int host = 0; host < 256; ++host)
    for (int port = 0; port < 64; ++port)
      hashes.insert(
          hash_of(Address::v4(10, 0, 0, static_cast<std::uint8_t>(host), static_cast<std::uint16_t>(port))));
  EXPECT_EQ(hashes.size(), 256u * 64u);
}

}  // namespace
}  // namespace slipway

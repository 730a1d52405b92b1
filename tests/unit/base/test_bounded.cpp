// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <unordered_set>

#include <slipway/base/bounded.hpp>
#include <slipway/base/ids.hpp>

namespace slipway {
namespace {

TEST(BoundedVector, FullOneRefusesAndKeepsWhatItHas) {
  BoundedVector<int, 2> items;
  EXPECT_TRUE(items.push_back(1));
  EXPECT_FALSE(items.full());
  EXPECT_TRUE(items.push_back(2));
  EXPECT_TRUE(items.full());
  EXPECT_FALSE(items.push_back(3));
  EXPECT_EQ(items.size(), 2u);
  EXPECT_EQ(std::accumulate(items.begin(), items.end(), 0), 3);
}

TEST(BoundedVector, ResizeOnlyShrinks) {
  BoundedVector<int, 4> items;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(items.push_back(i));
  items.resize_down(10);
  EXPECT_EQ(items.size(), 3u);
  items.resize_down(1);
  EXPECT_EQ(items.size(), 1u);
  EXPECT_TRUE(items.push_back(9));
  EXPECT_EQ(items[1], 9);
  items.clear();
  EXPECT_TRUE(items.empty());
}

TEST(BoundedString, KeepsWhatFitsAndSaysSo) {
  BoundedString<4> text;
  EXPECT_TRUE(text.append("abc"));
  EXPECT_FALSE(text.append("de"));
  EXPECT_EQ(text, "abcd");
  EXPECT_FALSE(text.append('x'));
  EXPECT_TRUE(text.append(""));
  EXPECT_EQ(text.size(), 4u);
}

TEST(BoundedString, HoldsAnyByte) {
  const std::string_view bytes("a\0b", 3);
  const BoundedString<4> text(bytes);
  EXPECT_EQ(text.view(), bytes);
}

TEST(BoundedString, EmptyViewIsHarmless) {
  BoundedString<4> text{std::string_view()};
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(text.view(), "");
}

TEST(StrongId, OrdersAndHashesByValue) {
  EXPECT_LT(ObjectId(1), ObjectId(2));
  EXPECT_EQ(ObjectId(3), ObjectId(3));
  EXPECT_EQ((std::unordered_set<ObjectId>{ObjectId(1), ObjectId(1), ObjectId(2)}.size()), 2u);
  static_assert(!std::is_convertible_v<std::uint16_t, ObjectId>);
  static_assert(!std::is_convertible_v<ObjectId, InstanceId>);
}

TEST(ShortServerId, ServersAreOneTo65534) {
  EXPECT_FALSE(is_server(ShortServerId(0)));
  EXPECT_TRUE(is_server(ShortServerId(1)));
  EXPECT_TRUE(is_server(ShortServerId(65534)));
  EXPECT_FALSE(is_server(ShortServerId(65535)));
}

}  // namespace
}  // namespace slipway

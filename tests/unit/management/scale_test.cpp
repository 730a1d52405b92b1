// SPDX-License-Identifier: Apache-2.0
// What a large fleet costs: memory by the allocator's own count, and work that does not grow with the fleet.
#include <gtest/gtest.h>

#include <malloc.h>

#include <cstdlib>
#include <string>

#include "management/registry.hpp"

namespace slipway::management {
namespace {

constexpr std::size_t kDevices = 100'000;
constexpr std::string_view kLinks = "</>;rt=\"oma.lwm2m\";ct=\"112\",</1/0>,</3/0>,</4/0>,</5/0>,</3303/0>";

std::string name_of(std::size_t number) {
  return "urn:dev:fleet:" + std::to_string(number * 7919 % kDevices);
}

void fill(Registry& registry, std::size_t count) {
  std::array<lwm2m::ObjectLink, 16> links;
  const auto list = lwm2m::parse_object_list(kLinks, links).value();
  for (std::size_t i = 0; i < count; ++i) {
    const auto slot = registry.add(name_of(i), i * 0x9E3779B97F4A7C15);
    ASSERT_NE(slot, kNoSlot);
    registry[slot].lifetime_s = 3600;
    registry.set_peer(slot, PeerId(i + 1));
    registry.set_links(slot, kLinks, list);
    registry.set_expiry(slot, TimePoint{} + Duration(i), seconds(3600));
  }
}

TEST(RegistrySize, AHundredThousandDevicesTakeAFewHundredBytesEach) {
  const auto before = mallinfo2();
  Registry registry(kDevices, 1);
  fill(registry, kDevices);
  const auto after = mallinfo2();
  const auto used = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
  RecordProperty("bytes_per_device", std::to_string(used / kDevices));
  EXPECT_EQ(registry.size(), kDevices);
  EXPECT_LT(used / kDevices, 320u);  // 136 record, 48 name, the rest indexes
}

TEST(RegistrySize, OneListIsKeptForAllDevicesThatSendIt) {
  Registry registry(10, 1);
  fill(registry, 3);
  EXPECT_EQ(registry.links_of(0).text.data(), registry.links_of(2).text.data());
}

TEST(RegistryOrder, EveryDeviceIsFoundAndListedAndExpiresInTurn) {
  Registry registry(kDevices, 1);
  fill(registry, kDevices);
  for (std::size_t i = 0; i < kDevices; i += 97) {
    const auto slot = registry.find(name_of(i));
    ASSERT_NE(slot, kNoSlot);
    EXPECT_EQ(registry.find(PeerId(i + 1)), slot);
    EXPECT_EQ(registry.find_location(i * 0x9E3779B97F4A7C15), slot);
  }
  std::string last;
  std::size_t listed = 0;
  for (bool more = true; more;) {
    more = false;
    registry.visit_after(last, 1000, [&](Slot slot) {
      const std::string name(registry[slot].endpoint.view());
      ASSERT_LT(last, name);
      last = name;
      ++listed;
      more = true;
    });
  }
  EXPECT_EQ(listed, kDevices);

  for (std::size_t i = 0; i < kDevices; i += 2)  // half of them are updated
    registry.set_expiry(registry.find(PeerId(i + 1)), TimePoint{} + seconds(100) + Duration(i),
                        seconds(3600));
  std::size_t expired = 0;
  const auto now = TimePoint{} + seconds(3600) + Duration(kDevices);
  for (auto slot = registry.next_expired(now); slot != kNoSlot; slot = registry.next_expired(now)) {
    registry.end(slot, RegistrationEnd::expired);
    registry.release(slot);
    ++expired;
  }
  EXPECT_EQ(expired, kDevices / 2);
  EXPECT_EQ(registry.size(), kDevices / 2);
}

/// Comparisons of names while inserting into and listing from an order of `count` names.
std::size_t comparisons(std::size_t count) {
  std::size_t calls = 0;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back(name_of(i));
  const auto name = [&](Slot slot) {
    ++calls;
    return std::string_view(names[slot]);
  };
  NameOrder order;
  for (std::size_t i = 0; i + 1 < count; ++i) order.insert(static_cast<Slot>(i), name);
  calls = 0;
  order.insert(static_cast<Slot>(count - 1), name);
  order.visit_after(names[count / 2], 10, name, [](Slot) {});
  order.erase(static_cast<Slot>(count / 3), name);
  return calls;
}

TEST(RegistryOrder, ItsWorkGrowsLikeALogarithm) {
  EXPECT_LT(comparisons(1'000), 80u);
  EXPECT_LT(comparisons(100'000), 120u);
}

TEST(Location, IsReadAsItIsWritten) {
  for (const std::uint64_t number :
       {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}, std::uint64_t{0x123456789ABCDEF0}})
    EXPECT_EQ(parse_location(location_text(number)), number);
  EXPECT_FALSE(parse_location("qaaaaaaaaaaaa"));  // more than 64 bits
  EXPECT_FALSE(parse_location("AAAAAAAAAAAAA"));
  EXPECT_FALSE(parse_location(""));
}

}  // namespace
}  // namespace slipway::management

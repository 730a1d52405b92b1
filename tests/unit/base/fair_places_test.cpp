// SPDX-License-Identifier: Apache-2.0
#include <slipway/base/fair_places.hpp>

#include <gtest/gtest.h>

namespace slipway {
namespace {

using Answer = FairPlaces::Answer;

const TimePoint kNow{seconds(100)};

Address host(std::uint8_t number, std::uint16_t port = 1) {
  return Address::v4(192, 0, 2, number, port);
}

TEST(FairPlaces, ANetworkIsAnIpv4AddressOrHalfOfAnIpv6One) {
  EXPECT_EQ(network_of(host(1, 5)), network_of(host(1, 6)));
  EXPECT_NE(network_of(host(1)), network_of(host(2)));
  const auto v6 = [](const char* text) { return network_of(*Address::parse(text)); };
  EXPECT_EQ(v6("[2001:db8:1:2::1]:1"), v6("[2001:db8:1:2:ffff::9]:2"));
  EXPECT_NE(v6("[2001:db8:1:2::1]:1"), v6("[2001:db8:1:3::1]:1"));
}

TEST(FairPlaces, EachNetworkHasItsBoundAndAllHaveOne) {
  FairPlaces places({.places = 3, .per_network = 2});
  for (std::uint16_t i = 1; i <= 2; ++i) {
    ASSERT_EQ(places.decide(kNow, host(1, i)).answer, Answer::yes);
    places.take(kNow, host(1, i), PeerId(i));
  }
  EXPECT_EQ(places.decide(kNow, host(1, 3)).answer, Answer::network_full);
  places.take(kNow, host(2), PeerId(3));
  const auto third = places.decide(kNow, host(3));
  EXPECT_EQ(third.answer, Answer::yes);
  EXPECT_EQ(third.instead_of, PeerId(1)) << "the oldest of the busiest network";
  places.leave(PeerId(1));
  places.leave(PeerId(1));
  places.take(kNow, host(3), PeerId(4));
  EXPECT_EQ(places.size(), 3u);
  EXPECT_EQ(places.decide(kNow, host(4)).answer, Answer::full) << "all have one, and have just begun";
}

TEST(FairPlaces, WhereAllHaveAsManyTheOldestMakesRoomWhenItHadItsTime) {
  FairPlaces places({.places = 2, .per_network = 2});
  places.take(kNow, host(1), PeerId(1));
  places.take(kNow + seconds(1), host(2), PeerId(2));
  EXPECT_EQ(places.decide(kNow + seconds(4), host(3)).answer, Answer::full);
  EXPECT_EQ(places.decide(kNow + seconds(5), host(3)).instead_of, PeerId(1));
}

TEST(FairPlaces, AFewNetworksDoNotShutOutTheOthers) {
  FairPlaces places({.places = 64, .per_network = 16});
  std::uint64_t last = 0;
  const auto come = [&](TimePoint now, const Address& from) {
    const auto decision = places.decide(now, from);
    if (decision.answer != Answer::yes) return false;
    if (decision.instead_of) places.leave(*decision.instead_of);
    places.take(now, from, PeerId(++last));
    return true;
  };
  for (std::uint16_t i = 0; i < 400; ++i) (void)come(kNow, host(static_cast<std::uint8_t>(i % 4), i));
  EXPECT_EQ(places.size(), 64u);
  for (std::uint8_t i = 10; i < 40; ++i) EXPECT_TRUE(come(kNow, host(i))) << int(i);
  EXPECT_EQ(places.size(), 64u);
}

}  // namespace
}  // namespace slipway

// SPDX-License-Identifier: Apache-2.0
#include "node/peers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::node {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

Peer session(std::string_view endpoint, std::string_view identity = "id") {
  return {.endpoint = CompactText(endpoint),
          .identity = CompactText(identity),
          .address = Address::v4(192, 0, 2, 1, 1),
          .server = ShortServerId(101),
          .security = SecurityMode::psk};
}

class PeersTest : public ::testing::Test {
 protected:
  Peers peers_{2, 7};
};

TEST_F(PeersTest, SessionsAreFoundByIdAndByTheNameOfTheirCredential) {
  const auto one = peers_.next(), two = peers_.next(), other = peers_.next();
  peers_.add_session(one, session("dev", std::string_view("a\0b", 3)));
  peers_.add_session(two, session("dev"));
  peers_.add_session(other, session("other"));
  ASSERT_NE(peers_.find(one), nullptr);
  EXPECT_EQ(peers_.find(one)->identity.view(), std::string_view("a\0b", 3));
  EXPECT_THAT(peers_.of("dev"), UnorderedElementsAre(one, two));
  EXPECT_THAT(peers_.of("de"), IsEmpty());
  peers_.remove(one);
  EXPECT_EQ(peers_.find(one), nullptr);
  EXPECT_THAT(peers_.of("dev"), ElementsAre(two));
  peers_.remove(one);  // twice
  EXPECT_EQ(peers_.size(), 2u);
}

TEST_F(PeersTest, AnIdIsNeverGivenTwiceThoughItsPlaceIs) {
  std::vector<PeerId> ids;
  for (int i = 0; i < 100; ++i) {
    const auto id = peers_.next();
    EXPECT_THAT(ids, ::testing::Not(::testing::Contains(id)));
    ids.push_back(id);
    peers_.add_session(id, session("dev" + std::to_string(i)));
    if (i % 2 == 0) peers_.remove(id);
  }
  EXPECT_EQ(peers_.size(), 50u);
  std::size_t seen = 0;
  peers_.each_session([&](PeerId id) { seen += peers_.find(id) != nullptr ? 1 : 0; });
  EXPECT_EQ(seen, 50u);
}

TEST_F(PeersTest, IdsGoOnAboveThoseOfEarlierServers) {
  peers_.start_after(41);
  EXPECT_EQ(peers_.next(), PeerId(42));
}

TEST_F(PeersTest, APlainAddressIsOnePeerAndTheLongestUnusedGoesFirst) {
  auto socket = net::UdpSocket::bind(Address::v4(127, 0, 0, 1, 0), {});
  ASSERT_TRUE(socket);
  Port port{.socket = std::move(*socket)};
  std::optional<PeerId> evicted;
  const auto a = peers_.plain(port, Address::v4(10, 0, 0, 1, 1), evicted);
  const auto b = peers_.plain(port, Address::v4(10, 0, 0, 2, 1), evicted);
  EXPECT_EQ(peers_.plain(port, Address::v4(10, 0, 0, 1, 1), evicted), a);
  EXPECT_FALSE(evicted);
  const auto c = peers_.plain(port, Address::v4(10, 0, 0, 3, 1), evicted);
  EXPECT_EQ(evicted, b);
  EXPECT_EQ(peers_.find(b), nullptr);
  EXPECT_NE(peers_.find(c), nullptr);
  std::size_t secure = 0;
  peers_.each_session([&](PeerId) { ++secure; });
  EXPECT_EQ(secure, 0u);
}

}  // namespace
}  // namespace slipway::node

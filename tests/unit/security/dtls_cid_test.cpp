// SPDX-License-Identifier: Apache-2.0
// Connection IDs: sessions that outlive an address. [RFC 9146]
#include "dtls_link.hpp"

namespace slipway::security::dtls::test {
namespace {

const Address kHome = Address::v4(10, 0, 0, 1, 40000);
const Address kAway = Address::v4(10, 0, 0, 9, 50000);

ClientConfig without_cid() {
  auto config = client_config();
  config.cid = ClientConfig::ConnectionId::off;
  return config;
}

std::size_t cid_records(const Link& link, bool to_server) {
  std::size_t count = 0;
  for (const auto& [up, bytes] : link.sent) count += up == to_server && bytes[0] == 25;
  return count;
}

TEST(DtlsCid, TheClientSendsItAndTheServerNeedsNone) {
  Link link;
  auto& host = link.connect();
  ASSERT_TRUE(host.seen.connected);
  EXPECT_TRUE(host.seen.connected->has_cid);
  ASSERT_TRUE(link.send(host, "up"));
  ASSERT_TRUE(link.send(link.seen.established[0].peer, "down"));
  link.run(seconds(1));
  EXPECT_GE(cid_records(link, true), 1u);
  EXPECT_EQ(cid_records(link, false), 0u);
  EXPECT_EQ(link.seen.received.size(), 1u);
  EXPECT_EQ(host.seen.received.size(), 1u);
}

TEST(DtlsCid, BothWaysWhereTheClientWantsOne) {
  Link link;
  auto config = client_config();
  config.own_cid_size = 8;
  auto& host = link.connect(std::move(config));
  ASSERT_TRUE(host.seen.connected);
  ASSERT_TRUE(link.send(link.seen.established[0].peer, "down"));
  link.run(seconds(1));
  EXPECT_GE(cid_records(link, false), 1u);
  EXPECT_EQ(host.seen.received, std::vector<std::string>{"down"});
}

TEST(DtlsCid, NeitherEndInsists) {
  Link plain_client;
  auto& first = plain_client.connect(without_cid());
  ASSERT_TRUE(first.seen.connected);
  EXPECT_FALSE(first.seen.connected->has_cid);
  EXPECT_EQ(cid_records(plain_client, true), 0u);
  ServerConfig config;
  config.cid_size = 0;
  Link plain_server(1, {}, std::move(config));
  auto& second = plain_server.connect();
  ASSERT_TRUE(second.seen.connected);
  EXPECT_FALSE(second.seen.connected->has_cid);
  EXPECT_EQ(cid_records(plain_server, true), 0u);
}

TEST(DtlsCid, BeginsWithTheRouteOfItsShard) {
  ServerConfig config;
  config.cid_size = 4;
  config.cid_route = 0xA7;
  Link link(1, {}, std::move(config));
  auto& host = link.connect();
  ASSERT_TRUE(link.send(host, "up"));
  link.run(seconds(1));
  for (const auto& [up, bytes] : link.sent)
    if (bytes[0] == 25) {
      EXPECT_EQ(bytes[11], 0xA7);
    }
  EXPECT_EQ(link.seen.received.size(), 1u);
}

TEST(DtlsCid, AnAuthenticRecordFromElsewhereMovesTheSession) {
  Link link;
  auto& host = link.connect();
  const auto peer = link.seen.established.at(0).peer;
  host.address = kAway;
  ASSERT_TRUE(link.send(host, "from afar"));
  link.run(seconds(1));
  ASSERT_EQ(link.seen.received.size(), 1u);
  EXPECT_EQ(link.seen.received[0].first, peer);
  ASSERT_EQ(link.seen.moved.size(), 1u);
  EXPECT_EQ(link.seen.moved[0].from, kHome);
  EXPECT_EQ(link.seen.moved[0].to, kAway);
  EXPECT_EQ(link.server->address_of(peer), kAway);
  ASSERT_TRUE(link.send(peer, "to afar"));
  link.run(seconds(1));
  EXPECT_EQ(host.seen.received, std::vector<std::string>{"to afar"}) << "the old address is not used again";
  EXPECT_EQ(link.server->session_count(), 1u);
}

TEST(DtlsCid, WithoutOneAnotherAddressIsAStranger) {
  Link link;
  auto& host = link.connect(without_cid());
  host.address = kAway;
  ASSERT_TRUE(link.send(host, "from afar"));
  link.run(seconds(1));
  EXPECT_TRUE(link.seen.received.empty());
  EXPECT_TRUE(link.seen.moved.empty());
}

/// Who replays a record, or alters one, cannot draw the session to himself.
TEST(DtlsCid, ReplayedOldAndForgedRecordsMoveNothing) {
  Link link;
  auto& host = link.connect();
  const auto peer = link.seen.established.at(0).peer;
  std::vector<Bytes> records;
  link.tamper = [&](bool up, Bytes& bytes) {
    if (up && bytes[0] == 25) records.push_back(bytes);
    return !(up && as_text(bytes).empty());
  };
  ASSERT_TRUE(link.send(host, "one"));
  link.run(seconds(1));
  // Held back on the way, and given to the server only after a newer one.
  link.tamper = [&](bool up, Bytes& bytes) {
    if (up && bytes[0] == 25) records.push_back(bytes);
    return false;
  };
  ASSERT_TRUE(link.send(host, "two"));
  link.run(seconds(1));
  link.tamper = nullptr;
  ASSERT_TRUE(link.send(host, "three"));
  link.run(seconds(1));
  ASSERT_EQ(records.size(), 2u);
  link.inject(kAway, records[0]);  // a replay
  link.inject(kAway, records[1]);  // authentic, but older than the newest
  auto forged = records[1];
  forged.back() ^= 1;
  link.inject(kAway, forged);
  link.run(seconds(1));
  EXPECT_TRUE(link.seen.moved.empty());
  EXPECT_EQ(link.server->address_of(peer), kHome);
  EXPECT_EQ(link.seen.received.size(), 3u) << "the late one is taken, once";
  EXPECT_EQ(link.server->counters().replayed, 1u);
  EXPECT_GE(link.server->counters().unauthenticated, 1u);
}

TEST(DtlsCid, UnknownAndMissingOnesAreDroppedInSilence) {
  Link link;
  auto& host = link.connect();
  Bytes record;
  link.tamper = [&](bool up, Bytes& bytes) {
    if (up && bytes[0] == 25) record = bytes;
    return true;
  };
  ASSERT_TRUE(link.send(host, "one"));
  link.run(seconds(1));
  ASSERT_FALSE(record.empty());
  const auto answers = link.sent.size();
  auto other = record;
  other[13] ^= 0xFF;  // another Connection ID
  link.inject(kHome, other);
  link.inject(kAway, other);
  auto plain = record;  // the same without one
  plain[0] = 23;
  plain.erase(plain.begin() + 11, plain.begin() + 17);
  link.inject(kHome, plain);
  for (std::size_t size = 0; size < 20; ++size) link.inject(kHome, ByteView(record).first(size));
  link.run(seconds(1));
  EXPECT_EQ(link.sent.size(), answers);
  EXPECT_EQ(link.seen.received.size(), 1u);
  EXPECT_TRUE(link.seen.moved.empty());
}

/// Behind a NAT the address of a sleeping device becomes another's.
TEST(DtlsCid, TwoDevicesAtOneAddressInTurnKeepTheirSessions) {
  Link link;
  link.seen.keys["second"] = kKey;
  auto& first = link.connect();
  auto& second = link.add(client_config("second"), kHome);
  first.address = kAway;
  ASSERT_TRUE(second.client->start(link.now));
  link.run(seconds(10));
  ASSERT_TRUE(second.seen.connected);
  EXPECT_TRUE(link.seen.ended.empty());
  EXPECT_EQ(link.server->session_count(), 2u);
  ASSERT_TRUE(link.send(first, "I moved"));
  ASSERT_TRUE(link.send(second, "I stayed"));
  link.run(seconds(1));
  EXPECT_EQ(link.seen.received.size(), 2u);
  const auto peers = std::pair{link.seen.established.at(0).peer, link.seen.established.at(1).peer};
  EXPECT_EQ(link.server->address_of(peers.first), kAway);
  EXPECT_EQ(link.server->address_of(peers.second), kHome);
}

TEST(DtlsCid, TheSameDeviceAnewReplacesItsSession) {
  Link link;
  auto& host = link.connect();
  ASSERT_TRUE(host.client->start(link.now));
  link.run(seconds(10));
  EXPECT_EQ(link.seen.established.size(), 2u);
  ASSERT_EQ(link.seen.ended.size(), 1u);
  EXPECT_EQ(link.seen.ended[0].reason, SessionEnd::replaced);
  EXPECT_EQ(link.server->session_count(), 1u);
}

class DtlsCidWeather : public testing::TestWithParam<std::uint64_t> {};

TEST_P(DtlsCidWeather, SessionsOutliveLossAndMoves) {
  const Weather weather{.loss = 0.15, .repeat = 0.1, .jitter = milliseconds(40)};
  Link link(GetParam(), weather);
  auto config = client_config();
  config.own_cid_size = GetParam() % 9;
  auto& host = link.connect(std::move(config));
  ASSERT_TRUE(host.seen.connected);
  const auto peer = link.seen.established.at(0).peer;
  for (std::uint16_t move = 1; move <= 20; ++move) {
    host.address = Address::v4(10, 0, 1, static_cast<std::uint8_t>(move), move);
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(link.send(host, "here"));
    link.run(seconds(1));
  }
  link.run(seconds(1));
  EXPECT_EQ(link.seen.established.size(), 1u);
  EXPECT_GE(link.seen.moved.size(), 15u);
  EXPECT_EQ(link.server->address_of(peer)->port, link.seen.moved.back().to.port);
  EXPECT_EQ(link.server->counters().unauthenticated, 0u);
}
INSTANTIATE_TEST_SUITE_P(Seeds, DtlsCidWeather, testing::Range<std::uint64_t>(1, 41));

}  // namespace
}  // namespace slipway::security::dtls::test

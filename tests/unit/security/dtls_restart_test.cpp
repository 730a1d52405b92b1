// SPDX-License-Identifier: Apache-2.0
// Sessions that outlive their server and their device's sleep.
#include <algorithm>
#include <set>

#include "dtls_link.hpp"

namespace slipway::security::dtls::test {
namespace {

constexpr std::uint32_t kReserve = 16;

ServerConfig freezing() {
  ServerConfig config;
  config.freeze_reserve = kReserve;
  return config;
}

/// What is on disk: the newest durable freeze of each session, and how often a server has begun.
struct Disk {
  struct Row {
    Bytes bytes;
    Address address;
    std::uint64_t at_life = 0;
  };
  std::map<PeerId, Row> rows;
  std::uint64_t lives = 0;
};

/// A server with a store that is as slow as the test wants, and that can be killed.
class Mortal {
 public:
  explicit Mortal(Link& link, Disk& disk) : link_(link), disk_(disk) { disk_.lives = 1; }

  /// Starts the writes that the server wants; `durable` ends them.
  void freeze_wanted() {
    for (const auto peer : std::exchange(link_.seen.freezes, {})) {
      auto frozen = link_.server->freeze(peer);
      if (frozen) writing_.emplace_back(peer, std::move(*frozen));
    }
  }
  void durable() {
    for (auto& [peer, frozen] : writing_) {
      const auto bytes = frozen.bytes.reveal();
      disk_.rows[peer] = {{bytes.begin(), bytes.end()}, frozen.address, disk_.lives};
      link_.server->frozen(peer, frozen.limit);
    }
    writing_.clear();
  }
  /// The write may have reached the disk though nobody heard of it.
  void die(bool written) {
    if (written)
      for (auto& [peer, frozen] : writing_) {
        const auto bytes = frozen.bytes.reveal();
        disk_.rows[peer] = {{bytes.begin(), bytes.end()}, frozen.address, disk_.lives};
      }
    writing_.clear();
    link_.seen.freezes.clear();
    auto config = freezing();
    config.next_peer = [this] { return PeerId(1'000'000 + ++last_); };
    link_.server = std::make_unique<DtlsServer>(std::move(config), random_);
    ++disk_.lives;
    for (const auto& [peer, row] : disk_.rows)
      EXPECT_TRUE(link_.server->thaw(link_.now, peer, row.address, identity_of(kIdentity), row.bytes,
                                     disk_.lives - row.at_life));
  }

 private:
  Link& link_;
  Disk& disk_;
  SeededRandom random_{77};
  std::vector<std::pair<PeerId, FrozenSession>> writing_;
  std::uint64_t last_ = 0;
};

std::uint64_t sequence_of(const Bytes& record) {
  std::uint64_t number = 0;
  for (std::size_t i = 3; i < 11; ++i) number = number << 8 | record[i];
  return number;
}

TEST(DtlsRestart, TheServerGoesOnWithoutAHandshake) {
  Link link(1, {}, freezing());
  Disk disk;
  Mortal server(link, disk);
  auto& host = link.connect();
  const auto peer = link.seen.established.at(0).peer;
  EXPECT_EQ(link.seen.freezes, std::vector<PeerId>{peer});
  server.freeze_wanted();
  server.durable();
  server.die(true);
  link.sent.clear();
  ASSERT_TRUE(link.send(host, "still here?"));
  link.run(seconds(1));
  ASSERT_EQ(link.seen.received.size(), 1u);
  ASSERT_TRUE(link.send(peer, "as ever"));
  link.run(seconds(1));
  EXPECT_EQ(host.seen.received, std::vector<std::string>{"as ever"});
  EXPECT_EQ(link.seen.established.size(), 1u);
  EXPECT_EQ(link.sent.size(), 2u) << "two records, no handshake";
}

TEST(DtlsRestart, ADeviceThatMovedWhileTheServerWasAwayIsFoundByItsConnectionId) {
  Link link(1, {}, freezing());
  Disk disk;
  Mortal server(link, disk);
  auto& host = link.connect();
  server.freeze_wanted();
  server.durable();
  server.die(true);
  host.address = Address::v4(10, 9, 9, 9, 9);
  ASSERT_TRUE(link.send(host, "from elsewhere"));
  link.run(seconds(1));
  EXPECT_EQ(link.seen.received.size(), 1u);
  EXPECT_EQ(link.seen.moved.size(), 1u);
}

TEST(DtlsRestart, MoreThanTheReserveIsNotSentBeforeItIsDurable) {
  Link link(1, {}, freezing());
  Disk disk;
  Mortal server(link, disk);
  link.connect();
  const auto peer = link.seen.established.at(0).peer;
  server.freeze_wanted();
  server.durable();
  std::size_t sent = 0;
  while (sent < 100 && link.send(peer, "x")) ++sent;
  EXPECT_EQ(sent, kReserve);
  EXPECT_EQ(link.send(peer, "x").error().code, ErrorCode::exhausted);
  link.run(seconds(1));
  EXPECT_EQ(link.seen.freezes.size(), 1u) << "it was asked in time, once";
  server.freeze_wanted();
  EXPECT_FALSE(link.send(peer, "x")) << "the write is under way";
  server.durable();
  EXPECT_TRUE(link.send(peer, "x"));
  EXPECT_EQ(link.server->session_count(), 1u);
}

TEST(DtlsRestart, DamagedAndTakenOnesAreRefused) {
  Link link(1, {}, freezing());
  link.connect();
  const auto peer = link.seen.established.at(0).peer;
  const auto frozen = link.server->freeze(peer).value();
  const auto thaw = [&](PeerId as, ByteView bytes) {
    return link.server->thaw(link.now, as, frozen.address, identity_of(kIdentity), bytes, 1);
  };
  EXPECT_EQ(thaw(PeerId(50), frozen.bytes.reveal()).error().code, ErrorCode::duplicate);
  EXPECT_FALSE(thaw(PeerId(50), frozen.bytes.reveal().first(20)));
  EXPECT_FALSE(thaw(PeerId(50), {}));
  EXPECT_EQ(link.server->session_count(), 1u);
  EXPECT_EQ(link.server->freeze(PeerId(51)).error().code, ErrorCode::not_found);
}

/// A server that is killed at any moment, with a store of any slowness: no sequence number comes twice under
/// a key, nothing is delivered twice within a life, and the session goes on.
class DtlsKill : public testing::TestWithParam<std::uint64_t> {};

TEST_P(DtlsKill, NeverUsesANonceTwice) {
  Link link(GetParam(), {.loss = 0.1, .repeat = 0.1, .jitter = milliseconds(20)}, freezing());
  SeededRandom chance(GetParam() * 31 + 7);
  Disk disk;
  Mortal server(link, disk);
  auto& host = link.connect();
  ASSERT_TRUE(host.seen.connected);
  const auto peer = link.seen.established.at(0).peer;
  server.freeze_wanted();
  server.durable();
  link.sent.clear();
  for (int step = 0; step < 400; ++step) {
    switch (chance.below(8)) {
      case 0:
        server.freeze_wanted();
        break;
      case 1:
        server.durable();
        break;
      case 2:
        if (chance.below(4) == 0) server.die(chance.below(2) == 0);
        break;
      default:
        (void)link.send(peer, "down");
        (void)link.send(host, "up");
        link.run(milliseconds(5));
    }
  }
  link.run(seconds(2));
  std::set<std::uint64_t> used;
  std::size_t down = 0;
  for (const auto& [up, bytes] : link.sent) {
    if (up) continue;
    ++down;
    EXPECT_TRUE(used.insert(sequence_of(bytes)).second) << "nonce " << sequence_of(bytes) << " again";
  }
  EXPECT_GT(down, 20u);
  EXPECT_EQ(link.seen.established.size(), 1u) << "never a second handshake";
  EXPECT_EQ(link.server->session_count(), 1u);
  server.freeze_wanted();
  server.durable();
  host.seen.received.clear();
  for (int i = 0; i < 10; ++i) (void)link.send(peer, "alive");
  link.run(seconds(1));
  EXPECT_FALSE(host.seen.received.empty());
}
INSTANTIATE_TEST_SUITE_P(Seeds, DtlsKill, testing::Range<std::uint64_t>(1, 101));

TEST(DtlsSleep, ADeviceWakesWithItsSession) {
  Link link;
  auto& host = link.connect();
  ASSERT_TRUE(link.send(host, "good night"));
  link.run(seconds(1));
  const auto frozen = host.client->freeze().value();
  EXPECT_FALSE(host.client->connected());
  EXPECT_FALSE(link.send(host, "no session"));
  SeededRandom random(3);
  host.client = std::make_unique<DtlsClient>(client_config(), random);
  ASSERT_TRUE(host.client->thaw(frozen.reveal()));
  host.address = Address::v4(10, 0, 3, 3, 3);  // another address after the sleep
  ASSERT_TRUE(link.send(host, "good morning"));
  link.run(seconds(1));
  EXPECT_EQ(link.seen.received.size(), 2u);
  EXPECT_EQ(link.seen.established.size(), 1u);
  ASSERT_TRUE(link.send(link.seen.established[0].peer, "coffee?"));
  link.run(seconds(1));
  EXPECT_EQ(host.seen.received, std::vector<std::string>{"coffee?"});
}

TEST(DtlsSleep, DamagedBytesLeaveWhatIsThere) {
  Link link;
  auto& host = link.connect();
  EXPECT_FALSE(host.client->thaw(Bytes(5, 1)));
  EXPECT_TRUE(host.client->connected());
  SeededRandom random(3);
  DtlsClient fresh(client_config(), random);
  EXPECT_EQ(fresh.freeze().error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace slipway::security::dtls::test

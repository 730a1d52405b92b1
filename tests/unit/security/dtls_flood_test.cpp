// SPDX-License-Identifier: Apache-2.0
// What a stranger can make the server do: answer with less than it was sent, and nothing else.
#include <gnutls/gnutls.h>

#include "allocations.hpp"
#include "dtls_link.hpp"
#include "security/dtls/session_table.hpp"

namespace {
gnutls_alloc_function gnutls_own_malloc;
void* counting_malloc(std::size_t size) {
  ++slipway::test::allocations;
  return gnutls_own_malloc(size);
}
}  // namespace

namespace slipway::security::dtls::test {
namespace {

/// The hello of a client that never saw a cookie, and one with the cookie of `from`.
Bytes first_hello() {
  SeededRandom random(5);
  DtlsClient client(client_config(), random);
  EXPECT_TRUE(client.start(TimePoint(seconds(1))));
  const auto bytes = client.poll_transmit().value();
  return {bytes.begin(), bytes.end()};
}
Address stranger(int number) {
  return Address::v4(100, static_cast<std::uint8_t>(number >> 16), static_cast<std::uint8_t>(number >> 8),
                     static_cast<std::uint8_t>(number), 5000);
}
Bytes hello_with_cookie(Link& link, const Address& from) {
  SeededRandom random(static_cast<std::uint64_t>(from.port) << 32 | hash_of(from));
  DtlsClient client(client_config(), random);
  EXPECT_TRUE(client.start(link.now));
  const auto hello = client.poll_transmit().value();
  link.server->handle_datagram(link.now, from, hello);
  while (const auto answer = link.server->poll_transmit())
    if (answer->peer == PeerId(0)) client.handle_datagram(link.now, answer->bytes);
  const auto bytes = client.poll_transmit().value();
  return {bytes.begin(), bytes.end()};
}

TEST(DtlsFlood, SpoofedHellosAllocateAndKeepNothing) {
  Link link;
  const auto hello = first_hello();
  const auto one = [&](int i) {
    link.server->handle_datagram(link.now, stranger(i), hello);
    const auto answer = link.server->poll_transmit();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->peer, PeerId(0));
    EXPECT_EQ(answer->to, stranger(i));
    EXPECT_LT(answer->bytes.size(), hello.size()) << "an amplifier";
  };
  one(0);
  gnutls_own_malloc = gnutls_malloc;
  gnutls_malloc = counting_malloc;
  const auto before = slipway::test::allocations;
  for (int i = 1; i <= 10'000; ++i) one(i);
  EXPECT_EQ(slipway::test::allocations, before);
  gnutls_malloc = gnutls_own_malloc;
  EXPECT_EQ(link.server->handshake_count(), 0u);
  EXPECT_FALSE(link.server->next_timeout());
  EXPECT_EQ(link.server->counters().cookies_sent, 10'001u);
}

TEST(DtlsFlood, CookieIsGoodForItsAddressOnly) {
  Link link;
  const auto hello = hello_with_cookie(link, stranger(1));
  link.server->handle_datagram(link.now, stranger(2), hello);
  EXPECT_EQ(link.server->handshake_count(), 0u);
  link.server->handle_datagram(link.now, stranger(1), hello);
  EXPECT_EQ(link.server->handshake_count(), 1u);
}

TEST(DtlsFlood, CookieOutlivesOneChangeOfKeyAndNotTwo) {
  for (const bool late : {false, true}) {
    Link link;
    const auto hello = hello_with_cookie(link, stranger(1));
    for (int change = 0; change < (late ? 2 : 1); ++change) {
      link.now += seconds(61);
      link.server->handle_datagram(link.now, stranger(9), first_hello());
    }
    link.server->handle_datagram(link.now, stranger(1), hello);
    EXPECT_EQ(link.server->handshake_count(), late ? 0u : 1u);
  }
  Link link;
  const auto hello = hello_with_cookie(link, stranger(1));
  link.now += std::chrono::hours(1);
  link.server->handle_datagram(link.now, stranger(1), hello);
  EXPECT_EQ(link.server->handshake_count(), 0u) << "an hour of silence made an old cookie young";
}

TEST(DtlsFlood, HandshakesAreBoundedInTotalAndInTime) {
  ServerConfig config;
  config.handshakes_max = 10;
  Link link(1, {}, std::move(config));
  for (int i = 0; i < 15; ++i) {
    const auto hello = hello_with_cookie(link, stranger(i));
    link.server->handle_datagram(link.now, stranger(i), hello);
  }
  EXPECT_EQ(link.server->handshake_count(), 10u);
  EXPECT_EQ(link.server->counters().refused_total, 5u);
  link.run(seconds(61));
  EXPECT_EQ(link.server->handshake_count(), 0u);
  ASSERT_EQ(link.seen.failed.size(), 10u);
  EXPECT_EQ(link.seen.failed[0].failure.reason, FailureReason::timeout);
  EXPECT_TRUE(link.connect().seen.connected);
}

TEST(DtlsFlood, AFewAddressesDoNotShutOutTheOthers) {
  ServerConfig config;
  config.handshakes_max = 12;
  config.handshakes_per_ip_max = 4;
  Link link(1, {}, std::move(config));
  for (std::uint16_t i = 0; i < 20; ++i) {
    auto address = stranger(i % 3);
    address.port = i;
    const auto hello = hello_with_cookie(link, address);
    link.server->handle_datagram(link.now, address, hello);
  }
  EXPECT_EQ(link.server->handshake_count(), 12u);
  EXPECT_TRUE(link.connect().seen.connected) << "an honest device finds its place at once";
  EXPECT_EQ(link.server->gave_way(), 1u);
  ASSERT_FALSE(link.seen.failed.empty());
  EXPECT_EQ(link.seen.failed[0].failure.reason, FailureReason::superseded);
}

TEST(DtlsFlood, HandshakesAreBoundedByIpAddress) {
  ServerConfig config;
  config.handshakes_per_ip_max = 3;
  Link link(1, {}, std::move(config));
  for (std::uint16_t port = 1; port <= 5; ++port) {
    auto address = stranger(1);
    address.port = port;
    const auto hello = hello_with_cookie(link, address);
    link.server->handle_datagram(link.now, address, hello);
  }
  EXPECT_EQ(link.server->handshake_count(), 3u);
  EXPECT_EQ(link.server->counters().refused_per_address, 2u);
  EXPECT_TRUE(link.connect().seen.connected) << "others are not hindered";
}

TEST(DtlsFlood, SessionsAreBoundedAndTheLongestIdleMakesRoom) {
  ServerConfig config;
  config.sessions_max = 3;
  Link link(1, {}, std::move(config));
  for (int i = 0; i < 3; ++i) (void)link.connect(client_config(), stranger(i));
  ASSERT_TRUE(link.send(*link.hosts[0], "still here"));
  link.run(seconds(1));
  EXPECT_TRUE(link.connect(client_config(), stranger(3)).seen.connected);
  EXPECT_EQ(link.server->session_count(), 3u);
  ASSERT_EQ(link.seen.ended.size(), 1u);
  EXPECT_EQ(link.seen.ended[0].peer, link.seen.established[1].peer);
  EXPECT_EQ(link.seen.ended[0].reason, SessionEnd::idle);
  ASSERT_TRUE(link.hosts[1]->seen.ended) << "it is told, if it listens";
  EXPECT_EQ(link.hosts[1]->seen.ended->reason, SessionEnd::closed_by_peer);
}

TEST(DtlsFlood, CookieAnswersAreBoundedWhileNobodySends) {
  Link link;
  const auto hello = first_hello();
  for (int i = 0; i < 10'000; ++i) link.server->handle_datagram(link.now, stranger(i), hello);
  std::size_t answers = 0;
  while (link.server->poll_transmit()) ++answers;
  EXPECT_LE(answers, 4096u);
  EXPECT_EQ(link.server->counters().refused_total, 10'000 - answers);
}

TEST(DtlsFlood, RepeatedHelloOfAHandshakeIsAnsweredNoFasterThanTheGap) {
  Link link;
  const auto hello = hello_with_cookie(link, stranger(1));
  int answers = 0;
  for (int i = 0; i < 100; ++i) {
    link.server->handle_datagram(link.now, stranger(1), hello);
    while (link.server->poll_transmit()) ++answers;
    link.now += milliseconds(10);
  }
  EXPECT_EQ(answers, 3);  // at 0, 400 and 800 ms
}

TEST(DtlsFlood, GarbageIsCountedAndDropped) {
  Link link;
  auto& host = link.connect();
  SeededRandom random(2);
  for (int i = 0; i < 20'000; ++i) {
    Bytes bytes(random.below(80));
    random.fill(bytes);
    if (bytes.size() > 13 && random.below(2) == 0) {  // half of it looks like records
      const Bytes header{static_cast<std::uint8_t>(20 + random.below(6)), 0xFE, 0xFD, 0,
                         static_cast<std::uint8_t>(random.below(3))};
      std::copy(header.begin(), header.end(), bytes.begin());
      bytes[11] = 0;
      bytes[12] = static_cast<std::uint8_t>(bytes.size() - 13);
    }
    link.server->handle_datagram(link.now, i % 2 == 0 ? host.address : stranger(i), bytes);
    host.client->handle_datagram(link.now, bytes);
  }
  ASSERT_TRUE(link.send(host, "up"));
  ASSERT_TRUE(link.send(link.seen.established.at(0).peer, "down"));
  link.run(seconds(1));
  EXPECT_EQ(link.seen.received.size(), 1u);
  EXPECT_EQ(host.seen.received.size(), 1u);
  EXPECT_EQ(link.server->handshake_count(), 0u);
}

TEST(DtlsFlood, OversizeIdentityIsRefusedWithoutALookup) {
  Link link;
  link.tamper = [](bool to_server, Bytes& bytes) {
    if (!to_server || bytes.size() < 27 || bytes[13] != 16) return true;
    // A ClientKeyExchange with an identity of 129 bytes in place of the client's own.
    Bytes forged(bytes.begin(), bytes.begin() + 25);
    forged.insert(forged.end(), {0, 129});
    forged.resize(forged.size() + 129, 'i');
    forged[12] = 12 + 131;
    forged[16] = forged[24] = 131;
    bytes = forged;
    return true;
  };
  auto& host = link.connect();
  EXPECT_TRUE(link.seen.lookups.empty());
  ASSERT_EQ(link.seen.failed.size(), 1u);
  EXPECT_EQ(link.seen.failed[0].failure.reason, FailureReason::identity_too_long);
  ASSERT_TRUE(host.seen.failed);
  EXPECT_EQ(host.seen.failed->failure.alert, Alert::illegal_parameter);
}

TEST(DtlsFlood, IdentityInFragmentsIsReadWhole) {
  Link link;
  link.tamper = [&link](bool to_server, Bytes& bytes) {
    if (!to_server || bytes.size() < 27 || bytes[13] != 16) return true;
    const std::size_t size = bytes[16];
    const auto piece = [&](std::size_t offset, std::size_t count, std::uint8_t number) {
      Bytes part(bytes.begin(), bytes.begin() + 25);
      part[10] = number;  // 2 is unused, 3 the original
      part[12] = static_cast<std::uint8_t>(12 + count);
      part[21] = static_cast<std::uint8_t>(offset);
      part[24] = static_cast<std::uint8_t>(count);
      const auto body = bytes.begin() + 25 + static_cast<long>(offset);
      part.insert(part.end(), body, body + static_cast<long>(count));
      return part;
    };
    link.server->handle_datagram(link.now, Address::v4(10, 0, 0, 1, 40000), piece(0, 9, 2));
    const auto rest_of_flight = bytes.begin() + 25 + static_cast<long>(size);
    auto second = piece(9, size - 9, 3);
    second.insert(second.end(), rest_of_flight, bytes.end());
    bytes = second;
    return true;
  };
  EXPECT_TRUE(link.connect().seen.connected);
  EXPECT_EQ(link.seen.looked_up, kIdentity);
}

TEST(DtlsFlood, IdleSessionTakesAtMost320Bytes) {
  SessionTable table;
  const auto count = 100'000u;
  for (unsigned i = 0; i < count; ++i)
    (void)table.insert(stranger(static_cast<int>(i)), PeerId(i + 1), TimePoint(seconds(i)));
  EXPECT_LE(table.bytes() / count, 320u);
}

}  // namespace
}  // namespace slipway::security::dtls::test

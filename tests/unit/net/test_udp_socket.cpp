// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include <slipway/net/clock.hpp>
#include <slipway/net/udp_socket.hpp>

namespace slipway::net {
namespace {

UdpSocket bound(const char* address) {
  auto socket = UdpSocket::bind(*Address::parse(address));
  EXPECT_TRUE(socket) << socket.error().message();
  return std::move(*socket);
}

bool has_ipv6() {
  return UdpSocket::bind(*Address::parse("[::1]:0")).has_value();
}

/// Waits (for the kernel, not for a time) until something has come.
std::span<Datagram> receive(UdpSocket& socket, ReceiveBatch& batch) {
  pollfd entry{.fd = socket.fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&entry, 1, 10'000), 1) << "nothing came";
  return socket.receive(batch);
}

Address with_port(const char* address, const UdpSocket& socket) {
  auto result = *Address::parse(address);
  result.port = socket.local_address().port;
  return result;
}

TEST(UdpSocket, PortZeroTakesAFreePort) {
  const auto socket = bound("127.0.0.1:0");
  EXPECT_NE(socket.local_address().port, 0);
  EXPECT_TRUE(socket.local_address().is_loopback());
}

TEST(UdpSocket, NothingArrivedIsAnEmptyBatch) {
  auto socket = bound("127.0.0.1:0");
  ReceiveBatch batch;
  EXPECT_TRUE(socket.receive(batch).empty());
}

TEST(UdpSocket, DatagramArrivesWithItsPeer) {
  auto here = bound("127.0.0.1:0");
  auto there = bound("127.0.0.1:0");
  EXPECT_EQ(here.send(there.local_address(), as_bytes("hello")), SendStatus::queued);
  EXPECT_EQ(here.flush(), FlushStatus::done);
  ReceiveBatch batch;
  const auto got = receive(there, batch);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(as_text(got[0].bytes), "hello");
  EXPECT_EQ(got[0].peer, here.local_address());
  EXPECT_EQ(got[0].local, there.local_address());
  EXPECT_EQ(here.counters().sent, 1u);
  EXPECT_EQ(there.counters().received, 1u);
}

TEST(UdpSocket, EmptyDatagramIsADatagram) {
  auto here = bound("127.0.0.1:0");
  auto there = bound("127.0.0.1:0");
  here.send(there.local_address(), {});
  here.flush();
  ReceiveBatch batch;
  const auto got = receive(there, batch);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_TRUE(got[0].bytes.empty());
}

TEST(UdpSocket, MoreThanABatchArrivesInOrder) {
  auto here = bound("127.0.0.1:0");
  auto there = bound("127.0.0.1:0");
  const std::size_t count = kReceiveBatchMax + 8;
  for (std::size_t i = 0; i < count; ++i) here.send(there.local_address(), as_bytes(std::to_string(i)));
  EXPECT_EQ(here.flush(), FlushStatus::done);
  ReceiveBatch batch;
  std::size_t next = 0;
  while (next < count) {
    const auto got = receive(there, batch);
    ASSERT_FALSE(got.empty());
    EXPECT_LE(got.size(), kReceiveBatchMax);
    for (const auto& datagram : got) EXPECT_EQ(as_text(datagram.bytes), std::to_string(next++));
  }
}

TEST(UdpSocket, LongestDatagramArrivesAndLongerOnesAreCountedAndDropped) {
  auto here = bound("127.0.0.1:0");
  const int plain = ::socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(here.local_address().port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const std::string text(kDatagramBytesMax + 1, 'x');
  for (const auto size : {kDatagramBytesMax + 1, kDatagramBytesMax})
    ASSERT_EQ(::sendto(plain, text.data(), size, 0, reinterpret_cast<sockaddr*>(&to), sizeof to),
              static_cast<ssize_t>(size));
  ::close(plain);
  ReceiveBatch batch;
  auto got = receive(here, batch);
  if (got.empty()) got = receive(here, batch);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].bytes.size(), kDatagramBytesMax);
  EXPECT_EQ(here.counters().truncated, 1u);
}

TEST(UdpSocket, TooLongToSendIsRefusedAtOnce) {
  auto socket = bound("127.0.0.1:0");
  const Bytes bytes(kDatagramBytesMax + 1);
  EXPECT_EQ(socket.send(socket.local_address(), bytes), SendStatus::too_long);
}

TEST(UdpSocket, Ipv4SocketCannotReachIpv6Peer) {
  auto socket = bound("127.0.0.1:0");
  EXPECT_EQ(socket.send(*Address::parse("[::1]:5"), as_bytes("x")), SendStatus::unreachable);
}

TEST(UdpSocket, WhatTheKernelRefusesDoesNotLoseLaterDatagrams) {
  auto here = bound("127.0.0.1:0");
  auto there = bound("127.0.0.1:0");
  here.send(*Address::parse("127.0.0.1:0"), as_bytes("to port 0"));
  here.send(there.local_address(), as_bytes("later"));
  EXPECT_EQ(here.flush(), FlushStatus::done);
  EXPECT_EQ(here.counters().refused, 1u);
  ReceiveBatch batch;
  const auto got = receive(there, batch);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(as_text(got[0].bytes), "later");
}

TEST(UdpSocket, ClosedPortOfOnePeerDoesNotDisturbAnother) {
  auto here = bound("127.0.0.1:0");
  auto there = bound("127.0.0.1:0");
  Address closed;
  {
    closed = bound("127.0.0.1:0").local_address();
  }
  for (int i = 0; i < 3; ++i) {
    here.send(closed, as_bytes("nobody"));
    here.flush();
    here.send(there.local_address(), as_bytes("somebody"));
    here.flush();
    ReceiveBatch batch;
    EXPECT_TRUE(here.receive(batch).empty());
    EXPECT_EQ(receive(there, batch).size(), 1u);
  }
}

TEST(UdpSocket, FullQueueIsFlushedBeforeAnythingIsLost) {
  auto here = bound("127.0.0.1:0");
  auto there = bound("127.0.0.1:0");
  for (std::size_t i = 0; i < kSendQueueMax + 1; ++i)
    EXPECT_EQ(here.send(there.local_address(), as_bytes("x")), SendStatus::queued);
  EXPECT_EQ(here.counters().sent, kSendQueueMax);
  EXPECT_EQ(here.counters().overflowed, 0u);
}

TEST(UdpSocket, WildcardAnswersFromTheAddressThatWasAsked) {
  auto server = bound("0.0.0.0:0");
  auto client = bound("127.0.0.1:0");
  const auto asked = with_port("127.0.0.2:0", server);
  client.send(asked, as_bytes("ping"));
  client.flush();
  ReceiveBatch batch;
  const auto got = receive(server, batch);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].local, asked);
  server.send(got[0].peer, as_bytes("pong"), got[0].local);
  server.flush();
  const auto answer = receive(client, batch);
  ASSERT_EQ(answer.size(), 1u);
  EXPECT_EQ(answer[0].peer, asked);
}

TEST(UdpSocket, DualStackSocketServesBothFamilies) {
  if (!has_ipv6()) GTEST_SKIP() << "this machine has no IPv6";
  auto server = bound("[::]:0");
  for (const char* own : {"127.0.0.1:0", "[::1]:0"}) {
    auto client = bound(own);
    const auto asked = with_port(client.local_address().is_v4() ? "127.0.0.2:0" : "[::1]:0", server);
    client.send(asked, as_bytes("ping"));
    client.flush();
    ReceiveBatch batch;
    const auto got = receive(server, batch);
    ASSERT_EQ(got.size(), 1u);
    EXPECT_EQ(got[0].peer, client.local_address());
    EXPECT_EQ(got[0].local, asked);
    server.send(got[0].peer, as_bytes("pong"), got[0].local);
    server.flush();
    const auto answer = receive(client, batch);
    ASSERT_EQ(answer.size(), 1u);
    EXPECT_EQ(answer[0].peer, asked);
  }
}

TEST(UdpSocket, PortInUseIsToldWithPlaceReasonAndRemedy) {
  const auto first = bound("127.0.0.1:0");
  const auto second = UdpSocket::bind(first.local_address());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().errno_value, EADDRINUSE);
  EXPECT_EQ(second.error().message(), "cannot listen on " + first.local_address().to_string() +
                                          " (udp): address already in use; stop the other program or choose "
                                          "another port");
}

TEST(UdpSocket, ForeignAddressIsToldWithRemedy) {
  const auto socket = UdpSocket::bind(*Address::parse("192.0.2.1:0"));
  ASSERT_FALSE(socket);
  EXPECT_THAT(socket.error().message(), testing::HasSubstr("192.0.2.1:0"));
  EXPECT_THAT(socket.error().remedy, testing::HasSubstr("address of this machine"));
}

TEST(UdpSocket, ShardsShareAPort) {
  const UdpSocket::Options shards{.sharing = PortSharing::shards};
  const auto first = UdpSocket::bind(*Address::parse("127.0.0.1:0"), shards);
  ASSERT_TRUE(first);
  EXPECT_TRUE(UdpSocket::bind(first->local_address(), shards));
  EXPECT_FALSE(UdpSocket::bind(first->local_address()));
}

TEST(Clock, SteadyTimeNeverGoesBack) {
  auto last = steady_now();
  for (int i = 0; i < 1000; ++i) {
    const auto now = steady_now();
    EXPECT_GE(now, last);
    last = now;
  }
}

TEST(Clock, UnixTimeIsTheTimeOfDay) {
  using namespace std::chrono;
  const auto other = time_point_cast<milliseconds>(system_clock::now());
  EXPECT_LT(abs(unix_now() - other), 5s);
}

}  // namespace
}  // namespace slipway::net

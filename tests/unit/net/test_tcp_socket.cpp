// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>

#include <string>
#include <vector>

#include <slipway/net/tcp_socket.hpp>

namespace slipway::net {
namespace {

using Received = TcpConnection::Received;

/// Waits (for the kernel, not for a time).
void wait_for(int fd, short events) {
  pollfd entry{.fd = fd, .events = events, .revents = 0};
  EXPECT_EQ(::poll(&entry, 1, 10'000), 1) << "nothing happened";
}

TcpListener listening(const char* address = "127.0.0.1:0") {
  auto listener = TcpListener::listen(*Address::parse(address));
  EXPECT_TRUE(listener) << listener.error().message();
  return std::move(*listener);
}

struct Pair {
  TcpConnection here, there;
};
Pair connected_pair(TcpListener& listener, const Address& to) {
  auto here = TcpConnection::connect(to);
  EXPECT_TRUE(here) << here.error().message();
  wait_for(listener.fd(), POLLIN);
  auto batch = listener.accept();
  EXPECT_EQ(batch.connections.size(), 1u);
  wait_for(here->fd(), POLLOUT);
  const auto done = here->connected();
  EXPECT_TRUE(done && *done);
  return {std::move(*here), std::move(batch.connections.at(0))};
}

std::string read_all(TcpConnection& connection, std::size_t size) {
  std::string text;
  Bytes buffer(4096);
  while (text.size() < size) {
    wait_for(connection.fd(), POLLIN);
    const auto reading = connection.receive(buffer);
    if (reading.status != Received::data) break;
    text += as_text(reading.bytes);
  }
  return text;
}

TEST(TcpSocket, PortZeroTakesAFreePort) {
  const auto listener = listening();
  EXPECT_NE(listener.local_address().port, 0);
  EXPECT_TRUE(listener.local_address().is_loopback());
}

TEST(TcpSocket, BytesGoBothWays) {
  auto listener = listening();
  auto [here, there] = connected_pair(listener, listener.local_address());
  EXPECT_EQ(here.send(as_bytes("ping")), TcpStatus::done);
  EXPECT_EQ(read_all(there, 4), "ping");
  EXPECT_EQ(there.send(as_bytes("pong")), TcpStatus::done);
  EXPECT_EQ(read_all(here, 4), "pong");
}

TEST(TcpSocket, AWildcardOfIpv6TakesIpv4Too) {
  auto listener = TcpListener::listen(*Address::parse("[::]:0"));
  if (!listener) GTEST_SKIP() << "no IPv6 here";
  auto to = *Address::parse("127.0.0.1:0");
  to.port = listener->local_address().port;
  auto pair = connected_pair(*listener, to);
  EXPECT_TRUE(pair.there.peer_address().is_v4());
}

TEST(TcpSocket, NothingArrivedIsNoEnd) {
  auto listener = listening();
  auto [here, there] = connected_pair(listener, listener.local_address());
  Bytes buffer(16);
  EXPECT_EQ(there.receive(buffer).status, Received::nothing);
}

TEST(TcpSocket, HalfClosedSideStillReceives) {
  auto listener = listening();
  auto [here, there] = connected_pair(listener, listener.local_address());
  here.end_writing();
  wait_for(there.fd(), POLLIN);
  Bytes buffer(16);
  EXPECT_EQ(there.receive(buffer).status, Received::ended);
  EXPECT_EQ(there.send(as_bytes("still here")), TcpStatus::done);
  EXPECT_EQ(read_all(here, 10), "still here");
  EXPECT_EQ(here.send(as_bytes("x")), TcpStatus::broken);
}

TEST(TcpSocket, ASlowReaderFillsABoundedQueueAndLosesNothing) {
  auto listener = listening();
  auto [here, there] = connected_pair(listener, listener.local_address());
  std::string sent;
  for (char letter = 'a';; letter = letter == 'z' ? 'a' : static_cast<char>(letter + 1)) {
    const std::string piece(10'000, letter);
    const auto status = here.send(as_bytes(piece));
    if (status == TcpStatus::full) break;
    ASSERT_NE(status, TcpStatus::broken);
    sent += piece;
    ASSERT_LE(here.waiting(), kTcpSendQueueMax);
    ASSERT_LT(sent.size(), 64u << 20) << "the queue has no bound";
  }
  EXPECT_GT(here.waiting(), kTcpSendQueueMax - 10'000);
  here.end_writing();
  std::string got;
  Bytes buffer(65'536);
  for (;;) {
    (void)here.flush();
    wait_for(there.fd(), POLLIN);
    const auto reading = there.receive(buffer);
    if (reading.status == Received::ended) break;  // and not before all of it
    got += as_text(reading.bytes);
  }
  EXPECT_TRUE(got == sent);
  EXPECT_EQ(here.waiting(), 0u);
}

TEST(TcpSocket, APeerThatIsGoneBreaksTheConnection) {
  auto listener = listening();
  auto pair = connected_pair(listener, listener.local_address());
  {
    const auto gone = std::move(pair.there);
  }
  wait_for(pair.here.fd(), POLLIN);
  Bytes buffer(16);
  EXPECT_EQ(pair.here.receive(buffer).status, Received::ended);
  (void)pair.here.send(as_bytes("to nobody"));  // answered by a reset
  wait_for(pair.here.fd(), POLLIN | POLLERR | POLLHUP);
  EXPECT_EQ(pair.here.send(as_bytes("again")), TcpStatus::broken);
}

TEST(TcpSocket, ARefusedConnectionSaysWhatToDo) {
  Address nobody;
  {
    nobody = listening().local_address();
  }
  auto connection = TcpConnection::connect(nobody);
  std::string text;
  if (connection) {
    wait_for(connection->fd(), POLLOUT);
    const auto done = connection->connected();
    ASSERT_FALSE(done);
    text = done.error().message();
  } else {
    text = connection.error().message();
  }
  EXPECT_THAT(text, testing::HasSubstr("nothing listens there"));
}

TEST(TcpSocket, AcceptTakesBoundedBatches) {
  auto listener = listening();
  std::vector<TcpConnection> clients;
  for (std::size_t i = 0; i < kAcceptBatchMax + 3; ++i)
    clients.push_back(std::move(*TcpConnection::connect(listener.local_address())));
  for (const auto& client : clients) wait_for(client.fd(), POLLOUT);
  EXPECT_EQ(listener.accept().connections.size(), kAcceptBatchMax);
  EXPECT_EQ(listener.accept().connections.size(), 3u);
  EXPECT_TRUE(listener.accept().connections.empty());
}

TEST(TcpSocket, RunningOutOfDescriptorsIsTroubleThatPasses) {
  auto listener = listening();
  auto client = std::move(*TcpConnection::connect(listener.local_address()));
  wait_for(client.fd(), POLLOUT);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto refused = listener.accept();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(refused.connections.empty());
  ASSERT_TRUE(refused.trouble);
  EXPECT_THAT(refused.trouble->message(), testing::HasSubstr("ulimit -n"));
  EXPECT_EQ(listener.accept().connections.size(), 1u) << "who knocked has waited";
}

TEST(TcpSocket, ATakenPortIsNamedWithARemedy) {
  const auto first = listening();
  const auto second = TcpListener::listen(first.local_address());
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message(), testing::HasSubstr("(tcp)"));
  EXPECT_THAT(second.error().message(), testing::HasSubstr("choose another port"));
}

}  // namespace
}  // namespace slipway::net

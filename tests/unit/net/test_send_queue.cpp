// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cerrno>
#include <deque>
#include <string>
#include <vector>

#include "net/send_queue.hpp"

namespace slipway::net {
namespace {

/// A kernel that takes or refuses as a test says.
struct Kernel {
  std::deque<int> errors;  // one a call; 0 takes everything
  unsigned takes_max = ~0u;
  std::vector<std::string> sent;
  int calls = 0;

  int operator()(mmsghdr* headers, unsigned count) {
    ++calls;
    if (!errors.empty()) {
      const int error = errors.front();
      errors.pop_front();
      if (error != 0) return errno = error, -1;
    }
    count = std::min(count, takes_max);
    for (unsigned i = 0; i < count; ++i) {
      const auto& part = headers[i].msg_hdr.msg_iov[0];
      sent.emplace_back(static_cast<const char*>(part.iov_base), part.iov_len);
    }
    return static_cast<int>(count);
  }
};

const Address kPeer = Address::v4(127, 0, 0, 1, 5);

void push(SendQueue& queue, std::initializer_list<const char*> texts) {
  for (const char* text : texts) EXPECT_EQ(queue.push(kPeer, as_bytes(text), {}), SendStatus::queued);
}

TEST(SendQueue, BlockedKernelKeepsTheRest) {
  SendQueue queue(AF_INET);
  push(queue, {"a", "b", "c"});
  Kernel kernel{.errors = {0, EAGAIN}, .takes_max = 1};
  EXPECT_EQ(queue.flush(std::ref(kernel)), FlushStatus::blocked);
  EXPECT_EQ(queue.size(), 2u);
  kernel.takes_max = ~0u;
  EXPECT_EQ(queue.flush(std::ref(kernel)), FlushStatus::done);
  EXPECT_EQ(kernel.sent, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(queue.sent(), 3u);
}

TEST(SendQueue, WhatWaitsIsBounded) {
  SendQueue queue(AF_INET);
  for (std::size_t i = 0; i < kSendQueueMax; ++i) push(queue, {"x"});
  EXPECT_EQ(queue.push(kPeer, as_bytes("one more"), {}), SendStatus::full);
  EXPECT_EQ(queue.size(), kSendQueueMax);
}

TEST(SendQueue, IcmpErrorOfAnEarlierDatagramLosesNothing) {
  SendQueue queue(AF_INET);
  push(queue, {"a", "b"});
  Kernel kernel{.errors = {ECONNREFUSED}};
  EXPECT_EQ(queue.flush(std::ref(kernel)), FlushStatus::done);
  EXPECT_EQ(kernel.sent, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(queue.refused(), 0u);
}

TEST(SendQueue, DatagramRefusedTwiceGoesAndTheNextIsSent) {
  for (const int error : {EHOSTUNREACH, ENETUNREACH, EPERM, EMSGSIZE, EINVAL, ENOBUFS}) {
    SendQueue queue(AF_INET);
    push(queue, {"a", "b"});
    Kernel kernel{.errors = {error, error}};
    EXPECT_EQ(queue.flush(std::ref(kernel)), FlushStatus::done);
    EXPECT_EQ(kernel.sent, (std::vector<std::string>{"b"}));
    EXPECT_EQ(queue.refused(), 1u);
  }
}

TEST(SendQueue, KernelThatRefusesEverythingEndsTheFlush) {
  SendQueue queue(AF_INET);
  push(queue, {"a", "b", "c"});
  Kernel kernel{.errors = std::deque<int>(6, EPERM)};
  EXPECT_EQ(queue.flush(std::ref(kernel)), FlushStatus::done);
  EXPECT_EQ(queue.refused(), 3u);
  EXPECT_EQ(kernel.calls, 6);
}

TEST(SendQueue, InterruptedCallIsRepeated) {
  SendQueue queue(AF_INET);
  push(queue, {"a"});
  Kernel kernel{.errors = {EINTR, EINTR, EINTR}};
  EXPECT_EQ(queue.flush(std::ref(kernel)), FlushStatus::done);
  EXPECT_EQ(kernel.sent.size(), 1u);
}

TEST(SendQueue, OrderIsKeptAroundTheRing) {
  SendQueue queue(AF_INET);
  Kernel kernel{.takes_max = 7};
  std::vector<std::string> expected;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 13; ++i) {
      expected.push_back(std::to_string(round) + "." + std::to_string(i));
      ASSERT_EQ(queue.push(kPeer, as_bytes(expected.back()), {}), SendStatus::queued);
    }
    EXPECT_EQ(queue.flush(std::ref(kernel)), FlushStatus::done);
  }
  EXPECT_EQ(kernel.sent, expected);
}

}  // namespace
}  // namespace slipway::net

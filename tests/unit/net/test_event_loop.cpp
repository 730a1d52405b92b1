// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <vector>

#include <slipway/net/clock.hpp>
#include <slipway/net/event_loop.hpp>
#include <slipway/net/udp_socket.hpp>

namespace slipway::net {
namespace {

std::unique_ptr<EventLoop> make_loop() {
  auto loop = EventLoop::create();
  EXPECT_TRUE(loop) << loop.error().message();
  return std::move(*loop);
}

struct Pair {
  FileDescriptor a, b;
  Pair() {
    std::array<int, 2> fds{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds.data()), 0);
    a = FileDescriptor(fds[0]);
    b = FileDescriptor(fds[1]);
  }
  void write() const { EXPECT_EQ(::write(a.value(), "x", 1), 1); }
  void read() const {
    char byte;
    EXPECT_EQ(::read(b.value(), &byte, 1), 1);
  }
};

TEST(EventLoop, CallsTheHandlerOfAReadableSocket) {
  auto loop = make_loop();
  auto here = *UdpSocket::bind(*Address::parse("127.0.0.1:0"));
  auto there = *UdpSocket::bind(*Address::parse("127.0.0.1:0"));
  std::string got;
  ReceiveBatch batch;
  ASSERT_TRUE(loop->watch(there.fd(), Interest::read, [&](Readiness ready) {
    EXPECT_TRUE(ready.readable);
    EXPECT_FALSE(ready.writable);
    for (const auto& datagram : there.receive(batch)) got = as_text(datagram.bytes);
    loop->stop();
  }));
  here.send(there.local_address(), as_bytes("hello"));
  here.flush();
  loop->run();
  EXPECT_EQ(got, "hello");
}

TEST(EventLoop, ChangedInterestTellsOfWriting) {
  auto loop = make_loop();
  Pair pair;
  ASSERT_TRUE(loop->watch(pair.b.value(), Interest::read, [&](Readiness ready) {
    EXPECT_TRUE(ready.writable);
    EXPECT_FALSE(ready.readable);
    loop->stop();
  }));
  ASSERT_TRUE(loop->change(pair.b.value(), Interest::write));
  loop->run();
}

TEST(EventLoop, ForgottenDescriptorIsNotCalledEvenWithinTheTurn) {
  auto loop = make_loop();
  Pair first, second;
  int calls = 0;
  // Both are ready in one turn; whichever comes first forgets the other.
  ASSERT_TRUE(loop->watch(first.b.value(), Interest::read, [&](Readiness) {
    ++calls;
    loop->forget(second.b.value());
    loop->stop();
  }));
  ASSERT_TRUE(loop->watch(second.b.value(), Interest::read, [&](Readiness) {
    ++calls;
    loop->forget(first.b.value());
    loop->stop();
  }));
  first.write();
  second.write();
  loop->run();
  EXPECT_EQ(calls, 1);
}

TEST(EventLoop, HandlerMayForgetItself) {
  auto loop = make_loop();
  Pair pair;
  auto alive = std::make_shared<int>(7);
  ASSERT_TRUE(loop->watch(pair.b.value(), Interest::read, [&loop, &pair, alive](Readiness) {
    loop->forget(pair.b.value());
    EXPECT_EQ(*alive, 7) << "what the handler holds lives until it returns";
    loop->stop();
  }));
  pair.write();
  loop->run();
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(EventLoop, ReusedDescriptorDoesNotGetTheOldOnesHandler) {
  auto loop = make_loop();
  auto old = std::make_unique<Pair>();
  const int fd = old->b.value();
  ASSERT_TRUE(loop->watch(fd, Interest::read, [](Readiness) { FAIL(); }));
  loop->forget(fd);
  old.reset();
  Pair fresh;
  bool called = false;
  ASSERT_TRUE(loop->watch(fresh.b.value(), Interest::read, [&](Readiness) {
    called = true;
    loop->stop();
  }));
  fresh.write();
  loop->run();
  EXPECT_TRUE(called);
}

TEST(EventLoop, BadDescriptorIsAnError) {
  auto loop = make_loop();
  const auto result = loop->watch(-1, Interest::read, [](Readiness) {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().errno_value, EBADF);
  EXPECT_FALSE(loop->change(-1, Interest::write));
}

TEST(EventLoop, PostedWorkRunsInOrder) {
  auto loop = make_loop();
  std::vector<int> order;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(loop->post([&order, i] { order.push_back(i); }));
  ASSERT_TRUE(loop->post([&] { loop->stop(); }));
  loop->run();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(EventLoop, WorkPostedByThreadsRunsOnTheLoopsThreadAndNoneIsLost) {
  auto loop = make_loop();
  constexpr int kThreads = 4, kEach = 1000;  // together below kPostedMax
  const auto loop_thread = std::this_thread::get_id();
  int done = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i)
        EXPECT_TRUE(loop->post([&] {
          EXPECT_EQ(std::this_thread::get_id(), loop_thread);
          if (++done == kThreads * kEach) loop->stop();
        }));
    });
  }
  loop->run();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(done, kThreads * kEach);
}

TEST(EventLoop, PostedWorkIsBounded) {
  auto loop = make_loop();
  int ran = 0;
  for (std::size_t i = 0; i < EventLoop::kPostedMax; ++i) ASSERT_TRUE(loop->post([&] { ++ran; }));
  EXPECT_FALSE(loop->post([&] { ran = -1; }));
  loop->stop();
  loop->run();
  ASSERT_EQ(ran, 0) << "stopped before it ran";
  bool stopped = false;
  EventLoop::Hooks hooks;
  hooks.turn_ended = [&] {
    stopped = true;
    loop->stop();
  };
  loop->run(hooks);
  EXPECT_TRUE(stopped);
  EXPECT_EQ(ran, static_cast<int>(EventLoop::kPostedMax));
  EXPECT_TRUE(loop->post([] {}));
}

TEST(EventLoop, WorkMayPostMoreWork) {
  auto loop = make_loop();
  bool ran = false;
  ASSERT_TRUE(loop->post([&] {
    ASSERT_TRUE(loop->post([&] {
      ran = true;
      loop->stop();
    }));
  }));
  loop->run();
  EXPECT_TRUE(ran);
}

TEST(EventLoop, PastDeadlineIsReachedAtOnce) {
  auto loop = make_loop();
  int reached = 0;
  loop->run({.next_deadline = [] { return std::optional(TimePoint()); },
             .deadline_reached =
                 [&](TimePoint now) {
                   EXPECT_GT(now, TimePoint());
                   if (++reached == 3) loop->stop();
                 }});
  EXPECT_EQ(reached, 3);
}

TEST(EventLoop, DeadlineIsNeverReachedEarly) {
  auto loop = make_loop();
  const auto start = steady_now();
  std::vector<TimePoint> deadlines{start + milliseconds(3), start + Duration(1500), start};  // earliest last
  loop->run({.next_deadline = [&] { return std::optional(deadlines.back()); },
             .deadline_reached =
                 [&](TimePoint now) {
                   EXPECT_GE(now, deadlines.back());
                   EXPECT_LE(now, steady_now());
                   deadlines.pop_back();
                   if (deadlines.empty()) {
                     deadlines.push_back({});
                     loop->stop();
                   }
                 }});
  EXPECT_GE(steady_now(), start + milliseconds(3));
}

TEST(EventLoop, WaitingForADeadlineDoesNotSpin) {
  auto loop = make_loop();
  const auto deadline = steady_now() + Duration(2900);
  int turns = 0;
  loop->run({.next_deadline = [&] { return std::optional(deadline); },
             .deadline_reached = [&](TimePoint) { loop->stop(); },
             .turn_ended = [&] { ++turns; }});
  EXPECT_LT(turns, 5);
}

TEST(EventLoop, DescriptorsAreServedWhileDeadlinesAreAlwaysPast) {
  auto loop = make_loop();
  Pair pair;
  bool read = false;
  ASSERT_TRUE(loop->watch(pair.b.value(), Interest::read, [&](Readiness) {
    read = true;
    loop->stop();
  }));
  pair.write();
  loop->run(
      {.next_deadline = [] { return std::optional(TimePoint()); }, .deadline_reached = [](TimePoint) {}});
  EXPECT_TRUE(read);
}

TEST(EventLoop, DistantDeadlineDoesNotOverflow) {
  auto loop = make_loop();
  ASSERT_TRUE(loop->post([&] { loop->stop(); }));
  loop->run({.next_deadline = [] { return std::optional(TimePoint::max()); },
             .deadline_reached = [](TimePoint) { FAIL(); }});
}

TEST(EventLoop, TurnEndsAfterHandlersAndDeadline) {
  auto loop = make_loop();
  std::string order;
  ASSERT_TRUE(loop->post([&] { order += 'p'; }));
  loop->run({.next_deadline = [] { return std::optional(TimePoint()); },
             .deadline_reached = [&](TimePoint) { order += 'd'; },
             .turn_ended =
                 [&] {
                   order += 't';
                   loop->stop();
                 }});
  EXPECT_EQ(order, "pdt");
}

TEST(EventLoop, StopFromAnotherThreadWakesTheLoop) {
  auto loop = make_loop();
  std::thread other([&] { loop->stop(); });
  loop->run();
  other.join();
}

EventLoop* signalled_loop = nullptr;

TEST(EventLoop, StopIsSafeInASignalHandler) {
  auto loop = make_loop();
  signalled_loop = loop.get();
  struct sigaction action{}, previous{};
  action.sa_handler = [](int) { signalled_loop->stop(); };
  ASSERT_EQ(::sigaction(SIGUSR1, &action, &previous), 0);
  ASSERT_TRUE(loop->post([] { ::raise(SIGUSR1); }));
  loop->run();
  ::sigaction(SIGUSR1, &previous, nullptr);
}

TEST(SignalWatch, SignalsAreEventsOfTheLoop) {
  auto loop = make_loop();
  std::vector<int> seen;
  auto watch = SignalWatch::create(*loop, {SIGINT, SIGTERM}, [&](int signal) {
    seen.push_back(signal);
    if (seen.size() == 2) loop->stop();
  });
  ASSERT_TRUE(watch) << watch.error().message();
  ASSERT_TRUE(loop->post([] { ::raise(SIGINT), ::raise(SIGTERM); }));
  loop->run();
  EXPECT_EQ(seen, (std::vector<int>{SIGINT, SIGTERM}));
}

TEST(SignalWatch, RestoresTheMask) {
  auto loop = make_loop();
  {
    auto watch = SignalWatch::create(*loop, {SIGUSR2}, [](int) {});
    ASSERT_TRUE(watch);
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    EXPECT_EQ(sigismember(&mask, SIGUSR2), 1);
  }
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGUSR2), 0);
}

}  // namespace
}  // namespace slipway::net

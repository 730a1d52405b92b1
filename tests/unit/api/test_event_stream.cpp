// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <slipway/api/event_stream.hpp>
#include <slipway/api/http_server.hpp>

#include "unit/api/http_client.hpp"

namespace slipway::api {
namespace {

using nlohmann::json;
using test::Client;
using testing::HasSubstr;
using namespace std::chrono_literals;

struct Reader {
  int woken = 0;
  std::unique_ptr<EventStream::Subscription> subscription;

  explicit Reader(EventStream& events, std::string_view last_event_id = "")
      : subscription(events.subscribe(last_event_id, [this] { ++woken; })) {
    first = subscription->take().text;
  }
  std::string first;
};

TEST(EventStream, EveryReaderGetsEveryEvent) {
  EventStream events(7);
  Reader a(events), b(events);
  EXPECT_TRUE(events.publish("registered", {{"endpoint", "x\ny"}}));
  for (auto* reader : {&a, &b})
    EXPECT_EQ(reader->subscription->take().text,
              "id: 7-1\nevent: registered\ndata: {\"endpoint\":\"x\\ny\"}\n\n");
}

TEST(EventStream, ReaderIsWokenOnceUntilItTakes) {
  EventStream events(1);
  Reader reader(events);
  events.publish("a", 1);
  events.publish("b", 2);
  EXPECT_EQ(reader.woken, 1);
  (void)reader.subscription->take();
  events.publish("c", 3);
  EXPECT_EQ(reader.woken, 2);
}

TEST(EventStream, LaterReaderDoesNotGetEarlierEvents) {
  EventStream events(1);
  events.publish("a", 1);
  EXPECT_EQ(Reader(events).first, "");
}

TEST(EventStream, ReturningReaderGetsWhatItMissed) {
  EventStream events(9);
  for (int i = 1; i <= 5; ++i) events.publish("n", i);
  const auto missed = Reader(events, "9-3").first;
  EXPECT_EQ(missed, "id: 9-4\nevent: n\ndata: 4\n\nid: 9-5\nevent: n\ndata: 5\n\n");
  EXPECT_EQ(Reader(events, "9-5").first, "");
}

TEST(EventStream, ReaderThatMissedTooMuchIsToldSo) {
  EventStream events(9);
  for (std::size_t i = 0; i < EventStream::kReplayMax + 2; ++i) events.publish("n", 0);
  EXPECT_THAT(Reader(events, "9-1").first, testing::StartsWith("event: lost\n"));
  EXPECT_THAT(Reader(events, "9-1").first, HasSubstr("id: 9-3\n"));
  EXPECT_THAT(Reader(events, "9-2").first, testing::StartsWith("id: 9-3\n"));
}

TEST(EventStream, IdOfAnotherRunOrRubbishIsALoss) {
  EventStream events(9);
  events.publish("n", 1);
  for (const char* id :
       {"8-1", "9-2", "9-", "-1", "x", "9-18446744073709551615", "9-99999999999999999999", "9-1-1"})
    EXPECT_THAT(Reader(events, id).first, testing::StartsWith("event: lost\n")) << id;
}

TEST(EventStream, ReplayIsBoundedInBytes) {
  EventStream events(1);
  const std::string big(EventStream::kEventBytesMax - 2, 'x');
  const auto count = EventStream::kReplayBytesMax / EventStream::kEventBytesMax + 10;
  for (std::size_t i = 0; i < count; ++i) ASSERT_TRUE(events.publish("n", big));
  Reader reader(events, "1-0");
  std::string all = reader.first;
  for (std::string more = "x"; !more.empty(); all += more) more = reader.subscription->take().text;
  EXPECT_LE(all.size(), EventStream::kReplayBytesMax + 1024);
}

TEST(EventStream, EventTooLongIsRefused) {
  EventStream events(1);
  Reader reader(events);
  EXPECT_FALSE(events.publish("n", std::string(EventStream::kEventBytesMax, 'x')));
  EXPECT_EQ(reader.subscription->take().text, "");
}

TEST(EventStream, SlowReaderIsDroppedWithACommentAndOthersAreNot) {
  EventStream events(1);
  Reader slow(events), quick(events);
  for (std::size_t i = 0; i < EventStream::kSubscriberQueueMax; ++i) {
    events.publish("n", 0);
    (void)quick.subscription->take();
  }
  events.publish("n", 0);
  const auto last = slow.subscription->take();
  EXPECT_TRUE(last.finished);
  EXPECT_THAT(last.text, testing::StartsWith(": dropped"));
  EXPECT_FALSE(quick.subscription->take().finished);
}

TEST(EventStream, QueueExactlyFullIsNotDropped) {
  EventStream events(1);
  Reader reader(events);
  for (std::size_t i = 0; i < EventStream::kSubscriberQueueMax; ++i) events.publish("n", 0);
  EXPECT_FALSE(reader.subscription->take().finished);
}

TEST(EventStream, ReadersAreBounded) {
  EventStream events(1);
  std::vector<std::unique_ptr<EventStream::Subscription>> readers;
  for (std::size_t i = 0; i < EventStream::kSubscribersMax; ++i)
    readers.push_back(events.subscribe("", [] {}));
  EXPECT_EQ(events.subscribe("", [] {}), nullptr);
  readers.pop_back();
  EXPECT_EQ(events.subscribers(), EventStream::kSubscribersMax - 1);
  EXPECT_NE(events.subscribe("", [] {}), nullptr);
}

TEST(EventStream, SubscriptionMayOutliveTheStream) {
  auto events = std::make_unique<EventStream>(1);
  Reader reader(*events);
  events->publish("n", 1);
  events.reset();
  EXPECT_THAT(reader.subscription->take().text, HasSubstr("data: 1"));
}

// --- over HTTP ---

struct Served {
  EventStream events{5};
  std::unique_ptr<HttpServer> server;

  explicit Served(HttpLimits limits = {}) {
    Router router;
    router.add_events("/events", events);
    auto started = HttpServer::start(
        {.address = *Address::parse("127.0.0.1:0"), .token = {}, .limits = limits, .metrics = nullptr},
        std::move(router));
    if (!started) throw std::runtime_error(started.error().message());
    server = std::move(*started);
  }
  [[nodiscard]] Client connect(std::string_view headers = "") const {
    Client client(server->local_address());
    const auto head = client.get("/events", headers);
    EXPECT_EQ(head.status, 200);
    EXPECT_TRUE(head.has("Content-Type: text/event-stream\r\n"));
    return client;
  }
};

TEST(EventsOverHttp, ArriveAsTheyArePublished) {
  Served served;
  auto client = served.connect();
  served.events.publish("registered", {{"endpoint", "a"}});
  EXPECT_EQ(client.take_until("\n\n"), "id: 5-1\nevent: registered\ndata: {\"endpoint\":\"a\"}\n\n");
  served.events.publish("gone", json::object());
  EXPECT_EQ(client.take_until("\n\n"), "id: 5-2\nevent: gone\ndata: {}\n\n");
}

TEST(EventsOverHttp, PublishedByManyThreadsAllArriveInTheOrderOfTheirIds) {
  Served served;
  auto client = served.connect();
  constexpr int kThreads = 4, kEach = 50;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) served.events.publish("n", i);
    });
  for (int i = 1; i <= kThreads * kEach; ++i)
    EXPECT_THAT(client.take_until("\n\n"), testing::StartsWith("id: 5-" + std::to_string(i) + "\n"));
  for (auto& thread : threads) thread.join();
}

TEST(EventsOverHttp, LastEventIdResumes) {
  Served served;
  for (int i = 1; i <= 3; ++i) served.events.publish("n", i);
  auto client = served.connect("Last-Event-ID: 5-2\r\n");
  EXPECT_EQ(client.take_until("\n\n"), "id: 5-3\nevent: n\ndata: 3\n\n");
}

TEST(EventsOverHttp, SilenceIsFilledWithHeartbeats) {
  Served served({.heartbeat = 2ms});
  auto client = served.connect();
  EXPECT_EQ(client.take_until("\n\n"), ": heartbeat\n\n");
  EXPECT_EQ(client.take_until("\n\n"), ": heartbeat\n\n");
}

TEST(EventsOverHttp, ReaderThatLeavesIsForgottenWithoutWaitingForTheHeartbeat) {
  Served served;
  {
    auto client = served.connect();
    EXPECT_EQ(served.events.subscribers(), 1u);
  }
  while (served.events.subscribers() != 0) std::this_thread::yield();
}

TEST(EventsOverHttp, ReaderTooManyIs503) {
  Served served;
  std::vector<Client> readers;
  for (std::size_t i = 0; i < EventStream::kSubscribersMax; ++i) readers.push_back(served.connect());
  const auto reply = Client(served.server->local_address()).get("/events");
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.error_code(), "too_many_subscribers");
}

TEST(EventsOverHttp, ReaderThatDoesNotReadIsClosedAndHoldsUpNobody) {
  Served served({.write_time = 20ms});
  Client stuck(served.server->local_address());
  stuck.small_receive_buffer();
  EXPECT_EQ(stuck.get("/events").status, 200);
  const std::string big(EventStream::kEventBytesMax - 2, 'x');
  while (served.events.subscribers() != 0) ASSERT_TRUE(served.events.publish("n", big));
  auto other = served.connect();
  served.events.publish("n", 1);
  EXPECT_THAT(other.take_until("\n\n"), HasSubstr("data: 1\n"));
}

TEST(EventsOverHttp, StopEndsTheStreams) {
  Served served;
  auto client = served.connect();
  served.server->stop();
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(served.events.subscribers(), 0u);
  served.events.publish("n", 1);
}

}  // namespace
}  // namespace slipway::api

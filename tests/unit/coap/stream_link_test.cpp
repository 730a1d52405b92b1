// SPDX-License-Identifier: Apache-2.0
// Two endpoints over two connections over a stream that cuts, delays and stops, in virtual time.
#include <deque>
#include <map>

#include <slipway/coap/stream.hpp>

#include "desk.hpp"

namespace slipway::coap {
namespace {

using namespace test;

/// One end: what a program wires to a socket.
struct End {
  End(TimePoint now, const EndpointConfig& config, const StreamConfig& stream, Random& random)
      : endpoint(config, random), connection(now, stream) {}
  Endpoint endpoint;
  StreamConnection connection;
  std::deque<std::uint8_t> arriving;  ///< what the network holds for this end
  bool reads = true;
  std::optional<StreamEnd> ended;
  std::function<void(const Event&)> on_event;
};

class Line {
 public:
  explicit Line(std::uint64_t seed, const StreamConfig& stream = {}, const EndpointConfig& config = {})
      : random(seed), client(now, config, stream, random), server(now, config, stream, random) {}

  /// Until nothing happens before `until`.
  void run(Duration duration = seconds(600)) {
    const auto until = now + duration;
    for (int steps = 0; steps < 1'000'000; ++steps) {
      while (move()) {
      }
      std::optional<TimePoint> next;
      for (auto* end : {&client, &server})
        for (const auto at : {end->endpoint.next_timeout(), end->connection.next_timeout()})
          if (at && (!next || *at < *next)) next = at;
      if (!next || *next > until) break;
      now = std::max(now, *next);
      for (auto* end : {&client, &server}) {
        end->endpoint.handle_timeout(now);
        end->connection.handle_timeout(now);
      }
    }
    now = until;
  }

  TimePoint now{seconds(1000)};
  SeededRandom random;
  std::size_t window = 4000;  ///< bytes that the network takes for an end that does not read
  End client;
  End server;

 private:
  bool move() {
    bool moved = false;
    for (auto [end, other] : {std::pair(&client, &server), std::pair(&server, &client)}) {
      moved |= settle(*end);
      const auto output = end->connection.poll_output();
      const auto room = window - std::min(window, other->arriving.size());
      const auto count = std::min<std::size_t>(std::min(output.size(), room), 1 + random.below(3000));
      if (count != 0) {
        other->arriving.insert(other->arriving.end(), output.begin(),
                               output.begin() + static_cast<std::ptrdiff_t>(count));
        end->connection.taken(now, count);
        moved = true;
      }
      if (!end->reads || end->arriving.empty()) continue;
      Bytes bytes(1 + random.below(end->arriving.size()));
      for (auto& byte : bytes) byte = end->arriving.front(), end->arriving.pop_front();
      end->connection.handle_bytes(now, bytes);
      moved = true;
    }
    now += Duration(random.below(2000));
    return moved;
  }
  bool settle(End& end) {
    bool moved = false;
    while (const auto event = end.connection.poll_event()) {
      moved = true;
      if (const auto* ready = std::get_if<StreamReady>(&*event)) {
        EXPECT_TRUE(end.endpoint.set_reliable(PeerId(1), ready->peer));
      }
      if (const auto* message = std::get_if<StreamMessage>(&*event))
        end.endpoint.handle_datagram(now, PeerId(1), message->frame);
      if (const auto* closed = std::get_if<StreamClosed>(&*event)) {
        end.ended = closed->end;
        end.endpoint.drop_peer(PeerId(1));
      }
    }
    while (const auto event = end.endpoint.poll_event()) {
      moved = true;
      if (end.on_event) end.on_event(*event);
    }
    while (const auto out = end.endpoint.poll_transmit()) {
      moved = true;
      if (!end.ended) (void)end.connection.send(now, out->bytes);
    }
    return moved;
  }
};

/// The server answers with the request's payload turned round.
std::string turned(ByteView payload) {
  const auto text = as_text(payload);
  return {text.rbegin(), text.rend()};
}
void echo(Line& line) {
  line.server.on_event = [&line](const Event& event) {
    const auto* request = std::get_if<RequestReceived>(&event);
    if (request == nullptr) return;
    const auto text = turned(request->message.payload);
    EXPECT_TRUE(line.server.endpoint.respond(line.now, request->id,
                                             {.code = Code::changed, .payload = as_bytes(text)}));
  };
}

/// Bodies of many sizes, whatever the two sides take: whole, in blocks, or both.
TEST(CoapStreamLink, BodiesArriveIntactForEveryMessageSize) {
  for (const std::size_t message_max : {std::size_t{1152}, std::size_t{3000}, std::size_t{66'560}}) {
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      SCOPED_TRACE(message_max + seed);
      EndpointConfig config{.exchanges_max = 64, .frame_max = message_max};
      Line line(seed, {.message_max = message_max}, config);
      line.run(seconds(1));
      echo(line);
      std::map<std::uint64_t, std::string> open;
      line.client.on_event = [&](const Event& event) {
        const auto* response = std::get_if<ResponseReceived>(&event);
        ASSERT_NE(response, nullptr);
        EXPECT_EQ(as_text(response->message.payload), turned(as_bytes(open.at(response->tag))));
        open.erase(response->tag);
      };
      std::uint64_t tag = 0;
      for (const std::size_t size : {0, 1, 12, 13, 1023, 1024, 1025, 1100, 5000, 30'000, 65'536}) {
        ++tag;
        open[tag] = body(size, static_cast<int>(tag));
        const auto path = "/" + std::to_string(tag);
        ASSERT_TRUE(line.client.endpoint.request(
            line.now, PeerId(1),
            {.code = Code::post, .path = path, .payload = as_bytes(open[tag]), .tag = tag}));
      }
      line.run();
      EXPECT_TRUE(open.empty()) << open.size() << " of " << tag;
      EXPECT_FALSE(line.client.ended);
      EXPECT_FALSE(line.server.ended);
    }
  }
}

TEST(CoapStreamLink, NotificationsArriveAllAndInOrder) {
  Line line(5);
  line.run(seconds(1));
  line.server.on_event = [&](const Event& event) {
    if (const auto* request = std::get_if<RequestReceived>(&event))
      (void)line.server.endpoint.respond(line.now, request->id, {.observe = 0});
  };
  std::vector<std::string> seen;
  line.client.on_event = [&](const Event& event) {
    if (const auto* notification = std::get_if<NotificationReceived>(&event))
      seen.emplace_back(as_text(notification->message.payload));
  };
  ASSERT_TRUE(
      line.client.endpoint.request(line.now, PeerId(1), {.path = "/o", .observe = 0, .token = token("w")}));
  line.run(seconds(10));
  std::vector<std::string> told;
  for (int i = 0; i < 50; ++i) {
    told.push_back(body(static_cast<std::size_t>(i) * 40, i));
    ASSERT_TRUE(line.server.endpoint.notify(line.now, PeerId(1), token("w"), Type::confirmable,
                                            {.observe = 7, .payload = as_bytes(told.back())}, 0));
  }
  line.run(seconds(10));
  EXPECT_EQ(seen, told);
}

TEST(CoapStreamLink, ALostConnectionEndsEveryRequest) {
  Line line(6);
  line.run(seconds(1));
  int dropped = 0;
  line.client.on_event = [&](const Event& event) {
    const auto* failed = std::get_if<RequestFailed>(&event);
    if (failed != nullptr && failed->reason == RequestFailure::peer_dropped) ++dropped;
  };
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(line.client.endpoint.request(line.now, PeerId(1), {.path = "/a"}));
  line.run(seconds(1));
  line.client.connection.handle_end(line.now);
  line.run(seconds(1));
  EXPECT_EQ(dropped, 20);
  EXPECT_EQ(line.client.ended, StreamEnd::closed_by_peer);
  EXPECT_EQ(line.client.endpoint.next_timeout(), std::nullopt);
}

TEST(CoapStreamLink, AReaderThatStopsIsGivenUpAndItsRequestsEnd) {
  Line line(7, {.outstanding_max = 100'000});
  line.run(seconds(1));
  echo(line);
  line.client.reads = false;
  const auto payload = body(50'000);
  int failed = 0;
  line.client.on_event = [&](const Event& event) { failed += std::holds_alternative<RequestFailed>(event); };
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(line.client.endpoint.request(line.now, PeerId(1),
                                             {.code = Code::post, .payload = as_bytes(payload)}));
  line.run(seconds(300));
  EXPECT_EQ(line.server.ended, StreamEnd::stalled);
  EXPECT_LE(line.server.connection.poll_output().size(), 100'000u);
  EXPECT_EQ(failed, 10);
}

TEST(CoapStreamLink, APeerThatIsGoneIsNoticedByPings) {
  Line line(8);
  line.run(seconds(1));
  line.client.reads = line.server.reads = false;
  line.run(seconds(700));
  EXPECT_EQ(line.server.ended, StreamEnd::silent);
}

TEST(CoapStreamLink, AReleaseLetsWhatIsUnderWayFinish) {
  Line line(9);
  line.run(seconds(1));
  std::optional<IncomingId> asked;
  line.server.on_event = [&](const Event& event) {
    if (const auto* request = std::get_if<RequestReceived>(&event)) asked = request->id;
  };
  int answers = 0;
  line.client.on_event = [&](const Event& event) {
    answers += std::holds_alternative<ResponseReceived>(event);
  };
  ASSERT_TRUE(line.client.endpoint.request(line.now, PeerId(1), {.path = "/a"}));
  line.run(seconds(1));
  ASSERT_TRUE(asked);
  line.server.connection.release(line.now);
  line.run(seconds(1));
  EXPECT_FALSE(line.client.ended);
  ASSERT_TRUE(line.server.endpoint.respond(line.now, *asked, {}));
  line.run(seconds(1));
  EXPECT_EQ(answers, 1);
  EXPECT_EQ(line.client.ended, StreamEnd::released);
}

}  // namespace
}  // namespace slipway::coap

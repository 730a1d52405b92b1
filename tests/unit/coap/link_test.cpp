// SPDX-License-Identifier: Apache-2.0
// Two endpoints back to back over a link that loses, duplicates and reorders, in virtual time.
#include <charconv>
#include <map>
#include <queue>

#include "desk.hpp"

namespace slipway::coap {
namespace {

using namespace test;

struct LinkQuality {
  unsigned loss_percent = 0;
  unsigned duplicate_percent = 0;
  Duration delay_max = milliseconds(50);
};

/// Carries datagrams between two endpoints; the earliest thing happens next.
class Link {
 public:
  using OnEvent = std::function<void(Link&, const Event&)>;

  Link(std::uint64_t seed, LinkQuality link_quality, const EndpointConfig& client_config,
       const EndpointConfig& server_config)
      : random(seed), quality(link_quality), client(client_config, random), server(server_config, random) {}

  void run() {
    collect();
    for (int steps = 0; steps < 2000000; ++steps) {
      auto next = earliest(client.next_timeout(), server.next_timeout());
      if (!on_the_way.empty()) next = earliest(next, on_the_way.top().when);
      if (!later.empty()) next = earliest(next, later.begin()->first);
      if (!next) return;
      now = std::max(now, *next);
      if (!on_the_way.empty() && on_the_way.top().when <= now) {
        const auto datagram = on_the_way.top();
        on_the_way.pop();
        (datagram.to_server ? server : client).handle_datagram(now, PeerId(1), datagram.bytes);
      } else if (!later.empty() && later.begin()->first <= now) {
        const auto action = std::move(later.begin()->second);
        later.erase(later.begin());
        action();
      } else {
        client.handle_timeout(now);
        server.handle_timeout(now);
      }
      collect();
    }
    FAIL() << "the link does not come to rest";
  }
  void at(Duration delay, std::function<void()> action) { later.emplace(now + delay, std::move(action)); }

  SeededRandom random;
  LinkQuality quality;
  TimePoint now{};
  Endpoint client;
  Endpoint server;
  OnEvent on_client, on_server;

 private:
  struct Datagram {
    TimePoint when;
    std::uint64_t order;
    bool to_server;
    Bytes bytes;
    bool operator<(const Datagram& other) const {
      return std::pair(other.when, other.order) < std::pair(when, order);
    }
  };
  static std::optional<TimePoint> earliest(std::optional<TimePoint> a, std::optional<TimePoint> b) {
    if (!a || !b) return a ? a : b;
    return std::min(*a, *b);
  }
  void collect() {
    for (bool again = true; again;) {
      again = false;
      while (const auto event = client.poll_event()) on_client(*this, *event), again = true;
      while (const auto event = server.poll_event()) on_server(*this, *event), again = true;
    }
    while (const auto out = client.poll_transmit()) carry(true, out->bytes);
    while (const auto out = server.poll_transmit()) carry(false, out->bytes);
  }
  void carry(bool to_server, ByteView bytes) {
    const int copies = random.below(100) < quality.duplicate_percent ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      if (random.below(100) < quality.loss_percent) continue;
      const auto delay = milliseconds(5) + Duration(random.below(quality.delay_max.count() + 1));
      on_the_way.push({now + delay, ++order_, to_server, Bytes(bytes.begin(), bytes.end())});
    }
  }
  std::priority_queue<Datagram> on_the_way;
  std::multimap<TimePoint, std::function<void()>> later;
  std::uint64_t order_ = 0;
};

EndpointConfig roomy(std::uint8_t szx) {
  return {.incoming_max = 20000, .incoming_per_peer_max = 20000, .block_szx = szx};
}

std::uint64_t number_in(const Message& message, std::string_view name) {
  for (std::size_t i = 0; i < message.option_count(); ++i) {
    const auto text = message.option(i).text();
    if (message.option(i).number != OptionNumber::uri_query || !text.starts_with(name)) continue;
    std::uint64_t value = 0;
    std::from_chars(text.data() + name.size(), text.data() + text.size(), value);
    return value;
  }
  return 0;
}

/// Asks the server, which echoes what it was told, and keeps the books of both sides.
struct Echo {
  explicit Echo(Link& a_link) : link(a_link) {
    link.on_server = [this](Link&, const Event& event) { serve(event); };
    link.on_client = [this](Link&, const Event& event) { receive(event); };
  }
  void ask(std::size_t up, std::size_t down, Type type = Type::confirmable, Duration thinking = {}) {
    const auto tag = sizes.size();
    const std::string id = "id=" + std::to_string(tag), answer = "answer=" + std::to_string(down);
    const std::string wait = "wait=" + std::to_string(thinking.count());
    const std::string_view queries[] = {id, answer, wait};
    sizes.push_back({up, down});
    ended.push_back(0);
    succeeded.push_back(0);
    processed.push_back(0);
    const auto payload = body(up, static_cast<int>(tag));
    const auto result = link.client.request(link.now, PeerId(1),
                                            {.code = Code::post,
                                             .type = type,
                                             .path = "/echo",
                                             .queries = queries,
                                             .payload = as_bytes(payload),
                                             .tag = tag});
    if (!result) {
      EXPECT_EQ(result.error().code, ErrorCode::exhausted);
      ++ended[tag];
    }
  }
  void serve(const Event& event) {
    const auto* request = std::get_if<RequestReceived>(&event);
    if (request == nullptr) return;
    const auto tag = number_in(request->message, "id=");
    ASSERT_LT(tag, sizes.size());
    ++processed[tag];
    EXPECT_EQ(as_text(request->message.payload), body(sizes[tag].first, static_cast<int>(tag)));
    const auto down = number_in(request->message, "answer=");
    const auto reply = [this, id = request->id, down, tag] {
      const auto payload = body(down, static_cast<int>(tag) + 1);
      (void)link.server.respond(link.now, id, {.code = Code::changed, .payload = as_bytes(payload)});
    };
    const auto wait = number_in(request->message, "wait=");
    if (wait == 0) {
      reply();
    } else {
      link.at(Duration(static_cast<Duration::rep>(wait)), reply);
    }
  }
  void receive(const Event& event) {
    if (const auto* response = std::get_if<ResponseReceived>(&event)) {
      ++ended[response->tag];
      if (response->message.code != Code::changed) return;  // 4.08 where the link delayed too much.
      ++succeeded[response->tag];
      EXPECT_EQ(as_text(response->message.payload),
                body(sizes[response->tag].second, static_cast<int>(response->tag) + 1));
    } else if (const auto* failed = std::get_if<RequestFailed>(&event)) {
      ++ended[failed->tag];
    }
  }
  Link& link;
  std::vector<std::pair<std::size_t, std::size_t>> sizes;
  std::vector<int> ended, succeeded, processed;
};

TEST(CoapLink, BodiesArriveIntactForEveryPairOfBlockSizes) {
  const std::size_t sizes[] = {0, 1, 15, 16, 17, 31, 32, 33, 511, 512, 1023, 1024, 1025, 5000, 20000};
  for (std::uint8_t client_szx = 0; client_szx <= 6; ++client_szx) {
    for (std::uint8_t server_szx = 0; server_szx <= 6; ++server_szx) {
      SCOPED_TRACE(client_szx * 10 + server_szx);
      Link link(1, {.delay_max = {}}, roomy(client_szx), roomy(server_szx));
      Echo echo(link);
      for (std::size_t i = 0; i < std::size(sizes); ++i) echo.ask(sizes[i], sizes[std::size(sizes) - 1 - i]);
      for (const auto size : sizes) echo.ask(size, 0);
      link.client.handle_timeout(link.now);
      link.run();
      for (std::size_t i = 0; i < echo.sizes.size(); ++i) {
        EXPECT_EQ(echo.succeeded[i], 1) << echo.sizes[i].first << " up, " << echo.sizes[i].second << " down";
        EXPECT_EQ(echo.processed[i], 1);
      }
      EXPECT_EQ(link.client.counters().retransmitted, 0u);
    }
  }
}

TEST(CoapLink, EveryRequestEndsOnceAndIsProcessedAtMostOnceOnABadLink) {
  int successes = 0, requests = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom dice(seed + 1000);
    const LinkQuality quality{.loss_percent = static_cast<unsigned>(dice.below(31)),
                              .duplicate_percent = static_cast<unsigned>(dice.below(31)),
                              .delay_max = milliseconds(dice.below(3000))};
    auto client_config = roomy(static_cast<std::uint8_t>(dice.below(7)));
    client_config.nstart = static_cast<unsigned>(1 + dice.below(3));
    Link link(seed, quality, client_config, roomy(static_cast<std::uint8_t>(dice.below(7))));
    Echo echo(link);
    for (int i = 0; i < 8; ++i) {
      const auto up = dice.below(3) == 0 ? dice.below(3000) : dice.below(40);
      const auto down = dice.below(3) == 0 ? dice.below(3000) : dice.below(40);
      const auto thinking = dice.below(2) == 0 ? Duration(0) : Duration(dice.below(4000000));
      echo.ask(up, down, dice.below(4) == 0 ? Type::non_confirmable : Type::confirmable, thinking);
    }
    link.run();
    for (std::size_t i = 0; i < echo.sizes.size(); ++i) {
      EXPECT_EQ(echo.ended[i], 1) << i;
      EXPECT_LE(echo.processed[i], 1) << i;
      if (echo.succeeded[i] == 1) {
        EXPECT_EQ(echo.processed[i], 1) << i;
      }
      successes += echo.succeeded[i];
      ++requests;
    }
    EXPECT_FALSE(link.client.busy(PeerId(1)));
    EXPECT_FALSE(link.server.busy(PeerId(1)));
  }
  EXPECT_GT(successes, requests * 7 / 10);
}

TEST(CoapLink, ConfirmableRequestsSucceedOnALinkThatOnlyDuplicatesAndReorders) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom dice(seed);
    Link link(seed, {.duplicate_percent = 50, .delay_max = milliseconds(900)},
              roomy(static_cast<std::uint8_t>(dice.below(7))),
              roomy(static_cast<std::uint8_t>(dice.below(7))));
    Echo echo(link);
    for (int i = 0; i < 5; ++i)
      echo.ask(dice.below(2000), dice.below(2000), Type::confirmable, Duration(dice.below(2) * 1000000));
    link.run();
    for (std::size_t i = 0; i < echo.sizes.size(); ++i) {
      EXPECT_EQ(echo.succeeded[i], 1) << i;
      EXPECT_EQ(echo.processed[i], 1) << i;
    }
  }
}

TEST(CoapLink, NotificationsArriveInOrderWithWholeBodies) {
  int notifications = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Link link(seed, {.loss_percent = 20, .duplicate_percent = 20, .delay_max = milliseconds(1500)}, roomy(2),
              roomy(2));
    int state = 0, seen = 0, done = 0, ended = 0;
    const auto content = [](int n) {
      return std::to_string(n) + ":" + body(static_cast<std::size_t>(n % 3) * 50, n);
    };
    link.on_server = [&](Link&, const Event& event) {
      if (const auto* request = std::get_if<RequestReceived>(&event)) {
        const auto text = content(state);
        const auto sequence = static_cast<std::uint32_t>(state);
        (void)link.server.respond(
            link.now, request->id,
            {.observe = request->message.observe() ? std::optional(sequence) : std::nullopt,
             .payload = as_bytes(text)});
      } else if (std::get_if<NotifyDone>(&event) != nullptr) {
        ++done;
      }
    };
    link.on_client = [&](Link&, const Event& event) {
      if (const auto* got = std::get_if<NotificationReceived>(&event)) {
        int value = 0;
        const auto text = as_text(got->message.payload);
        std::from_chars(text.data(), text.data() + text.size(), value);
        EXPECT_GT(value, seen);
        EXPECT_EQ(text, content(value));
        seen = value;
        ++notifications;
      } else if (std::get_if<RequestFailed>(&event) != nullptr) {
        ++ended;
      }
    };
    ASSERT_TRUE(
        link.client.request(link.now, PeerId(1), {.path = "/o", .observe = 0, .token = token("watch")}));
    const int total = 10;
    for (int i = 1; i <= total; ++i) {
      link.at(seconds(100 + 10 * i), [&, i] {
        state = i;
        const auto text = content(i);
        EXPECT_TRUE(link.server.notify(link.now, PeerId(1), token("watch"), Type::confirmable,
                                       {.observe = static_cast<std::uint32_t>(i), .payload = as_bytes(text)},
                                       0));
      });
    }
    link.run();
    EXPECT_EQ(done, total);
    EXPECT_LE(ended, 1);
  }
  EXPECT_GT(notifications, 1000);
}

}  // namespace
}  // namespace slipway::coap

// SPDX-License-Identifier: Apache-2.0
// Requests that this endpoint makes. [RFC 7252 §4, §5]
#include "desk.hpp"

namespace slipway::coap {
namespace {

using namespace test;

Letter answer_to(const Sent& request, Code code = Code::content, std::string payload = "x") {
  const auto message = request.message();
  return {.type = Type::acknowledgement,
          .code = code,
          .id = message.message_id.value(),
          .token = message.token,
          .payload = std::move(payload)};
}
Letter empty(Type type, MessageId id) {
  return {.type = type, .code = Code::empty, .id = id.value()};
}

TEST(CoapExchange, WritesARequestAsTheSpecificationSays) {
  Desk desk;
  const std::string_view queries[] = {"ep=a", "lt=60"};
  desk.ask({.code = Code::post,
            .path = "/rd",
            .queries = queries,
            .content_format = 40,
            .accept = 60,
            .payload = as_bytes("</1/0>")});
  const auto sent = desk.one_sent();
  const auto message = sent.message();
  EXPECT_EQ(message.type, Type::confirmable);
  EXPECT_EQ(message.code, Code::post);
  EXPECT_EQ(message.token.size(), 8u);
  EXPECT_EQ(message.uri_path().view(), "/rd");
  EXPECT_EQ(message.option(1).number, OptionNumber::content_format);
  EXPECT_EQ(message.option(2).text(), "ep=a");
  EXPECT_EQ(message.option(3).text(), "lt=60");
  EXPECT_EQ(message.accept(), 60);
  EXPECT_EQ(as_text(message.payload), "</1/0>");
}

TEST(CoapExchange, PiggybackedResponseEndsIt) {
  Desk desk;
  const auto id = desk.ask({.path = "/3/0", .tag = 7});
  EXPECT_TRUE(desk.endpoint.busy(PeerId(1)));
  desk.give(answer_to(desk.one_sent()));
  const auto event = desk.event<ResponseReceived>();
  EXPECT_EQ(event.id, id);
  EXPECT_EQ(event.tag, 7u);
  EXPECT_EQ(event.message.code, Code::content);
  EXPECT_FALSE(event.notifications_follow);
  EXPECT_FALSE(desk.endpoint.busy(PeerId(1)));
  EXPECT_EQ(desk.endpoint.next_timeout(), std::nullopt);
}

TEST(CoapExchange, RetransmitsAtDoubledTimeout) {
  Desk desk;
  const auto start = desk.now;
  desk.ask({.path = "/"});
  const auto first = desk.one_sent();
  for (const int wait : {2, 6, 14, 30}) {
    ASSERT_EQ(desk.endpoint.next_timeout(), start + seconds(wait));
    desk.endpoint.handle_timeout(start + seconds(wait) - Duration(1));
    EXPECT_TRUE(desk.sent().empty());
    desk.endpoint.handle_timeout(start + seconds(wait));
    EXPECT_EQ(desk.one_sent().bytes, first.bytes);
  }
  ASSERT_EQ(desk.endpoint.next_timeout(), start + seconds(62));
  desk.endpoint.handle_timeout(start + seconds(62));
  EXPECT_TRUE(desk.sent().empty());
  EXPECT_EQ(desk.event<RequestFailed>().reason, RequestFailure::timeout);
  EXPECT_EQ(desk.endpoint.counters().retransmitted, 4u);
  EXPECT_EQ(desk.endpoint.next_timeout(), std::nullopt);
}

TEST(CoapExchange, FirstTimeoutLiesBetweenAckTimeoutAndItsRandomFactor) {
  Desk desk(EndpointConfig{.exchanges_max = 2000, .queue_per_peer_max = 1});
  auto lowest = seconds(100) + Duration(0);
  auto highest = Duration(0);
  for (std::uint64_t peer = 1; peer <= 500; ++peer) {
    Endpoint one(EndpointConfig{}, desk.random);
    ASSERT_TRUE(one.request(desk.now, PeerId(peer), {}));
    const auto wait = *one.next_timeout() - desk.now;
    lowest = std::min(lowest, wait);
    highest = std::max(highest, wait);
  }
  EXPECT_GE(lowest, seconds(2));
  EXPECT_LT(lowest, milliseconds(2050));
  EXPECT_LE(highest, seconds(3));
  EXPECT_GT(highest, milliseconds(2950));
}

TEST(CoapExchange, EmptyAckStopsRetransmissionAndTheSeparateResponseIsAcknowledged) {
  Desk desk;
  desk.ask({.path = "/3"});
  const auto request = desk.one_sent().message();
  desk.give(empty(Type::acknowledgement, request.message_id));
  EXPECT_TRUE(desk.endpoint.busy(PeerId(1)));
  desk.pass(seconds(60));
  EXPECT_TRUE(desk.sent().empty());
  desk.give({.code = Code::content, .id = 77, .token = request.token, .payload = "late"});
  EXPECT_EQ(desk.one_sent().bytes, written(empty(Type::acknowledgement, MessageId(77))));
  EXPECT_EQ(as_text(desk.event<ResponseReceived>().message.payload), "late");
  // Its duplicate is acknowledged again and has no other effect.
  desk.give({.code = Code::content, .id = 77, .token = request.token, .payload = "late"});
  EXPECT_EQ(desk.one_sent().bytes, written(empty(Type::acknowledgement, MessageId(77))));
  desk.expect_no_event();
  desk.expect_forgets_everything();
}

TEST(CoapExchange, SeparateResponseBeforeTheAckCountsAsBoth) {
  Desk desk;
  desk.ask({.path = "/3"});
  const auto request = desk.one_sent().message();
  desk.give({.type = Type::non_confirmable, .code = Code::content, .id = 77, .token = request.token});
  desk.event<ResponseReceived>();
  desk.give(empty(Type::acknowledgement, request.message_id));
  desk.expect_no_event();
  EXPECT_EQ(desk.endpoint.counters().unmatched, 1u);
  EXPECT_EQ(desk.endpoint.next_timeout(), std::nullopt);
}

TEST(CoapExchange, FailsWhenNoResponseFollowsTheAck) {
  Desk desk;
  desk.ask({.path = "/3"});
  desk.give(empty(Type::acknowledgement, desk.one_sent().message().message_id));
  EXPECT_EQ(desk.endpoint.next_timeout(), desk.now + seconds(93));
  desk.pass(seconds(93));
  EXPECT_EQ(desk.event<RequestFailed>().reason, RequestFailure::timeout);
}

TEST(CoapExchange, ResetEndsIt) {
  Desk desk;
  desk.ask({.path = "/3"});
  desk.give(empty(Type::reset, desk.one_sent().message().message_id));
  EXPECT_EQ(desk.event<RequestFailed>().reason, RequestFailure::reset);
  EXPECT_FALSE(desk.endpoint.busy(PeerId(1)));
}

TEST(CoapExchange, AnswersWithAForeignTokenPeerOrMessageIdAreNotTaken) {
  Desk desk;
  desk.ask({.path = "/3"});
  const auto sent = desk.one_sent();
  auto other_token = answer_to(sent);
  other_token.token = token("other");
  desk.give(other_token);
  auto other_id = answer_to(sent);
  ++other_id.id;
  desk.give(other_id);
  desk.give(answer_to(sent), PeerId(2));
  desk.expect_no_event();
  EXPECT_EQ(desk.endpoint.counters().unmatched, 3u);
  desk.give(answer_to(sent));
  desk.event<ResponseReceived>();
}

TEST(CoapExchange, UnknownTokenIsRejectedWhenConfirmableAndDroppedOtherwise) {
  Desk desk;
  desk.give({.type = Type::confirmable, .code = Code::content, .id = 5, .token = token("t")});
  EXPECT_EQ(desk.one_sent().bytes, written(empty(Type::reset, MessageId(5))));
  desk.give({.type = Type::non_confirmable, .code = Code::content, .id = 6, .token = token("t")});
  EXPECT_TRUE(desk.sent().empty());
  desk.give(
      {.type = Type::non_confirmable, .code = Code::content, .id = 7, .token = token("t"), .observe = 3});
  EXPECT_EQ(desk.one_sent().bytes, written(empty(Type::reset, MessageId(7))));
  EXPECT_EQ(desk.endpoint.next_timeout(), std::nullopt);
}

TEST(CoapExchange, NonConfirmableRequestIsNotRetransmitted) {
  Desk desk;
  desk.ask({.type = Type::non_confirmable, .path = "/3"});
  const auto request = desk.one_sent().message();
  EXPECT_FALSE(desk.endpoint.busy(PeerId(1)));
  desk.pass(seconds(50));
  EXPECT_TRUE(desk.sent().empty());
  desk.give({.type = Type::non_confirmable, .code = Code::content, .id = 9, .token = request.token});
  desk.event<ResponseReceived>();
  desk.ask({.type = Type::non_confirmable, .path = "/3"});
  desk.pass(seconds(93));
  EXPECT_EQ(desk.event<RequestFailed>().reason, RequestFailure::timeout);
}

TEST(CoapExchange, OneConfirmableIsInFlightToAPeerAndTheOthersFollowInOrder) {
  Desk desk;
  for (const auto* path : {"/1", "/2", "/3"}) desk.ask({.path = path});
  desk.ask({.path = "/other"}, PeerId(2));
  auto all = desk.sent();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].message().uri_path().view(), "/1");
  EXPECT_EQ(all[1].peer, PeerId(2));
  for (const auto* next : {"/2", "/3"}) {
    desk.give(answer_to(all[0]));
    all = desk.sent();
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0].message().uri_path().view(), next);
    desk.event<ResponseReceived>();
  }
}

TEST(CoapExchange, AcknowledgementFreesTheWayForTheNextInTheQueue) {
  Desk desk;
  desk.ask({.path = "/1"});
  desk.ask({.path = "/2"});
  desk.give(empty(Type::acknowledgement, desk.one_sent().message().message_id));
  EXPECT_EQ(desk.one_sent().message().uri_path().view(), "/2");
}

TEST(CoapExchange, TimeoutOfTheFirstFreesTheWayForTheNext) {
  Desk desk;
  desk.ask({.path = "/1"});
  desk.ask({.path = "/2"});
  desk.pass(seconds(62));
  desk.event<RequestFailed>();
  const auto all = desk.sent();
  ASSERT_EQ(all.size(), 6u);
  EXPECT_EQ(all.back().message().uri_path().view(), "/2");
  EXPECT_EQ(desk.endpoint.next_timeout(), desk.now + seconds(2));
}

TEST(CoapExchange, NstartOfTwoKeepsTwoInFlight) {
  auto config = exact();
  config.nstart = 2;
  Desk desk(config);
  for (int i = 0; i < 3; ++i) desk.ask({});
  EXPECT_EQ(desk.sent().size(), 2u);
}

TEST(CoapExchange, BoundsTheQueueOfAPeer) {
  auto config = exact();
  config.queue_per_peer_max = 3;
  Desk desk(config);
  for (int i = 0; i < 4; ++i) desk.ask({});
  EXPECT_EQ(desk.endpoint.request(desk.now, PeerId(1), {}).error().code, ErrorCode::exhausted);
  EXPECT_EQ(desk.endpoint.notify(desk.now, PeerId(1), Token(), Type::confirmable, {}, 0).error().code,
            ErrorCode::exhausted);
  desk.ask({}, PeerId(2));
  desk.ask({.type = Type::non_confirmable});
}

TEST(CoapExchange, BoundsTheExchangesOfAllPeers) {
  auto config = exact();
  config.exchanges_max = 5;
  Desk desk(config);
  for (std::uint64_t peer = 1; peer <= 5; ++peer) desk.ask({}, PeerId(peer));
  EXPECT_EQ(desk.endpoint.request(desk.now, PeerId(6), {}).error().code, ErrorCode::exhausted);
  desk.give(answer_to(desk.sent()[2]), PeerId(3));
  desk.ask({}, PeerId(6));
}

TEST(CoapExchange, RefusesWhatCannotBeSent) {
  auto config = exact();
  config.datagram_max = 128;
  config.body_max = 100;
  Desk desk(config);
  const std::string long_path = "/" + std::string(200, 'p');
  EXPECT_EQ(desk.endpoint.request(desk.now, PeerId(1), {.path = long_path}).error().code,
            ErrorCode::no_space);
  const auto large = body(101);
  EXPECT_EQ(desk.endpoint.request(desk.now, PeerId(1), {.payload = as_bytes(large)}).error().code,
            ErrorCode::limit);
  EXPECT_EQ(desk.endpoint.next_timeout(), std::nullopt);
  EXPECT_FALSE(desk.endpoint.busy(PeerId(1)));
}

TEST(CoapExchange, CancelledRequestMakesNoEventAndItsLateAnswerIsDropped) {
  Desk desk;
  const auto id = desk.ask({.path = "/1"});
  desk.ask({.path = "/2"});
  const auto first = desk.one_sent();
  desk.endpoint.cancel(id);
  EXPECT_EQ(desk.one_sent().message().uri_path().view(), "/2");
  desk.give(answer_to(first));
  desk.expect_no_event();
  desk.endpoint.cancel(id);
  EXPECT_TRUE(desk.endpoint.busy(PeerId(1)));
}

TEST(CoapExchange, DroppedPeerEndsItsExchangesAndNoOthers) {
  Desk desk;
  std::vector<RequestId> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(desk.ask({}));
  const auto other = desk.ask({}, PeerId(2));
  desk.give({.code = Code::get, .id = 9, .path = "/x"});
  const auto incoming = desk.event<RequestReceived>();
  const auto all = desk.sent();
  desk.endpoint.drop_peer(PeerId(1));
  EXPECT_TRUE(desk.sent().empty());
  for (const auto id : ids) {
    const auto event = desk.event<RequestFailed>();
    EXPECT_EQ(event.id, id);
    EXPECT_EQ(event.reason, RequestFailure::peer_dropped);
  }
  desk.expect_no_event();
  EXPECT_EQ(desk.endpoint.respond(desk.now, incoming.id, {}).error().code, ErrorCode::not_found);
  EXPECT_FALSE(desk.endpoint.busy(PeerId(1)));
  desk.give(answer_to(all[1]), PeerId(2));
  EXPECT_EQ(desk.event<ResponseReceived>().id, other);
  EXPECT_EQ(desk.endpoint.next_timeout(), std::nullopt);
}

TEST(CoapExchange, MessageIdsOfAPeerDoNotRepeatWithinTheExchangeLifetime) {
  Desk desk;
  std::vector<bool> seen(65536);
  for (int i = 0; i < 2000; ++i) {  // The peer is forgotten between any two of these.
    desk.ask({});
    const auto sent = desk.one_sent();
    const auto id = sent.message().message_id.value();
    EXPECT_FALSE(seen[id]) << i;
    seen[id] = true;
    desk.give(answer_to(sent));
    desk.event<ResponseReceived>();
    desk.pass(milliseconds(100));
  }
}

TEST(CoapExchange, ResponseWithAnUnknownCriticalOptionIsRejected) {
  Desk desk;
  desk.ask({.path = "/3"});
  const auto request = desk.one_sent().message();
  const auto critical = [&](Type type, std::uint16_t id) {
    Bytes buffer(64);
    MessageWriter writer(buffer, type, Code::content, MessageId(id), request.token);
    writer.option(OptionNumber{9}, std::string_view("secret"));
    const auto bytes = *writer.finish();
    return Bytes(bytes.begin(), bytes.end());
  };
  desk.give_bytes(critical(Type::confirmable, 50));
  EXPECT_EQ(desk.one_sent().bytes, written(empty(Type::reset, MessageId(50))));
  desk.give_bytes(critical(Type::non_confirmable, 51));
  desk.give_bytes(critical(Type::acknowledgement, request.message_id.value()));
  EXPECT_TRUE(desk.sent().empty());
  desk.expect_no_event();
  desk.pass(seconds(93));
  EXPECT_EQ(desk.event<RequestFailed>().reason, RequestFailure::timeout);
}

/// Every kind of datagram against every state of a request: which states end, and how.
TEST(CoapExchange, EveryStateTakesEveryMessage) {
  enum class Given { ack, reset, piggyback, con_response, non_response, timeout };
  enum class Before { queued, sent, acknowledged, done };
  enum class After { open, response, reset, timeout };
  struct Row {
    Before before;
    Given given;
    After after;
  };
  using enum Given;
  const Row rows[] = {
      {Before::queued, ack, After::open},
      {Before::queued, reset, After::open},
      {Before::queued, piggyback, After::open},
      {Before::queued, con_response, After::open},
      {Before::queued, non_response, After::open},
      {Before::sent, ack, After::open},
      {Before::sent, reset, After::reset},
      {Before::sent, piggyback, After::response},
      {Before::sent, con_response, After::response},
      {Before::sent, non_response, After::response},
      {Before::sent, timeout, After::timeout},
      {Before::acknowledged, ack, After::open},
      {Before::acknowledged, reset, After::reset},
      {Before::acknowledged, piggyback, After::open},
      {Before::acknowledged, con_response, After::response},
      {Before::acknowledged, non_response, After::response},
      {Before::acknowledged, timeout, After::timeout},
      {Before::done, ack, After::open},
      {Before::done, reset, After::open},
      {Before::done, piggyback, After::open},
      {Before::done, con_response, After::open},
      {Before::done, non_response, After::open},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(static_cast<int>(row.before) * 10 + static_cast<int>(row.given));
    Desk desk;
    Token mark = token("mark");
    std::uint16_t id = 0;
    if (row.before == Before::queued) {
      desk.ask({.path = "/before"});
      id = static_cast<std::uint16_t>(desk.one_sent().message().message_id.value() + 1);
    }
    desk.ask({.path = "/3", .token = mark});
    if (row.before != Before::queued) id = desk.one_sent().message().message_id.value();
    if (row.before == Before::acknowledged) desk.give(empty(Type::acknowledgement, MessageId(id)));
    if (row.before == Before::done) {
      desk.give({.type = Type::acknowledgement, .code = Code::content, .id = id, .token = mark});
      desk.event<ResponseReceived>();
    }
    switch (row.given) {
      case ack:
        desk.give(empty(Type::acknowledgement, MessageId(id)));
        break;
      case reset:
        desk.give(empty(Type::reset, MessageId(id)));
        break;
      case piggyback:
        desk.give({.type = Type::acknowledgement, .code = Code::content, .id = id, .token = mark});
        break;
      case con_response:
        desk.give({.code = Code::content, .id = 900, .token = mark});
        break;
      case non_response:
        desk.give({.type = Type::non_confirmable, .code = Code::content, .id = 900, .token = mark});
        break;
      case timeout:
        desk.pass(seconds(93));
        break;
    }
    switch (row.after) {
      case After::open:
        desk.expect_no_event();
        break;
      case After::response:
        desk.event<ResponseReceived>();
        break;
      case After::reset:
        EXPECT_EQ(desk.event<RequestFailed>().reason, RequestFailure::reset);
        break;
      case After::timeout:
        EXPECT_EQ(desk.event<RequestFailed>().reason, RequestFailure::timeout);
        break;
    }
    desk.expect_no_event();
    desk.expect_forgets_everything();
  }
}

}  // namespace
}  // namespace slipway::coap

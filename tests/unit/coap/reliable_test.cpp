// SPDX-License-Identifier: Apache-2.0
// An endpoint and a peer over a stream, which the test plays: frames, bodies, observations. [RFC 8323 §3, §6,
// §7]
#include "desk.hpp"

namespace slipway::coap {
namespace {

using namespace test;

constexpr PeerId kPeer(1);
constexpr Reliable kRoomy{.message_max = 100'000, .blockwise = true};
constexpr Reliable kNarrow{.message_max = kStreamMessageDefault, .blockwise = true};
constexpr Reliable kPlain{.message_max = kStreamMessageDefault, .blockwise = false};

Bytes framed(const Letter& letter) {
  Bytes buffer(letter.payload.size() + 500);
  MessageWriter writer(buffer, letter.code, letter.token);
  if (letter.observe) writer.option(OptionNumber::observe, std::uint64_t{*letter.observe});
  writer.path(OptionNumber::uri_path, letter.path);
  if (letter.block2) writer.block(OptionNumber::block2, *letter.block2);
  if (letter.block1) writer.block(OptionNumber::block1, *letter.block1);
  writer.payload(as_bytes(letter.payload));
  const auto frame = writer.finish();
  EXPECT_TRUE(frame);
  return Bytes(frame->begin(), frame->end());
}

struct Stream : Desk {
  explicit Stream(const Reliable& reliable = kRoomy, const EndpointConfig& config = exact()) : Desk(config) {
    EXPECT_TRUE(endpoint.set_reliable(kPeer, reliable));
  }
  void hear(const Letter& letter) { give_bytes(framed(letter)); }
  Message one_frame() {
    const auto& only = one_sent();
    const auto message = Message::parse_frame(only.bytes);
    EXPECT_TRUE(message) << (message ? "" : message.error().detail);
    return message ? *message : Message();
  }
  void expect_silence() { EXPECT_TRUE(sent().empty()); }
};

TEST(CoapReliable, ARequestIsAFrameThatItsResponseEnds) {
  Stream stream;
  const auto id = stream.ask({.path = "/3/0", .token = token("t")});
  EXPECT_EQ(to_hex(stream.one_sent().bytes),
            "410174"
            "b1330130");
  stream.hear({.code = Code::content, .token = token("t"), .payload = "x"});
  const auto response = stream.event<ResponseReceived>();
  EXPECT_EQ(response.id, id);
  EXPECT_EQ(as_text(response.message.payload), "x");
  stream.expect_silence();
  EXPECT_EQ(stream.endpoint.next_timeout(), std::nullopt);
  EXPECT_FALSE(stream.endpoint.busy(kPeer));
}

TEST(CoapReliable, NothingIsRepeatedAndSilenceEndsInATimeout) {
  Stream stream;
  stream.ask({.tag = 7});
  EXPECT_EQ(stream.sent().size(), 1u);
  stream.pass(seconds(92));
  stream.expect_no_event();
  stream.expect_silence();
  stream.pass(seconds(1));
  const auto failed = stream.event<RequestFailed>();
  EXPECT_EQ(failed.reason, RequestFailure::timeout);
  EXPECT_EQ(failed.tag, 7u);
  EXPECT_EQ(stream.endpoint.counters().retransmitted, 0u);
}

TEST(CoapReliable, ANonConfirmableRequestIsOneLikeAnyOther) {
  Stream stream;
  stream.ask({.type = Type::non_confirmable, .token = token("n")});
  EXPECT_TRUE(stream.endpoint.busy(kPeer));
  stream.hear({.code = Code::content, .token = token("n")});
  stream.event<ResponseReceived>();
}

TEST(CoapReliable, RequestsAreUnderWayTogetherUpToABound) {
  auto config = exact();
  config.reliable_nstart = 3;
  config.queue_per_peer_max = 2;
  Stream stream(kRoomy, config);
  for (const auto* name : {"a", "b", "c", "d", "e"}) stream.ask({.token = token(name)});
  EXPECT_EQ(stream.sent().size(), 3u);
  EXPECT_EQ(stream.endpoint.request(stream.now, kPeer, {}).error().code, ErrorCode::exhausted);
  stream.hear({.code = Code::content, .token = token("b")});
  stream.event<ResponseReceived>();
  EXPECT_EQ(stream.one_frame().token, token("d"));
}

TEST(CoapReliable, ARequestIsAnsweredHoweverLateAndThenForgotten) {
  Stream stream;
  stream.hear({.token = token("q"), .path = "/a"});
  const auto request = stream.event<RequestReceived>();
  stream.pass(seconds(20));
  stream.expect_silence();
  stream.respond(request.id, {.payload = as_bytes("late")});
  const auto response = stream.one_frame();
  EXPECT_EQ(response.code, Code::content);
  EXPECT_EQ(response.token, token("q"));
  EXPECT_EQ(stream.endpoint.next_timeout(), std::nullopt);
  EXPECT_EQ(stream.endpoint.respond(stream.now, request.id, {}).error().code, ErrorCode::not_found);
}

TEST(CoapReliable, TheSameRequestTwiceIsTwoRequests) {
  Stream stream;
  for (int i = 0; i < 2; ++i) {
    stream.hear({.token = token("q"), .path = "/a"});
    stream.respond(stream.event<RequestReceived>().id, {});
  }
  EXPECT_EQ(stream.sent().size(), 2u);
  EXPECT_EQ(stream.endpoint.counters().duplicates, 0u);
}

TEST(CoapReliable, APeerThatAsksMoreThanItsShareIsToldToWait) {
  auto config = exact();
  config.incoming_per_peer_max = 2;
  Stream stream(kRoomy, config);
  for (const auto* name : {"a", "b"}) {
    stream.hear({.token = token(name)});
    stream.event<RequestReceived>();
  }
  stream.hear({.token = token("c")});
  stream.expect_no_event();
  const auto refusal = stream.one_frame();
  EXPECT_EQ(refusal.code, Code::service_unavailable);
  EXPECT_EQ(refusal.token, token("c"));
}

TEST(CoapReliable, WhatCannotBeUnderstoodIsRefusedOrIgnored) {
  Stream stream;
  Bytes buffer(64);
  MessageWriter writer(buffer, Code::get, token("q"));
  writer.option(OptionNumber{9}, ByteView{});
  const auto critical = *writer.finish();
  stream.give_bytes(Bytes(critical.begin(), critical.end()));
  EXPECT_EQ(stream.one_frame().code, Code::bad_option);
  stream.give_hex("0000");    // empty
  stream.give_hex("00e2");    // a signal is the connection's
  stream.give_hex("1045ff");  // malformed
  stream.hear({.code = Code::content, .token = token("nobody")});
  stream.expect_no_event();
  stream.expect_silence();
  EXPECT_EQ(stream.endpoint.counters().malformed, 2u);
  EXPECT_EQ(stream.endpoint.counters().unmatched, 1u);
}

TEST(CoapReliable, NotificationsCountInTheOrderOfTheStream) {
  Stream stream;
  stream.ask({.path = "/o", .observe = 0, .token = token("w")});
  (void)stream.sent();
  stream.hear({.code = Code::content, .token = token("w"), .observe = 9, .payload = "0"});
  EXPECT_TRUE(stream.event<ResponseReceived>().notifications_follow);
  EXPECT_FALSE(stream.endpoint.busy(kPeer));
  for (const std::uint32_t number : {5u, 5u, 0u, 4u}) {
    stream.hear({.code = Code::content, .token = token("w"), .observe = number});
    stream.event<NotificationReceived>();
  }
  stream.expect_silence();
}

TEST(CoapReliable, AnObservationIsCancelledByASecondRequest) {
  Stream stream;
  const auto id = stream.ask(
      {.code = Code::fetch, .path = "/", .observe = 0, .payload = as_bytes("what"), .token = token("w")});
  (void)stream.sent();
  stream.hear({.code = Code::content, .token = token("w"), .observe = 9});
  stream.event<ResponseReceived>();
  stream.endpoint.cancel(id);
  const auto cancellation = stream.one_frame();
  EXPECT_EQ(cancellation.code, Code::fetch);
  EXPECT_EQ(cancellation.token, token("w"));
  EXPECT_EQ(cancellation.observe(), 1u);
  EXPECT_EQ(as_text(cancellation.payload), "what");
  stream.hear({.code = Code::content, .token = token("w")});
  stream.expect_no_event();
  EXPECT_EQ(stream.endpoint.next_timeout(), std::nullopt);
}

TEST(CoapReliable, AnObservationThatThePeerHasForgottenIsForgottenInSilence) {
  Stream stream;
  const auto id = stream.ask({.path = "/o", .observe = 0, .token = token("w")});
  (void)stream.sent();
  stream.hear({.code = Code::content, .token = token("w"), .observe = 9});
  stream.event<ResponseReceived>();
  stream.endpoint.forget(id);
  stream.expect_silence();
  EXPECT_EQ(stream.endpoint.next_timeout(), std::nullopt);
}

TEST(CoapReliable, ANotificationCountsAsAcknowledgedWhenTheStreamHasIt) {
  Stream stream;
  ASSERT_TRUE(stream.endpoint.notify(stream.now, kPeer, token("w"), Type::confirmable,
                                     {.observe = 3, .payload = as_bytes("v")}, 11));
  EXPECT_EQ(stream.one_frame().observe(), 3u);
  const auto done = stream.event<NotifyDone>();
  EXPECT_EQ(done.outcome, NotifyOutcome::acknowledged);
  EXPECT_EQ(done.tag, 11u);
  ASSERT_TRUE(stream.endpoint.notify(stream.now, kPeer, token("w"), Type::non_confirmable, {}, 12));
  stream.expect_no_event();
  EXPECT_EQ(stream.endpoint.next_timeout(), std::nullopt);
}

TEST(CoapReliable, ABodyGoesWholeWhereThePeerTakesIt) {
  Stream stream;
  const auto payload = body(60'000);
  stream.ask({.code = Code::put, .payload = as_bytes(payload)});
  const auto request = stream.one_frame();
  EXPECT_EQ(as_text(request.payload), payload);
  EXPECT_FALSE(request.find(OptionNumber::block1));
  stream.hear({.token = token("q")});
  stream.respond(stream.event<RequestReceived>().id, {.payload = as_bytes(payload)});
  const auto response = stream.one_frame();
  EXPECT_EQ(as_text(response.payload), payload);
  EXPECT_FALSE(response.find(OptionNumber::block2));
}

TEST(CoapReliable, AFrameIsNeverLargerThanThePeerTakes) {
  for (std::size_t size = 1100; size < 1170; ++size) {
    SCOPED_TRACE(size);
    Stream stream(kNarrow);
    const auto payload = body(size);
    stream.ask({.code = Code::put, .path = "/5/0/0", .payload = as_bytes(payload)});
    const auto bytes = stream.one_sent().bytes;
    EXPECT_LE(bytes.size(), kNarrow.message_max);
    const auto whole = !Message::parse_frame(bytes)->find(OptionNumber::block1);
    EXPECT_EQ(whole, size + 19 <= kNarrow.message_max) << "3 + 1 + 8 of header, 6 of path, 1 of marker";
  }
}

TEST(CoapReliable, ALargerBodyGoesInBlocks) {
  Stream stream(kNarrow);
  const auto payload = body(2500);
  stream.ask({.code = Code::put, .payload = as_bytes(payload)});
  std::string arrived;
  for (std::uint32_t number = 0; number < 3; ++number) {
    const auto block = stream.one_frame();
    EXPECT_EQ(block_of(block, OptionNumber::block1), (Block{.number = number, .more = number < 2, .szx = 6}));
    arrived += as_text(block.payload);
    stream.hear({.code = number < 2 ? Code::continue_ : Code::changed,
                 .token = block.token,
                 .block1 = Block{.number = number, .more = number < 2, .szx = 7}});
  }
  EXPECT_EQ(arrived, payload);
  EXPECT_EQ(stream.event<ResponseReceived>().message.code, Code::changed);
}

TEST(CoapReliable, ALargerResponseGoesInBlocks) {
  Stream stream(kNarrow);
  const auto payload = body(2500);
  std::string arrived;
  for (std::uint32_t number = 0; number < 3; ++number) {
    Letter letter{.token = token("q"), .path = "/a"};
    if (number != 0) letter.block2 = Block{.number = number, .more = false, .szx = 6};
    stream.hear(letter);
    if (number == 0) stream.respond(stream.event<RequestReceived>().id, {.payload = as_bytes(payload)});
    arrived += as_text(stream.one_frame().payload);
  }
  EXPECT_EQ(arrived, payload);
  stream.expect_forgets_everything();
}

TEST(CoapReliable, WhoTakesNeitherWholeNorBlocksIsTold) {
  Stream stream(kPlain);
  const auto payload = body(2500);
  EXPECT_EQ(stream.endpoint.request(stream.now, kPeer, {.code = Code::put, .payload = as_bytes(payload)})
                .error()
                .code,
            ErrorCode::limit);
  EXPECT_EQ(stream.endpoint
                .notify(stream.now, kPeer, token("w"), Type::confirmable, {.payload = as_bytes(payload)}, 0)
                .error()
                .code,
            ErrorCode::limit);
  stream.hear({.token = token("q")});
  EXPECT_EQ(
      stream.endpoint.respond(stream.now, stream.event<RequestReceived>().id, {.payload = as_bytes(payload)})
          .error()
          .code,
      ErrorCode::limit);
  EXPECT_EQ(stream.one_frame().code, Code::internal_server_error);
  EXPECT_EQ(stream.endpoint.next_timeout(), std::nullopt);
}

TEST(CoapReliable, BertBlocksOfAResponseAreTaken) {
  Stream stream;
  stream.ask({.path = "/a"});
  const auto payload = body(5000);
  auto asked = stream.one_frame();
  stream.hear({.code = Code::content,
               .token = asked.token,
               .block2 = Block{.number = 0, .more = true, .szx = kBertSzx},
               .payload = payload.substr(0, 3072)});
  asked = stream.one_frame();
  EXPECT_EQ(block_of(asked, OptionNumber::block2), (Block{.number = 3, .more = false, .szx = 6}));
  stream.hear({.code = Code::content,
               .token = asked.token,
               .block2 = Block{.number = 3, .more = false, .szx = kBertSzx},
               .payload = payload.substr(3072)});
  EXPECT_EQ(as_text(stream.event<ResponseReceived>().message.payload), payload);
}

TEST(CoapReliable, BertBlocksOfARequestAreTaken) {
  Stream stream;
  const auto payload = body(5000);
  stream.hear({.code = Code::put,
               .token = token("1"),
               .path = "/a",
               .block1 = Block{.number = 0, .more = true, .szx = kBertSzx},
               .payload = payload.substr(0, 2048)});
  EXPECT_EQ(stream.one_frame().code, Code::continue_);
  stream.hear({.code = Code::put,
               .token = token("2"),
               .path = "/a",
               .block1 = Block{.number = 2, .more = false, .szx = kBertSzx},
               .payload = payload.substr(2048)});
  const auto request = stream.event<RequestReceived>();
  EXPECT_EQ(as_text(request.message.payload), payload);
}

TEST(CoapReliable, ABertBlockIsAMultipleOf1024) {
  Stream stream;
  stream.hear({.code = Code::put,
               .token = token("1"),
               .path = "/a",
               .block1 = Block{.number = 0, .more = true, .szx = kBertSzx},
               .payload = body(1500)});
  EXPECT_EQ(stream.one_frame().code, Code::bad_request);
}

TEST(CoapReliable, ABodyAboveOursIsRefused) {
  auto config = exact();
  config.body_max = 2000;
  Stream stream(kRoomy, config);
  stream.hear({.code = Code::put, .token = token("1"), .payload = body(2001)});
  EXPECT_EQ(stream.one_frame().code, Code::request_entity_too_large);
  stream.ask({.token = token("q")});
  (void)stream.sent();
  stream.hear({.code = Code::content, .token = token("q"), .payload = body(2001)});
  EXPECT_EQ(stream.event<RequestFailed>().reason, RequestFailure::too_large);
}

TEST(CoapReliable, ADroppedPeerEndsWhatIsUnderWayAndIsOneOfDatagramsAgain) {
  Stream stream;
  stream.ask({.tag = 1});
  stream.hear({.token = token("q")});
  stream.event<RequestReceived>();
  (void)stream.sent();
  stream.endpoint.drop_peer(kPeer);
  EXPECT_EQ(stream.event<RequestFailed>().reason, RequestFailure::peer_dropped);
  EXPECT_EQ(stream.endpoint.next_timeout(), std::nullopt);
  stream.ask({.path = "/a"});
  EXPECT_TRUE(Message::parse(stream.one_sent().bytes));
}

TEST(CoapReliable, ReliablePeersHaveABound) {
  auto config = exact();
  config.reliable_max = 2;
  Desk desk(config);
  EXPECT_TRUE(desk.endpoint.set_reliable(PeerId(1), kRoomy));
  EXPECT_TRUE(desk.endpoint.set_reliable(PeerId(2), kRoomy));
  EXPECT_TRUE(desk.endpoint.set_reliable(PeerId(2), kNarrow)) << "told again";
  EXPECT_EQ(desk.endpoint.set_reliable(PeerId(3), kRoomy).error().code, ErrorCode::exhausted);
  desk.endpoint.drop_peer(PeerId(1));
  EXPECT_TRUE(desk.endpoint.set_reliable(PeerId(3), kRoomy));
}

TEST(CoapReliable, PeersOfBothKindsStandSideBySide) {
  Stream stream;
  stream.ask({.path = "/a", .token = token("s")});
  stream.ask({.path = "/a", .token = token("d")}, PeerId(2));
  const auto sent = stream.sent();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_TRUE(Message::parse_frame(sent[0].bytes));
  EXPECT_EQ(sent[1].message().type, Type::confirmable);
  stream.give({.type = Type::acknowledgement,
               .code = Code::content,
               .id = sent[1].message().message_id.value(),
               .token = token("d")},
              PeerId(2));
  EXPECT_EQ(stream.event<ResponseReceived>().peer, PeerId(2));
  stream.hear({.code = Code::content, .token = token("s")});
  EXPECT_EQ(stream.event<ResponseReceived>().peer, kPeer);
}

}  // namespace
}  // namespace slipway::coap

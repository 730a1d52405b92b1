// SPDX-License-Identifier: Apache-2.0
// Block-wise transfers of our own requests, with a hand-written peer. [RFC 7959]
#include "desk.hpp"

namespace slipway::coap {
namespace {

using namespace test;

constexpr std::uint8_t k16 = 0, k32 = 1, k64 = 2;

EndpointConfig small_blocks(std::uint8_t szx = k64) {
  auto config = exact();
  config.block_szx = szx;
  return config;
}
/// Answers `request` of the desk.
Letter reply(const Message& request, Code code) {
  return {
      .type = Type::acknowledgement, .code = code, .id = request.message_id.value(), .token = request.token};
}
Letter with_block2(const Message& request, Block block, std::string payload, std::string etag = {}) {
  auto letter = reply(request, Code::content);
  letter.block2 = block;
  letter.payload = std::move(payload);
  letter.etag = std::move(etag);
  return letter;
}
Letter with_block1(const Message& request, Code code, Block block) {
  auto letter = reply(request, code);
  letter.block1 = block;
  return letter;
}

TEST(CoapBlock1, CutsAPayloadAndSendsTheNextBlockOnContinue) {
  Desk desk(small_blocks());
  const auto payload = body(150);
  desk.ask(
      {.code = Code::put, .path = "/5/0/0", .content_format = 42, .payload = as_bytes(payload), .tag = 3});
  Token last;
  for (std::uint32_t n = 0; n < 3; ++n) {
    const auto request = desk.one_sent().message();
    EXPECT_EQ(block_of(request, OptionNumber::block1), (Block{.number = n, .more = n < 2, .szx = k64}));
    EXPECT_EQ(as_text(request.payload), payload.substr(n * 64, 64));
    EXPECT_EQ(request.find_number(OptionNumber::size1), n == 0 ? std::optional(150u) : std::nullopt);
    EXPECT_EQ(request.content_format(), 42);
    EXPECT_EQ(request.uri_path().view(), "/5/0/0");
    EXPECT_NE(request.token, last);
    last = request.token;
    desk.give(with_block1(request, n < 2 ? Code::continue_ : Code::changed,
                          {.number = n, .more = n < 2, .szx = k64}));
  }
  const auto response = desk.event<ResponseReceived>();
  EXPECT_EQ(response.message.code, Code::changed);
  EXPECT_EQ(response.tag, 3u);
  desk.expect_forgets_everything();
}

TEST(CoapBlock1, SwitchesToTheSmallerBlocksOfThePeer) {
  Desk desk(small_blocks());
  const auto payload = body(150);
  desk.ask({.code = Code::put, .path = "/5", .payload = as_bytes(payload)});
  std::string got;
  auto request = desk.one_sent().message();
  got += as_text(request.payload);
  desk.give(with_block1(request, Code::continue_, {.number = 0, .more = true, .szx = k16}));
  for (std::uint32_t n = 4; n < 10; ++n) {
    request = desk.one_sent().message();
    EXPECT_EQ(block_of(request, OptionNumber::block1), (Block{.number = n, .more = n < 9, .szx = k16}));
    got += as_text(request.payload);
    desk.give(with_block1(request, n < 9 ? Code::continue_ : Code::changed,
                          {.number = n, .more = n < 9, .szx = k16}));
  }
  EXPECT_EQ(got, payload);
  desk.event<ResponseReceived>();
}

TEST(CoapBlock1, StartsOverInTheSizeThatARefusalNames) {
  Desk desk(small_blocks());
  const auto payload = body(100);
  desk.ask({.code = Code::put, .path = "/5", .payload = as_bytes(payload)});
  desk.give(with_block1(desk.one_sent().message(), Code::request_entity_too_large,
                        {.number = 0, .more = true, .szx = k32}));
  const auto request = desk.one_sent().message();
  EXPECT_EQ(block_of(request, OptionNumber::block1), (Block{.number = 0, .more = true, .szx = k32}));
  EXPECT_EQ(as_text(request.payload), payload.substr(0, 32));
  // A refusal without a smaller size is the answer.
  desk.give(with_block1(request, Code::request_entity_too_large, {.number = 0, .more = true, .szx = k32}));
  EXPECT_EQ(desk.event<ResponseReceived>().message.code, Code::request_entity_too_large);
}

TEST(CoapBlock1, CutsARequestThatWentOutWholeWhenThePeerAsksForBlocks) {
  Desk desk(small_blocks());
  const auto payload = body(60);
  desk.ask({.code = Code::put, .path = "/5", .payload = as_bytes(payload)});
  const auto whole = desk.one_sent().message();
  EXPECT_FALSE(whole.find(OptionNumber::block1));
  desk.give(with_block1(whole, Code::request_entity_too_large, {.number = 0, .more = false, .szx = k32}));
  const auto first = desk.one_sent().message();
  EXPECT_EQ(as_text(first.payload), payload.substr(0, 32));
  desk.give(with_block1(first, Code::continue_, {.number = 0, .more = true, .szx = k32}));
  const auto second = desk.one_sent().message();
  EXPECT_EQ(as_text(second.payload), payload.substr(32));
  desk.give(with_block1(second, Code::changed, {.number = 1, .more = false, .szx = k32}));
  desk.event<ResponseReceived>();
}

TEST(CoapBlock1, ErrorsOfThePeerAreTheAnswer) {
  Desk desk(small_blocks());
  const auto payload = body(150);
  desk.ask({.code = Code::put, .path = "/5", .payload = as_bytes(payload)});
  desk.give(reply(desk.one_sent().message(), Code::request_entity_incomplete));
  EXPECT_EQ(desk.event<ResponseReceived>().message.code, Code::request_entity_incomplete);
  EXPECT_TRUE(desk.sent().empty());
}

TEST(CoapBlock1, PeerThatBreaksTheRulesEndsTheRequest) {
  const Block wrong_number{.number = 5, .more = true, .szx = k64};
  for (const bool with_option : {true, false}) {
    Desk desk(small_blocks());
    const auto payload = body(150);
    desk.ask({.code = Code::put, .path = "/5", .payload = as_bytes(payload)});
    auto letter = reply(desk.one_sent().message(), Code::continue_);
    if (with_option) letter.block1 = wrong_number;
    desk.give(letter);
    EXPECT_EQ(desk.event<RequestFailed>().reason, RequestFailure::block_error);
    desk.expect_forgets_everything();
  }
}

TEST(CoapBlock1, LongOptionsMakeTheBlocksSmaller) {
  auto config = small_blocks(k64);
  config.datagram_max = 128;
  Desk desk(config);
  const auto payload = body(60);
  const std::string path = "/" + std::string(60, 'p');
  desk.ask({.code = Code::put, .path = path, .payload = as_bytes(payload)});
  const auto request = desk.one_sent();
  EXPECT_LE(request.bytes.size(), 128u);
  EXPECT_EQ(block_of(request.message(), OptionNumber::block1),
            (Block{.number = 0, .more = true, .szx = k32}));
}

TEST(CoapBlock1, TransferKeepsItsPlaceBeforeQueuedRequests) {
  Desk desk(small_blocks());
  const auto payload = body(100);
  desk.ask({.code = Code::put, .path = "/5", .payload = as_bytes(payload)});
  desk.ask({.path = "/queued"});
  const auto first = desk.one_sent().message();
  desk.give(with_block1(first, Code::continue_, {.number = 0, .more = true, .szx = k64}));
  EXPECT_EQ(desk.one_sent().message().uri_path().view(), "/5");
}

TEST(CoapBlock1, BoundsTransfersInProgress) {
  auto config = small_blocks();
  config.bodies_max = 2;
  Desk desk(config);
  const auto payload = body(100);
  for (std::uint64_t peer = 1; peer <= 2; ++peer)
    desk.ask({.code = Code::put, .path = "/5", .payload = as_bytes(payload)}, PeerId(peer));
  EXPECT_EQ(desk.endpoint.request(desk.now, PeerId(3), {.code = Code::put, .payload = as_bytes(payload)})
                .error()
                .code,
            ErrorCode::exhausted);
  desk.endpoint.drop_peer(PeerId(1));
  desk.event<RequestFailed>();
  desk.ask({.code = Code::put, .path = "/5", .payload = as_bytes(payload)}, PeerId(3));
}

TEST(CoapBlock2, FetchesTheFollowingBlocks) {
  Desk desk;
  desk.ask({.path = "/3", .accept = 110});
  const auto content = body(150);
  for (std::uint32_t n = 0; n < 3; ++n) {
    const auto request = desk.one_sent().message();
    EXPECT_EQ(request.uri_path().view(), "/3");
    EXPECT_EQ(request.accept(), 110);
    if (n == 0) {
      EXPECT_FALSE(request.find(OptionNumber::block2));
    } else {
      EXPECT_EQ(block_of(request, OptionNumber::block2), (Block{.number = n, .more = false, .szx = k64}));
    }
    auto letter =
        with_block2(request, {.number = n, .more = n < 2, .szx = k64}, content.substr(n * 64, 64), "tag");
    if (n == 0) letter.content_format = 110;
    desk.give(letter);
  }
  const auto response = desk.event<ResponseReceived>();
  EXPECT_EQ(as_text(response.message.payload), content);
  EXPECT_EQ(response.message.content_format(), 110);  // Of the first block.
  desk.expect_forgets_everything();
}

TEST(CoapBlock2, AsksForItsOwnSmallerSize) {
  Desk desk(small_blocks(k32));
  desk.ask({.path = "/3"});
  const auto content = body(100);
  auto request = desk.one_sent().message();
  EXPECT_EQ(block_of(request, OptionNumber::block2), (Block{.number = 0, .more = false, .szx = k32}));
  desk.give(with_block2(request, {.number = 0, .more = true, .szx = k64}, content.substr(0, 64)));
  for (std::uint32_t n = 2; n < 4; ++n) {
    request = desk.one_sent().message();
    EXPECT_EQ(block_of(request, OptionNumber::block2), (Block{.number = n, .more = false, .szx = k32}));
    desk.give(with_block2(request, {.number = n, .more = n < 3, .szx = k32}, content.substr(n * 32, 32)));
  }
  EXPECT_EQ(as_text(desk.event<ResponseReceived>().message.payload), content);
}

TEST(CoapBlock2, ChangedEtagStartsOverAndAPeerThatNeverSettlesFails) {
  Desk desk;
  desk.ask({.path = "/3"});
  const auto old_content = body(100, 1), content = body(100, 2);
  desk.give(with_block2(desk.one_sent().message(), {.number = 0, .more = true, .szx = k64},
                        old_content.substr(0, 64), "1"));
  desk.give(with_block2(desk.one_sent().message(), {.number = 1, .more = false, .szx = k64},
                        content.substr(64), "2"));
  const auto again = desk.one_sent().message();
  EXPECT_EQ(block_of(again, OptionNumber::block2)->number, 0u);
  desk.give(with_block2(again, {.number = 0, .more = true, .szx = k64}, content.substr(0, 64), "2"));
  desk.give(with_block2(desk.one_sent().message(), {.number = 1, .more = false, .szx = k64},
                        content.substr(64), "2"));
  EXPECT_EQ(as_text(desk.event<ResponseReceived>().message.payload), content);

  desk.ask({.path = "/3"});
  for (int i = 0; i < 7; ++i) {
    const auto request = desk.one_sent().message();
    const auto number = i % 2 == 0 ? 0u : 1u;
    desk.give(with_block2(request, {.number = number, .more = number == 0, .szx = k64}, body(64),
                          std::to_string(i)));
  }
  desk.give(with_block2(desk.one_sent().message(), {.number = 1, .more = false, .szx = k64}, "x", "last"));
  EXPECT_EQ(desk.event<RequestFailed>().reason, RequestFailure::block_error);
}

TEST(CoapBlock2, PeerThatBreaksTheRulesEndsTheRequest) {
  struct Row {
    Block first;
    std::size_t first_size;
    std::optional<Block> second;
  };
  const Row rows[] = {
      {{.number = 1, .more = true, .szx = k64}, 64, {}},  // Starts in the middle.
      {{.number = 0, .more = true, .szx = k64}, 63, {}},  // A block that is not full.
      {{.number = 0, .more = true, .szx = k64}, 64, Block{.number = 2, .more = false, .szx = k64}},
      {{.number = 0, .more = true, .szx = k64}, 64, Block{.number = 0, .more = true, .szx = k64}},
  };
  for (const auto& row : rows) {
    Desk desk;
    desk.ask({.path = "/3"});
    desk.give(with_block2(desk.one_sent().message(), row.first, body(row.first_size)));
    if (row.second) desk.give(with_block2(desk.one_sent().message(), *row.second, body(64)));
    EXPECT_EQ(desk.event<RequestFailed>().reason, RequestFailure::block_error);
    desk.expect_forgets_everything();
  }
}

TEST(CoapBlock2, BodyAboveTheMaximumEndsTheRequestAnnouncedOrNot) {
  auto config = exact();
  config.body_max = 150;
  for (const bool announced : {true, false}) {
    Desk desk(config);
    desk.ask({.path = "/3"});
    auto letter = with_block2(desk.one_sent().message(), {.number = 0, .more = true, .szx = k64}, body(64));
    if (announced) letter.size2 = 151;
    desk.give(letter);
    for (std::uint32_t n = 1; n < 3 && !announced; ++n)
      desk.give(with_block2(desk.one_sent().message(), {.number = n, .more = true, .szx = k64}, body(64)));
    EXPECT_EQ(desk.event<RequestFailed>().reason, RequestFailure::too_large);
  }
}

TEST(CoapBlock2, ErrorInTheMiddleIsTheAnswer) {
  Desk desk;
  desk.ask({.path = "/3"});
  desk.give(with_block2(desk.one_sent().message(), {.number = 0, .more = true, .szx = k64}, body(64)));
  desk.give(reply(desk.one_sent().message(), Code::not_found));
  EXPECT_EQ(desk.event<ResponseReceived>().message.code, Code::not_found);
}

TEST(CoapBlock2, FollowUpsOfAFetchCarryItsPayloadAndThoseOfAPostDoNot) {
  for (const auto code : {Code::fetch, Code::post}) {
    Desk desk;
    desk.ask({.code = code, .path = "/3", .payload = as_bytes("what")});
    desk.give(with_block2(desk.one_sent().message(), {.number = 0, .more = true, .szx = k64}, body(64)));
    EXPECT_EQ(as_text(desk.one_sent().message().payload), code == Code::fetch ? "what" : "");
  }
}

TEST(CoapBlock2, RestOfANotificationIsFetchedWithoutObserve) {
  Desk desk;
  const auto id = desk.ask({.path = "/3", .observe = 0, .token = token("watch")});
  const auto content = body(100);
  auto first = with_block2(desk.one_sent().message(), {.number = 0, .more = true, .szx = k64},
                           content.substr(0, 64), "1");
  first.observe = 5;
  desk.give(first);
  auto request = desk.one_sent().message();
  EXPECT_FALSE(request.observe());
  EXPECT_NE(request.token, token("watch"));
  EXPECT_EQ(request.uri_path().view(), "/3");
  desk.give(with_block2(request, {.number = 1, .more = false, .szx = k64}, content.substr(64), "1"));
  const auto response = desk.event<ResponseReceived>();
  EXPECT_TRUE(response.notifications_follow);
  EXPECT_EQ(response.id, id);
  EXPECT_EQ(as_text(response.message.payload), content);

  const auto later = body(100, 3);
  desk.give({.type = Type::non_confirmable,
             .code = Code::content,
             .id = 700,
             .token = token("watch"),
             .observe = 6,
             .block2 = Block{.number = 0, .more = true, .szx = k64},
             .etag = "2",
             .payload = later.substr(0, 64)});
  request = desk.one_sent().message();
  EXPECT_EQ(block_of(request, OptionNumber::block2)->number, 1u);
  desk.give(with_block2(request, {.number = 1, .more = false, .szx = k64}, later.substr(64), "2"));
  const auto notification = desk.event<NotificationReceived>();
  EXPECT_EQ(as_text(notification.message.payload), later);
  EXPECT_EQ(notification.message.observe(), 6u);
  EXPECT_EQ(notification.id, id);
}

TEST(CoapBlock2, NewerNotificationReplacesTheFetchOfAnOlderOne) {
  Desk desk;
  desk.ask({.path = "/3", .observe = 0, .token = token("watch")});
  auto first = reply(desk.one_sent().message(), Code::content);
  first.observe = 5;
  desk.give(first);
  desk.event<ResponseReceived>();
  desk.give({.type = Type::non_confirmable,
             .code = Code::content,
             .id = 700,
             .token = token("watch"),
             .observe = 6,
             .block2 = Block{.number = 0, .more = true, .szx = k64},
             .payload = body(64)});
  const auto fetch = desk.one_sent().message();
  desk.give({.type = Type::non_confirmable,
             .code = Code::content,
             .id = 701,
             .token = token("watch"),
             .observe = 7,
             .payload = "short"});
  EXPECT_EQ(as_text(desk.event<NotificationReceived>().message.payload), "short");
  desk.give(with_block2(fetch, {.number = 1, .more = false, .szx = k64}, "rest"));
  desk.expect_no_event();
  EXPECT_FALSE(desk.endpoint.busy(PeerId(1)));
}

}  // namespace
}  // namespace slipway::coap

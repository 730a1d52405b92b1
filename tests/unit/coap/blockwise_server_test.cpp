// SPDX-License-Identifier: Apache-2.0
// Block-wise transfers that peers begin: uploads to us, and our long answers. [RFC 7959]
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
Letter upload(std::uint16_t id, Block block, std::string payload, std::uint32_t format = 42) {
  return {.code = Code::put,
          .id = id,
          .token = token("u"),
          .path = "/5/0/0",
          .content_format = format,
          .block1 = block,
          .payload = std::move(payload)};
}

TEST(CoapUpload, IsPutTogetherAndAnsweredWithItsLastBlock) {
  Desk desk;
  const auto content = body(150);
  for (std::uint32_t n = 0; n < 2; ++n) {
    desk.give(upload(static_cast<std::uint16_t>(n), {.number = n, .more = true, .szx = k64},
                     content.substr(n * 64, 64)));
    const auto answer = desk.one_sent().message();
    EXPECT_EQ(answer.code, Code::continue_);
    EXPECT_EQ(block_of(answer, OptionNumber::block1), (Block{.number = n, .more = true, .szx = k64}));
    desk.expect_no_event();
  }
  desk.give(upload(2, {.number = 2, .more = false, .szx = k64}, content.substr(128)));
  const auto request = desk.event<RequestReceived>();
  EXPECT_EQ(as_text(request.message.payload), content);
  desk.respond(request.id, {.code = Code::changed});
  const auto answer = desk.one_sent().message();
  EXPECT_EQ(answer.code, Code::changed);
  EXPECT_EQ(block_of(answer, OptionNumber::block1), (Block{.number = 2, .more = false, .szx = k64}));
}

TEST(CoapUpload, DuplicateBlockGetsTheSameAnswerAndIsCountedOnce) {
  Desk desk;
  const auto content = body(100);
  const auto first = upload(1, {.number = 0, .more = true, .szx = k64}, content.substr(0, 64));
  desk.give(first);
  const auto answer = desk.one_sent().bytes;
  desk.give(first);
  EXPECT_EQ(desk.one_sent().bytes, answer);
  // The same block under a new message id does no harm either.
  desk.give(upload(2, {.number = 0, .more = true, .szx = k64}, content.substr(0, 64)));
  EXPECT_EQ(desk.one_sent().message().code, Code::continue_);
  desk.give(upload(3, {.number = 1, .more = false, .szx = k64}, content.substr(64)));
  EXPECT_EQ(as_text(desk.event<RequestReceived>().message.payload), content);
}

TEST(CoapUpload, AsksForItsOwnSmallerSizeAndGoesOnFromThere) {
  Desk desk(small_blocks(k16));
  const auto content = body(80);
  desk.give(upload(1, {.number = 0, .more = true, .szx = k64}, content.substr(0, 64)));
  EXPECT_EQ(block_of(desk.one_sent().message(), OptionNumber::block1),
            (Block{.number = 0, .more = true, .szx = k16}));
  desk.give(upload(2, {.number = 4, .more = false, .szx = k16}, content.substr(64)));
  EXPECT_EQ(as_text(desk.event<RequestReceived>().message.payload), content);
}

TEST(CoapUpload, GapsOtherFormatsAndLostBeginningsAreIncomplete) {
  const auto chunk = body(64);
  const Block first{.number = 0, .more = true, .szx = k64};
  const struct {
    bool begin;
    Block second;
    std::uint32_t format;
  } rows[] = {{true, {.number = 2, .more = true, .szx = k64}, 42},
              {true, {.number = 1, .more = true, .szx = k64}, 60},
              {false, {.number = 1, .more = true, .szx = k64}, 42},
              {false, {.number = 3, .more = false, .szx = k64}, 42}};
  for (const auto& row : rows) {
    Desk desk;
    if (row.begin) {
      desk.give(upload(1, first, chunk));
      desk.one_sent();
    }
    desk.give(upload(2, row.second, chunk, row.format));
    EXPECT_EQ(desk.one_sent().message().code, Code::request_entity_incomplete);
    // What had arrived is gone with it.
    desk.give(upload(3, {.number = 1, .more = true, .szx = k64}, chunk));
    EXPECT_EQ(desk.one_sent().message().code, Code::request_entity_incomplete);
    desk.expect_no_event();
    desk.expect_forgets_everything();
  }
}

TEST(CoapUpload, BlockThatIsNotFullIsABadRequest) {
  Desk desk;
  desk.give(upload(1, {.number = 0, .more = true, .szx = k64}, body(63)));
  EXPECT_EQ(desk.one_sent().message().code, Code::bad_request);
}

TEST(CoapUpload, NewBlockZeroStartsOver) {
  Desk desk;
  const auto content = body(100);
  desk.give(upload(1, {.number = 0, .more = true, .szx = k64}, body(64, 9)));
  desk.give(upload(2, {.number = 1, .more = true, .szx = k64}, body(64, 9)));
  desk.give(upload(3, {.number = 0, .more = true, .szx = k64}, content.substr(0, 64)));
  desk.give(upload(4, {.number = 1, .more = false, .szx = k64}, content.substr(64)));
  EXPECT_EQ(as_text(desk.event<RequestReceived>().message.payload), content);
}

TEST(CoapUpload, BodyAboveTheMaximumIsRefusedWithTheMaximum) {
  auto config = exact();
  config.body_max = 100;
  for (const bool announced : {true, false}) {
    Desk desk(config);
    auto letter = upload(1, {.number = 0, .more = true, .szx = k64}, body(64));
    if (announced) letter.size1 = 101;
    desk.give(letter);
    if (!announced) {
      EXPECT_EQ(desk.one_sent().message().code, Code::continue_);
      desk.give(upload(2, {.number = 1, .more = true, .szx = k64}, body(64)));
    }
    const auto answer = desk.one_sent().message();
    EXPECT_EQ(answer.code, Code::request_entity_too_large);
    EXPECT_EQ(answer.find_number(OptionNumber::size1), 100u);
    desk.expect_forgets_everything();
  }
}

TEST(CoapUpload, BoundsBodiesOfAllPeersAndOfOne) {
  auto config = exact();
  config.bodies_max = 3;
  config.bodies_per_peer_max = 2;
  Desk desk(config);
  std::uint16_t id = 0;
  const auto begin = [&](PeerId peer, std::string path) {
    auto letter = upload(++id, {.number = 0, .more = true, .szx = k64}, body(64));
    letter.path = std::move(path);
    desk.give(letter, peer);
    return desk.one_sent().message().code;
  };
  EXPECT_EQ(begin(PeerId(1), "/a"), Code::continue_);
  EXPECT_EQ(begin(PeerId(1), "/b"), Code::continue_);
  EXPECT_EQ(begin(PeerId(1), "/c"), Code::service_unavailable);
  EXPECT_EQ(begin(PeerId(2), "/a"), Code::continue_);
  EXPECT_EQ(begin(PeerId(3), "/a"), Code::service_unavailable);
  EXPECT_EQ(desk.endpoint.counters().overload, 2u);
  desk.pass(seconds(247));
  EXPECT_EQ(begin(PeerId(3), "/a"), Code::continue_);
}

TEST(CoapUpload, IsForgottenWhenNobodyContinues) {
  auto config = exact();
  config.body_lifetime = seconds(20);
  Desk desk(config);
  desk.give(upload(1, {.number = 0, .more = true, .szx = k64}, body(64)));
  desk.pass(seconds(19));
  desk.give(upload(2, {.number = 1, .more = true, .szx = k64}, body(64)));
  desk.pass(seconds(19));
  desk.give(upload(3, {.number = 2, .more = true, .szx = k64}, body(64)));
  EXPECT_EQ(desk.sent().back().message().code, Code::continue_);
  desk.pass(seconds(20));
  desk.give(upload(4, {.number = 3, .more = true, .szx = k64}, body(64)));
  EXPECT_EQ(desk.one_sent().message().code, Code::request_entity_incomplete);
}

TEST(CoapUpload, SingleBlockIsAWholeRequest) {
  Desk desk;
  desk.give(upload(1, {.number = 0, .more = false, .szx = k64}, "all"));
  const auto request = desk.event<RequestReceived>();
  desk.respond(request.id, {.code = Code::changed});
  EXPECT_EQ(block_of(desk.one_sent().message(), OptionNumber::block1),
            (Block{.number = 0, .more = false, .szx = k64}));
}

Letter ask_block(std::uint16_t id, std::optional<Block> block) {
  return {.code = Code::get, .id = id, .token = token("g"), .path = "/3", .block2 = block};
}

TEST(CoapServing, LongAnswerIsServedByBlockWithoutAskingAgain) {
  Desk desk(small_blocks());
  const auto content = body(150);
  desk.give(ask_block(1, {}));
  desk.respond(desk.event<RequestReceived>().id, {.content_format = 110, .payload = as_bytes(content)});
  std::string got;
  std::string etag;
  for (std::uint32_t n = 0; n < 3; ++n) {
    if (n != 0) desk.give(ask_block(static_cast<std::uint16_t>(n + 1), Block{.number = n, .szx = k64}));
    const auto answer = desk.one_sent().message();
    EXPECT_EQ(answer.content_format(), 110);
    EXPECT_EQ(block_of(answer, OptionNumber::block2), (Block{.number = n, .more = n < 2, .szx = k64}));
    EXPECT_EQ(answer.find_number(OptionNumber::size2), n == 0 ? std::optional(150u) : std::nullopt);
    ASSERT_TRUE(answer.find(OptionNumber::etag));
    const std::string tag(answer.find(OptionNumber::etag)->text());
    EXPECT_TRUE(n == 0 || tag == etag);
    etag = tag;
    got += as_text(answer.payload);
    desk.expect_no_event();
  }
  EXPECT_EQ(got, content);
  desk.give(ask_block(9, {}));  // From the beginning: the engine is asked.
  desk.event<RequestReceived>();
  desk.expect_forgets_everything();
}

TEST(CoapServing, PeerChoosesTheSizeBeforeAndDuring) {
  Desk desk;
  const auto content = body(100);
  desk.give(ask_block(1, Block{.number = 0, .szx = k32}));
  desk.respond(desk.event<RequestReceived>().id, {.payload = as_bytes(content)});
  EXPECT_EQ(block_of(desk.one_sent().message(), OptionNumber::block2),
            (Block{.number = 0, .more = true, .szx = k32}));
  desk.give(ask_block(2, Block{.number = 2, .szx = k16}));
  const auto answer = desk.one_sent().message();
  EXPECT_EQ(block_of(answer, OptionNumber::block2), (Block{.number = 2, .more = true, .szx = k16}));
  EXPECT_EQ(as_text(answer.payload), content.substr(32, 16));
  desk.give(ask_block(3, Block{.number = 50, .szx = k16}));
  EXPECT_EQ(desk.one_sent().message().code, Code::bad_request);
}

TEST(CoapServing, LaterBlockWithoutABodyAsksTheEngineOnce) {
  Desk desk(small_blocks());
  const auto content = body(200);
  desk.give(ask_block(1, Block{.number = 1, .szx = k64}));
  desk.respond(desk.event<RequestReceived>().id, {.payload = as_bytes(content)});
  const auto answer = desk.one_sent().message();
  EXPECT_EQ(as_text(answer.payload), content.substr(64, 64));
  desk.give(ask_block(2, Block{.number = 2, .szx = k64}));
  desk.expect_no_event();
  EXPECT_EQ(as_text(desk.one_sent().message().payload), content.substr(128, 64));
  desk.give(ask_block(3, Block{.number = 9, .szx = k64}));
  EXPECT_EQ(desk.one_sent().message().code, Code::bad_request);
}

TEST(CoapServing, LaterBlockOfAPostWithoutABodyIsIncomplete) {
  Desk desk;
  auto letter = ask_block(1, Block{.number = 1, .szx = k64});
  letter.code = Code::post;
  desk.give(letter);
  EXPECT_EQ(desk.one_sent().message().code, Code::request_entity_incomplete);
  desk.expect_no_event();
}

TEST(CoapServing, BodiesAreOfOnePeerAndOneRequest) {
  Desk desk(small_blocks());
  const auto content = body(150);
  desk.give(ask_block(1, {}));
  desk.respond(desk.event<RequestReceived>().id, {.payload = as_bytes(content)});
  desk.one_sent();
  desk.give(ask_block(2, Block{.number = 1, .szx = k64}), PeerId(2));
  EXPECT_EQ(desk.event<RequestReceived>().peer, PeerId(2));
  auto other = ask_block(3, Block{.number = 1, .szx = k64});
  other.path = "/4";
  desk.give(other);
  EXPECT_EQ(desk.event<RequestReceived>().message.uri_path().view(), "/4");
}

TEST(CoapServing, WithoutRoomForItsBodyALongAnswerIsRefusedToTheEngine) {
  auto config = small_blocks();
  config.bodies_per_peer_max = 0;
  Desk desk(config);
  desk.give(ask_block(1, {}));
  const auto id = desk.event<RequestReceived>().id;
  const auto content = body(150);
  EXPECT_EQ(desk.endpoint.respond(desk.now, id, {.payload = as_bytes(content)}).error().code,
            ErrorCode::exhausted);
  desk.respond(id, {.code = Code::service_unavailable});
  EXPECT_EQ(desk.one_sent().message().code, Code::service_unavailable);
}

TEST(CoapServing, LongSeparateAnswerIsServedByBlockToo) {
  Desk desk(small_blocks());
  const auto content = body(100);
  desk.give(ask_block(1, {}));
  const auto id = desk.event<RequestReceived>().id;
  desk.pass(seconds(1));
  desk.one_sent();
  desk.respond(id, {.payload = as_bytes(content)});
  EXPECT_EQ(desk.one_sent().message().type, Type::confirmable);
  desk.give(ask_block(2, Block{.number = 1, .szx = k64}));
  EXPECT_EQ(as_text(desk.one_sent().message().payload), content.substr(64));
}

TEST(CoapServing, LongNotificationCarriesItsFirstBlock) {
  Desk desk(small_blocks());
  const auto content = body(100);
  ASSERT_TRUE(desk.endpoint.notify(desk.now, PeerId(1), token("w"), Type::confirmable,
                                   {.observe = 4, .payload = as_bytes(content)}, 0));
  const auto first = desk.one_sent().message();
  EXPECT_EQ(block_of(first, OptionNumber::block2), (Block{.number = 0, .more = true, .szx = k64}));
  // The rest is asked for by GET; equal bodies have equal tags.
  desk.give(ask_block(1, Block{.number = 1, .szx = k64}));
  desk.respond(desk.event<RequestReceived>().id, {.payload = as_bytes(content)});
  const auto rest = desk.one_sent().message();
  EXPECT_EQ(as_text(rest.payload), content.substr(64));
  EXPECT_EQ(rest.find(OptionNumber::etag)->text(), first.find(OptionNumber::etag)->text());
}

}  // namespace
}  // namespace slipway::coap

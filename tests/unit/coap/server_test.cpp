// SPDX-License-Identifier: Apache-2.0
// Requests that peers make. [RFC 7252 §4.2, §4.5, §5]
#include "desk.hpp"

namespace slipway::coap {
namespace {

using namespace test;

Letter empty(Type type, std::uint16_t id) {
  return {.type = type, .code = Code::empty, .id = id};
}

TEST(CoapServer, PiggybacksAnAnswerThatComesInTime) {
  Desk desk;
  desk.give({.code = Code::post, .id = 5, .token = token("t"), .path = "/rd", .payload = "links"});
  const auto request = desk.event<RequestReceived>();
  EXPECT_EQ(request.peer, PeerId(1));
  EXPECT_EQ(request.message.uri_path().view(), "/rd");
  EXPECT_EQ(as_text(request.message.payload), "links");
  desk.respond(request.id, {.code = Code::created, .location_path = "/rd/5a3f", .max_age = 60});
  const auto answer = desk.one_sent();
  EXPECT_EQ(to_hex(answer.bytes),
            "6141000574827264043561336661"
            "3c");
  EXPECT_EQ(desk.endpoint.respond(desk.now, request.id, {}).error().code, ErrorCode::not_found);
}

TEST(CoapServer, DuplicateGetsTheSameBytesAndMakesNoEvent) {
  Desk desk;
  const Letter letter{.code = Code::post, .id = 5, .token = token("t"), .path = "/rd"};
  desk.give(letter);
  desk.respond(desk.event<RequestReceived>().id, {.code = Code::created});
  const auto first = desk.one_sent();
  desk.pass(seconds(246));
  desk.give(letter);
  EXPECT_EQ(desk.one_sent().bytes, first.bytes);
  desk.expect_no_event();
  EXPECT_EQ(desk.endpoint.counters().duplicates, 1u);
  desk.pass(seconds(1));  // EXCHANGE_LIFETIME is over: the same message id is a new request.
  desk.give(letter);
  desk.event<RequestReceived>();
}

TEST(CoapServer, SameMessageIdOfAnotherPeerIsNoDuplicate) {
  Desk desk;
  desk.give({.id = 5});
  desk.event<RequestReceived>();
  desk.give({.id = 5}, PeerId(2));
  EXPECT_EQ(desk.event<RequestReceived>().peer, PeerId(2));
}

TEST(CoapServer, DuplicateOfAnUnansweredRequestIsIgnored) {
  Desk desk;
  desk.give({.id = 5});
  desk.event<RequestReceived>();
  desk.give({.id = 5});
  desk.expect_no_event();
  EXPECT_TRUE(desk.sent().empty());
}

TEST(CoapServer, AcknowledgesLateAndAnswersSeparatelyUntilAcknowledged) {
  Desk desk;
  const auto start = desk.now;
  const Letter letter{.id = 5, .token = token("t")};
  desk.give(letter);
  const auto request = desk.event<RequestReceived>();
  EXPECT_EQ(desk.endpoint.next_timeout(), start + milliseconds(500));
  desk.pass(milliseconds(500));
  EXPECT_EQ(desk.one_sent().bytes, written(empty(Type::acknowledgement, 5)));
  desk.give(letter);
  EXPECT_EQ(desk.one_sent().bytes, written(empty(Type::acknowledgement, 5)));
  desk.respond(request.id, {.payload = as_bytes("late")});
  const auto answer = desk.one_sent();
  EXPECT_EQ(answer.message().type, Type::confirmable);
  EXPECT_EQ(answer.message().token, token("t"));
  EXPECT_TRUE(desk.endpoint.busy(PeerId(1)));
  desk.pass(seconds(2));
  EXPECT_EQ(desk.one_sent().bytes, answer.bytes);
  desk.give(letter);
  EXPECT_EQ(desk.one_sent().bytes, written(empty(Type::acknowledgement, 5)));
  desk.give(empty(Type::acknowledgement, answer.message().message_id.value()));
  EXPECT_FALSE(desk.endpoint.busy(PeerId(1)));
  desk.pass(seconds(100));
  EXPECT_TRUE(desk.sent().empty());
  desk.expect_no_event();
}

TEST(CoapServer, SeparateAnswerEndsOnResetAndOnTimeoutWithoutAnEvent) {
  for (const bool rejects : {true, false}) {
    Desk desk;
    desk.give({.id = 5});
    const auto request = desk.event<RequestReceived>();
    desk.pass(seconds(1));
    desk.sent();
    desk.respond(request.id, {});
    const auto id = desk.one_sent().message().message_id.value();
    if (rejects) desk.give(empty(Type::reset, id));
    desk.pass(seconds(62));
    EXPECT_EQ(desk.sent().size(), rejects ? 0u : 4u);
    desk.expect_no_event();
    EXPECT_FALSE(desk.endpoint.busy(PeerId(1)));
    desk.expect_forgets_everything();
  }
}

TEST(CoapServer, NonConfirmableRequestGetsANonConfirmableAnswerOnce) {
  Desk desk;
  const Letter letter{.type = Type::non_confirmable, .id = 5, .token = token("t")};
  desk.give(letter);
  const auto request = desk.event<RequestReceived>();
  desk.pass(seconds(1));
  EXPECT_TRUE(desk.sent().empty());
  desk.respond(request.id, {});
  EXPECT_EQ(desk.one_sent().message().type, Type::non_confirmable);
  desk.give(letter);
  EXPECT_TRUE(desk.sent().empty());
  desk.pass(seconds(144));
  desk.expect_no_event();
  desk.give(letter);
  desk.event<RequestReceived>();
}

TEST(CoapServer, UnansweredRequestIsForgottenInTheEnd) {
  Desk desk;
  desk.give({.id = 5});
  const auto request = desk.event<RequestReceived>();
  desk.expect_forgets_everything();
  EXPECT_EQ(desk.endpoint.respond(desk.now, request.id, {}).error().code, ErrorCode::not_found);
}

TEST(CoapServer, PingIsAnsweredByReset) {
  Desk desk;
  desk.give(empty(Type::confirmable, 9));
  EXPECT_EQ(desk.one_sent().bytes, written(empty(Type::reset, 9)));
  desk.give(empty(Type::non_confirmable, 9));
  EXPECT_TRUE(desk.sent().empty());
}

TEST(CoapServer, MalformedConfirmableMessagesAreRejectedAndOthersDropped) {
  struct Row {
    const char* hex;
    const char* answer;  ///< "" for none
  };
  const Row rows[] = {
      {"40010007ff", "70000007"},              // Marker without payload.
      {"4901000701020304050607", "70000007"},  // Token length 9.
      {"41000007aa", "70000007"},              // Content in an empty message.
      {"40210007", "70000007"},                // Reserved class 1.
      {"40c00007", "70000007"},                // Reserved class 6.
      {"50010007ff", ""},                      // NON.
      {"60010007ff", ""},                      // ACK.
      {"60010007", ""},                        // A request in an ACK.
      {"70450007", ""},                        // A response in an RST.
      {"80010007", ""},                        // Version 2.
      {"4001", ""},
      {"", ""},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.hex);
    Desk desk;
    desk.give_hex(row.hex);
    const auto sent = desk.sent();
    EXPECT_EQ(sent.empty() ? "" : to_hex(sent[0].bytes), row.answer);
    EXPECT_EQ(desk.endpoint.counters().malformed, 1u);
    desk.expect_no_event();
    EXPECT_EQ(desk.endpoint.next_timeout(), std::nullopt);
  }
}

TEST(CoapServer, DatagramAboveTheMaximumIsRejected) {
  Desk desk;
  desk.give({.id = 5, .payload = body(1300)});
  EXPECT_EQ(desk.one_sent().bytes, written(empty(Type::reset, 5)));
}

Code answer_code(Desk& desk, std::initializer_list<std::pair<unsigned, std::string_view>> options,
                 Type type = Type::confirmable) {
  static std::uint16_t id = 100;
  Bytes buffer(512);
  MessageWriter writer(buffer, type, Code::get, MessageId(id++), Token());
  for (const auto& [number, value] : options)
    writer.option(OptionNumber{static_cast<std::uint16_t>(number)}, value);
  const auto bytes = *writer.finish();
  desk.give_bytes(Bytes(bytes.begin(), bytes.end()));
  if (desk.endpoint.poll_event()) return Code::empty;  // Taken.
  const auto sent = desk.sent();
  return sent.empty() ? Code::internal_server_error : sent[0].message().code;
}

TEST(CoapServer, RefusesCriticalOptionsThatItDoesNotHandle) {
  Desk desk;
  const std::string nine(9, 'e');
  EXPECT_EQ(answer_code(desk, {{9, "x"}}), Code::bad_option);  // OSCORE
  EXPECT_EQ(answer_code(desk, {{19, ""}}), Code::bad_option);  // Q-Block1
  EXPECT_EQ(answer_code(desk, {{65001, ""}}), Code::bad_option);
  EXPECT_EQ(answer_code(desk, {{35, "coap://x"}}), Code::proxying_not_supported);
  EXPECT_EQ(answer_code(desk, {{39, "coap"}}), Code::proxying_not_supported);
  EXPECT_EQ(answer_code(desk, {{17, ""}, {17, ""}}), Code::bad_option);  // Accept twice
  EXPECT_EQ(answer_code(desk, {{17, "abc"}}), Code::bad_option);         // Accept of three bytes
  EXPECT_EQ(answer_code(desk, {{3, ""}}), Code::bad_option);             // an empty Uri-Host
  EXPECT_EQ(answer_code(desk, {{5, "x"}}), Code::bad_option);            // If-None-Match with a value
  EXPECT_EQ(answer_code(desk, {{1, nine}}), Code::bad_option);           // If-Match of nine bytes
  EXPECT_EQ(answer_code(desk, {{23, "abcd"}}), Code::bad_option);        // Block2 of four bytes
  EXPECT_EQ(answer_code(desk, {{23, "\x07"}}), Code::bad_request);       // reserved block size
  EXPECT_EQ(answer_code(desk, {{27, "\x0f"}}), Code::bad_request);
  EXPECT_EQ(desk.endpoint.counters().rejected, 13u);
}

TEST(CoapServer, TakesWhatItHandlesAndIgnoresUnknownElectiveOptions) {
  Desk desk;
  EXPECT_EQ(answer_code(desk, {{1, ""},
                               {3, "host"},
                               {7, "\x16"},
                               {11, "3"},
                               {15, "pmin=1"},
                               {15, "pmax=2"},
                               {17, "\x2d\x16"},
                               {252, "echo"},
                               {258, "\x02"},
                               {292, "tag"},
                               {65000, "z"}}),
            Code::empty);
}

TEST(CoapServer, NonConfirmableRequestWithABadOptionIsIgnored) {
  Desk desk;
  EXPECT_EQ(answer_code(desk, {{9, "x"}}, Type::non_confirmable), Code::internal_server_error);
  EXPECT_EQ(desk.endpoint.next_timeout(), std::nullopt);
}

TEST(CoapServer, RefusesNewWorkWhenItsTableIsFull) {
  auto config = exact();
  config.incoming_max = 3;
  Desk desk(config);
  for (std::uint16_t i = 1; i <= 3; ++i) {
    desk.give({.id = i, .token = token("t")}, PeerId(i));
    desk.respond(desk.event<RequestReceived>().id, {});
    desk.one_sent();
  }
  desk.give({.id = 9, .token = token("u")}, PeerId(9));
  const auto refusal = desk.one_sent();
  EXPECT_EQ(refusal.message().code, Code::service_unavailable);
  EXPECT_EQ(refusal.message().type, Type::acknowledgement);
  EXPECT_EQ(refusal.message().token, token("u"));
  EXPECT_GT(refusal.message().find_number(OptionNumber::max_age).value_or(0), 0u);
  desk.give({.type = Type::non_confirmable, .id = 10}, PeerId(9));
  EXPECT_TRUE(desk.sent().empty());
  desk.expect_no_event();
  EXPECT_EQ(desk.endpoint.counters().overload, 2u);
  desk.give({.id = 2, .token = token("t")}, PeerId(2));  // Old work goes on.
  EXPECT_EQ(desk.one_sent().message().code, Code::content);
  desk.pass(seconds(247));
  desk.give({.id = 9}, PeerId(9));
  desk.event<RequestReceived>();
}

TEST(CoapServer, MakesRoomByWhatNobodyRepeatsAnyMore) {
  auto config = exact();
  config.incoming_max = 2;
  Desk desk(config);
  desk.give({.id = 1}, PeerId(1));  // stays unanswered: it is work
  const auto unanswered = desk.event<RequestReceived>().id;
  desk.give({.id = 2}, PeerId(2));
  desk.respond(desk.event<RequestReceived>().id, {});
  (void)desk.sent();
  const auto span = Duration(static_cast<Duration::rep>(static_cast<double>(config.ack_timeout.count()) * 15 *
                                                        config.ack_random_factor));
  desk.pass(span - milliseconds(1));
  (void)desk.sent();
  desk.give({.id = 3}, PeerId(3));
  EXPECT_EQ(desk.one_sent().message().code, Code::service_unavailable);
  desk.pass(milliseconds(1));
  desk.give({.id = 4}, PeerId(4));
  EXPECT_EQ(desk.endpoint.counters().overload, 1u);
  (void)desk.event<RequestReceived>();
  desk.give({.id = 5}, PeerId(5));
  EXPECT_EQ(desk.endpoint.counters().overload, 2u) << "unanswered requests are never forgotten";
  (void)desk.sent();
  desk.respond(unanswered, {});
  EXPECT_EQ(desk.one_sent().message().code, Code::content);
}

TEST(CoapServer, ForgetsTheOldestAnsweredMessageOfAPeerThatSendsMany) {
  auto config = exact();
  config.incoming_per_peer_max = 2;
  Desk desk(config);
  desk.give({.id = 1});
  const auto open = desk.event<RequestReceived>().id;
  for (std::uint16_t i = 2; i <= 5; ++i) {
    desk.give({.id = i});
    desk.respond(desk.event<RequestReceived>().id, {});
    desk.one_sent();
  }
  desk.give({.id = 5});
  EXPECT_EQ(desk.endpoint.counters().duplicates, 1u);
  desk.sent();
  desk.give({.id = 2});  // Forgotten, thus new.
  desk.event<RequestReceived>();
  desk.give({.id = 7});  // Both places hold unanswered work now.
  EXPECT_EQ(desk.one_sent().message().code, Code::service_unavailable);
  desk.respond(open, {});
}

TEST(CoapServer, EventsKeepTheirBytesWhenTheCallerReusesItsBuffer) {
  Desk desk;
  auto first = written({.id = 1, .path = "/first", .payload = "one"});
  desk.give_bytes(first);
  std::fill(first.begin(), first.end(), std::uint8_t{0xEE});
  desk.give({.id = 2, .path = "/second"});
  EXPECT_EQ(desk.event<RequestReceived>().message.uri_path().view(), "/first");
  EXPECT_EQ(desk.event<RequestReceived>().message.uri_path().view(), "/second");
}

TEST(CoapServer, DatagramsAreRefusedWhenNobodyPolls) {
  auto config = exact();
  config.incoming_max = 10000;
  Desk desk(config);
  for (std::uint16_t i = 0; i < 5000; ++i) desk.give({.type = Type::non_confirmable, .id = i}, PeerId(i));
  EXPECT_EQ(desk.endpoint.counters().overload, 5000u - 4096u);
}

TEST(CoapServer, AnswerAboveTheBodyMaximumIsRefused) {
  auto config = exact();
  config.body_max = 100;
  Desk desk(config);
  desk.give({.id = 1});
  const auto id = desk.event<RequestReceived>().id;
  const auto large = body(101);
  EXPECT_EQ(desk.endpoint.respond(desk.now, id, {.payload = as_bytes(large)}).error().code, ErrorCode::limit);
  desk.respond(id, {.code = Code::internal_server_error});
}

}  // namespace
}  // namespace slipway::coap

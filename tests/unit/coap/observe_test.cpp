// SPDX-License-Identifier: Apache-2.0
// Observations, from both ends. [RFC 7641]
#include "desk.hpp"

namespace slipway::coap {
namespace {

using namespace test;

Letter empty(Type type, std::uint16_t id) {
  return {.type = type, .code = Code::empty, .id = id};
}

/// A desk whose observation of /3303 with token "watch" has begun at sequence `start`.
struct Watching : Desk {
  explicit Watching(std::uint32_t start = 10, const EndpointConfig& config = exact()) : Desk(config) {
    id = ask({.path = "/3303", .observe = 0, .tag = 5, .token = token("watch")});
    const auto request = one_sent().message();
    EXPECT_EQ(request.observe(), 0u);
    give({.type = Type::acknowledgement,
          .code = Code::content,
          .id = request.message_id.value(),
          .token = token("watch"),
          .observe = start,
          .payload = "first"});
    const auto response = event<ResponseReceived>();
    EXPECT_TRUE(response.notifications_follow);
    EXPECT_FALSE(endpoint.busy(PeerId(1)));
    EXPECT_EQ(endpoint.next_timeout(), std::nullopt);
  }
  void notify(std::uint32_t sequence, Type type = Type::non_confirmable, Code code = Code::content) {
    give({.type = type,
          .code = code,
          .id = ++last_id,
          .token = token("watch"),
          .observe = sequence,
          .payload = "n" + std::to_string(sequence)});
  }
  void expect_notification(const std::string& payload) {
    const auto got = event<NotificationReceived>();
    EXPECT_EQ(as_text(got.message.payload), payload);
    EXPECT_EQ(got.id, id);
    EXPECT_EQ(got.tag, 5u);
  }
  RequestId id;
  std::uint16_t last_id = 1000;
};

TEST(CoapObserve, DeliversNotificationsInOrderAndDropsOldOnes) {
  Watching desk;
  desk.notify(11);
  desk.expect_notification("n11");
  desk.notify(15);
  desk.expect_notification("n15");
  desk.notify(14);
  desk.notify(15);
  desk.expect_no_event();
  desk.notify(16);
  desk.expect_notification("n16");
}

TEST(CoapObserve, SequenceWrapsAtTwentyFourBits) {
  Watching desk(0xFFFFFE);
  desk.notify(1);
  desk.expect_notification("n1");
  desk.notify(0xFFFFFF);
  desk.expect_no_event();
  desk.notify(0x800000);  // Just under half the circle ahead.
  desk.expect_notification("n8388608");
  desk.notify(0x000000 + 1);  // Half the circle is no order: taken as old.
  desk.expect_no_event();
}

TEST(CoapObserve, AnythingIsFreshAfter128Seconds) {
  Watching desk;
  desk.pass(seconds(128));
  desk.notify(3);
  desk.expect_no_event();
  desk.pass(Duration(1));
  desk.notify(3);
  desk.expect_notification("n3");
}

TEST(CoapObserve, ConfirmableNotificationsAreAcknowledgedOldOnesToo) {
  Watching desk;
  desk.notify(12, Type::confirmable);
  EXPECT_EQ(desk.one_sent().bytes, written(empty(Type::acknowledgement, 1001)));
  desk.expect_notification("n12");
  desk.notify(11, Type::confirmable);
  EXPECT_EQ(desk.one_sent().bytes, written(empty(Type::acknowledgement, 1002)));
  desk.expect_no_event();
}

TEST(CoapObserve, CancelledObservationIsForgottenAndItsNextNotificationRejected) {
  for (const auto type : {Type::confirmable, Type::non_confirmable}) {
    Watching desk;
    desk.endpoint.cancel(desk.id);
    desk.notify(11, type);
    EXPECT_EQ(desk.one_sent().bytes, written(empty(Type::reset, 1001)));
    desk.expect_no_event();
  }
}

TEST(CoapObserve, ErrorOrMissingOptionEndsTheObservationWithAFinalResponse) {
  Watching desk;
  desk.notify(11, Type::non_confirmable, Code::not_found);
  const auto last = desk.event<ResponseReceived>();
  EXPECT_EQ(last.id, desk.id);
  EXPECT_FALSE(last.notifications_follow);
  EXPECT_EQ(last.message.code, Code::not_found);
  desk.notify(12);
  EXPECT_EQ(desk.one_sent().message().type, Type::reset);

  Watching other;
  other.give({.type = Type::non_confirmable, .code = Code::content, .id = 2000, .token = token("watch")});
  EXPECT_FALSE(other.event<ResponseReceived>().notifications_follow);
}

TEST(CoapObserve, RefusedObservationIsAnOrdinaryResponse) {
  Desk desk;
  desk.ask({.path = "/3303", .observe = 0});
  const auto request = desk.one_sent().message();
  desk.give({.type = Type::acknowledgement,
             .code = Code::content,
             .id = request.message_id.value(),
             .token = request.token});
  EXPECT_FALSE(desk.event<ResponseReceived>().notifications_follow);
}

TEST(CoapObserve, CancelRequestWithTheTokenReplacesTheObservation) {
  Watching desk;
  const auto cancel = desk.ask({.path = "/3303", .observe = 1, .token = token("watch")});
  const auto request = desk.one_sent().message();
  EXPECT_EQ(request.observe(), 1u);
  EXPECT_EQ(request.token, token("watch"));
  desk.notify(11, Type::confirmable);  // Was on its way: acknowledged, not taken for the answer.
  EXPECT_EQ(desk.one_sent().message().type, Type::acknowledgement);
  desk.expect_no_event();
  desk.give({.type = Type::acknowledgement,
             .code = Code::content,
             .id = request.message_id.value(),
             .token = token("watch")});
  const auto response = desk.event<ResponseReceived>();
  EXPECT_EQ(response.id, cancel);
  EXPECT_FALSE(response.notifications_follow);
  desk.notify(12);
  EXPECT_EQ(desk.one_sent().message().type, Type::reset);
}

TEST(CoapObserve, TokenOfARequestUnderWayIsRefused) {
  Desk desk;
  desk.ask({.token = token("t")});
  EXPECT_EQ(desk.endpoint.request(desk.now, PeerId(1), {.token = token("t")}).error().code,
            ErrorCode::duplicate);
  desk.ask({.token = token("t")}, PeerId(2));
}

TEST(CoapObserve, DroppedPeerEndsTheObservation) {
  Watching desk;
  desk.endpoint.drop_peer(PeerId(1));
  EXPECT_EQ(desk.event<RequestFailed>().id, desk.id);
}

TEST(CoapNotify, ConfirmableNotificationTellsWhatBecameOfIt) {
  for (const auto outcome : {NotifyOutcome::acknowledged, NotifyOutcome::rejected, NotifyOutcome::timeout}) {
    Desk desk;
    ASSERT_TRUE(desk.endpoint.notify(desk.now, PeerId(1), token("w"), Type::confirmable,
                                     {.content_format = 60, .observe = 7, .payload = as_bytes("v")}, 99));
    const auto sent = desk.one_sent();
    const auto message = sent.message();
    EXPECT_EQ(message.type, Type::confirmable);
    EXPECT_EQ(message.token, token("w"));
    EXPECT_EQ(message.observe(), 7u);
    EXPECT_TRUE(desk.endpoint.busy(PeerId(1)));
    if (outcome == NotifyOutcome::acknowledged)
      desk.give(empty(Type::acknowledgement, message.message_id.value()));
    if (outcome == NotifyOutcome::rejected) desk.give(empty(Type::reset, message.message_id.value()));
    if (outcome == NotifyOutcome::timeout) desk.pass(seconds(62));
    const auto done = desk.event<NotifyDone>();
    EXPECT_EQ(done.outcome, outcome);
    EXPECT_EQ(done.token, token("w"));
    EXPECT_EQ(done.tag, 99u);
    EXPECT_FALSE(desk.endpoint.busy(PeerId(1)));
    desk.expect_forgets_everything();
  }
}

TEST(CoapNotify, ResetOfANonConfirmableNotificationIsMatchedByItsMessageId) {
  Desk desk;
  for (const auto* name : {"a", "b"})
    ASSERT_TRUE(
        desk.endpoint.notify(desk.now, PeerId(1), token(name), Type::non_confirmable, {.observe = 1}, 1));
  const auto sent = desk.sent();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_FALSE(desk.endpoint.busy(PeerId(1)));
  desk.expect_no_event();
  desk.pass(seconds(144));
  desk.give(empty(Type::reset, sent[0].message().message_id.value()));
  const auto done = desk.event<NotifyDone>();
  EXPECT_EQ(done.outcome, NotifyOutcome::rejected);
  EXPECT_EQ(done.token, token("a"));
  desk.pass(seconds(1));
  desk.give(empty(Type::reset, sent[1].message().message_id.value()));
  desk.expect_no_event();
  EXPECT_EQ(desk.endpoint.next_timeout(), std::nullopt);
}

TEST(CoapNotify, LingeringNotificationsGiveWayToNewWork) {
  auto config = exact();
  config.exchanges_max = 3;
  Desk desk(config);
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(
        desk.endpoint.notify(desk.now, PeerId(1), token("w"), Type::non_confirmable, {.observe = 1}, 1));
  desk.ask({});
  desk.ask({});
  desk.ask({});
  EXPECT_FALSE(desk.endpoint.request(desk.now, PeerId(1), {}));
}

TEST(CoapNotify, SecondConfirmableNotificationWaitsForTheFirst) {
  Desk desk;
  for (const std::uint32_t n : {1u, 2u})
    ASSERT_TRUE(desk.endpoint.notify(desk.now, PeerId(1), token("w"), Type::confirmable, {.observe = n}, n));
  const auto first = desk.one_sent();
  desk.give(empty(Type::acknowledgement, first.message().message_id.value()));
  EXPECT_EQ(desk.event<NotifyDone>().tag, 1u);
  EXPECT_EQ(desk.one_sent().message().observe(), 2u);
}

}  // namespace
}  // namespace slipway::coap

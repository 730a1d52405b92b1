// SPDX-License-Identifier: Apache-2.0
// A session goes on in another endpoint: requests that were answered before are not carried out again.
// [RFC 7252 §4.5]
#include <gtest/gtest.h>

#include <slipway/coap/endpoint.hpp>

namespace slipway::coap {
namespace {

constexpr PeerId kPeer{1};

class AnsweredRequests : public testing::Test {
 protected:
  Bytes request(Code code, Type type = Type::confirmable) {
    EXPECT_TRUE(client_.request(now_, kPeer, {.code = code, .type = type, .path = "/3/0/4"}));
    const auto sent = client_.poll_transmit();
    const Bytes bytes = sent ? Bytes(sent->bytes.begin(), sent->bytes.end()) : Bytes{};
    client_.drop_peer(kPeer);  // each stands alone
    while (client_.poll_event()) {
    }
    return bytes;
  }
  /// Gives it to an endpoint, which answers what it has not answered before; whether it had to.
  bool is_carried_out(Endpoint& endpoint, const Bytes& datagram, std::size_t payload = 0) {
    sent_.clear();
    endpoint.handle_datagram(now_, kPeer, datagram);
    bool is_new = false;
    while (const auto event = endpoint.poll_event())
      if (const auto* received = std::get_if<RequestReceived>(&*event)) {
        is_new = true;
        const Bytes body(payload, 'x');
        EXPECT_TRUE(endpoint.respond(now_, received->id, {.code = Code::changed, .payload = body}));
      }
    while (const auto out = endpoint.poll_transmit()) sent_.assign(out->bytes.begin(), out->bytes.end());
    return is_new;
  }

  TimePoint now_{seconds(1)};
  SeededRandom random_{1};
  Endpoint client_{{}, random_};
  Endpoint before_{{}, random_}, after_{{}, random_};
  Bytes sent_;
};

TEST_F(AnsweredRequests, GetTheSameAnswerElsewhere) {
  const auto datagram = request(Code::post);
  ASSERT_TRUE(is_carried_out(before_, datagram));
  const auto answer = sent_;
  const auto kept = before_.answered_requests(kPeer);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].answer, answer);
  after_.remember_answered(now_, kPeer, kept);
  EXPECT_FALSE(is_carried_out(after_, datagram));
  EXPECT_EQ(sent_, answer);
  EXPECT_EQ(after_.counters().duplicates, 1u);
}

TEST_F(AnsweredRequests, WithALongAnswerGetNone) {
  const auto datagram = request(Code::put);
  ASSERT_TRUE(is_carried_out(before_, datagram, AnsweredRequest::kAnswerMax));
  const auto kept = before_.answered_requests(kPeer);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_TRUE(kept[0].answer.empty());
  after_.remember_answered(now_, kPeer, kept);
  EXPECT_FALSE(is_carried_out(after_, datagram));
  EXPECT_TRUE(sent_.empty());
}

TEST_F(AnsweredRequests, ThatAreNotConfirmableAreIgnored) {
  const auto datagram = request(Code::post, Type::non_confirmable);
  ASSERT_TRUE(is_carried_out(before_, datagram));
  after_.remember_answered(now_, kPeer, before_.answered_requests(kPeer));
  EXPECT_FALSE(is_carried_out(after_, datagram));
  EXPECT_TRUE(sent_.empty());
}

TEST_F(AnsweredRequests, AreNotThoseThatChangeNothing) {
  ASSERT_TRUE(is_carried_out(before_, request(Code::get)));
  ASSERT_TRUE(is_carried_out(before_, request(Code::fetch)));
  EXPECT_TRUE(before_.answered_requests(kPeer).empty());
  EXPECT_TRUE(before_.answered_requests(PeerId(2)).empty());
}

TEST_F(AnsweredRequests, AreForgottenWithTheirLifetimeAndBounded) {
  std::vector<AnsweredRequest> many;
  for (std::uint16_t id = 0; id < 100; ++id)
    many.push_back({.type = Type::confirmable, .id = MessageId(id), .answer = {}});
  after_.remember_answered(now_, kPeer, many);
  EXPECT_EQ(after_.answered_requests(kPeer).size(), EndpointConfig{}.incoming_per_peer_max);
  after_.handle_timeout(now_ + EndpointConfig{}.exchange_lifetime);
  EXPECT_TRUE(after_.answered_requests(kPeer).empty());
}

}  // namespace
}  // namespace slipway::coap

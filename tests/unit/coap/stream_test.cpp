// SPDX-License-Identifier: Apache-2.0
// One connection, its peer played by hand: signals, bounds and times. [RFC 8323 §3.3, §3.4, §5]
#include <gtest/gtest.h>

#include <slipway/base/random.hpp>
#include <slipway/coap/stream.hpp>

#include "vectors.hpp"

namespace slipway::coap {
namespace {

Bytes hex(std::string_view text) {
  const auto bytes = from_hex(text == "-" ? "" : text);
  EXPECT_TRUE(bytes);
  return bytes.value_or(Bytes());
}

Bytes frame_of(Code code, std::string_view token, std::size_t payload = 0, std::uint8_t fill = 'p') {
  Bytes buffer(payload + 64);
  MessageWriter writer(buffer, code, Token(as_bytes(token)));
  writer.payload(Bytes(payload, fill));
  const auto frame = writer.finish();
  return Bytes(frame->begin(), frame->end());
}

constexpr std::string_view kCsm = "00e1";

/// A connection with the time and the peer in the test's hands.
struct Wire {
  explicit Wire(const StreamConfig& config = {}) : connection(now, config) {}
  /// With the CSMs of both sides exchanged.
  static Wire open(const StreamConfig& config = {}, std::string_view csm = kCsm) {
    Wire wire(config);
    (void)wire.output();
    wire.give(hex(csm));
    EXPECT_TRUE(wire.event<StreamReady>());
    return wire;
  }
  void give(const Bytes& bytes) { connection.handle_bytes(now, bytes); }
  std::string output() {
    const auto text = to_hex(connection.poll_output());
    connection.taken(now, connection.poll_output().size());
    return text;
  }
  template <class T>
  std::optional<T> event() {
    const auto next = connection.poll_event();
    if (!next || !std::holds_alternative<T>(*next)) return std::nullopt;
    return std::get<T>(*next);
  }
  void expect_no_event() { EXPECT_FALSE(connection.poll_event().has_value()); }
  void expect_end(StreamEnd end) {
    const auto closed = event<StreamClosed>();
    ASSERT_TRUE(closed) << "still open";
    EXPECT_STREQ(to_string(closed->end), to_string(end));
    expect_no_event();
    EXPECT_EQ(connection.next_timeout(), std::nullopt);
  }
  void pass(Duration duration) {
    const auto until = now + duration;
    for (auto next = connection.next_timeout(); next && *next <= until; next = connection.next_timeout()) {
      now = std::max(now, *next);
      connection.handle_timeout(now);
    }
    now = until;
  }

  TimePoint now{seconds(1000)};
  StreamConnection connection;
};

TEST(CoapStream, AnswersEverySignalOfTheVectors) {
  const auto lines = test::vector_lines("signals.txt");
  ASSERT_GT(lines.size(), 15u);
  for (const auto& line : lines) {
    SCOPED_TRACE(line[0]);
    if (line[1] == "-") {
      Wire wire;
      EXPECT_EQ(wire.output(), to_hex(hex(line[2])));
      continue;
    }
    auto wire = Wire::open();
    wire.give(hex(line[1]));
    std::string end = "-";
    while (const auto event = wire.connection.poll_event())
      if (const auto* closed = std::get_if<StreamClosed>(&*event)) end = to_string(closed->end);
    EXPECT_EQ(wire.output(), to_hex(hex(line[2])));
    EXPECT_EQ(end, line[3]);
  }
}

TEST(CoapStream, TellsWhatThePeersCsmSays) {
  Wire wire;
  wire.give(hex("00e1"));
  EXPECT_EQ(wire.event<StreamReady>()->peer, Reliable());
  wire.give(hex("30e1 22ffff"));
  EXPECT_EQ(wire.event<StreamReady>()->peer, (Reliable{.message_max = 65535}));
  wire.give(hex("10e1 40"));
  EXPECT_EQ(wire.event<StreamReady>()->peer, (Reliable{.message_max = 65535, .blockwise = true}));
  wire.give(hex("10e1 40"));
  wire.expect_no_event();
}

TEST(CoapStream, DeliversMessagesHoweverTheStreamIsCut) {
  std::vector<Bytes> sent;
  Bytes stream = hex(kCsm);
  for (const std::size_t size : {0, 1, 11, 12, 254, 267, 268, 3000, 65000}) {
    sent.push_back(frame_of(Code::content, "t", size, static_cast<std::uint8_t>(size)));
    stream.insert(stream.end(), sent.back().begin(), sent.back().end());
    const auto between = hex("0000 00e2");
    stream.insert(stream.end(), between.begin(), between.end());
  }
  SeededRandom random(3);
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(round);
    Wire wire;
    (void)wire.output();
    std::size_t seen = 0;
    for (std::size_t at = 0; at < stream.size();) {
      const auto step = round == 0 ? 1 : 1 + random.below(round % 2 == 0 ? 20 : 30000);
      const auto end = std::min<std::size_t>(stream.size(), at + step);
      wire.connection.handle_bytes(wire.now, ByteView(stream).subspan(at, end - at));
      at = end;
      while (const auto event = wire.connection.poll_event()) {
        ASSERT_FALSE(std::holds_alternative<StreamClosed>(*event));
        const auto* message = std::get_if<StreamMessage>(&*event);
        if (message == nullptr) continue;
        ASSERT_LT(seen, sent.size());
        EXPECT_TRUE(equal(message->frame, sent[seen++]));
      }
    }
    EXPECT_EQ(seen, sent.size());
    std::string pongs;
    for (std::size_t i = 0; i < sent.size(); ++i) pongs += "00e3";
    EXPECT_EQ(wire.output(), pongs);
  }
}

TEST(CoapStream, TheFirstMessageMustBeACsm) {
  for (const auto& first : {frame_of(Code::get, "t"), hex("00e2"), hex("0000"), hex("00e4")}) {
    Wire wire;
    (void)wire.output();
    wire.give(first);
    wire.expect_end(StreamEnd::no_csm);
    EXPECT_NE(wire.output().find("e5"), std::string::npos);
  }
}

TEST(CoapStream, AnAbortBeforeTheCsmIsUnderstood) {
  Wire wire;
  (void)wire.output();
  wire.give(hex("30e5 ff6e6f"));
  const auto closed = wire.event<StreamClosed>();
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->end, StreamEnd::aborted_by_peer);
  EXPECT_EQ(closed->diagnostic, "no");
  EXPECT_EQ(wire.output(), "");
}

TEST(CoapStream, SaysWhichOptionOfTheCsmIsNotKnown) {
  auto wire = Wire::open();
  wire.give(hex("10e1 30"));
  const auto closed = wire.event<StreamClosed>();
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->end, StreamEnd::bad_csm);
  EXPECT_EQ(closed->bad_csm_option, 3);
}

TEST(CoapStream, ACriticalOptionInAnySignalEndsTheConnection) {
  for (const auto* signal : {"10e2 30", "10e3 30", "10e4 30", "10e0 30"}) {
    auto wire = Wire::open();
    wire.give(hex(signal));
    wire.expect_end(StreamEnd::malformed);
  }
}

TEST(CoapStream, AMessageAboveOursIsRefusedByItsHeaderAlone) {
  auto wire = Wire::open({.message_max = 2000});
  wire.give(frame_of(Code::post, "t", 1990));
  EXPECT_TRUE(wire.event<StreamMessage>());
  wire.give(hex("e0 06c1"));  // 1998 bytes of content: 2002 in all
  wire.expect_end(StreamEnd::too_large);
  EXPECT_EQ(wire.output(), "d005e5ff" + to_hex(as_bytes("message too large")));
}

TEST(CoapStream, AHugeLengthIsRefusedToo) {
  auto wire = Wire::open();
  wire.give(hex("f0 ffffffff"));
  wire.expect_end(StreamEnd::too_large);
}

TEST(CoapStream, WhatIsNoMessageEndsTheConnection) {
  for (const auto* bytes : {"0901", "0f01", "1001ff", "0020", "00c0", "1001b4"}) {
    SCOPED_TRACE(bytes);
    auto wire = Wire::open();
    wire.give(hex(bytes));
    wire.expect_end(StreamEnd::malformed);
    EXPECT_NE(wire.output(), "");
  }
}

TEST(CoapStream, APeerWithoutACsmIsNotWaitedForLong) {
  Wire wire;
  (void)wire.output();
  wire.pass(seconds(9));
  wire.expect_no_event();
  wire.pass(seconds(1));
  wire.expect_end(StreamEnd::no_csm);
}

TEST(CoapStream, AMessageThatTricklesEndsTheConnection) {
  auto wire = Wire::open();
  const auto frame = frame_of(Code::post, "t", 1000);
  for (std::size_t i = 0; i < 12; ++i) {
    wire.give({frame[i]});
    wire.expect_no_event();
    wire.pass(seconds(9));
  }
  wire.pass(seconds(12));
  wire.expect_end(StreamEnd::too_slow);
}

TEST(CoapStream, ASilentPeerIsPingedAndThenGivenUp) {
  auto wire = Wire::open();
  wire.pass(seconds(599));
  EXPECT_EQ(wire.output(), "");
  wire.pass(seconds(1));
  EXPECT_EQ(wire.output(), "02e20001");
  wire.give(hex("02e3 0001"));
  wire.expect_no_event();
  wire.pass(seconds(600));
  EXPECT_EQ(wire.output(), "02e20002");
  wire.pass(seconds(29));
  wire.expect_no_event();
  wire.pass(seconds(1));
  wire.expect_end(StreamEnd::silent);
}

TEST(CoapStream, WithoutPingAfterNobodyIsPinged) {
  auto wire = Wire::open({.ping_after = Duration::zero()});
  EXPECT_EQ(wire.connection.next_timeout(), std::nullopt);
}

TEST(CoapStream, APongWithCustodyWaitsForTheAnswersToWhatCameBefore) {
  auto wire = Wire::open();
  wire.give(frame_of(Code::get, "a"));
  EXPECT_TRUE(wire.event<StreamMessage>());
  wire.give(hex("11e2 01 20"));
  wire.expect_no_event();
  wire.give(frame_of(Code::get, "b"));
  EXPECT_TRUE(wire.event<StreamMessage>());
  EXPECT_EQ(wire.output(), "");
  ASSERT_TRUE(wire.connection.send(wire.now, frame_of(Code::content, "a")));
  EXPECT_EQ(wire.output(), "01456111e30120");
}

TEST(CoapStream, APongDoesNotWaitForeverAndThenPromisesNothing) {
  auto wire = Wire::open();
  wire.give(frame_of(Code::get, "a"));
  EXPECT_TRUE(wire.event<StreamMessage>());
  for (int i = 0; i < 5; ++i) wire.give(hex("11e2 01 20")), wire.expect_no_event();
  EXPECT_EQ(wire.output(), "01e301") << "only four are kept waiting";
  wire.pass(seconds(5));
  EXPECT_EQ(wire.output(), "01e30101e30101e30101e301");
}

TEST(CoapStream, APeerThatReleasesGetsItsAnswersFirst) {
  auto wire = Wire::open();
  wire.give(frame_of(Code::get, "a"));
  EXPECT_TRUE(wire.event<StreamMessage>());
  ASSERT_TRUE(wire.connection.send(wire.now, frame_of(Code::get, "q")));
  wire.give(hex("90e4 23613a31 210a ff6279"));
  const auto released = wire.event<StreamReleased>();
  ASSERT_TRUE(released);
  EXPECT_EQ(released->alternative_address, "a:1");
  EXPECT_EQ(released->hold_off, seconds(10));
  EXPECT_EQ(released->diagnostic, "by");
  EXPECT_EQ(wire.connection.send(wire.now, frame_of(Code::get, "r")).error().code, ErrorCode::refused);
  ASSERT_TRUE(wire.connection.send(wire.now, frame_of(Code::content, "a")));
  wire.expect_no_event();
  wire.give(frame_of(Code::content, "q"));
  EXPECT_TRUE(wire.event<StreamMessage>());
  wire.expect_end(StreamEnd::released);
}

TEST(CoapStream, AReleaseEndsAlsoWhenAnAnswerDoesNotCome) {
  auto wire = Wire::open();
  ASSERT_TRUE(wire.connection.send(wire.now, frame_of(Code::get, "q")));
  wire.give(hex("00e4"));
  EXPECT_TRUE(wire.event<StreamReleased>());
  wire.connection.taken(wire.now, 100);
  wire.pass(seconds(30));
  wire.expect_end(StreamEnd::released);
}

TEST(CoapStream, OurReleaseLeavesTheClosingToThePeer) {
  auto wire = Wire::open();
  wire.connection.release(wire.now);
  wire.connection.release(wire.now);
  EXPECT_EQ(wire.output(), "00e4");
  wire.give(frame_of(Code::get, "a"));
  EXPECT_TRUE(wire.event<StreamMessage>()) << "it was on its way";
  ASSERT_TRUE(wire.connection.send(wire.now, frame_of(Code::content, "a")));
  wire.expect_no_event();
  wire.connection.handle_end(wire.now);
  wire.expect_end(StreamEnd::released);
}

TEST(CoapStream, TheEndOfTheStreamComesAfterWhatWasSaidBefore) {
  auto wire = Wire::open();
  auto bytes = frame_of(Code::get, "a");
  bytes.push_back(0x10);
  wire.give(bytes);
  wire.connection.handle_end(wire.now);
  EXPECT_TRUE(wire.event<StreamMessage>());
  wire.expect_end(StreamEnd::closed_by_peer);
}

TEST(CoapStream, SendRefusesWhatThePeerDoesNotTake) {
  auto wire = Wire::open({}, "30e1 220800");  // 2048
  EXPECT_TRUE(wire.connection.send(wire.now, frame_of(Code::content, "t", 2042)));
  EXPECT_EQ(wire.connection.send(wire.now, frame_of(Code::content, "t", 2043)).error().code,
            ErrorCode::limit);
  EXPECT_EQ(wire.connection.send(wire.now, hex("0045 00")).error().code, ErrorCode::malformed);
  EXPECT_EQ(wire.connection.send(wire.now, {}).error().code, ErrorCode::malformed);
}

TEST(CoapStream, ASlowReaderHasABound) {
  auto wire = Wire::open({.message_max = 2000, .outstanding_max = 4000});
  const auto frame = frame_of(Code::content, "t", 990);
  int taken = 0;
  while (wire.connection.send(wire.now, frame)) ++taken;
  EXPECT_EQ(taken, 4);
  EXPECT_LE(wire.connection.poll_output().size(), 4000u);
  wire.expect_end(StreamEnd::stalled);
  EXPECT_EQ(wire.connection.send(wire.now, frame).error().code, ErrorCode::refused);
}

TEST(CoapStream, AReaderThatStopsIsGivenUp) {
  auto wire = Wire::open();
  ASSERT_TRUE(wire.connection.send(wire.now, frame_of(Code::content, "t", 500)));
  for (int i = 0; i < 4; ++i) {
    wire.pass(seconds(59));
    wire.expect_no_event();
    wire.connection.taken(wire.now, 1);
  }
  wire.pass(seconds(60));
  wire.expect_end(StreamEnd::stalled);
}

TEST(CoapStream, APeerThatOnlyPingsAndReadsNothingIsGivenUp) {
  auto wire = Wire::open({.message_max = 1152, .outstanding_max = 2000});
  int pings = 0;
  for (; pings < 10000 && !wire.connection.closed(); ++pings) {
    wire.give(hex("08e2 0102030405060708"));
    (void)wire.connection.poll_event();
  }
  EXPECT_LT(pings, 300);
  EXPECT_LE(wire.connection.poll_output().size(), 2600u);
}

TEST(CoapStream, AnOwnerThatDoesNotPollDoesNotMakeItGrow) {
  auto wire = Wire::open();
  for (int i = 0; i < 100 && !wire.connection.closed(); ++i) wire.give(frame_of(Code::get, "a", 60000));
  EXPECT_TRUE(wire.connection.closed());
}

TEST(CoapStream, AbortTellsThePeerWhy) {
  auto wire = Wire::open();
  wire.connection.abort(wire.now, "enough");
  wire.expect_end(StreamEnd::aborted);
  EXPECT_EQ(wire.output(), "70e5ff656e6f756768");
  wire.give(frame_of(Code::get, "a"));
  wire.expect_no_event();
}

}  // namespace
}  // namespace slipway::coap

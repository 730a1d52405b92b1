// SPDX-License-Identifier: Apache-2.0
// Messages as frames of a stream: vectors, their round trip, and hostile bytes. [RFC 8323 §3.2]
#include <gtest/gtest.h>

#include <slipway/base/random.hpp>
#include <slipway/coap/message.hpp>

#include "vectors.hpp"

namespace slipway::coap {
namespace {

Bytes hex(const std::string& text) {
  const auto bytes = from_hex(text == "-" ? "" : text);
  EXPECT_TRUE(bytes);
  return bytes.value_or(Bytes());
}

/// A payload that fills `content` bytes together with its marker.
Bytes payload_of(std::size_t content) {
  Bytes payload(content == 0 ? 0 : content - 1);
  for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<std::uint8_t>(i * 31);
  return payload;
}

TEST(CoapFrame, ReadsAndWritesEveryLength) {
  const auto lines = test::vector_lines("frames.txt");
  ASSERT_GT(lines.size(), 10u);
  for (const auto& line : lines) {
    SCOPED_TRACE(line[0]);
    const auto head = hex(line[1]);
    const auto token = hex(line[2]);
    const auto content = std::stoul(line[3]);
    const auto payload = payload_of(content);
    Bytes frame = head;
    if (content != 0) frame.push_back(0xFF);
    frame.insert(frame.end(), payload.begin(), payload.end());

    const auto header = peek_frame(frame);
    ASSERT_TRUE(header && *header);
    EXPECT_EQ((*header)->size(), frame.size());
    EXPECT_EQ((*header)->content_size, content);
    const auto message = Message::parse_frame(frame);
    ASSERT_TRUE(message) << message.error().detail;
    EXPECT_EQ(message->code, Code::content);
    EXPECT_EQ(message->token, Token(token));
    EXPECT_TRUE(equal(message->payload, payload));

    Bytes buffer(frame.size() + kFrameRoom);
    MessageWriter writer(buffer, Code::content, Token(token));
    writer.payload(payload);
    const auto written = writer.finish();
    ASSERT_TRUE(written);
    EXPECT_TRUE(equal(*written, frame));
  }
}

TEST(CoapFrame, OptionsAreThoseOfADatagram) {
  for (const auto& line : test::vector_lines("messages.txt")) {
    SCOPED_TRACE(line[0]);
    const auto datagram = hex(line[1]);
    const auto message = Message::parse(datagram);
    ASSERT_TRUE(message);
    Bytes buffer(2048);
    MessageWriter writer(buffer, message->code, message->token);
    for (std::size_t i = 0; i < message->option_count(); ++i)
      writer.option(message->option(i).number, message->option(i).value);
    writer.payload(message->payload);
    const auto again = Message::parse_frame(*writer.finish());
    ASSERT_TRUE(again) << again.error().detail;
    EXPECT_EQ(again->code, message->code);
    EXPECT_EQ(again->token, message->token);
    ASSERT_EQ(again->option_count(), message->option_count());
    for (std::size_t i = 0; i < message->option_count(); ++i) {
      EXPECT_EQ(again->option(i).number, message->option(i).number);
      EXPECT_TRUE(equal(again->option(i).value, message->option(i).value));
    }
    EXPECT_TRUE(equal(again->payload, message->payload));
  }
}

TEST(CoapFrame, RefusesEveryMalformedVectorWithItsReason) {
  const auto lines = test::vector_lines("malformed_frames.txt");
  ASSERT_GT(lines.size(), 15u);
  for (const auto& line : lines) {
    SCOPED_TRACE(line[0]);
    const auto bytes = hex(line[1]);
    const auto message = Message::parse_frame(bytes);
    ASSERT_FALSE(message);
    EXPECT_STREQ(to_string(message.error().code), line[2].c_str()) << message.error().detail;
    EXPECT_LE(message.error().offset, bytes.size());
  }
}

TEST(CoapFrame, OptionsBeyond65535BytesAreRefusedAndALongPayloadIsNot) {
  Bytes buffer(200'000);
  const Bytes value(40'000, 'v');
  MessageWriter far(buffer, Code::put, Token());
  far.option(OptionNumber::etag, ByteView(value));
  far.option(OptionNumber::etag, ByteView(value));
  const auto refused = Message::parse_frame(*far.finish());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::limit);

  MessageWriter near(buffer, Code::put, Token());
  near.option(OptionNumber::etag, ByteView(value));
  near.payload(Bytes(150'000, 'p'));
  const auto taken = Message::parse_frame(*near.finish());
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->find(OptionNumber::etag)->value.size(), 40'000u);
  EXPECT_EQ(taken->payload.size(), 150'000u);
}

TEST(CoapFrame, AFrameThatDoesNotFitItsBufferIsNotWritten) {
  std::array<std::uint8_t, 16> buffer;
  MessageWriter writer(buffer, Code::content, Token());
  writer.payload(Bytes(16, 'p'));
  EXPECT_EQ(writer.finish().error().code, ErrorCode::no_space);
  MessageWriter tiny(MutableBytes(buffer).first(3), Code::content, Token());
  EXPECT_EQ(tiny.finish().error().code, ErrorCode::no_space);
}

TEST(CoapFrame, RandomBytesNeverLeaveTheFrame) {
  SeededRandom random(8);
  for (int round = 0; round < 20000; ++round) {
    Bytes bytes(1 + random.below(40));
    random.fill(bytes);
    bytes[0] = static_cast<std::uint8_t>((bytes.size() < 15 ? bytes.size() - 2 : 13) << 4 | (bytes[0] & 3));
    const auto message = Message::parse_frame(bytes);
    if (!message) continue;
    for (std::size_t i = 0; i < message->option_count(); ++i) {
      const auto value = message->option(i).value;
      EXPECT_GE(value.data(), bytes.data());
      EXPECT_LE(value.data() + value.size(), bytes.data() + bytes.size());
    }
  }
}

}  // namespace
}  // namespace slipway::coap

// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <iomanip>
#include <sstream>
#include <vector>

#include <slipway/base/random.hpp>
#include <slipway/coap/message.hpp>

#include "vectors.hpp"

namespace slipway::coap {
namespace {

constexpr const char* kTypes[] = {"CON", "NON", "ACK", "RST"};

std::string dash(ByteView bytes) {
  return bytes.empty() ? "-" : to_hex(bytes);
}

std::string summary(const Message& message) {
  std::ostringstream out;
  out << kTypes[static_cast<int>(message.type)] << ' ' << to_string(message.code).view() << ' ' << std::hex
      << std::setw(4) << std::setfill('0') << message.message_id.value() << ' ' << dash(message.token.bytes())
      << ' ' << dash(message.payload);
  return out.str();
}

std::string options_of(const Message& message) {
  std::string text;
  for (std::size_t i = 0; i < message.option_count(); ++i) {
    const auto option = message.option(i);
    text +=
        (i == 0 ? "" : " ") + std::to_string(static_cast<int>(option.number)) + "=" + to_hex(option.value);
  }
  return text;
}

Result<Bytes> rewritten(const Message& message) {
  Bytes buffer(2048);
  MessageWriter writer(buffer, message.type, message.code, message.message_id, message.token);
  for (std::size_t i = 0; i < message.option_count(); ++i)
    writer.option(message.option(i).number, message.option(i).value);
  writer.payload(message.payload);
  SLIPWAY_ASSIGN(auto written, writer.finish());
  return Bytes(written.begin(), written.end());
}

TEST(CoapMessage, ReadsAndWritesEveryVector) {
  const auto lines = test::vector_lines("messages.txt");
  ASSERT_GT(lines.size(), 15u);
  for (const auto& line : lines) {
    SCOPED_TRACE(line[0]);
    const auto bytes = from_hex(line[1]);
    ASSERT_TRUE(bytes);
    const auto message = Message::parse(*bytes);
    ASSERT_TRUE(message) << message.error().detail;
    EXPECT_EQ(summary(*message), line[2]);
    EXPECT_EQ(options_of(*message), line.size() > 3 ? line[3] : "");
    EXPECT_EQ(rewritten(*message), *bytes);
  }
}

TEST(CoapMessage, RefusesEveryMalformedVectorWithItsReason) {
  const auto lines = test::vector_lines("malformed.txt");
  ASSERT_GT(lines.size(), 20u);
  for (const auto& line : lines) {
    SCOPED_TRACE(line[0]);
    const auto bytes = from_hex(line[1]);
    ASSERT_TRUE(bytes);
    const auto message = Message::parse(*bytes);
    ASSERT_FALSE(message);
    EXPECT_STREQ(to_string(message.error().code), line[2].c_str()) << message.error().detail;
    EXPECT_LE(message.error().offset, bytes->size());
  }
}

TEST(CoapMessage, EveryPrefixOfAVectorIsReadInBounds) {
  for (const auto& line : test::vector_lines("messages.txt")) {
    const auto whole = from_hex(line[1]);
    for (std::size_t size = 0; size <= whole->size(); ++size) {
      const std::vector<std::uint8_t> prefix(whole->begin(),
                                             whole->begin() + static_cast<std::ptrdiff_t>(size));
      const auto message = Message::parse(prefix);
      if (message) {
        EXPECT_LE(message->payload.size(), size);
      }
    }
  }
}

TEST(CoapMessage, RandomBytesNeverLeaveTheDatagram) {
  SeededRandom random(7);
  for (int round = 0; round < 20000; ++round) {
    Bytes bytes(random.below(40));
    random.fill(bytes);
    if (!bytes.empty()) bytes[0] = static_cast<std::uint8_t>(0x40 | (bytes[0] & 0x33));
    const auto message = Message::parse(bytes);
    if (!message) continue;
    for (std::size_t i = 0; i < message->option_count(); ++i) {
      const auto value = message->option(i).value;
      EXPECT_GE(value.data(), bytes.data());
      EXPECT_LE(value.data() + value.size(), bytes.data() + bytes.size());
    }
  }
}

TEST(CoapMessage, AcceptsThirtyTwoOptions) {
  Bytes bytes = {0x40, 0x01, 0x00, 0x01};
  bytes.resize(4 + kOptionsMax, 0x00);
  const auto message = Message::parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->option_count(), kOptionsMax);
}

TEST(CoapMessage, JoinsTheUriPathAndCutsItAt255) {
  Bytes buffer(1000);
  MessageWriter writer(buffer, Type::confirmable, Code::get, MessageId(1), Token());
  writer.path(OptionNumber::uri_path, "/rd/5a3f");
  writer.option(OptionNumber::accept, std::uint64_t{11542});
  auto bytes = writer.finish();
  ASSERT_TRUE(bytes);
  auto message = Message::parse(*bytes);
  EXPECT_EQ(message->uri_path().view(), "/rd/5a3f");
  EXPECT_EQ(message->accept(), 11542);
  EXPECT_EQ(message->content_format(), std::nullopt);

  MessageWriter long_writer(buffer, Type::confirmable, Code::get, MessageId(1), Token());
  const std::string segment(200, 's');
  long_writer.path(OptionNumber::uri_path, segment + "/" + segment);
  bytes = long_writer.finish();
  ASSERT_TRUE(bytes);
  EXPECT_EQ(Message::parse(*bytes)->uri_path().size(), 255u);

  MessageWriter root(buffer, Type::confirmable, Code::get, MessageId(1), Token());
  root.path(OptionNumber::uri_path, "/");
  EXPECT_EQ(Message::parse(*root.finish())->uri_path().view(), "/");
}

TEST(CoapMessage, ReadsUnsignedOptionsOfAnyLength) {
  const std::array<std::uint8_t, 9> nine{0, 0, 0, 0, 0, 0, 0, 0, 1};
  EXPECT_EQ((Option{OptionNumber::observe, {}}).number_value(), 0u);
  EXPECT_EQ((Option{OptionNumber::observe, ByteView(nine).first(1)}).number_value(), 0u);
  EXPECT_EQ((Option{OptionNumber::observe, ByteView(nine).last(8)}).number_value(), 1u);
  EXPECT_EQ((Option{OptionNumber::observe, nine}).number_value().error().code, ErrorCode::out_of_range);
}

TEST(CoapMessage, ReadsAndWritesBlocksOfEverySize) {
  for (std::uint8_t szx = 0; szx <= 6; ++szx) {
    for (const std::uint32_t number : {0u, 1u, 15u, 16u, 4095u, 4096u, 1048575u}) {
      const Block block{.number = number, .more = (number & 1) != 0, .szx = szx};
      Bytes buffer(16);
      MessageWriter writer(buffer, Type::confirmable, Code::get, MessageId(1), Token());
      writer.block(OptionNumber::block2, block);
      const auto message = Message::parse(*writer.finish());
      EXPECT_EQ(Block::decode(*message->find(OptionNumber::block2)), block);
    }
  }
  const std::array<std::uint8_t, 4> value{0, 0, 0, 7};
  EXPECT_FALSE(Block::decode({OptionNumber::block1, ByteView(value).last(1)}));
  EXPECT_FALSE(Block::decode({OptionNumber::block1, value}));
}

TEST(CoapMessage, WriterReportsAFullBufferAndOptionsOutOfOrder) {
  std::array<std::uint8_t, 8> small{};
  MessageWriter full(small, Type::confirmable, Code::get, MessageId(1), Token());
  full.path(OptionNumber::uri_path, "/temperature");
  EXPECT_EQ(full.finish().error().code, ErrorCode::no_space);

  Bytes buffer(64);
  MessageWriter order(buffer, Type::confirmable, Code::get, MessageId(1), Token());
  order.option(OptionNumber::accept, std::uint64_t{0});
  order.path(OptionNumber::uri_path, "/3");
  EXPECT_EQ(order.finish().error().code, ErrorCode::malformed);
}

TEST(CoapMessage, NamesTheCodes) {
  EXPECT_EQ(describe(Code::get).view(), "GET");
  EXPECT_EQ(describe(Code::content).view(), "2.05 Content");
  EXPECT_EQ(describe(Code::not_acceptable).view(), "4.06 Not Acceptable");
  EXPECT_EQ(describe(Code{0xFF}).view(), "7.31");
  EXPECT_EQ(to_string(Code::continue_).view(), "2.31");
}

TEST(CoapMessage, PeeksAtTheHeaderOfAMalformedMessage) {
  const std::array<std::uint8_t, 5> bytes{0x40, 0x01, 0x12, 0x34, 0xFF};
  const auto header = peek_header(bytes);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->type, Type::confirmable);
  EXPECT_EQ(header->message_id, MessageId(0x1234));
  EXPECT_FALSE(peek_header(ByteView(bytes).first(3)));
}

}  // namespace
}  // namespace slipway::coap

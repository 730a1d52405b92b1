// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <slipway/base/bytes.hpp>

namespace slipway {
namespace {

TEST(ByteReader, ReadsBigEndianNumbersOfEverySize) {
  const Bytes bytes = *from_hex("01 0203 040506 0708090a 0b0c0d0e0f101112 1314");
  ByteReader reader(bytes);
  EXPECT_EQ(*reader.u8(), 0x01);
  EXPECT_EQ(*reader.u16(), 0x0203);
  EXPECT_EQ(*reader.u24(), 0x040506u);
  EXPECT_EQ(*reader.u32(), 0x0708090Au);
  EXPECT_EQ(*reader.u64(), 0x0B0C0D0E0F101112u);
  EXPECT_EQ(reader.offset(), 18u);
  EXPECT_TRUE(equal(reader.rest(), *from_hex("1314")));
}

TEST(ByteReader, ShortInputIsTruncatedAndConsumesNothing) {
  const Bytes bytes{1, 2, 3};
  for (std::size_t size = 4; size <= 8; ++size) {
    ByteReader reader(bytes);
    const auto result = reader.unsigned_of(size);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::truncated);
    EXPECT_EQ(reader.remaining(), 3u);
  }
}

TEST(ByteReader, ErrorTellsWhereTheInputEnded) {
  const Bytes bytes{1, 2, 3};
  ByteReader reader(bytes);
  ASSERT_TRUE(reader.u16());
  EXPECT_EQ(reader.u16().error().offset, 2u);
}

TEST(ByteReader, EmptyInputHasNothing) {
  ByteReader reader{ByteView()};
  EXPECT_TRUE(reader.empty());
  EXPECT_FALSE(reader.u8());
  EXPECT_FALSE(reader.peek_u8());
  EXPECT_TRUE(reader.take(0));
  EXPECT_EQ(*reader.unsigned_of(0), 0u);
}

TEST(ByteReader, HugeLengthDoesNotWrapAround) {
  const Bytes bytes{1, 2, 3};
  ByteReader reader(bytes);
  ASSERT_TRUE(reader.u8());
  EXPECT_FALSE(reader.take(SIZE_MAX));
  EXPECT_EQ(reader.remaining(), 2u);
}

TEST(ByteReader, PeekLeavesTheByte) {
  const Bytes bytes{7};
  ByteReader reader(bytes);
  EXPECT_EQ(*reader.peek_u8(), 7);
  EXPECT_EQ(*reader.u8(), 7);
}

TEST(ByteWriter, WritesWhatTheReaderReads) {
  std::array<std::uint8_t, 18> buffer;
  ByteWriter writer(buffer);
  writer.u8(0x01);
  writer.u16(0x0203);
  writer.u24(0x040506);
  writer.u32(0x0708090A);
  writer.u64(0x0B0C0D0E0F101112);
  EXPECT_TRUE(writer.ok());
  EXPECT_EQ(writer.room(), 0u);
  EXPECT_EQ(to_hex(writer.written()), "0102030405060708090a0b0c0d0e0f101112");
}

TEST(ByteWriter, OverflowWritesNothingAndIsRemembered) {
  std::array<std::uint8_t, 4> buffer{0xEE, 0xEE, 0xEE, 0xEE};
  ByteWriter writer(MutableBytes(buffer).first(3));
  writer.u16(0x0102);
  writer.u16(0x0304);
  EXPECT_FALSE(writer.ok());
  EXPECT_EQ(writer.size(), 2u);
  EXPECT_EQ(buffer[2], 0xEE);
  writer.u8(5);
  EXPECT_FALSE(writer.ok()) << "a write that fits must not hide the one that did not";
  EXPECT_EQ(buffer[3], 0xEE);
}

TEST(ByteWriter, LongTextOverflows) {
  std::array<std::uint8_t, 2> buffer;
  ByteWriter writer(buffer);
  writer.text("abc");
  EXPECT_FALSE(writer.ok());
  EXPECT_EQ(writer.size(), 0u);
}

TEST(ByteWriter, SkippedBytesAreFilledInLater) {
  std::array<std::uint8_t, 3> buffer;
  ByteWriter writer(buffer);
  const auto at = writer.skip(1);
  writer.u16(0xAABB);
  writer.mutable_written()[at] = 0x11;
  EXPECT_EQ(to_hex(writer.written()), "11aabb");
  (void)writer.skip(1);
  EXPECT_FALSE(writer.ok());
}

TEST(ByteWriter, TruncateForgetsTheOverflowToo) {
  std::array<std::uint8_t, 2> buffer;
  ByteWriter writer(buffer);
  writer.u8(1);
  const auto mark = writer.size();
  writer.u32(2);
  ASSERT_FALSE(writer.ok());
  writer.truncate(mark);
  writer.u8(9);
  EXPECT_TRUE(writer.ok());
  EXPECT_EQ(to_hex(writer.written()), "0109");
}

TEST(Hex, RoundTripsEveryByte) {
  Bytes bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<std::uint8_t>(i));
  EXPECT_EQ(*from_hex(to_hex(bytes)), bytes);
}

TEST(Hex, SkipsSeparatorsAndPrefix) {
  EXPECT_EQ(*from_hex("0xDE:ad be\r\n\tEF"), (Bytes{0xDE, 0xAD, 0xBE, 0xEF}));
  EXPECT_TRUE(from_hex("")->empty());
  EXPECT_TRUE(from_hex("0x")->empty());
}

TEST(Hex, RefusesWhatIsNoDigitAndSaysWhere) {
  const auto result = from_hex("12 3g");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::malformed);
  EXPECT_EQ(result.error().offset, 4u);
  EXPECT_FALSE(from_hex("12 0x34"));
  EXPECT_FALSE(from_hex(std::string_view("1\0", 2)));
  EXPECT_FALSE(from_hex("\xC3\xA9"));
}

TEST(Hex, RefusesAnOddNumberOfDigits) {
  EXPECT_FALSE(from_hex("1"));
  EXPECT_FALSE(from_hex("12 3"));
}

TEST(Equal, ComparesLengthAndContent) {
  EXPECT_TRUE(equal(as_bytes("abc"), as_bytes("abc")));
  EXPECT_FALSE(equal(as_bytes("abc"), as_bytes("abd")));
  EXPECT_FALSE(equal(as_bytes("abc"), as_bytes("ab")));
  EXPECT_TRUE(equal({}, {}));
}

TEST(Equal, ConstantTimeAgreesWithEqual) {
  EXPECT_TRUE(equal_constant_time(as_bytes("abc"), as_bytes("abc")));
  EXPECT_FALSE(equal_constant_time(as_bytes("abc"), as_bytes("abd")));
  EXPECT_FALSE(equal_constant_time(as_bytes("xbc"), as_bytes("abc")));
  EXPECT_FALSE(equal_constant_time(as_bytes("abc"), as_bytes("ab")));
  EXPECT_TRUE(equal_constant_time({}, {}));
}

TEST(ErrorCode, EveryOneHasItsOwnName) {
  std::vector<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(ErrorCode::exhausted); ++code) {
    const std::string_view name = to_string(static_cast<ErrorCode>(code));
    EXPECT_NE(name, "unknown error");
    EXPECT_EQ(std::count(names.begin(), names.end(), name), 0) << name;
    names.push_back(name);
  }
}

}  // namespace
}  // namespace slipway

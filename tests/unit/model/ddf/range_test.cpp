// SPDX-License-Identifier: Apache-2.0
#include "model/ddf/range.hpp"

#include <string>

#include <gtest/gtest.h>

namespace slipway {
namespace {

void expect_range(std::string_view text, DataType type, double min, double max) {
  const auto range = parse_range(text, type);
  ASSERT_TRUE(range) << text;
  EXPECT_TRUE(range->present) << text;
  EXPECT_EQ(range->min, min) << text;
  EXPECT_EQ(range->max, max) << text;
}

TEST(DdfRange, ReadsBothSeparators) {
  expect_range("0..255", DataType::integer, 0, 255);
  expect_range("0-255", DataType::integer, 0, 255);
  expect_range(" 1 - 65534 ", DataType::integer, 1, 65534);
  expect_range("0 \xe2\x80\x93 7", DataType::unsigned_integer, 0, 7);
  expect_range("-40..125", DataType::integer, -40, 125);
  expect_range("-10--5", DataType::integer, -10, -5);
  expect_range("0.5..99.5", DataType::floating, 0.5, 99.5);
  expect_range("-1.5-1.5", DataType::floating, -1.5, 1.5);
  expect_range("7..7", DataType::integer, 7, 7);
}

TEST(DdfRange, ReadsAnEnumerationAsItsExtremes) {
  expect_range("0,1,2", DataType::integer, 0, 2);
  expect_range("5, -3 ,4", DataType::integer, -3, 5);
  expect_range("16,32,48", DataType::opaque, 16, 48);
}

TEST(DdfRange, ReadsLengths) {
  expect_range("0-255 bytes", DataType::string, 0, 255);
  expect_range("0..32octets", DataType::opaque, 0, 32);
  expect_range("64", DataType::string, 0, 64);
  expect_range("6bytes", DataType::opaque, 0, 6);
}

TEST(DdfRange, IsAbsentForEmptyTextAndForTypesWithoutOne) {
  for (const auto type : {DataType::integer, DataType::string, DataType::floating}) {
    const auto range = parse_range(" ", type);
    ASSERT_TRUE(range);
    EXPECT_FALSE(range->present);
  }
  for (const auto type : {DataType::none, DataType::boolean, DataType::objlnk}) {
    const auto range = parse_range("0..1", type);
    ASSERT_TRUE(range);
    EXPECT_FALSE(range->present);
  }
}

TEST(DdfRange, IsNothingForJunk) {
  for (const std::string text :
       {"see Core TS", "0..", "..5", "0...5", "5..1", "0-255 apples", "1,2,", ",1", "0..5,7", "nan..inf",
        "0x10..0x20", "--1..5", "0..5..9", "16-bit", "10", "1e5..1e6"})
    EXPECT_FALSE(parse_range(text, DataType::integer)) << text;
  EXPECT_FALSE(parse_range("1," + std::string(100'000, '9'), DataType::integer));
  EXPECT_FALSE(parse_range("0," + std::string(100'000, ','), DataType::integer));
}

TEST(DdfRange, IsNothingForAnEnumerationOfStringsAndNegativeLengths) {
  EXPECT_FALSE(parse_range("U,T,S", DataType::string));
  EXPECT_FALSE(parse_range("1,2", DataType::string));
  EXPECT_FALSE(parse_range("-1..5", DataType::string));
}

}  // namespace
}  // namespace slipway

// SPDX-License-Identifier: Apache-2.0
#include <slipway/lwm2m/smartcard_file.hpp>

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "unit/codec/vectors.hpp"

namespace slipway::lwm2m {
namespace {

std::array<Entry, 128> entry_buffer;

Result<std::span<Entry>> decode(ByteView file) {
  return decode_smartcard_file(file, builtin_objects(), entry_buffer);
}

const std::deque<test::Vector>& vectors() {
  static const auto all = test::read_vectors(SLIPWAY_VECTORS "/smartcard_file");
  return all;
}

class SmartcardFileVectors : public ::testing::TestWithParam<std::size_t> {
 protected:
  const test::Vector& vector = vectors()[GetParam()];
};

TEST_P(SmartcardFileVectors, DecodesOrFailsAsWritten) {
  SCOPED_TRACE(vector.name);
  const auto decoded = decode(vector.payload);
  if (vector.error) {
    ASSERT_FALSE(decoded);
    EXPECT_EQ(to_string(decoded.error().code), *vector.error) << decoded.error().detail;
    EXPECT_LE(decoded.error().offset, vector.payload.size());
    return;
  }
  ASSERT_TRUE(decoded) << decoded.error().detail << " at " << decoded.error().offset;
  ASSERT_EQ(decoded->size(), vector.entries.size());
  for (std::size_t i = 0; i < decoded->size(); ++i) {
    EXPECT_EQ((*decoded)[i].path.text(), vector.entries[i].path.text());
    EXPECT_EQ((*decoded)[i].value, vector.entries[i].value) << vector.entries[i].path.text().view();
  }
  if (!vector.canonical) return;
  Bytes out(kSmartcardFileMax);
  const auto size = encode_smartcard_file(vector.entries, out);
  ASSERT_TRUE(size) << size.error().detail;
  EXPECT_EQ(to_hex(ByteView(out).first(*size)), to_hex(vector.payload));
}

TEST_P(SmartcardFileVectors, CutAnywhereIsRefused) {
  if (vector.error) return;
  const auto content = *smartcard_content_size(vector.payload);
  for (std::size_t size = 0; size < content; ++size)
    EXPECT_EQ(decode(ByteView(vector.payload).first(size)).error().code, ErrorCode::truncated) << size;
}

INSTANTIATE_TEST_SUITE_P(Each, SmartcardFileVectors, ::testing::Range(std::size_t{0}, vectors().size()));

TEST(SmartcardFile, TellsItsSizeByItsFirstBytes) {
  EXPECT_EQ(smartcard_content_size(*from_hex("00010036")).value(), 58u);
  EXPECT_EQ(smartcard_content_size(*from_hex("00007ffc")).value(), kSmartcardFileMax);
  EXPECT_EQ(smartcard_content_size(*from_hex("00007ffd")).error().code, ErrorCode::limit);
  EXPECT_EQ(smartcard_content_size(*from_hex("ffffffff")).error().code, ErrorCode::not_found);
}

TEST(SmartcardFile, CarriesVersionsWhereTheyAreGiven) {
  const std::array entries{
      Entry{.path = Path(ObjectId(0), InstanceId(0), ResourceId(2)), .value = Value::integer(3)},
      Entry{.path = Path(ObjectId(4242), InstanceId(0), ResourceId(0)), .value = Value::integer(1)}};
  const std::array versions{SmartcardObjectVersion{ObjectId(4242), Version{2, 5}}};
  Bytes out(64);
  const auto size = encode_smartcard_file(entries, out, versions);
  ASSERT_TRUE(size);
  auto reader = SmartcardFileReader::open(ByteView(out).first(*size));
  ASSERT_TRUE(reader);
  EXPECT_FALSE((**reader->next()).version);
  EXPECT_EQ((**reader->next()).version, (Version{2, 5}));
  EXPECT_FALSE(*reader->next());

  const std::array zero{SmartcardObjectVersion{ObjectId(0), Version{0, 5}}};
  EXPECT_EQ(encode_smartcard_file(entries, out, zero).error().code, ErrorCode::out_of_range);
}

TEST(SmartcardFile, TakesWhatFitsIn32KiBAndNotAByteMore) {
  // Header 4, object 5, instance TLV 4, resource TLV 4: the rest is the value.
  const auto file_with = [](std::size_t value_size, std::size_t room) {
    const Bytes value(value_size);
    const std::array entries{
        Entry{.path = Path(ObjectId(0), InstanceId(0), ResourceId(5)), .value = Value::opaque(value)}};
    Bytes out(room);
    return encode_smartcard_file(entries, out);
  };
  EXPECT_EQ(file_with(kSmartcardFileMax - 17, 2 * kSmartcardFileMax).value(), kSmartcardFileMax);
  EXPECT_EQ(file_with(kSmartcardFileMax - 16, 2 * kSmartcardFileMax).error().code, ErrorCode::limit);
  EXPECT_EQ(file_with(100, 100).error().code, ErrorCode::no_space);
  for (std::size_t room = 0; room < 12; ++room)
    EXPECT_EQ(file_with(1, room).error().code, ErrorCode::no_space) << room;
}

TEST(SmartcardFile, TakesABoundedNumberOfObjects) {
  std::vector<Entry> entries;
  for (std::size_t i = 0; i <= kSmartcardObjectsMax; ++i)
    entries.push_back(
        {.path = Path(ObjectId(static_cast<std::uint16_t>(5000 + i)), InstanceId(0), ResourceId(0)),
         .value = Value::boolean(true)});
  Bytes out(kSmartcardFileMax);
  EXPECT_EQ(encode_smartcard_file(entries, out).error().code, ErrorCode::limit);
  entries.pop_back();
  const auto size = encode_smartcard_file(entries, out);
  ASSERT_TRUE(size);
  EXPECT_EQ(decode(ByteView(out).first(*size))->size(), kSmartcardObjectsMax);
}

TEST(SmartcardFile, IsWrittenOfSortedEntriesOfObjectsOnly) {
  const auto resource = [](std::uint16_t object) {
    return Entry{.path = Path(ObjectId(object), InstanceId(0), ResourceId(0)), .value = Value::integer(1)};
  };
  Bytes out(256);
  EXPECT_EQ(encode_smartcard_file(std::array{resource(1), resource(1)}, out).error().code,
            ErrorCode::duplicate);
  EXPECT_EQ(encode_smartcard_file(std::array{resource(1), resource(0)}, out).error().code,
            ErrorCode::wrong_path);
  EXPECT_EQ(encode_smartcard_file(std::array{resource(1), resource(0), resource(1)}, out).error().code,
            ErrorCode::wrong_path);
  EXPECT_EQ(encode_smartcard_file(std::array{Entry{.value = Value::integer(1)}}, out).error().code,
            ErrorCode::wrong_path);
}

TEST(SmartcardFile, WithMoreValuesThanTheDeviceTakesIsRefused) {
  const auto& psk = vectors()[1];
  ASSERT_EQ(psk.name, "psk-account-with-its-server");
  std::array<Entry, 9> small;  // it has ten
  EXPECT_EQ(decode_smartcard_file(psk.payload, builtin_objects(), small).error().code, ErrorCode::limit);
}

}  // namespace
}  // namespace slipway::lwm2m

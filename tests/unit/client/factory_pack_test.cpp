// SPDX-License-Identifier: Apache-2.0
#include <slipway/client/factory_pack.hpp>

#include <gtest/gtest.h>

#include <array>

#include "unit/codec/vectors.hpp"

namespace slipway::client {
namespace {

std::array<Entry, 64> entry_buffer;
std::array<std::uint8_t, 1024> scratch;

Result<FactoryPack> read(ByteView bytes) {
  return read_factory_pack(bytes, builtin_objects(), {entry_buffer, scratch});
}

const std::deque<test::Vector>& vectors() {
  static const auto all = test::read_vectors(SLIPWAY_VECTORS "/factory_pack");
  return all;
}

class FactoryPackVectors : public ::testing::TestWithParam<std::size_t> {
 protected:
  const test::Vector& vector = vectors()[GetParam()];
};

TEST_P(FactoryPackVectors, AreReadOrRefusedAsWritten) {
  SCOPED_TRACE(vector.name);
  const auto pack = read(vector.payload);
  if (vector.error) {
    ASSERT_FALSE(pack);
    EXPECT_EQ(to_string(pack.error().code), *vector.error) << pack.error().detail;
    EXPECT_LE(pack.error().offset, vector.payload.size());
    return;
  }
  ASSERT_TRUE(pack) << pack.error().detail;
  EXPECT_EQ(pack->endpoint, "dev-1");
  ASSERT_EQ(pack->entries.size(), vector.entries.size());
  for (std::size_t i = 0; i < pack->entries.size(); ++i) {
    EXPECT_EQ(pack->entries[i].path, vector.entries[i].path);
    EXPECT_EQ(pack->entries[i].value, vector.entries[i].value);
  }
}

TEST_P(FactoryPackVectors, CutAnywhereAreRefused) {
  if (vector.error) return;
  for (std::size_t size = 0; size < vector.payload.size(); ++size)
    EXPECT_FALSE(read(ByteView(vector.payload).first(size))) << size;
}
INSTANTIATE_TEST_SUITE_P(Each, FactoryPackVectors, ::testing::Range(std::size_t{0}, vectors().size()));

TEST(FactoryPack, ComesBackAsItWasWritten) {
  const auto& given = vectors().front();
  Bytes out(1024);
  for (const std::size_t length : {1u, 5u, 23u, 24u, 255u}) {
    const std::string endpoint(length, 'e');
    const auto size = write_factory_pack({.endpoint = endpoint, .entries = given.entries}, out);
    ASSERT_TRUE(size) << size.error().detail;
    EXPECT_TRUE(is_factory_pack(ByteView(out).first(*size)));
    const auto pack = read(ByteView(out).first(*size));
    ASSERT_TRUE(pack) << pack.error().detail;
    EXPECT_EQ(pack->endpoint, endpoint);
    EXPECT_EQ(pack->entries.size(), given.entries.size());
  }
}

TEST(FactoryPack, IsWrittenInItsOnlyForm) {
  const auto& given = vectors().front();
  Bytes out(1024);
  const auto size = write_factory_pack({.endpoint = "dev-1", .entries = given.entries}, out);
  ASSERT_TRUE(size);
  EXPECT_EQ(to_hex(ByteView(out).first(21)), to_hex(ByteView(given.payload).first(21)));
}

TEST(FactoryPack, HoldsBigValues) {
  const Bytes big(70'000, 7);
  const std::array entries{
      Entry{.path = Path(ObjectId(0), InstanceId(0), ResourceId(3)), .value = Value::opaque(big)}};
  Bytes out(80'000);
  const auto size = write_factory_pack({.endpoint = "e", .entries = entries}, out);
  ASSERT_TRUE(size);
  EXPECT_EQ(read(ByteView(out).first(*size))->entries[0].value, Value::opaque(big));
  Bytes small(69'000);
  EXPECT_EQ(write_factory_pack({.endpoint = "e", .entries = entries}, small).error().code,
            ErrorCode::no_space);
  EXPECT_EQ(write_factory_pack({.endpoint = "e", .entries = entries}, MutableBytes()).error().code,
            ErrorCode::no_space);
}

TEST(FactoryPack, IsRefusedWhenItIsTooLarge) {
  EXPECT_EQ(read(Bytes(kFactoryPackBytesMax + 1, 0x84)).error().code, ErrorCode::limit);
  std::array<Entry, 2> few;
  EXPECT_EQ(read_factory_pack(vectors().front().payload, builtin_objects(), {few, scratch}).error().code,
            ErrorCode::limit);
}

TEST(FactoryPack, IsNotWrittenOfWhatCouldNotBeRead) {
  Bytes out(1024);
  auto entries = vectors().front().entries;
  EXPECT_EQ(write_factory_pack({.endpoint = "", .entries = entries}, out).error().code, ErrorCode::malformed);
  EXPECT_EQ(write_factory_pack({.endpoint = "a\nb", .entries = entries}, out).error().code,
            ErrorCode::malformed);
  std::swap(entries[0], entries[1]);
  EXPECT_EQ(write_factory_pack({.endpoint = "e", .entries = entries}, out).error().code,
            ErrorCode::wrong_path);
  entries[1] = entries[0];
  EXPECT_EQ(write_factory_pack({.endpoint = "e", .entries = entries}, out).error().code,
            ErrorCode::wrong_path);
  entries.resize(1);
  entries[0].kind = EntryKind::absent;
  EXPECT_EQ(write_factory_pack({.endpoint = "e", .entries = entries}, out).error().code,
            ErrorCode::malformed);
}

TEST(FactoryPack, IsToldFromJsonByItsFirstBytes) {
  EXPECT_FALSE(is_factory_pack(as_bytes("{\"slipway_pack\": 1}")));
  EXPECT_FALSE(is_factory_pack({}));
  EXPECT_FALSE(is_factory_pack(ByteView(vectors().front().payload).first(13)));
}

}  // namespace
}  // namespace slipway::client

// SPDX-License-Identifier: Apache-2.0
#include "codec_test_support.hpp"

namespace slipway::test {
namespace {

class CodecVector : public ::testing::TestWithParam<const Vector*> {};

std::vector<const Vector*> all_vectors() {
  std::vector<const Vector*> all;
  for (const auto& vector : vectors()) all.push_back(&vector);
  return all;
}

std::string name_of(const ::testing::TestParamInfo<const Vector*>& info) {
  std::string name = info.param->name;
  for (auto& c : name)
    if (c == '-') c = '_';
  return name;
}

TEST_P(CodecVector, DecodesOrFailsAsItsFileSays) {
  const auto& vector = *GetParam();
  const auto decoded = decode(vector.format, vector.base.text().view(), vector.payload);
  if (vector.error) {
    ASSERT_FALSE(decoded.ok()) << vector.origin;
    EXPECT_EQ(*vector.error, reason(decoded.entries.error())) << decoded.entries.error().detail;
    EXPECT_STRNE("", decoded.entries.error().detail);
    return;
  }
  ASSERT_TRUE(decoded.ok()) << ::testing::PrintToString(decoded.entries.error());
  expect_same(vector.entries, *decoded.entries);
}

TEST_P(CodecVector, EncodesToItsOwnBytesWhereCanonical) {
  const auto& vector = *GetParam();
  if (!vector.canonical) return;
  const auto encoded = encode(vector.format, vector.base.text().view(), vector.entries);
  ASSERT_TRUE(encoded) << ::testing::PrintToString(encoded.error());
  EXPECT_EQ(to_hex(vector.payload), to_hex(*encoded));
  EXPECT_TRUE(encode(vector.format, vector.base.text().view(), vector.entries, vector.payload.size()))
      << "a buffer of the exact size is enough";
}

TEST_P(CodecVector, NeverWritesPastASmallBuffer) {
  const auto& vector = *GetParam();
  if (!vector.canonical) return;
  for (std::size_t room = 0; room < vector.payload.size(); ++room) {
    const auto encoded = encode(vector.format, vector.base.text().view(), vector.entries, room);
    ASSERT_FALSE(encoded) << room;
    EXPECT_EQ("no space", reason(encoded.error()));
  }
}

TEST_P(CodecVector, SurvivesBeingCutAnywhere) {
  const auto& vector = *GetParam();
  for (std::size_t size = 0; size < vector.payload.size(); ++size) {
    const Bytes cut(vector.payload.begin(), vector.payload.begin() + static_cast<std::ptrdiff_t>(size));
    const auto decoded = decode(vector.format, vector.base.text().view(), cut);
    if (!decoded.ok()) {
      EXPECT_LE(decoded.entries.error().offset, size);
    }
  }
}

TEST_P(CodecVector, SurvivesAnyByteBeingAnother) {
  const auto& vector = *GetParam();
  Bytes payload = vector.payload;
  for (auto& byte : payload) {
    const auto original = byte;
    for (const int flip : {0x01, 0x80, 0xff, 0x20, 0x1f, 0x08}) {
      byte = static_cast<std::uint8_t>(original ^ flip);
      const auto decoded = decode(vector.format, vector.base.text().view(), payload);
      if (!decoded.ok()) {
        EXPECT_LE(decoded.entries.error().offset, payload.size());
      }
    }
    byte = original;
  }
}

TEST_P(CodecVector, SaysWhenTheBufferForEntriesIsTooSmall) {
  const auto& vector = *GetParam();
  for (std::size_t room = 0; room < vector.entries.size(); ++room) {
    const auto decoded =
        decode(vector.format, vector.base.text().view(), vector.payload, &test_catalog(), room);
    ASSERT_FALSE(decoded.ok());
    EXPECT_EQ("limit", reason(decoded.entries.error()));
  }
}

INSTANTIATE_TEST_SUITE_P(Files, CodecVector, ::testing::ValuesIn(all_vectors()), name_of);

}  // namespace
}  // namespace slipway::test

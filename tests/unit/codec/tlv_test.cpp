// SPDX-License-Identifier: Apache-2.0
// TLV of what devices hold, in buffers of every size: most of it takes shortcuts in both directions.
#include <slipway/base/random.hpp>

#include "codec_test_support.hpp"

namespace slipway::test {
namespace {

/// A Device instance with random texts, numbers and multiple resources, none of them empty.
std::vector<Entry> random_device(SeededRandom& random) {
  static constexpr std::string_view kText = "Lightweight M2M Client of the Open Mobile Alliance";
  const Path device(ObjectId(3), InstanceId(0));
  std::vector<Entry> entries;
  for (const std::uint16_t id :
       std::initializer_list<std::uint16_t>{0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 13, 14, 16}) {
    if (random.below(4) == 0) continue;
    const auto number =
        static_cast<std::int64_t>(random.below(2) == 0 ? random.below(256) : random.below(1u << 31)) -
        static_cast<std::int64_t>(random.below(200));
    if (id == 9 || id == 10) {
      entries.push_back({.path = device.child(id), .value = Value::integer(number)});
    } else if (id == 13) {
      entries.push_back({.path = device.child(id), .value = Value::time(number)});
    } else if (id < 6 || id > 13) {
      entries.push_back(
          {.path = device.child(id), .value = Value::string(kText.substr(0, random.below(kText.size())))});
    } else {
      std::uint16_t instance = 0;
      for (auto left = 1 + random.below(4); left != 0; --left) {
        instance = static_cast<std::uint16_t>(instance + random.below(100));
        entries.push_back(
            {.path = device.child(id).child(instance++), .value = Value::integer(number >> left)});
      }
    }
  }
  return entries;
}

TEST(CodecTlv, WritesTheSameIntoAnyRoomThatTakesItAndNothingIntoLess) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    const auto entries = random_device(random);
    const auto whole = encode(ContentFormat::tlv, "/3/0", entries);
    ASSERT_TRUE(whole);
    for (std::size_t room = 0; room < whole->size(); ++room) {
      const auto less = encode(ContentFormat::tlv, "/3/0", entries, room);
      ASSERT_FALSE(less) << room;
      ASSERT_EQ(ErrorCode::no_space, less.error().code) << room;
    }
    for (auto room = whole->size(); room < whole->size() + 700; ++room) {
      const auto same = encode(ContentFormat::tlv, "/3/0", entries, room);
      ASSERT_TRUE(same) << room;
      ASSERT_EQ(to_hex(*whole), to_hex(*same)) << room;
    }
  }
}

TEST(CodecTlv, ReadsIntoExactlyAsManyEntriesAsThereAre) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    const auto entries = random_device(random);
    const auto payload = encode(ContentFormat::tlv, "/3/0", entries);
    ASSERT_TRUE(payload);
    const auto decoded = decode(ContentFormat::tlv, "/3/0", *payload, &builtin_objects(), entries.size());
    ASSERT_TRUE(decoded.ok()) << ::testing::PrintToString(decoded.entries.error());
    expect_same(entries, *decoded.entries);
    for (std::size_t room = 0; room < entries.size(); ++room) {
      const auto less = decode(ContentFormat::tlv, "/3/0", *payload, &builtin_objects(), room);
      ASSERT_FALSE(less.ok());
      ASSERT_EQ(ErrorCode::limit, less.entries.error().code);
    }
  }
}

TEST(CodecTlv, ReadsWholeElementsOfACutPayloadOrFails) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    const auto entries = random_device(random);
    const auto payload = encode(ContentFormat::tlv, "/3/0", entries);
    ASSERT_TRUE(payload);
    for (std::size_t size = 0; size < payload->size(); ++size) {
      const Bytes cut(payload->begin(), payload->begin() + static_cast<std::ptrdiff_t>(size));  // its own end
      const auto decoded = decode(ContentFormat::tlv, "/3/0", cut, &builtin_objects());
      if (decoded.ok()) {
        ASSERT_LT(decoded.entries->size(), entries.size());
        expect_same(std::span(entries).first(decoded.entries->size()), *decoded.entries);
      } else {
        ASSERT_EQ(ErrorCode::truncated, decoded.entries.error().code) << size;
      }
    }
  }
}

TEST(CodecTlv, RefusesAResourceAndAResourceInstanceThatStandTwice) {
  // /3/0/9 twice, with another resource in between; then /3/0/6/1 twice.
  for (const auto* hex : {"c10964c10901", "c10964c00e c10901", "860641000141010586064101054101 05"}) {
    const auto payload = from_hex(hex).value();
    const auto decoded = decode(ContentFormat::tlv, "/3/0", payload, &builtin_objects());
    ASSERT_FALSE(decoded.ok()) << hex;
    EXPECT_EQ(ErrorCode::duplicate, decoded.entries.error().code) << hex;
  }
  const Path power = Path::parse("/3/0/6").value();
  const std::vector<Entry> twice{{.path = power.child(1), .value = Value::integer(1)},
                                 {.path = power.child(1), .value = Value::integer(5)}};
  EXPECT_EQ(ErrorCode::duplicate, encode(ContentFormat::tlv, "/3/0", twice).error().code);
}

TEST(CodecTlv, TypesResourcesOnBothSidesOfAGapInTheirIds) {
  // Firmware Update has no /5/0/4: state and result behind it are integers all the same.
  const auto payload = from_hex("c10300c10501").value();
  const auto decoded = decode(ContentFormat::tlv, "/5/0", payload, &builtin_objects());
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(DataType::integer, (*decoded.entries)[0].value.type());
  EXPECT_EQ(DataType::integer, (*decoded.entries)[1].value.type());
  EXPECT_EQ(1, (*decoded.entries)[1].value.as_integer());
}

}  // namespace
}  // namespace slipway::test

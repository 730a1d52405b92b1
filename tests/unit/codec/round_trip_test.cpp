// SPDX-License-Identifier: Apache-2.0
// Random trees through every format: what is decoded is what was encoded, in all of them.
#include <limits>

#include <slipway/base/random.hpp>

#include "codec_test_support.hpp"

namespace slipway::test {
namespace {

constexpr ContentFormat kTreeFormats[] = {
    ContentFormat::tlv,        ContentFormat::senml_cbor,      ContentFormat::senml_json,
    ContentFormat::lwm2m_cbor, ContentFormat::senml_etch_cbor, ContentFormat::senml_etch_json};

/// Grows sorted lists of entries of the object that has every type.
class TreeMaker {
 public:
  explicit TreeMaker(std::uint64_t seed) : random_(seed) {}

  std::vector<Entry> instance(std::uint16_t id) {
    const Path path(kTypesObject, InstanceId(id));
    std::vector<Entry> entries;
    for (std::uint16_t resource = 0; resource < kTypes.size(); ++resource)
      if (random_.below(3) != 0)
        entries.push_back({.path = path.child(resource), .value = value(kTypes[resource])});
    for (std::uint16_t resource = 0; resource < kTypes.size(); ++resource) {
      std::uint16_t next = 0;
      for (auto left = random_.below(4); left != 0; --left) {
        next = static_cast<std::uint16_t>(next + random_.below(200));
        entries.push_back({.path = path.child(static_cast<std::uint16_t>(300 + resource)).child(next++),
                           .value = value(kTypes[resource])});
      }
    }
    if (entries.empty()) entries.push_back({.path = path.child(0), .value = value(DataType::string)});
    return entries;
  }

  std::vector<Entry> object() {
    std::vector<Entry> entries;
    for (const std::uint16_t id : std::initializer_list<std::uint16_t>{0, 1, 300, 65534})
      for (const auto& entry : instance(id)) entries.push_back(entry);
    return entries;
  }

  Value value(DataType type) {
    switch (type) {
      case DataType::string:
        return Value::string(as_text(text()));
      case DataType::corelnk:
        return Value::corelnk(as_text(text()));
      case DataType::opaque:
        return Value::opaque(bytes());
      case DataType::integer:
        return Value::integer(static_cast<std::int64_t>(number()));
      case DataType::time:
        return Value::time(static_cast<std::int64_t>(number()));
      case DataType::unsigned_integer:
        return Value::unsigned_integer(number());
      case DataType::floating:
        return Value::floating(floating());
      case DataType::boolean:
        return Value::boolean(random_.below(2) == 1);
      default:
        return Value::objlnk({static_cast<std::uint16_t>(number()), static_cast<std::uint16_t>(number())});
    }
  }

 private:
  // Of every size from one bit to 64, and around each power of two.
  std::uint64_t number() {
    const auto shifted = ~std::uint64_t{0} >> random_.below(64);
    switch (random_.below(4)) {
      case 0:
        return shifted;
      case 1:
        return shifted + 1;
      case 2:
        return ~shifted;
      default:
        return random_.u64() & shifted;
    }
  }
  double floating() {
    constexpr double kSpecial[] = {
        0.0, 1.5, -0.1, 1e300, -1e-300, 16777217.0, 3.0, 5e-324, std::numeric_limits<double>::max()};
    if (random_.below(2) == 0) return kSpecial[random_.below(std::size(kSpecial))];
    return static_cast<double>(static_cast<std::int64_t>(random_.u64())) / 65536.0;
  }
  ByteView bytes() {
    Bytes made(random_.below(random_.below(10) == 0 ? 700 : 40));
    random_.fill(made);
    return owned_.emplace_back(std::move(made));
  }
  ByteView text() {
    constexpr std::string_view kPieces[] = {"a",    "/", "\"", "\\", "\n", "\x01",
                                            "\x7f", "é", "€",  "😀", "0",  "</3/0>;x=\"y\""};
    std::string made;
    for (auto left = random_.below(12); left != 0; --left) made += kPieces[random_.below(std::size(kPieces))];
    return owned_.emplace_back(made.begin(), made.end());
  }

  SeededRandom random_;
  std::deque<Bytes> owned_;
};

void expect_round_trip(ContentFormat format, std::string_view base, std::span<const Entry> entries) {
  SCOPED_TRACE(std::string(to_string(format)) + " " + std::string(base));
  const auto encoded = encode(format, base, entries);
  ASSERT_TRUE(encoded) << ::testing::PrintToString(encoded.error());
  const auto decoded = decode(format, base, *encoded);
  ASSERT_TRUE(decoded.ok()) << ::testing::PrintToString(decoded.entries.error()) << to_hex(*encoded);
  expect_same(entries, *decoded.entries);
}

TEST(CodecRoundTrip, KeepsEveryInstanceInEveryFormat) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    TreeMaker maker(seed);
    const auto entries = maker.instance(7);
    for (const auto format : kTreeFormats) expect_round_trip(format, "/32770/7", entries);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

TEST(CodecRoundTrip, KeepsEveryObjectInEveryFormat) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    TreeMaker maker(seed);
    const auto entries = maker.object();
    for (const auto format : kTreeFormats) expect_round_trip(format, "/32770", entries);
    for (const auto format : kTreeFormats)
      if (format != ContentFormat::tlv) expect_round_trip(format, "/", entries);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

TEST(CodecRoundTrip, KeepsASingleValueInEveryFormatThatCanCarryIt) {
  constexpr ContentFormat kFormats[] = {
      ContentFormat::tlv,  ContentFormat::senml_cbor, ContentFormat::senml_json, ContentFormat::lwm2m_cbor,
      ContentFormat::text, ContentFormat::cbor,       ContentFormat::opaque};
  TreeMaker maker(1);
  for (int round = 0; round < 200; ++round) {
    for (std::uint16_t i = 0; i < kTypes.size(); ++i) {
      for (const bool multiple : {false, true}) {
        const Path instance(kTypesObject, InstanceId(1));
        const Path path =
            multiple ? instance.child(static_cast<std::uint16_t>(300 + i)).child(9) : instance.child(i);
        const Entry entry{.path = path, .value = maker.value(kTypes[i])};
        for (const auto format : kFormats)
          if (format != ContentFormat::opaque || kTypes[i] == DataType::opaque)
            expect_round_trip(format, path.text().view(), {&entry, 1});
      }
    }
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

TEST(CodecRoundTrip, KeepsNotANumberAndInfinityInBinaryFormatsAndRefusesThemInText) {
  const Path path = Path::parse("/32770/0/3").value();
  for (const double number :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
        -std::numeric_limits<double>::infinity()}) {
    const Entry entry{.path = path, .value = Value::floating(number)};
    for (const auto format :
         {ContentFormat::tlv, ContentFormat::senml_cbor, ContentFormat::lwm2m_cbor, ContentFormat::cbor})
      expect_round_trip(format, "/32770/0/3", {&entry, 1});
    for (const auto format : {ContentFormat::text, ContentFormat::senml_json}) {
      const auto encoded = encode(format, "/32770/0/3", {&entry, 1});
      ASSERT_FALSE(encoded);
      EXPECT_EQ(ErrorCode::out_of_range, encoded.error().code);
    }
  }
}

TEST(CodecRoundTrip, KeepsHistoryInSenml) {
  const Path path = Path::parse("/3303/0/5700").value();
  const std::vector<Entry> entries{
      {.path = path, .value = Value::floating(20.5), .time = 1700000000},
      {.path = path, .value = Value::floating(20.75), .time = 1700000060.5},
      {.path = path, .value = Value::floating(21.25), .time = 1700000120},
  };
  for (const auto format : {ContentFormat::senml_cbor, ContentFormat::senml_json}) {
    const auto encoded = encode(format, "/", entries);
    ASSERT_TRUE(encoded);
    const auto decoded = decode(format, "/", *encoded);
    ASSERT_TRUE(decoded.ok());
    expect_same(entries, *decoded.entries);
  }
}

TEST(CodecRoundTrip, KeepsEmptyInstancesAndEmptyMultipleResourcesWhereTheFormatHasThem) {
  const std::vector<Entry> entries{
      {.path = Path::parse("/32770/1").value(), .kind = EntryKind::instance},
      {.path = Path::parse("/32770/2/301").value(), .kind = EntryKind::multiple},
  };
  expect_round_trip(ContentFormat::tlv, "/32770", entries);
  expect_round_trip(ContentFormat::lwm2m_cbor, "/32770", entries);
  EXPECT_EQ("80", to_hex(encode(ContentFormat::senml_cbor, "/32770", entries).value()));
  EXPECT_EQ("[]", as_text(encode(ContentFormat::senml_json, "/32770", entries).value()));
}

TEST(CodecRoundTrip, KeepsRecordsWithoutValues) {
  const std::vector<Entry> entries{
      {.path = Path::parse("/1").value(), .kind = EntryKind::absent},
      {.path = Path::parse("/3/0").value(), .kind = EntryKind::absent},
      {.path = Path::parse("/3/0/9").value(), .kind = EntryKind::absent},
  };
  for (const auto format : {ContentFormat::senml_cbor, ContentFormat::senml_json,
                            ContentFormat::senml_etch_cbor, ContentFormat::senml_etch_json})
    expect_round_trip(format, "/", entries);
  EXPECT_EQ(R"([{"n":"/1"},{"n":"/3/0"},{"n":"/3/0/9"}])",
            as_text(encode(ContentFormat::senml_json, "/", entries).value()));
}

TEST(CodecRoundTrip, RemovesInstancesByNull) {
  const Entry entry{.path = Path::parse("/3/0/11/1").value(), .kind = EntryKind::absent};
  EXPECT_EQ(R"([{"bn":"/3/0/11/1","v":null}])",
            as_text(encode(ContentFormat::senml_etch_json, "/", {&entry, 1}).value()));
  EXPECT_EQ("a18403000b01f6", to_hex(encode(ContentFormat::lwm2m_cbor, "/", {&entry, 1}).value()));
  for (const auto format :
       {ContentFormat::senml_etch_json, ContentFormat::senml_etch_cbor, ContentFormat::lwm2m_cbor})
    expect_round_trip(format, "/", {&entry, 1});
}

TEST(CodecRoundTrip, CreatesWithoutAnInstanceId) {
  const std::vector<Entry> entries{
      {.path = Path(ObjectId(2), InstanceId(kReservedId), ResourceId(0)), .value = Value::integer(5)},
      {.path = Path(ObjectId(2), InstanceId(kReservedId), ResourceId(3)), .value = Value::integer(101)},
  };
  expect_round_trip(ContentFormat::tlv, "/2", entries);
  expect_round_trip(ContentFormat::lwm2m_cbor, "/2", entries);
  EXPECT_EQ("c10005c10365", to_hex(encode(ContentFormat::tlv, "/2", entries).value()));
  EXPECT_EQ(ErrorCode::unsupported, encode(ContentFormat::senml_cbor, "/2", entries).error().code);
}

}  // namespace
}  // namespace slipway::test

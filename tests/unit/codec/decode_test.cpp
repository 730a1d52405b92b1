// SPDX-License-Identifier: Apache-2.0
// Conversions that each format permits, and what is refused.
#include "codec_test_support.hpp"

namespace slipway::test {
namespace {

Decoded decode_hex(ContentFormat format, std::string_view base, std::string_view hex) {
  static std::deque<Bytes> kept;
  return decode(format, base, kept.emplace_back(from_hex(hex).value()));
}
Decoded decode_string(ContentFormat format, std::string_view base, std::string_view text) {
  static std::deque<Bytes> kept;
  return decode(format, base, kept.emplace_back(text.begin(), text.end()));
}

Value only_value(const Decoded& decoded) {
  EXPECT_TRUE(decoded.ok()) << (decoded.ok() ? "" : decoded.entries.error().detail);
  if (!decoded.ok() || decoded.entries->size() != 1) return {};
  return (*decoded.entries)[0].value;
}
ErrorCode error_of(const Decoded& decoded) {
  EXPECT_FALSE(decoded.ok());
  return decoded.ok() ? ErrorCode::exhausted : decoded.entries.error().code;
}

constexpr auto kCbor = ContentFormat::cbor;
constexpr auto kSenmlCbor = ContentFormat::senml_cbor;
constexpr auto kSenmlJson = ContentFormat::senml_json;
constexpr auto kLwm2mCbor = ContentFormat::lwm2m_cbor;
constexpr auto kTlv = ContentFormat::tlv;
constexpr auto kText = ContentFormat::text;

constexpr std::string_view kString = "/32770/0/0";
constexpr std::string_view kInteger = "/32770/0/1";
constexpr std::string_view kUnsigned = "/32770/0/2";
constexpr std::string_view kFloat = "/32770/0/3";
constexpr std::string_view kBoolean = "/32770/0/4";
constexpr std::string_view kOpaque = "/32770/0/5";
constexpr std::string_view kTime = "/32770/0/6";
constexpr std::string_view kObjlnk = "/32770/0/7";

TEST(CodecCbor, TakesAnIntegerForAFloat) {
  EXPECT_EQ(Value::floating(5), only_value(decode_hex(kCbor, kFloat, "05")));
  EXPECT_EQ(Value::floating(-6), only_value(decode_hex(kCbor, kFloat, "25")));
}

TEST(CodecCbor, TakesFloatsOfEverySize) {
  EXPECT_EQ(Value::floating(1.5), only_value(decode_hex(kCbor, kFloat, "f93e00")));
  EXPECT_EQ(Value::floating(-0.000000059604644775390625), only_value(decode_hex(kCbor, kFloat, "f98001")));
  EXPECT_EQ(Value::floating(65504), only_value(decode_hex(kCbor, kFloat, "f97bff")));
  EXPECT_EQ(Value::floating(100000), only_value(decode_hex(kCbor, kFloat, "fa47c35000")));
  EXPECT_EQ(Value::floating(1.1), only_value(decode_hex(kCbor, kFloat, "fb3ff199999999999a")));
  EXPECT_TRUE(std::isinf(only_value(decode_hex(kCbor, kFloat, "f97c00")).as_floating()));
  EXPECT_TRUE(std::isnan(only_value(decode_hex(kCbor, kFloat, "f97e00")).as_floating()));
}

TEST(CodecCbor, TakesAFloatWithoutFractionForAnInteger) {
  EXPECT_EQ(Value::integer(3), only_value(decode_hex(kCbor, kInteger, "fa40400000")));
  EXPECT_EQ(ErrorCode::wrong_type, error_of(decode_hex(kCbor, kInteger, "f93e00")));
  EXPECT_EQ(ErrorCode::out_of_range, error_of(decode_hex(kCbor, kInteger, "fb7e37e43c8800759c")));
}

TEST(CodecCbor, KeepsAll64BitsOfIntegers) {
  EXPECT_EQ(Value::integer(INT64_MAX), only_value(decode_hex(kCbor, kInteger, "1b7fffffffffffffff")));
  EXPECT_EQ(Value::integer(INT64_MIN), only_value(decode_hex(kCbor, kInteger, "3b7fffffffffffffff")));
  EXPECT_EQ(Value::unsigned_integer(UINT64_MAX),
            only_value(decode_hex(kCbor, kUnsigned, "1bffffffffffffffff")));
  EXPECT_EQ(ErrorCode::out_of_range, error_of(decode_hex(kCbor, kInteger, "1b8000000000000000")));
  EXPECT_EQ(ErrorCode::out_of_range, error_of(decode_hex(kCbor, kInteger, "3b8000000000000000")));
  EXPECT_EQ(ErrorCode::out_of_range, error_of(decode_hex(kCbor, kUnsigned, "20")));
}

TEST(CodecCbor, TakesTimeBareTaggedAndAsADate) {
  EXPECT_EQ(Value::time(1363896240), only_value(decode_hex(kCbor, kTime, "1a514b67b0")));
  EXPECT_EQ(Value::time(1363896240), only_value(decode_hex(kCbor, kTime, "c11a514b67b0")));
  EXPECT_EQ(Value::time(1363896240), only_value(decode_hex(kCbor, kTime, "c1fb41d452d9ec200000")));
  EXPECT_EQ(Value::time(1363896240),
            only_value(decode_hex(kCbor, kTime, "c074323031332d30332d32315432303a30343a30305a")));
  EXPECT_EQ(Value::time(-1), only_value(decode_hex(kCbor, kTime, "20")));
}

TEST(CodecCbor, ReadsDatesWithZonesAndFractions) {
  const auto date = [](std::string_view text) {
    std::string hex = "c078" + to_hex(Bytes{static_cast<std::uint8_t>(text.size())}) + to_hex(as_bytes(text));
    return decode_hex(kCbor, kTime, hex);
  };
  EXPECT_EQ(Value::time(1363896240), only_value(date("2013-03-21T22:04:00+02:00")));
  EXPECT_EQ(Value::time(1363896240), only_value(date("2013-03-21T20:04:00.999Z")));
  EXPECT_EQ(ErrorCode::malformed, error_of(date("2013-02-30T20:04:00Z")));
  EXPECT_EQ(ErrorCode::malformed, error_of(date("2013-02-20T20:04:00")));
  EXPECT_EQ(ErrorCode::malformed, error_of(date("2013-02-20 20:04:00Z")));
  EXPECT_EQ(ErrorCode::malformed, error_of(date("2013-02-20T20:04:00.Z")));
}

TEST(CodecCbor, PutsChunkedStringsTogether) {
  EXPECT_EQ(Value::string("streaming"), only_value(decode_hex(kCbor, kString, "7f657374726561646d696e67ff")));
  EXPECT_EQ(Value::string(""), only_value(decode_hex(kCbor, kString, "7fff")));
  EXPECT_EQ(ErrorCode::malformed, error_of(decode_hex(kCbor, kString, "7f4161ff")));
  EXPECT_EQ(ErrorCode::malformed, error_of(decode_hex(kCbor, kString, "7f7f6161ffff")));
  EXPECT_EQ(ErrorCode::truncated, error_of(decode_hex(kCbor, kString, "7f6161")));
}

TEST(CodecCbor, SaysWhenTheScratchIsTooSmall) {
  const auto payload = from_hex("7f657374726561646d696e67ff").value();
  std::array<Entry, 1> entries;
  std::array<std::uint8_t, 8> scratch;
  const auto result = codec::decode(kCbor, Path::parse(kString).value(), payload, {}, {entries, scratch});
  ASSERT_FALSE(result);
  EXPECT_EQ(ErrorCode::limit, result.error().code);
}

TEST(CodecCbor, RefusesAValueOfAnotherType) {
  EXPECT_EQ(ErrorCode::wrong_type, error_of(decode_hex(kCbor, kString, "05")));
  EXPECT_EQ(ErrorCode::wrong_type, error_of(decode_hex(kCbor, kBoolean, "01")));
  EXPECT_EQ(ErrorCode::wrong_type, error_of(decode_hex(kCbor, kOpaque, "6161")));
  EXPECT_EQ(ErrorCode::wrong_type, error_of(decode_hex(kCbor, kInteger, "6131")));
  EXPECT_EQ(ErrorCode::wrong_type, error_of(decode_hex(kCbor, kString, "f6")));
  EXPECT_EQ(ErrorCode::malformed, error_of(decode_hex(kCbor, kString, "81616101")));
  EXPECT_EQ(ErrorCode::malformed, error_of(decode_hex(kCbor, kInteger, "0101")));
  EXPECT_EQ(ErrorCode::unsupported, error_of(decode_hex(kCbor, kInteger, "c24101")));
}

TEST(CodecCbor, ReadsLinksInDecimalAndThePrintedNull) {
  EXPECT_EQ(Value::objlnk({66, 1}), only_value(decode_hex(kCbor, kObjlnk, "6436363a31")));
  EXPECT_EQ(Value::objlnk({}), only_value(decode_string(kText, kObjlnk, "FFFF:FFFF")));
  EXPECT_EQ(Value::objlnk({}), only_value(decode_string(kText, kObjlnk, "65535:65535")));
  EXPECT_EQ(ErrorCode::malformed, error_of(decode_string(kText, kObjlnk, "65536:0")));
  EXPECT_EQ(ErrorCode::malformed, error_of(decode_string(kText, kObjlnk, "66")));
}

TEST(CodecText, ReadsEveryType) {
  EXPECT_EQ(Value::string("x y"), only_value(decode_string(kText, kString, "x y")));
  EXPECT_EQ(Value::string(""), only_value(decode_string(kText, kString, "")));
  EXPECT_EQ(Value::integer(-42), only_value(decode_string(kText, kInteger, "-42")));
  EXPECT_EQ(Value::unsigned_integer(UINT64_MAX),
            only_value(decode_string(kText, kUnsigned, "18446744073709551615")));
  EXPECT_EQ(Value::floating(-0.25), only_value(decode_string(kText, kFloat, "-0.25")));
  EXPECT_EQ(Value::floating(1e21), only_value(decode_string(kText, kFloat, "1E+21")));
  EXPECT_EQ(Value::floating(7), only_value(decode_string(kText, kFloat, "7")));
  EXPECT_EQ(Value::boolean(true), only_value(decode_string(kText, kBoolean, "1")));
  EXPECT_EQ(Value::time(1367491215), only_value(decode_string(kText, kTime, "1367491215")));
  const Bytes bytes{1, 2, 0xff};
  EXPECT_EQ(Value::opaque(bytes), only_value(decode_string(kText, kOpaque, "AQL/")));
}

TEST(CodecText, RefusesWhatIsNoNumberOrNoBoolean) {
  for (const auto* text : {"", "-", "+1", "1 ", " 1", "0x10", "1.", ".5", "1e", "nan", "inf", "--1", "1,5"})
    EXPECT_EQ(ErrorCode::malformed, error_of(decode_string(kText, kFloat, text))) << text;
  EXPECT_EQ(ErrorCode::wrong_type, error_of(decode_string(kText, kInteger, "1.5")));
  EXPECT_EQ(ErrorCode::out_of_range, error_of(decode_string(kText, kInteger, "9223372036854775808")));
  EXPECT_EQ(ErrorCode::out_of_range, error_of(decode_string(kText, kFloat, "1e999")));
  EXPECT_EQ(ErrorCode::malformed, error_of(decode_string(kText, kBoolean, "true")));
  EXPECT_EQ(ErrorCode::malformed, error_of(decode_string(kText, kOpaque, "A")));
}

TEST(CodecText, IsForOneResourceOnly) {
  EXPECT_EQ(ErrorCode::wrong_path, error_of(decode_string(kText, "/3/0", "x")));
  const Entry entry{.path = Path::parse("/3/0/0").value(), .value = Value::string("x")};
  EXPECT_EQ(ErrorCode::unsupported, encode(kText, "/3/0", {&entry, 1}).error().code);
  EXPECT_EQ(ErrorCode::unsupported, encode(kText, "/3/0/0", {}).error().code);
}

TEST(CodecOpaque, IsForOpaqueResourcesOnly) {
  const Bytes bytes{0, 1, 2};
  EXPECT_EQ(Value::opaque(bytes), only_value(decode_hex(ContentFormat::opaque, kOpaque, "000102")));
  EXPECT_EQ(Value::opaque(bytes), only_value(decode_hex(ContentFormat::opaque, "/9999/0/0", "000102")));
  EXPECT_EQ(ErrorCode::wrong_type, error_of(decode_hex(ContentFormat::opaque, kString, "000102")));
}

TEST(CodecSenml, ReadsBase64InEveryAlphabetWithAndWithoutPadding) {
  const Bytes bytes{0xfb, 0xff, 0xfe, 0x01};
  for (const auto* text : {"-__-AQ", "-__-AQ==", "+//+AQ", "+//+AQ==", "\\u002b\\/\\/+AQ=="})
    EXPECT_EQ(Value::opaque(bytes),
              only_value(decode_string(kSenmlJson, kOpaque,
                                       std::string(R"([{"bn":"/32770/0/5","vd":")") + text + "\"}]")))
        << text;
}

TEST(CodecSenml, WritesBase64UrlWithoutPadding) {
  const Bytes bytes{0xfb, 0xff, 0xfe, 0x01};
  const Entry entry{.path = Path::parse(kOpaque).value(), .value = Value::opaque(bytes)};
  EXPECT_EQ(R"([{"bn":"/32770/0/5","vd":"-__-AQ"}])",
            as_text(encode(kSenmlJson, kOpaque, {&entry, 1}).value()));
}

TEST(CodecSenml, ConcatenatesBaseNameAndNameLiterally) {
  const auto decoded = decode_string(
      kSenmlJson, "/3", R"([{"bn":"/3/0/1","n":"3","v":7},{"n":"","vs":"x"},{"n":"1/0","v":0}])");
  ASSERT_TRUE(decoded.ok()) << decoded.entries.error().detail;
  EXPECT_EQ("/3/0/13", (*decoded.entries)[0].path.text().view());
  EXPECT_EQ("/3/0/1", (*decoded.entries)[1].path.text().view());
  EXPECT_EQ("/3/0/11/0", (*decoded.entries)[2].path.text().view());
}

TEST(CodecSenml, TakesFieldsInAnyOrderAndBaseFieldsUntilTheNext) {
  const auto decoded = decode_string(
      kSenmlJson, "/",
      R"([{"v":1,"n":"9","t":2,"bt":100,"bn":"/3/0/"},{"n":"10","v":2},{"bn":"/1/0/","n":"1","v":60,"t":-1}])");
  ASSERT_TRUE(decoded.ok()) << decoded.entries.error().detail;
  EXPECT_EQ("/3/0/9", (*decoded.entries)[0].path.text().view());
  EXPECT_EQ(102, (*decoded.entries)[0].time);
  EXPECT_EQ(100, (*decoded.entries)[1].time);
  EXPECT_EQ("/1/0/1", (*decoded.entries)[2].path.text().view());
  EXPECT_EQ(99, (*decoded.entries)[2].time);
}

TEST(CodecSenml, IgnoresUnknownLabelsButThoseThatMustBeUnderstood) {
  EXPECT_EQ(Value::integer(5),
            only_value(decode_string(kSenmlJson, kInteger,
                                     R"([{"bn":"/32770/0/1","v":5,"u":"Cel","foo":{"a":[1,{"b":null}]}}])")));
  EXPECT_EQ(ErrorCode::unsupported,
            error_of(decode_string(kSenmlJson, kInteger, R"([{"bn":"/32770/0/1","v":5,"foo_":1}])")));
  EXPECT_EQ(ErrorCode::unsupported,
            error_of(decode_string(kSenmlJson, kInteger, R"([{"bn":"/32770/0/1","v":5,"bv":1}])")));
  EXPECT_EQ(Value::integer(5), only_value(decode_hex(kSenmlCbor, kInteger,
                                                     "81a4216a2f33323737302f302f3102050d80"
                                                     "61789fbf0102ffc1820102ff")));
}

TEST(CodecSenml, BoundsTheDepthOfWhatItSkips) {
  std::string deep = R"([{"bn":"/32770/0/1","v":5,"x":)" + std::string(2000, '[');
  EXPECT_EQ(ErrorCode::limit, error_of(decode_string(kSenmlJson, kInteger, deep)));
  EXPECT_EQ(ErrorCode::limit, error_of(decode_hex(kSenmlCbor, kInteger,
                                                  "81a2"
                                                  "0205"
                                                  "0d" +
                                                      std::string(4000, '8'))));
}

TEST(CodecSenml, TakesIndefiniteArraysAndMaps) {
  const auto decoded = decode_hex(kSenmlCbor, "/3/0",
                                  "9fbf21652f332f302f006139021864ffbf0062313002"
                                  "0fffff");
  ASSERT_TRUE(decoded.ok()) << decoded.entries.error().detail;
  ASSERT_EQ(2u, decoded.entries->size());
  EXPECT_EQ(Value::integer(100), (*decoded.entries)[0].value);
  EXPECT_EQ(Value::integer(15), (*decoded.entries)[1].value);
}

TEST(CodecSenml, RefusesNamesThatAreNoPaths) {
  const auto name = [](std::string_view text) {
    return error_of(decode_string(kSenmlJson, "/", "[{\"n\":\"" + std::string(text) + "\",\"v\":1}]"));
  };
  EXPECT_EQ(ErrorCode::malformed, name("/3//0"));
  EXPECT_EQ(ErrorCode::malformed, name("/3/0/x"));
  EXPECT_EQ(ErrorCode::malformed, name("/3/0/01"));
  EXPECT_EQ(ErrorCode::out_of_range, name("/3/0/65535"));
  EXPECT_EQ(ErrorCode::out_of_range, name("/3/0/99999999999999999999"));
  EXPECT_EQ(ErrorCode::wrong_path, name("/3/0/1/2/3"));
  EXPECT_EQ(ErrorCode::wrong_path, name("/3/0"));
  EXPECT_EQ(ErrorCode::wrong_path, name(""));
}

TEST(CodecSenml, RefusesRecordsOutsideTheTarget) {
  EXPECT_EQ(ErrorCode::wrong_path, error_of(decode_string(kSenmlJson, "/3/0", R"([{"n":"/3/1/9","v":1}])")));
  EXPECT_EQ(ErrorCode::wrong_path, error_of(decode_string(kSenmlJson, "/3/0/9", R"([{"n":"/3/0","v":1}])")));
}

TEST(CodecSenml, KeepsIntegersBeyond53Bits) {
  EXPECT_EQ(Value::integer(9007199254740993),
            only_value(decode_string(kSenmlJson, kInteger, R"([{"n":"/32770/0/1","v":9007199254740993}])")));
  EXPECT_EQ(
      Value::unsigned_integer(18446744073709551615u),
      only_value(decode_string(kSenmlJson, kUnsigned, R"([{"n":"/32770/0/2","v":18446744073709551615}])")));
  EXPECT_EQ(
      Value::integer(INT64_MIN),
      only_value(decode_string(kSenmlJson, kInteger, R"([{"n":"/32770/0/1","v":-9223372036854775808}])")));
  EXPECT_EQ(ErrorCode::out_of_range,
            error_of(decode_string(kSenmlJson, kInteger, R"([{"n":"/32770/0/1","v":9223372036854775808}])")));
}

TEST(CodecSenml, RefusesBrokenJson) {
  for (const auto* text : {"", "[", "{}", "[{}", "[{\"n\"", "[{\"n\":}]", "[{\"n\":\"/3/0/9\",\"v\":1},]",
                           "[{\"n\":\"/3/0/9\" \"v\":1}]", "[{\"n\":\"/3/0/9\",\"v\":01}]",
                           "[{\"n\":\"/3/0/9\",\"v\":1}]x", "[{\"n\":\"/3/0/0\",\"vs\":\"\\q\"}]",
                           "[{\"n\":\"/3/0/0\",\"vs\":\"\\ud800\"}]", "[{\"n\":\"/3/0/0\",\"vs\":\"\xff\"}]",
                           "[{\"n\":\"/3/0/0\",\"vs\":\"\t\"}]", "[{\"n\":\"/3/0/9\",\"v\":tru}]"})
    EXPECT_FALSE(decode_string(kSenmlJson, "/", text).ok()) << text;
}

TEST(CodecSenml, RebuildsEscapedTextInTheScratch) {
  EXPECT_EQ(Value::string("a/\"\\\n\xc3\xa9\xf0\x9f\x98\x80"),
            only_value(decode_string(kSenmlJson, kString,
                                     R"([{"n":"\/32770\/0\/0","vs":"a\/\"\\\n\u00e9\ud83d\ude00"}])")));
}

TEST(CodecLwm2mCbor, TakesKeysRelativeToTheTargetToo) {
  const auto decoded = decode_hex(kLwm2mCbor, "/2/5",
                                  "a2000503"
                                  "1865");
  ASSERT_TRUE(decoded.ok()) << decoded.entries.error().detail;
  EXPECT_EQ("/2/5/0", (*decoded.entries)[0].path.text().view());
  EXPECT_EQ("/2/5/3", (*decoded.entries)[1].path.text().view());
  const auto create = decode_hex(kLwm2mCbor, "/1",
                                 "a105a100"
                                 "1865");
  ASSERT_TRUE(create.ok());
  EXPECT_EQ("/1/5/0", (*create.entries)[0].path.text().view());
}

TEST(CodecLwm2mCbor, TakesIndefiniteMapsAndKeys) {
  const auto decoded = decode_hex(kLwm2mCbor, "/3/0/6", "bf9f030006ffbf00010105ffff");
  ASSERT_TRUE(decoded.ok()) << decoded.entries.error().detail;
  EXPECT_EQ(2u, decoded.entries->size());
}

TEST(CodecLwm2mCbor, RefusesWhatIsNoTree) {
  EXPECT_EQ(ErrorCode::wrong_path, error_of(decode_hex(kLwm2mCbor, "/", "a103a100a100a100a10001")));
  EXPECT_EQ(ErrorCode::wrong_path, error_of(decode_hex(kLwm2mCbor, "/", "a185030006000001")));
  EXPECT_EQ(ErrorCode::wrong_path, error_of(decode_hex(kLwm2mCbor, "/",
                                                       "a1820300"
                                                       "01")));
  EXPECT_EQ(ErrorCode::malformed, error_of(decode_hex(kLwm2mCbor, "/", "a18001")));
  EXPECT_EQ(ErrorCode::malformed, error_of(decode_hex(kLwm2mCbor, "/", "a1613301")));
  EXPECT_EQ(ErrorCode::out_of_range, error_of(decode_hex(kLwm2mCbor, "/", "a119ffffa100a10001")));
  EXPECT_EQ(ErrorCode::malformed, error_of(decode_hex(kLwm2mCbor, "/", "80")));
  EXPECT_EQ(ErrorCode::duplicate, error_of(decode_hex(kLwm2mCbor, "/3/0",
                                                      "a2830300090183030009"
                                                      "02")));
  EXPECT_EQ(ErrorCode::duplicate, error_of(decode_hex(kLwm2mCbor, "/3/0",
                                                      "a283030006"
                                                      "01"
                                                      "8403000601"
                                                      "02")));
}

TEST(CodecTlv, AcceptsAnInstanceThatNamesItself) {
  EXPECT_EQ(1u, decode_hex(kTlv, "/1/5", "080503c10001").entries->size());
  EXPECT_EQ(ErrorCode::wrong_path, error_of(decode_hex(kTlv, "/1/5", "080603c10001")));
  EXPECT_EQ(ErrorCode::malformed, error_of(decode_hex(kTlv, "/1/5", "080503c10001080603c10001")));
}

TEST(CodecTlv, ReadsBareResourcesOfACreateAsAnInstanceWithoutId) {
  const auto decoded = decode_hex(kTlv, "/1", "c10065");
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(kReservedId, (*decoded.entries)[0].path.instance().value());
}

TEST(CodecTlv, ReadsAMultipleResourceInEachShapeThatPeersSend) {
  for (const auto* hex : {"86064100014101"
                          "05",
                          "410001410105"}) {
    const auto decoded = decode_hex(kTlv, "/3/0/6", hex);
    ASSERT_TRUE(decoded.ok()) << hex;
    EXPECT_EQ(2u, decoded.entries->size());
  }
  EXPECT_EQ(ErrorCode::wrong_path, error_of(decode_hex(kTlv, "/3/0/6", "c10964")));
  EXPECT_EQ(ErrorCode::wrong_path, error_of(decode_hex(kTlv, "/3/0/6/0", "410105")));
}

TEST(CodecTlv, KeepsBytesOfWhatIsNotDefined) {
  const Bytes bytes{1, 2, 3};
  EXPECT_EQ(Value::opaque(bytes), only_value(decode_hex(kTlv, "/9999/0", "c307010203")));
}

TEST(CodecTlv, RefusesSizesThatATypeDoesNotHave) {
  EXPECT_EQ(ErrorCode::wrong_type, error_of(decode_hex(kTlv, "/32770/0", "c301010203")));
  EXPECT_EQ(ErrorCode::wrong_type, error_of(decode_hex(kTlv, "/32770/0", "c001")));
  EXPECT_EQ(ErrorCode::wrong_type, error_of(decode_hex(kTlv, "/32770/0", "c10301")));
  EXPECT_EQ(ErrorCode::out_of_range, error_of(decode_hex(kTlv, "/32770/0", "c10402")));
  EXPECT_EQ(ErrorCode::wrong_type, error_of(decode_hex(kTlv, "/32770/0", "c2040001")));
  EXPECT_EQ(ErrorCode::wrong_type, error_of(decode_hex(kTlv, "/32770/0", "c207ffff")));
}

TEST(CodecTlv, RefusesTheSameThingTwiceInAnyOrder) {
  EXPECT_EQ(ErrorCode::duplicate, error_of(decode_hex(kTlv, "/3/0", "c10964c10964")));
  EXPECT_EQ(ErrorCode::duplicate, error_of(decode_hex(kTlv, "/3/0", "c10964c10a0fc10964")));
  EXPECT_EQ(ErrorCode::duplicate, error_of(decode_hex(kTlv, "/3/0", "c106018306410001")));
  EXPECT_EQ(ErrorCode::duplicate, error_of(decode_hex(kTlv, "/1",
                                                      "0000"
                                                      "0300c10001")));
}

TEST(CodecTlv, FindsDuplicatesInLongUnsortedPayloads) {
  std::string hex;
  for (int id = 199; id >= 0; --id) hex += "c1" + to_hex(Bytes{static_cast<std::uint8_t>(id)}) + "01";
  EXPECT_TRUE(decode_hex(kTlv, "/9999/0", hex).ok());
  EXPECT_EQ(ErrorCode::duplicate, error_of(decode_hex(kTlv, "/9999/0", hex + "c16401")));
}

TEST(CodecOmaJson, ReadsWhatOldClientsSend) {
  const auto decoded = decode_string(
      ContentFormat::oma_json, "/32770/0",
      R"({"e":[{"n":"0","sv":"text"},{"n":"1","v":-5,"t":-10},{"n":"4","bv":true},{"n":"5","sv":"AQL/"},{"n":"7","ov":"66:1"},{"n":"301/2","v":3}],"bn":"/32770/0/","bt":1000})");
  ASSERT_TRUE(decoded.ok()) << decoded.entries.error().detail;
  const auto& entries = *decoded.entries;
  ASSERT_EQ(6u, entries.size());
  const Bytes bytes{1, 2, 0xff};
  EXPECT_EQ(Value::string("text"), entries[0].value);
  EXPECT_EQ(Value::integer(-5), entries[1].value);
  EXPECT_EQ(990, entries[1].time);
  EXPECT_EQ(Value::boolean(true), entries[2].value);
  EXPECT_EQ(Value::opaque(bytes), entries[3].value);
  EXPECT_EQ(Value::objlnk({66, 1}), entries[4].value);
  EXPECT_EQ("/32770/0/301/2", entries[5].path.text().view());
}

TEST(CodecOmaJson, StartsAtTheRequestsPathWithoutABaseName) {
  EXPECT_EQ(Value::integer(5),
            only_value(decode_string(ContentFormat::oma_json, "/32770/0", R"({"e":[{"n":"1","v":5}]})")));
  EXPECT_EQ(Value::integer(5),
            only_value(decode_string(ContentFormat::oma_json, kInteger, R"({"e":[{"n":"","v":5}]})")));
  EXPECT_EQ(Value::integer(5), only_value(decode_string(ContentFormat::oma_json, kInteger,
                                                        R"({"bn":"/32770/0","e":[{"n":"1","v":5}]})")));
  EXPECT_EQ(ErrorCode::malformed,
            error_of(decode_string(ContentFormat::oma_json, "/3/0", R"({"bn":"/3/0"})")));
  EXPECT_EQ(ErrorCode::malformed,
            error_of(decode_string(ContentFormat::oma_json, "/3/0", R"({"e":[{"n":"9"}]})")));
}

TEST(CodecDecode, KeepsTheFormatsOwnTypesWhereNothingIsDefined) {
  const auto decoded = decode_string(
      kSenmlJson, "/",
      R"([{"bn":"/9999/0/","n":"0","v":1},{"n":"1","v":1.5},{"n":"2","vs":"x"},{"n":"3","vlo":"1:2"},{"n":"4","v":18446744073709551615}])");
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(DataType::integer, (*decoded.entries)[0].value.type());
  EXPECT_EQ(DataType::floating, (*decoded.entries)[1].value.type());
  EXPECT_EQ(DataType::string, (*decoded.entries)[2].value.type());
  EXPECT_EQ(DataType::objlnk, (*decoded.entries)[3].value.type());
  EXPECT_EQ(DataType::unsigned_integer, (*decoded.entries)[4].value.type());
}

TEST(CodecDecode, RefusesFormatsThatHoldNoValues) {
  EXPECT_EQ(ErrorCode::unsupported, error_of(decode_string(ContentFormat::link_format, "/3/0", "</3/0>")));
  EXPECT_EQ(ErrorCode::unsupported, error_of(decode_string(static_cast<ContentFormat>(9), "/3/0", "x")));
}

TEST(CodecEncode, RefusesWhatIsUnsortedTwiceOrOutside) {
  const Path device = Path::parse("/3/0").value();
  const auto of = [&](std::vector<std::uint16_t> ids) {
    std::vector<Entry> entries;
    for (const auto id : ids) entries.push_back({.path = device.child(id), .value = Value::integer(1)});
    return entries;
  };
  for (const auto format : {kTlv, kSenmlCbor, kSenmlJson, kLwm2mCbor}) {
    EXPECT_EQ(ErrorCode::wrong_path, encode(format, "/3/0", of({10, 9})).error().code);
    EXPECT_EQ(ErrorCode::duplicate, encode(format, "/3/0", of({9, 9})).error().code);
    EXPECT_EQ(ErrorCode::wrong_path, encode(format, "/3/1", of({9})).error().code);
    EXPECT_EQ(ErrorCode::wrong_path, encode(format, "/3/0/10", of({9, 10})).error().code);
    auto both = of({6});
    both.push_back({.path = device.child(6).child(0), .value = Value::integer(1)});
    EXPECT_EQ(ErrorCode::duplicate, encode(format, "/3/0", both).error().code);
  }
}

TEST(ContentFormatName, ReadsNamesAndNumbers) {
  EXPECT_EQ(ContentFormat::tlv, parse_content_format("tlv").value());
  EXPECT_EQ(ContentFormat::tlv, parse_content_format("11542").value());
  EXPECT_EQ(ContentFormat::text, parse_content_format("0").value());
  EXPECT_STREQ("senml-cbor", to_string(ContentFormat::senml_cbor));
  EXPECT_STREQ("unknown", to_string(static_cast<ContentFormat>(1)));
  for (const auto* text : {"", "TLV", "1", "11542 ", "65536", "-1"})
    EXPECT_FALSE(parse_content_format(text)) << text;
  EXPECT_TRUE(holds_many(ContentFormat::tlv));
  EXPECT_FALSE(holds_many(ContentFormat::cbor));
}

}  // namespace
}  // namespace slipway::test

// SPDX-License-Identifier: Apache-2.0
#include <slipway/model/definition.hpp>

#include <array>
#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace slipway {
namespace {

ResourceDefinition definition(DataType type, Range range = {}) {
  return {.id = ResourceId(1),
          .name = "Test",
          .type = type,
          .operations = Operations::read_write,
          .range = range};
}

ErrorCode error_of(const ResourceDefinition& resource, const Value& value) {
  const auto checked = check(resource, value);
  EXPECT_FALSE(checked);
  return checked ? ErrorCode::not_found : checked.error().code;
}

TEST(Version, ReadsTwoNumbersAndDropsAThird) {
  EXPECT_EQ(Version::parse("1.0"), (Version{1, 0}));
  EXPECT_EQ(Version::parse("2.13"), (Version{2, 13}));
  EXPECT_EQ(Version::parse("1.2.1"), (Version{1, 2}));
  EXPECT_EQ(Version::parse("255.255"), (Version{255, 255}));
}

TEST(Version, RefusesOtherText) {
  for (const std::string text :
       {"", "1", "1.", ".1", "1.1.", "1.1.1.1", "a.b", "1,1", "-1.0", " 1.0", "1.0 ", "1..1"}) {
    const auto version = Version::parse(text);
    ASSERT_FALSE(version) << text;
    EXPECT_EQ(version.error().code, ErrorCode::malformed) << text;
  }
  EXPECT_EQ(Version::parse("1.256").error().code, ErrorCode::out_of_range);
  EXPECT_EQ(Version::parse("1." + std::string(1000, '9')).error().code, ErrorCode::out_of_range);
}

TEST(Version, PrintsWhatItReads) {
  EXPECT_EQ((Version{1, 2}).text().view(), "1.2");
  EXPECT_EQ((Version{255, 255}).text().view(), "255.255");
}

TEST(Version, OrdersByNumber) {
  EXPECT_LT((Version{1, 9}), (Version{1, 10}));
}

TEST(Check, AsksForTheTypeFirst) {
  const auto integer = definition(DataType::integer, {0, 10, true});
  EXPECT_EQ(error_of(integer, Value::string("5")), ErrorCode::wrong_type);
  EXPECT_EQ(error_of(integer, Value::unsigned_integer(99)), ErrorCode::wrong_type);
  EXPECT_EQ(error_of(integer, Value()), ErrorCode::wrong_type);
}

TEST(Check, GivesAnExecutableResourceNoValue) {
  EXPECT_EQ(error_of(definition(DataType::none), Value()), ErrorCode::wrong_type);
  EXPECT_EQ(error_of(definition(DataType::none), Value::string("x")), ErrorCode::wrong_type);
}

TEST(Check, HoldsNumbersToTheirRangeInclusively) {
  const auto integer = definition(DataType::integer, {-5, 10, true});
  EXPECT_TRUE(check(integer, Value::integer(-5)));
  EXPECT_TRUE(check(integer, Value::integer(10)));
  EXPECT_EQ(error_of(integer, Value::integer(-6)), ErrorCode::out_of_range);
  EXPECT_EQ(error_of(integer, Value::integer(11)), ErrorCode::out_of_range);
  EXPECT_EQ(error_of(integer, Value::integer(std::numeric_limits<std::int64_t>::min())),
            ErrorCode::out_of_range);
  const auto natural = definition(DataType::unsigned_integer, {0, 3, true});
  EXPECT_TRUE(check(natural, Value::unsigned_integer(3)));
  EXPECT_EQ(error_of(natural, Value::unsigned_integer(std::numeric_limits<std::uint64_t>::max())),
            ErrorCode::out_of_range);
  EXPECT_EQ(error_of(definition(DataType::time, {0, 9, true}), Value::time(-1)), ErrorCode::out_of_range);
}

TEST(Check, HoldsNanOutsideEveryRange) {
  const auto number = definition(DataType::floating, {0, 1, true});
  EXPECT_TRUE(check(number, Value::floating(0.5)));
  EXPECT_EQ(error_of(number, Value::floating(std::numeric_limits<double>::quiet_NaN())),
            ErrorCode::out_of_range);
  EXPECT_EQ(error_of(number, Value::floating(std::numeric_limits<double>::infinity())),
            ErrorCode::out_of_range);
}

TEST(Check, MeasuresTextAndBytesByLength) {
  const auto text = definition(DataType::string, {1, 3, true});
  EXPECT_TRUE(check(text, Value::string("999")));
  EXPECT_EQ(error_of(text, Value::string("")), ErrorCode::out_of_range);
  EXPECT_EQ(error_of(text, Value::string("1234")), ErrorCode::out_of_range);
  EXPECT_EQ(error_of(definition(DataType::opaque, {2, 2, true}), Value::opaque(as_bytes("abc"))),
            ErrorCode::out_of_range);
}

TEST(Check, TakesAnyValueOfTheTypeWithoutARange) {
  EXPECT_TRUE(
      check(definition(DataType::floating), Value::floating(std::numeric_limits<double>::quiet_NaN())));
  EXPECT_TRUE(check(definition(DataType::boolean), Value::boolean(false)));
  EXPECT_TRUE(check(definition(DataType::objlnk), Value::objlnk({})));
  EXPECT_TRUE(check(definition(DataType::corelnk), Value::corelnk("</3/0>")));
}

TEST(Definition, FindsResourcesOfDenseAndSparseTables) {
  constexpr std::array<ResourceDefinition, 4> kSparse{{{.id = ResourceId(0), .name = "a"},
                                                       {.id = ResourceId(2), .name = "b"},
                                                       {.id = ResourceId(5518), .name = "c"},
                                                       {.id = ResourceId(65534), .name = "d"}}};
  const ObjectDefinition object{.id = ObjectId(1), .resources = kSparse};
  for (const auto& resource : kSparse) EXPECT_EQ(object.find(resource.id), &resource);
  for (const std::uint16_t absent : std::to_array<std::uint16_t>({1, 3, 4, 5517, 5519, 65535}))
    EXPECT_EQ(object.find(ResourceId(absent)), nullptr);
  EXPECT_EQ(ObjectDefinition{}.find(ResourceId(0)), nullptr);
}

TEST(Definition, MasksSecretsForPeople) {
  auto resource = definition(DataType::opaque);
  EXPECT_EQ(to_display(resource, Value::opaque(as_bytes("key"))), "6b6579");
  resource.confidentiality = Confidentiality::secret;
  EXPECT_EQ(to_display(resource, Value::opaque(as_bytes("key"))), "(secret)");
}

TEST(Operations, SayWhatAServerMayDo) {
  EXPECT_TRUE(can_read(Operations::read_write) && can_write(Operations::read_write));
  EXPECT_TRUE(can_read(Operations::read) && !can_write(Operations::read));
  EXPECT_TRUE(!can_read(Operations::write) && can_write(Operations::write));
  EXPECT_TRUE(!can_read(Operations::none) && !can_write(Operations::none) && !can_execute(Operations::none));
  EXPECT_TRUE(!can_read(Operations::execute) && !can_write(Operations::execute) &&
              can_execute(Operations::execute));
}

}  // namespace
}  // namespace slipway

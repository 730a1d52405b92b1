// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include <nlohmann/json.hpp>

#include "api/write_body.hpp"

namespace slipway::api {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr std::array kResources = {
    ResourceDefinition{.id = ResourceId(0), .name = "Text", .type = DataType::string},
    ResourceDefinition{.id = ResourceId(1),
                       .name = "Integer",
                       .type = DataType::integer,
                       .range = {.min = -10, .max = 1e18, .present = true}},
    ResourceDefinition{.id = ResourceId(2), .name = "Unsigned", .type = DataType::unsigned_integer},
    ResourceDefinition{.id = ResourceId(3), .name = "Float", .type = DataType::floating},
    ResourceDefinition{.id = ResourceId(4), .name = "Boolean", .type = DataType::boolean},
    ResourceDefinition{.id = ResourceId(5), .name = "Opaque", .type = DataType::opaque},
    ResourceDefinition{.id = ResourceId(6), .name = "Time", .type = DataType::time},
    ResourceDefinition{.id = ResourceId(7), .name = "Link", .type = DataType::objlnk},
    ResourceDefinition{.id = ResourceId(8), .name = "Links", .type = DataType::corelnk},
    ResourceDefinition{
        .id = ResourceId(9), .name = "Command", .type = DataType::none, .operations = Operations::execute},
    ResourceDefinition{.id = ResourceId(10),
                       .name = "Several",
                       .type = DataType::integer,
                       .multiplicity = Multiplicity::multiple},
};
constexpr ObjectDefinition kObject{
    .id = ObjectId(1000), .name = "Sample", .version = {}, .resources = kResources};

/// /1000 is defined, nothing else is.
class Catalog final : public ObjectCatalog {
 public:
  const ObjectDefinition* find(ObjectId id) const override { return id == kObject.id ? &kObject : nullptr; }
  const ObjectDefinition* find(ObjectId id, Version) const override { return find(id); }
};

auto read(const std::string& path, const json& body) {
  return read_write_body(body, *Path::parse(path), Catalog());
}

struct Good {
  const char* path;
  const char* value;
  Value expected;
};
std::ostream& operator<<(std::ostream& out, const Good& good) {
  return out << good.path << " " << good.value;
}

class GoodValue : public testing::TestWithParam<Good> {};
constexpr std::uint8_t kBytes[] = {0x00, 0xab};
INSTANTIATE_TEST_SUITE_P(
    WriteBody, GoodValue,
    testing::Values(
        Good{"/1000/0/0", R"("Acme")", Value::string("Acme")}, Good{"/1000/0/0", R"("")", Value::string("")},
        Good{"/1000/0/1", "-10", Value::integer(-10)},
        Good{"/1000/0/2", "18446744073709551615", Value::unsigned_integer(UINT64_MAX)},
        Good{"/1000/0/3", "1.5", Value::floating(1.5)}, Good{"/1000/0/3", "-2", Value::floating(-2)},
        Good{"/1000/0/4", "true", Value::boolean(true)},
        Good{"/1000/0/5", R"("00aB")", Value::opaque(kBytes)}, Good{"/1000/0/5", R"("")", Value::opaque({})},
        Good{"/1000/0/6", "-1", Value::time(-1)}, Good{"/1000/0/7", R"("3:0")", Value::objlnk({3, 0})},
        Good{"/1000/0/7", R"("65535:65535")", Value::objlnk({})},
        Good{"/1000/0/8", R"("</3/0>")", Value::corelnk("</3/0>")},
        Good{"/1000/0/10/7", "4", Value::integer(4)},
        // Without a definition: as JSON says.
        Good{"/2000/0/0", R"("x")", Value::string("x")}, Good{"/2000/0/0", "false", Value::boolean(false)},
        Good{"/2000/0/0", "-5", Value::integer(-5)}, Good{"/2000/0/0", "2.5", Value::floating(2.5)},
        Good{"/2000/0/0/3", "1", Value::integer(1)},
        Good{"/2000/0/0", "18446744073709551615", Value::unsigned_integer(UINT64_MAX)}));

TEST_P(GoodValue, HasTheTypeOfItsResource) {
  const auto values = read(GetParam().path, {{"value", json::parse(GetParam().value)}});
  ASSERT_TRUE(values) << values.error();
  ASSERT_EQ(values->size(), 1u);
  EXPECT_EQ(values->front().first, *Path::parse(GetParam().path));
  EXPECT_EQ(values->front().second.view(), GetParam().expected);
}

struct Bad {
  const char* path;
  const char* body;
  const char* error;
};
std::ostream& operator<<(std::ostream& out, const Bad& bad) {
  return out << bad.path << " " << bad.body;
}

class BadBody : public testing::TestWithParam<Bad> {};
INSTANTIATE_TEST_SUITE_P(
    WriteBody, BadBody,
    testing::Values(
        Bad{"/1000/0/0", R"({"value":5})", "a text"}, Bad{"/1000/0/1", R"({"value":"5"})", "a whole number"},
        Bad{"/1000/0/1", R"({"value":5.0})", "a whole number"},
        Bad{"/1000/0/1", R"({"value":9223372036854775808})", "a whole number"},
        Bad{"/1000/0/1", R"({"value":-11})", "Integer: "},
        Bad{"/1000/0/2", R"({"value":-1})", "not negative"},
        Bad{"/1000/0/3", R"({"value":"1.5"})", "a number"},
        Bad{"/1000/0/4", R"({"value":1})", "true or false"},
        Bad{"/1000/0/5", R"({"value":"abc"})", "hexadecimal"},
        Bad{"/1000/0/5", R"({"value":"zz"})", "hexadecimal"},
        Bad{"/1000/0/5", R"({"value":1})", "hexadecimal"},
        Bad{"/1000/0/6", R"({"value":1.5})", "a whole number"},
        Bad{"/1000/0/7", R"({"value":"3"})", "an object link"},
        Bad{"/1000/0/7", R"({"value":"3:"})", "an object link"},
        Bad{"/1000/0/7", R"({"value":":0"})", "an object link"},
        Bad{"/1000/0/7", R"({"value":"3:65536"})", "an object link"},
        Bad{"/1000/0/7", R"({"value":"3:0x"})", "an object link"},
        Bad{"/1000/0/7", R"({"value":30})", "an object link"}, Bad{"/1000/0/8", R"({"value":1})", "a text"},
        Bad{"/1000/0/9", R"({"value":1})", "is executed"},
        Bad{"/1000/0/99", R"({"value":1})", "no such resource"},
        Bad{"/1000/0/0", R"({"value":null})", "a text"}, Bad{"/1000/0/0", R"({"value":{}})", "a text"},
        Bad{"/2000/0/0", R"({"value":null})", "a text, a number"},
        // Arrays.
        Bad{"/1000/0/1", R"({"value":[1]})", "has no instances"},
        Bad{"/1000/0/10", R"({"value":1})", "an array is expected"},
        Bad{"/1000/0/10/0", R"({"value":[1]})", "one value is expected"},
        Bad{"/1000/0/1/0", R"({"value":1})", "has no instances"},
        Bad{"/1000/0/10", R"({"value":[]})", "no value"}, Bad{"/1000/0/10", R"({"value":[[1]]})", "a whole"},
        // The body itself.
        Bad{"/1000/0/1", R"({})", "a resource is written with"},
        Bad{"/1000/0/1", R"({"values":{"1":1}})", "a resource is written with"},
        Bad{"/1000/0/1", R"({"value":1,"mode":"partial"})", "a resource is written with"},
        Bad{"/1000/0", R"({"value":1})", "an instance is written with"},
        Bad{"/1000/0", R"({"values":[1]})", "values must be an object"},
        Bad{"/1000/0", R"({"values":{}})", "no value"}, Bad{"/1000/0", R"([])", "an instance is written"},
        // Keys.
        Bad{"/1000/0", R"({"values":{"x":1}})", "is not a resource of"},
        Bad{"/1000/0", R"({"values":{"":1}})", "is not a resource of"},
        Bad{"/1000/0", R"({"values":{"01":1}})", "is not a resource of"},
        Bad{"/1000/0", R"({"values":{"70000":1}})", "is not a resource of"},
        Bad{"/1000/0", R"({"values":{"1/2/3":1}})", "is not a resource of"},
        Bad{"/1000/0", R"({"values":{"/1000/1/1":1}})", "is not a resource of"},
        Bad{"/1000/0", R"({"values":{"/1000/0":1}})", "is not a resource of"},
        Bad{"/1000/0", R"({"values":{"/0/0/5":"00"}})", "is not a resource of"},
        Bad{"/1000/0", R"({"values":{"1":1,"/1000/0/1":2}})", "stands twice"},
        Bad{"/1000/0", R"({"values":{"10":[1],"10/0":2}})", "stands twice"}));

TEST_P(BadBody, IsRefusedWithAReason) {
  const auto values = read(GetParam().path, json::parse(GetParam().body));
  ASSERT_FALSE(values);
  EXPECT_THAT(values.error(), HasSubstr(GetParam().error));
}

TEST(WriteBody, ArrayBecomesTheInstancesOfAResource) {
  const auto values = read("/1000/0/10", {{"value", {7, 8}}});
  ASSERT_TRUE(values) << values.error();
  ASSERT_EQ(values->size(), 2u);
  EXPECT_EQ((*values)[0].first, *Path::parse("/1000/0/10/0"));
  EXPECT_EQ((*values)[1].first, *Path::parse("/1000/0/10/1"));
  EXPECT_EQ((*values)[1].second.view(), Value::integer(8));
}

TEST(WriteBody, InstanceTakesIdsAndWholePathsInAnyOrder) {
  const auto values =
      read("/1000/0", {{"values", {{"10", {1, 2}}, {"/1000/0/0", "a"}, {"10/5", 3}, {"1", 4}}}});
  ASSERT_TRUE(values) << values.error();
  std::vector<std::string> paths;
  for (const auto& [path, value] : *values) paths.emplace_back(path.text().view());
  EXPECT_THAT(paths,
              testing::ElementsAre("/1000/0/0", "/1000/0/1", "/1000/0/10/0", "/1000/0/10/1", "/1000/0/10/5"));
}

TEST(WriteBody, ValuesAreBounded) {
  json array = json::array();
  for (std::size_t i = 0; i < kWriteValuesMax; ++i) array.push_back(1);
  EXPECT_TRUE(read("/1000/0/10", {{"value", array}}));
  array.push_back(1);
  const auto values = read("/1000/0/10", {{"value", array}});
  ASSERT_FALSE(values);
  EXPECT_THAT(values.error(), HasSubstr("more than 256 values"));
}

}  // namespace
}  // namespace slipway::api

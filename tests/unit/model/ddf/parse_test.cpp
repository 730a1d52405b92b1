// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/model/ddf.hpp>

#include "unit/model/ddf/ddf_text.hpp"

namespace slipway {
namespace {

using ::testing::HasSubstr;
using testing::ItemText;
using testing::ObjectText;

ParsedDdf parsed(const std::string& text) {
  auto result = parse_ddf(as_bytes(text), "test.xml");
  EXPECT_TRUE(result) << result.error().text();
  return result ? *std::move(result) : ParsedDdf{};
}

ResourceDescription parsed(const ItemText& item) {
  const auto object = parsed(ObjectText{.items = item.text()}.text()).object;
  return object.resources.size() == 1 ? object.resources[0] : ResourceDescription{};
}

/// The error's text, which also must name file and remedy.
std::string error_of(const std::string& text) {
  const auto result = parse_ddf(as_bytes(text), "test.xml");
  EXPECT_FALSE(result);
  if (result) return "";
  EXPECT_EQ(result.error().file, "test.xml");
  EXPECT_FALSE(result.error().remedy.empty());
  return result.error().text();
}
std::string error_of(const ObjectText& object) {
  return error_of(object.text());
}
std::string error_of(const ItemText& item) {
  return error_of(ObjectText{.items = item.text()});
}

TEST(Ddf, ReadsTheTemperatureObject) {
  std::ifstream file(SLIPWAY_SOURCE "/examples/objects/3303.xml");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const auto ddf = parsed(text);
  EXPECT_TRUE(ddf.warnings.empty());
  EXPECT_EQ(ddf.line, 5u);
  const auto& object = ddf.object;
  EXPECT_EQ(object.id, ObjectId(3303));
  EXPECT_EQ(object.name, "Temperature");
  EXPECT_EQ(object.version, (Version{1, 1}));
  EXPECT_EQ(object.multiplicity, Multiplicity::multiple);
  EXPECT_EQ(object.presence, Presence::optional);
  struct Expected {
    std::uint16_t id;
    const char* name;
    DataType type;
    Operations operations;
    Presence presence;
  };
  const Expected expected[] = {
      {5518, "Timestamp", DataType::time, Operations::read, Presence::optional},
      {5601, "Min Measured Value", DataType::floating, Operations::read, Presence::optional},
      {5602, "Max Measured Value", DataType::floating, Operations::read, Presence::optional},
      {5603, "Min Range Value", DataType::floating, Operations::read, Presence::optional},
      {5604, "Max Range Value", DataType::floating, Operations::read, Presence::optional},
      {5605, "Reset Min and Max Measured Values", DataType::none, Operations::execute, Presence::optional},
      {5700, "Sensor Value", DataType::floating, Operations::read, Presence::mandatory},
      {5701, "Sensor Units", DataType::string, Operations::read, Presence::optional},
      {5750, "Application Type", DataType::string, Operations::read_write, Presence::optional},
  };
  ASSERT_EQ(object.resources.size(), std::size(expected));
  for (std::size_t i = 0; i < std::size(expected); ++i) {
    const auto& resource = object.resources[i];
    EXPECT_EQ(resource.id.value(), expected[i].id);
    EXPECT_EQ(resource.name, expected[i].name);
    EXPECT_EQ(resource.type, expected[i].type) << resource.name;
    EXPECT_EQ(resource.operations, expected[i].operations) << resource.name;
    EXPECT_EQ(resource.presence, expected[i].presence) << resource.name;
    EXPECT_EQ(resource.multiplicity, Multiplicity::single) << resource.name;
    EXPECT_FALSE(resource.range.present) << resource.name;
  }
}

TEST(Ddf, ReadsEveryType) {
  const std::map<std::string, DataType> types = {{"String", DataType::string},
                                                 {"Integer", DataType::integer},
                                                 {"Unsigned Integer", DataType::unsigned_integer},
                                                 {"Float", DataType::floating},
                                                 {"Boolean", DataType::boolean},
                                                 {"Opaque", DataType::opaque},
                                                 {"Time", DataType::time},
                                                 {"Objlnk", DataType::objlnk},
                                                 {"Corelnk", DataType::corelnk},
                                                 {" ObjLnk\n", DataType::objlnk}};
  for (const auto& [text, type] : types) EXPECT_EQ(parsed(ItemText{.type = text}).type, type) << text;
}

TEST(Ddf, ReadsEveryOperation) {
  const std::map<std::string, Operations> operations = {{"", Operations::none},
                                                        {"R", Operations::read},
                                                        {"W", Operations::write},
                                                        {"RW", Operations::read_write},
                                                        {"E", Operations::execute}};
  for (const auto& [text, value] : operations)
    EXPECT_EQ(parsed(ItemText{.operations = text}).operations, value) << text;
}

TEST(Ddf, ReadsInstancesPresenceRangeAndUnits) {
  const auto resource = parsed(ItemText{
      .instances = "Multiple", .presence = "Mandatory", .type = "Integer", .range = "0..100", .units = "%"});
  EXPECT_EQ(resource.multiplicity, Multiplicity::multiple);
  EXPECT_EQ(resource.presence, Presence::mandatory);
  EXPECT_TRUE(resource.range.present);
  EXPECT_EQ(resource.range.max, 100);
  EXPECT_EQ(resource.units, "%");
}

TEST(Ddf, GivesAnExecutableResourceNoTypeWhateverTheFileSays) {
  EXPECT_EQ(parsed(ItemText{.operations = "E", .type = "String"}).type, DataType::none);
  EXPECT_EQ(parsed(ItemText{.operations = "E", .type = ""}).type, DataType::none);
}

TEST(Ddf, TakesAValueWithoutATypeAsOpaqueAndWarns) {
  const auto ddf = parsed(ObjectText{.items = ItemText{.type = ""}.text()}.text());
  EXPECT_EQ(ddf.object.resources.at(0).type, DataType::opaque);
  ASSERT_EQ(ddf.warnings.size(), 1u);
  EXPECT_THAT(ddf.warnings[0].text(),
              HasSubstr("test.xml:5: resource 0 of object /10300 has a value but no Type"));
}

TEST(Ddf, WarnsOfARangeThatItCannotRead) {
  const auto ddf =
      parsed(ObjectText{.items = ItemText{.range = "see the \x1b[2J specification"}.text()}.text());
  EXPECT_FALSE(ddf.object.resources.at(0).range.present);
  ASSERT_EQ(ddf.warnings.size(), 1u);
  EXPECT_THAT(ddf.warnings[0].message, HasSubstr(R"(the RangeEnumeration "see the \x1b[2J)"));
}

TEST(Ddf, TakesAMissingVersionAsOne) {
  EXPECT_EQ(parsed(ObjectText{.version = ""}.text()).object.version, Version{});
}

TEST(Ddf, JoinsNamesThatAreWrapped) {
  EXPECT_EQ(parsed(ItemText{.name = "\n   Reset Min\r\n\t and  Max "}).name, "Reset Min and Max");
}

TEST(Ddf, SortsResources) {
  const auto ddf =
      parsed(ObjectText{.items = ItemText{.id = "7"}.text() + ItemText{.id = "3"}.text()}.text());
  ASSERT_EQ(ddf.object.resources.size(), 2u);
  EXPECT_EQ(ddf.object.resources[0].id, ResourceId(3));
}

TEST(Ddf, TakesAnObjectWithoutResources) {
  EXPECT_TRUE(parsed(ObjectText{.items = ""}.text()).object.resources.empty());
}

TEST(Ddf, NamesTheLineOfBrokenXml) {
  EXPECT_THAT(error_of("<LWM2M>\n<Object>\n</Objekt></LWM2M>"), HasSubstr("test.xml:3: not well-formed XML"));
}

TEST(Ddf, RefusesWhatIsNotAnObjectFile) {
  EXPECT_THAT(error_of(""), HasSubstr("not well-formed XML"));
  EXPECT_THAT(error_of("hello"), HasSubstr("not well-formed XML"));
  EXPECT_THAT(error_of("<html><body/></html>"), HasSubstr("no <LWM2M> element"));
  EXPECT_THAT(error_of("<LWM2M></LWM2M>"), HasSubstr("no <Object> element"));
  EXPECT_THAT(error_of("<LWM2M><Object><Name>x</Name></Object></LWM2M>"),
              HasSubstr("the ObjectID is missing"));
  EXPECT_THAT(error_of("<LWM2M><Object/><Object/></LWM2M>"), HasSubstr("a second <Object> element"));
}

TEST(Ddf, RefusesMissingAndImpossibleIds) {
  for (const std::string id : {"x", "-1", "65535", "65536", "99999999999999999999", "1.0", "0x10", "3 4"}) {
    EXPECT_THAT(error_of(ObjectText{.id = id}), HasSubstr("the ObjectID is \"")) << id;
    EXPECT_THAT(error_of(ItemText{.id = id}), HasSubstr("test.xml:5: the ID attribute of a resource is \""))
        << id;
  }
  EXPECT_THAT(error_of(ObjectText{.id = ""}), HasSubstr("the ObjectID is missing"));
  EXPECT_THAT(error_of(ItemText{.id = ""}), HasSubstr("the ID attribute of a resource is missing"));
  EXPECT_THAT(error_of(ObjectText{.items = "<Item><Name>x</Name></Item>"}), HasSubstr("is missing"));
}

TEST(Ddf, RefusesADuplicateResourceAndNamesBothLines) {
  const auto items = ItemText{.id = "1"}.text() + ItemText{.id = "2"}.text() + ItemText{.id = "1"}.text();
  EXPECT_THAT(error_of(ObjectText{.items = items}),
              HasSubstr("test.xml:7: resource 1 of object /10300 stands twice, first in line 5"));
}

TEST(Ddf, RefusesUnknownWords) {
  EXPECT_THAT(error_of(ItemText{.operations = "RWE"}),
              HasSubstr("has the Operations \"RWE\": use R, W, RW, E"));
  EXPECT_THAT(error_of(ItemText{.instances = ""}), HasSubstr("use Single or Multiple"));
  EXPECT_THAT(error_of(ItemText{.presence = "maybe"}), HasSubstr("use Mandatory or Optional"));
  EXPECT_THAT(error_of(ItemText{.type = "Int64"}), HasSubstr("has the Type \"Int64\""));
  EXPECT_THAT(error_of(ObjectText{.version = "one"}), HasSubstr("has the ObjectVersion \"one\""));
  EXPECT_THAT(error_of(ObjectText{.version = "1.999"}), HasSubstr("write it as two numbers"));
}

TEST(Ddf, BoundsNamesAndUnits) {
  const std::string longest(kDdfNameMax, 'n');
  EXPECT_EQ(parsed(ItemText{.name = longest}).name, longest);
  EXPECT_THAT(error_of(ItemText{.name = longest + "n"}), HasSubstr("a Name of more than 256 bytes"));
  EXPECT_THAT(error_of(ItemText{.units = longest + "n"}), HasSubstr("a Units of more than 256 bytes"));
  EXPECT_THAT(error_of(ObjectText{.name = longest + "n"}), HasSubstr("more than 256 bytes"));
  EXPECT_THAT(error_of(ItemText{.name = " \n "}), HasSubstr("has no name"));
}

TEST(Ddf, RefusesControlCharactersAndBrokenTextInNames) {
  EXPECT_THAT(error_of(ItemText{.name = "&#27;[2J"}), HasSubstr("control characters"));
  EXPECT_THAT(error_of(ItemText{.name = "\xff\xfe"}), HasSubstr("not UTF-8"));
  EXPECT_EQ(parsed(ItemText{.units = "\xc2\xb0"
                                     "C"})
                .units,
            "\xc2\xb0"
            "C");
}

TEST(Ddf, BoundsResources) {
  std::string items;
  for (std::size_t i = 0; i < kDdfResourcesMax; ++i) items += ItemText{.id = std::to_string(i)}.text();
  EXPECT_EQ(parsed(ObjectText{.items = items}.text()).object.resources.size(), kDdfResourcesMax);
  items += ItemText{.id = "60000"}.text();
  EXPECT_THAT(error_of(ObjectText{.items = items}), HasSubstr("more than 1024 resources"));
}

TEST(Ddf, BoundsTheFile) {
  auto text = ObjectText{}.text();
  text.resize(kDdfFileSizeMax, '\n');
  EXPECT_EQ(parsed(text).object.name, "Test");
  EXPECT_THAT(error_of(text + '\n'), HasSubstr("larger than 1048576 bytes"));
}

TEST(Ddf, DoesNotExpandEntities) {
  std::string bomb = "<!DOCTYPE lolz [<!ENTITY a \"lol\">";
  for (char c = 'b'; c <= 'j'; ++c) {
    bomb += std::string("<!ENTITY ") + c + " \"";
    for (int i = 0; i < 10; ++i) bomb += std::string("&") + static_cast<char>(c - 1) + ";";
    bomb += "\">";
  }
  bomb += "]>";
  EXPECT_THAT(error_of(ObjectText{.name = "&j;", .prolog = bomb}), HasSubstr("has a DOCTYPE"));
  const std::string external = "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>";
  EXPECT_THAT(error_of(ObjectText{.name = "&e;", .prolog = external}), HasSubstr("has a DOCTYPE"));
  EXPECT_EQ(parsed(ItemText{.name = "&e; &amp; &#65;"}).name, "&e; & A");
}

TEST(Ddf, RefusesBytesThatWouldHideTheRest) {
  EXPECT_THAT(error_of(ObjectText{}.text() + std::string(1, '\0') + "<x"), HasSubstr("not text in UTF-8"));
}

TEST(Ddf, SurvivesDeepNesting) {
  std::string deep;
  while (deep.size() + 3 <= kDdfFileSizeMax) deep += "<a>";
  EXPECT_THAT(error_of(deep), HasSubstr("not well-formed XML"));
  std::string closed = "<LWM2M>";
  for (int i = 0; i < 140'000; ++i) closed += "<a>";
  for (int i = 0; i < 140'000; ++i) closed += "</a>";
  closed.resize(std::min(closed.size(), kDdfFileSizeMax - 8));
  EXPECT_FALSE(parse_ddf(as_bytes(closed), "test.xml"));
}

TEST(Ddf, SurvivesACutAtEveryByte) {
  const auto text = ObjectText{.items = ItemText{.range = "0..5", .units = "s"}.text()}.text();
  const auto end = text.find("</LWM2M>");
  for (std::size_t size = 0; size < end + 8; ++size)
    EXPECT_FALSE(parse_ddf(as_bytes(std::string_view(text).substr(0, size)))) << size;
}

TEST(Ddf, SurvivesEveryByteChanged) {
  const auto text = ObjectText{.items = ItemText{.range = "0..5"}.text()}.text();
  for (std::size_t i = 0; i < text.size(); ++i)
    for (const char c : {'<', '>', '&', '"', '\xff', '\x01'}) {
      auto changed = text;
      changed[i] = c;
      const auto result = parse_ddf(as_bytes(changed));
      EXPECT_TRUE(result || !result.error().message.empty());
    }
}

TEST(DdfError, ReadsAsPlaceMessageAndRemedy) {
  EXPECT_EQ((DdfError{.file = "a.xml", .line = 3, .message = "m", .remedy = "r"}).text(), "a.xml:3: m: r");
  EXPECT_EQ((DdfError{.file = "a.xml", .message = "m", .remedy = "r"}).text(), "a.xml: m: r");
  EXPECT_EQ((DdfError{.line = 3, .message = "m", .remedy = "r"}).text(), "line 3: m: r");
}

}  // namespace
}  // namespace slipway

// SPDX-License-Identifier: Apache-2.0
#include <slipway/device/pack.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/temporary_folder.hpp"

namespace slipway::device {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Path path(std::string_view text) {
  return *Path::parse(text);
}

const std::string kKey = "0123456789abcdef";
const std::string kOtherKey = "fedcba9876543210";

/// A pack with a bootstrap account, as the factory makes it. [LwM2M-CORE 1.2 §6.1.2]
Pack factory_pack() {
  Pack pack;
  pack.endpoint = "urn:dev:os:0001";
  pack.add(path("/0/0/0"), Value::string("coaps://127.0.0.1:5784"));
  pack.add(path("/0/0/1"), Value::boolean(true));
  pack.add(path("/0/0/2"), Value::integer(0));
  pack.add(path("/0/0/3"), Value::opaque(as_bytes("identity")));
  pack.add(path("/0/0/5"), Value::opaque(as_bytes(kKey)));
  return pack;
}

void add_server(Pack& pack, std::uint16_t instance, std::int64_t id, const std::string& key = kOtherKey) {
  const auto security = Path(ObjectId(0), InstanceId(instance));
  pack.add(security.child(0), Value::string("coaps://h"));
  pack.add(security.child(1), Value::boolean(false));
  pack.add(security.child(2), Value::integer(0));
  pack.add(security.child(3), Value::opaque(as_bytes("id" + std::to_string(instance))));
  pack.add(security.child(5), Value::opaque(as_bytes(key)));
  pack.add(security.child(10), Value::integer(id));
}
void add_settings(Pack& pack, std::uint16_t instance, std::int64_t id) {
  pack.add(Path(ObjectId(1), InstanceId(instance), ResourceId(0)), Value::integer(id));
}
void set(Pack& pack, std::string_view where, const Value& value) {
  std::erase_if(pack.values, [&](const auto& item) { return item.first == path(where); });
  pack.add(path(where), value);
}
void remove(Pack& pack, std::string_view where) {
  std::erase_if(pack.values, [&](const auto& item) { return item.first == path(where); });
}
std::vector<std::string> problems(const Pack& pack) {
  return problems_of(pack, builtin_objects());
}

std::expected<Pack, std::string> parse(const std::string& text) {
  return parse_pack(text, "p.json", builtin_objects());
}
std::string refusal(const std::string& text) {
  const auto parsed = parse(text);
  return parsed ? "" : parsed.error();
}

TEST(Pack, ComesBackAsItWasWritten) {
  auto given = factory_pack();
  add_server(given, 1, 101);
  add_settings(given, 0, 101);
  given.add(path("/3/0/0"), Value::string("Slipway \xC3\xA4"));
  given.add(path("/3/0/6/0"), Value::integer(1));
  given.add(path("/6/0/0"), Value::floating(48.2));
  given.add(path("/4242/0/1"), Value::string("an object that only the device knows"));
  const auto text = write_pack(given);
  ASSERT_TRUE(text) << text.error();
  const auto read = parse(*text);
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->endpoint, given.endpoint);
  EXPECT_EQ(read->values, given.values);
}

TEST(Pack, TheFileIsTheDocumentedOne) {
  const auto document = json::parse(*write_pack(factory_pack()));
  EXPECT_EQ(document["slipway_pack"], 1);
  EXPECT_EQ(document["endpoint"], "urn:dev:os:0001");
  EXPECT_TRUE(document["objects"].is_array());
  EXPECT_EQ(document.size(), 3u);
}

TEST(Pack, TheExampleOfTheReferenceIsRead) {
  const auto page = testing::read_file(SLIPWAY_SOURCE "/docs/reference/pack.md");
  const auto begin = page.find("```json\n") + 8;
  const auto read = parse(page.substr(begin, page.find("```", begin) - begin));
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->endpoint, "urn:dev:os:example-0001");
}

TEST(Pack, WithoutFaultHasNoProblems) {
  EXPECT_THAT(problems(factory_pack()), IsEmpty());
  auto both = factory_pack();
  add_server(both, 1, 101);
  add_settings(both, 7, 101);
  EXPECT_THAT(problems(both), IsEmpty());
  Pack nosec;
  nosec.endpoint = "dev";
  nosec.add(path("/0/0/0"), Value::string("coap://h"));
  nosec.add(path("/0/0/1"), Value::boolean(true));
  nosec.add(path("/0/0/2"), Value::integer(3));
  EXPECT_THAT(problems(nosec), IsEmpty());
}

struct Fault {
  const char* name;
  void (*make)(Pack&);
  const char* problem;
};
void PrintTo(const Fault& one, std::ostream* out) {
  *out << one.name;
}
class PackProblems : public ::testing::TestWithParam<Fault> {};

TEST_P(PackProblems, NameTheThingThePlaceAndTheRemedy) {
  auto pack = factory_pack();
  GetParam().make(pack);
  EXPECT_THAT(problems(pack), ElementsAre(GetParam().problem));
}

const Fault kFaults[] = {
    {"NoEndpoint", [](Pack& p) { p.endpoint = ""; },
     "\"endpoint\" is not a name of 1 to 255 printable bytes; write the device's name"},
    {"LongEndpoint", [](Pack& p) { p.endpoint = std::string(256, 'x'); },
     "\"endpoint\" is not a name of 1 to 255 printable bytes; write the device's name"},
    {"ControlInEndpoint", [](Pack& p) { p.endpoint = "a\x1b[2J"; },
     "\"endpoint\" is not a name of 1 to 255 printable bytes; write the device's name"},
    {"NoAccount", [](Pack& p) { p.values.clear(); },
     "the pack has no account: the device could reach nobody; add a bootstrap account (/0)"},
    {"NoUri", [](Pack& p) { remove(p, "/0/0/0"); },
     "/0/0: resources 0 (URI) and 2 (security mode) are mandatory; add them"},
    {"NoMode", [](Pack& p) { remove(p, "/0/0/2"); },
     "/0/0: resources 0 (URI) and 2 (security mode) are mandatory; add them"},
    {"BadUri", [](Pack& p) { set(p, "/0/0/0", Value::string("http://h")); },
     "/0/0/0: not a server URI (the scheme is none of coap, coaps, coap+tcp, coaps+tcp); write "
     "coaps://host:port"},
    {"PlainTcpUriWithKey", [](Pack& p) { set(p, "/0/0/0", Value::string("coap+tcp://h")); },
     "/0/0: the URI's scheme does not fit the security mode; use coaps or coaps+tcp with keys, coap or "
     "coap+tcp without"},
    {"PlainUriWithKey", [](Pack& p) { set(p, "/0/0/0", Value::string("coap://h")); },
     "/0/0: the URI's scheme does not fit the security mode; use coaps or coaps+tcp with keys, coap or "
     "coap+tcp without"},
    {"OtherMode", [](Pack& p) { set(p, "/0/0/2", Value::integer(4)); },
     "/0/0/2: security mode 4 is not spoken here; use 0 (pre-shared key), 1 (raw public key), 2 "
     "(certificate) or 3 "
     "(none)"},
    {"NoIdentity", [](Pack& p) { remove(p, "/0/0/3"); },
     "/0/0/3: a PSK identity has 1 to 128 bytes; give the device its own"},
    {"LongIdentity", [](Pack& p) { set(p, "/0/0/3", Value::opaque(as_bytes(std::string(129, 'x')))); },
     "/0/0/3: a PSK identity has 1 to 128 bytes; give the device its own"},
    {"NoKey", [](Pack& p) { remove(p, "/0/0/5"); }, "/0/0/5: a PSK has 16 to 64 bytes; make a random one"},
    {"ShortKey", [](Pack& p) { set(p, "/0/0/5", Value::opaque(as_bytes("short"))); },
     "/0/0/5: a PSK has 16 to 64 bytes; make a random one"},
    {"LongKey", [](Pack& p) { set(p, "/0/0/5", Value::opaque(as_bytes(std::string(65, 'x')))); },
     "/0/0/5: a PSK has 16 to 64 bytes; make a random one"},
    {"KindOfServerNotSaid", [](Pack& p) { remove(p, "/0/0/1"); },
     "/0/0/1: whether this is a bootstrap server is not said; add it"},
    {"SecondBootstrapAccount",
     [](Pack& p) {
       add_server(p, 1, 1);
       set(p, "/0/1/1", Value::boolean(true));
     },
     "/0/1: a second bootstrap account; a device has at most one, so remove it"},
    {"ManagementWithoutId",
     [](Pack& p) {
       add_server(p, 1, 1);
       remove(p, "/0/1/10");
     },
     "/0/1/10: a management account needs a short server id; add it, from 1 to 65534"},
    {"DuplicateId",
     [](Pack& p) {
       add_server(p, 1, 101);
       add_server(p, 2, 101, "a key of its own 16");
       add_settings(p, 0, 101);
     },
     "/0/2/10: short server id 101 stands twice; give each server its own"},
    {"DuplicateSettings",
     [](Pack& p) {
       add_server(p, 1, 101);
       add_settings(p, 0, 101);
       add_settings(p, 1, 101);
     },
     "/1/1/0: short server id 101 stands twice; give each server its own"},
    {"SettingsWithoutId", [](Pack& p) { p.add(path("/1/0/1"), Value::integer(60)); },
     "/1/0/0: the short server id is missing; add it"},
    {"SettingsWithoutKeys", [](Pack& p) { add_settings(p, 0, 101); },
     "/1/0: no account in /0 has its short server id 101; add one, or remove it"},
    {"KeysWithoutSettings", [](Pack& p) { add_server(p, 1, 101); },
     "server 101 has keys in /0 but no instance of /1; add one"},
    {"OneKeyForTwoServers",
     [](Pack& p) {
       add_server(p, 1, 101, kKey);
       add_settings(p, 0, 101);
     },
     "/0/1/5: the same key as in /0/0/5; make a random one for each"},
    {"UnknownResource", [](Pack& p) { p.add(path("/0/0/99"), Value::integer(1)); },
     "/0/0/99: LWM2M Security has no such resource; remove it"},
    {"WrongType", [](Pack& p) { set(p, "/0/0/1", Value::integer(1)); },
     "/0/0/1 Bootstrap-Server: the value has another type than the resource; correct it"},
    {"OutOfRange", [](Pack& p) { set(p, "/0/0/10", Value::integer(65535)); },
     "/0/0/10 Short Server ID: the value is outside the range of the resource; correct it"},
    {"SeveralOfOne", [](Pack& p) { p.add(path("/3/0/0/1"), Value::string("x")); },
     "/3/0/0/1 Manufacturer has one value; write it without a resource instance"},
    {"OneOfSeveral", [](Pack& p) { p.add(path("/3/0/6"), Value::integer(1)); },
     "/3/0/6 Available Power Sources has several values; write each with a resource instance"},
    {"Twice", [](Pack& p) { p.add(path("/0/0/3"), Value::opaque(as_bytes("again"))); },
     "/0/0/3 stands twice; leave one of the two"},
};
INSTANTIATE_TEST_SUITE_P(Each, PackProblems, ::testing::ValuesIn(kFaults),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

TEST(PackProblemsTogether, AreAllListedWithTheFilesName) {
  auto pack = factory_pack();
  remove(pack, "/0/0/3");
  remove(pack, "/0/0/5");
  const auto refused = refusal(*write_pack(pack));
  EXPECT_THAT(refused, HasSubstr("p.json: /0/0/3: "));
  EXPECT_THAT(refused, HasSubstr("\np.json: /0/0/5: "));
}

TEST(PackProblemsTogether, NeverShowAKey) {
  auto pack = factory_pack();
  set(pack, "/0/0/5", Value::string("SHORTKEY"));
  add_server(pack, 1, 101, "SHORTKEY");
  for (const auto& problem : problems(pack)) {
    EXPECT_EQ(problem.find("SHORTKEY"), std::string::npos) << problem;
    EXPECT_EQ(problem.find(to_hex(as_bytes("SHORTKEY"))), std::string::npos) << problem;
  }
}

TEST(PackText, ThatIsNoPackIsRefusedWithTheReason) {
  EXPECT_THAT(refusal("hello"),
              HasSubstr("p.json: not JSON, at byte 1; a pack is made by `slipway factory`"));
  EXPECT_THAT(refusal(""), HasSubstr("not JSON"));
  EXPECT_THAT(refusal(R"({"slipway_pack": 1e1000})"), HasSubstr("beyond every range"));
  EXPECT_THAT(refusal("[]"), HasSubstr("\"slipway_pack\" is missing"));
  EXPECT_THAT(refusal(R"({"slipway_pack": "1"})"), HasSubstr("is not a version number"));
  EXPECT_THAT(refusal(R"({"slipway_pack": 1})"), HasSubstr("\"endpoint\" is missing"));
  EXPECT_THAT(refusal(R"({"slipway_pack": 1, "endpoint": 5})"), HasSubstr("\"endpoint\" is missing"));
  EXPECT_THAT(refusal(R"({"slipway_pack": 1, "endpoint": "e"})"), HasSubstr("\"objects\" is missing"));
  EXPECT_THAT(refusal(R"({"slipway_pack": 1, "endpoint": "e", "objects": [], "x": 1})"),
              HasSubstr("remove the rest"));
  EXPECT_THAT(refusal(R"({"slipway_pack": 1, "endpoint": "e", "objects": []})"), HasSubstr("p.json: "));
  EXPECT_THAT(refusal(R"({"slipway_pack": 1, "endpoint": "e", "objects": [{"n": "/0/0/1", "vb": 5}]})"),
              HasSubstr("\"objects\" does not decode"));
  EXPECT_THAT(refusal(R"({"slipway_pack": 1, "endpoint": "e", "objects": [{"n": "/0/0/1"}]})"),
              HasSubstr("a record without a value"));
}

TEST(PackText, OfAnotherVersionSaysWhatToDo) {
  EXPECT_EQ(refusal(R"({"slipway_pack": 2, "endpoint": "e", "objects": []})"),
            "p.json: pack version 2 is not known here: this program reads version 1; make the pack anew, or "
            "use the program "
            "that it was made for");
}

TEST(PackText, IsBounded) {
  EXPECT_THAT(refusal(std::string(kPackBytesMax + 1, ' ')), HasSubstr("larger than 256 KiB"));
  EXPECT_THAT(refusal(R"({"slipway_pack": 1, "endpoint": "e", "objects": )" + std::string(100'000, '[')),
              HasSubstr("p.json: "));
  EXPECT_THAT(refusal(R"({"slipway_pack": 1, "endpoint": "e", "objects": [)" + std::string(50'000, '[') +
                      std::string(50'000, ']') + "]}"),
              HasSubstr("nested too deeply"));
  std::string many = R"({"slipway_pack": 1, "endpoint": "e", "objects": [)";
  for (std::size_t i = 0; i <= kPackValuesMax; ++i)
    many += (i == 0 ? "" : ",") + std::string("{\"n\":\"/3303/0/") + std::to_string(i) + "\",\"v\":1}";
  EXPECT_THAT(refusal(many + "]}"), HasSubstr("\"objects\" does not decode"));
}

TEST(PackText, CannotBeWrittenOfTwiceTheSamePathOrBytesThatAreNoText) {
  auto twice = factory_pack();
  twice.add(path("/0/0/5"), Value::opaque(as_bytes(kKey)));
  EXPECT_THAT(write_pack(twice).error(), HasSubstr("give each path once"));
  auto no_text = factory_pack();
  no_text.endpoint = "\xff";
  EXPECT_THAT(write_pack(no_text).error(), HasSubstr("UTF-8"));
}

TEST(PackFile, ProblemsNameTheFile) {
  const testing::TemporaryFolder folder;
  EXPECT_THAT(load_pack(folder.file("gone"), builtin_objects()).error(),
              HasSubstr("gone: cannot be read: No such file"));
  testing::write_file(folder.file("huge"), std::string(2 * kPackBytesMax, 'x'));
  EXPECT_THAT(load_pack(folder.file("huge"), builtin_objects()).error(),
              HasSubstr("huge: larger than 256 KiB"));
  EXPECT_THAT(load_pack(folder.path().string(), builtin_objects()).error(),
              HasSubstr(folder.path().string()));
  testing::write_file(folder.file("good"), *write_pack(factory_pack()));
  EXPECT_TRUE(load_pack(folder.file("good"), builtin_objects()));
}

TEST(Pack, MovesItsValuesAndDropsItsOwn) {
  auto pack = factory_pack();
  Pack other;
  other.endpoint = "other";
  other.add(path("/3/0/0"), Value::string("Slipway"));
  pack = std::move(other);
  EXPECT_EQ(pack.endpoint, "other");
  ASSERT_EQ(pack.values.size(), 1u);
  EXPECT_EQ(pack.values[0].second.view(), Value::string("Slipway"));
}

}  // namespace
}  // namespace slipway::device

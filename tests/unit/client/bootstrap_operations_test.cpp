// SPDX-License-Identifier: Apache-2.0
// Discover, Read, Write and Delete of a bootstrap server, with the code of every refusal. [facts A.6, A.7]
#include "stage.hpp"

namespace slipway::client::test {
namespace {

class BootstrapOperations : public testing::Test {
 protected:
  BootstrapOperations() : stage(device.model) { stage.start(); }
  void write_account(std::string_view security = "/0/1", std::string_view server = "/1/0",
                     std::int64_t ssid = 101) {
    EXPECT_EQ(stage.put(0, security, security_entries(security, ssid)).code, Code::changed);
    EXPECT_EQ(stage.put(0, server, server_entries(server, ssid)).code, Code::changed);
  }
  Device device;
  Stage stage;
};

TEST_F(BootstrapOperations, DiscoverListsEverythingWithItsServer) {
  write_account();
  const auto all = stage.discover(0, "/");
  EXPECT_EQ(all.code, Code::content);
  EXPECT_EQ(all.format, 40);
  EXPECT_EQ(all.payload,
            "</>;lwm2m=1.2,</0/0>,</0/1>;ssid=101;uri=\"coaps://lwm2m.example:5684\",</1/0>;ssid=101,</2>,</"
            "3/0>,</21>,"
            "</1000>,</3303/0>");
}

TEST_F(BootstrapOperations, DiscoverOfOneObject) {
  EXPECT_EQ(stage.discover(0, "/3303").payload, "</>;lwm2m=1.2,</3303/0>");
  EXPECT_EQ(stage.discover(0, "/77").code, Code::not_found);
  EXPECT_EQ(stage.discover(0, "/3/0").code, Code::bad_request);
}

TEST_F(BootstrapOperations, DiscoverTellsWhoseOscoreContextItIs) {
  write_account();
  EXPECT_EQ(stage.put(0, "/0/1/17", {entry("/0/1/17", Value::objlnk({21, 3}))}).code, Code::changed);
  EXPECT_EQ(stage
                .put(0, "/21/3",
                     {entry("/21/3/0", Value::opaque(as_bytes("master"))),
                      entry("/21/3/1", Value::opaque(as_bytes("a"))),
                      entry("/21/3/2", Value::opaque(as_bytes("b")))})
                .code,
            Code::changed);
  EXPECT_EQ(stage.discover(0, "/21").payload, "</>;lwm2m=1.2,</21/3>;ssid=101");
}

TEST_F(BootstrapOperations, ReadGivesServersAndAccessControlOnly) {
  write_account();
  const auto one = stage.get(0, "/1/0", ContentFormat::senml_cbor);
  EXPECT_EQ(one.code, Code::content);
  std::vector<Entry> entries(32);
  Bytes scratch(1024);
  const auto decoded =
      codec::decode(ContentFormat::senml_cbor, path("/1/0"), as_bytes(one.payload),
                    {.catalog = &builtin_objects()}, {.entries = entries, .scratch = scratch});
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->size(), 4u);
  EXPECT_EQ(stage.get(0, "/1", ContentFormat::tlv).code, Code::content);
  EXPECT_EQ(stage.get(0, "/2", ContentFormat::senml_json).code, Code::content);
  for (const auto* elsewhere : {"/0", "/0/0", "/3/0", "/21", "/1/0/1"})
    EXPECT_EQ(stage.get(0, elsewhere).code, Code::method_not_allowed) << elsewhere;
  EXPECT_EQ(stage.get(0, "/1/7").code, Code::not_found);
  EXPECT_EQ(stage.get(0, "/1/0", ContentFormat::text).code, Code::not_acceptable);
}

TEST_F(BootstrapOperations, WriteTakesObjectInstanceAndResourceInEveryFormat) {
  for (const auto format : {ContentFormat::tlv, ContentFormat::senml_cbor, ContentFormat::lwm2m_cbor}) {
    EXPECT_EQ(stage.put(0, "/1", server_entries("/1/4", 104), format).code, Code::changed)
        << to_string(format);
    EXPECT_EQ(stage.put(0, "/1/4", server_entries("/1/4", 105), format).code, Code::changed)
        << to_string(format);
    EXPECT_EQ(device.model.tree().integer(path("/1/4/0")), 105);
  }
  EXPECT_EQ(stage.put_text(0, "/1/4/1", "3600").code, Code::changed);
  EXPECT_EQ(device.model.tree().integer(path("/1/4/1")), 3600);
}

TEST_F(BootstrapOperations, AWrittenInstanceHoldsWhatWasWrittenAndNothingElse) {
  auto with_more = server_entries("/1/0", 101);
  with_more.push_back(entry("/1/0/23", Value::boolean(false)));
  EXPECT_EQ(stage.put(0, "/1/0", with_more).code, Code::changed);
  EXPECT_EQ(stage.put(0, "/1/0", server_entries("/1/0", 101)).code, Code::changed);
  EXPECT_FALSE(device.model.tree().contains(path("/1/0/23")));
}

TEST_F(BootstrapOperations, AnObjectWriteLeavesInstancesThatItDoesNotName) {
  write_account("/0/1", "/1/0", 101);
  EXPECT_EQ(stage.put(0, "/1", server_entries("/1/9", 109)).code, Code::changed);
  EXPECT_TRUE(device.model.tree().contains(path("/1/0/0")));
}

TEST_F(BootstrapOperations, UnknownOptionalResourcesAreNoError) {
  auto entries = server_entries("/1/0", 101);
  entries.push_back(entry("/1/0/99", Value::integer(5)));
  EXPECT_EQ(stage.put(0, "/1/0", entries).code, Code::changed);
  EXPECT_FALSE(device.model.tree().contains(path("/1/0/99")));
}

// Leshan's bootstrap server writes the SMS resources of every account, empty where it has none.
TEST_F(BootstrapOperations, EmptyOptionalResourcesOfAnInstanceAreNotThere) {
  for (const auto format : {ContentFormat::tlv, ContentFormat::senml_cbor}) {
    auto entries = security_entries("/0/1", 101);
    entries.push_back(entry("/0/1/6", Value::integer(3)));
    entries.push_back(entry("/0/1/7", Value::opaque({})));
    entries.push_back(entry("/0/1/8", Value::opaque({})));
    entries.push_back(entry("/0/1/9", Value::string("")));
    EXPECT_EQ(stage.put(0, "/0/1", entries, format).code, Code::changed) << to_string(format);
    EXPECT_EQ(device.model.tree().integer(path("/0/1/6")), 3);
    EXPECT_FALSE(device.model.tree().contains(path("/0/1/7")));
    EXPECT_FALSE(device.model.tree().contains(path("/0/1/8")));
  }
}

TEST_F(BootstrapOperations, AnEmptyValueWrittenOnItsOwnOrOfTheWrongLengthIsRefused) {
  write_account();
  EXPECT_EQ(stage.put(0, "/0/1/7", {entry("/0/1/7", Value::opaque({}))}).code, Code::bad_request);
  auto entries = security_entries("/0/1", 101);
  entries.push_back(entry("/0/1/7", Value::opaque(as_bytes("short"))));
  EXPECT_EQ(stage.put(0, "/0/1", entries).code, Code::bad_request);
}

TEST_F(BootstrapOperations, ReadOnlyAndHiddenResourcesAreWritable) {
  EXPECT_EQ(stage.put(0, "/1/0/13", {entry("/1/0/13", Value::unsigned_integer(1))}).code, Code::changed);
  EXPECT_EQ(stage.put(0, "/3303/0/5701", {entry("/3303/0/5701", Value::string("F"))}).code, Code::changed);
  EXPECT_EQ(device.model.tree().text(path("/3303/0/5701")), "F");
}

TEST_F(BootstrapOperations, RefusedWritesSay400Or415AndLeaveNothing) {
  const auto before = device.state();
  EXPECT_EQ(stage.put(0, "/77/0", {entry("/77/0/0", Value::integer(1))}).code, Code::bad_request);
  EXPECT_EQ(stage.put(0, "/3303/6", {entry("/3303/6/5700", Value::floating(1))}).code, Code::bad_request);
  EXPECT_EQ(stage.put_text(0, "/1/0/99", "1").code, Code::bad_request);
  EXPECT_EQ(stage.put_text(0, "/1/0/1", "soon").code, Code::bad_request);
  EXPECT_EQ(stage.put_text(0, "/0/1/2", "9").code, Code::bad_request);
  EXPECT_EQ(stage.send_payload(0, Code::put, "/1/0", ContentFormat::senml_cbor, as_bytes("rubbish")).code,
            Code::bad_request);
  EXPECT_EQ(stage.send_payload(0, Code::put, "/1/0", ContentFormat{9999}, as_bytes("x")).code,
            Code::unsupported_content_format);
  EXPECT_EQ(stage.ask(0, {.code = Code::put, .path = "/1/0", .payload = as_bytes("x")}).code,
            Code::bad_request);
  EXPECT_EQ(stage.put_text(0, "/", "x").code, Code::bad_request);
  EXPECT_EQ(stage.put_text(0, "/0/0/16/1", "5").code, Code::bad_request);
  EXPECT_EQ(stage.ask(0, {.code = Code::post, .path = "/1/0"}).code, Code::bad_request);
  EXPECT_EQ(stage.ask(0, {.code = Code::put, .path = "/abc"}).code, Code::bad_request);
  EXPECT_EQ(device.state(), before);
}

TEST_F(BootstrapOperations, DeleteOfEverythingSparesTheAccountAndTheDevice) {
  write_account();
  EXPECT_EQ(stage.put(0, "/1000/4", {entry("/1000/4/0", Value::string("x"))}).code, Code::changed);
  EXPECT_EQ(device.model.tree().text(path("/1000/4/0")), "x") << "not what the maker's factory gave it";
  EXPECT_EQ(stage.remove(0, "/").code, Code::deleted);
  EXPECT_EQ(stage.discover(0, "/").payload, "</>;lwm2m=1.2,</0/0>,</1>,</2>,</3/0>,</21>,</1000>,</3303/0>");
}

TEST_F(BootstrapOperations, DeleteOfAnObjectOrAnInstance) {
  write_account();
  EXPECT_EQ(stage.put(0, "/1000/4", {entry("/1000/4/0", Value::string("x"))}).code, Code::changed);
  EXPECT_EQ(stage.remove(0, "/1000/4").code, Code::deleted);
  EXPECT_EQ(stage.remove(0, "/1000").code, Code::deleted);
  EXPECT_EQ(stage.remove(0, "/1").code, Code::deleted);
  EXPECT_EQ(stage.remove(0, "/0").code, Code::deleted);
  EXPECT_EQ(stage.discover(0, "/0").payload, "</>;lwm2m=1.2,</0/0>");
}

TEST_F(BootstrapOperations, RefusedDeletesSay400) {
  for (const auto* target : {"/77", "/0/0", "/3/0", "/3303/0", "/1/7", "/3/0/0", "/abc"})
    EXPECT_EQ(stage.remove(0, target).code, Code::bad_request) << target;
}

TEST_F(BootstrapOperations, TheLinkedOscoreContextOfTheAccountSurvives) {
  const std::vector<Entry> context = {entry("/21/0/0", Value::opaque(as_bytes("master"))),
                                      entry("/21/0/1", Value::opaque(as_bytes("a"))),
                                      entry("/21/0/2", Value::opaque(as_bytes("b")))};
  EXPECT_EQ(stage.put(0, "/21/0", context).code, Code::changed);
  EXPECT_EQ(stage.put(0, "/0/0/17", {entry("/0/0/17", Value::objlnk({21, 0}))}).code, Code::changed);
  EXPECT_EQ(stage.remove(0, "/").code, Code::deleted);
  EXPECT_TRUE(device.model.tree().contains(path("/21/0")));
  EXPECT_EQ(stage.remove(0, "/21/0").code, Code::bad_request);
}

TEST_F(BootstrapOperations, DeletingAnAccountTakesItsRightsAndElectsAnOwner) {
  write_account("/0/1", "/1/0", 101);
  write_account("/0/2", "/1/1", 102);
  const auto rule = [](std::string_view place, std::int64_t instance, std::int64_t owner,
                       std::vector<std::pair<int, int>> acl) {
    const std::string base(place);
    std::vector<Entry> entries = {entry(base + "/0", Value::integer(1000)),
                                  entry(base + "/1", Value::integer(instance))};
    for (const auto& [server, rights] : acl)
      entries.push_back(entry(base + "/2/" + std::to_string(server), Value::integer(rights)));
    entries.push_back(entry(base + "/3", Value::integer(owner)));
    return entries;
  };
  for (const auto* instance : {"/1000/1", "/1000/2"})
    EXPECT_EQ(stage.put(0, instance, {entry(std::string(instance) + "/0", Value::string("x"))}).code,
              Code::changed);
  EXPECT_EQ(stage.put(0, "/2/1", rule("/2/1", 1, 101, {{101, 15}})).code, Code::changed);
  EXPECT_EQ(stage.put(0, "/2/2", rule("/2/2", 2, 101, {{101, 15}, {102, 3}})).code, Code::changed);
  EXPECT_EQ(stage.remove(0, "/0/1").code, Code::deleted);
  EXPECT_FALSE(device.model.has_instance(path("/1/0")));
  EXPECT_FALSE(device.model.has_instance(path("/1000/1")));
  EXPECT_FALSE(device.model.has_instance(path("/2/1")));
  EXPECT_TRUE(device.model.has_instance(path("/1000/2")));
  EXPECT_EQ(device.model.tree().integer(path("/2/2/3")), 102);
  EXPECT_FALSE(device.model.tree().contains(path("/2/2/2/101")));
}

TEST_F(BootstrapOperations, WhatAServerCanStoreIsBounded) {
  ModelBounds bounds;
  bounds.tree = {.values_max = 60, .bytes_max = 600};
  bounds.instances_max = 4;
  Model small(builtin_objects(), bounds);
  ASSERT_TRUE(small.load_factory(factory_entries()));
  Stage other(small);
  other.start();
  const std::string long_text(500, 'x');
  EXPECT_EQ(other.put(0, "/0/1/14", {entry("/0/1/14", Value::string(long_text))}).code, Code::changed);
  EXPECT_EQ(other.put(0, "/0/2/14", {entry("/0/2/14", Value::string(long_text))}).code,
            Code::internal_server_error);
  EXPECT_FALSE(small.tree().contains(path("/0/2")));
  for (int i = 2; i < 4; ++i)
    EXPECT_EQ(other.put_text(0, "/0/" + std::to_string(i) + "/10", "5").code, Code::changed);
  EXPECT_EQ(other.put_text(0, "/0/9/10", "5").code, Code::internal_server_error);
}

}  // namespace
}  // namespace slipway::client::test

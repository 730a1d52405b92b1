// SPDX-License-Identifier: Apache-2.0
// Device management: what each operation answers, and the codes of what it refuses. [facts F.6, H]
#include "stage.hpp"

#include "client/management.hpp"

namespace slipway::client::test {
namespace {

class ClientManagement : public testing::Test {
 protected:
  explicit ClientManagement(std::vector<Entry> accounts = security_entries("/0/1", 101) +
                                                          server_entries("/1/0", 101),
                            ClientConfig config = {})
      : device(std::move(accounts)), stage(device.model, std::move(config)) {
    stage.start();
  }
  Device device;
  Stage stage;
};

TEST_F(ClientManagement, ReadsAtEveryLevel) {
  const auto value = stage.get(101, "/3303/0/5700", ContentFormat::text);
  EXPECT_EQ(value.code, Code::content);
  EXPECT_EQ(value.payload, "21.5");
  EXPECT_EQ(value.format, 0);
  EXPECT_EQ(stage.get(101, "/3/0/11/0", ContentFormat::text).payload, "0");
  EXPECT_EQ(stage.get(101, "/3/0").format, 112);
  EXPECT_EQ(stage.get(101, "/3303").code, Code::content);
  EXPECT_EQ(stage.get(101, "/1000").code, Code::content);  // no instances: an empty list
  for (const auto format : {ContentFormat::tlv, ContentFormat::senml_json, ContentFormat::lwm2m_cbor}) {
    const auto reply = stage.get(101, "/3303/0", format);
    EXPECT_EQ(reply.code, Code::content) << to_string(format);
    EXPECT_EQ(reply.format, static_cast<std::uint16_t>(format));
  }
}

TEST_F(ClientManagement, RefusedReads) {
  EXPECT_EQ(stage.get(101, "/").code, Code::method_not_allowed);
  EXPECT_EQ(stage.get(101, "/77").code, Code::not_found);
  EXPECT_EQ(stage.get(101, "/3303/9").code, Code::not_found);
  EXPECT_EQ(stage.get(101, "/3/0/99").code, Code::not_found);
  EXPECT_EQ(stage.get(101, "/3/0/11/7").code, Code::not_found);
  EXPECT_EQ(stage.get(101, "/3/0/4").code, Code::method_not_allowed);  // executable
  EXPECT_EQ(stage.get(101, "/3/0", ContentFormat::text).code, Code::not_acceptable);
  EXPECT_EQ(stage.get(101, "/3/0", ContentFormat::oma_json).code, Code::not_acceptable);
  EXPECT_EQ(stage.get(101, "/.well-known/core").code, Code::not_found);
  EXPECT_EQ(stage.get(101, "/1/2/3/4/5").code, Code::method_not_allowed);
}

TEST_F(ClientManagement, SecurityAndOscoreAreNobodysBusiness) {
  for (const auto* target : {"/0", "/0/1", "/0/1/5", "/21", "/21/0"}) {
    EXPECT_EQ(stage.get(101, target).code, Code::unauthorized) << target;
    EXPECT_EQ(stage.discover(101, target).code, Code::unauthorized) << target;
    EXPECT_EQ(stage.remove(101, target).code, Code::unauthorized) << target;
    EXPECT_EQ(stage.put_text(101, target, "x").code, Code::unauthorized) << target;
  }
}

TEST_F(ClientManagement, WritesOneResource) {
  EXPECT_EQ(stage.put_text(101, "/3/0/14", "+02:00").code, Code::changed);
  EXPECT_EQ(device.model.tree().text(path("/3/0/14")), "+02:00");
  EXPECT_EQ(stage.put_text(101, "/3303/0/5821", "2.5").code, Code::changed);
  EXPECT_EQ(device.offset, 2.5);
}

TEST_F(ClientManagement, StoredWritesAreMadeDurable) {
  EXPECT_TRUE(stage.persisted.empty());
  EXPECT_EQ(stage.put_text(101, "/3/0/14", "+02:00").code, Code::changed);
  ASSERT_EQ(stage.persisted.size(), 1u);
  Device other;
  ASSERT_TRUE(other.model.load(stage.persisted[0]));
  EXPECT_EQ(other.model.tree().text(path("/3/0/14")), "+02:00");
}

TEST_F(ClientManagement, ReplaceForgetsWhatItOmitsAndUpdateDoesNot) {
  EXPECT_EQ(stage.put_text(101, "/1/0/2", "5").code, Code::changed);
  EXPECT_EQ(stage.post(101, "/1/0", {entry("/1/0/3", Value::integer(50))}).code, Code::changed);
  EXPECT_EQ(device.model.tree().integer(path("/1/0/2")), 5);
  EXPECT_EQ(stage
                .put(101, "/1/0",
                     {entry("/1/0/1", Value::integer(900)), entry("/1/0/6", Value::boolean(true)),
                      entry("/1/0/7", Value::string("U"))})
                .code,
            Code::changed);
  EXPECT_EQ(device.model.tree().integer(path("/1/0/1")), 900);
  EXPECT_FALSE(device.model.tree().contains(path("/1/0/2")));
  EXPECT_EQ(device.model.tree().integer(path("/1/0/0")), 101);  // read-only: it stays
}

TEST_F(ClientManagement, RefusedWritesChangeNothing) {
  const auto before = device.state();
  EXPECT_EQ(stage.put_text(101, "/3/0/0", "x").code, Code::method_not_allowed);
  EXPECT_EQ(stage.put_text(101, "/3/0/4", "x").code, Code::method_not_allowed);
  EXPECT_EQ(stage.put_text(101, "/3303/0/5700", "1").code, Code::method_not_allowed);
  EXPECT_EQ(stage.put_text(101, "/3", "x").code, Code::method_not_allowed);
  EXPECT_EQ(stage.put_text(101, "/3/0/99", "x").code, Code::not_found);
  EXPECT_EQ(stage.put_text(101, "/3303/7/5821", "1").code, Code::not_found);
  EXPECT_EQ(stage.put_text(101, "/77/0/0", "1").code, Code::not_found);
  EXPECT_EQ(stage.put_text(101, "/1/0/1", "soon").code, Code::bad_request);
  EXPECT_EQ(stage.put_text(101, "/1/0/1", "-5").code, Code::bad_request);
  EXPECT_EQ(stage.put_text(101, "/1/0/26", "7").code, Code::bad_request);
  EXPECT_EQ(stage.put_text(101, "/3303/0/5821", "11").code, Code::bad_request);  // the maker's function
  EXPECT_EQ(stage.send_payload(101, Code::put, "/3/0", ContentFormat{9999}, as_bytes("x")).code,
            Code::unsupported_content_format);
  EXPECT_EQ(stage.ask(101, {.code = Code::put, .path = "/3/0/14", .payload = as_bytes("x")}).code,
            Code::bad_request);
  EXPECT_EQ(
      stage.put(101, "/1/0", {entry("/1/0/0", Value::integer(5)), entry("/1/0/1", Value::integer(900))}).code,
      Code::method_not_allowed);
  EXPECT_EQ(stage.post(101, "/3/0/14", {entry("/3/0/14", Value::string("x"))}).code,
            Code::method_not_allowed);
  EXPECT_EQ(device.state(), before);
}

TEST_F(ClientManagement, ExecutesWithAndWithoutArguments) {
  EXPECT_EQ(stage.execute(101, "/3/0/4").code, Code::changed);
  EXPECT_EQ(stage.execute(101, "/3/0/4", "0='soon',1").code, Code::changed);
  EXPECT_EQ(device.reboots, 2);
  EXPECT_EQ(device.reboot_arguments, "0='soon',1");
  EXPECT_EQ(stage.execute(101, "/3/0/4", "soon").code, Code::bad_request);
  EXPECT_EQ(stage.execute(101, "/3/0/0").code, Code::method_not_allowed);
  EXPECT_EQ(stage.execute(101, "/3/0/5").code, Code::not_found);
  EXPECT_EQ(stage.execute(101, "/3/0/4/0").code, Code::method_not_allowed);
  EXPECT_EQ(stage.execute(101, "/1/0/9").code, Code::method_not_allowed);  // no bootstrap account
  EXPECT_EQ(device.reboots, 2);
}

TEST(ExecuteArguments, FollowTheirGrammar) {
  for (const auto* good : {"", "0", "9,1,2", "0='a,b'", "3='',4"}) EXPECT_TRUE(valid_arguments(good)) << good;
  for (const auto* bad : {",", "0,", "a", "0=", "0='", "0='a", "0=a", "0,0", "00", "0='a'b", "-1", "0 ,1"})
    EXPECT_FALSE(valid_arguments(bad)) << bad;
}

TEST_F(ClientManagement, CreatesWithAGivenOrAChosenId) {
  auto given = stage.post(101, "/1000", {entry("/1000/7/0", Value::string("x"))});
  EXPECT_EQ(given.code, Code::created);
  EXPECT_EQ(given.location, "/1000/7");
  // Resources alone, as TLV: the device chooses.
  const auto payload = encoded(ContentFormat::tlv, "/1000/0", {entry("/1000/0/1", Value::integer(5))});
  const auto chosen = stage.send_payload(101, Code::post, "/1000", ContentFormat::tlv, payload);
  EXPECT_EQ(chosen.code, Code::created);
  EXPECT_EQ(chosen.location, "/1000/0");
  EXPECT_EQ(device.model.tree().integer(path("/1000/0/1")), 5);
  EXPECT_EQ(stage.get(101, "/1000/7/0", ContentFormat::text).payload, "x");
}

TEST_F(ClientManagement, RefusedCreates) {
  EXPECT_EQ(stage.post(101, "/1000", {entry("/1000/7/0", Value::string("x"))}).code, Code::created);
  EXPECT_EQ(stage.post(101, "/1000", {entry("/1000/7/0", Value::string("x"))}).code, Code::bad_request);
  EXPECT_EQ(stage.post(101, "/1000", {entry("/1000/8/9", Value::string("x"))}).code, Code::not_found);
  EXPECT_FALSE(device.model.has_instance(path("/1000/8")));
  EXPECT_EQ(stage
                .post(101, "/1000",
                      {entry("/1000/8/0", Value::string("x")), entry("/1000/9/0", Value::string("y"))})
                .code,
            Code::bad_request);
  EXPECT_EQ(stage.post(101, "/3303", {entry("/3303/8/5821", Value::floating(1))}).code,
            Code::method_not_allowed);
  EXPECT_EQ(stage.post(101, "/1", {entry("/1/8/1", Value::integer(1))}).code, Code::method_not_allowed);
  EXPECT_EQ(stage.send_payload(101, Code::post, "/1000", ContentFormat{9999}, as_bytes("x")).code,
            Code::unsupported_content_format);
}

TEST_F(ClientManagement, InstancesAServerCreatesAreBounded) {
  unsigned created = 0;
  for (unsigned i = 0; i < 200; ++i)
    created += stage.ask(101, {.code = Code::post, .path = "/1000"}).code == Code::created ? 1 : 0;
  EXPECT_EQ(created, ModelBounds{}.instances_max);
}

TEST_F(ClientManagement, DeletesWhatCanBeDeleted) {
  EXPECT_EQ(stage.post(101, "/1000", {entry("/1000/7/0", Value::string("x"))}).code, Code::created);
  EXPECT_EQ(stage.remove(101, "/1000/7").code, Code::deleted);
  EXPECT_EQ(stage.remove(101, "/1000/7").code, Code::not_found);
  EXPECT_EQ(stage.remove(101, "/3/0").code, Code::method_not_allowed);
  EXPECT_EQ(stage.remove(101, "/3303/0").code, Code::method_not_allowed);
  EXPECT_EQ(stage.remove(101, "/1/0").code, Code::method_not_allowed);
  EXPECT_EQ(stage.remove(101, "/1000").code, Code::method_not_allowed);
  EXPECT_EQ(stage.remove(101, "/3/0/14").code, Code::method_not_allowed);
}

TEST_F(ClientManagement, ResourceInstancesComeAndGo) {
  EXPECT_EQ(stage
                .put(101, "/1/0/25",
                     {entry("/1/0/25/0", Value::string("1.1")), entry("/1/0/25/1", Value::string("1.2"))})
                .code,
            Code::changed);
  EXPECT_EQ(stage.put_text(101, "/1/0/25/2", "1.0").code, Code::changed);
  EXPECT_EQ(stage.remove(101, "/1/0/25/0").code, Code::deleted);
  EXPECT_EQ(stage.remove(101, "/1/0/25/0").code, Code::not_found);
  EXPECT_EQ(stage.discover(101, "/1/0/25").payload, "</1/0/25>;dim=2,</1/0/25/1>,</1/0/25/2>");
}

TEST_F(ClientManagement, DiscoversWithAttributes) {
  EXPECT_EQ(stage.discover(101, "/3303").payload,
            "</3303>,</3303/0>,</3303/0/5700>,</3303/0/5701>,</3303/0/5821>");
  EXPECT_EQ(stage.attributes(101, "/3303/0", {"pmin=10"}).code, Code::changed);
  EXPECT_EQ(stage.attributes(101, "/3303/0/5700", {"gt=25", "lt=-5.5"}).code, Code::changed);
  EXPECT_EQ(stage.discover(101, "/3303/0").payload,
            "</3303/0>;pmin=10,</3303/0/5700>;gt=25;lt=-5.5,</3303/0/5701>,</3303/0/5821>");
  EXPECT_EQ(stage.discover(101, "/3303/0/5700").payload, "</3303/0/5700>;pmin=10;gt=25;lt=-5.5");
  EXPECT_EQ(stage.discover(101, "/3/0/11").payload, "</3/0/11>;dim=1,</3/0/11/0>");
  EXPECT_EQ(stage.discover(101, "/1/0").payload,
            "</1/0>,</1/0/0>,</1/0/1>,</1/0/4>,</1/0/6>,</1/0/7>,</1/0/8>,</1/0/9>");
  const auto depth = [&](std::string_view query) {
    std::vector<std::string_view> queries = {query};
    return stage.ask(101, {.code = Code::get, .path = "/3303", .queries = queries, .accept = 40});
  };
  EXPECT_EQ(depth("depth=0").payload, "</3303>");
  EXPECT_EQ(depth("depth=1").payload, "</3303>,</3303/0>;pmin=10");
  EXPECT_EQ(depth("depth=4").code, Code::bad_request);
  EXPECT_EQ(stage.discover(101, "/77").code, Code::not_found);
  EXPECT_EQ(stage.discover(101, "/").code, Code::method_not_allowed);
}

TEST_F(ClientManagement, RefusedAttributes) {
  EXPECT_EQ(stage.attributes(101, "/3303/0/5700", {"pmin=x"}).code, Code::bad_request);
  EXPECT_EQ(stage.attributes(101, "/3303/0/5700", {"speed=1"}).code, Code::bad_request);
  EXPECT_EQ(stage.attributes(101, "/3303/0/5700", {"gt=5", "lt=6"}).code, Code::bad_request);
  EXPECT_EQ(stage.attributes(101, "/3303/0/5700", {"gt=10", "lt=5", "st=3"}).code, Code::bad_request);
  EXPECT_EQ(stage.attributes(101, "/3303/0/5701", {"gt=5"}).code, Code::bad_request);
  EXPECT_EQ(stage.attributes(101, "/3303/0", {"gt=5"}).code, Code::bad_request);
  EXPECT_EQ(stage.attributes(101, "/3303/0/99", {"pmin=5"}).code, Code::not_found);
  EXPECT_EQ(stage.attributes(101, "/3303/0/5700", {"pmin=1", "pmin=2"}).code, Code::bad_request);
  EXPECT_EQ(stage.attributes(101, "/", {"pmin=1"}).code, Code::method_not_allowed);
}

TEST_F(ClientManagement, AttributesAreUnsetByTheirNameAlone) {
  EXPECT_EQ(stage.attributes(101, "/3303/0/5700", {"pmin=5", "pmax=50"}).code, Code::changed);
  EXPECT_EQ(stage.attributes(101, "/3303/0/5700", {"pmin"}).code, Code::changed);
  EXPECT_EQ(stage.discover(101, "/3303/0/5700").payload, "</3303/0/5700>;pmax=50");
}

TEST_F(ClientManagement, CompositeOperationsAreRefused) {
  EXPECT_EQ(stage.ask(101, {.code = Code::fetch, .path = "/"}).code, Code::method_not_allowed);
  EXPECT_EQ(stage.ask(101, {.code = Code::ipatch, .path = "/"}).code, Code::method_not_allowed);
}

TEST_F(ClientManagement, RubbishIsAnsweredAndForgotten) {
  const auto before = device.state();
  SeededRandom noise(3);
  for (int i = 0; i < 300; ++i) {
    Bytes payload(noise.below(60));
    noise.fill(payload);
    constexpr std::array kFormats = {0, 42, 60, 110, 112, 11542, 11544};
    const auto format = static_cast<ContentFormat>(kFormats[noise.below(kFormats.size())]);
    constexpr std::array kPaths = {"/1/0", "/1000", "/3/0", "/2/0", "/3303/0"};
    const auto reply = stage.send_payload(101, i % 2 == 0 ? Code::put : Code::post,
                                          kPaths[noise.below(kPaths.size())], format, payload);
    ASSERT_TRUE(reply.code.has_value());
  }
  EXPECT_EQ(stage.get(101, "/3/0/0", ContentFormat::text).payload, "Slipway");
  EXPECT_EQ(stage.client.state(), State::registered);
}

// --- Access control ---------------------------------------------------------------------------------

std::vector<Entry> acl(std::string_view place, std::int64_t object, std::int64_t instance, std::int64_t owner,
                       std::vector<std::pair<int, int>> entries) {
  const std::string base(place);
  std::vector<Entry> all = {entry(base + "/0", Value::integer(object)),
                            entry(base + "/1", Value::integer(instance))};
  for (const auto& [server, rights] : entries)
    all.push_back(entry(base + "/2/" + std::to_string(server), Value::integer(rights)));
  all.push_back(entry(base + "/3", Value::integer(owner)));
  return all;
}

class ClientAccess : public ClientManagement {
 protected:
  ClientAccess()
      : ClientManagement(
            security_entries("/0/1", 101) + server_entries("/1/0", 101) + security_entries("/0/2", 102) +
            server_entries("/1/1", 102) + acl("/2/0", 3303, 0, 101, {{102, 1}}) +
            acl("/2/1", 3, 0, 65535, {{101, 5}, {0, 1}}) + acl("/2/2", 1000, 65535, 65535, {{101, 16}})) {}
};

TEST_F(ClientAccess, RightsAreCheckedBeforeOperations) {
  EXPECT_EQ(stage.get(101, "/3303/0/5700").code, Code::content);
  EXPECT_EQ(stage.get(102, "/3303/0/5700").code, Code::content);
  EXPECT_EQ(stage.put_text(101, "/3303/0/5821", "1").code, Code::changed);
  EXPECT_EQ(stage.put_text(102, "/3303/0/5821", "1").code, Code::unauthorized);
  EXPECT_EQ(stage.put_text(102, "/3303/0/5700", "1").code, Code::unauthorized);
  EXPECT_EQ(stage.put_text(101, "/3303/0/5700", "1").code, Code::method_not_allowed);
  EXPECT_EQ(stage.execute(101, "/3/0/4").code, Code::changed);
  EXPECT_EQ(stage.execute(102, "/3/0/4").code, Code::unauthorized);
  EXPECT_EQ(stage.get(102, "/3/0/0").code, Code::content);
  EXPECT_EQ(stage.put_text(101, "/3/0/14", "x").code, Code::unauthorized);
  EXPECT_EQ(stage.attributes(101, "/3/0/14", {"pmin=1"}).code, Code::changed);
  EXPECT_EQ(stage.discover(102, "/1/0").code, Code::content);
  EXPECT_EQ(stage.get(102, "/1/0/1").code, Code::unauthorized);  // no rule: no rights
  EXPECT_EQ(stage.get(102, "/1").code, Code::unauthorized);
}

TEST_F(ClientAccess, WhoCreatesOwns) {
  EXPECT_EQ(stage.post(102, "/1000", {entry("/1000/4/0", Value::string("x"))}).code, Code::unauthorized);
  EXPECT_EQ(stage.post(101, "/1000", {entry("/1000/4/0", Value::string("x"))}).code, Code::created);
  EXPECT_EQ(device.model.tree().integer(path("/2/3/3")), 101);
  EXPECT_EQ(stage.get(102, "/1000/4/0").code, Code::unauthorized);
  // The owner lets the other one in.
  EXPECT_EQ(stage.put_text(102, "/2/3/2/102", "1").code, Code::unauthorized);
  EXPECT_EQ(stage.put_text(101, "/2/3/2/102", "1").code, Code::changed);
  EXPECT_EQ(stage.get(102, "/1000/4/0").code, Code::content);
  EXPECT_EQ(stage.remove(102, "/1000/4").code, Code::unauthorized);
  EXPECT_EQ(stage.remove(101, "/1000/4").code, Code::deleted);
  EXPECT_FALSE(device.model.has_instance(path("/2/3")));
}

TEST_F(ClientAccess, BootstrapManagedRulesAreReadOnlyForAll) {
  EXPECT_EQ(stage.get(102, "/2/1").code, Code::content);
  EXPECT_EQ(stage.put_text(101, "/2/1/2/101", "15").code, Code::unauthorized);
  EXPECT_EQ(stage.remove(101, "/2/1").code, Code::unauthorized);
}

}  // namespace
}  // namespace slipway::client::test

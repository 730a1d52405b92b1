// SPDX-License-Identifier: Apache-2.0
// Bootstrap-Pack on the device: asked for first, taken as a whole, or the other way at once. [facts A.7, A.8]
#include "stage.hpp"

namespace slipway::client::test {
namespace {

Reply packed(const std::vector<Entry>& entries, ContentFormat format = ContentFormat::senml_cbor) {
  const auto payload = encoded(format, "/", entries);
  return {.code = Code::content,
          .format = static_cast<std::uint16_t>(format),
          .payload = std::string(as_text(payload))};
}
std::vector<Entry> account(std::int64_t ssid = 101) {
  return security_entries("/0/1", ssid) + server_entries("/1/0", ssid);
}
/// Answers /bspack with one reply, and everything else well.
auto answers(const Reply& pack) {
  return [pack](const Received& request) {
    return request.path.ends_with("/bspack") ? pack : Stage::agreeable(request);
  };
}

TEST(BootstrapPack, IsAskedForFirstAndTheAccountIsNamed) {
  auto factory = factory_entries();
  factory[0] = entry("/0/0/0", Value::string("coaps://bs.example:5784/tenant?key=7"));
  factory.push_back(entry("/0/0/17", Value::objlnk({21, 3})));
  factory = factory + std::vector<Entry>{entry("/21/3/0", Value::opaque(as_bytes("master"))),
                                         entry("/21/3/1", Value::opaque(as_bytes("a"))),
                                         entry("/21/3/2", Value::opaque(as_bytes("b")))};
  Device device(factory);
  Stage stage(device.model);
  stage.start();
  ASSERT_EQ(stage.received.size(), 2u);
  EXPECT_EQ(stage.received[0].code, Code::get);
  EXPECT_EQ(stage.received[0].path, "/tenant/bspack");
  EXPECT_EQ(stage.received[0].queries,
            (std::vector<std::string>{"key=7", "ep=urn:dev:stage", "acc=</0/0>,</21/3>"}));
  EXPECT_EQ(stage.received[0].accept, 112);
  EXPECT_EQ(stage.received[1].path, "/tenant/bs");
}

TEST(BootstrapPack, IsAskedForInAFormatThatCarriesOne) {
  for (const auto& [preferred, accepted] : {std::pair{ContentFormat::senml_json, 110},
                                            {ContentFormat::lwm2m_cbor, 11544},
                                            {ContentFormat::senml_cbor, 112},
                                            {ContentFormat::tlv, 112}}) {
    Device device;
    Stage stage(device.model, {.preferred_format = preferred});
    stage.start();
    EXPECT_EQ(stage.received.at(0).accept, accepted) << to_string(preferred);
  }
}

TEST(BootstrapPack, IsLeftAloneBefore12AndWhereItIsSwitchedOff) {
  Device device;
  Stage off(device.model, {.bootstrap_pack = BootstrapPack::never});
  off.start();
  EXPECT_TRUE(off.requests("/bspack").empty());
  Device older;
  Stage at_11(older.model, {.enabler = {1, 1}});
  at_11.start();
  EXPECT_TRUE(at_11.requests("/bspack").empty());
  EXPECT_EQ(at_11.requests("/bs").size(), 1u);
}

TEST(BootstrapPack, BringsEverythingInEveryFormatAndNeedsNoFinish) {
  for (const auto format :
       {ContentFormat::senml_cbor, ContentFormat::senml_json, ContentFormat::lwm2m_cbor}) {
    Device device;
    Stage stage(device.model);
    stage.answer = answers(packed(account(), format));
    stage.start(UnixTime(std::chrono::milliseconds(1'700'000'000'000)));
    EXPECT_EQ(stage.last_end(), BootstrapEnd::succeeded) << to_string(format);
    EXPECT_TRUE(stage.requests("/bs").empty());
    EXPECT_EQ(stage.persisted.size(), 1u);
    EXPECT_EQ(stage.client.state(), State::registered);
    ASSERT_NE(stage.session(101), nullptr);
    EXPECT_EQ(stage.session(101)->key, "fedcba9876543210");
    EXPECT_EQ(device.model.tree().integer(path("/1/0/12")), 1'700'000'000);
  }
}

TEST(BootstrapPack, CommandsAfterItAreRefused) {
  Device device;
  Stage stage(device.model);
  stage.answer = answers(packed(account()));
  stage.start();
  const auto after = device.state();
  EXPECT_EQ(stage.finish().code, Code::bad_request);
  EXPECT_EQ(stage.remove(0, "/").code, Code::bad_request);
  EXPECT_EQ(device.state(), after);
  stage.pass(seconds(95));
  EXPECT_EQ(stage.session(0), nullptr);
}

TEST(BootstrapPack, CommandsBeforeItsAnswerAreRefused) {
  Device device;
  Stage stage(device.model);
  stage.answer = answers({});
  stage.start();
  const auto before = device.state();
  EXPECT_EQ(stage.put(0, "/1/0", server_entries("/1/0", 101)).code, Code::bad_request);
  EXPECT_EQ(device.state(), before);
}

TEST(BootstrapPack, ReplacesTheObjectsThatItNamesAndNoOthers) {
  Device device;
  Stage stage(device.model);
  stage.answer = answers(packed(account() + std::vector<Entry>{entry("/1000/1/0", Value::string("first")),
                                                               entry("/1000/2/0", Value::string("second"))}));
  stage.start();
  ASSERT_EQ(stage.client.state(), State::registered);
  // /1000 is named and loses what the pack does not name; /2 is not; /0/0 and /3/0 stay.
  stage.answer = answers(packed(security_entries("/0/4", 104) + server_entries("/1/0", 104) +
                                std::vector<Entry>{entry("/1000/2/0", Value::string("third"))}));
  stage.client.request_bootstrap(stage.now);
  stage.settle();
  ASSERT_EQ(stage.last_end(), BootstrapEnd::succeeded);
  const auto& tree = device.model.tree();
  EXPECT_TRUE(tree.contains(path("/0/0")));
  EXPECT_FALSE(tree.contains(path("/0/1")));
  EXPECT_TRUE(tree.contains(path("/0/4")));
  EXPECT_TRUE(device.model.has_instance(path("/3/0")));
  EXPECT_FALSE(device.model.has_instance(path("/1000/1")));
  EXPECT_EQ(tree.text(path("/1000/2/0")), "third");
  EXPECT_EQ(stage.session(101), nullptr);
  EXPECT_NE(stage.session(104), nullptr);
}

TEST(BootstrapPack, AServerThatItKeepsKeepsItsRightsAndRegistration) {
  Device device;
  Stage stage(device.model);
  const auto two = security_entries("/0/1", 101) + security_entries("/0/2", 102) +
                   server_entries("/1/0", 101) + server_entries("/1/1", 102);
  const auto rights = [](std::string_view base, std::int64_t object, std::int64_t instance) {
    const std::string at(base);
    return std::vector<Entry>{entry(at + "/0", Value::integer(object)),
                              entry(at + "/1", Value::integer(instance)),
                              entry(at + "/2/101", Value::integer(15)),
                              entry(at + "/2/102", Value::integer(1)), entry(at + "/3", Value::integer(102))};
  };
  const std::vector<Entry> freezer = {entry("/1000/1/0", Value::string("freezer"))};
  stage.answer = answers(packed(two + rights("/2/0", 1000, 1) + rights("/2/1", 3303, 0) + freezer));
  stage.start();
  ASSERT_EQ(stage.requests("/rd").size(), 2u);
  EXPECT_TRUE(stage.observe(101, "/3303/0/5700").observe.has_value());
  // 101 stays as it is, 102 goes: its rights go with it, and the freezer has a new owner.
  stage.answer = answers(packed(security_entries("/0/1", 101) + server_entries("/1/0", 101)));
  stage.client.request_bootstrap(stage.now);
  stage.settle();
  ASSERT_EQ(stage.last_end(), BootstrapEnd::succeeded);
  EXPECT_EQ(stage.requests("/rd").size(), 2u) << "an unchanged account keeps its registration";
  EXPECT_EQ(device.model.tree().integer(path("/2/0/3")), 101);
  EXPECT_FALSE(device.model.tree().contains(path("/2/0/2/102")));
  device.celsius = 30;
  stage.client.changed(stage.now, path("/3303/0/5700"));
  stage.settle();
  EXPECT_FALSE(stage.notifications.empty()) << "its observations go on";
}

struct BadPack {
  const char* name;
  Reply reply;
};
class RefusedPack : public testing::TestWithParam<BadPack> {};

TEST_P(RefusedPack, LeadsToABootstrapRequestInTheSameSession) {
  Device device;
  const auto before = device.state();
  Stage stage(device.model);
  stage.answer = answers(GetParam().reply);
  stage.start();
  EXPECT_EQ(device.state(), before);
  EXPECT_EQ(stage.sessions.size(), 1u);
  EXPECT_EQ(stage.count<BootstrapPackFailed>(), 1u);
  EXPECT_FALSE(stage.reasons.at(0).empty());
  EXPECT_EQ(stage.count<BootstrapEnded>(), 0u);
  ASSERT_EQ(stage.requests("/bs").size(), 1u);
  EXPECT_EQ(stage.requests("/bs")[0].queries, (std::vector<std::string>{"ep=urn:dev:stage", "pct=112"}));
  EXPECT_EQ(stage.put(0, "/0/1", security_entries("/0/1", 101)).code, Code::changed);
  EXPECT_EQ(stage.put(0, "/1/0", server_entries("/1/0", 101)).code, Code::changed);
  EXPECT_EQ(stage.finish().code, Code::changed);
  EXPECT_EQ(stage.client.state(), State::registered);
}

Reply raw(std::optional<std::uint16_t> format, std::string_view payload) {
  return {.code = Code::content, .format = format, .payload = std::string(payload)};
}
INSTANTIATE_TEST_SUITE_P(
    All, RefusedPack,
    testing::Values(BadPack{"not_implemented", {.code = Code::not_implemented}},
                    BadPack{"bad_request", {.code = Code::bad_request}},
                    BadPack{"method_not_allowed", {.code = Code::method_not_allowed}},
                    BadPack{"not_acceptable", {.code = Code::not_acceptable}},
                    BadPack{"server_error", {.code = Code::internal_server_error}},
                    BadPack{"changed_is_no_pack", {.code = Code::changed}},
                    BadPack{"no_format", raw(std::nullopt, "x")}, BadPack{"unknown_format", raw(9999, "x")},
                    BadPack{"undecodable", raw(112, "rubbish")}, BadPack{"no_payload", raw(112, "")},
                    BadPack{"nothing_in_it", raw(112, "\x80")},
                    BadPack{"too_large", raw(112, std::string(70'000, 'x'))},
                    BadPack{"unknown_object",
                            packed(account() + std::vector<Entry>{entry("/77/0/0", Value::integer(1))})},
                    BadPack{
                        "wrong_range",
                        packed(account() + std::vector<Entry>{entry("/0/1/13", Value::unsigned_integer(9))})},
                    BadPack{"half_an_account", packed(security_entries("/0/1", 101))},
                    BadPack{"takes_the_bootstrap_account",
                            packed(security_entries("/0/0", 101) + server_entries("/1/0", 101))}),
    [](const auto& pack) { return std::string(pack.param.name); });

TEST(BootstrapPack, LargeOnesComeInBlocks) {
  Device device;
  Stage stage(device.model);
  auto entries = account();
  const std::string name(5000, 's');
  entries.push_back(entry("/0/1/14", Value::string(name)));
  stage.answer = answers(packed(entries));
  stage.start();
  EXPECT_EQ(stage.last_end(), BootstrapEnd::succeeded);
  EXPECT_EQ(device.model.tree().text(path("/0/1/14")).size(), 5000u);
}

TEST(BootstrapPack, SilenceEndsTheRoundAndTheNextOneAsksTheOtherWay) {
  Device device;
  Stage stage(device.model);
  stage.answer = [](const Received&) { return Reply{}; };
  stage.loses_up = [](const coap::Message&) { return true; };
  stage.start();
  stage.pass(seconds(63));
  EXPECT_EQ(stage.last_end(), BootstrapEnd::timeout);
  stage.loses_up = nullptr;
  stage.received.clear();
  ASSERT_TRUE(stage.pass_until([&] { return !stage.received.empty(); }));
  EXPECT_EQ(stage.received.back().path, "/bs");
  // That one fails as well; then a pack may be had again.
  stage.received.clear();
  ASSERT_TRUE(stage.pass_until([&] { return !stage.received.empty(); }));
  EXPECT_EQ(stage.received.back().path, "/bspack");
}

TEST(BootstrapPack, APackThatIsAcknowledgedAndNeverComesEndsInTime) {
  Device device;
  Stage stage(device.model);
  stage.answer = answers({});
  stage.start();
  const auto took = stage.pass_until([&] { return stage.last_end().has_value(); });
  ASSERT_TRUE(took);
  EXPECT_LE(*took, seconds(247));
  EXPECT_EQ(stage.last_end(), BootstrapEnd::timeout);
  EXPECT_TRUE(stage.client.next_timeout().has_value());
}

TEST(BootstrapPack, OverloadIsRespectedAfterTheBootstrapRequest) {
  Device device;
  Stage stage(device.model);
  stage.answer = [](const Received&) { return Reply{.code = Code::service_unavailable, .max_age = 500}; };
  const auto begin = stage.now;
  stage.start();
  EXPECT_EQ(stage.received.size(), 2u);
  ASSERT_TRUE(stage.pass_until([&] { return stage.received.size() > 2; }));
  EXPECT_EQ(stage.now - begin, seconds(500));
}

TEST(BootstrapPack, IsTakenOnlyWhenItIsDurable) {
  Device device;
  const auto before = device.state();
  Stage stage(device.model);
  stage.storage = Stage::Storage::hangs;
  stage.answer = answers(packed(account()));
  stage.start();
  EXPECT_EQ(stage.count<BootstrapEnded>(), 0u);
  EXPECT_TRUE(stage.requests("/rd").empty());
  stage.client.persisted(stage.now, stage.last_persist, Client::Persisted::failed);
  EXPECT_EQ(device.state(), before);
  stage.storage = Stage::Storage::durable;
  stage.settle();
  EXPECT_EQ(stage.last_end(), BootstrapEnd::session_failed);
  ASSERT_TRUE(stage.pass_until([&] { return stage.client.state() == State::registered; }));
}

TEST(BootstrapPack, ALostSessionWhileItIsAwaitedLeavesTheStateBefore) {
  Device device;
  const auto before = device.state();
  Stage stage(device.model);
  stage.answer = answers({});
  stage.start();
  stage.client.connection_lost(stage.now, stage.session(0)->peer, std::nullopt);
  stage.settle();
  EXPECT_EQ(stage.last_end(), BootstrapEnd::session_failed);
  EXPECT_EQ(device.state(), before);
  EXPECT_TRUE(stage.client.next_timeout().has_value());
}

}  // namespace
}  // namespace slipway::client::test

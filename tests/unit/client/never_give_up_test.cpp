// SPDX-License-Identifier: Apache-2.0
// A device never gives up: whatever fails, there is a next attempt whose time can be asked, and when the
// world is well again the device comes back by itself.
#include "stage.hpp"

namespace slipway::client::test {
namespace {

std::vector<Entry> management(std::vector<Entry> further = {}) {
  return security_entries("/0/1", 101) + server_entries("/1/0", 101) + further;
}
std::vector<Entry> second_server() {
  return security_entries("/0/2", 102) + server_entries("/1/1", 102);
}

struct Birth {
  const char* what;
  std::vector<Entry> entries;
};

/// Every combination of accounts that leads to other rows of the decision table.
std::vector<Birth> births() {
  const auto keep_trying = entry("/1/0/16", Value::boolean(false));
  const auto never = entry("/1/0/19", Value::unsigned_integer(0xffffffff));
  return {
      {"a bootstrap account", factory_entries()},
      {"a management account", management()},
      {"both", factory_entries() + management()},
      {"two servers", management() + second_server()},
      {"both, /1/x/16 false", factory_entries() + management({keep_trying})},
      {"both, /1/x/16 false, /1/x/19 never", factory_entries() + management({keep_trying, never})},
      {"a management account, /1/x/19 never", management({never})},
      {"two servers, one never again", management({keep_trying, never}) + second_server()},
      {"two ordered servers, the first blocks",
       factory_entries() +
           management(
               {entry("/1/0/13", Value::unsigned_integer(1)), entry("/1/0/15", Value::boolean(true))}) +
           second_server() + std::vector<Entry>{entry("/1/1/13", Value::unsigned_integer(2))}},
  };
}

struct Trouble {
  std::string what;
  std::function<void(Stage&)> begin;
};

Reply answer_with(const Received& request, Code code, std::optional<std::uint32_t> max_age = std::nullopt) {
  const bool is_first = request.path.ends_with("/rd") || request.path.ends_with("/bs") ||
                        request.path.ends_with("/bspack") || request.path.starts_with("/rd/");
  return is_first ? Reply{.code = code, .max_age = max_age} : Stage::agreeable(request);
}

std::vector<Trouble> troubles() {
  std::vector<Trouble> all;
  for (const auto failure :
       {ConnectFailure::unreachable, ConnectFailure::name_unknown, ConnectFailure::handshake_timeout,
        ConnectFailure::alert_retry, ConnectFailure::alert_fail})
    for (const std::optional<std::uint8_t> alert :
         {std::optional<std::uint8_t>(), std::optional<std::uint8_t>(40), std::optional<std::uint8_t>(115)})
      all.push_back({"connecting fails, kind " + std::to_string(static_cast<int>(failure)),
                     [failure, alert](Stage& stage) {
                       stage.connecting = Stage::Connecting::fails;
                       stage.failure = failure;
                       stage.alert = alert;
                     }});
  all.push_back({"connecting hangs", [](Stage& stage) { stage.connecting = Stage::Connecting::hangs; }});
  for (const auto code :
       {Code::bad_request, Code::unauthorized, Code::forbidden, Code::not_found, Code::method_not_allowed,
        Code::not_acceptable, Code::precondition_failed, Code::unsupported_content_format,
        Code::internal_server_error, Code::not_implemented, Code::service_unavailable, Code::gateway_timeout})
    all.push_back({"every request is answered with code " + std::to_string(static_cast<int>(code)),
                   [code](Stage& stage) {
                     stage.answer = [code](const Received& request) { return answer_with(request, code); };
                   }});
  all.push_back({"overloaded for as long as a server can say", [](Stage& stage) {
                   stage.answer = [](const Received& request) {
                     return answer_with(request, Code::service_unavailable, 3600);
                   };
                 }});
  all.push_back(
      {"servers are silent", [](Stage& stage) { stage.answer = [](const Received&) { return Reply{}; }; }});
  all.push_back(
      {"nothing arrives", [](Stage& stage) { stage.loses_up = [](const coap::Message&) { return true; }; }});
  all.push_back({"storage fails", [](Stage& stage) { stage.storage = Stage::Storage::fails; }});
  all.push_back({"storage hangs", [](Stage& stage) { stage.storage = Stage::Storage::hangs; }});
  return all;
}

void heal(Stage& stage) {
  stage.connecting = Stage::Connecting::succeeds;
  stage.storage = Stage::Storage::durable;
  stage.answer = [](const Received& request) { return Stage::agreeable(request); };
  stage.loses_up = nullptr;
  stage.reader = Stage::Reader::answers;
  stage.card_problem.clear();
}

/// One hour after the other, each deadline of which must have a successor.
bool has_next_attempt(Stage& stage, Duration during) {
  const auto end = stage.now + during;
  while (stage.now < end) {
    const auto next = stage.client.next_timeout();
    if (!next || !stage.client.next_attempt()) return false;
    stage.pass(std::max<Duration>(std::min<Duration>(*next - stage.now, end - stage.now), milliseconds(1)));
  }
  return stage.client.next_timeout().has_value();
}

bool is_back(const Stage& stage) {
  const auto state = stage.client.state();
  return state == State::registered || state == State::bootstrapping;
}

TEST(ClientNeverGivesUp, WhateverFailsThereIsANextAttemptAndAWayBack) {
  for (const auto& birth : births())
    for (const auto& trouble : troubles()) {
      SCOPED_TRACE(std::string(birth.what) + ": " + trouble.what);
      Device device(birth.entries);
      Stage stage(device.model);
      trouble.begin(stage);
      stage.start();
      EXPECT_TRUE(has_next_attempt(stage, std::chrono::hours(50)));
      EXPECT_EQ(stage.count<Stuck>(), 0u);
      heal(stage);
      EXPECT_TRUE(stage.pass_until([&] { return is_back(stage); }, std::chrono::hours(25)));
    }
}

TEST(ClientNeverGivesUp, AlsoWhenTheTroubleComesToARegisteredDevice) {
  for (const auto& birth : births()) {
    if (birth.what == std::string_view("a bootstrap account")) continue;
    for (const auto& trouble : troubles()) {
      SCOPED_TRACE(std::string(birth.what) + ": " + trouble.what);
      Device device(birth.entries);
      Stage stage(device.model);
      stage.start();
      ASSERT_EQ(stage.client.state(), State::registered);
      trouble.begin(stage);
      for (const auto& session : std::vector(stage.sessions))
        if (session.is_open) stage.client.connection_lost(stage.now, session.peer, std::nullopt);
      stage.settle();
      EXPECT_TRUE(has_next_attempt(stage, std::chrono::hours(50)));
      heal(stage);
      EXPECT_TRUE(stage.pass_until([&] { return is_back(stage); }, std::chrono::hours(25)));
    }
  }
}

TEST(ClientNeverGivesUp, WithAReaderAlsoWithoutAnyAccount) {
  for (const auto reader : {Stage::Reader::answers, Stage::Reader::hangs})
    for (const auto* problem : {"", "no reader is connected"}) {
      Model model;
      model.load_blank_factory();
      ClientConfig config;
      config.smartcard = SmartcardUse::present;
      Stage stage(model, config);
      stage.reader = reader;
      stage.card_problem = problem;
      stage.start();
      EXPECT_TRUE(has_next_attempt(stage, std::chrono::hours(50))) << problem;
      EXPECT_EQ(stage.client.next_attempt()->what, Attempt::read_smartcard);
      EXPECT_LE(stage.client.next_attempt()->at - stage.now, config.smartcard_retry_max);
    }
}

/// Half an account is none: a /1 instance whose /0 instance is missing leads nowhere.
struct Half : Device {
  explicit Half(std::vector<Entry> factory) : Device(std::move(factory)) {
    auto& tree = model.mutable_tree();
    tree.erase(path("/0"));
    for (const auto& half : server_entries("/1/0", 101)) EXPECT_TRUE(tree.put(half.path, half.value));
  }
};

TEST(ClientNeverGivesUp, HalfAnAccountLeadsBackToTheFactory) {
  Half device(factory_entries());
  Stage stage(device.model);
  stage.storage = Stage::Storage::fails;
  stage.start();
  EXPECT_EQ(stage.client.next_attempt()->what, Attempt::store);
  EXPECT_EQ(stage.count<Stuck>(), 0u);
  stage.storage = Stage::Storage::durable;
  stage.pass(std::chrono::minutes(10));
  EXPECT_EQ(stage.client.state(), State::bootstrapping);
}

TEST(ClientNeverGivesUp, HalfAnAccountWithoutAFactoryIsToldAsNone) {
  Half device(factory_entries());
  Model alone;
  ASSERT_TRUE(alone.load(*device.model.snapshot()));
  Stage stage(alone);
  stage.start();
  EXPECT_EQ(stage.client.state(), State::stuck);
  EXPECT_EQ(stage.count<Stuck>(), 1u);
}

TEST(ClientNeverGivesUp, TheNextAttemptSaysWhatItIs) {
  Device device(factory_entries() + management());
  Stage stage(device.model);
  stage.start();
  EXPECT_EQ(stage.client.next_attempt(),
            (NextAttempt{stage.now + seconds(207), Attempt::update, ShortServerId(101)}));
  stage.client.shut_down(stage.now);
  stage.settle();
  EXPECT_EQ(stage.client.next_attempt(), std::nullopt);

  Device second(management());
  Stage failing(second.model);
  failing.connecting = Stage::Connecting::fails;
  failing.start();
  EXPECT_EQ(failing.client.next_attempt(),
            (NextAttempt{failing.now + seconds(60), Attempt::register_with, ShortServerId(101)}));

  Device fresh;
  Stage bootstrapping(fresh.model);
  bootstrapping.connecting = Stage::Connecting::fails;
  bootstrapping.start();
  EXPECT_EQ(bootstrapping.client.next_attempt()->what, Attempt::bootstrap);
  EXPECT_EQ(bootstrapping.client.next_attempt()->at, *bootstrapping.client.next_timeout());
}

TEST(ClientNeverGivesUp, AWriteThatFailedIsRepeatedWithGrowingPausesUntilItIsDurable) {
  Device device(management());
  Stage stage(device.model);
  stage.start();
  stage.storage = Stage::Storage::fails;
  ASSERT_EQ(stage.put_text(101, "/1/0/1", "400").code, Code::changed);
  EXPECT_EQ(stage.persisted.size(), 1u);
  EXPECT_EQ(stage.client.next_attempt()->what, Attempt::store);
  stage.pass(seconds(5));
  EXPECT_EQ(stage.persisted.size(), 2u);
  stage.pass(seconds(9));
  EXPECT_EQ(stage.persisted.size(), 2u);
  stage.pass(seconds(1));
  EXPECT_EQ(stage.persisted.size(), 3u);
  stage.pass(std::chrono::hours(2));
  const auto before = stage.persisted.size();
  stage.storage = Stage::Storage::durable;
  stage.pass(std::chrono::minutes(10));
  EXPECT_EQ(stage.persisted.size(), before + 1) << "ten minutes are the longest pause";
  stage.pass(std::chrono::hours(2));
  EXPECT_EQ(stage.persisted.size(), before + 1);
}

/// Storage may answer late: the bytes of a later write must not go with the answer to an earlier one.
TEST(ClientNeverGivesUp, ALateAnswerOfStorageDoesNotEmptyALaterSnapshot) {
  Device device(factory_entries() + management());
  Stage stage(device.model);
  stage.start();
  stage.storage = Stage::Storage::hangs;
  ASSERT_EQ(stage.put_text(101, "/1/0/1", "400").code, Code::changed);
  const auto first = stage.last_persist;
  stage.client.request_bootstrap(stage.now);
  stage.settle();
  ASSERT_EQ(stage.put(0, "/1/0", server_entries("/1/0", 101, 500)).code, Code::changed);
  (void)stage.send(0, {.code = Code::post, .path = "/bs"});
  while (auto transmit = stage.servers.poll_transmit())
    stage.client.handle_datagram(stage.now, transmit->peer,
                                 Bytes(transmit->bytes.begin(), transmit->bytes.end()));
  stage.client.persisted(stage.now, first, Client::Persisted::durable);
  stage.settle();
  EXPECT_GT(stage.persisted.back().size(), 100u);
  EXPECT_TRUE(Model::check_snapshot(stage.persisted.back()));
}

}  // namespace
}  // namespace slipway::client::test

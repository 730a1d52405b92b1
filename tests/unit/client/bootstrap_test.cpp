// SPDX-License-Identifier: Apache-2.0
// The bootstrap session on the device: what succeeds, what fails and leaves no trace.
#include "stage.hpp"

namespace slipway::client::test {
namespace {

/// What a bootstrap server writes, up to the Finish.
void write_account(Stage& stage, std::int64_t ssid = 101) {
  EXPECT_EQ(stage.put(0, "/0/1", security_entries("/0/1", ssid)).code, Code::changed);
  EXPECT_EQ(stage.put(0, "/1/0", server_entries("/1/0", ssid)).code, Code::changed);
}
void bootstrap(Stage& stage) {
  stage.start();
  write_account(stage);
  EXPECT_EQ(stage.finish().code, Code::changed);
}

TEST(ClientBootstrap, AFreshDeviceBootstrapsAndRegisters) {
  Device device;
  Stage stage(device.model);
  stage.start();
  ASSERT_EQ(stage.requests("/bs").size(), 1u);
  EXPECT_EQ(stage.requests("/bs")[0].queries, (std::vector<std::string>{"ep=urn:dev:stage", "pct=112"}));
  EXPECT_EQ(stage.client.state(), State::bootstrapping);
  write_account(stage);
  EXPECT_EQ(stage.finish().code, Code::changed);
  EXPECT_EQ(stage.last_end(), BootstrapEnd::succeeded);
  ASSERT_EQ(stage.requests("/rd").size(), 1u);
  EXPECT_EQ(stage.requests("/rd")[0].queries,
            (std::vector<std::string>{"lwm2m=1.2", "ep=urn:dev:stage", "lt=300", "b=U"}));
  EXPECT_EQ(stage.requests("/rd")[0].format, 40);
  EXPECT_EQ(stage.client.state(), State::registered);
  ASSERT_NE(stage.session(101), nullptr);
  EXPECT_EQ(stage.session(101)->identity, "new-identity");
  EXPECT_EQ(stage.session(101)->key, "fedcba9876543210");
}

TEST(ClientBootstrap, TheAccountsUriKeepsItsPathAndQueryInFront) {
  auto factory = factory_entries();
  factory[0] = entry("/0/0/0", Value::string("coaps://bs.example:5784/tenant?key=7"));
  Device device(factory);
  Stage stage(device.model);
  stage.start();
  ASSERT_EQ(stage.requests("/bs").size(), 1u);
  EXPECT_EQ(stage.requests("/bs")[0].path, "/tenant/bs");
  EXPECT_EQ(stage.requests("/bs")[0].queries,
            (std::vector<std::string>{"key=7", "ep=urn:dev:stage", "pct=112"}));
}

TEST(ClientBootstrap, ARefusedRequestIsAskedAgainAs10Does) {
  Device device;
  Stage stage(device.model);
  stage.answer = [](const Received& request) {
    const bool has_pct = request.queries.size() > 1;
    return has_pct ? Reply{.code = Code::bad_request} : Stage::agreeable(request);
  };
  stage.start();
  ASSERT_EQ(stage.requests("/bs").size(), 2u);
  EXPECT_EQ(stage.requests("/bs")[1].queries, (std::vector<std::string>{"ep=urn:dev:stage"}));
  EXPECT_TRUE(stage.discover(0, "/").payload.starts_with("</>;lwm2m=1.0"));
  write_account(stage);
  EXPECT_EQ(stage.finish().code, Code::changed);
}

TEST(ClientBootstrap, ASecondRefusalEndsTheRoundAndTheNextOneIsPlanned) {
  Device device;
  Stage stage(device.model);
  stage.answer = [](const Received&) { return Reply{.code = Code::bad_request}; };
  stage.start();
  EXPECT_EQ(stage.requests("/bs").size(), 2u);
  EXPECT_EQ(stage.last_end(), BootstrapEnd::refused);
  EXPECT_EQ(stage.client.state(), State::holding_off);
  EXPECT_TRUE(stage.client.next_timeout().has_value());
}

/// The rounds of a device whose bootstrap server never answers well: waits doubled, spread, capped.
TEST(ClientBootstrap, TheHoldOffDoublesWithEveryFailureUpToItsCap) {
  auto factory = factory_entries();
  factory.push_back(entry("/0/0/11", Value::integer(10)));
  Device device(factory);
  ClientConfig config;
  config.bootstrap_retry_max = seconds(100);
  Stage stage(device.model, config);
  stage.connecting = Stage::Connecting::fails;
  auto last = stage.now;
  stage.start();
  for (const auto base : {10, 20, 40, 80, 100, 100}) {
    const auto before = stage.sessions.size();
    ASSERT_TRUE(stage.pass_until([&] { return stage.sessions.size() > before; }));
    EXPECT_GE(stage.now - last, seconds(base));
    EXPECT_LE(stage.now - last, seconds(base) * 3 / 2);
    last = stage.now;
  }
  EXPECT_EQ(stage.count<BootstrapEnded>(), 6u);
}

TEST(ClientBootstrap, AnOverloadedServerSaysWhenToComeBack) {
  Device device;
  Stage stage(device.model);
  stage.answer = [](const Received&) { return Reply{.code = Code::service_unavailable, .max_age = 500}; };
  const auto begin = stage.now;
  stage.start();
  ASSERT_TRUE(stage.pass_until([&] { return stage.requests("/bs").size() == 2; }));
  EXPECT_EQ(stage.now - begin, seconds(500));
}

TEST(ClientBootstrap, ALostFinishEndsInATimeoutAndTheStateBefore) {
  Device device;
  const auto before = device.state();
  Stage stage(device.model);
  stage.start();
  write_account(stage);
  EXPECT_NE(device.state(), before);
  stage.pass(seconds(246));
  EXPECT_EQ(stage.last_end(), std::nullopt);
  stage.pass(seconds(5));
  EXPECT_EQ(stage.last_end(), BootstrapEnd::timeout);
  EXPECT_EQ(device.state(), before);
  EXPECT_TRUE(stage.client.next_timeout().has_value());
}

TEST(ClientBootstrap, EveryCommandRestartsThePatience) {
  Device device;
  Stage stage(device.model);
  stage.start();
  for (int i = 0; i < 5; ++i) {
    stage.pass(seconds(200));
    EXPECT_EQ(stage.discover(0, "/").code, Code::content) << i;
  }
  write_account(stage);
  EXPECT_EQ(stage.finish().code, Code::changed);
}

TEST(ClientBootstrap, LostAnswersToTheRequestDoNotEndASessionThatHasBegun) {
  Device device;
  Stage stage(device.model, {.bootstrap_pack = BootstrapPack::never});
  stage.loses_down = [](const coap::Message& message) { return coap::is_response(message.code); };
  stage.start();
  EXPECT_EQ(stage.discover(0, "/").code, Code::content);
  stage.pass(seconds(100));  // the request has been repeated to the end
  EXPECT_EQ(stage.last_end(), std::nullopt);
  stage.loses_down = nullptr;
  write_account(stage);
  EXPECT_EQ(stage.finish().code, Code::changed);
  EXPECT_EQ(stage.last_end(), BootstrapEnd::succeeded);
}

TEST(ClientBootstrap, ALostSessionLeavesTheStateBefore) {
  Device device;
  const auto before = device.state();
  Stage stage(device.model);
  stage.start();
  EXPECT_EQ(stage.remove(0, "/0").code, Code::deleted);
  write_account(stage);
  stage.client.connection_lost(stage.now, stage.session(0)->peer, std::nullopt);
  stage.settle();
  EXPECT_EQ(stage.last_end(), BootstrapEnd::session_failed);
  EXPECT_EQ(device.state(), before);
}

TEST(ClientBootstrap, ANewBootstrapSupersedesAndRollsBackTheOld) {
  Device device;
  const auto before = device.state();
  Stage stage(device.model);
  stage.start();
  write_account(stage);
  stage.client.request_bootstrap(stage.now);
  EXPECT_EQ(device.state(), before);
  stage.settle();
  EXPECT_EQ(stage.last_end(), BootstrapEnd::superseded);
  EXPECT_EQ(stage.requests("/bs").size(), 2u);
}

TEST(ClientBootstrap, AnInconsistentFinishSaysWhyAndCanBeRepaired) {
  Device device;
  const auto before = device.state();
  Stage stage(device.model);
  stage.start();
  EXPECT_EQ(stage.put(0, "/0/1", security_entries("/0/1", 101)).code, Code::changed);
  auto refused = stage.finish();
  EXPECT_EQ(refused.code, Code::not_acceptable);
  EXPECT_EQ(refused.payload, "/0/1: the account has no Server instance of its short server id");
  EXPECT_EQ(stage.client.state(), State::bootstrapping);
  EXPECT_TRUE(stage.persisted.empty());
  EXPECT_EQ(stage.put(0, "/1/0", server_entries("/1/0", 101)).code, Code::changed);
  EXPECT_EQ(stage.finish().code, Code::changed);
  EXPECT_NE(device.state(), before);
  EXPECT_EQ(stage.client.state(), State::registered);
}

TEST(ClientBootstrap, AnInconsistencyThatIsNotRepairedIsRolledBack) {
  Device device;
  const auto before = device.state();
  Stage stage(device.model);
  stage.start();
  EXPECT_EQ(stage.finish().code, Code::not_acceptable);
  EXPECT_EQ(stage.put(0, "/0/1", security_entries("/0/1", 101)).code, Code::changed);
  EXPECT_EQ(stage.finish().code, Code::not_acceptable);
  stage.pass(seconds(250));
  EXPECT_EQ(stage.last_end(), BootstrapEnd::inconsistent);
  EXPECT_TRUE(stage.gave_reason("/0/1: the account has no Server instance of its short server id"));
  EXPECT_EQ(device.state(), before);
  EXPECT_TRUE(stage.client.next_timeout().has_value());
}

TEST(ClientBootstrap, AServerThatLeavesAfterARefusedFinishHasFailedByItsReason) {
  Device device;
  const auto before = device.state();
  Stage stage(device.model);
  stage.start();
  EXPECT_EQ(stage.finish().code, Code::not_acceptable);
  stage.client.connection_lost(stage.now, stage.session(0)->peer, std::nullopt);
  stage.settle();
  EXPECT_EQ(stage.last_end(), BootstrapEnd::inconsistent);
  EXPECT_TRUE(stage.gave_reason("/1: there is no server account"));
  EXPECT_EQ(device.state(), before);
}

TEST(ClientBootstrap, ASecondFinishIsRepeatedOrRefusedAndChangesNothing) {
  Device device;
  Stage stage(device.model);
  bootstrap(stage);
  const auto after = device.state();
  EXPECT_EQ(stage.finish().code, Code::bad_request);  // a new one; a repeated one gets its answer again
  EXPECT_EQ(stage.put(0, "/1/0", server_entries("/1/0", 101, 77)).code, Code::bad_request);
  EXPECT_EQ(device.state(), after);
  EXPECT_EQ(stage.count<BootstrapEnded>(), 1u);
}

TEST(ClientBootstrap, FinishIsAnsweredOnlyWhenTheStateIsDurable) {
  Device device;
  Stage stage(device.model);
  stage.storage = Stage::Storage::hangs;
  stage.start();
  write_account(stage);
  const auto id = stage.send(0, {.code = Code::post, .path = "/bs"});
  stage.pass(seconds(20));
  EXPECT_FALSE(stage.replies.contains(id->value()));
  EXPECT_TRUE(stage.requests("/rd").empty());
  ASSERT_EQ(stage.persisted.size(), 1u);
  stage.client.persisted(stage.now, stage.last_persist, Client::Persisted::durable);
  stage.settle();
  EXPECT_EQ(stage.replies[id->value()].code, Code::changed);
  EXPECT_EQ(stage.requests("/rd").size(), 1u);
}

TEST(ClientBootstrap, APowerCutWhileStoringLeavesTheOldOrTheNewState) {
  Device device;
  const auto old_bytes = *device.model.snapshot();
  Bytes new_bytes;
  {
    Stage stage(device.model);
    stage.storage = Stage::Storage::hangs;
    stage.start();
    write_account(stage);
    (void)stage.send(0, {.code = Code::post, .path = "/bs"});
    stage.settle();
    ASSERT_EQ(stage.persisted.size(), 1u);
    new_bytes = stage.persisted[0];
  }
  Device with_old;
  ASSERT_TRUE(with_old.model.load(old_bytes));
  Stage old_stage(with_old.model);
  old_stage.start();
  EXPECT_EQ(old_stage.requests("/bs").size(), 1u);
  EXPECT_TRUE(old_stage.requests("/rd").empty());
  Device with_new;
  ASSERT_TRUE(with_new.model.load(new_bytes));
  Stage new_stage(with_new.model);
  new_stage.start();
  EXPECT_EQ(new_stage.requests("/rd").size(), 1u);
  EXPECT_TRUE(new_stage.requests("/bs").empty());
}

TEST(ClientBootstrap, AStateThatCannotBeStoredIsAFailure) {
  Device device;
  const auto before = device.state();
  Stage stage(device.model);
  stage.storage = Stage::Storage::fails;
  stage.start();
  write_account(stage);
  EXPECT_EQ(stage.finish().code, Code::internal_server_error);
  EXPECT_EQ(stage.last_end(), BootstrapEnd::session_failed);
  EXPECT_EQ(device.state(), before);
}

TEST(ClientBootstrap, LossAndDuplicationOfDatagramsChangeNothing) {
  Device device;
  Stage stage(device.model);
  unsigned up = 0;
  unsigned down = 0;
  stage.loses_up = [&](const coap::Message&) { return ++up % 3 == 1; };
  stage.loses_down = [&](const coap::Message&) { return ++down % 3 == 1; };
  stage.start();
  ASSERT_TRUE(stage.pass_until([&] { return stage.requests("/bs").size() == 1; }));
  std::vector<coap::RequestId> sent;
  const auto security = encoded(ContentFormat::senml_cbor, "/0/1", security_entries("/0/1", 101));
  const auto server = encoded(ContentFormat::senml_cbor, "/1/0", server_entries("/1/0", 101));
  for (int i = 0; i < 2; ++i) {  // written twice, as a server does that has not heard the first answer
    sent.push_back(
        *stage.send(0, {.code = Code::put, .path = "/0/1", .content_format = 112, .payload = security}));
    stage.pass(seconds(100));
    sent.push_back(
        *stage.send(0, {.code = Code::put, .path = "/1/0", .content_format = 112, .payload = server}));
    stage.pass(seconds(100));
  }
  sent.push_back(*stage.send(0, {.code = Code::post, .path = "/bs"}));
  stage.pass(seconds(60));
  for (const auto id : sent) EXPECT_EQ(stage.replies[id.value()].code, Code::changed);
  EXPECT_EQ(stage.count<BootstrapEnded>(), 1u);
  EXPECT_EQ(stage.client.state(), State::registered);
}

TEST(ClientBootstrap, ALostAnswerToFinishIsRepeatedWhileTheDeviceAlreadyRegisters) {
  Device device;
  Stage stage(device.model);
  stage.start();
  write_account(stage);
  unsigned lost = 0;
  stage.loses_up = [&](const coap::Message& message) {
    return message.type == coap::Type::acknowledgement && lost++ == 0;
  };
  const auto id = stage.send(0, {.code = Code::post, .path = "/bs"});
  stage.settle();
  EXPECT_FALSE(stage.replies.contains(id->value()));
  EXPECT_EQ(stage.client.state(), State::registered);
  stage.pass(seconds(5));
  EXPECT_EQ(stage.replies[id->value()].code, Code::changed);
  stage.pass(seconds(95));
  EXPECT_EQ(stage.session(0), nullptr);  // closed when the server can no longer repeat its Finish
}

TEST(ClientBootstrap, LastBootstrappedIsStampedWhereTheTimeOfDayIsKnown) {
  Device device;
  Stage stage(device.model);
  stage.start(UnixTime(std::chrono::milliseconds(1'700'000'000'000)));
  write_account(stage);
  EXPECT_EQ(stage.put(0, "/1/1", server_entries("/1/1", 102)).code, Code::changed);
  EXPECT_EQ(stage.put(0, "/0/2", security_entries("/0/2", 102)).code, Code::changed);
  stage.pass(seconds(5));
  EXPECT_EQ(stage.finish().code, Code::changed);
  EXPECT_EQ(device.model.tree().integer(path("/1/0/12")), 1'700'000'005);
  EXPECT_EQ(device.model.tree().integer(path("/1/1/12")), 1'700'000'005);
}

TEST(ClientBootstrap, TheAccountIsPurgedAfterItsTime) {
  auto factory = factory_entries();
  factory.push_back(entry("/0/0/12", Value::integer(60)));
  Device device(factory);
  Stage stage(device.model);
  bootstrap(stage);
  stage.pass(seconds(59));
  EXPECT_TRUE(device.model.tree().contains(path("/0/0")));
  const auto persisted = stage.persisted.size();
  stage.pass(seconds(2));
  EXPECT_FALSE(device.model.tree().contains(path("/0/0")));
  EXPECT_TRUE(device.model.tree().contains(path("/0/1")));
  EXPECT_EQ(stage.persisted.size(), persisted + 1);
}

TEST(ClientBootstrap, ATriggerIsAnsweredFirst) {
  Device device;
  Stage stage(device.model);
  bootstrap(stage);
  EXPECT_EQ(stage.execute(101, "/1/0/9").code, Code::changed);
  EXPECT_EQ(stage.requests("/bs").size(), 2u);
  EXPECT_EQ(stage.client.state(), State::bootstrapping);
  EXPECT_EQ(stage.finish().code, Code::changed);  // nothing to change is fine
  EXPECT_EQ(stage.requests("/rd").size(), 1u);    // and the registration was not touched
  EXPECT_EQ(stage.client.state(), State::registered);
}

TEST(ClientBootstrap, ATriggerDoesNotWaitForTheHoldOffAndItsFailuresDo) {
  Device device(factory_entries() + security_entries("/0/1", 101) + server_entries("/1/0", 101) +
                std::vector<Entry>{entry("/0/0/11", Value::integer(100))});
  Stage stage(device.model);
  stage.start();
  stage.failure = ConnectFailure::unreachable;
  stage.unreachable = {0};
  stage.client.request_bootstrap(stage.now);
  stage.settle();
  ASSERT_EQ(stage.sessions.size(), 2u) << "at once";
  EXPECT_EQ(stage.sessions[1].server, ShortServerId(0));
  const auto waited = stage.pass_until([&] { return stage.sessions.size() == 3; });
  ASSERT_TRUE(waited);
  EXPECT_GE(*waited, Duration(seconds(200)));
}

TEST(ClientBootstrap, OtherServersWaitWhileASessionIsOpen) {
  Device device;
  Stage stage(device.model);
  bootstrap(stage);
  stage.client.request_bootstrap(stage.now);
  stage.settle();
  EXPECT_EQ(stage.get(101, "/3/0/0").code, Code::service_unavailable);
  EXPECT_EQ(stage.finish().code, Code::changed);
  EXPECT_EQ(stage.get(101, "/3/0/0").code, Code::content);
}

TEST(ClientBootstrap, AFailedBootstrapLeavesRegistrationsAlone) {
  Device device;
  Stage stage(device.model);
  bootstrap(stage);
  const auto before = device.state();
  stage.client.request_bootstrap(stage.now);
  stage.settle();
  EXPECT_EQ(stage.remove(0, "/").code, Code::deleted);
  stage.pass(seconds(248));
  EXPECT_EQ(device.state(), before);
  EXPECT_EQ(stage.requests("/rd").size(), 1u);
  EXPECT_EQ(stage.get(101, "/3/0/0").code, Code::content);
}

TEST(ClientBootstrap, ChangedCredentialsMakeANewSessionAndRegistration) {
  Device device;
  Stage stage(device.model);
  bootstrap(stage);
  const auto old_peer = stage.session(101)->peer;
  stage.client.request_bootstrap(stage.now);
  stage.settle();
  EXPECT_EQ(
      stage.put(0, "/0/1", security_entries("/0/1", 101, "coaps://lwm2m.example:5684", "another-key-4567"))
          .code,
      Code::changed);
  EXPECT_EQ(stage.finish().code, Code::changed);
  ASSERT_NE(stage.session(101), nullptr);
  EXPECT_NE(stage.session(101)->peer, old_peer);
  EXPECT_EQ(stage.session(101)->key, "another-key-4567");
  EXPECT_EQ(stage.requests("/rd").size(), 2u);
}

TEST(ClientBootstrap, ADeletedAccountEndsItsRegistration) {
  Device device;
  Stage stage(device.model);
  bootstrap(stage);
  stage.client.request_bootstrap(stage.now);
  stage.settle();
  EXPECT_EQ(stage.remove(0, "/0/1").code, Code::deleted);
  EXPECT_FALSE(device.model.tree().contains(path("/1/0")));  // its pair goes with it
  EXPECT_EQ(stage.put(0, "/0/5", security_entries("/0/5", 105)).code, Code::changed);
  EXPECT_EQ(stage.put(0, "/1/5", server_entries("/1/5", 105)).code, Code::changed);
  EXPECT_EQ(stage.finish().code, Code::changed);
  EXPECT_EQ(stage.session(101), nullptr);
  EXPECT_EQ(stage.count<DeregisteredFrom>(), 1u);
  ASSERT_NE(stage.session(105), nullptr);
  EXPECT_EQ(stage.client.state(), State::registered);
}

TEST(ClientBootstrap, AnAccountThatItsServerRefusesIsNoLoop) {
  Device device;
  Stage stage(device.model);
  stage.answer = [](const Received& request) {
    return request.path == "/rd" ? Reply{.code = Code::forbidden} : Stage::agreeable(request);
  };
  stage.start();
  for (int round = 1; round <= 6; ++round) {
    ASSERT_TRUE(stage.pass_until(
        [&] { return stage.session(0) != nullptr && stage.client.state() == State::bootstrapping; }));
    write_account(stage);
    ASSERT_EQ(stage.finish().code, Code::changed);
  }
  EXPECT_GT(stage.now.time_since_epoch(), seconds(1000 + 2 + 4 + 8 + 16 + 32));
}

TEST(ClientBootstrap, LiveWritesWaitForTheEndOfTheSession) {
  Device device;
  Stage stage(device.model);
  stage.start();
  EXPECT_EQ(stage.put(0, "/3303/0/5821", {entry("/3303/0/5821", Value::floating(2.5))}).code, Code::changed);
  EXPECT_EQ(device.offset, 0);
  write_account(stage);
  EXPECT_EQ(stage.finish().code, Code::changed);
  EXPECT_EQ(device.offset, 2.5);
}

TEST(ClientBootstrap, InstancesMadeInAFailedSessionAreGone) {
  Device device;
  const auto before = device.state();
  Stage stage(device.model);
  stage.start();
  EXPECT_EQ(stage.put(0, "/1000/4", {entry("/1000/4/0", Value::string("freezer"))}).code, Code::changed);
  EXPECT_TRUE(device.model.has_instance(path("/1000/4")));
  stage.pass(seconds(250));
  EXPECT_FALSE(device.model.has_instance(path("/1000/4")));
  EXPECT_EQ(device.state(), before);
}

TEST(ClientBootstrap, ADeviceWithoutAnyAccountSaysSoAndRests) {
  Model model;
  Stage stage(model);
  stage.start();
  EXPECT_EQ(stage.client.state(), State::stuck);
  EXPECT_EQ(stage.count<Stuck>(), 1u);
  EXPECT_EQ(stage.client.next_timeout(), std::nullopt);
  EXPECT_EQ(stage.client.next_attempt(), std::nullopt);
}

TEST(ClientBootstrap, HostileDatagramsDoNotEndTheSession) {
  Device device;
  Stage stage(device.model);
  stage.start();
  SeededRandom noise(7);
  for (int i = 0; i < 2000; ++i) {
    Bytes bytes(noise.below(80));
    noise.fill(bytes);
    if (bytes.size() > 2 && i % 2 == 0) bytes[0] = 0x40;
    stage.client.handle_datagram(stage.now, stage.session(0)->peer, bytes);
    while (stage.client.poll_transmit()) {
    }
  }
  write_account(stage);
  EXPECT_EQ(stage.finish().code, Code::changed);
}

}  // namespace
}  // namespace slipway::client::test

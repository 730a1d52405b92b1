// SPDX-License-Identifier: Apache-2.0
// Registrations: parameters, versions, retries, order, updates, disabling. [facts B, F.1-F.3]
#include "stage.hpp"

#include "client/registration.hpp"

namespace slipway::client::test {
namespace {

/// Devices that come with a management account, and need no bootstrap.
std::vector<Entry> registered_factory(std::int64_t lifetime = 300) {
  return security_entries("/0/1", 101) + server_entries("/1/0", 101, lifetime);
}
std::vector<Entry> two_servers() {
  return registered_factory() + security_entries("/0/2", 102) + server_entries("/1/1", 102);
}
std::vector<std::int64_t> seconds_of_requests(const Stage& stage, std::string_view ending) {
  std::vector<std::int64_t> times;
  for (std::size_t i = 0; i < stage.received.size(); ++i)
    if (stage.received[i].path.ends_with(ending))
      times.push_back(std::chrono::duration_cast<seconds>(stage.received_at[i].time_since_epoch()).count() -
                      1000);
  return times;
}
/// When the client asked for a session with a server, in seconds since the start.
class ConnectTimes {
 public:
  explicit ConnectTimes(Stage& stage) : stage_(stage) {}
  std::vector<std::int64_t> first(std::size_t number) {
    std::vector<std::int64_t> times;
    while (times.size() < number) {
      const auto before = times.size();
      if (!stage_.pass_until([&] { return stage_.sessions.size() > before; })) break;
      times.push_back(std::chrono::duration_cast<seconds>(stage_.now.time_since_epoch()).count() - 1000);
    }
    return times;
  }

 private:
  Stage& stage_;
};

TEST(ClientRegistration, TheListHasObjectsAndInstancesButNoSecrets) {
  Device device(registered_factory());
  Stage stage(device.model);
  stage.start();
  ASSERT_EQ(stage.requests("/rd").size(), 1u);
  EXPECT_EQ(stage.requests("/rd")[0].payload,
            "</>;rt=\"oma.lwm2m\";ct=\"112 11544 110 11542 60 0 42\",</1/0>,</2>,</3/0>,</1000>,</3303/0>");
}

TEST(ClientRegistration, AVersionOfAnObjectIsToldWhereItIsNotImplied) {
  Device device(registered_factory());
  device.model.object(ObjectId(3304), Version{1, 1}).instance(InstanceId(0));
  ClientConfig config;
  config.enabler = {1, 1};
  Stage stage(device.model, config);
  stage.start();
  EXPECT_TRUE(stage.requests("/rd")[0].payload.ends_with("</3304>;ver=1.1,</3304/0>"));
  EXPECT_TRUE(
      stage.requests("/rd")[0].payload.starts_with("</>;rt=\"oma.lwm2m\";ct=\"112 110 11542 60 0 42\""));
}

TEST(ClientRegistration, AQueueModeDeviceSaysSo) {
  Device device(registered_factory());
  ClientConfig config;
  config.queue = QueueMode::sleeps;
  Stage stage(device.model, config);
  stage.start();
  EXPECT_EQ(stage.requests("/rd")[0].queries,
            (std::vector<std::string>{"lwm2m=1.2", "ep=urn:dev:stage", "lt=300", "b=U", "Q"}));
}

TEST(ClientRegistration, TheBindingSaysWhatTheDeviceHas) {
  Device device(registered_factory());
  Stage stage(device.model, {.transports = "UT"});
  stage.start();
  EXPECT_EQ(stage.requests("/rd")[0].queries,
            (std::vector<std::string>{"lwm2m=1.2", "ep=urn:dev:stage", "lt=300", "b=UT"}));
}

TEST(ClientRegistration, Version1_0SaysWhatIsInUse) {
  auto entries = registered_factory();
  for (auto& one : entries)
    if (one.path == path("/0/1/0")) one.value = Value::string("coaps+tcp://lwm2m.example");
  Device device(entries);
  Stage stage(device.model, {.enabler = Version{1, 0}, .transports = "UT"});
  stage.start();
  EXPECT_EQ(stage.requests("/rd")[0].queries,
            (std::vector<std::string>{"lwm2m=1.0", "ep=urn:dev:stage", "lt=300", "b=T"}));
}

TEST(ClientRegistration, EachRefusedVersionIsFollowedByALowerOne) {
  Device device(registered_factory());
  ClientConfig config;
  config.queue = QueueMode::sleeps;
  Stage stage(device.model, config);
  stage.answer = [](const Received& request) {
    const bool is_old = !request.queries.empty() && request.queries[0] == "lwm2m=1.0";
    return is_old ? Stage::agreeable(request) : Reply{.code = Code::precondition_failed};
  };
  stage.start();
  const auto requests = stage.requests("/rd");
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[1].queries[0], "lwm2m=1.1");
  EXPECT_EQ(requests[2].queries,
            (std::vector<std::string>{"lwm2m=1.0", "ep=urn:dev:stage", "lt=300", "b=UQ"}));
  EXPECT_TRUE(requests[2].payload.starts_with("</1/0>"));
  EXPECT_EQ(stage.client.state(), State::registered);
  EXPECT_EQ(stage.get(101, "/3/0").format, static_cast<std::uint16_t>(ContentFormat::tlv));
}

TEST(ClientRegistration, ALongListGoesInBlocks) {
  Device device(registered_factory());
  for (std::uint16_t id = 0; id < 60; ++id)
    for (std::uint16_t object = 4000; object < 4006; ++object)
      device.model.object(ObjectId(object)).instance(InstanceId(id));
  Stage stage(device.model);
  stage.start();
  ASSERT_EQ(stage.requests("/rd").size(), 1u);
  EXPECT_GT(stage.requests("/rd")[0].payload.size(), 3000u);
  EXPECT_EQ(stage.client.state(), State::registered);
}

TEST(ClientRegistration, UpdatesComeAtHalfAShortLifetimeOr93SecondsBeforeTheEnd) {
  EXPECT_EQ(update_after(seconds(60)), Duration(seconds(30)));
  EXPECT_EQ(update_after(seconds(185)), Duration(milliseconds(92500)));
  EXPECT_EQ(update_after(seconds(186)), Duration(seconds(93)));
  EXPECT_EQ(update_after(seconds(86400)), Duration(seconds(86307)));
  EXPECT_EQ(update_after(seconds(0)), std::nullopt);
  Device device(registered_factory(300));
  Stage stage(device.model);
  stage.start();
  stage.pass(seconds(650));
  EXPECT_EQ(seconds_of_requests(stage, "/rd/5a3f"), (std::vector<std::int64_t>{207, 414, 621}));
  EXPECT_TRUE(stage.requests("/rd/5a3f")[0].queries.empty());
  EXPECT_TRUE(stage.requests("/rd/5a3f")[0].payload.empty());
  EXPECT_EQ(stage.count<RegistrationUpdated>(), 3u);
}

TEST(ClientRegistration, AChangedLifetimeIsToldAtOnce) {
  Device device(registered_factory());
  Stage stage(device.model);
  stage.start();
  EXPECT_EQ(stage.put_text(101, "/1/0/1", "60").code, Code::changed);
  ASSERT_EQ(stage.requests("/rd/5a3f").size(), 1u);
  EXPECT_EQ(stage.requests("/rd/5a3f")[0].queries, (std::vector<std::string>{"lt=60"}));
  stage.pass(seconds(31));
  EXPECT_EQ(stage.requests("/rd/5a3f").size(), 2u);
}

TEST(ClientRegistration, AChangedObjectListIsToldAtOnce) {
  Device device(registered_factory());
  Stage stage(device.model);
  stage.start();
  EXPECT_EQ(stage.post(101, "/1000", {entry("/1000/3/0", Value::string("x"))}).code, Code::created);
  ASSERT_EQ(stage.requests("/rd/5a3f").size(), 1u);
  EXPECT_NE(stage.requests("/rd/5a3f")[0].payload.find("</1000/3>"), std::string::npos);
}

TEST(ClientRegistration, ARefusedUpdateLeadsToARegister) {
  Device device(registered_factory());
  Stage stage(device.model);
  stage.answer = [](const Received& request) {
    return request.path == "/rd/5a3f" ? Reply{.code = Code::not_found} : Stage::agreeable(request);
  };
  stage.start();
  stage.pass(seconds(210));
  EXPECT_EQ(stage.requests("/rd").size(), 2u);
  EXPECT_EQ(stage.client.state(), State::registered);
}

TEST(ClientRegistration, AnUnansweredUpdateLeadsToANewSessionAndARegister) {
  Device device(registered_factory());
  Stage stage(device.model);
  stage.start();
  stage.loses_up = [&](const coap::Message& message) { return message.uri_path() == "/rd/5a3f"; };
  stage.pass(seconds(400));
  EXPECT_EQ(stage.requests("/rd").size(), 2u);
  EXPECT_EQ(stage.sessions.size(), 2u);
}

TEST(ClientRegistration, ALostSessionIsMadeAgain) {
  Device device(registered_factory());
  Stage stage(device.model);
  stage.start();
  stage.client.connection_lost(stage.now, stage.session(101)->peer, 0);
  stage.settle();
  EXPECT_EQ(stage.requests("/rd").size(), 2u);
  EXPECT_EQ(device.model.tree().integer(path("/1/0/11")), 0);
}

// A revoked device does not knock with a key that its server has just refused. [LwM2M-TRANSPORT 1.2 §5.2.10]
TEST(ClientRegistration, ASessionEndedByARefusalOfTheCredentialsLeadsToABootstrapAtOnce) {
  Device device(factory_entries() + registered_factory());
  Stage stage(device.model);
  stage.start();
  stage.client.connection_lost(stage.now, stage.session(101)->peer, 49);
  stage.settle();
  EXPECT_EQ(stage.requests("/rd").size(), 1u);
  EXPECT_EQ(device.model.tree().integer(path("/1/0/11")), 49);
  ASSERT_NE(stage.session(0), nullptr);
  EXPECT_TRUE(stage.session(0)->is_open);
}

TEST(ClientRegistration, AnUpdateTriggerIsAnsweredAndObeyed) {
  Device device(registered_factory());
  Stage stage(device.model);
  stage.start();
  EXPECT_EQ(stage.execute(101, "/1/0/8").code, Code::changed);
  EXPECT_EQ(stage.requests("/rd/5a3f").size(), 1u);
  stage.client.request_update(stage.now);
  stage.settle();
  EXPECT_EQ(stage.requests("/rd/5a3f").size(), 2u);
}

TEST(ClientRegistration, ADisabledServerIsLeftAloneForItsTime) {
  Device device(registered_factory());
  Stage stage(device.model);
  stage.start();
  EXPECT_EQ(stage.put_text(101, "/1/0/5", "1000").code, Code::changed);
  EXPECT_EQ(stage.execute(101, "/1/0/4").code, Code::changed);
  ASSERT_EQ(stage.received.back().code, Code::del);
  EXPECT_EQ(stage.session(101), nullptr);
  EXPECT_EQ(stage.count<DeregisteredFrom>(), 1u);
  stage.pass(seconds(999));
  EXPECT_EQ(stage.requests("/rd").size(), 1u);
  stage.pass(seconds(2));
  EXPECT_EQ(stage.requests("/rd").size(), 2u);
}

TEST(ClientRegistration, ShutDownDeregistersEverywhere) {
  Device device(two_servers());
  Stage stage(device.model);
  stage.start();
  stage.client.shut_down(stage.now);
  stage.settle();
  EXPECT_EQ(stage.count<DeregisteredFrom>(), 2u);
  EXPECT_EQ(stage.client.state(), State::idle);
  stage.pass(std::chrono::hours(48));
  EXPECT_EQ(stage.requests("/rd").size(), 2u);
}

TEST(ClientRegistration, RequestsBeforeTheRegistrationAreRefused) {
  Device device(registered_factory());
  Stage stage(device.model);
  stage.answer = [](const Received&) { return Reply{}; };
  stage.start();
  EXPECT_EQ(stage.get(101, "/3/0/0").code, Code::service_unavailable);
}

// --- Retries ----------------------------------------------------------------------------------------

TEST(ClientRegistration, RetryDelaysDoubleAndTheirExponentIsCapped) {
  RetryPolicy policy;
  EXPECT_EQ(retry_delay(policy, 1), Duration(seconds(60)));
  EXPECT_EQ(retry_delay(policy, 2), Duration(seconds(120)));
  EXPECT_EQ(retry_delay(policy, 4), Duration(seconds(480)));
  EXPECT_EQ(retry_delay(policy, 1'000'000'000'000), retry_delay(policy, 1000));
  EXPECT_GT(retry_delay(policy, 1000).count(), 0);
}

TEST(ClientRegistration, TheDefaultsGiveFiveAttemptsAndThenABootstrap) {
  Device device(factory_entries() + registered_factory());
  Stage stage(device.model);
  stage.connecting = Stage::Connecting::fails;
  stage.start();
  auto times = ConnectTimes(stage).first(6);
  ASSERT_EQ(times.size(), 6u);
  EXPECT_EQ((std::vector<std::int64_t>(times.begin(), times.begin() + 5)),
            (std::vector<std::int64_t>{0, 60, 180, 420, 900}));
  EXPECT_EQ(stage.sessions[5].server, ShortServerId(0));
  EXPECT_EQ(times[5], 900);
}

TEST(ClientRegistration, WithoutABootstrapAccountSequencesGoOnForEver) {
  Device device(registered_factory());
  Stage stage(device.model);
  stage.connecting = Stage::Connecting::fails;
  stage.start();
  EXPECT_EQ(ConnectTimes(stage).first(7), (std::vector<std::int64_t>{0, 60, 180, 420, 900, 87300, 87360}));
  EXPECT_EQ(stage.client.state(), State::waiting_to_retry);
}

TEST(ClientRegistration, CountsAndTimersOfTheAccountAreFollowed) {
  Device device(registered_factory() + std::vector<Entry>{entry("/1/0/17", Value::unsigned_integer(2)),
                                                          entry("/1/0/18", Value::unsigned_integer(7)),
                                                          entry("/1/0/19", Value::unsigned_integer(100)),
                                                          entry("/1/0/20", Value::unsigned_integer(2))});
  Stage stage(device.model);
  stage.connecting = Stage::Connecting::fails;
  stage.start();
  EXPECT_EQ(ConnectTimes(stage).first(6), (std::vector<std::int64_t>{0, 7, 107, 114, 214, 221}));
}

TEST(ClientRegistration, ASequenceDelayAtItsMaximumStillHasANextAttempt) {
  Device device(registered_factory() +
                std::vector<Entry>{entry("/1/0/17", Value::unsigned_integer(1)),
                                   entry("/1/0/19", Value::unsigned_integer(0xffffffff))});
  Stage stage(device.model);
  stage.connecting = Stage::Connecting::fails;
  stage.start();
  EXPECT_EQ(ConnectTimes(stage).first(2), (std::vector<std::int64_t>{0, 86400}));
}

TEST(ClientRegistration, ExtremeCountsDoNotOverflow) {
  Device device(registered_factory() +
                std::vector<Entry>{entry("/1/0/14", Value::unsigned_integer(0)),
                                   entry("/1/0/17", Value::unsigned_integer(~std::uint64_t{0})),
                                   entry("/1/0/18", Value::unsigned_integer(~std::uint64_t{0})),
                                   entry("/1/0/19", Value::unsigned_integer(~std::uint64_t{0})),
                                   entry("/1/0/20", Value::unsigned_integer(~std::uint64_t{0}))});
  Stage stage(device.model);
  stage.connecting = Stage::Connecting::fails;
  stage.start();
  ASSERT_TRUE(stage.client.next_timeout());
  EXPECT_GT(*stage.client.next_timeout(), stage.now);
}

TEST(ClientRegistration, ARefusalOrADeadCredentialBootstrapsWithoutFurtherAttempts) {
  for (const bool by_alert : {false, true}) {
    Device device(factory_entries() + registered_factory());
    Stage stage(device.model);
    stage.answer = [](const Received& request) {
      return request.path == "/rd" ? Reply{.code = Code::forbidden} : Stage::agreeable(request);
    };
    if (by_alert) {
      stage.connecting = Stage::Connecting::fails;
      stage.failure = ConnectFailure::alert_fail;
      stage.alert = 115;
    }
    stage.start();
    ASSERT_TRUE(stage.pass_until(
        [&] { return !stage.sessions.empty() && stage.sessions.back().server == ShortServerId(0); },
        seconds(10)));
    EXPECT_EQ(device.model.tree().integer(path("/1/0/11")), by_alert ? std::optional(115) : std::nullopt);
  }
}

TEST(ClientRegistration, WithBootstrapOnFailureOffTheServerIsTriedOn) {
  Device device(factory_entries() + registered_factory() +
                std::vector<Entry>{entry("/1/0/16", Value::boolean(false)),
                                   entry("/1/0/17", Value::unsigned_integer(1)),
                                   entry("/1/0/19", Value::unsigned_integer(50))});
  Stage stage(device.model);
  stage.connecting = Stage::Connecting::fails;
  stage.start();
  EXPECT_EQ(ConnectTimes(stage).first(4), (std::vector<std::int64_t>{0, 50, 100, 150}));
  for (const auto& session : stage.sessions) EXPECT_EQ(session.server, ShortServerId(101));
}

// --- Order ------------------------------------------------------------------------------------------

std::vector<Entry> ordered(bool block) {
  return two_servers() +
         std::vector<Entry>{
             entry("/1/0/13", Value::unsigned_integer(2)), entry("/1/0/14", Value::unsigned_integer(30)),
             entry("/1/0/17", Value::unsigned_integer(1)), entry("/1/0/19", Value::unsigned_integer(100)),
             entry("/1/1/13", Value::unsigned_integer(1)), entry("/1/1/14", Value::unsigned_integer(5)),
             entry("/1/1/15", Value::boolean(block)),      entry("/1/1/16", Value::boolean(false)),
             entry("/1/1/17", Value::unsigned_integer(1)), entry("/1/1/19", Value::unsigned_integer(100))};
}

TEST(ClientRegistration, ServersRegisterInTheirOrderWithTheirDelays) {
  Device device(ordered(false));
  Stage stage(device.model);
  stage.start();
  stage.pass(seconds(60));
  EXPECT_EQ(seconds_of_requests(stage, "/rd"), (std::vector<std::int64_t>{5, 35}));
  ASSERT_GE(stage.sessions.size(), 2u);
  EXPECT_EQ(stage.sessions[0].server, ShortServerId(102));
  EXPECT_EQ(stage.sessions[1].server, ShortServerId(101));
}

TEST(ClientRegistration, AFailedServerLetsTheNextOneBeginUnlessItBlocks) {
  for (const bool block : {false, true}) {
    Device device(ordered(block));
    Stage stage(device.model);
    stage.connecting = Stage::Connecting::fails;
    stage.start();
    stage.pass(seconds(60));
    EXPECT_EQ(stage.sessions.size(), block ? 1u : 2u);
    stage.connecting = Stage::Connecting::succeeds;
    stage.pass(seconds(200));
    EXPECT_EQ(stage.client.state(), State::registered);
    EXPECT_EQ(stage.requests("/rd").size(), 2u);
  }
}

TEST(ClientRegistration, IndependentServersDoNotWait) {
  Device device(two_servers());
  Stage stage(device.model);
  stage.start();
  EXPECT_EQ(stage.requests("/rd").size(), 2u);
}

TEST(ClientRegistration, AccountsBeyondTheBoundAreNotRegistered) {
  Device device(two_servers());
  ClientConfig config;
  config.servers_max = 1;
  Stage stage(device.model, config);
  stage.start();
  EXPECT_EQ(stage.requests("/rd").size(), 1u);
}

}  // namespace
}  // namespace slipway::client::test

// SPDX-License-Identifier: Apache-2.0
// A device sleeps without memory and goes on: with its registration where its session came back and the
// account is the same, otherwise as a device that was switched on.
#include "stage.hpp"

#include "client/hibernation.hpp"

namespace slipway::client::test {
namespace {

constexpr UnixTime kEvening{seconds(1'800'000'000)};

std::vector<Entry> registered_factory(std::int64_t lifetime = 300) {
  return factory_entries() + security_entries("/0/1", 101) + server_entries("/1/0", 101, lifetime);
}
std::vector<Entry> two_servers() {
  return registered_factory() + security_entries("/0/2", 102) + server_entries("/1/1", 102);
}

/// What a device is, as long as its flash memory goes on.
struct Night {
  explicit Night(std::vector<Entry> factory = registered_factory(), ClientConfig settings = {})
      : device(std::move(factory)), config(std::move(settings)) {
    evening.emplace(device.model, config, 1);
    evening->start(kEvening);
    EXPECT_EQ(evening->client.state(), State::registered);
  }

  Hibernation fall_asleep() {
    auto kept = evening->client.hibernate(evening->now);
    evening->settle();
    EXPECT_EQ(evening->client.state(), State::idle);
    EXPECT_FALSE(evening->client.next_timeout());
    return kept;
  }
  Stage& wake(ByteView kept, std::optional<UnixTime> wall = kEvening + seconds(10),
              SessionKind session = SessionKind::kept) {
    morning.emplace(device.model, config, 7);
    morning->kind = session;
    morning->hibernation.assign(kept.begin(), kept.end());
    morning->start(wall);
    return *morning;
  }

  Device device;
  ClientConfig config;
  std::optional<Stage> evening, morning;
};

TEST(ClientHibernation, GoesOnWithAnUpdateAndNotWithARegistration) {
  Night night;
  const auto kept = night.fall_asleep();
  EXPECT_EQ(night.evening->requests("/rd/5a3f").size(), 0u) << "not a word to the server";
  ASSERT_EQ(kept.sessions.size(), 1u);
  EXPECT_EQ(kept.sessions[0].server, ShortServerId(101));
  auto& stage = night.wake(kept.bytes.reveal());
  ASSERT_EQ(stage.received.size(), 1u);
  EXPECT_EQ(stage.received[0].path, "/rd/5a3f");
  EXPECT_TRUE(stage.received[0].queries.empty()) << "nothing has changed";
  EXPECT_TRUE(stage.received[0].payload.empty());
  EXPECT_EQ(stage.client.state(), State::registered);
  EXPECT_EQ(stage.count<RegistrationUpdated>(), 1u);
  EXPECT_EQ(stage.get(101, "/3/0/0").code, Code::content);
}

TEST(ClientHibernation, TheNextUpdateIsDueAsAfterAnyOther) {
  Night night;
  auto& stage = night.wake(night.fall_asleep().bytes.reveal());
  stage.pass(seconds(206));
  EXPECT_EQ(stage.requests("/rd/5a3f").size(), 1u);
  stage.pass(seconds(2));  // 93 s before the end of the lifetime
  EXPECT_EQ(stage.requests("/rd/5a3f").size(), 2u);
}

TEST(ClientHibernation, TellsWhatHasChangedMeanwhile) {
  Night night;
  const auto kept = night.fall_asleep();
  ASSERT_TRUE(night.device.model.create_instance(path("/1000/4")));
  ASSERT_TRUE(night.device.model.set(path("/1/0/1"), Value::integer(400)));
  auto& stage = night.wake(kept.bytes.reveal());
  ASSERT_EQ(stage.received.size(), 1u);
  EXPECT_EQ(stage.received[0].queries, (std::vector<std::string>{"lt=400"}));
  EXPECT_NE(stage.received[0].payload.find("</1000/4>"), std::string::npos);
}

TEST(ClientHibernation, AnUpdateWithoutAnAnswerIsToldAgainWhole) {
  Night night;
  night.evening->loses_up = [](const coap::Message&) { return true; };
  ASSERT_TRUE(night.device.model.set(path("/1/0/1"), Value::integer(400)));
  night.evening->client.request_update(night.evening->now);
  night.evening->settle();
  auto& stage = night.wake(night.fall_asleep().bytes.reveal());
  ASSERT_EQ(stage.received.size(), 1u);
  EXPECT_EQ(stage.received[0].queries, (std::vector<std::string>{"lt=400"}));
  EXPECT_NE(stage.received[0].payload.find("</3/0>"), std::string::npos);
}

TEST(ClientHibernation, ARegistrationThatTheServerHasDroppedIsMadeAnewInTheSameSession) {
  Night night;
  const auto kept = night.fall_asleep();
  night.morning.emplace(night.device.model, night.config, 7);
  auto& stage = *night.morning;
  stage.kind = SessionKind::kept;
  stage.hibernation.assign(kept.bytes.reveal().begin(), kept.bytes.reveal().end());
  stage.answer = [](const Received& request) {
    return request.path == "/rd/5a3f" ? Reply{.code = Code::not_found} : Stage::agreeable(request);
  };
  stage.start(kEvening);
  ASSERT_EQ(stage.received.size(), 2u);
  EXPECT_EQ(stage.received[1].path, "/rd");
  EXPECT_EQ(stage.sessions.size(), 1u);
  EXPECT_EQ(stage.client.state(), State::registered);
}

struct Clock {
  const char* what;
  std::optional<UnixTime> evening, morning;
  const char* first_request;
};

/// The clock is believed in one thing only: that it is too late.
TEST(ClientHibernation, TheClockSparesAnUpdateThatComesTooLateAndNothingElse) {
  const Clock clocks[] = {
      {"in time", kEvening, kEvening + seconds(250), "/rd/5a3f"},
      {"too late", kEvening, kEvening + seconds(301), "/rd"},
      {"unknown in the evening", std::nullopt, kEvening + seconds(301), "/rd/5a3f"},
      {"unknown in the morning", kEvening, std::nullopt, "/rd/5a3f"},
      {"set back", kEvening, UnixTime(seconds(0)), "/rd/5a3f"},
      {"stopped in the night", kEvening, kEvening, "/rd/5a3f"},
  };
  for (const auto& clock : clocks) {
    SCOPED_TRACE(clock.what);
    Device device(registered_factory());
    Stage evening(device.model, {}, 1);
    evening.start(clock.evening);
    const auto kept = evening.client.hibernate(evening.now);
    Stage morning(device.model, {}, 7);
    morning.kind = SessionKind::kept;
    morning.hibernation.assign(kept.bytes.reveal().begin(), kept.bytes.reveal().end());
    morning.start(clock.morning);
    ASSERT_EQ(morning.received.size(), 1u);
    EXPECT_EQ(morning.received[0].path, clock.first_request);
    EXPECT_EQ(morning.client.state(), State::registered);
  }
}

TEST(ClientHibernation, AnEndlessRegistrationIsNeverTooLate) {
  Night night(registered_factory(0));
  auto& stage = night.wake(night.fall_asleep().bytes.reveal(), kEvening + std::chrono::hours(24 * 365));
  EXPECT_EQ(stage.requests("/rd").size(), 0u);
  EXPECT_EQ(stage.requests("/rd/5a3f").size(), 1u);
}

TEST(ClientHibernation, WithANewSessionThereIsANewRegistration) {
  Night night;
  auto& stage = night.wake(night.fall_asleep().bytes.reveal(), kEvening, SessionKind::fresh);
  ASSERT_EQ(stage.received.size(), 1u);
  EXPECT_EQ(stage.received[0].path, "/rd");
}

TEST(ClientHibernation, WithAnotherKeyThereIsANewRegistration) {
  Night night;
  const auto kept = night.fall_asleep();
  ASSERT_TRUE(night.device.model.set(path("/0/1/5"), Value::opaque(as_bytes("another key of 101"))));
  auto& stage = night.wake(kept.bytes.reveal(), kEvening, SessionKind::fresh);
  ASSERT_EQ(stage.received.size(), 1u);
  EXPECT_EQ(stage.received[0].path, "/rd");
}

TEST(ClientHibernation, ASessionThatAnswersNothingIsReplacedAfterThreeTransmissions) {
  Night night;
  const auto kept = night.fall_asleep();
  night.morning.emplace(night.device.model, night.config, 7);
  auto& stage = *night.morning;
  unsigned sent = 0;
  stage.kind = SessionKind::kept;
  stage.hibernation.assign(kept.bytes.reveal().begin(), kept.bytes.reveal().end());
  stage.loses_up = [&](const coap::Message& message) {
    const bool is_update = message.uri_path().view() == "/rd/5a3f";
    if (is_update && stage.sessions.size() == 1) ++sent;
    return is_update;
  };
  stage.start(kEvening);
  EXPECT_EQ(stage.received.size(), 0u);
  stage.kind = SessionKind::fresh;
  const auto took =
      stage.pass_until([&] { return stage.client.state() == State::registered && !stage.received.empty(); });
  ASSERT_TRUE(took);
  EXPECT_EQ(*took, seconds(14));  // 2 + 4 + 8
  EXPECT_EQ(sent, 3u);
  EXPECT_EQ(stage.sessions.size(), 2u);
  EXPECT_EQ(stage.received[0].path, "/rd");
  EXPECT_EQ(stage.count<RegistrationFailed>(), 0u) << "no attempt has failed";
}

TEST(ClientHibernation, ASessionThatTheServerEndsIsReplacedAtOnce) {
  Night night;
  const auto kept = night.fall_asleep();
  night.morning.emplace(night.device.model, night.config, 7);
  auto& stage = *night.morning;
  stage.kind = SessionKind::kept;
  stage.hibernation.assign(kept.bytes.reveal().begin(), kept.bytes.reveal().end());
  stage.loses_up = [&](const coap::Message&) { return stage.sessions.size() == 1; };
  stage.start(kEvening);
  stage.kind = SessionKind::fresh;
  stage.client.connection_lost(stage.now, stage.sessions[0].peer, 0);
  stage.settle();
  EXPECT_EQ(stage.client.state(), State::registered);
  EXPECT_EQ(stage.requests("/rd").size(), 1u);
  EXPECT_EQ(night.device.model.tree().integer(path("/1/0/11")), 0);
}

TEST(ClientHibernation, ANetworkThatIsNotThereYetCostsNothing) {
  Night night;
  auto kept = night.fall_asleep();
  for (unsigned nights = 0; nights < 3; ++nights) {
    night.morning.emplace(night.device.model, night.config, 7 + nights);
    auto& stage = *night.morning;
    stage.connecting = Stage::Connecting::fails;
    stage.failure = ConnectFailure::name_unknown;
    stage.hibernation.assign(kept.bytes.reveal().begin(), kept.bytes.reveal().end());
    stage.start(kEvening);
    EXPECT_EQ(stage.count<ConnectWanted>(), 1u);
    kept = stage.client.hibernate(stage.now);
  }
  auto& stage = night.wake(kept.bytes.reveal());
  ASSERT_EQ(stage.received.size(), 1u);
  EXPECT_EQ(stage.received[0].path, "/rd/5a3f");
}

TEST(ClientHibernation, EveryServerHasItsOwnFate) {
  Night night(two_servers());
  const auto kept = night.fall_asleep();
  ASSERT_EQ(kept.sessions.size(), 2u);
  ASSERT_TRUE(night.device.model.set(path("/0/2/5"), Value::opaque(as_bytes("another key of 102"))));
  auto& stage = night.wake(kept.bytes.reveal());
  EXPECT_EQ(stage.requests("/rd/5a3f").size(), 1u);
  EXPECT_EQ(stage.requests("/rd").size(), 1u);
}

TEST(ClientHibernation, TheOrderOfRegistrationsGoesOnBehindTheKeptOnes) {
  auto factory = two_servers() + std::vector<Entry>{entry("/1/0/13", Value::unsigned_integer(1)),
                                                    entry("/1/1/13", Value::unsigned_integer(2))};
  Night night(factory);
  const auto kept = night.fall_asleep();
  ASSERT_TRUE(night.device.model.set(path("/0/2/5"), Value::opaque(as_bytes("another key of 102"))));
  auto& stage = night.wake(kept.bytes.reveal());
  ASSERT_EQ(stage.received.size(), 2u);
  EXPECT_EQ(stage.received[0].path, "/rd/5a3f");
  EXPECT_EQ(stage.received[1].path, "/rd");
}

// --- Observations -----------------------------------------------------------------------------------

TEST(ClientHibernation, ObservationsGoOnAndEachIsToldOnceMore) {
  Night night;
  ASSERT_EQ(night.evening->observe(101, "/3303/0/5700").code, Code::content);
  ASSERT_EQ(night.evening->attributes(101, "/3303/0/5700", {"pmin=0", "gt=30"}).code, Code::changed);
  const auto kept = night.fall_asleep();
  const auto hibernated = read_hibernation(kept.bytes.reveal());
  ASSERT_TRUE(hibernated);
  ASSERT_EQ(hibernated->servers.at(0).watch.observations.size(), 1u);
  const auto& before = hibernated->servers[0].watch.observations[0];
  night.device.celsius = 25;

  night.morning.emplace(night.device.model, night.config, 7);
  auto& stage = *night.morning;
  stage.kind = SessionKind::kept;
  stage.hibernation.assign(kept.bytes.reveal().begin(), kept.bytes.reveal().end());
  std::optional<std::uint32_t> number;
  std::string payload;
  stage.loses_up = [&](const coap::Message& message) {
    if (message.token != before.token) return false;
    number = message.observe();
    payload = as_text(message.payload);
    EXPECT_EQ(message.type, coap::Type::confirmable);
    return true;
  };
  stage.start(kEvening);
  stage.pass(seconds(1));
  EXPECT_EQ(payload, "25");
  ASSERT_TRUE(number);
  EXPECT_GT(*number, before.number);
  EXPECT_NE(stage.discover(101, "/3303/0/5700").payload.find("gt=30"), std::string::npos);
}

TEST(ClientHibernation, ObservationsEndWithTheRegistration) {
  Night night;
  ASSERT_EQ(night.evening->observe(101, "/3303/0/5700").code, Code::content);
  auto& stage = night.wake(night.fall_asleep().bytes.reveal(), kEvening, SessionKind::fresh);
  night.device.celsius = 25;
  stage.client.changed(stage.now, path("/3303/0/5700"));
  stage.settle();
  EXPECT_EQ(stage.received.size(), 1u);
  EXPECT_EQ(stage.client.counters().sent, 1u) << "the Register, and no notification";
}

/// A server that has not heard the answer repeats its request in the session that goes on.
TEST(ClientHibernation, ARequestThatIsRepeatedAfterItIsNotCarriedOutAgain) {
  Night night;
  auto& evening = *night.evening;
  Bytes request;
  evening.loses_up = [&](const coap::Message& message) {
    return message.type == coap::Type::acknowledgement;  // the answer is lost
  };
  ASSERT_TRUE(evening.send(101, {.code = Code::post, .path = "/3/0/4"}));
  while (auto transmit = evening.servers.poll_transmit())
    request.assign(transmit->bytes.begin(), transmit->bytes.end());
  evening.client.handle_datagram(evening.now, evening.session(101)->peer, request);
  evening.settle();
  ASSERT_EQ(night.device.reboots, 1);
  auto& stage = night.wake(night.fall_asleep().bytes.reveal());
  const auto before = stage.bytes_up;
  stage.client.handle_datagram(stage.now, stage.session(101)->peer, request);
  stage.settle();
  EXPECT_EQ(night.device.reboots, 1);
  EXPECT_GT(stage.bytes_up, before) << "it gets its answer";
}

// --- When nothing is kept ---------------------------------------------------------------------------

TEST(ClientHibernation, AFactoryResetUnderWayKeepsNothing) {
  Night night;
  night.evening->loses_up = [](const coap::Message&) { return true; };
  night.evening->client.factory_reset(night.evening->now);
  night.evening->settle();
  const auto kept = night.evening->client.hibernate(night.evening->now);
  EXPECT_TRUE(kept.bytes.empty());
  EXPECT_TRUE(kept.sessions.empty());
}

TEST(ClientHibernation, ABootstrapSessionIsEndedAndTheRegistrationsAreKept) {
  Night night;
  night.evening->client.request_bootstrap(night.evening->now);
  night.evening->settle();
  ASSERT_NE(night.evening->session(0), nullptr);
  ASSERT_EQ(night.evening->put_text(0, "/0/1/0", "coaps://elsewhere.example").code, Code::changed);
  const auto kept = night.fall_asleep();
  ASSERT_EQ(kept.sessions.size(), 1u);
  EXPECT_EQ(night.evening->session(0), nullptr) << "the session with the bootstrap server is closed";
  auto& stage = night.wake(kept.bytes.reveal());
  EXPECT_EQ(stage.requests("/rd/5a3f").size(), 1u);
}

TEST(ClientHibernation, EveryDamagedByteCountsAsNothing) {
  Night night;
  ASSERT_EQ(night.evening->observe(101, "/3303/0/5700").code, Code::content);
  const auto kept = night.fall_asleep();
  const Bytes good(kept.bytes.reveal().begin(), kept.bytes.reveal().end());
  ASSERT_TRUE(Client::check_hibernation(good));
  for (std::size_t i = 0; i < good.size(); ++i) {
    auto bad = good;
    bad[i] ^= 0x20;
    EXPECT_FALSE(Client::check_hibernation(bad)) << i;
    EXPECT_FALSE(Client::check_hibernation(ByteView(good).first(i))) << i;
  }
  auto damaged = good;
  damaged[20] ^= 1;
  auto& stage = night.wake(damaged, kEvening, SessionKind::fresh);
  EXPECT_EQ(stage.requests("/rd").size(), 1u);
}

TEST(ClientHibernation, AnotherVersionIsToldFromDamage) {
  Night night;
  const auto kept = night.fall_asleep();
  Bytes later(kept.bytes.reveal().begin(), kept.bytes.reveal().end());
  later[4] = 2;
  EXPECT_EQ(Client::check_hibernation(later).error().code, ErrorCode::unsupported);
}

TEST(ClientHibernation, HoldsWhatWasPutIn) {
  Hibernated kept{.since = 1'800'000'000, .servers = {}};
  KeptServer server{.id = ShortServerId(65534),
                    .account = 0x0123456789abcdef,
                    .enabler = {1, 1},
                    .location = "/rd/" + std::string(124, 'x'),
                    .lifetime = -1,
                    .objects = ~std::uint64_t{0},
                    .binding = "UQ",
                    .left = seconds(86400),
                    .watch = {}};
  const lwm2m::Attributes all{.pmin = 1,
                              .pmax = 4294967295,
                              .epmin = 2,
                              .epmax = 3,
                              .gt = -1.5,
                              .lt = 1e300,
                              .st = 0.25,
                              .edge = true,
                              .con = false,
                              .hqmax = 9};
  server.watch.attributes = {{path("/3303"), all}, {path("/3303/0/5700"), {.st = 0.5}}};
  const Bytes token{1, 2, 3, 4, 5, 6, 7, 8};
  server.watch.observations = {{.token = coap::Token(token),
                                .path = path("/3/0/6/1"),
                                .format = ContentFormat::senml_cbor,
                                .number = 0xffffff,
                                .own = all}};
  server.answered = {
      {.type = coap::Type::non_confirmable, .id = coap::MessageId(0xfffe), .answer = Bytes(64, 7)}};
  kept.servers.push_back(server);
  kept.servers.push_back({.id = ShortServerId(1)});
  const auto bytes = write_hibernation(kept);
  ASSERT_TRUE(bytes);
  const auto read = read_hibernation(bytes->reveal());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->since, kept.since);
  ASSERT_EQ(read->servers.size(), 2u);
  const auto& first = read->servers[0];
  EXPECT_EQ(first.account, server.account);
  EXPECT_EQ(first.enabler, server.enabler);
  EXPECT_EQ(first.location, server.location);
  EXPECT_EQ(first.lifetime, -1);
  EXPECT_EQ(first.objects, server.objects);
  EXPECT_EQ(first.binding, "UQ");
  EXPECT_EQ(first.left, seconds(86400));
  EXPECT_EQ(first.watch.attributes, server.watch.attributes);
  EXPECT_EQ(first.watch.observations[0].token, server.watch.observations[0].token);
  EXPECT_EQ(first.watch.observations[0].path, path("/3/0/6/1"));
  EXPECT_EQ(first.watch.observations[0].own, all);
  ASSERT_EQ(first.answered.size(), 1u);
  EXPECT_EQ(first.answered[0].type, coap::Type::non_confirmable);
  EXPECT_EQ(first.answered[0].id, coap::MessageId(0xfffe));
  EXPECT_EQ(first.answered[0].answer, Bytes(64, 7));
  EXPECT_FALSE(read->servers[1].left);
}

/// Bytes that nobody has damaged by chance: their checksum is right.
TEST(ClientHibernation, AnyBytesAreReadOrRefused) {
  Night night;
  ASSERT_EQ(night.evening->observe(101, "/3303/0/5700").code, Code::content);
  ASSERT_EQ(night.evening->attributes(101, "/3303/0/5700", {"pmin=1", "gt=30", "st=2"}).code, Code::changed);
  ASSERT_EQ(night.evening->execute(101, "/3/0/4").code, Code::changed);
  const auto kept = night.fall_asleep();
  const Bytes good(kept.bytes.reveal().begin(), kept.bytes.reveal().end());
  constexpr std::size_t kHeader = 13;
  SeededRandom random(9);
  unsigned read_well = 0;
  for (unsigned round = 0; round < 20000; ++round) {
    auto bytes = good;
    for (auto changes = 1 + random.below(3); changes > 0; --changes)
      bytes[kHeader + random.below(bytes.size() - kHeader)] = static_cast<std::uint8_t>(random.below(256));
    if (random.below(4) == 0) bytes.resize(kHeader + random.below(bytes.size() - kHeader));
    ByteWriter checksum(MutableBytes(bytes).subspan(5, 8));
    checksum.u64(fnv1a(ByteView(bytes).subspan(kHeader)));
    const auto first = read_hibernation(bytes);
    if (!first) continue;
    ++read_well;
    const auto written = write_hibernation(*first);
    ASSERT_TRUE(written);
    const auto second = read_hibernation(written->reveal());
    ASSERT_TRUE(second);
    EXPECT_TRUE(equal(write_hibernation(*second)->reveal(), written->reveal()));
  }
  EXPECT_GT(read_well, 1000u);
}

TEST(ClientHibernation, MoreThanItsBoundIsNotKept) {
  Hibernated kept{.since = {}, .servers = std::vector<KeptServer>(256)};
  EXPECT_EQ(write_hibernation(kept).error().code, ErrorCode::limit);
  kept.servers.resize(200);
  for (auto& server : kept.servers) server.location.assign(200, 'x');
  EXPECT_EQ(write_hibernation(kept).error().code, ErrorCode::limit);
}

}  // namespace
}  // namespace slipway::client::test

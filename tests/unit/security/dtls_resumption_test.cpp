// SPDX-License-Identifier: Apache-2.0
// Sessions that are resumed where no Connection ID keeps them. [RFC 5246 §7.3] [RFC 7925 §6]
#include "dtls_without_cid.hpp"

#include <set>

#include "security/dtls/wire.hpp"

namespace slipway::security::dtls::test {
namespace {

using security::test::certificate_credential;
using security::test::kDay;
using security::test::keys_of;
using security::test::kToday;
using security::test::make_party;
using security::test::Party;
using security::test::raw_credential;
using security::test::world;

constexpr auto kElsewhere = [] { return Address::v4(10, 0, 0, 7, 41000); };

void expect_talk(Link& link, Link::Host& host) {
  ASSERT_TRUE(host.seen.connected);
  const auto received = link.seen.received.size();
  ASSERT_TRUE(link.send(host, "up"));
  ASSERT_TRUE(link.send(link.seen.established.back().peer, "down"));
  link.run(seconds(5));
  ASSERT_EQ(link.seen.received.size(), received + 1);
  EXPECT_EQ(link.seen.received.back().second, "up");
  EXPECT_EQ(host.seen.received, std::vector<std::string>{"down"});
}

class DtlsResumption : public testing::TestWithParam<IdentityKind> {
 protected:
  /// A first session, ended by its client; what it leaves.
  Secret first_session(Link& link, UnixTime wall = kToday) {
    auto& host = link.connect(client_of(GetParam(), {}, wall));
    expect_talk(link, host);
    EXPECT_FALSE(host.seen.connected->resumed);
    took_ = host.seen.connected->duration;
    auto kept = host.client->take_resumption();
    EXPECT_FALSE(kept.empty());
    host.client->end(link.now);
    link.run(seconds(1));
    return kept;
  }
  Link::Host& next_session(Link& link, Secret kept, UnixTime wall = kToday) {
    return link.connect(client_of(GetParam(), std::move(kept), wall), kElsewhere());
  }
  Duration took_{};  // the first handshake
};

TEST_P(DtlsResumption, TheNextHandshakeIsShorterAndOfTheSameDevice) {
  Link link(1, {}, server_without_cid());
  auto& host = next_session(link, first_session(link));
  ASSERT_TRUE(host.seen.connected);
  EXPECT_TRUE(host.seen.connected->resumed);
  ASSERT_EQ(link.seen.established.size(), 2u);
  const auto& first = link.seen.established[0];
  const auto& second = link.seen.established[1];
  EXPECT_FALSE(first.resumed);
  EXPECT_TRUE(second.resumed);
  EXPECT_EQ(second.identity.index(), first.identity.index());
  EXPECT_EQ(second.suite, first.suite);
  EXPECT_LT(host.seen.connected->duration, took_);
  EXPECT_LT(second.traffic.bytes_received + second.traffic.bytes_sent,
            first.traffic.bytes_received + first.traffic.bytes_sent);
  EXPECT_EQ(link.server->counters().handshakes_resumed, 1u);
  EXPECT_EQ(host.client->counters().handshakes_resumed, 1u);
  expect_talk(link, host);
}

TEST_P(DtlsResumption, GoesOnAndOn) {
  Link link(1, {}, server_without_cid());
  auto kept = first_session(link);
  for (int i = 0; i < 5; ++i) {
    auto& host = next_session(link, std::move(kept));
    ASSERT_TRUE(host.seen.connected && host.seen.connected->resumed) << i;
    expect_talk(link, host);
    kept = host.client->take_resumption();
    host.client->end(link.now);
    link.run(seconds(1));
  }
  EXPECT_EQ(link.server->resumable_count(), 1u) << "one for each identity";
}

TEST_P(DtlsResumption, NoWeatherBreaksIt) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    Link link(seed, {.loss = 0.25, .repeat = 0.2, .delay = milliseconds(20), .jitter = milliseconds(300)},
              server_without_cid());
    auto& first = link.connect(client_of(GetParam()));
    if (!first.seen.connected) continue;  // a minute of silence
    auto kept = first.client->take_resumption();
    ASSERT_FALSE(kept.empty());
    auto& second = next_session(link, std::move(kept));
    if (!second.seen.connected) continue;
    // The client is ready first; with records on the way the server's last doubts go.
    for (int i = 0; i < 20 && link.seen.established.size() < 2; ++i) {
      ASSERT_TRUE(link.send(second, "up"));
      link.run(seconds(3));
    }
    if (link.seen.established.size() < 2) continue;
    EXPECT_TRUE(link.seen.established[1].resumed);
    for (int i = 0; i < 20 && second.seen.received.empty(); ++i) {
      ASSERT_TRUE(link.send(link.seen.established[1].peer, "down"));
      link.run(seconds(1));
    }
    EXPECT_FALSE(second.seen.received.empty());
  }
}

/// Every record of one epoch has a number of its own, also those that are sent again.
void expect_no_number_twice(const Link& link, std::size_t from) {
  std::set<std::pair<bool, Bytes>> numbers;
  for (auto i = from; i < link.sent.size(); ++i) {
    const auto& [to_server, datagram] = link.sent[i];
    for (ByteReader reader(datagram); !reader.empty();) {
      const auto record = read_record(reader, 0);
      ASSERT_TRUE(record);
      if (record->epoch == 0) continue;
      const auto number = record->whole.subspan(3, 8);
      EXPECT_TRUE(numbers.emplace(to_server, Bytes(number.begin(), number.end())).second);
    }
  }
}

TEST_P(DtlsResumption, ALostLastFlightOfTheClientIsSentAgain) {
  Link link(1, {}, server_without_cid());
  auto kept = first_session(link);
  const auto from = link.sent.size();
  auto& host = link.add(client_of(GetParam(), std::move(kept)), kElsewhere());
  int lost = 0;
  link.tamper = [&](bool to_server, Bytes& bytes) {
    return !to_server || bytes[0] != 20 || ++lost > 2;  // a ChangeCipherSpec begins it
  };
  ASSERT_TRUE(host.client->start(link.now));
  link.run(seconds(60));
  EXPECT_EQ(lost, 3);
  ASSERT_EQ(link.seen.established.size(), 2u);
  EXPECT_TRUE(link.seen.established[1].resumed);
  expect_talk(link, host);
  expect_no_number_twice(link, from);
}

TEST_P(DtlsResumption, WhatOvertakesTheLastFlightIsLostAndNothingElse) {
  Link link(1, {}, server_without_cid());
  auto kept = first_session(link);
  auto& host = link.add(client_of(GetParam(), std::move(kept)), kElsewhere());
  Bytes held;
  link.tamper = [&](bool to_server, Bytes& bytes) {
    if (!to_server || bytes[0] != 20 || !held.empty()) return true;
    held = bytes;
    return false;
  };
  ASSERT_TRUE(host.client->start(link.now));
  link.run(milliseconds(100));
  ASSERT_FALSE(held.empty());
  ASSERT_TRUE(host.seen.connected);
  ASSERT_TRUE(link.send(host, "too early"));
  link.run(milliseconds(100));
  EXPECT_TRUE(link.seen.failed.empty());
  link.inject(kElsewhere(), held);
  link.run(seconds(1));
  ASSERT_EQ(link.seen.established.size(), 2u);
  expect_talk(link, host);
}

TEST_P(DtlsResumption, OfAnUnknownSessionIsAWholeHandshake) {
  Link first(1, {}, server_without_cid());
  auto kept = first_session(first);
  Link restarted(2, {}, server_without_cid());
  auto& host = next_session(restarted, std::move(kept));
  ASSERT_TRUE(host.seen.connected);
  EXPECT_FALSE(host.seen.connected->resumed);
  expect_talk(restarted, host);
  EXPECT_FALSE(host.client->take_resumption().empty()) << "of the new session";
}

TEST_P(DtlsResumption, AServerForgetsAfterItsLife) {
  auto config = server_without_cid();
  config.resumption_life = std::chrono::hours(2);
  Link link(1, {}, std::move(config));
  auto kept = first_session(link);
  link.now += std::chrono::hours(2);
  auto& host = next_session(link, std::move(kept));
  ASSERT_TRUE(host.seen.connected);
  EXPECT_FALSE(host.seen.connected->resumed);
}

TEST_P(DtlsResumption, AClientOffersItForADay) {
  Link link(1, {}, server_without_cid());
  auto kept = first_session(link);
  auto later = kept.clone();
  auto& in_time = next_session(link, std::move(kept), kToday + kDay - std::chrono::hours(1));
  ASSERT_TRUE(in_time.seen.connected);
  EXPECT_TRUE(in_time.seen.connected->resumed);
  auto& late = next_session(link, std::move(later), kToday + kDay + std::chrono::hours(1));
  ASSERT_TRUE(late.seen.connected);
  EXPECT_FALSE(late.seen.connected->resumed);
}

TEST_P(DtlsResumption, IsOffWithoutMemoryForIt) {
  auto config = server_without_cid();
  config.resumable_bytes_max = 0;
  Link link(1, {}, std::move(config));
  auto& host = next_session(link, first_session(link));
  ASSERT_TRUE(host.seen.connected);
  EXPECT_FALSE(host.seen.connected->resumed);
  EXPECT_EQ(link.server->resumable_count(), 0u);
}

TEST_P(DtlsResumption, ASessionThatEndedByAFatalAlertIsNot) {
  Link link(1, {}, server_without_cid());
  auto& host = link.connect(client_of(GetParam()));
  ASSERT_TRUE(host.seen.connected);
  EXPECT_EQ(link.server->resumable_count(), 1u);
  link.server->end(link.now, link.seen.established[0].peer, Alert::access_denied);
  link.run(seconds(1));
  EXPECT_EQ(link.server->resumable_count(), 0u);
  ASSERT_TRUE(host.seen.ended);
  EXPECT_TRUE(host.client->take_resumption().empty());
}

TEST_P(DtlsResumption, AHelloThatWaitsForTheStoreIsAskedForOnce) {
  Link link(1, {}, server_without_cid());
  auto kept = first_session(link);
  link.seen.answer_lookups = false;
  const auto asked = link.seen.lookups.size();
  auto& host = link.add(client_of(GetParam(), std::move(kept)), kElsewhere());
  ASSERT_TRUE(host.client->start(link.now));
  link.run(seconds(10));  // its client repeats the hello meanwhile
  ASSERT_EQ(link.seen.lookups.size(), asked + 1);
  const auto& wanted = link.seen.lookups.back();
  EXPECT_EQ(wanted.kind, GetParam());
  if (wanted.kind == IdentityKind::psk)
    link.server->credential(link.now, wanted.lookup, key_of(kKey));
  else
    link.server->approve(link.now, wanted.lookup, Approval::known);
  link.run(seconds(70));
  ASSERT_TRUE(host.seen.connected);
  EXPECT_TRUE(host.seen.connected->resumed);
}

TEST_P(DtlsResumption, AnAnswerThatNeverComesEndsByTheClock) {
  Link link(1, {}, server_without_cid());
  auto kept = first_session(link);
  link.seen.answer_lookups = false;
  auto& host = next_session(link, std::move(kept));
  EXPECT_TRUE(host.seen.failed);
  ASSERT_EQ(link.seen.failed.size(), 1u);
  EXPECT_EQ(link.seen.failed[0].failure.reason, FailureReason::timeout);
  EXPECT_EQ(link.server->handshake_count(), 0u);
}

TEST_P(DtlsResumption, WhatIsKeptMayBeDamaged) {
  Link link(1, {}, server_without_cid());
  const auto kept = first_session(link);
  for (std::size_t at = 0; at < kept.size(); ++at) {
    SCOPED_TRACE(at);
    const auto whole = kept.reveal();
    Bytes bytes(whole.begin(), whole.end());
    at % 2 == 0 ? bytes.resize(at) : static_cast<void>(bytes[at] ^= 0x40);
    SeededRandom random(at);
    DtlsClient client(client_of(GetParam(), Secret(bytes)), random);
    ASSERT_TRUE(client.start(link.now));
    EXPECT_TRUE(client.poll_transmit()) << "a hello, whatever was kept";
  }
}

/// Who saw a session id go by has not its keys: its Finished is nobody's.
TEST_P(DtlsResumption, ASessionIdAloneOpensNothing) {
  Link link(1, {}, server_without_cid());
  auto kept = first_session(link);
  auto& thief = link.add(client_of(GetParam(), kept.clone()), Address::v4(10, 9, 9, 9, 4000));
  link.tamper = [&](bool to_server, Bytes& bytes) {
    if (to_server && bytes[0] == 20) bytes.back() ^= 1;
    return true;
  };
  ASSERT_TRUE(thief.client->start(link.now));
  link.run(seconds(100));
  link.tamper = {};
  EXPECT_EQ(link.seen.established.size(), 1u);
  ASSERT_EQ(link.seen.failed.size(), 1u);
  EXPECT_EQ(link.seen.failed[0].failure.reason, FailureReason::wrong_key);
  auto& owner = next_session(link, std::move(kept));
  ASSERT_TRUE(owner.seen.connected);
  EXPECT_TRUE(owner.seen.connected->resumed) << "a thief's attempt takes nothing from the owner";
  expect_talk(link, owner);
}

TEST_P(DtlsResumption, OutlivesANetworkThatIsAwayAndNoFailureElse) {
  Link link(1, {}, server_without_cid());
  auto& host = link.add(client_of(GetParam(), first_session(link)), kElsewhere());
  link.tamper = [](bool, Bytes&) { return false; };
  ASSERT_TRUE(host.client->start(link.now));
  link.run(seconds(100));
  ASSERT_TRUE(host.seen.failed);
  ASSERT_TRUE(host.client->start(link.now));  // the same client tries again
  link.tamper = [](bool to_server, Bytes& bytes) { return to_server || bytes[0] != 22 || bytes[13] == 3; };
  link.run(seconds(100));
  link.tamper = {};
  ASSERT_TRUE(host.client->start(link.now));
  link.run(seconds(100));
  ASSERT_TRUE(host.seen.connected);
  EXPECT_TRUE(host.seen.connected->resumed) << "a lost answer is none either";
  link.server->end(link.now, link.seen.established.back().peer, Alert::close_notify);
  link.run(seconds(1));
  link.seen.keys.clear();
  link.seen.approval = Approval::unknown;
  ASSERT_TRUE(host.client->start(link.now));
  link.run(seconds(100));
  EXPECT_TRUE(host.client->take_resumption().empty());
}

TEST_P(DtlsResumption, OfAnotherCredentialIsNotOffered) {
  Link link(1, {}, server_without_cid());
  auto config = client_config(kIdentity, "another key of 24 bytes.");
  config.resumption = first_session(link);
  link.seen.keys[std::string(kIdentity)] = "another key of 24 bytes.";
  auto& host = link.connect(std::move(config), kElsewhere());
  ASSERT_TRUE(host.seen.connected);
  EXPECT_FALSE(host.seen.connected->resumed);
}

std::string name_of(const testing::TestParamInfo<IdentityKind>& kind) {
  return kind.param == IdentityKind::psk              ? "psk"
         : kind.param == IdentityKind::raw_public_key ? "rpk"
                                                      : "x509";
}
INSTANTIATE_TEST_SUITE_P(Kinds, DtlsResumption,
                         testing::Values(IdentityKind::psk, IdentityKind::raw_public_key,
                                         IdentityKind::certificate),
                         name_of);

TEST(DtlsResumptionOf, AConnectionIdLeavesNothing) {
  Link link;
  auto& host = link.connect();
  ASSERT_TRUE(host.seen.connected && host.seen.connected->has_cid);
  EXPECT_TRUE(host.client->take_resumption().empty());
  EXPECT_EQ(link.server->resumable_count(), 0u);
}

TEST(DtlsResumptionOf, AKeyThatWasReplacedIsAWholeHandshakeWithTheNewOne) {
  Link link(1, {}, server_without_cid());
  auto& first = link.connect(client_of(IdentityKind::psk));
  auto kept = first.client->take_resumption();
  auto stolen = kept.clone();
  first.client->end(link.now);
  link.run(seconds(1));
  link.seen.keys[std::string(kIdentity)] = "another key of 24 bytes.";
  auto& old = link.connect(client_of(IdentityKind::psk, std::move(stolen)), kElsewhere());
  EXPECT_TRUE(old.seen.failed) << "who has the old key has nothing";
  ASSERT_EQ(link.seen.failed.size(), 1u);
  EXPECT_EQ(link.seen.failed[0].failure.reason, FailureReason::wrong_key);
  auto config = client_config(kIdentity, "another key of 24 bytes.");
  config.resumption = std::move(kept);
  auto& renewed = link.connect(std::move(config), Address::v4(10, 0, 0, 9, 4000));
  ASSERT_TRUE(renewed.seen.connected);
  EXPECT_FALSE(renewed.seen.connected->resumed);
}

TEST(DtlsResumptionOf, AnIdentityThatWasRevokedIsRefusedAsEver) {
  Link link(1, {}, server_without_cid());
  auto& psk = link.connect(client_of(IdentityKind::psk));
  auto psk_kept = psk.client->take_resumption();
  auto& raw = link.connect(client_of(IdentityKind::raw_public_key), Address::v4(10, 0, 0, 2, 4000));
  auto raw_kept = raw.client->take_resumption();
  link.seen.keys.clear();
  link.seen.approval = Approval::retired;
  auto& psk_again = link.connect(client_of(IdentityKind::psk, std::move(psk_kept)), kElsewhere());
  ASSERT_TRUE(psk_again.seen.failed);
  EXPECT_EQ(link.seen.failed.back().failure.reason, FailureReason::unknown_identity);
  auto& raw_again = link.connect(client_of(IdentityKind::raw_public_key, std::move(raw_kept)),
                                 Address::v4(10, 0, 0, 3, 4000));
  ASSERT_TRUE(raw_again.seen.failed);
  EXPECT_EQ(raw_again.seen.failed->failure.alert, Alert::certificate_revoked);
  EXPECT_EQ(link.seen.established.size(), 2u);
}

TEST(DtlsResumptionOf, ACertificateThatRanOutMeanwhileIsRefused) {
  const auto soon = kToday + std::chrono::hours(1);
  const Party device = make_party({.to = soon}, &world().authority);
  auto config = server_without_cid();
  auto today = std::make_shared<UnixTime>(kToday);
  config.wall = [today](TimePoint) { return *today; };
  Link link(1, {}, std::move(config));
  const auto client = [&](Secret kept) {
    auto made = client_of(IdentityKind::certificate, std::move(kept));
    made.credential = certificate_credential(device, by_authority());
    return made;
  };
  auto& first = link.connect(client({}));
  ASSERT_TRUE(first.seen.connected);
  auto kept = first.client->take_resumption();
  *today = soon + std::chrono::hours(1);
  auto& second = link.connect(client(std::move(kept)), kElsewhere());
  ASSERT_TRUE(second.seen.failed);
  EXPECT_EQ(second.seen.failed->failure.alert, Alert::certificate_expired);
  EXPECT_EQ(link.seen.failed.back().failure.reason, FailureReason::untrusted);
}

TEST(DtlsResumptionOf, AServerIsJudgedAgainByItsClient) {
  const auto soon = kToday + std::chrono::hours(1);
  const Party server = make_party({.use = CertificateRequest::Use::server,
                                   .name = "server.example",
                                   .dns_name = "server.example",
                                   .to = soon},
                                  &world().authority);
  auto config = server_without_cid();
  config.keys = keys_of(server);
  Link link(1, {}, std::move(config));
  auto& first = link.connect(client_of(IdentityKind::certificate));
  ASSERT_TRUE(first.seen.connected);
  auto& second = link.connect(
      client_of(IdentityKind::certificate, first.client->take_resumption(), soon + std::chrono::hours(1)),
      kElsewhere());
  ASSERT_TRUE(second.seen.failed);
  EXPECT_EQ(second.seen.failed->failure.reason, FailureReason::untrusted);
  EXPECT_EQ(link.seen.established.size(), 1u);
}

TEST(DtlsResumptionOf, AClientThatWouldResumeOffersAConnectionIdAllTheSame) {
  Link link(1, {}, server_without_cid());
  auto kept = link.connect(client_of(IdentityKind::psk)).client->take_resumption();
  auto config = server_without_cid();
  config.cid_size = 6;
  Link upgraded(2, {}, std::move(config));
  auto& host = upgraded.connect(client_of(IdentityKind::psk, std::move(kept)), kElsewhere());
  ASSERT_TRUE(host.seen.connected);
  EXPECT_TRUE(host.seen.connected->has_cid);
  EXPECT_TRUE(host.client->take_resumption().empty());
}

}  // namespace
}  // namespace slipway::security::dtls::test

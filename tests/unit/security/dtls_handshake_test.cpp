// SPDX-License-Identifier: Apache-2.0
#include "dtls_link.hpp"

namespace slipway::security::dtls::test {
namespace {

TEST(DtlsHandshake, ConnectsAndCarriesDatagramsBothWays) {
  Link link;
  auto& host = link.connect();
  ASSERT_TRUE(host.seen.connected) << (host.seen.failed ? host.seen.failed->failure.detail : "no event");
  ASSERT_EQ(link.seen.established.size(), 1u);
  const auto& session = link.seen.established[0];
  EXPECT_EQ(session.suite, CipherSuite::psk_aes_128_ccm_8);
  EXPECT_EQ(host.seen.connected->suite, CipherSuite::psk_aes_128_ccm_8);
  EXPECT_EQ(std::get<PskIdentity>(session.identity), identity_of(kIdentity));
  EXPECT_EQ(session.address, host.address);

  ASSERT_TRUE(link.send(host, "up"));
  ASSERT_TRUE(link.send(session.peer, "down"));
  link.run(seconds(1));
  ASSERT_EQ(link.seen.received.size(), 1u);
  EXPECT_EQ(link.seen.received[0], std::pair(session.peer, std::string("up")));
  EXPECT_EQ(host.seen.received, std::vector<std::string>{"down"});
}

TEST(DtlsHandshake, TakesSixDatagramsWithTheCookie) {
  Link link;
  auto& host = link.connect();
  ASSERT_TRUE(host.seen.connected);
  EXPECT_EQ(link.sent.size(), 6u);  // hello, cookie, hello, hello to done, exchange to finished, finished
  EXPECT_EQ(host.seen.connected->traffic.datagrams_sent, 3);
  EXPECT_EQ(host.seen.connected->traffic.datagrams_received, 3);
  EXPECT_EQ(host.seen.connected->duration, milliseconds(60));
  EXPECT_EQ(link.seen.established[0].traffic.datagrams_received, 2);
}

class DtlsSuites : public testing::TestWithParam<CipherSuite> {};
TEST_P(DtlsSuites, ConnectAndCarryData) {
  Link link;
  auto config = client_config();
  config.suites = {GetParam()};
  auto& host = link.connect(std::move(config));
  ASSERT_TRUE(host.seen.connected);
  EXPECT_EQ(host.seen.connected->suite, GetParam());
  ASSERT_TRUE(link.send(host, "up"));
  ASSERT_TRUE(link.send(link.seen.established[0].peer, "down"));
  link.run(seconds(1));
  EXPECT_EQ(link.seen.received.size(), 1u);
  EXPECT_EQ(host.seen.received.size(), 1u);
}
INSTANTIATE_TEST_SUITE_P(All, DtlsSuites,
                         testing::Values(CipherSuite::psk_aes_128_ccm_8, CipherSuite::psk_aes_128_ccm,
                                         CipherSuite::psk_aes_128_gcm_sha256));

TEST(DtlsHandshake, ServerPrefersItsOwnOrderOfSuites) {
  Link link;
  auto config = client_config();
  config.suites = {CipherSuite::psk_aes_128_gcm_sha256, CipherSuite::psk_aes_128_ccm_8};
  auto& host = link.connect(std::move(config));
  ASSERT_TRUE(host.seen.connected);
  EXPECT_EQ(host.seen.connected->suite, CipherSuite::psk_aes_128_ccm_8);
}

TEST(DtlsHandshake, NoCommonSuiteIsRefusedAndBothSidesSayWhy) {
  ServerConfig server;
  server.suites = {CipherSuite::psk_aes_128_gcm_sha256};
  Link link(1, {}, std::move(server));
  auto& host = link.connect();
  ASSERT_TRUE(host.seen.failed);
  EXPECT_EQ(host.seen.failed->failure.reason, FailureReason::peer_alert);
  EXPECT_EQ(host.seen.failed->failure.alert, Alert::handshake_failure);
  EXPECT_EQ(host.seen.failed->failure.refused_by, Side::peer);
  ASSERT_EQ(link.seen.failed.size(), 1u);
  EXPECT_EQ(link.seen.failed[0].failure.reason, FailureReason::no_common_suite);
  EXPECT_EQ(link.seen.failed[0].failure.refused_by, Side::us);
}

TEST(DtlsHandshake, WrongKeyIsToldByDecryptError) {
  Link link;
  auto& host = link.connect(client_config(kIdentity, "another key 1234"));
  ASSERT_TRUE(host.seen.failed);
  EXPECT_EQ(host.seen.failed->failure.alert, Alert::decrypt_error);
  EXPECT_EQ(alert_class(*host.seen.failed->failure.alert), AlertClass::retry);
  ASSERT_EQ(link.seen.failed.size(), 1u);
  EXPECT_EQ(link.seen.failed[0].failure.reason, FailureReason::wrong_key);
  EXPECT_EQ(std::get<PskIdentity>(*link.seen.failed[0].identity), identity_of(kIdentity));
  EXPECT_EQ(link.server->handshake_count(), 0u);
}

TEST(DtlsHandshake, UnknownIdentityLooksToTheClientLikeAWrongKey) {
  Link wrong_key, unknown;
  (void)wrong_key.connect(client_config(kIdentity, "another key 1234"));
  auto& host = unknown.connect(client_config("urn:imei:004999010640001"));
  ASSERT_TRUE(host.seen.failed);
  EXPECT_EQ(host.seen.failed->failure.alert, Alert::decrypt_error);
  EXPECT_EQ(unknown.seen.failed.at(0).failure.reason, FailureReason::unknown_identity);
  ASSERT_EQ(unknown.sent.size(), wrong_key.sent.size());
  for (std::size_t i = 0; i < unknown.sent.size(); ++i)
    EXPECT_EQ(unknown.sent[i].second.size(), wrong_key.sent[i].second.size()) << i;
}

TEST(DtlsHandshake, IdentityMayHoldAnyByte) {
  Link link;
  const std::string identity("a\0b\xFF\0", 5);
  link.seen.keys[identity] = std::string(kKey);
  auto& host = link.connect(client_config(identity));
  ASSERT_TRUE(host.seen.connected);
  EXPECT_EQ(link.seen.looked_up, identity);
  EXPECT_EQ(std::get<PskIdentity>(link.seen.established[0].identity), identity_of(identity));
}

TEST(DtlsHandshake, LongestIdentityAndKeyWork) {
  Link link;
  const std::string identity(kPskIdentityMax, 'i'), key(kPskKeyMax, 'k');
  link.seen.keys[identity] = key;
  EXPECT_TRUE(link.connect(client_config(identity, key)).seen.connected);
  EXPECT_FALSE(PskIdentity::from(as_bytes(std::string(kPskIdentityMax + 1, 'i'))));
}

TEST(DtlsHandshake, ClientConfigurationIsChecked) {
  SeededRandom random(1);
  const auto code = [&](ClientConfig config) {
    DtlsClient client(std::move(config), random);
    const auto started = client.start(TimePoint(seconds(1)));
    return started ? std::optional<ErrorCode>() : started.error().code;
  };
  EXPECT_EQ(code(client_config(kIdentity, "")), ErrorCode::out_of_range);
  EXPECT_EQ(code(client_config(kIdentity, std::string(kPskKeyMax + 1, 'k'))), ErrorCode::out_of_range);
  EXPECT_EQ(code(client_config("", kKey)), ErrorCode::out_of_range);
  auto config = client_config();
  config.suites.clear();
  EXPECT_EQ(code(std::move(config)), ErrorCode::unsupported);
}

TEST(DtlsHandshake, ServerConfigurationIsChecked) {
  ServerConfig config;
  EXPECT_EQ(DtlsServer::check(config).error().code, ErrorCode::malformed);
  config.next_peer = [] { return PeerId(1); };
  EXPECT_TRUE(DtlsServer::check(config));
  config.suites.clear();
  EXPECT_EQ(DtlsServer::check(config).error().code, ErrorCode::unsupported);
}

TEST(DtlsHandshake, WaitsForACredentialThatComesLate) {
  Link link;
  link.seen.answer_lookups = false;
  auto& host = link.add(client_config());
  ASSERT_TRUE(host.client->start(link.now));
  link.run(seconds(10));
  ASSERT_EQ(link.seen.lookups.size(), 1u);  // the client's repeated flights ask nothing again
  EXPECT_FALSE(host.seen.connected);
  link.server->credential(link.now, link.seen.lookups[0].lookup, key_of(kKey));
  link.run(seconds(10));
  EXPECT_TRUE(host.seen.connected);
  link.server->credential(link.now, link.seen.lookups[0].lookup, key_of(kKey));  // once more does nothing
  EXPECT_EQ(link.server->session_count(), 1u);
}

TEST(DtlsHandshake, CredentialThatNeverComesEndsInATimeout) {
  Link link;
  link.seen.answer_lookups = false;
  auto& host = link.connect();
  ASSERT_TRUE(host.seen.failed);
  EXPECT_EQ(host.seen.failed->failure.reason, FailureReason::timeout);
  ASSERT_EQ(link.seen.failed.size(), 1u);
  EXPECT_EQ(link.seen.failed[0].failure.reason, FailureReason::timeout);
  EXPECT_STREQ(link.seen.failed[0].failure.detail, "no credential was given for the identity in time");
  EXPECT_EQ(link.server->handshake_count(), 0u);
}

TEST(DtlsHandshake, RetransmitsAtDoubledTimeoutUpToTheLongest) {
  Link link;
  std::vector<TimePoint> times;
  link.tamper = [&](bool to_server, Bytes&) {
    if (to_server) times.push_back(link.now);
    return false;
  };
  auto config = client_config();
  config.retransmission.longest = seconds(10);
  auto& host = link.connect(std::move(config));
  std::vector<long> gaps;
  for (std::size_t i = 1; i < times.size(); ++i) gaps.push_back((times[i] - times[i - 1]) / seconds(1));
  EXPECT_EQ(gaps, (std::vector<long>{1, 2, 4, 8, 10, 10, 10, 10}));
  ASSERT_TRUE(host.seen.failed);
  EXPECT_EQ(host.seen.failed->failure.reason, FailureReason::timeout);
  EXPECT_NE(std::string(host.seen.failed->failure.detail).find("nothing came back"), std::string::npos);
}

TEST(DtlsHandshake, LostLastFlightIsSentAgain) {
  Link link;
  int down = 0;
  link.tamper = [&](bool to_server, Bytes&) { return to_server || ++down != 3; };  // cookie, hello, finished
  auto& host = link.connect();
  ASSERT_TRUE(host.seen.connected);
  EXPECT_EQ(down, 4);
  EXPECT_EQ(link.seen.established.size(), 1u);
  ASSERT_TRUE(link.send(host, "up"));
  link.run(seconds(1));
  EXPECT_EQ(link.seen.received.size(), 1u);
}

TEST(DtlsHandshake, EveryRecordHasItsOwnSequenceNumber) {
  Link link(7, {.loss = 0.3, .repeat = 0.2, .jitter = milliseconds(700)});
  (void)link.connect();
  std::map<std::pair<bool, Bytes>, int> seen;
  for (const auto& [to_server, datagram] : link.sent) {
    for (std::size_t at = 0; at + 13 <= datagram.size();) {
      const auto length = static_cast<std::size_t>(datagram[at + 11] << 8 | datagram[at + 12]);
      Bytes number(datagram.begin() + static_cast<long>(at) + 3,
                   datagram.begin() + static_cast<long>(at) + 11);
      const bool cookie = !to_server && datagram[at + 13] == 3;
      if (!cookie) {
        EXPECT_EQ(++seen[std::pair(to_server, number)], 1) << to_hex(number);
      }
      at += 13 + length;
    }
  }
}

TEST(DtlsHandshake, CompletesOnALinkThatLosesRepeatsAndReorders) {
  int connected = 0;
  std::uint64_t retransmitted = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    ServerConfig config;
    config.retransmission.handshake_time_max = std::chrono::minutes(10);
    Link link(seed, {.loss = 0.3, .repeat = 0.2, .delay = milliseconds(40), .jitter = milliseconds(300)},
              std::move(config));
    auto client = client_config();
    client.retransmission = {.longest = seconds(8), .handshake_time_max = std::chrono::minutes(10)};
    auto& host = link.add(std::move(client));
    ASSERT_TRUE(host.client->start(link.now));
    link.run(std::chrono::minutes(20));
    EXPECT_TRUE(host.seen.connected) << "seed " << seed;
    ASSERT_FALSE(link.seen.established.empty()) << "seed " << seed;
    const auto peer = link.seen.established.back().peer;
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(link.send(host, "up"));
      ASSERT_TRUE(link.send(peer, "down"));
      link.run(seconds(2));
    }
    EXPECT_GT(link.seen.received.size(), 2u) << "seed " << seed;
    EXPECT_LE(link.seen.received.size(), 20u) << "a repeated datagram came through, seed " << seed;
    EXPECT_GT(host.seen.received.size(), 2u) << "seed " << seed;
    EXPECT_LE(host.seen.received.size(), 20u) << "seed " << seed;
    EXPECT_EQ(link.server->handshake_count(), 0u) << "seed " << seed;
    EXPECT_EQ(link.server->session_count(), 1u) << "seed " << seed;
    connected += host.seen.connected.has_value();
    retransmitted += host.client->counters().flights_retransmitted;
  }
  EXPECT_EQ(connected, 200);
  EXPECT_GT(retransmitted, 200u);
}

}  // namespace
}  // namespace slipway::security::dtls::test

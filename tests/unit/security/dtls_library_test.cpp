// SPDX-License-Identifier: Apache-2.0
// Suites whose sessions GnuTLS keeps: CBC for peers that know nothing else, and a pre-shared key with forward
// secrecy. [LwM2M-TRANSPORT 1.2 §5.2.9] [RFC 5487] [RFC 5489] [RFC 7905]

#include <algorithm>

#include "dtls_link.hpp"
#include "pki.hpp"

namespace slipway::security::dtls::test {
namespace {

using security::test::keys_of;
using security::test::raw_credential;
using security::test::world;

constexpr CipherSuite kLibrarySuites[] = {
    CipherSuite::psk_aes_128_cbc_sha256, CipherSuite::ecdhe_psk_aes_128_cbc_sha256,
    CipherSuite::ecdhe_psk_chacha20_poly1305_sha256, CipherSuite::ecdhe_ecdsa_aes_128_cbc_sha256};

ServerConfig server_with(std::vector<CipherSuite> suites) {
  ServerConfig config;
  config.suites = std::move(suites);
  config.keys = keys_of(world().server);
  config.freeze_reserve = 16;
  return config;
}
ClientConfig client_with(std::vector<CipherSuite> suites) {
  auto config = client_config();
  if (!uses_psk(suites.front())) config.credential = raw_credential(world().device, world().server);
  config.suites = std::move(suites);
  return config;
}

void expect_talk(Link& link, Link::Host& host) {
  ASSERT_TRUE(host.seen.connected) << (host.seen.failed ? host.seen.failed->failure.detail : "silence");
  ASSERT_EQ(link.seen.established.size(), 1u);
  ASSERT_TRUE(link.send(host, "up"));
  ASSERT_TRUE(link.send(link.seen.established[0].peer, "down"));
  link.run(seconds(5));
  ASSERT_EQ(link.seen.received.size(), 1u);
  EXPECT_EQ(link.seen.received[0].second, "up");
  EXPECT_EQ(host.seen.received, std::vector<std::string>{"down"});
}

class DtlsLibrary : public testing::TestWithParam<CipherSuite> {};

TEST_P(DtlsLibrary, ConnectsCarriesDataAndSaysGoodbye) {
  Link link(1, {}, server_with({GetParam()}));
  auto& host = link.connect(client_with({GetParam()}));
  expect_talk(link, host);
  EXPECT_EQ(host.seen.connected->suite, GetParam());
  EXPECT_EQ(link.seen.established[0].suite, GetParam());
  EXPECT_FALSE(host.seen.connected->has_cid);
  EXPECT_TRUE(link.seen.freezes.empty()) << "it cannot be frozen";
  EXPECT_EQ(link.server->freeze(link.seen.established[0].peer).error().code, ErrorCode::unsupported);
  EXPECT_EQ(host.client->freeze().error().code, ErrorCode::unsupported);
  host.client->end(link.now);
  link.run(seconds(1));
  ASSERT_EQ(link.seen.ended.size(), 1u);
  EXPECT_EQ(link.seen.ended[0].reason, SessionEnd::closed_by_peer);
  EXPECT_EQ(link.server->session_count(), 0u);
}

TEST_P(DtlsLibrary, ARevokedCredentialCutsIt) {
  Link link(1, {}, server_with({GetParam()}));
  auto& host = link.connect(client_with({GetParam()}));
  ASSERT_EQ(link.seen.established.size(), 1u);
  link.server->end(link.now, link.seen.established[0].peer, Alert::access_denied);
  link.run(seconds(1));
  ASSERT_TRUE(host.seen.ended);
  EXPECT_EQ(host.seen.ended->reason, SessionEnd::alert_by_peer);
  EXPECT_EQ(host.seen.ended->alert, Alert::access_denied);
}

TEST_P(DtlsLibrary, CompletesOnALinkThatLosesRepeatsAndReorders) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    Link link(seed, {.loss = 0.25, .repeat = 0.1, .jitter = milliseconds(30)}, server_with({GetParam()}));
    auto& host = link.connect(client_with({GetParam()}));
    ASSERT_TRUE(host.seen.connected);
    for (int i = 0; i < 40 && link.seen.received.empty(); ++i) {
      ASSERT_TRUE(link.send(host, "again"));
      link.run(seconds(1));
    }
    EXPECT_FALSE(link.seen.received.empty());
  }
}

/// The last flight is lost: the client says its own again, and is answered.
TEST_P(DtlsLibrary, ALostLastFlightIsSentAgain) {
  Link link(1, {}, server_with({GetParam()}));
  bool lost = false;
  link.tamper = [&](bool to_server, Bytes&) {
    if (to_server || lost || link.seen.established.empty()) return true;
    lost = true;
    return false;
  };
  auto& host = link.connect(client_with({GetParam()}));
  EXPECT_TRUE(lost);
  expect_talk(link, host);
}

/// A lost datagram costs one repetition, whichever it was. [RFC 6347 §4.2.4]
TEST_P(DtlsLibrary, EachDatagramMayBeLostOnce) {
  std::size_t count = 0;
  {
    Link link(1, {}, server_with({GetParam()}));
    link.connect(client_with({GetParam()}));
    count = link.sent.size();
  }
  for (std::size_t lost = 0; lost < count; ++lost) {
    SCOPED_TRACE(lost);
    Link link(1, {}, server_with({GetParam()}));
    std::size_t number = 0;
    link.tamper = [&](bool, Bytes&) { return number++ != lost; };
    auto& host = link.add(client_with({GetParam()}));
    ASSERT_TRUE(host.client->start(link.now));
    link.run(seconds(4));
    expect_talk(link, host);
  }
}

TEST_P(DtlsLibrary, SaysWhatIsTooLongOrEmptyAndGoesOn) {
  Link link(1, {}, server_with({GetParam()}));
  auto& host = link.connect(client_with({GetParam()}));
  ASSERT_TRUE(host.seen.connected);
  ASSERT_EQ(link.seen.established.size(), 1u);
  const auto peer = link.seen.established[0].peer;
  const std::string much(kRecordPlaintextMax - 128, 'x'), too_much(kRecordPlaintextMax, 'x');
  EXPECT_EQ(link.send(host, too_much).error().code, ErrorCode::limit);
  EXPECT_EQ(link.send(peer, too_much).error().code, ErrorCode::limit);
  EXPECT_EQ(link.send(host, "").error().code, ErrorCode::unsupported);
  ASSERT_TRUE(link.send(host, much));
  ASSERT_TRUE(link.send(peer, much));
  link.run(seconds(1));
  ASSERT_EQ(link.seen.received.size(), 1u);
  EXPECT_EQ(link.seen.received[0].second, much);
  EXPECT_EQ(host.seen.received, std::vector<std::string>{much});
}

TEST_P(DtlsLibrary, WhatIsAlteredOrRepeatedIsDropped) {
  Link link(1, {}, server_with({GetParam()}));
  auto& host = link.connect(client_with({GetParam()}));
  ASSERT_TRUE(host.seen.connected);
  ASSERT_TRUE(link.send(host, "once"));
  link.run(seconds(1));
  const auto record = link.sent.back().second;
  link.inject(host.address, record);
  for (std::size_t at = 0; at < record.size(); ++at) {
    auto changed = record;
    changed[at] ^= 1;
    link.inject(host.address, changed);
    changed.resize(at);
    link.inject(host.address, changed);
  }
  link.run(seconds(1));
  EXPECT_EQ(link.seen.received.size(), 1u);
  EXPECT_EQ(link.server->session_count(), 1u);
  EXPECT_GT(link.server->counters().unauthenticated, 0u);
  ASSERT_TRUE(link.send(host, "still here"));
  link.run(seconds(1));
  EXPECT_EQ(link.seen.received.size(), 2u);
}

std::string name_of(const testing::TestParamInfo<CipherSuite>& suite) {
  return to_string(suite.param);
}
INSTANTIATE_TEST_SUITE_P(All, DtlsLibrary, testing::ValuesIn(kLibrarySuites), name_of);

TEST(DtlsLibrarySuites, AreOffUnlessAskedFor) {
  const ServerConfig server;
  const auto client = client_config();
  for (const auto suite : kLibrarySuites) {
    EXPECT_EQ(std::ranges::count(server.suites, suite), 0);
    EXPECT_EQ(std::ranges::count(client.suites, suite), 0);
    Link link(1, {}, [] {
      ServerConfig config;
      config.keys = keys_of(world().server);
      return config;
    }());
    auto& host = link.connect(client_with({suite}));
    ASSERT_TRUE(host.seen.failed) << to_string(suite);
    EXPECT_EQ(host.seen.failed->failure.alert, Alert::handshake_failure);
  }
}

TEST(DtlsLibrarySuites, AreTakenWhereTheClientKnowsNoOther) {
  for (const bool knows_ccm : {true, false}) {
    Link link(1, {}, server_with({CipherSuite::psk_aes_128_cbc_sha256, CipherSuite::psk_aes_128_ccm_8}));
    std::vector<CipherSuite> suites{CipherSuite::psk_aes_128_cbc_sha256};
    if (knows_ccm) suites.push_back(CipherSuite::psk_aes_128_ccm_8);
    auto& host = link.connect(client_with(suites));
    expect_talk(link, host);
    EXPECT_EQ(stays_in_library(host.seen.connected->suite), !knows_ccm);
    EXPECT_EQ(host.seen.connected->has_cid, knows_ccm);
  }
}

/// GnuTLS takes every pair of key exchanges and ciphers that it was given; not all of them were asked for.
TEST(DtlsLibrarySuites, APairThatNobodyAskedForIsRefused) {
  Link link(1, {},
            server_with({CipherSuite::psk_aes_128_ccm_8, CipherSuite::ecdhe_ecdsa_aes_128_cbc_sha256}));
  auto& host = link.connect(client_with({CipherSuite::psk_aes_128_cbc_sha256}));
  ASSERT_TRUE(host.seen.failed);
  EXPECT_EQ(host.seen.failed->failure.alert, Alert::handshake_failure);
  ASSERT_EQ(link.seen.failed.size(), 1u);
  EXPECT_EQ(link.seen.failed[0].failure.reason, FailureReason::no_common_suite);
}

TEST(DtlsLibrarySuites, AWrongKeyIsTold) {
  for (const auto suite : {CipherSuite::psk_aes_128_cbc_sha256, CipherSuite::ecdhe_psk_aes_128_cbc_sha256}) {
    Link link(1, {}, server_with({suite}));
    auto config = client_config(kIdentity, "another key 1234");
    config.suites = {suite};
    auto& host = link.connect(std::move(config));
    ASSERT_TRUE(host.seen.failed);
    EXPECT_EQ(host.seen.failed->failure.alert, Alert::decrypt_error);
    ASSERT_EQ(link.seen.failed.size(), 1u);
    EXPECT_EQ(link.seen.failed[0].failure.reason, FailureReason::wrong_key);
  }
}

TEST(DtlsLibrarySuites, HaveABoundOfTheirOwn) {
  auto server = server_with({CipherSuite::psk_aes_128_cbc_sha256, CipherSuite::psk_aes_128_ccm_8});
  server.library_sessions_max = 2;
  Link link(1, {}, std::move(server));
  for (std::uint16_t i = 0; i < 3; ++i) {
    auto& host = link.connect(client_with({CipherSuite::psk_aes_128_cbc_sha256}),
                              Address::v4(10, 0, 0, 1, static_cast<std::uint16_t>(40000 + i)));
    EXPECT_EQ(host.seen.connected.has_value(), i < 2);
  }
  EXPECT_EQ(link.server->session_count(), 2u);
  auto& usual = link.connect(client_config(), Address::v4(10, 0, 0, 1, 41000));
  EXPECT_TRUE(usual.seen.connected) << "the bound is theirs alone";
  link.hosts[0]->client->end(link.now);
  link.run(seconds(1));
  auto& next =
      link.connect(client_with({CipherSuite::psk_aes_128_cbc_sha256}), Address::v4(10, 0, 0, 1, 42000));
  EXPECT_TRUE(next.seen.connected) << "a place has become free";
}

TEST(DtlsLibrarySuites, NamesAreThoseOfIana) {
  for (const auto suite : cipher_suites()) {
    EXPECT_EQ(cipher_suite(std::string_view(to_string(suite))), suite);
    EXPECT_EQ(cipher_suite(static_cast<std::uint16_t>(suite)), suite);
  }
  EXPECT_FALSE(cipher_suite("TLS_NULL_WITH_NULL_NULL"));
}

}  // namespace
}  // namespace slipway::security::dtls::test

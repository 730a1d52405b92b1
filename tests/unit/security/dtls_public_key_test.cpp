// SPDX-License-Identifier: Apache-2.0
// Sessions with raw public keys and certificates. [LwM2M-TRANSPORT 1.2 §5.2.9.2, §5.2.9.3] [RFC 7250]
#include "dtls_link.hpp"
#include "pki.hpp"

namespace slipway::security::dtls::test {
namespace {

using security::test::certificate_credential;
using security::test::kDay;
using security::test::keys_of;
using security::test::kToday;
using security::test::make_party;
using security::test::make_server;
using security::test::raw_credential;
using security::test::world;

ServerConfig public_server() {
  ServerConfig config;
  config.keys = keys_of(world().server);
  config.client_authorities = {world().authority.certificate};
  config.wall = [](TimePoint) { return kToday; };
  return config;
}
ClientConfig raw_client(const security::test::Party& device = world().device,
                        const security::test::Party& server = world().server) {
  return {.credential = raw_credential(device, server)};
}
ClientConfig certificate_client(ServerTrust trust, const security::test::Party& device = world().device) {
  ClientConfig config{.credential = certificate_credential(device, std::move(trust))};
  config.wall = kToday;
  return config;
}
ServerTrust by_authority() {
  return {.server_key = world().authority.certificate,
          .usage = CertificateUsage::trust_anchor,
          .anchors = {},
          .name = "server.example"};
}

void expect_talk(Link& link, Link::Host& host) {
  ASSERT_TRUE(host.seen.connected);
  ASSERT_EQ(link.seen.established.size(), 1u);
  ASSERT_TRUE(link.send(host, "up"));
  ASSERT_TRUE(link.send(link.seen.established[0].peer, "down"));
  link.run(seconds(5));
  ASSERT_EQ(link.seen.received.size(), 1u);
  EXPECT_EQ(link.seen.received[0].second, "up");
  EXPECT_EQ(host.seen.received, std::vector<std::string>{"down"});
}

TEST(DtlsRawKey, BothEndsKnowEachOtherByTheStoredKey) {
  Link link(1, {}, public_server());
  auto& host = link.connect(raw_client());
  expect_talk(link, host);
  EXPECT_EQ(host.seen.connected->suite, CipherSuite::ecdhe_ecdsa_aes_128_ccm_8);
  const auto& identity = std::get<RawKeyIdentity>(link.seen.established[0].identity);
  EXPECT_TRUE(equal(identity.public_key, world().device.key.public_key));
  EXPECT_TRUE(equal(link.seen.public_part, world().device.key.public_key));
}

TEST(DtlsRawKey, AnotherServerKeyIsRefusedByTheDevice) {
  Link link(1, {}, public_server());
  const auto other = make_server(world().authority);
  auto& host = link.connect(raw_client(world().device, other));
  ASSERT_TRUE(host.seen.failed);
  EXPECT_EQ(host.seen.failed->failure.reason, FailureReason::untrusted);
  EXPECT_EQ(host.seen.failed->failure.refused_by, Side::us);
  ASSERT_EQ(link.seen.failed.size(), 1u);
  EXPECT_EQ(link.seen.failed[0].failure.alert, Alert::bad_certificate);
  EXPECT_TRUE(link.seen.lookups.empty()) << "the device never showed its key";
}

struct Refusal {
  Approval approval;
  Alert alert;
};
class DtlsRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(DtlsRefusal, IsToldByAnAlertThatMakesADeviceBootstrap) {
  Link link(1, {}, public_server());
  link.seen.approval = GetParam().approval;
  auto& host = link.connect(raw_client());
  ASSERT_TRUE(host.seen.failed);
  EXPECT_EQ(host.seen.failed->failure.alert, GetParam().alert);
  EXPECT_EQ(host.seen.failed->failure.refused_by, Side::peer);
  EXPECT_EQ(alert_class(GetParam().alert), AlertClass::fail);
  ASSERT_EQ(link.seen.failed.size(), 1u);
  EXPECT_EQ(link.seen.failed[0].failure.reason, FailureReason::untrusted);
  EXPECT_TRUE(link.seen.established.empty());
  EXPECT_EQ(link.server->session_count() + link.server->handshake_count(), 0u);
}
INSTANTIATE_TEST_SUITE_P(All, DtlsRefusal,
                         testing::Values(Refusal{Approval::unknown, Alert::certificate_unknown},
                                         Refusal{Approval::retired, Alert::certificate_revoked}));

/// A key is looked up only when the client has proved that it is its own: nobody learns which keys are
/// stored.
TEST(DtlsRawKey, AKeyThatIsNotProvedIsNotLookedUp) {
  Link link(1, {}, public_server());
  ClientConfig thief = raw_client();
  auto& credential = std::get<RawKeyCredential>(thief.credential);
  credential.private_key = make_party({}, nullptr).key.private_key.clone();
  auto& host = link.add(std::move(thief));
  const auto started = host.client->start(link.now);
  link.run(seconds(100));
  EXPECT_TRUE(!started || host.seen.failed);
  EXPECT_TRUE(link.seen.lookups.empty());
}

TEST(DtlsRawKey, TheClientWaitsWhileItsKeyIsLookedUp) {
  Link link(1, {}, public_server());
  link.seen.answer_lookups = false;
  auto& host = link.add(raw_client());
  ASSERT_TRUE(host.client->start(link.now));
  link.run(seconds(5));
  ASSERT_EQ(link.seen.lookups.size(), 1u) << "asked once, however often the client repeats itself";
  EXPECT_FALSE(host.seen.connected);
  link.server->approve(link.now, link.seen.lookups[0].lookup, Approval::known);
  link.run(seconds(10));
  EXPECT_TRUE(host.seen.connected);
  link.server->approve(link.now, link.seen.lookups[0].lookup, Approval::retired);  // too late, and ignored
  expect_talk(link, host);
}

TEST(DtlsRawKey, ALookupThatIsNeverAnsweredEndsInTime) {
  Link link(1, {}, public_server());
  link.seen.answer_lookups = false;
  auto& host = link.connect(raw_client());
  EXPECT_TRUE(host.seen.failed);
  ASSERT_EQ(link.seen.failed.size(), 1u);
  EXPECT_EQ(link.seen.failed[0].failure.reason, FailureReason::timeout);
  EXPECT_EQ(link.server->handshake_count(), 0u);
}

TEST(DtlsRawKey, APskAnswerDoesNothing) {
  Link link(1, {}, public_server());
  link.seen.answer_lookups = false;
  auto& host = link.add(raw_client());
  ASSERT_TRUE(host.client->start(link.now));
  link.run(seconds(5));
  ASSERT_EQ(link.seen.lookups.size(), 1u);
  link.server->credential(link.now, link.seen.lookups[0].lookup, key_of(kKey));
  link.run(seconds(100));
  EXPECT_FALSE(host.seen.connected);
  EXPECT_TRUE(link.seen.established.empty());
}

TEST(DtlsServerKeys, PskAndPublicKeysShareAPort) {
  Link link(1, {}, public_server());
  auto& psk = link.connect(client_config(), Address::v4(10, 0, 0, 1, 1));
  auto& raw = link.connect(raw_client(), Address::v4(10, 0, 0, 2, 1));
  auto& x509 = link.connect(certificate_client(by_authority()), Address::v4(10, 0, 0, 3, 1));
  EXPECT_TRUE(psk.seen.connected);
  EXPECT_TRUE(raw.seen.connected);
  EXPECT_TRUE(x509.seen.connected);
  ASSERT_EQ(link.seen.established.size(), 3u);
  EXPECT_TRUE(std::holds_alternative<PskIdentity>(link.seen.established[0].identity));
  EXPECT_TRUE(std::holds_alternative<RawKeyIdentity>(link.seen.established[1].identity));
  EXPECT_TRUE(std::holds_alternative<CertificateIdentity>(link.seen.established[2].identity));
}

TEST(DtlsServerKeys, WithoutThemPublicKeysHaveNoSuite) {
  Link link;
  auto& host = link.connect(raw_client());
  ASSERT_TRUE(host.seen.failed);
  EXPECT_FALSE(host.seen.connected);
}

TEST(DtlsServerKeys, ThatDoNotFitAreToldByCheck) {
  auto config = public_server();
  config.next_peer = [] { return PeerId(1); };
  EXPECT_TRUE(DtlsServer::check(config));
  config.keys.private_key = make_party({}, nullptr).key.private_key.clone();
  EXPECT_FALSE(DtlsServer::check(config));
  config.keys = keys_of(world().server);
  config.keys.chain[0].pop_back();
  EXPECT_FALSE(DtlsServer::check(config));
  config.keys = keys_of(world().server);
  config.client_authorities.push_back(Bytes(3, 1));
  EXPECT_FALSE(DtlsServer::check(config));
  config.client_authorities.pop_back();
  config.cid_size = 3;
  EXPECT_FALSE(DtlsServer::check(config));
}

TEST(DtlsCertificate, BothEndsFollowAPathToTheAuthority) {
  Link link(1, {}, public_server());
  auto& host = link.connect(certificate_client(by_authority()));
  expect_talk(link, host);
  EXPECT_TRUE(equal(link.seen.public_part, world().device.certificate));
}

TEST(DtlsCertificate, ADeviceRefusesAServerOfAnotherName) {
  Link link(1, {}, public_server());
  auto trust = by_authority();
  trust.name = "another.example";
  auto& host = link.connect(certificate_client(trust));
  ASSERT_TRUE(host.seen.failed);
  EXPECT_EQ(host.seen.failed->failure.reason, FailureReason::untrusted);
  EXPECT_EQ(host.seen.failed->failure.alert, Alert::bad_certificate);
}

TEST(DtlsCertificate, AServerRefusesAnExpiredDevice) {
  auto config = public_server();
  config.wall = [](TimePoint) { return kToday + 400 * kDay; };
  Link link(1, {}, std::move(config));
  auto& host = link.connect(certificate_client({.server_key = world().server.certificate,
                                                .usage = CertificateUsage::domain_issued,
                                                .anchors = {},
                                                .name = ""}));
  ASSERT_TRUE(host.seen.failed);
  EXPECT_EQ(host.seen.failed->failure.alert, Alert::certificate_expired);
  EXPECT_TRUE(link.seen.lookups.empty());
}

TEST(DtlsCertificate, AServerRefusesADeviceOfAnotherAuthority) {
  Link link(1, {}, public_server());
  auto& host = link.connect(certificate_client(by_authority(), make_party({}, nullptr)));
  ASSERT_TRUE(host.seen.failed);
  EXPECT_EQ(host.seen.failed->failure.alert, Alert::unknown_ca);
  EXPECT_EQ(alert_class(*host.seen.failed->failure.alert), AlertClass::fail);
}

TEST(DtlsCertificate, WithoutAuthoritiesADateIsADateAllTheSame) {
  auto config = public_server();
  config.client_authorities.clear();
  config.wall = [](TimePoint) { return kToday + 400 * kDay; };
  Link link(1, {}, std::move(config));
  auto& host = link.connect(certificate_client({.server_key = world().server.certificate,
                                                .usage = CertificateUsage::domain_issued,
                                                .anchors = {},
                                                .name = ""}));
  ASSERT_TRUE(host.seen.failed);
  EXPECT_EQ(host.seen.failed->failure.alert, Alert::certificate_expired);
  EXPECT_TRUE(link.seen.established.empty());
}

TEST(DtlsCertificate, WithoutAuthoritiesTheStoreDecidesAlone) {
  auto config = public_server();
  config.client_authorities.clear();
  Link link(1, {}, std::move(config));
  auto& host = link.connect(certificate_client(by_authority(), make_party({}, nullptr)));
  expect_talk(link, host);
}

/// Flights of several datagrams, lost, repeated and out of order.
class DtlsPublicKeyWeather : public testing::TestWithParam<std::uint64_t> {};

TEST_P(DtlsPublicKeyWeather, HandshakesComplete) {
  const Weather weather{.loss = 0.2, .repeat = 0.1, .jitter = milliseconds(30)};
  Link link(GetParam(), weather, public_server());
  auto& raw = link.connect(raw_client(), Address::v4(10, 0, 0, 1, 1));
  auto& x509 = link.connect(certificate_client(by_authority()), Address::v4(10, 0, 0, 2, 1));
  EXPECT_TRUE(raw.seen.connected);
  EXPECT_TRUE(x509.seen.connected);
  EXPECT_EQ(link.server->handshake_count(), 0u);
}
INSTANTIATE_TEST_SUITE_P(Seeds, DtlsPublicKeyWeather, testing::Range<std::uint64_t>(1, 41));

}  // namespace
}  // namespace slipway::security::dtls::test

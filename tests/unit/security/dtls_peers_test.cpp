// SPDX-License-Identifier: Apache-2.0
// Against other people's DTLS in this process: GnuTLS's own session and OpenSSL, both sides, over memory.
#include "dtls_foreign_peers.hpp"

namespace slipway::security::dtls::test {
namespace {

constexpr SuiteNames kSuites[] = {
    {CipherSuite::psk_aes_128_ccm_8, "AES-128-CCM-8", "PSK-AES128-CCM8"},
    {CipherSuite::psk_aes_128_ccm, "AES-128-CCM", "PSK-AES128-CCM"},
    {CipherSuite::psk_aes_128_gcm_sha256, "AES-128-GCM", "PSK-AES128-GCM-SHA256"},
    {CipherSuite::psk_aes_128_cbc_sha256, "AES-128-CBC:+SHA256", "PSK-AES128-CBC-SHA256"},
    {CipherSuite::ecdhe_psk_aes_128_cbc_sha256, "AES-128-CBC:+SHA256", "ECDHE-PSK-AES128-CBC-SHA256",
     ":+ECDHE-PSK"},
};

using Case = std::tuple<Stack, std::size_t>;

std::unique_ptr<ForeignPeer> make_peer(const Case& which, Role role) {
  return make_peer(std::get<0>(which), role, kSuites[std::get<1>(which)]);
}

class DtlsPeers : public testing::TestWithParam<Case> {};

enum class Then { closes, renegotiates };

void foreign_client(const Case& which, Then then) {
  SeededRandom random(1);
  ServerConfig config;
  config.suites.push_back(CipherSuite::psk_aes_128_cbc_sha256);
  config.suites.push_back(CipherSuite::ecdhe_psk_aes_128_cbc_sha256);
  config.next_peer = [] { return PeerId(7); };
  DtlsServer server(std::move(config), random);
  const auto peer = make_peer(which, Role::client);
  const auto from = Address::v4(127, 0, 0, 1, 40000);
  const TimePoint now{seconds(1)};
  std::vector<std::string> received;
  std::optional<SessionEstablished> established;
  std::optional<SessionEnded> ended;
  std::optional<LookupId> lookup;
  const auto exchange = [&] {
    for (int round = 0; round < 20; ++round) {
      // Only when the whole flight, a datagram for each message, has arrived.
      if (lookup && peer->out.empty())
        server.credential(now, *std::exchange(lookup, std::nullopt), key_of(kKey));
      while (const auto event = server.poll_event())
        if (const auto* e = std::get_if<SessionEstablished>(&*event)) established = *e;
      while (!peer->out.empty()) {
        server.handle_datagram(now, from, peer->out.front());
        peer->out.pop_front();
        while (const auto event = server.poll_event()) {
          if (const auto* wanted = std::get_if<CredentialWanted>(&*event)) {
            EXPECT_EQ(as_text(wanted->psk_identity), kIdentity);
            lookup = wanted->lookup;
          }
          if (const auto* e = std::get_if<SessionEstablished>(&*event)) established = *e;
          if (const auto* e = std::get_if<DatagramReceived>(&*event))
            received.emplace_back(as_text(e->plaintext));
          if (const auto* e = std::get_if<SessionEnded>(&*event)) ended = *e;
        }
      }
      while (const auto transmit = server.poll_transmit()) peer->handle(transmit->bytes);
    }
  };
  exchange();
  ASSERT_TRUE(established);
  ASSERT_TRUE(peer->connected());
  EXPECT_EQ(established->suite, kSuites[std::get<1>(which)].suite);
  peer->send("up");
  ASSERT_TRUE(server.send(now, PeerId(7), as_bytes("down")));
  exchange();
  EXPECT_EQ(received, std::vector<std::string>{"up"});
  EXPECT_EQ(peer->received, std::vector<std::string>{"down"});
  if (then == Then::renegotiates) {
    peer->renegotiate();
    exchange();
    const auto& seen = server.counters();
    EXPECT_GT(seen.unexpected + seen.unauthenticated, 0u) << "it was asked for, and nobody answers";
    EXPECT_EQ(server.session_count(), 1u);
    EXPECT_EQ(server.handshake_count(), 0u);
    EXPECT_TRUE(server.send(now, PeerId(7), as_bytes("as before")));
    return;
  }
  peer->close();
  exchange();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->reason, SessionEnd::closed_by_peer);
}

TEST_P(DtlsPeers, ForeignClientReachesOurServer) {
  foreign_client(GetParam(), Then::closes);
}

/// There is one handshake for each session. [RFC 7925 §17]
TEST_P(DtlsPeers, AForeignClientDoesNotRenegotiate) {
  foreign_client(GetParam(), Then::renegotiates);
}

TEST_P(DtlsPeers, OurClientReachesForeignServer) {
  SeededRandom random(1);
  auto config = client_config();
  config.suites = {kSuites[std::get<1>(GetParam())].suite};
  DtlsClient client(std::move(config), random);
  const auto peer = make_peer(GetParam(), Role::server);
  const TimePoint now{seconds(1)};
  ClientSide seen;
  ASSERT_TRUE(client.start(now));
  const auto exchange = [&] {
    for (int round = 0; round < 20; ++round) {
      while (const auto bytes = client.poll_transmit()) peer->handle(*bytes);
      while (!peer->out.empty()) {
        client.handle_datagram(now, peer->out.front());
        peer->out.pop_front();
        while (const auto event = client.poll_event()) {
          if (const auto* e = std::get_if<Connected>(&*event)) seen.connected = *e;
          if (const auto* e = std::get_if<ConnectFailed>(&*event)) seen.failed = *e;
          if (const auto* e = std::get_if<ClientSessionEnded>(&*event)) seen.ended = *e;
          if (const auto* e = std::get_if<ClientDatagramReceived>(&*event))
            seen.received.emplace_back(as_text(e->plaintext));
        }
      }
    }
  };
  exchange();
  ASSERT_TRUE(seen.connected) << (seen.failed ? seen.failed->failure.detail : "no answer");
  ASSERT_TRUE(peer->connected());
  ASSERT_TRUE(client.send(now, as_bytes("up")));
  peer->send("down");
  exchange();
  EXPECT_EQ(peer->received, std::vector<std::string>{"up"});
  EXPECT_EQ(seen.received, std::vector<std::string>{"down"});
  peer->close();
  exchange();
  ASSERT_TRUE(seen.ended);
  EXPECT_EQ(seen.ended->reason, SessionEnd::closed_by_peer);
}

/// The foreign server's last flight is lost: it comes again when ours does. [RFC 6347 §4.2.4]
TEST_P(DtlsPeers, AForeignServersLastFlightMayBeLost) {
  SeededRandom random(1);
  auto config = client_config();
  config.suites = {kSuites[std::get<1>(GetParam())].suite};
  DtlsClient client(std::move(config), random);
  const auto peer = make_peer(GetParam(), Role::server);
  TimePoint now{seconds(1)};
  ASSERT_TRUE(client.start(now));
  bool lost = false;
  for (int round = 0; round < 40 && !client.connected(); ++round) {
    while (const auto bytes = client.poll_transmit()) peer->handle(*bytes);
    if (peer->connected() && !std::exchange(lost, true)) peer->out.clear();
    for (; !peer->out.empty(); peer->out.pop_front()) client.handle_datagram(now, peer->out.front());
    now += milliseconds(500);
    client.handle_timeout(now);
  }
  EXPECT_TRUE(lost);
  EXPECT_TRUE(client.connected());
}

TEST_P(DtlsPeers, OurCloseNotifyIsUnderstood) {
  SeededRandom random(1);
  auto config = client_config();
  config.suites = {kSuites[std::get<1>(GetParam())].suite};
  DtlsClient client(std::move(config), random);
  const auto peer = make_peer(GetParam(), Role::server);
  const TimePoint now{seconds(1)};
  ASSERT_TRUE(client.start(now));
  for (int round = 0; round < 20; ++round) {
    while (const auto bytes = client.poll_transmit()) peer->handle(*bytes);
    while (!peer->out.empty()) {
      client.handle_datagram(now, peer->out.front());
      peer->out.pop_front();
    }
  }
  ASSERT_TRUE(client.connected());
  client.end(now);
  while (const auto bytes = client.poll_transmit()) peer->handle(*bytes);
  EXPECT_TRUE(peer->closed);
}

// [LwM2M-TRANSPORT 1.2 §5.2.10] [RFC 5246 §7.2]
TEST(DtlsForeignServer, MayWarnAndTheSessionGoesOn) {
  for (const auto& suite : kSuites) {
    SeededRandom random(1);
    auto config = client_config();
    config.suites = {suite.suite};
    DtlsClient client(std::move(config), random);
    GnutlsPeer peer(Role::server, suite);
    const TimePoint now{seconds(1)};
    ASSERT_TRUE(client.start(now));
    ClientSide seen;
    const auto exchange = [&] {
      for (int round = 0; round < 20; ++round) {
        while (const auto bytes = client.poll_transmit()) peer.handle(*bytes);
        for (; !peer.out.empty(); peer.out.pop_front()) client.handle_datagram(now, peer.out.front());
        while (const auto event = client.poll_event()) {
          if (const auto* e = std::get_if<AlertReceived>(&*event)) seen.warnings.push_back(e->alert);
          if (const auto* e = std::get_if<ClientDatagramReceived>(&*event))
            seen.received.emplace_back(as_text(e->plaintext));
        }
      }
    };
    // In clear, before the server has said a word, and in the session.
    const Bytes early{21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 1, 112};
    client.handle_datagram(now, early);
    exchange();
    ASSERT_TRUE(client.connected());
    peer.warn(Alert::user_canceled);
    peer.send("and on");
    exchange();
    EXPECT_EQ(seen.warnings, (std::vector{Alert::unrecognized_name, Alert::user_canceled})) << suite.gnutls;
    EXPECT_EQ(seen.received, std::vector<std::string>{"and on"});
    EXPECT_TRUE(client.connected());
  }
}

// [RFC 5246 §7.4.6]
TEST(DtlsForeignClient, WithoutACertificateIsRefusedAndTold) {
  const security::test::World world;
  SeededRandom random(1);
  ServerConfig config;
  config.next_peer = [] { return PeerId(7); };
  config.keys.chain = {world.server.certificate};
  config.keys.private_key = Secret(world.server.key.private_key.reveal());
  DtlsServer server(std::move(config), random);
  GnutlsPeer peer(Role::client, kSuites[0], {.proof = Proof::nothing});
  std::optional<HandshakeFailed> failed;
  for (int round = 0; round < 20; ++round) {
    for (; !peer.out.empty(); peer.out.pop_front())
      server.handle_datagram(TimePoint{seconds(1)}, Address::v4(127, 0, 0, 1, 40000), peer.out.front());
    while (const auto event = server.poll_event())
      if (const auto* e = std::get_if<HandshakeFailed>(&*event)) failed = *e;
    while (const auto transmit = server.poll_transmit()) peer.handle(transmit->bytes);
  }
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->failure.reason, FailureReason::untrusted);
  EXPECT_EQ(failed->failure.refused_by, Side::us);
  EXPECT_EQ(failed->failure.alert, Alert::handshake_failure);
  EXPECT_EQ(peer.alert(), static_cast<int>(Alert::handshake_failure));
}

std::string name_of(const testing::TestParamInfo<Case>& which) {
  constexpr const char* kNames[] = {"Ccm8", "Ccm", "Gcm", "Cbc", "EcdheCbc"};
  const std::string stack = std::get<0>(which.param) == Stack::gnutls ? "Gnutls" : "Openssl";
  return stack + kNames[std::get<1>(which.param)];
}
INSTANTIATE_TEST_SUITE_P(All, DtlsPeers,
                         testing::Combine(testing::Values(Stack::gnutls, Stack::openssl),
                                          testing::Range(std::size_t{0}, std::size(kSuites))),
                         name_of);

/// With a pre-shared key and ECDHE, so that the group is all that differs. What has less than 255 bits is not
/// taken, nor what nobody has asked for. [LwM2M-TRANSPORT 1.2 §5.2.2]
struct Group {
  const char* name;
  bool taken;
  [[nodiscard]] std::string choice() const {
    return std::string("AES-128-CBC:+SHA256:+ECDHE-PSK:-GROUP-ALL:+GROUP-") + name;
  }
};
constexpr Group kGroups[] = {
    {"SECP256R1", true}, {"X25519", true}, {"SECP384R1", true}, {"SECP192R1", false}, {"SECP521R1", false}};
constexpr auto kGroupSuite = CipherSuite::ecdhe_psk_aes_128_cbc_sha256;

class DtlsGroups : public testing::TestWithParam<Group> {};

TEST_P(DtlsGroups, OfAForeignClient) {
  SeededRandom random(1);
  ServerConfig config;
  config.next_peer = [] { return PeerId(7); };
  config.suites = {kGroupSuite};
  DtlsServer server(std::move(config), random);
  const auto choice = GetParam().choice();
  GnutlsPeer peer(Role::client, {kGroupSuite, choice.c_str(), nullptr});
  const auto from = Address::v4(127, 0, 0, 1, 40000);
  const TimePoint now{seconds(1)};
  bool established = false;
  std::optional<HandshakeFailed> failed;
  for (int round = 0; round < 20; ++round) {
    for (; !peer.out.empty(); peer.out.pop_front()) server.handle_datagram(now, from, peer.out.front());
    while (const auto event = server.poll_event()) {
      if (const auto* wanted = std::get_if<CredentialWanted>(&*event))
        server.credential(now, wanted->lookup, key_of(kKey));
      established = established || std::get_if<SessionEstablished>(&*event) != nullptr;
      if (const auto* e = std::get_if<HandshakeFailed>(&*event)) failed = *e;
    }
    while (const auto transmit = server.poll_transmit()) peer.handle(transmit->bytes);
  }
  EXPECT_EQ(established, GetParam().taken);
  EXPECT_EQ(peer.connected(), GetParam().taken);
  EXPECT_EQ(server.handshake_count(), 0u);
  if (GetParam().taken) return;
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->failure.alert, Alert::handshake_failure);
}

TEST_P(DtlsGroups, OfAForeignServer) {
  SeededRandom random(1);
  auto config = client_config();
  config.suites = {kGroupSuite};
  DtlsClient client(std::move(config), random);
  const auto choice = GetParam().choice();
  GnutlsPeer peer(Role::server, {kGroupSuite, choice.c_str(), nullptr});
  const TimePoint now{seconds(1)};
  ASSERT_TRUE(client.start(now));
  for (int round = 0; round < 20; ++round) {
    while (const auto bytes = client.poll_transmit()) peer.handle(*bytes);
    for (; !peer.out.empty(); peer.out.pop_front()) client.handle_datagram(now, peer.out.front());
  }
  EXPECT_EQ(client.connected(), GetParam().taken);
}

std::string name_of_group(const testing::TestParamInfo<Group>& group) {
  return group.param.name;
}
INSTANTIATE_TEST_SUITE_P(All, DtlsGroups, testing::ValuesIn(kGroups), name_of_group);

}  // namespace
}  // namespace slipway::security::dtls::test

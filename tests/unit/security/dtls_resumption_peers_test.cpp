// SPDX-License-Identifier: Apache-2.0
// Sessions resumed with other people's DTLS, either side, by session id and by ticket. [RFC 5246 §7.3] [RFC
// 5077]
#include "dtls_foreign_peers.hpp"
#include "dtls_without_cid.hpp"

namespace slipway::security::dtls::test {
namespace {

constexpr SuiteNames kPsk{CipherSuite::psk_aes_128_ccm_8, "AES-128-CCM-8", "PSK-AES128-CCM8"};
constexpr SuiteNames kEcdsa{CipherSuite::ecdhe_ecdsa_aes_128_ccm_8, "AES-128-CCM-8",
                            "ECDHE-ECDSA-AES128-CCM8"};
const auto kFrom = Address::v4(127, 0, 0, 1, 40000);

struct Case {
  Stack stack;
  IdentityKind kind;
  bool tickets;  ///< the peer knows them
  [[nodiscard]] Wish wish(Memory& memory) const {
    constexpr Proof kProofs[] = {Proof::psk, Proof::raw_public_key, Proof::certificate};
    return {.proof = kProofs[kind == IdentityKind::psk              ? 0
                             : kind == IdentityKind::raw_public_key ? 1
                                                                    : 2],
            .memory = &memory,
            .tickets = tickets};
  }
  [[nodiscard]] std::unique_ptr<ForeignPeer> peer(Role role, const Wish& wish) const {
    return make_peer(stack, role, kind == IdentityKind::psk ? kPsk : kEcdsa, wish);
  }
};

/// What happens to a datagram on its way.
enum class Fate { arrives, is_lost, comes_last, comes_twice };
using Fates = std::function<Fate(const Bytes&)>;

/// Moves what is there to the other end. What comes last still comes before an answer to the rest is heard.
void move_datagrams(std::deque<Bytes>& from, const Fates& fates, const std::function<void(ByteView)>& to) {
  std::deque<Bytes> last;
  for (; !from.empty(); from.pop_front()) {
    const auto fate = fates ? fates(from.front()) : Fate::arrives;
    if (fate == Fate::is_lost) continue;
    if (fate == Fate::comes_last) {
      last.push_back(from.front());
      continue;
    }
    to(from.front());
    if (fate == Fate::comes_twice) to(from.front());
  }
  for (const auto& datagram : last) to(datagram);
}

class OurServer {
 public:
  OurServer() : OurServer(server_without_cid()) {}
  explicit OurServer(ServerConfig config) : server(made(std::move(config)), random) {}

  void talk(ForeignPeer& peer) {
    for (int round = 0; round < 20; ++round) {
      move_datagrams(peer.out, up, [&](ByteView bytes) {
        server.handle_datagram(now, kFrom, bytes);
        poll_events();
      });
      // A whole flight has arrived, a datagram for each message.
      for (const auto& answer : std::exchange(answers_, {})) answer();
      poll_events();
      std::deque<Bytes> sent;
      while (const auto transmit = server.poll_transmit())
        sent.emplace_back(transmit->bytes.begin(), transmit->bytes.end());
      move_datagrams(sent, down, [&](ByteView bytes) { peer.handle(bytes); });
    }
  }
  void pass(Duration time) {
    now += time;
    server.handle_timeout(now);
  }
  /// Both say something, and the peer leaves.
  void expect_session(ForeignPeer& peer, bool resumed) {
    ASSERT_TRUE(peer.connected()) << (failed ? failed->failure.detail : "no answer");
    ASSERT_FALSE(established.empty());
    EXPECT_EQ(peer.resumed(), resumed);
    EXPECT_EQ(established.back().resumed, resumed);
    received.clear();
    peer.send("up");
    ASSERT_TRUE(server.send(now, established.back().peer, as_bytes("down")));
    talk(peer);
    EXPECT_EQ(received, std::vector<std::string>{"up"});
    EXPECT_EQ(peer.received, std::vector<std::string>{"down"});
    peer.close();
    talk(peer);
    EXPECT_EQ(server.session_count(), 0u);
  }

  TimePoint now{seconds(1)};
  Fates up, down;
  std::vector<SessionEstablished> established;
  std::optional<HandshakeFailed> failed;
  std::vector<std::string> received;
  std::string key{kKey};
  SeededRandom random{1};
  DtlsServer server;

 private:
  ServerConfig made(ServerConfig config) {
    config.next_peer = [this] { return PeerId(++last_peer_); };
    return config;
  }
  void poll_events() {
    while (const auto event = server.poll_event()) {
      if (const auto* wanted = std::get_if<CredentialWanted>(&*event))
        answers_.push_back([this, lookup = wanted->lookup, kind = wanted->kind] {
          if (kind == IdentityKind::psk)
            server.credential(now, lookup, key_of(key));
          else
            server.approve(now, lookup, Approval::known);
        });
      if (const auto* e = std::get_if<SessionEstablished>(&*event)) established.push_back(*e);
      if (const auto* e = std::get_if<HandshakeFailed>(&*event)) failed = *e;
      if (const auto* e = std::get_if<DatagramReceived>(&*event))
        received.emplace_back(as_text(e->plaintext));
    }
  }
  std::uint64_t last_peer_ = 0;
  std::vector<std::function<void()>> answers_;
};

class OurClient {
 public:
  explicit OurClient(IdentityKind kind, Secret kept = {}) : client(client_of(kind, std::move(kept)), random) {
    EXPECT_TRUE(client.start(now));
  }

  void talk(ForeignPeer& peer) {
    for (int round = 0; round < 20; ++round) {
      std::deque<Bytes> sent;
      while (const auto bytes = client.poll_transmit()) sent.emplace_back(bytes->begin(), bytes->end());
      move_datagrams(sent, up, [&](ByteView bytes) { peer.handle(bytes); });
      move_datagrams(peer.out, down, [&](ByteView bytes) { client.handle_datagram(now, bytes); });
      while (const auto event = client.poll_event()) {
        if (const auto* e = std::get_if<Connected>(&*event)) connected = *e;
        if (const auto* e = std::get_if<ConnectFailed>(&*event)) failed = *e;
        if (const auto* e = std::get_if<ClientDatagramReceived>(&*event))
          received.emplace_back(as_text(e->plaintext));
      }
    }
  }
  void pass(Duration time) {
    now += time;
    client.handle_timeout(now);
  }
  /// Time passes for both until they have come together.
  void talk_until_connected(ForeignPeer& peer) {
    talk(peer);
    for (int round = 0; round < 10 && !(connected && peer.connected()); ++round) {
      pass(seconds(2));
      talk(peer);
      if (!peer.connected()) peer.repeat();
      talk(peer);
    }
  }
  /// Both say something, and we leave; what is kept.
  Secret expect_session(ForeignPeer& peer, bool resumed) {
    EXPECT_TRUE(connected) << (failed ? failed->failure.detail : "no answer");
    EXPECT_TRUE(peer.connected());
    if (!connected) return {};
    EXPECT_EQ(peer.resumed(), resumed);
    EXPECT_EQ(connected->resumed, resumed);
    EXPECT_TRUE(client.send(now, as_bytes("up")));
    peer.send("down");
    talk(peer);
    EXPECT_EQ(peer.received, std::vector<std::string>{"up"});
    EXPECT_EQ(received, std::vector<std::string>{"down"});
    auto kept = client.take_resumption();
    client.end(now);
    talk(peer);
    EXPECT_TRUE(peer.closed);
    peer.close();
    return kept;
  }

  TimePoint now{seconds(1)};
  Fates up, down;
  std::optional<Connected> connected;
  std::optional<ConnectFailed> failed;
  std::vector<std::string> received;
  SeededRandom random{1};
  DtlsClient client;
};

class DtlsResumptionPeers : public testing::TestWithParam<Case> {
 protected:
  std::unique_ptr<ForeignPeer> foreign_client(const Wish& wish) {
    return GetParam().peer(Role::client, wish);
  }
  std::unique_ptr<ForeignPeer> foreign_server(const Wish& wish) {
    return GetParam().peer(Role::server, wish);
  }
  /// tests/interop loses datagrams of OpenSSL's, in real time.
  [[nodiscard]] bool repeats() const { return GetParam().stack == Stack::gnutls; }
  Wish wish() { return GetParam().wish(memory); }
  /// A session of a foreign client with our server, to its end.
  void visit(OurServer& ours, const Wish& how, bool resumed) {
    const auto peer = foreign_client(how);
    ours.talk(*peer);
    ours.expect_session(*peer, resumed);
  }
  /// One of our client with a foreign server.
  Secret visit(Secret kept, const Wish& how, bool resumed) {
    const auto peer = foreign_server(how);
    OurClient ours(GetParam().kind, std::move(kept));
    ours.talk(*peer);
    return ours.expect_session(*peer, resumed);
  }
  Memory memory;
};

TEST_P(DtlsResumptionPeers, AForeignClientResumesAtOurServer) {
  OurServer ours;
  visit(ours, wish(), false);
  visit(ours, wish(), true);
  visit(ours, wish(), true);
  EXPECT_EQ(ours.server.counters().handshakes_resumed, 2u);
  EXPECT_EQ(ours.server.resumable_count(), 1u);
}

TEST_P(DtlsResumptionPeers, AForeignClientIsMetAsNewWhereOurServerHasForgotten) {
  OurServer before;
  visit(before, wish(), false);
  OurServer ours;
  visit(ours, wish(), false);
  visit(ours, wish(), true);
}

TEST_P(DtlsResumptionPeers, AForeignClientWhoseKeyWasReplacedIsRefused) {
  if (GetParam().kind != IdentityKind::psk) return;
  OurServer ours;
  visit(ours, wish(), false);
  ours.key = "another key of 24 bytes.";
  const auto peer = foreign_client(wish());
  ours.talk(*peer);
  EXPECT_FALSE(peer->connected());
  ASSERT_TRUE(ours.failed);
  EXPECT_EQ(ours.failed->failure.reason, FailureReason::wrong_key);
}

/// Its last flight, and each datagram of it, comes again when our server repeats its own. [RFC 6347 §4.2.4]
TEST_P(DtlsResumptionPeers, AForeignClientsLastFlightMayBeLost) {
  for (int lost = 0; lost < 3; ++lost) {
    SCOPED_TRACE(lost);
    Memory fresh;
    OurServer ours;
    visit(ours, GetParam().wish(fresh), false);
    auto how = GetParam().wish(fresh);
    how.client_repeats = true;
    const auto peer = foreign_client(how);
    int last_flight = 0;
    ours.up = [&](const Bytes& datagram) {
      const bool is_of_it = datagram[0] == 20 || datagram[4] == 1;  // ChangeCipherSpec, and epoch 1
      const auto which = is_of_it ? last_flight++ : -1;
      return which >= 0 && (lost == 2 ? which < 2 : which == lost) ? Fate::is_lost : Fate::arrives;
    };
    ours.talk(*peer);
    EXPECT_TRUE(peer->connected());
    EXPECT_EQ(ours.established.size(), 1u);
    ours.pass(seconds(5));
    ours.talk(*peer);
    ASSERT_EQ(ours.established.size(), 2u) << (ours.failed ? ours.failed->failure.detail : "no answer");
    ours.expect_session(*peer, true);
  }
}

/// Nothing that a client without one leaves is resumed. [RFC 7627 §5.3]
TEST_P(DtlsResumptionPeers, OurServerKeepsNothingWithoutAnExtendedMasterSecret) {
  auto how = wish();
  how.extended_master_secret = false;
  OurServer ours;
  visit(ours, how, false);
  EXPECT_EQ(ours.server.resumable_count(), 0u);
  visit(ours, how, false);
}

TEST_P(DtlsResumptionPeers, OurClientResumesAtAForeignServer) {
  auto kept = visit({}, wish(), false);
  ASSERT_FALSE(kept.empty());
  kept = visit(std::move(kept), wish(), true);
  ASSERT_FALSE(kept.empty());
  EXPECT_FALSE(visit(std::move(kept), wish(), true).empty());
}

TEST_P(DtlsResumptionPeers, OurClientKeepsTheNewSessionWhereAForeignServerHasForgotten) {
  auto kept = visit({}, wish(), false);
  Memory other;
  kept = visit(std::move(kept), GetParam().wish(other), false);
  ASSERT_FALSE(kept.empty());
  EXPECT_FALSE(visit(std::move(kept), GetParam().wish(other), true).empty());
}

TEST_P(DtlsResumptionPeers, OurClientKeepsNothingWithoutAnExtendedMasterSecret) {
  auto how = wish();
  how.extended_master_secret = false;
  EXPECT_TRUE(visit({}, how, false).empty());
}

/// The server repeats its flight, and ours comes again. [RFC 6347 §4.2.4]
TEST_P(DtlsResumptionPeers, OurLastFlightMayBeLost) {
  if (!repeats()) return;
  auto kept = visit({}, wish(), false);
  const auto peer = foreign_server(wish());
  OurClient ours(GetParam().kind, std::move(kept));
  int lost = 0;
  ours.up = [&](const Bytes& datagram) {
    return datagram[0] == 20 && lost < 2 && ++lost != 0 ? Fate::is_lost : Fate::arrives;
  };
  ours.talk_until_connected(*peer);
  EXPECT_EQ(lost, 2);
  EXPECT_FALSE(ours.expect_session(*peer, true).empty());
}

/// Each datagram of the server, of a whole handshake and of a resumed one, is lost, late, or comes twice;
/// NewSessionTicket among them. What is kept resumes.
TEST_P(DtlsResumptionPeers, ForeignTicketsComeThroughBadWeather) {
  auto how = wish();
  for (const auto fate : {Fate::comes_last, Fate::comes_twice, Fate::is_lost}) {
    if (fate != Fate::comes_twice && !repeats()) continue;
    for (int which = 0; which < 12; ++which) {
      SCOPED_TRACE(testing::Message() << "fate " << static_cast<int>(fate) << " of datagram " << which);
      Memory fresh;
      how.memory = &fresh;
      Secret kept;
      for (const bool resumed : {false, true, true}) {
        const auto peer = foreign_server(how);
        OurClient ours(GetParam().kind, std::move(kept));
        int at = 0;
        ours.down = [&](const Bytes&) { return at++ == which ? fate : Fate::arrives; };
        ours.talk_until_connected(*peer);
        ours.down = {};
        kept = ours.expect_session(*peer, resumed);
        ASSERT_FALSE(kept.empty());
      }
    }
  }
}

/// A new ticket comes in a resumed handshake. The old one is kept: its session is as old as it was. [RFC 5077
/// §3.3]
TEST_P(DtlsResumptionPeers, AForeignServerMayRenewItsTicket) {
  if (GetParam().stack != Stack::openssl || !GetParam().tickets) return;
  auto how = wish();
  how.renews = true;
  auto kept = visit({}, how, false);
  for (int i = 0; i < 3; ++i) kept = visit(std::move(kept), how, true);
  EXPECT_EQ(memory.tickets_renewed, 3u);
  EXPECT_FALSE(kept.empty());
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const auto stack : {Stack::gnutls, Stack::openssl})
    for (const auto kind : {IdentityKind::psk, IdentityKind::raw_public_key, IdentityKind::certificate})
      for (const bool tickets : {false, true})
        if (stack == Stack::gnutls || kind != IdentityKind::raw_public_key)
          all.push_back({stack, kind, tickets});
  return all;
}
std::string name_of(const testing::TestParamInfo<Case>& which) {
  const auto kind = which.param.kind;
  return std::string(which.param.stack == Stack::gnutls ? "Gnutls" : "Openssl") +
         (kind == IdentityKind::psk              ? "Psk"
          : kind == IdentityKind::raw_public_key ? "Rpk"
                                                 : "X509") +
         (which.param.tickets ? "WithTickets" : "ByIds");
}
INSTANTIATE_TEST_SUITE_P(All, DtlsResumptionPeers, testing::ValuesIn(cases()), name_of);

}  // namespace
}  // namespace slipway::security::dtls::test

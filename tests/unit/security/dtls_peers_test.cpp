// SPDX-License-Identifier: Apache-2.0
// Against other people's DTLS in this process: GnuTLS's own session and OpenSSL, both sides, over memory.
#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <deque>

#include "dtls_link.hpp"
#include "pki.hpp"

namespace slipway::security::dtls::test {
namespace {

enum class Role { client, server };
/// What a peer proves itself with.
enum class Proof { psk, nothing };

/// Another implementation's end of a session, as a thing that takes and gives datagrams.
class ForeignPeer {
 public:
  virtual ~ForeignPeer() = default;
  virtual void handle(ByteView datagram) = 0;
  [[nodiscard]] virtual bool connected() const = 0;
  virtual void send(std::string_view text) = 0;
  virtual void close() = 0;
  /// Begins another handshake inside the session.
  virtual void renegotiate() = 0;
  std::deque<Bytes> out;
  std::vector<std::string> received;
  bool closed = false;
};

struct SuiteNames {
  CipherSuite suite;
  const char* gnutls;
  const char* openssl;
  const char* exchange = ":+PSK";  ///< in the words of GnuTLS
};
constexpr SuiteNames kSuites[] = {
    {CipherSuite::psk_aes_128_ccm_8, "AES-128-CCM-8", "PSK-AES128-CCM8"},
    {CipherSuite::psk_aes_128_ccm, "AES-128-CCM", "PSK-AES128-CCM"},
    {CipherSuite::psk_aes_128_gcm_sha256, "AES-128-GCM", "PSK-AES128-GCM-SHA256"},
    {CipherSuite::psk_aes_128_cbc_sha256, "AES-128-CBC:+SHA256", "PSK-AES128-CBC-SHA256"},
    {CipherSuite::ecdhe_psk_aes_128_cbc_sha256, "AES-128-CBC:+SHA256", "ECDHE-PSK-AES128-CBC-SHA256",
     ":+ECDHE-PSK"},
};

class GnutlsPeer final : public ForeignPeer {
 public:
  GnutlsPeer(Role role, const SuiteNames& suite, Proof proof = Proof::psk) {
    const bool server = role == Role::server;
    gnutls_init(&session_, (server ? GNUTLS_SERVER : GNUTLS_CLIENT) | GNUTLS_DATAGRAM | GNUTLS_NONBLOCK);
    const auto priority = std::string(
                              "NONE:+VERS-DTLS1.2:+AEAD:+COMP-NULL:+SIGN-ALL:+GROUP-ALL:+CTYPE-CLI-X509:"
                              "+CTYPE-SRV-X509:+") +
                          suite.gnutls + (proof == Proof::psk ? suite.exchange : ":+ECDHE-ECDSA");
    EXPECT_GE(gnutls_priority_set_direct(session_, priority.c_str(), nullptr), 0);
    gnutls_psk_allocate_server_credentials(&server_);
    gnutls_psk_allocate_client_credentials(&client_);
    gnutls_psk_set_server_credentials_function(
        server_, [](gnutls_session_t, const char*, gnutls_datum_t* key) {
          key->data = static_cast<unsigned char*>(gnutls_malloc(kKey.size()));
          std::copy(kKey.begin(), kKey.end(), key->data);
          key->size = static_cast<unsigned>(kKey.size());
          return 0;
        });
    const gnutls_datum_t key{reinterpret_cast<unsigned char*>(const_cast<char*>(kKey.data())),
                             static_cast<unsigned>(kKey.size())};
    gnutls_psk_set_client_credentials(client_, std::string(kIdentity).c_str(), &key, GNUTLS_PSK_KEY_RAW);
    gnutls_certificate_allocate_credentials(&none_);
    if (proof == Proof::psk)
      gnutls_credentials_set(session_, GNUTLS_CRD_PSK, server ? static_cast<void*>(server_) : client_);
    else
      gnutls_credentials_set(session_, GNUTLS_CRD_CERTIFICATE, none_);
    gnutls_transport_set_ptr(session_, this);
    gnutls_transport_set_push_function(
        session_, [](gnutls_transport_ptr_t self, const void* data, size_t size) {
          const auto* bytes = static_cast<const std::uint8_t*>(data);
          static_cast<GnutlsPeer*>(self)->out.emplace_back(bytes, bytes + size);
          return static_cast<ssize_t>(size);
        });
    gnutls_transport_set_pull_function(
        session_, [](gnutls_transport_ptr_t self, void* data, size_t size) -> ssize_t {
          auto& peer = *static_cast<GnutlsPeer*>(self);
          if (peer.in_.empty()) {
            gnutls_transport_set_errno(peer.session_, EAGAIN);
            return -1;
          }
          const auto count = std::min(size, peer.in_.front().size());
          std::copy_n(peer.in_.front().begin(), count, static_cast<std::uint8_t*>(data));
          peer.in_.pop_front();
          return static_cast<ssize_t>(count);
        });
    gnutls_transport_set_pull_timeout_function(session_, [](gnutls_transport_ptr_t self, unsigned) {
      return static_cast<GnutlsPeer*>(self)->in_.empty() ? 0 : 1;
    });
    gnutls_dtls_set_mtu(session_, 1200);
    if (server) gnutls_dtls_set_timeouts(session_, 0, 60'000);  // it answers at once what comes again
    if (!server) step();
  }
  ~GnutlsPeer() override {
    gnutls_deinit(session_);
    gnutls_psk_free_server_credentials(server_);
    gnutls_psk_free_client_credentials(client_);
    gnutls_certificate_free_credentials(none_);
  }
  void handle(ByteView datagram) override {
    in_.emplace_back(datagram.begin(), datagram.end());
    step();
  }
  bool connected() const override { return connected_; }
  void send(std::string_view text) override { gnutls_record_send(session_, text.data(), text.size()); }
  void close() override { gnutls_bye(session_, GNUTLS_SHUT_WR); }
  void renegotiate() override {
    const bool is_server = gnutls_rehandshake(session_) == GNUTLS_E_SUCCESS;
    if (!is_server) (void)gnutls_handshake(session_);
  }
  void warn(Alert alert) {
    gnutls_alert_send(session_, GNUTLS_AL_WARNING, static_cast<gnutls_alert_description_t>(alert));
  }
  /// The last one that it got.
  [[nodiscard]] int alert() const { return gnutls_alert_get(session_); }

 private:
  void step() {
    do {
      if (!connected_) connected_ = gnutls_handshake(session_) == GNUTLS_E_SUCCESS;
      if (!connected_) continue;
      char text[2000];
      const auto size = gnutls_record_recv(session_, text, sizeof text);
      if (size > 0) received.emplace_back(text, static_cast<std::size_t>(size));
      if (size == 0) closed = true;
    } while (!in_.empty());
  }
  gnutls_session_t session_ = nullptr;
  gnutls_psk_server_credentials_t server_ = nullptr;
  gnutls_psk_client_credentials_t client_ = nullptr;
  gnutls_certificate_credentials_t none_ = nullptr;
  std::deque<Bytes> in_;
  bool connected_ = false;
};

class OpensslPeer final : public ForeignPeer {
 public:
  OpensslPeer(Role role, const SuiteNames& suite)
      : context_(SSL_CTX_new(role == Role::server ? DTLS_server_method() : DTLS_client_method())) {
    SSL_CTX_set_security_level(context_, 0);
    EXPECT_EQ(SSL_CTX_set_cipher_list(context_, suite.openssl), 1);
    SSL_CTX_set_psk_server_callback(context_, [](SSL*, const char* identity, unsigned char* key, unsigned) {
      if (identity != kIdentity) return 0u;
      std::copy(kKey.begin(), kKey.end(), key);
      return static_cast<unsigned>(kKey.size());
    });
    SSL_CTX_set_psk_client_callback(
        context_, [](SSL*, const char*, char* identity, unsigned room, unsigned char* key, unsigned) {
          EXPECT_GT(room, kIdentity.size());
          std::copy(kIdentity.begin(), kIdentity.end(), identity);
          identity[kIdentity.size()] = 0;
          std::copy(kKey.begin(), kKey.end(), key);
          return static_cast<unsigned>(kKey.size());
        });
    ssl_ = SSL_new(context_);
    in_ = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in_, -1);
    out_ = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(out_, -1);
    SSL_set_bio(ssl_, in_, out_);
    SSL_set_options(ssl_, SSL_OP_NO_QUERY_MTU);
    DTLS_set_link_mtu(ssl_, 1200);
    role == Role::server ? SSL_set_accept_state(ssl_) : SSL_set_connect_state(ssl_);
    if (role == Role::client) step();
  }
  ~OpensslPeer() override {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  void handle(ByteView datagram) override {
    BIO_write(in_, datagram.data(), static_cast<int>(datagram.size()));
    step();
  }
  bool connected() const override { return SSL_is_init_finished(ssl_) == 1; }
  void send(std::string_view text) override {
    SSL_write(ssl_, text.data(), static_cast<int>(text.size()));
    collect();
  }
  void close() override {
    SSL_shutdown(ssl_);
    collect();
  }
  void renegotiate() override {
    SSL_renegotiate(ssl_);
    SSL_do_handshake(ssl_);
    ERR_clear_error();
    collect();
  }

 private:
  void step() {
    if (!connected()) SSL_do_handshake(ssl_);
    char text[2000];
    for (int size; connected() && (size = SSL_read(ssl_, text, sizeof text)) > 0;)
      received.emplace_back(text, static_cast<std::size_t>(size));
    closed = (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0;
    ERR_clear_error();
    collect();
  }
  /// A memory BIO forgets where datagrams end; any split between records will do.
  void collect() {
    char buffer[8192];
    const int size = BIO_read(out_, buffer, sizeof buffer);
    if (size <= 0) return;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(buffer);
    for (std::size_t at = 0; at + 13 <= static_cast<std::size_t>(size);) {
      const auto length = 13 + static_cast<std::size_t>(bytes[at + 11] << 8 | bytes[at + 12]);
      out.emplace_back(bytes + at, bytes + at + length);
      at += length;
    }
  }
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
  BIO *in_ = nullptr, *out_ = nullptr;
};

enum class Stack { gnutls, openssl };
using Case = std::tuple<Stack, std::size_t>;

std::unique_ptr<ForeignPeer> make_peer(const Case& which, Role role) {
  const auto& suite = kSuites[std::get<1>(which)];
  if (std::get<0>(which) == Stack::gnutls) return std::make_unique<GnutlsPeer>(role, suite);
  return std::make_unique<OpensslPeer>(role, suite);
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
  GnutlsPeer peer(Role::client, kSuites[0], Proof::nothing);
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

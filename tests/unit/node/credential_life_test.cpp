// SPDX-License-Identifier: Apache-2.0
// No session outlives its credential, and no credential takes what is for all: a whole node on a socket, and
// devices whose last words the test holds back.
#include <gtest/gtest.h>

#include <poll.h>

#include <future>
#include <thread>

#include <slipway/net/clock.hpp>
#include <slipway/node/node.hpp>
#include <slipway/security/dtls/client.hpp>

#include "node/server_node.hpp"
#include "security/dtls/wire.hpp"
#include "support/temporary_folder.hpp"

namespace slipway::node {
namespace {

namespace dtls = security::dtls;
using fleet::ServerRole;

constexpr auto kPatience = std::chrono::seconds(10);

class RunningNode {
 public:
  RunningNode() {
    Settings settings;
    settings.server.data = folder_.file("data");
    settings.server.bootstrap = {.coap = "", .coaps = ""};
    settings.server.management = {.coap = "", .coaps = "127.0.0.1:0"};
    auto made = Node::create(std::move(settings), {}, builtin_objects());
    EXPECT_TRUE(made) << (made ? "" : made.error());
    node_ = std::move(*made);
    address = *Address::parse(node_->listening().management_coaps);
    thread_ = std::thread([this] { node_->run(); });
  }
  ~RunningNode() {
    node_->stop();
    thread_.join();
  }

  /// Runs on the node's loop, until it has called what it was given.
  template <class Answer>
  Answer ask(std::function<void(Node&, std::function<void(Answer)>)> question) {
    std::promise<Answer> answer;
    (void)node_->post([&] { question(*node_, [&](Answer told) { answer.set_value(std::move(told)); }); });
    auto future = answer.get_future();
    EXPECT_EQ(future.wait_for(kPatience), std::future_status::ready);
    return future.get();
  }
  void keep(std::string_view identity) {
    fleet::Credential credential{.endpoint = "lamp",
                                 .role = ServerRole::management,
                                 .server = ShortServerId(101),
                                 .identity = Bytes(identity.begin(), identity.end()),
                                 .key = Secret(as_bytes(std::string(16, identity[0])))};
    auto given = std::make_shared<std::vector<fleet::Credential>>();
    given->push_back(std::move(credential));
    EXPECT_TRUE(ask<bool>([&](Node& node, auto done) {
      node.keep_credentials(std::move(*given), [done](const auto& outcome) { done(outcome.has_value()); });
    }));
  }
  std::size_t revoke() {
    return ask<std::size_t>([](Node& node, auto done) {
      node.revoke("lamp", ServerRole::management, [done](const auto& outcome) { done(outcome.value_or(0)); });
    });
  }
  /// What was sent before has been received, asked of the store, and answered.
  void settle() {
    for (int turn = 0; turn < 3; ++turn)
      (void)ask<bool>([](Node& node, auto done) {
        node.credentials("lamp", [done](const auto& outcome) { done(outcome.has_value()); });
      });
  }
  double figure(std::string_view name) {
    return ask<double>([name](Node& node, auto done) {
      for (const auto& one : node.figures())
        if (one.name == name) return done(one.value);
      done(-1);
    });
  }
  Address address;

 private:
  testing::TemporaryFolder folder_;
  std::unique_ptr<Node> node_;
  std::thread thread_;
};

class Device {
 public:
  Device(RunningNode& node, std::string_view identity, Secret resumption = {})
      : server_(node.address), socket_(*net::UdpSocket::bind(Address::v4(127, 0, 0, 1, 0))) {
    dtls::ClientConfig config{.credential =
                                  dtls::PskCredential{*dtls::PskIdentity::from(as_bytes(identity)),
                                                      Secret(as_bytes(std::string(16, identity[0])))}};
    config.resumption = std::move(resumption);
    client = std::make_unique<dtls::DtlsClient>(std::move(config), random_);
    start();
  }
  void start() { EXPECT_TRUE(client->start(net::steady_now())); }

  template <class Condition>
  bool until(Condition&& holds) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    for (send(); !holds(); send()) {
      if (std::chrono::steady_clock::now() > end) return false;
      pollfd wait{.fd = socket_.fd(), .events = POLLIN, .revents = 0};
      ::poll(&wait, 1, 20);
      for (const auto& datagram : socket_.receive(batch_))
        client->handle_datagram(net::steady_now(), datagram.bytes);
      client->handle_timeout(net::steady_now());
      note();
    }
    return true;
  }
  bool connect() {
    return until([&] { return client->connected() || failed; });
  }
  /// What was held back goes now.
  void release() {
    hold_finished = false;
    for (const auto& record : held_) (void)socket_.send(server_, record);
    held_.clear();
    (void)socket_.flush();
  }
  [[nodiscard]] bool holds() const { return !held_.empty(); }
  /// Whether something has come that was not read yet.
  [[nodiscard]] bool has_mail() const {
    pollfd look{.fd = socket_.fd(), .events = POLLIN, .revents = 0};
    return ::poll(&look, 1, 0) == 1;
  }

  std::unique_ptr<dtls::DtlsClient> client;
  std::optional<dtls::ConnectFailed> failed;
  std::optional<dtls::ClientSessionEnded> ended;
  bool hold_finished = false;  ///< a ChangeCipherSpec and all behind it

 private:
  void note() {
    while (const auto event = client->poll_event()) {
      if (const auto* e = std::get_if<dtls::ConnectFailed>(&*event)) failed = *e;
      if (const auto* e = std::get_if<dtls::ClientSessionEnded>(&*event)) ended = *e;
    }
  }
  void send() {
    note();
    while (const auto datagram = client->poll_transmit())
      for (ByteReader reader(*datagram); !reader.empty();) {
        const auto record = dtls::read_record(reader, dtls::ServerConfig().cid_size);
        ASSERT_TRUE(record);
        const bool last = record->epoch != 0 || record->type == dtls::ContentType::change_cipher_spec;
        if (hold_finished && last)
          held_.emplace_back(record->whole.begin(), record->whole.end());
        else
          (void)socket_.send(server_, record->whole);
      }
    (void)socket_.flush();
  }

  SeededRandom random_{7};
  Address server_;
  net::UdpSocket socket_;
  net::ReceiveBatch batch_;
  std::vector<Bytes> held_;
};

TEST(CredentialLife, OneRevokedInTheMiddleOfAHandshakeOpensNothing) {
  RunningNode node;
  node.keep("a-key");
  Device device(node, "a-key");
  device.hold_finished = true;
  ASSERT_TRUE(device.until([&] { return device.holds(); }));
  node.settle();  // its key has been fetched by now
  EXPECT_EQ(node.revoke(), 1u);
  device.release();
  ASSERT_TRUE(device.connect());
  ASSERT_TRUE(device.failed);
  EXPECT_EQ(device.failed->failure.refused_by, dtls::Side::peer);
  EXPECT_EQ(device.failed->failure.alert, dtls::Alert::access_denied);
  EXPECT_EQ(node.figure("slipway_dtls_sessions"), 0);
}

TEST(CredentialLife, ANewerOneEndsTheSessionsOfTheOlder) {
  RunningNode node;
  node.keep("a-key");
  Device old(node, "a-key");
  ASSERT_TRUE(old.connect());
  ASSERT_TRUE(old.client->connected());
  node.keep("b-key");
  Device half_way(node, "a-key");
  half_way.hold_finished = true;
  ASSERT_TRUE(half_way.until([&] { return half_way.holds(); }));
  node.settle();
  EXPECT_TRUE(old.client->connected()) << "issued is not proven";
  Device renewed(node, "b-key");
  ASSERT_TRUE(renewed.connect());
  ASSERT_TRUE(renewed.client->connected());
  ASSERT_TRUE(old.until([&] { return old.ended.has_value(); }));
  EXPECT_EQ(old.ended->reason, dtls::SessionEnd::closed_by_peer) << "nobody is sent into a bootstrap";
  half_way.release();
  ASSERT_TRUE(half_way.connect());
  EXPECT_TRUE(half_way.failed);
  EXPECT_TRUE(renewed.client->connected());
  EXPECT_EQ(node.figure("slipway_dtls_sessions"), 1);
}

TEST(CredentialLife, OneHasSoManySessionsAndItsOldestMakesRoom) {
  RunningNode node;
  node.keep("a-key");
  std::vector<std::unique_ptr<Device>> devices;
  for (std::size_t i = 0; i < kSessionsPerCredentialMax + 2; ++i) {
    devices.push_back(std::make_unique<Device>(node, "a-key"));
    ASSERT_TRUE(devices.back()->connect());
    ASSERT_TRUE(devices.back()->client->connected());
  }
  for (std::size_t i = 0; i < 2; ++i)
    EXPECT_TRUE(devices[i]->until([&] { return devices[i]->ended.has_value(); })) << i;
  EXPECT_EQ(node.figure("slipway_dtls_sessions"), kSessionsPerCredentialMax);
}

/// What is written about a refusal takes a time that depends on whose identity it was.
TEST(CredentialLife, ARefusalGoesBeforeAnythingIsWrittenAboutIt) {
  RunningNode node;
  Device stranger(node, "nobody");
  stranger.hold_finished = true;
  ASSERT_TRUE(stranger.until([&] { return stranger.holds(); }));
  std::promise<bool> gone;
  (void)node.ask<bool>([&](Node& real, auto done) {
    real.on_event([&](std::string_view name, const auto&) {
      if (name == "handshake-failed") gone.set_value(stranger.has_mail());
    });
    done(true);
  });
  node.settle();
  EXPECT_FALSE(stranger.has_mail());
  stranger.release();
  auto had_gone = gone.get_future();
  ASSERT_EQ(had_gone.wait_for(kPatience), std::future_status::ready);
  EXPECT_TRUE(had_gone.get());
}

TEST(CredentialLife, AHandshakeThatIsGoneBeforeTheStoreAnswersLeavesNothing) {
  RunningNode node;
  node.keep("a-key");
  Device device(node, "a-key");
  device.hold_finished = true;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(device.until([&] { return device.holds(); }));
    device.client->end(net::steady_now());  // an alert right behind the question
    (void)device.until([] { return true; });
    device.release();
    device.hold_finished = true;
    device.start();
  }
  device.client->end(net::steady_now());
  (void)device.until([] { return true; });
  node.settle();
  EXPECT_EQ(node.figure("slipway_handshakes_looked_up"), node.figure("slipway_dtls_handshakes"));
}

}  // namespace
}  // namespace slipway::node

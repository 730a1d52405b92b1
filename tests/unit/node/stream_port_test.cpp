// SPDX-License-Identifier: Apache-2.0
// A TCP port of a server with visitors on loopback: who comes, who stays away, who is cut. [RFC 8323]
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <slipway/net/clock.hpp>

#include "node/stream_port.hpp"
#include "unit/security/pki.hpp"

namespace slipway::node {
namespace {

namespace tls = security::tls;
using security::dtls::Alert;

constexpr std::string_view kIdentity = "urn:dev:os:lamp";
constexpr std::string_view kKey = "0123456789abcdef";

Bytes frame_of(coap::Code code, std::string_view payload, std::uint8_t token = 1) {
  Bytes room(payload.size() + 64);
  const std::uint8_t bytes[] = {token};
  coap::MessageWriter writer(room, code, coap::Token(bytes));
  writer.payload(as_bytes(payload));
  const auto frame = *writer.finish();
  return Bytes(frame.begin(), frame.end());
}

/// A client: TCP, TLS where it has a key, and CoAP, moved by `turn`.
class Visitor {
 public:
  Visitor(net::EventLoop& loop, const Address& server, std::optional<std::string_view> key)
      : loop_(loop), tcp(std::move(*net::TcpConnection::connect(server))) {
    const auto now = net::steady_now();
    if (key) {
      tls::ClientConfig config{
          .credential = security::dtls::PskCredential{*security::dtls::PskIdentity::from(as_bytes(kIdentity)),
                                                      Secret(as_bytes(*key))}};
      session = std::move(*tls::TlsSession::connect(now, std::move(config), random_));
    } else {
      coap.emplace(now, coap::StreamConfig{});
    }
    EXPECT_TRUE(loop_.watch(tcp.fd(), net::Interest::read_write, [this](net::Readiness) { turn(); }));
  }
  ~Visitor() { loop_.forget(tcp.fd()); }
  Visitor(const Visitor&) = delete;
  Visitor& operator=(const Visitor&) = delete;

  void turn() {
    const auto now = net::steady_now();
    if (!tcp.connected().value_or(false)) return;
    (void)tcp.flush();
    Bytes buffer(16 * 1024);
    while (reads) {
      const auto reading = tcp.receive(buffer);
      if (reading.status != net::TcpConnection::Received::data) {
        ended = ended || reading.status != net::TcpConnection::Received::nothing;
        break;
      }
      if (session)
        session->handle_bytes(now, reading.bytes);
      else
        coap->handle_bytes(now, reading.bytes);
      drain(now);
    }
    if (speaks) drain(now);
    (void)loop_.change(tcp.fd(), net::Interest::read);
  }
  void send(ByteView frame) {
    EXPECT_TRUE(coap->send(net::steady_now(), frame));
    drain(net::steady_now());
  }

  net::EventLoop& loop_;
  SeededRandom random_{3};
  net::TcpConnection tcp;
  std::unique_ptr<tls::TlsSession> session;
  std::optional<coap::StreamConnection> coap;
  bool reads = true, speaks = true;
  bool ready = false, ended = false;
  std::optional<Alert> alert;
  std::optional<coap::StreamEnd> end;
  std::vector<std::string> heard;  ///< payloads

 private:
  void drain(TimePoint now) {
    if (session) {
      while (const auto event = session->poll_event()) {
        if (std::holds_alternative<tls::Established>(*event)) coap.emplace(now, coap::StreamConfig{});
        if (const auto* bytes = std::get_if<tls::BytesReceived>(&*event))
          coap->handle_bytes(now, bytes->plaintext);
        if (const auto* failed = std::get_if<tls::HandshakeFailed>(&*event)) alert = failed->failure.alert;
        if (const auto* over = std::get_if<tls::SessionEnded>(&*event)) alert = over->alert;
        drain_coap();
      }
    }
    drain_coap();
    if (!speaks) return;
    if (session) {
      if (coap && session->established() && !coap->poll_output().empty()) {
        const auto plain = coap->poll_output();
        if (session->write(plain)) coap->taken(now, plain.size());
      }
      const auto out = session->poll_output();
      if (!out.empty() && tcp.send(out) != net::TcpStatus::full) session->taken(out.size());
    } else {
      const auto out = coap->poll_output();
      if (!out.empty() && tcp.send(out) != net::TcpStatus::full) coap->taken(now, out.size());
    }
  }
  void drain_coap() {
    if (!coap) return;
    while (const auto event = coap->poll_event()) {
      if (std::holds_alternative<coap::StreamReady>(*event)) ready = true;
      if (const auto* closed = std::get_if<coap::StreamClosed>(&*event)) end = closed->end;
      if (const auto* message = std::get_if<coap::StreamMessage>(&*event))
        heard.emplace_back(as_text(coap::Message::parse_frame(message->frame)->payload));
    }
  }
};

enum class Kind : std::uint8_t { plain, secure };

class Scene {
 public:
  explicit Scene(Kind kind, StreamLimits limits = {}) : loop(std::move(*net::EventLoop::create())) {
    std::unique_ptr<tls::TlsServer> server;
    if (kind == Kind::secure) server = std::move(*tls::TlsServer::create({}, random));
    auto made = StreamPort::open(*loop, *Address::parse("127.0.0.1:0"), limits, hooks(), std::move(server));
    EXPECT_TRUE(made) << made.error().message();
    port = std::move(*made);
  }

  Visitor& visit(std::optional<std::string_view> key = std::nullopt) {
    visitors.push_back(std::make_unique<Visitor>(*loop, port->local_address(), key));
    return *visitors.back();
  }

  /// Turns the loop until it is so; a failure after 10 s.
  template <class Condition>
  void until(Condition&& condition) {
    const auto give_up = net::steady_now() + seconds(10);
    loop->run({.next_deadline = [&] { return std::optional(give_up); },
               .deadline_reached =
                   [&](TimePoint) {
                     ADD_FAILURE() << "it did not come to that";
                     loop->stop();
                   },
               .turn_ended =
                   [&] {
                     if (condition())
                       loop->stop();
                     else
                       (void)loop->post([] {});  // conditions change by what handlers do: look again
                   }});
  }

  SeededRandom random{5};
  std::unique_ptr<net::EventLoop> loop;
  std::unique_ptr<StreamPort> port;
  std::vector<std::unique_ptr<Visitor>> visitors;
  std::vector<PeerId> opened, ready, gone;
  std::vector<std::pair<PeerId, std::string>> messages;
  std::vector<std::pair<PeerId, StreamGone>> closed;
  std::vector<security::dtls::HandshakeFailure> failures;
  std::function<void()> on_failure = [] {};
  bool echo = true;

 private:
  StreamHooks hooks() {
    return {
        .next_peer = [this] { return PeerId(++last_); },
        .wall = [] { return security::test::kToday; },
        .credential_wanted =
            [this](TimePoint now, PeerId peer, const Address&, const tls::CredentialWanted& wanted) {
              const bool known = as_text(wanted.identity) == kIdentity;
              // As a store does: later.
              (void)loop->post([this, now, peer, known] {
                port->credential(now, peer, known ? std::optional(Secret(as_bytes(kKey))) : std::nullopt);
              });
            },
        .opened = [this](TimePoint, PeerId peer, const Address&,
                         const tls::Established*) { opened.push_back(peer); },
        .handshake_failed =
            [this](TimePoint, PeerId, const Address&, const tls::HandshakeFailed& e) {
              failures.push_back(e.failure);
              on_failure();
            },
        .ready = [this](TimePoint, PeerId peer, const coap::Reliable&) { ready.push_back(peer); },
        .message =
            [this](TimePoint now, PeerId peer, ByteView frame) {
              messages.emplace_back(peer, as_text(coap::Message::parse_frame(frame)->payload));
              if (echo) (void)port->send(now, peer, frame_of(coap::Code::content, messages.back().second));
            },
        .closed = [this](TimePoint, PeerId peer, const StreamGone& how) { closed.emplace_back(peer, how); },
        .trouble = [](const net::SystemError&) {},
        .gone = [this](PeerId peer) { gone.push_back(peer); }};
  }
  std::uint64_t last_ = 0;
};

class EveryPort : public testing::TestWithParam<Kind> {
 protected:
  [[nodiscard]] static std::optional<std::string_view> key() {
    return GetParam() == Kind::secure ? std::optional(kKey) : std::nullopt;
  }
};
std::string name_of_kind(const testing::TestParamInfo<Kind>& kind) {
  return kind.param == Kind::secure ? "Tls" : "Tcp";
}
INSTANTIATE_TEST_SUITE_P(StreamPort, EveryPort, testing::Values(Kind::plain, Kind::secure), name_of_kind);

TEST_P(EveryPort, CarriesMessagesBothWays) {
  Scene scene(GetParam());
  auto& visitor = scene.visit(key());
  scene.until([&] { return visitor.ready; });
  visitor.send(frame_of(coap::Code::get, "one"));
  visitor.send(frame_of(coap::Code::get, "two"));
  scene.until([&] { return visitor.heard.size() == 2; });
  EXPECT_EQ(visitor.heard, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(scene.opened.size(), 1u);
  EXPECT_EQ(scene.port->connection_count(), 1u);
  EXPECT_EQ(scene.port->opening_count(), 0u);
}

TEST_P(EveryPort, CarriesALargeBodyInOneMessage) {
  Scene scene(GetParam());
  auto& visitor = scene.visit(key());
  scene.until([&] { return visitor.ready; });
  const std::string body(60'000, 'b');
  visitor.send(frame_of(coap::Code::get, body));
  scene.until([&] { return !visitor.heard.empty(); });
  EXPECT_TRUE(visitor.heard[0] == body);
}

TEST_P(EveryPort, TellsOnceThatAPeerIsGone) {
  Scene scene(GetParam());
  auto& visitor = scene.visit(key());
  scene.until([&] { return visitor.ready && !scene.ready.empty(); });
  scene.visitors.clear();
  scene.until([&] { return scene.port->connection_count() == 0; });
  ASSERT_EQ(scene.closed.size(), 1u);
  EXPECT_EQ(scene.closed[0].first, scene.opened[0]);
  EXPECT_FALSE(scene.port->send(net::steady_now(), scene.opened[0], frame_of(coap::Code::get, "x")));
}

TEST_P(EveryPort, EndsAConnectionAtOnce) {
  Scene scene(GetParam());
  auto& visitor = scene.visit(key());
  scene.until([&] { return visitor.ready && !scene.ready.empty(); });
  scene.port->end(net::steady_now(), scene.opened[0], Alert::access_denied);
  EXPECT_EQ(scene.closed.size(), 1u) << "the engine hears of it before anything else happens";
  scene.until([&] { return visitor.ended; });
  if (GetParam() == Kind::secure) {
    EXPECT_EQ(visitor.alert, Alert::access_denied);
  } else {
    EXPECT_EQ(visitor.end, coap::StreamEnd::aborted_by_peer);
  }
}

TEST_P(EveryPort, AConnectionThatBreaksBeforeItIsOneIsToldToBeGone) {
  Scene scene(GetParam());
  auto& visitor = scene.visit(key());
  visitor.speaks = false;
  scene.until([&] { return scene.port->connection_count() == 1; });
  scene.visitors.clear();
  scene.until([&] {
    scene.port->handle_timeout(net::steady_now() + seconds(31));
    return scene.port->connection_count() == 0;
  });
  EXPECT_TRUE(scene.closed.empty());
  EXPECT_EQ(scene.gone, std::vector{PeerId(1)});
}

TEST_P(EveryPort, AHalfOpenConnectionIsCut) {
  Scene scene(GetParam());
  auto& visitor = scene.visit(key());
  visitor.speaks = false;
  scene.until([&] { return scene.port->connection_count() == 1; });
  EXPECT_EQ(scene.port->opening_count(), 1u);
  scene.port->handle_timeout(net::steady_now() + seconds(31));
  scene.until([&] { return visitor.ended; });
  EXPECT_EQ(scene.port->opening_count(), 0u);
  EXPECT_TRUE(scene.opened.empty());
  EXPECT_TRUE(scene.closed.empty());
}

TEST_P(EveryPort, ConnectionsAreCountedInAllAndOfOneAddress) {
  Scene scene(GetParam(), {.connections_max = 2});
  scene.visit(key());
  scene.visit(key());
  scene.until([&] { return scene.ready.size() == 2; });
  auto& third = scene.visit(key());
  scene.until([&] { return third.ended; });
  EXPECT_EQ(scene.port->counters().refused_total, 1u);
  scene.visitors.erase(scene.visitors.begin());
  scene.until([&] { return scene.port->connection_count() == 1; });
  auto& fourth = scene.visit(key());
  scene.until([&] { return fourth.ready; });

  Scene small(GetParam(), {.connections_per_ip_max = 1});
  auto& first = small.visit(key());
  small.until([&] { return first.ready; });
  auto& second = small.visit(key());
  small.until([&] { return second.ended; });
  EXPECT_EQ(small.port->counters().refused_per_address, 1u);
}

TEST_P(EveryPort, ThoseWhoAreNotKnownYetHaveABoundOfTheirOwn) {
  Scene scene(GetParam(), {.opening_max = 1});
  auto& silent = scene.visit(key());
  silent.speaks = false;
  scene.until([&] { return scene.port->opening_count() == 1; });
  auto& second = scene.visit(key());
  scene.until([&] { return second.ended; });
  EXPECT_EQ(scene.port->counters().refused_total, 1u);
}

TEST_P(EveryPort, APeerThatReadsNothingIsCutAndCostsABound) {
  StreamLimits limits;
  limits.stream.outstanding_max = 256 * 1024;
  Scene scene(GetParam(), limits);
  auto& visitor = scene.visit(key());
  scene.until([&] { return visitor.ready && !scene.ready.empty(); });
  visitor.reads = false;
  const auto peer = scene.opened[0];
  const auto now = net::steady_now();
  const auto frame = frame_of(coap::Code::content, std::string(1000, 'n'));
  // The kernel's buffers first, then ours, up to their bound.
  std::size_t sent = 0;
  while (scene.port->send(now, peer, frame) && sent < (64u << 20)) sent += frame.size();
  EXPECT_LT(sent, 64u << 20) << "no bound";
  ASSERT_EQ(scene.closed.size(), 1u);
  EXPECT_EQ(scene.closed[0].second.end, coap::StreamEnd::stalled);
  scene.port->handle_timeout(now + seconds(3));
  EXPECT_EQ(scene.port->connection_count(), 0u);
}

TEST_P(EveryPort, APeerThatStopsReadingIsCutAfterATime) {
  Scene scene(GetParam());
  auto& visitor = scene.visit(key());
  scene.until([&] { return visitor.ready && !scene.ready.empty(); });
  visitor.reads = false;
  const auto now = net::steady_now();
  const auto frame = frame_of(coap::Code::content, std::string(1100, 'n'));
  const auto limit = coap::StreamConfig{}.outstanding_max / 2;
  // Until some waits with us: then the kernel takes no more.
  for (std::size_t sent = 0; sent < (32u << 20) && scene.closed.empty(); sent += frame.size()) {
    if (!scene.port->send(now, scene.opened[0], frame)) break;
    if (sent > limit && scene.port->next_timeout() == now + seconds(60)) break;
  }
  ASSERT_TRUE(scene.closed.empty());
  scene.port->handle_timeout(now + seconds(59));
  EXPECT_TRUE(scene.closed.empty());
  scene.port->handle_timeout(now + seconds(61));
  ASSERT_EQ(scene.closed.size(), 1u);
  EXPECT_EQ(scene.closed[0].second.end, coap::StreamEnd::stalled);
}

TEST_P(EveryPort, ASilentPeerIsPingedAndThenGone) {
  Scene scene(GetParam());
  auto& visitor = scene.visit(key());
  scene.until([&] { return visitor.ready && !scene.ready.empty(); });
  visitor.speaks = false;
  const auto now = net::steady_now();
  scene.port->handle_timeout(now + seconds(601));
  EXPECT_TRUE(scene.closed.empty());
  scene.port->handle_timeout(now + seconds(640));
  ASSERT_EQ(scene.closed.size(), 1u);
  EXPECT_EQ(scene.closed[0].second.end, coap::StreamEnd::silent);
}

TEST(StreamPort, AWrongKeyIsToldAndCounted) {
  Scene scene(Kind::secure);
  auto& visitor = scene.visit("another key of 1");
  scene.until([&] { return visitor.ended; });
  ASSERT_EQ(scene.failures.size(), 1u);
  EXPECT_EQ(scene.failures[0].reason, security::dtls::FailureReason::wrong_key);
  EXPECT_EQ(visitor.alert, Alert::decrypt_error);
  EXPECT_TRUE(scene.opened.empty());
  EXPECT_EQ(scene.port->opening_count(), 0u);
}

/// What is written about a refusal takes a time that depends on whose identity it was.
TEST(StreamPort, ARefusalGoesBeforeAnythingIsToldAboutIt) {
  Scene scene(Kind::secure);
  auto& visitor = scene.visit("another key of 1");
  std::optional<Alert> at_once;
  scene.on_failure = [&] {
    visitor.turn();
    at_once = visitor.alert;
  };
  scene.until([&] { return visitor.ended; });
  EXPECT_EQ(at_once, Alert::decrypt_error);
}

TEST(StreamPort, WhatIsNoCoapIsAborted) {
  Scene scene(Kind::plain);
  auto& visitor = scene.visit();
  visitor.speaks = false;
  scene.until([&] { return visitor.tcp.connected().value_or(false); });
  EXPECT_EQ(visitor.tcp.send(as_bytes("GET / HTTP/1.1\r\nHost: here\r\n\r\n")), net::TcpStatus::done);
  scene.until([&] { return visitor.ended; });
  EXPECT_TRUE(scene.opened.empty());
  EXPECT_TRUE(scene.messages.empty());
}

TEST(StreamPort, ALateAnswerOfTheStoreDoesNothing) {
  Scene scene(Kind::secure);
  scene.port->credential(net::steady_now(), PeerId(77), Secret(as_bytes(kKey)));
  scene.port->approve(net::steady_now(), PeerId(77), security::dtls::Approval::known);
  scene.port->end(net::steady_now(), PeerId(77), Alert::access_denied);
  EXPECT_EQ(scene.port->connection_count(), 0u);
}

}  // namespace
}  // namespace slipway::node

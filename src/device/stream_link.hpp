// SPDX-License-Identifier: Apache-2.0
// One session of the device with one server over TCP: connection, TLS, CoAP's own signals. [RFC 8323]
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <slipway/base/uri.hpp>
#include <slipway/coap/stream.hpp>
#include <slipway/net/tcp_socket.hpp>
#include <slipway/security/tls/session.hpp>

#include "link.hpp"

namespace slipway::device {

/// Until a connection is made to one address of the server; then the next one is tried.
inline constexpr Duration kConnectTimeMax = seconds(15);

/// Part of a Link, whose rules about events are its own. It is `connected` when the server's CSM has come.
class StreamLink {
 public:
  /// `story`: what is known of a failure, so far.
  StreamLink(net::EventLoop& loop, Random& random, const LinkEvents& events, ConnectionFailure& story)
      : loop_(loop), random_(random), events_(events), story_(story) {}
  ~StreamLink();
  StreamLink(const StreamLink&) = delete;
  StreamLink& operator=(const StreamLink&) = delete;

  /// Prepares what the account says. The error is for a person.
  [[nodiscard]] std::expected<void, std::string> prepare(const client::ConnectWanted& wanted, const Uri& uri,
                                                         std::span<const Bytes> trust_store);
  /// Tries these addresses in their order.
  void connect(std::vector<Address> addresses);
  void send(TimePoint now, ByteView frame);
  void close(TimePoint now);

  [[nodiscard]] std::optional<TimePoint> next_timeout() const;
  void handle_timeout(TimePoint now);

 private:
  void try_next(TimePoint now);
  void on_ready(net::Readiness ready);
  void established(TimePoint now);
  void read(TimePoint now);
  void take(TimePoint now, ByteView bytes);
  void drain(TimePoint now);
  void drain_tls(TimePoint now);
  void drain_coap(TimePoint now);
  void on_coap(TimePoint now, const coap::StreamEvent& event);
  void pump(TimePoint now);
  [[nodiscard]] bool pump_some(TimePoint now);
  void watch(net::Interest interest);
  void forget();
  void handshake_failed(TimePoint now, const security::tls::HandshakeFailed& event);
  void ended(TimePoint now, std::optional<security::dtls::Alert> alert, const char* why);
  void failed(TimePoint now, client::ConnectFailure failure, std::optional<std::uint8_t> alert,
              std::string why);

  net::EventLoop& loop_;
  Random& random_;
  const LinkEvents& events_;
  ConnectionFailure& story_;
  TimePoint began_{};
  std::optional<security::tls::ClientConfig> config_;  // nothing without security
  std::vector<Address> addresses_;                     // still to be tried, the next one last
  std::string last_problem_;
  std::optional<net::TcpConnection> tcp_;
  std::optional<TimePoint> connect_until_;
  std::unique_ptr<security::tls::TlsSession> tls_;
  std::optional<coap::StreamConnection> coap_;
  coap::StreamConfig stream_{};
  net::Interest interest_ = net::Interest::write;
  Bytes buffer_;
  bool connected_ = false;               // the event was given
  bool over_ = false;                    // the last event was given, or close() called
  std::optional<TimePoint> look_again_;  // something has happened within `send`
};

}  // namespace slipway::device

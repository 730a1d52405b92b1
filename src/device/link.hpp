// SPDX-License-Identifier: Apache-2.0
// One session of the device with one server: name lookup, socket, DTLS. Over TCP a StreamLink does the rest.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <slipway/base/random.hpp>
#include <slipway/client/client.hpp>
#include <slipway/coap/reliable.hpp>
#include <slipway/device/connection_failure.hpp>
#include <slipway/net/event_loop.hpp>
#include <slipway/net/resolver.hpp>
#include <slipway/net/udp_socket.hpp>
#include <slipway/security/dtls/client.hpp>

#include "kept_sessions.hpp"

namespace slipway::device {

/// How a session came to be.
enum class Opened : std::uint8_t {
  by_handshake,
  by_resumption,  ///< a shorter handshake
  as_it_was,      ///< none
};

/// Tells the runner how its session fares. `failed` and `lost` are final: the runner then drops the link.
struct LinkEvents {
  std::function<void(TimePoint, client::SessionKind, Opened)> connected;
  std::function<void(TimePoint, client::ConnectFailure, std::optional<std::uint8_t> alert,
                     const ConnectionFailure& why)>
      failed;
  std::function<void(TimePoint, std::optional<std::uint8_t> alert)> lost;
  /// A warning of the server; the session goes on.
  std::function<void(TimePoint, std::uint8_t alert)> warned;
  /// A datagram; over TCP a frame.
  std::function<void(TimePoint, ByteView)> datagram;
  /// Over TCP: before `connected`, and when the server says something new.
  std::function<void(const coap::Reliable&)> reliable;
};

class StreamLink;

class Link {
 public:
  /// `trust_store`: of the device, DER.
  Link(net::EventLoop& loop, Random& random, std::span<const Bytes> trust_store, LinkEvents events);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Begins; the outcome comes by an event, never before this returns... except for a broken URI or key,
  /// which is told at once through `failed`. `kept` is of an earlier session with this account, or empty:
  /// where it is not usable, there is a whole handshake.
  void open(const client::ConnectWanted& wanted, net::Resolver& resolver, KeptSession kept);
  /// Takes the session out, to go on from any address later. Nothing where that cannot be, as without a
  /// Connection ID: `close` it then.
  [[nodiscard]] std::optional<Secret> freeze();
  /// What an attempt with the same account may use after this one: the session that was given to `open` where
  /// it was not needed yet, or what is left of the one that was opened.
  [[nodiscard]] KeptSession take_kept();
  [[nodiscard]] ShortServerId server() const { return short_id_; }
  /// Digest of the account that it was opened with.
  [[nodiscard]] std::uint64_t account() const { return account_; }
  void send(TimePoint now, ByteView datagram);
  /// Says goodbye (close_notify); no event follows.
  void close(TimePoint now);
  void flush();

  [[nodiscard]] std::optional<TimePoint> next_timeout() const;
  void handle_timeout(TimePoint now);

 private:
  void resolved(net::Resolver::Addresses addresses);
  void receive();
  void drain(TimePoint now);
  void fail(client::ConnectFailure failure, std::string why);
  void handshake_failed(TimePoint now, const security::dtls::ConnectFailed& failed);

  net::EventLoop& loop_;
  Random& random_;
  std::span<const Bytes> trust_store_;
  LinkEvents events_;
  std::unique_ptr<security::dtls::DtlsClient> dtls_;  // nothing without security
  std::unique_ptr<StreamLink> stream_;                // over TCP; what follows is then unused
  std::optional<net::UdpSocket> socket_;
  net::ReceiveBatch batch_;
  ShortServerId short_id_;
  std::uint64_t account_ = 0;
  Address server_;
  Secret frozen_;            // until there is a socket
  bool has_cid_ = false;     // of the session: it outlives its address
  ConnectionFailure story_;  // what is told when no session comes to be
  TimePoint began_{};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for a lookup that ends after this
};

}  // namespace slipway::device

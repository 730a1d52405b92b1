// SPDX-License-Identifier: Apache-2.0
// One session of the device with one server: name lookup, socket, DTLS.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <slipway/base/random.hpp>
#include <slipway/client/client.hpp>
#include <slipway/net/event_loop.hpp>
#include <slipway/net/resolver.hpp>
#include <slipway/net/udp_socket.hpp>
#include <slipway/security/dtls/client.hpp>

namespace slipway::device {

/// Tells the runner how its session fares. `failed` and `lost` are final: the runner then drops the link.
struct LinkEvents {
  std::function<void(TimePoint)> connected;
  std::function<void(TimePoint, client::ConnectFailure, std::optional<std::uint8_t> alert, std::string why)>
      failed;
  std::function<void(TimePoint, std::optional<std::uint8_t> alert)> lost;
  std::function<void(TimePoint, ByteView)> datagram;
};

class Link {
 public:
  Link(net::EventLoop& loop, Random& random, LinkEvents events)
      : loop_(loop), random_(random), events_(std::move(events)) {}
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Begins; the outcome comes by an event, never before this returns... except for a broken URI or key,
  /// which is told at once through `failed`.
  void open(const client::ConnectWanted& wanted, net::Resolver& resolver);
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

  net::EventLoop& loop_;
  Random& random_;
  LinkEvents events_;
  std::unique_ptr<security::dtls::DtlsClient> dtls_;  // nothing without security
  std::optional<net::UdpSocket> socket_;
  net::ReceiveBatch batch_;
  Address server_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for a lookup that ends after this
};

}  // namespace slipway::device

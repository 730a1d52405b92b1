// SPDX-License-Identifier: Apache-2.0
// One TCP port of a server: connections with CoAP on them, plain or in TLS. [RFC 8323]
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include <slipway/base/fair_places.hpp>
#include <slipway/base/ids.hpp>
#include <slipway/coap/stream.hpp>
#include <slipway/net/event_loop.hpp>
#include <slipway/net/tcp_socket.hpp>
#include <slipway/security/tls/session.hpp>

namespace slipway::node {

struct StreamLimits {
  std::size_t connections_max = 10'000;        ///< about 30 KB each in TLS, 1 KB plain
  std::size_t connections_per_ip_max = 1'000;  ///< of one IP address (there may be a NAT behind it)
  /// Of them, those that are not known yet: no CSM came, or the handshake is under way.
  std::size_t opening_max = 1'024;
  coap::StreamConfig stream{};
};
/// After the last word a connection waits so long for the peer to read it and close.
inline constexpr Duration kLingerTime = seconds(2);
/// Reads of one connection before others have their turn, 16 KiB each.
inline constexpr int kReadsPerTurn = 4;

inline constexpr std::size_t kStreamEnds = 11;  ///< of coap::StreamEnd

struct StreamCounters {
  std::uint64_t accepted = 0;
  std::uint64_t refused_total = 0;        ///< connections_max, or opening_max
  std::uint64_t gave_way = 0;             ///< that were opening, for one of another network
  std::uint64_t refused_per_address = 0;  ///< connections_per_ip_max
  std::uint64_t accept_pauses = 0;        ///< this process had no descriptor or memory left
  std::array<std::uint64_t, kStreamEnds> ends{};
};

/// Why a connection is gone. At most one of the two is there; neither: it broke.
struct StreamGone {
  std::optional<coap::StreamEnd> end{};
  std::optional<security::tls::SessionEnded> tls{};
};

/// What happens on the port. Views live for the call.
struct StreamHooks {
  std::function<PeerId()> next_peer;
  std::function<UnixTime()> wall;
  /// Answer by `credential` or `approve`, now or later.
  std::function<void(TimePoint, PeerId, const Address&, const security::tls::CredentialWanted&)>
      credential_wanted;
  /// The peer is there: its TLS is established, or without TLS its CSM has come. `closed` will follow.
  std::function<void(TimePoint, PeerId, const Address&, const security::tls::Established*)> opened;
  std::function<void(TimePoint, PeerId, const Address&, const security::tls::HandshakeFailed&)>
      handshake_failed;
  std::function<void(TimePoint, PeerId, const coap::Reliable&)> ready;
  std::function<void(TimePoint, PeerId, ByteView frame)> message;
  std::function<void(TimePoint, PeerId, const StreamGone&)> closed;
  /// Nothing is accepted for a while; for the log.
  std::function<void(const net::SystemError&)> trouble;
  /// The last word of a connection, also of one that never came to be.
  std::function<void(PeerId)> gone;
};

//  accepted --TLS--> handshake --established--> open --CSM--> ready --> closed --> lingering --> gone
//      \--plain---------------------------------/
//
/// Half-open connections end by the handshake's and the CSM's time limits, silent ones by a Ping, and those
/// that read slower than they are written to by the stall's.
class StreamPort {
 public:
  /// With `tls` it is a port for coaps+tcp.
  [[nodiscard]] static net::SystemResult<std::unique_ptr<StreamPort>> open(
      net::EventLoop& loop, const Address& local, const StreamLimits& limits, StreamHooks hooks,
      std::unique_ptr<security::tls::TlsServer> tls);
  ~StreamPort();
  StreamPort(const StreamPort&) = delete;
  StreamPort& operator=(const StreamPort&) = delete;

  [[nodiscard]] const Address& local_address() const { return listener_.local_address(); }
  [[nodiscard]] bool secure() const { return tls_ != nullptr; }

  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;

  void credential(TimePoint now, PeerId peer, std::optional<Secret> key);
  void approve(TimePoint now, PeerId peer, security::dtls::Approval approval);
  /// One frame to a peer. Errors: not_found, and those of coap::StreamConnection::send.
  Result<void> send(TimePoint now, PeerId peer, ByteView frame);
  /// Ends a connection at once, in TLS with an alert; `closed` or `handshake_failed` follows. Unknown peers
  /// are ignored.
  void end(TimePoint now, PeerId peer, security::dtls::Alert alert);

  /// What a peer's CSM has told; nothing of one that is not there.
  [[nodiscard]] std::optional<coap::Reliable> reliable(PeerId peer) const;
  [[nodiscard]] std::size_t connection_count() const { return connections_.size(); }
  [[nodiscard]] std::size_t opening_count() const { return opening_.size(); }
  [[nodiscard]] const StreamCounters& counters() const { return counters_; }

 private:
  struct Connection {
    Connection(PeerId id, net::TcpConnection socket) : peer(id), tcp(std::move(socket)) {}
    PeerId peer;
    net::TcpConnection tcp;
    std::unique_ptr<security::tls::TlsSession> tls;
    std::optional<coap::StreamConnection> coap;
    bool opening = true;  ///< counted as such
    bool opened = false;  ///< the hook was called
    bool over = false;    ///< nothing but the last words is sent, and nothing is heard
    bool broken = false;  ///< not even those
    bool touched = false;
    net::Interest interest = net::Interest::read;
    std::optional<TimePoint> blocked_since{};  ///< the kernel takes no more
    std::optional<TimePoint> linger_until{};
    std::optional<TimePoint> timer{};
    StreamGone gone{};
  };

  StreamPort(net::EventLoop& loop, net::TcpListener listener, const StreamLimits& limits, StreamHooks hooks,
             std::unique_ptr<security::tls::TlsServer> tls);
  [[nodiscard]] net::SystemResult<void> watch_listener();
  void accept();
  [[nodiscard]] bool admits(TimePoint now, const Address& from);
  void begin(TimePoint now, net::TcpConnection tcp);
  void on_ready(PeerId peer, net::Readiness ready);
  void read(TimePoint now, Connection& connection);
  void take(TimePoint now, Connection& connection, ByteView bytes);
  void peer_ended(TimePoint now, Connection& connection);
  void drain(TimePoint now, Connection& connection);
  void drain_tls(TimePoint now, Connection& connection);
  void drain_coap(TimePoint now, Connection& connection);
  void on_tls(TimePoint now, Connection& connection, const security::tls::Event& event);
  void on_coap(TimePoint now, Connection& connection, const coap::StreamEvent& event);
  void no_longer_opening(Connection& connection);
  void pump(TimePoint now, Connection& connection);
  [[nodiscard]] bool pump_some(TimePoint now, Connection& connection);
  void finish(Connection& connection, StreamGone gone);
  void touched(TimePoint now, Connection& connection);
  void settle(TimePoint now, Connection& connection);
  void set_timer(Connection& connection);
  void watch(Connection& connection, net::Interest interest);
  void erase(PeerId peer);
  [[nodiscard]] Connection* find(PeerId peer);

  net::EventLoop& loop_;
  net::TcpListener listener_;
  StreamLimits limits_;
  StreamHooks hooks_;
  std::unique_ptr<security::tls::TlsServer> tls_;
  std::unordered_map<PeerId, std::unique_ptr<Connection>> connections_;
  std::unordered_map<Address, std::size_t> by_host_;
  std::set<std::pair<TimePoint, PeerId>> timers_;
  std::optional<TimePoint> accept_again_;
  FairPlaces opening_;
  Bytes buffer_;
  StreamCounters counters_;
  std::vector<PeerId> unsettled_;  ///< touched, and not settled yet
  bool busy_ = false;              ///< a connection is on the stack
};

}  // namespace slipway::node

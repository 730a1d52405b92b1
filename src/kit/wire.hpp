// SPDX-License-Identifier: Apache-2.0
// The two doors of the bench: DTLS or plain datagrams, and who is behind them.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include <slipway/kit/bench.hpp>
#include <slipway/security/dtls/server.hpp>

namespace slipway::kit {

/// Plain addresses that are kept; the longest known one is forgotten first.
inline constexpr std::size_t kPlainPeersMax = 16;
inline constexpr std::size_t kSessionsMax = 64;
/// Datagrams that wait to be fetched.
inline constexpr std::size_t kOutgoingMax = 1024;

class Wire {
 public:
  struct Arrived {
    Door door;
    PeerId peer;
    Bytes datagram;
  };
  struct Established {
    Door door;
    PeerId peer;
    std::string identity;
  };
  struct Gone {
    Door door;
    PeerId peer;
  };
  struct Refused {
    Door door;
    std::string identity;  ///< as claimed
  };
  using Event = std::variant<Arrived, Established, Gone, Refused>;
  /// The key of an identity, or nothing where it is not to be let in.
  using KeyOf = std::function<std::optional<Secret>(Door, ByteView identity)>;

  Wire(SecurityMode security, Random& random, KeyOf key_of);

  void handle_datagram(TimePoint now, Door door, const Address& from, ByteView datagram);
  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;
  [[nodiscard]] std::optional<BenchTransmit> poll_transmit();
  [[nodiscard]] std::optional<Event> poll_event();

  void send(TimePoint now, PeerId peer, ByteView datagram);
  /// Beside the session, as it is.
  void send_outside(PeerId peer, ByteView datagram);
  /// Ends a DTLS session; does nothing to a plain peer.
  void end(TimePoint now, PeerId peer, security::dtls::Alert alert);
  [[nodiscard]] Address address_of(PeerId peer) const;

 private:
  struct Peer {
    Door door;
    Address address;
    std::string identity;
  };
  struct Outgoing {
    Door door;
    Address to;
    Bytes bytes;
  };
  [[nodiscard]] security::dtls::DtlsServer* dtls(Door door) {
    return dtls_[static_cast<std::size_t>(door)].get();
  }
  void drain(TimePoint now, Door door);
  void push(Door door, const Address& to, ByteView bytes);
  PeerId plain_peer(Door door, const Address& address);

  KeyOf key_of_;
  std::uint64_t last_peer_ = 0;
  std::array<std::unique_ptr<security::dtls::DtlsServer>, 2> dtls_;
  std::map<PeerId, Peer> peers_;
  std::deque<Event> events_;
  std::deque<Outgoing> outgoing_;
  Bytes current_;
};

}  // namespace slipway::kit

// SPDX-License-Identifier: Apache-2.0
// The management server that the bench plays: takes registrations, and calls devices back to bootstrap.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include <slipway/management/server.hpp>

#include "kit/scene.hpp"
#include "kit/wire.hpp"

namespace slipway::kit {

struct ManagerEvents {
  /// A Register, an Update or another sign of life of a registration; `identity` is that of its session,
  /// `lifetime` the registration's.
  std::function<void(TimePoint, const std::string& identity, seconds lifetime)> registered;
  /// How /1/x/9 was answered; nothing: not at all.
  std::function<void(TimePoint, std::optional<coap::Code>)> called;
  std::function<void(TimePoint, PeerId, trace::Direction, ByteView)> message;
};

class Manager {
 public:
  Manager(Wire& wire, Random& random, ManagerEvents events);

  void established(PeerId peer, std::string identity) { identities_[peer] = std::move(identity); }
  void receive(TimePoint now, UnixTime wall, PeerId peer, const PeerContext& context, ByteView datagram);
  void peer_gone(TimePoint now, PeerId peer);
  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const { return server_.next_timeout(); }

  [[nodiscard]] bool has(std::string_view endpoint) const { return server_.find(endpoint).has_value(); }
  /// Executes /1/x/9. False where there is no registration to do it with.
  bool call(TimePoint now, std::string_view endpoint, const Path& server);
  /// Forgets the registration and ends every session.
  void send_away(TimePoint now, std::string_view endpoint);

 private:
  void drain(TimePoint now);
  void on(TimePoint now, const management::Registration& registration);

  Wire& wire_;
  ManagerEvents events_;
  management::Server server_;
  std::map<PeerId, std::string> identities_;
  std::optional<management::OperationId> calling_;
};

}  // namespace slipway::kit

// SPDX-License-Identifier: Apache-2.0
// Records what devices and servers say to each other as journeys.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <slipway/base/address.hpp>
#include <slipway/base/ids.hpp>
#include <slipway/base/time.hpp>
#include <slipway/model/definition.hpp>
#include <slipway/trace/journey.hpp>

namespace slipway::node {

/// Journeys by peer. One is open from a peer's first message (or handshake) to its end.
class Recorder {
 public:
  Recorder(const ObjectCatalog& catalog, std::size_t active_max)
      : catalog_(catalog), active_max_(active_max) {}

  /// Whether the device's name is that of a credential it has used, or only what it said.
  enum class Name : std::uint8_t { proven, claimed };
  /// Takes finished journeys.
  std::function<void(trace::Journey&&, Name)> on_finished;

  void begin(TimePoint now, UnixTime wall, PeerId peer, trace::Interface interface, const Address& address,
             std::string_view endpoint);
  /// A row that is not CoAP: the handshake.
  void note(PeerId peer, trace::Row row);
  void message(TimePoint now, PeerId peer, trace::Direction direction, ByteView datagram,
               std::size_t wire_size, coap::Framing framing = coap::Framing::datagram);
  /// What was made of the last message, for whoever reads the journey.
  void annotate(PeerId peer, std::string text);
  /// Names the device where the handshake did not (NoSec): nobody writes into the journeys of another.
  void name(PeerId peer, std::string_view endpoint);
  /// The outcome so far.
  void outcome(PeerId peer, std::string_view outcome, std::string_view reason = {},
               std::string_view remedy = {});
  void end(PeerId peer);
  /// Forgets it: nobody is told.
  void discard(PeerId peer);

  [[nodiscard]] bool recording(PeerId peer) const { return active_.contains(peer); }
  /// Open journeys of a device, newest first.
  [[nodiscard]] std::vector<const trace::Journey*> active(std::string_view endpoint) const;

 private:
  struct Active {
    trace::Journey journey;
    trace::Conversation conversation;
    TimePoint began;
    Name name;
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::unique_ptr<Active> take(PeerId peer);
  void index(PeerId peer, const std::string& endpoint);
  void unindex(PeerId peer, const std::string& endpoint);

  const ObjectCatalog& catalog_;
  std::size_t active_max_;
  std::unordered_map<PeerId, std::unique_ptr<Active>> active_;
  std::unordered_map<std::string, std::vector<PeerId>, TextHash, std::equal_to<>> by_endpoint_;
};

}  // namespace slipway::node

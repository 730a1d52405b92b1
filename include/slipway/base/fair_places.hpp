// SPDX-License-Identifier: Apache-2.0
// Who gets one of few places while strangers want all of them: half-open handshakes and connections.
#pragma once

#include <list>
#include <optional>
#include <set>
#include <unordered_map>

#include <slipway/base/address.hpp>
#include <slipway/base/ids.hpp>
#include <slipway/base/time.hpp>

namespace slipway {

/// What is counted as one stranger, with port 0: an IPv4 address, or the first half of an IPv6 one, since a
/// subscriber has all addresses behind it. [RFC 6177]
[[nodiscard]] Address network_of(Address address);

/// Counts holders by network. Where all places are taken, a newcomer gets one of the network that has the
/// most, or the oldest of all where that had its time; so who has few addresses shuts nobody out.
class FairPlaces {
 public:
  struct Limits {
    std::size_t places;
    std::size_t per_network;
    Duration patience = seconds(5);  ///< a holder's time before it may have to make room for its age
  };
  enum class Answer : std::uint8_t { yes, full, network_full };
  struct Decision {
    Answer answer;
    std::optional<PeerId> instead_of{};  ///< of `yes`: it has to `leave` first
  };

  explicit FairPlaces(const Limits& limits) : limits_(limits) {}

  /// O(log n) in the number of networks.
  [[nodiscard]] Decision decide(TimePoint now, const Address& from) const;
  void take(TimePoint now, const Address& from, PeerId id);
  /// Whoever holds no place is ignored.
  void leave(PeerId id);
  [[nodiscard]] std::size_t size() const { return holders_.size(); }

 private:
  struct Holder {
    PeerId id;
    TimePoint since;
    Address network;
  };
  using Line = std::list<Holder>;  // the oldest first
  struct Place {
    Line::iterator in_network;
    std::list<PeerId>::iterator in_order;
  };
  [[nodiscard]] std::size_t count_of(const Address& network) const;

  Limits limits_;
  std::unordered_map<Address, Line> networks_;
  std::set<std::pair<std::size_t, Address>> busiest_;
  std::list<PeerId> order_;  // the oldest first
  std::unordered_map<PeerId, Place> holders_;
};

}  // namespace slipway

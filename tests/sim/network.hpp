// SPDX-License-Identifier: Apache-2.0
// A network in virtual time that loses, repeats, delays and so reorders datagrams.
#pragma once

#include <functional>
#include <map>
#include <string>

#include <slipway/base/address.hpp>
#include <slipway/base/bytes.hpp>

#include "sim/timeline.hpp"

namespace slipway::sim {

struct Weather {
  unsigned loss_percent = 30;
  unsigned repeat_percent = 10;
  Duration delay_min = milliseconds(20);
  Duration delay_max = milliseconds(400);
  unsigned late_percent = 3;  ///< come much later: after what was sent long after them
  Duration late_max = seconds(40);
};

struct NetworkCounters {
  std::uint64_t sent = 0, lost = 0, repeated = 0, delivered = 0, overtaken = 0, nobody_there = 0;
};

enum class Fate : std::uint8_t { lost, sent, sent_twice };

class Network {
 public:
  using Receiver = std::function<void(const Address& from, ByteView datagram)>;

  Network(Timeline& timeline, Random& random, const Weather& weather)
      : timeline_(timeline), random_(random), weather_(weather) {}

  void open(const Address& at, Receiver receiver) { receivers_[at] = std::move(receiver); }
  void close(const Address& at) { receivers_.erase(at); }
  Fate send(const Address& from, const Address& to, ByteView datagram);

  [[nodiscard]] const NetworkCounters& counters() const { return counters_; }

 private:
  void carry(const Address& from, const Address& to, Bytes datagram, std::uint64_t number);
  Timeline& timeline_;
  Random& random_;
  Weather weather_;
  std::map<Address, Receiver> receivers_;
  std::map<std::pair<Address, Address>, std::uint64_t> newest_;  // number of the newest one delivered
  NetworkCounters counters_;
};

}  // namespace slipway::sim

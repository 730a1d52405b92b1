// SPDX-License-Identifier: Apache-2.0
#include "sim/network.hpp"

namespace slipway::sim {

Fate Network::send(const Address& from, const Address& to, ByteView datagram) {
  const auto number = ++counters_.sent;
  if (happens(random_, weather_.loss_percent)) {
    ++counters_.lost;
    return Fate::lost;
  }
  Bytes bytes(datagram.begin(), datagram.end());
  const bool twice = happens(random_, weather_.repeat_percent);
  if (twice) {
    ++counters_.repeated;
    carry(from, to, bytes, number);
  }
  carry(from, to, std::move(bytes), number);
  return twice ? Fate::sent_twice : Fate::sent;
}

void Network::carry(const Address& from, const Address& to, Bytes datagram, std::uint64_t number) {
  const auto longest = happens(random_, weather_.late_percent) ? weather_.late_max : weather_.delay_max;
  timeline_.after(between(random_, weather_.delay_min, longest),
                  [this, from, to, number, datagram = std::move(datagram)] {
                    const auto receiver = receivers_.find(to);
                    if (receiver == receivers_.end()) {
                      ++counters_.nobody_there;
                      return;
                    }
                    auto& newest = newest_[{from, to}];
                    if (number < newest) ++counters_.overtaken;
                    newest = std::max(newest, number);
                    ++counters_.delivered;
                    const auto handle = receiver->second;  // it may close itself
                    handle(from, datagram);
                  });
}

}  // namespace slipway::sim

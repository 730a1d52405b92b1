// SPDX-License-Identifier: Apache-2.0
#include <slipway/base/fair_places.hpp>

#include <algorithm>

namespace slipway {

Address network_of(Address address) {
  address.port = 0;
  if (!address.is_v4()) std::fill(address.ip.begin() + 8, address.ip.end(), std::uint8_t{0});
  return address;
}

std::size_t FairPlaces::count_of(const Address& network) const {
  const auto found = networks_.find(network);
  return found == networks_.end() ? 0 : found->second.size();
}

FairPlaces::Decision FairPlaces::decide(TimePoint now, const Address& from) const {
  const auto mine = count_of(network_of(from));
  if (mine >= limits_.per_network) return {Answer::network_full};
  if (holders_.size() < limits_.places) return {Answer::yes};
  if (holders_.empty()) return {Answer::full};
  const auto& [most, network] = *busiest_.rbegin();
  if (most > mine + 1) return {Answer::yes, networks_.at(network).front().id};
  const auto& oldest = *holders_.at(order_.front()).in_network;
  if (now >= oldest.since + limits_.patience) return {Answer::yes, oldest.id};
  return {Answer::full};
}

void FairPlaces::take(TimePoint now, const Address& from, PeerId id) {
  const auto network = network_of(from);
  auto& line = networks_[network];
  busiest_.erase({line.size(), network});
  line.push_back({.id = id, .since = now, .network = network});
  busiest_.emplace(line.size(), network);
  order_.push_back(id);
  holders_.emplace(id, Place{std::prev(line.end()), std::prev(order_.end())});
}

void FairPlaces::leave(PeerId id) {
  const auto found = holders_.find(id);
  if (found == holders_.end()) return;
  const auto network = found->second.in_network->network;
  auto& line = networks_.at(network);
  busiest_.erase({line.size(), network});
  line.erase(found->second.in_network);
  order_.erase(found->second.in_order);
  holders_.erase(found);
  if (line.empty())
    networks_.erase(network);
  else
    busiest_.emplace(line.size(), network);
}

}  // namespace slipway

// SPDX-License-Identifier: Apache-2.0
#include "recorder.hpp"

#include <algorithm>

namespace slipway::node {

void Recorder::begin(TimePoint now, UnixTime wall, PeerId peer, trace::Interface interface,
                     const Address& address, std::string_view endpoint) {
  if (active_.size() >= active_max_) return;
  auto active = std::make_unique<Active>(Active{
      {}, trace::Conversation(catalog_, interface), now, endpoint.empty() ? Name::claimed : Name::proven});
  active->journey.endpoint = endpoint;
  active->journey.interface = interface;
  active->journey.began = wall;
  active->journey.peer = address.to_string();
  active->journey.outcome = "running";
  if (!active_.emplace(peer, std::move(active)).second) return;
  if (!endpoint.empty()) index(peer, std::string(endpoint));
}

void Recorder::note(PeerId peer, trace::Row row) {
  if (const auto found = active_.find(peer); found != active_.end())
    found->second->journey.add(std::move(row));
}

void Recorder::message(TimePoint now, PeerId peer, trace::Direction direction, ByteView datagram,
                       std::size_t wire_size, coap::Framing framing) {
  const auto found = active_.find(peer);
  if (found == active_.end()) return;
  auto row = found->second->conversation.describe(direction, datagram, wire_size, framing);
  row.at = now - found->second->began;
  found->second->journey.add(std::move(row));
}

void Recorder::annotate(PeerId peer, std::string text) {
  if (const auto found = active_.find(peer); found != active_.end())
    found->second->journey.annotate(std::move(text));
}

void Recorder::name(PeerId peer, std::string_view endpoint) {
  const auto found = active_.find(peer);
  if (found == active_.end() || found->second->name == Name::proven) return;
  if (found->second->journey.endpoint == endpoint) return;
  auto& current = found->second->journey.endpoint;
  if (!current.empty()) unindex(peer, current);
  current = endpoint;
  index(peer, current);
}

void Recorder::outcome(PeerId peer, std::string_view outcome, std::string_view reason,
                       std::string_view remedy) {
  const auto found = active_.find(peer);
  if (found == active_.end()) return;
  found->second->journey.outcome = outcome;
  found->second->journey.reason = reason;
  found->second->journey.remedy = remedy;
}

std::unique_ptr<Recorder::Active> Recorder::take(PeerId peer) {
  auto found = active_.extract(peer);
  if (!found) return nullptr;
  const auto& endpoint = found.mapped()->journey.endpoint;
  if (!endpoint.empty()) unindex(peer, endpoint);
  return std::move(found.mapped());
}

void Recorder::end(PeerId peer) {
  const auto active = take(peer);
  if (!active) return;
  auto& journey = active->journey;
  if (journey.outcome == "running") journey.outcome = "ended";
  if (on_finished && !journey.endpoint.empty()) on_finished(std::move(journey), active->name);
}

void Recorder::discard(PeerId peer) {
  (void)take(peer);
}

std::vector<const trace::Journey*> Recorder::active(std::string_view endpoint) const {
  std::vector<const trace::Journey*> all;
  if (const auto peers = by_endpoint_.find(endpoint); peers != by_endpoint_.end())
    for (const auto peer : peers->second) all.push_back(&active_.at(peer)->journey);
  std::ranges::reverse(all);
  return all;
}

void Recorder::index(PeerId peer, const std::string& endpoint) {
  by_endpoint_[endpoint].push_back(peer);
}

void Recorder::unindex(PeerId peer, const std::string& endpoint) {
  const auto peers = by_endpoint_.find(endpoint);
  if (peers == by_endpoint_.end()) return;
  std::erase(peers->second, peer);
  if (peers->second.empty()) by_endpoint_.erase(peers);
}

}  // namespace slipway::node

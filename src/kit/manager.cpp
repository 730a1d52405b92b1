// SPDX-License-Identifier: Apache-2.0
#include "kit/manager.hpp"

namespace slipway::kit {
namespace {

management::ServerConfig server_config() {
  management::ServerConfig config;
  config.registrations_max = 4;
  // A device that bootstraps may be deaf for a while; what it was asked before is not worth more.
  config.operation_time_max = seconds(45);
  config.queued_time_max = std::chrono::minutes(10);
  return config;
}

}  // namespace

Manager::Manager(Wire& wire, Random& random, ManagerEvents events)
    : wire_(wire), events_(std::move(events)), server_(server_config(), builtin_objects(), random) {}

void Manager::receive(TimePoint now, UnixTime wall, PeerId peer, const PeerContext& context,
                      ByteView datagram) {
  events_.message(now, peer, trace::Direction::up, datagram);
  server_.handle_datagram(now, wall, context, datagram);
  drain(now);
}

void Manager::peer_gone(TimePoint now, PeerId peer) {
  server_.peer_gone(now, peer);
  identities_.erase(peer);
  drain(now);
}

void Manager::handle_timeout(TimePoint now) {
  server_.handle_timeout(now);
  drain(now);
}

bool Manager::call(TimePoint now, std::string_view endpoint, const Path& server) {
  const auto operation = server_.execute(now, endpoint, server.child(9));
  if (operation) calling_ = *operation;
  drain(now);
  return operation.has_value();
}

void Manager::send_away(TimePoint now, std::string_view endpoint) {
  server_.revoke(now, endpoint);
  const auto sessions = identities_;
  for (const auto& [peer, identity] : sessions) wire_.end(now, peer, security::dtls::Alert::access_denied);
  drain(now);
}

void Manager::on(TimePoint now, const management::Registration& registration) {
  const auto found = identities_.find(registration.peer);
  events_.registered(now, found == identities_.end() ? std::string() : found->second, registration.lifetime);
}

void Manager::drain(TimePoint now) {
  while (const auto event = server_.poll_event()) {
    if (const auto* registered = std::get_if<management::Registered>(&*event)) {
      on(now, registered->registration);
    } else if (const auto* updated = std::get_if<management::Updated>(&*event)) {
      on(now, updated->registration);
    } else if (const auto* done = std::get_if<management::OperationDone>(&*event)) {
      if (done->operation != calling_) continue;
      calling_.reset();
      const auto* answer = std::get_if<management::Answer>(&done->result);
      events_.called(now, answer != nullptr ? std::optional(answer->code) : std::nullopt);
    }
  }
  while (const auto out = server_.poll_transmit()) {
    const Bytes datagram(out->bytes.begin(), out->bytes.end());
    const auto peer = out->peer;
    events_.message(now, peer, trace::Direction::down, datagram);
    wire_.send(now, peer, datagram);
  }
}

}  // namespace slipway::kit

// SPDX-License-Identifier: Apache-2.0
#include <slipway/bootstrap/server.hpp>

#include "bootstrap/engine.hpp"

namespace slipway::bootstrap {

const char* to_string(Operation operation) {
  switch (operation) {
    case Operation::request:
      return "Request";
    case Operation::discover:
      return "Discover";
    case Operation::read:
      return "Read";
    case Operation::write:
      return "Write";
    case Operation::del:
      return "Delete";
    case Operation::finish:
      return "Finish";
    case Operation::pack:
      return "Pack";
  }
  return "unknown";
}

const char* to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::succeeded:
      return "succeeded";
    case Outcome::refused:
      return "refused";
    case Outcome::operation_refused:
      return "operation-refused";
    case Outcome::finish_refused:
      return "finish-refused";
    case Outcome::timeout:
      return "timeout";
    case Outcome::superseded:
      return "superseded";
    case Outcome::storage_failed:
      return "storage-failed";
    case Outcome::overloaded:
      return "overloaded";
    case Outcome::plan_unfit:
      return "plan-unfit";
  }
  return "unknown";
}

Server::Server(const ServerConfig& config, const ObjectCatalog& catalog, Random& protocol_random,
               Random& key_random, fleet::CredentialMaker* maker)
    : impl_(std::make_unique<Impl>(config, catalog, protocol_random, key_random, maker)) {}
Server::~Server() = default;

void Server::handle_datagram(TimePoint now, const PeerContext& peer, ByteView datagram) {
  impl_->handle_datagram(now, peer, datagram);
}
void Server::handle_timeout(TimePoint now) {
  impl_->handle_timeout(now);
}
std::optional<TimePoint> Server::next_timeout() const {
  return impl_->next_timeout();
}
std::optional<coap::Transmit> Server::poll_transmit() {
  return impl_->poll_transmit();
}
std::optional<Event> Server::poll_event() {
  return impl_->poll_event();
}
void Server::enrolment(TimePoint now, SessionId session, std::shared_ptr<const fleet::Plan> plan) {
  impl_->enrolment(now, session, std::move(plan));
}
void Server::refuse(TimePoint now, SessionId session, Refusal refusal) {
  impl_->refuse(now, session, refusal);
}
void Server::credentials_kept(TimePoint now, SessionId session, Kept kept) {
  impl_->credentials_kept(now, session, kept);
}
void Server::peer_gone(TimePoint now, PeerId peer) {
  impl_->peer_gone(now, peer);
}
std::size_t Server::sessions() const {
  return impl_->sessions();
}
const ServerCounters& Server::counters() const {
  return impl_->counters();
}

}  // namespace slipway::bootstrap

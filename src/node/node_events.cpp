// SPDX-License-Identifier: Apache-2.0
// What the engines say, and what is done about it.
#include <spdlog/spdlog.h>

#include <slipway/net/clock.hpp>

#include "server_node.hpp"

namespace slipway::node {

using fleet::ServerRole;
using nlohmann::json;

namespace {

/// Text of a peer as JSON takes it.
std::string shown(std::string_view text) {
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
}

storage::RegistrationRecord record_of(const management::Registration& registration) {
  return {.endpoint = std::string(registration.endpoint),
          .location = std::string(registration.location),
          .enabler = registration.enabler,
          .lifetime_s = registration.lifetime.count(),
          .binding = std::string(registration.binding),
          .queue_mode = registration.queue_mode,
          .sms = std::string(registration.sms),
          .links = std::string(registration.links),
          .alternate_path = std::string(registration.alternate_path),
          .security = registration.security,
          .address = registration.address,
          .registered = registration.registered,
          .updated = registration.updated};
}

}  // namespace

/// Engines answer each other's calls, so this goes on until all are quiet.
void ServerNode::drain_engines(TimePoint now) {
  for (bool busy = true; busy;) {
    busy = false;
    while (const auto event = bootstrap_.poll_event()) {
      busy = true;
      std::visit([&](const auto& e) { on(now, e); }, *event);
    }
    while (const auto event = management_.poll_event()) {
      busy = true;
      std::visit([&](const auto& e) { on(now, e); }, *event);
    }
    while (const auto out = bootstrap_.poll_transmit()) transmit(now, *out);
    while (const auto out = management_.poll_transmit()) transmit(now, *out);
  }
}

void ServerNode::publish(std::string_view name, json event) {
  if (!sink_) return;
  event["at_ms"] = net::unix_now().time_since_epoch().count();
  sink_(name, event);
}

void ServerNode::on(TimePoint now, const bootstrap::EnrolmentWanted& event) {
  const auto enrolment = enrolments_.find(event.endpoint);
  if (!enrolment)
    return bootstrap_.refuse(now, event.session,
                             {coap::Code::bad_request, "no enrolment takes this endpoint"});
  if (enrolment->authentication != SecurityMode::nosec && event.peer.security == SecurityMode::nosec)
    return bootstrap_.refuse(now, event.session,
                             {coap::Code::bad_request, "this enrolment wants DTLS, the device came without"});
  bootstrap_.enrolment(now, event.session, enrolment->plan);
}

void ServerNode::on(TimePoint, const bootstrap::CredentialsToKeep& event) {
  auto credentials = std::make_shared<std::vector<fleet::Credential>>();
  for (const auto& credential : event.credentials) {
    credentials->push_back(credential.clone());
    credentials->back().created = net::unix_now();
  }
  submit([credentials](storage::Store& store) { return store.put_credentials(*credentials); },
         [this, session = event.session](storage::StoreResult<void> outcome) {
           const auto now = net::steady_now();
           bootstrap_.credentials_kept(
               now, session, outcome ? bootstrap::Server::Kept::durable : bootstrap::Server::Kept::failed);
           drain_engines(now);
         });
}

void ServerNode::on(TimePoint, const bootstrap::OperationDone& event) {
  publish("bootstrap-operation",
          {{"endpoint", shown(event.endpoint)},
           {"operation", bootstrap::to_string(event.operation)},
           {"path", event.path.text().view()},
           {"answer", event.answer ? json(coap::to_string(*event.answer).view()) : json(nullptr)}});
}

void ServerNode::on(TimePoint, const bootstrap::SessionStarted& event) {
  recorder_.name(event.peer, event.endpoint);
  publish("bootstrap-started", {{"endpoint", shown(event.endpoint)}});
}

void ServerNode::on(TimePoint now, const bootstrap::SessionEnded& event) {
  const auto* outcome = bootstrap::to_string(event.outcome);
  const auto endpoint = shown(event.endpoint);
  const auto reason = shown(event.reason);
  if (event.outcome == bootstrap::Outcome::succeeded)
    spdlog::info("bootstrap of {} succeeded", endpoint);
  else
    spdlog::warn("bootstrap of {} failed: {} ({})", endpoint, outcome, reason);
  // A refusal is still to be sent; it belongs to the journey.
  while (const auto out = bootstrap_.poll_transmit()) transmit(now, *out);
  recorder_.name(event.peer, endpoint);
  recorder_.outcome(event.peer, outcome, reason);
  recorder_.end(event.peer);
  publish("bootstrap-ended", {{"endpoint", endpoint}, {"outcome", outcome}, {"reason", reason}});
}

void ServerNode::keep(const management::Registration& registration) {
  auto record = std::make_shared<storage::RegistrationRecord>(record_of(registration));
  submit([record](storage::Store& store) { return store.put_registration(*record); }, {});
}

void ServerNode::prove(PeerId id) {
  const auto* peer = peers_.find(id);
  if (peer == nullptr || peer->identity.empty()) return;
  auto identity = std::make_shared<Bytes>(peer->identity);
  submit(
      [identity](storage::Store& store) { return store.prove_credential(ServerRole::management, *identity); },
      {});
}

void ServerNode::on(TimePoint, const management::Registered& event) {
  const auto& registration = event.registration;
  spdlog::info("{} registered, lifetime {} s", shown(registration.endpoint), registration.lifetime.count());
  recorder_.name(registration.peer, registration.endpoint);
  recorder_.outcome(registration.peer, "registered", "");
  keep(registration);
  publish("registered", {{"endpoint", shown(registration.endpoint)},
                         {"lifetime_s", registration.lifetime.count()},
                         {"lwm2m", registration.enabler.text().view()},
                         {"address", registration.address.to_string()},
                         {"replaced", event.replaced}});
}

void ServerNode::on(TimePoint, const management::Updated& event) {
  const auto& registration = event.registration;
  recorder_.name(registration.peer, registration.endpoint);
  recorder_.outcome(registration.peer, "registered", "");
  keep(registration);
  publish("updated", {{"endpoint", shown(registration.endpoint)},
                      {"lifetime_s", registration.lifetime.count()},
                      {"address", registration.address.to_string()},
                      {"changed", event.changed}});
}

void ServerNode::on(TimePoint, const management::Deregistered& event) {
  const auto& registration = event.registration;
  const auto* end = management::to_string(event.end);
  if (event.end == management::RegistrationEnd::replaced) return;  // Registered says it
  spdlog::info("{} is no longer registered: {}", shown(registration.endpoint), end);
  recorder_.outcome(registration.peer, end, "");
  auto endpoint = std::make_shared<std::string>(registration.endpoint);
  submit([endpoint](storage::Store& store) { return store.remove_registration(*endpoint); }, {});
  publish("deregistered", {{"endpoint", shown(registration.endpoint)}, {"reason", end}});
}

void ServerNode::on(TimePoint, const management::OperationDone& event) {
  const auto waiting = waiting_.extract(event.operation);
  if (!waiting) return;
  OperationResult result;
  if (const auto* answer = std::get_if<management::Answer>(&event.result)) {
    result = result_of(*answer);
  } else {
    result.problem = std::string("no usable answer from ") + shown(event.endpoint) + ": " +
                     management::to_string(std::get<management::OperationFailure>(event.result));
  }
  waiting.mapped()(std::move(result));
}

void ServerNode::on(TimePoint, const management::Notified& event) {
  auto notification = to_json(result_of(event.answer), catalog_);
  notification["endpoint"] = shown(event.endpoint);
  notification["path"] = event.path.text().view();
  notification["observation"] = event.observation.value();
  publish("notification", std::move(notification));
}

void ServerNode::on(TimePoint, const management::ObservationEnded& event) {
  observations_.erase({std::string(event.endpoint), event.path});
  publish("observation-ended", {{"endpoint", shown(event.endpoint)},
                                {"path", event.path.text().view()},
                                {"observation", event.observation.value()}});
}

void ServerNode::on(TimePoint, const management::Sent& event) {
  auto sent = to_json(result_of(event.answer), catalog_);
  sent["endpoint"] = shown(event.endpoint);
  publish("sent", std::move(sent));
}

void ServerNode::on(TimePoint, const management::RegistrationRefused& event) {
  spdlog::warn("registration of {} refused with {}: {}", shown(event.endpoint),
               coap::to_string(event.code).view(), shown(event.reason));
  recorder_.outcome(event.peer, "refused", event.reason);
  publish("registration-refused", {{"endpoint", shown(event.endpoint)},
                                   {"code", coap::to_string(event.code).view()},
                                   {"reason", shown(event.reason)}});
}

}  // namespace slipway::node

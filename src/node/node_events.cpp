// SPDX-License-Identifier: Apache-2.0
// What the engines say, and what is done about it.
#include <spdlog/spdlog.h>

#include <slipway/net/clock.hpp>

#include "server_node.hpp"

namespace slipway::node {

using fleet::ServerRole;
using nlohmann::json;

namespace {

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
          .updated = registration.updated,
          .session = registration.security == SecurityMode::nosec ? 0 : registration.peer.value()};
}

}  // namespace

std::string shown(std::string_view text) {
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
}

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

void ServerNode::keep(const management::Registration& registration) {
  auto record = std::make_shared<storage::RegistrationRecord>(record_of(registration));
  submit([record](storage::Store& store) { return store.put_registration(*record); }, {});
}

void ServerNode::on(TimePoint, const management::Registered& event) {
  const auto& registration = event.registration;
  spdlog::info("{} registered, lifetime {} s", shown(registration.endpoint), registration.lifetime.count());
  recorder_.name(registration.peer, registration.endpoint);
  recorder_.outcome(registration.peer, "registered");
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
  recorder_.outcome(registration.peer, "registered");
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
  recorder_.outcome(registration.peer, end);
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
  forget_observation(event.endpoint, event.path);
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
  recorder_.outcome(event.peer, "refused", event.reason, "the refused row shows the request as it came");
  publish("registration-refused", {{"endpoint", shown(event.endpoint)},
                                   {"code", coap::to_string(event.code).view()},
                                   {"reason", shown(event.reason)}});
}

}  // namespace slipway::node

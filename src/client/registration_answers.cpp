// SPDX-License-Identifier: Apache-2.0
// What a server answers to Register, Update and De-register, and what follows. [LwM2M-CORE 1.2 §6.2]
#include "client/registration.hpp"

namespace slipway::client {
namespace {

constexpr seconds kLastResort{86400};  // a device never gives up for good
constexpr std::int64_t kDisableDefault = 86400;

}  // namespace

void Registrations::handle_response(TimePoint now, const coap::ResponseReceived& event) {
  auto* server = find_request(event.id);
  if (server == nullptr) return;
  server->request.reset();
  server->unproven = false;
  const auto code = event.message.code;
  switch (server->state) {
    case Server::State::registering:
      break;
    case Server::State::updating:
      return coap::is_success(code) ? updated(now, *server) : register_again(now, *server);
    case Server::State::deregistering:
      return deregistered(now, *server);
    default:
      return;
  }
  if (coap::is_success(code)) return registered(now, *server, event.message);
  if (code == coap::Code::precondition_failed) {
    if (const auto lower = lwm2m::next_lower(server->enabler)) {
      server->enabler = *lower;
      return send_register(now, *server);
    }
  }
  const bool is_refusal = coap::class_of(code) == 4;
  const auto max_age = event.message.find_number(coap::OptionNumber::max_age).value_or(0);
  attempt_failed(now, *server, is_refusal ? Attempt::refused : Attempt::failed, code,
                 "the server refused the registration",
                 code == coap::Code::service_unavailable ? Duration(bounded(max_age)) : Duration{});
}

void Registrations::handle_failure(TimePoint now, const coap::RequestFailed& event) {
  auto* server = find_request(event.id);
  if (server == nullptr) return;
  server->request.reset();
  const auto state = server->state;
  if (state == Server::State::deregistering) return deregistered(now, *server);
  if (server->unproven) return renew_session(now, *server);
  // A peer that does not answer may have lost the session: the next attempt makes a new one.
  drop_session(*server);
  if (state == Server::State::updating)
    register_again(now, *server);
  else if (state == Server::State::registering)
    attempt_failed(now, *server, Attempt::failed, std::nullopt, "the server does not answer");
}

void Registrations::registered(TimePoint now, Server& server, const coap::Message& message) {
  const auto location = lwm2m::location_of(message);
  server.location = location.view();
  server.attempt = server.sequence = 1;
  server.failed = false;
  remember(server);
  succeeded_ = true;
  renewed_.push_back(server.id);
  services_.tell(RegisteredWith{server.id, {}}, server.location);
  await_update(now, server);
  parameters_changed(now);
  advance_order(now);
}

/// Only where a delay is to be forgotten: each memory is a write to the device's flash.
void Registrations::remember(const Server& server) {
  if (initial_delay(server) == Duration{}) return;
  services_.model.mutable_memory().registered.push_back(server.id);
  services_.mark_dirty();
}

void Registrations::updated(TimePoint now, Server& server) {
  services_.tell(RegistrationUpdated{server.id});
  await_update(now, server);
  parameters_changed(now);
  if (!std::exchange(server.kept, false)) return;
  succeeded_ = true;
  advance_order(now);
}

void Registrations::register_again(TimePoint now, Server& server) {
  server.kept = false;
  server.attempt = server.sequence = 1;
  server.location.clear();
  renewed_.push_back(server.id);
  server.state = Server::State::backing_off;
  server.at = now;
  if (!suspended_) connect(now, server);
}

void Registrations::deregistered(TimePoint now, Server& server) {
  services_.tell(DeregisteredFrom{server.id});
  renewed_.push_back(server.id);
  drop_session(server);
  if (server.stopping) {
    std::erase_if(servers_, [id = server.id](const Server& other) { return other.id == id; });
    return;
  }
  const auto wait =
      services_.model.tree().integer(slipway::client::server(server.instance, 5)).value_or(kDisableDefault);
  server.state = Server::State::disabled;
  server.at = now + bounded(wait);
}

void Registrations::attempt_failed(TimePoint now, Server& server, Attempt attempt,
                                   std::optional<coap::Code> code, std::string_view reason,
                                   Duration at_least) {
  services_.tell(RegistrationFailed{server.id, code, {}}, std::string(reason));
  const auto policy = read_policy(services_.model.tree(), server.instance);
  server.state = Server::State::backing_off;
  if (attempt == Attempt::failed && server.attempt < policy.attempts) {
    server.at = now + std::max(retry_delay(policy, server.attempt), at_least);
    ++server.attempt;
    return;
  }
  server.attempt = 1;
  if (attempt == Attempt::failed && server.sequence < policy.sequences && policy.sequence_delay) {
    ++server.sequence;
    server.at = now + std::max<Duration>(*policy.sequence_delay, at_least);
    return;
  }
  server.sequence = 1;
  server.failed = true;
  // Until the client has decided, and should a bootstrap fail: there is always a next attempt.
  retry_later(now, server);
  failures_.push_back(server.id);
  if (!policy.block) advance_order(now);
}

void Registrations::retry_later(TimePoint now, Server& server) {
  const auto policy = read_policy(services_.model.tree(), server.instance);
  // A pause of nothing at all would be a loop.
  server.at = now + std::max<seconds>(policy.sequence_delay.value_or(kLastResort), seconds(1));
}

void Registrations::retry_failed(TimePoint now) {
  for (auto& server : servers_)
    if (server.failed && server.state == Server::State::backing_off && !server.at && !server.awaits_card)
      retry_later(now, server);
}

void Registrations::leave(ShortServerId id) {
  auto* server = find_mutable(id);
  if (server != nullptr && server->state == Server::State::backing_off) server->at.reset();
}

}  // namespace slipway::client

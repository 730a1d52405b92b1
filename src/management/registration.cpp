// SPDX-License-Identifier: Apache-2.0
// What devices ask of a management server. [LwM2M-CORE 1.2 §6.2, §6.4.6] [LwM2M-TRANSPORT 1.2 §6.4.3, §6.7]
#include <algorithm>

#include "management/engine.hpp"

namespace slipway::management {
namespace {

constexpr std::string_view kRegistrationPath = "/rd";
constexpr std::string_view kLocationPrefix = "/rd/";
constexpr std::string_view kSendPath = "/dp";

bool is_link_format(const coap::Message& message) {
  const auto format = message.content_format();
  return !format || *format == static_cast<std::uint16_t>(ContentFormat::link_format);
}

/// A list without a payload: 1.0 must send one, later versions may give a profile that we do not know.
lwm2m::Refusal no_list(Version enabler) {
  if (enabler == Version{1, 0}) return {coap::Code::bad_request, "the object list is missing"};
  return {coap::Code::conflict, "there is no object list, and no profile is known here"};
}

std::array<char, 8> padded(std::string_view binding) {
  std::array<char, 8> text{};
  std::ranges::copy(binding.substr(0, text.size()), text.begin());
  return text;
}

}  // namespace

void Server::Impl::on_request(const Request& request) {
  const auto path = request.message.uri_path();
  const auto method = request.message.code;
  if (path == kRegistrationPath) {
    if (method == coap::Code::post) return on_register(request);
    return answer(request, coap::Code::method_not_allowed);
  }
  if (path == kSendPath) {
    if (method == coap::Code::post) return on_send(request);
    return answer(request, coap::Code::method_not_allowed);
  }
  if (!path.view().starts_with(kLocationPrefix)) return answer(request, coap::Code::not_found);
  const auto slot = device_of_location(request, path.view().substr(kLocationPrefix.size()));
  if (slot == kNoSlot) return answer(request, coap::Code::not_found);
  if (method == coap::Code::post) return on_update(request, slot);
  if (method == coap::Code::del) return on_deregister(request, slot);
  answer(request, coap::Code::method_not_allowed);
}

void Server::Impl::answer(const Request& request, coap::Code code, std::string_view location) {
  (void)coap_.respond(request.now, request.id, {.code = code, .location_path = location});
}

void Server::Impl::refuse(const Request& request, std::string_view endpoint, coap::Code code,
                          const char* reason) {
  ++counters_.refused;
  auto event = event_of(EventKind::refused, kNoSlot);
  event.peer = request.peer.id;
  event.text = endpoint;
  event.code = code;
  event.reason = reason;
  events_.push_back(std::move(event));
  answer(request, code);
}

/// Who knows a location must also be who registered: the same name by its credential, or without
/// security the same address. Anyone else is told that it does not exist. [LwM2M-TRANSPORT 1.2 §5.2.6]
bool Server::Impl::same_identity(const Device& device, const PeerContext& peer) const {
  if (device.security == SecurityMode::nosec)
    return peer.endpoint.empty() && (device.peer == peer.id || device.address == peer.address);
  return peer.endpoint == device.endpoint.view();
}

Slot Server::Impl::device_of_location(const Request& request, std::string_view location) const {
  const auto number = parse_location(location);
  if (!number) return kNoSlot;
  const auto slot = registry_.find_location(*number);
  return slot != kNoSlot && same_identity(registry_[slot], request.peer) ? slot : kNoSlot;
}

std::uint64_t Server::Impl::fresh_location() {
  for (;;) {
    const auto location = random_.u64();
    if (registry_.find_location(location) == kNoSlot) return location;
  }
}

void Server::Impl::stay_awake(TimePoint now, Slot slot) {
  registry_[slot].awake_until = now + config_.awake_time;
}

/// Takes over what a Register or an Update says; true when anything is new.
bool Server::Impl::adopt(const lwm2m::RegisterParameters& parameters, Slot slot) {
  auto& device = registry_[slot];
  bool changed = false;
  if (parameters.lifetime) {
    const auto lifetime = static_cast<std::uint32_t>(parameters.lifetime->count());
    changed |= lifetime != device.lifetime_s;
    device.lifetime_s = lifetime;
  }
  if (parameters.binding) {
    const auto binding = padded(*parameters.binding);
    changed |= binding != device.binding;
    device.binding = binding;
  }
  // Version 1.0 says it in `b`, so that a `b` without Q ends it.
  const bool ends = parameters.binding && device.enabler == Version{1, 0} && !parameters.queue_mode;
  const bool queue_mode = !ends && (device.queue_mode || parameters.queue_mode);
  changed |= queue_mode != device.queue_mode;
  device.queue_mode = queue_mode;
  if (parameters.sms && *parameters.sms != device.sms.view()) {
    device.sms = CompactText(*parameters.sms);
    changed = true;
  }
  return changed;
}

/// The device now speaks as `peer`: what was under way with the old one ends or waits.
void Server::Impl::adopt_peer(TimePoint now, Slot slot, const PeerContext& peer) {
  auto& device = registry_[slot];
  device.address = peer.address;
  device.security = peer.endpoint.empty() ? SecurityMode::nosec : peer.security;
  if (device.peer == peer.id) return;
  if (const auto other = registry_.find(peer.id); other != kNoSlot) {
    fail_in_flight(now, other, OperationFailure::session_lost);
    suspend_observations(other);
    registry_.set_peer(other, PeerId{});
  }
  fail_in_flight(now, slot, OperationFailure::session_lost);
  const auto old = device.peer;
  registry_.set_peer(slot, peer.id);
  if (old != PeerId{}) coap_.drop_peer(old);
}

void Server::Impl::on_register(const Request& request) {
  ++counters_.registers;
  const auto parameters = lwm2m::parse_register(request.message, lwm2m::RegistrationKind::initial);
  if (!parameters)
    return refuse(request, request.peer.endpoint, parameters.error().code, parameters.error().reason);
  const auto endpoint = parameters->endpoint.value_or(request.peer.endpoint);
  if (endpoint.empty())
    return refuse(request, endpoint, coap::Code::bad_request, "ep is missing, and the security names nobody");
  if (!request.peer.endpoint.empty() && endpoint != request.peer.endpoint)
    return refuse(request, endpoint, coap::Code::bad_request,
                  "ep is not the name that the device's credential belongs to");
  if (!is_link_format(request.message))
    return refuse(request, endpoint, coap::Code::unsupported_content_format,
                  "the object list is not link format");
  if (request.message.payload.empty()) {
    const auto refusal = no_list(*parameters->enabler);
    return refuse(request, endpoint, refusal.code, refusal.reason);
  }
  const auto text = as_text(request.message.payload);
  const auto list = lwm2m::parse_object_list(text, links_);
  if (!list)
    return refuse(request, endpoint, lwm2m::code_for(lwm2m::Operation::register_device, list.error().code),
                  list.error().detail);

  const auto existing = registry_.find(endpoint);
  if (existing != kNoSlot && registry_[existing].security != SecurityMode::nosec &&
      request.peer.endpoint.empty())
    return refuse(request, endpoint, coap::Code::forbidden,
                  "a device without security claims a secured device's name");
  const auto slot = existing != kNoSlot ? existing : registry_.add(endpoint, fresh_location());
  if (slot == kNoSlot)
    return refuse(request, endpoint, coap::Code::service_unavailable,
                  "registrations_max devices are registered");

  if (existing != kNoSlot) {
    fail_in_flight(request.now, slot, OperationFailure::session_lost);
    registry_.set_location(slot, fresh_location());
  }
  auto& device = registry_[slot];
  device.enabler = *parameters->enabler;
  device.binding = padded("U");
  device.queue_mode = false;
  device.sms = {};
  (void)adopt(*parameters, slot);
  registry_.set_links(slot, text, *list);
  registry_.set_expiry(slot, request.now, seconds(device.lifetime_s));
  device.registered = device.updated = request.wall;
  BoundedString<20> location(kLocationPrefix);
  (void)location.append(location_text(device.location));
  answer(request, coap::Code::created, location);
  auto event = event_of(EventKind::registered, slot);
  event.flag = existing != kNoSlot;
  events_.push_back(std::move(event));
  adopt_peer(request.now, slot, request.peer);
  // A new registration begins without observations on the device. [LwM2M-CORE 1.2 §6.2.1]
  if (existing != kNoSlot) reobserve(request.now, slot);
}

void Server::Impl::on_update(const Request& request, Slot slot) {
  auto& device = registry_[slot];
  const auto parameters = lwm2m::parse_register(request.message, lwm2m::RegistrationKind::update);
  if (!parameters)
    return refuse(request, device.endpoint.view(), parameters.error().code, parameters.error().reason);
  bool changed = device.peer != request.peer.id || device.address != request.peer.address;
  if (!request.message.payload.empty()) {
    if (!is_link_format(request.message))
      return refuse(request, device.endpoint.view(), coap::Code::unsupported_content_format,
                    "the object list is not link format");
    const auto text = as_text(request.message.payload);
    const auto list = lwm2m::parse_object_list(text, links_);
    if (!list)
      return refuse(request, device.endpoint.view(),
                    lwm2m::code_for(lwm2m::Operation::update, list.error().code), list.error().detail);
    if (device.links == kNoSlot || registry_.links_of(slot).text != text) {
      registry_.set_links(slot, text, *list);
      changed = true;
    }
  }
  ++counters_.updates;
  changed |= adopt(*parameters, slot);
  registry_.set_expiry(slot, request.now, seconds(device.lifetime_s));
  device.updated = request.wall;
  answer(request, coap::Code::changed);
  auto event = event_of(EventKind::updated, slot);
  event.flag = changed;
  events_.push_back(std::move(event));
  const bool moved = device.peer != request.peer.id;
  adopt_peer(request.now, slot, request.peer);
  if (moved) reobserve(request.now, slot);
}

void Server::Impl::on_deregister(const Request& request, Slot slot) {
  ++counters_.deregisters;
  answer(request, coap::Code::deleted);
  end_registration(request.now, slot, RegistrationEnd::deregistered);
}

/// Data that a device sends by itself. [LwM2M-CORE 1.2 §6.4.6]
void Server::Impl::on_send(const Request& request) {
  const auto slot = registry_.find(request.peer.id);
  if (slot == kNoSlot) return answer(request, coap::Code::not_found);
  const auto number = request.message.content_format();
  if (!number) return answer(request, coap::Code::bad_request);
  const auto format = static_cast<ContentFormat>(*number);
  const bool known = format == ContentFormat::senml_cbor || format == ContentFormat::senml_json ||
                     format == ContentFormat::lwm2m_cbor;
  if (!known) return answer(request, coap::Code::bad_request);
  const auto decoded = codec::decode(format, Path(), request.message.payload, {.catalog = &catalog_},
                                     {.entries = entries_, .scratch = scratch_});
  if (!decoded) return answer(request, lwm2m::code_for(lwm2m::Operation::send, decoded.error().code));
  ++counters_.sends;
  answer(request, coap::Code::changed);
  auto event = event_of(EventKind::sent, slot);
  event.code = request.message.code;
  event.format = format;
  event.payload.assign(request.message.payload.begin(), request.message.payload.end());
  events_.push_back(std::move(event));
}

void Server::Impl::end_registration(TimePoint now, Slot slot, RegistrationEnd reason) {
  while (registry_[slot].first_operation != kNoSlot)
    fail_operation(now, registry_[slot].first_operation, OperationFailure::deregistered);
  while (registry_[slot].first_observation != kNoSlot) forget_observation(registry_[slot].first_observation);
  registry_.end(slot, reason);
  events_.push_back(event_of(EventKind::deregistered, slot));
}

}  // namespace slipway::management

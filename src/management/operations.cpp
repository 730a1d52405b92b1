// SPDX-License-Identifier: Apache-2.0
// What callers ask of devices. [LwM2M-CORE 1.2 §6.3, §6.4] [LwM2M-TRANSPORT 1.2 §6.4.4, §6.4.5, §6.5]
#include "management/engine.hpp"

namespace slipway::management {

ContentFormat Server::Impl::best_format(Slot slot) const {
  const auto& device = registry_[slot];
  if (device.enabler == Version{1, 0}) return ContentFormat::tlv;
  if (device.links == kNoSlot) return ContentFormat::senml_cbor;
  const auto& formats = registry_.links_of(slot).formats;
  for (const auto format :
       {ContentFormat::senml_cbor, ContentFormat::lwm2m_cbor, ContentFormat::senml_json, ContentFormat::tlv})
    if (formats.contains(format)) return format;
  return ContentFormat::senml_cbor;
}

Result<OperationId> Server::Impl::submit(TimePoint now, std::string_view endpoint, Wanted wanted) {
  const auto slot = registry_.find(endpoint);
  if (slot == kNoSlot) return fail(ErrorCode::not_found, "no device is registered under that name");
  if (wanted.accept_chosen == Chosen::by_engine) wanted.accept = best_format(slot);
  return enqueue(now, slot, wanted);
}

Result<OperationId> Server::Impl::submit_values(TimePoint now, std::string_view endpoint, Wanted wanted,
                                                std::span<const Entry> entries) {
  const auto slot = registry_.find(endpoint);
  if (slot == kNoSlot) return fail(ErrorCode::not_found, "no device is registered under that name");
  if (!wanted.format) wanted.format = best_format(slot);
  SLIPWAY_ASSIGN(const auto size, codec::encode(*wanted.format, wanted.path, entries, scratch_));
  wanted.payload = ByteView(scratch_).first(size);
  return enqueue(now, slot, wanted);
}

Result<OperationId> Server::Impl::enqueue(TimePoint now, Slot device, const Wanted& wanted) {
  auto& owner = registry_[device];
  const bool bounded = wanted.audience == Audience::caller;
  if (bounded && owner.operations >= config_.operations_per_device_max)
    return fail(ErrorCode::exhausted, "operations_per_device_max operations wait for this device");
  if (bounded && operations_.size() >= config_.operations_max)
    return fail(ErrorCode::exhausted, "operations_max operations are under way");
  const auto slot = operations_.open();
  auto& operation = operations_[slot];
  operation.device = device;
  operation.observation = wanted.observation;
  operation.kind = wanted.kind;
  operation.progress = Progress::queued;
  operation.audience = wanted.audience;
  operation.accept_chosen = wanted.accept_chosen;
  operation.method = wanted.method;
  operation.path = wanted.path;
  operation.accept = wanted.accept;
  operation.format = wanted.format;
  operation.payload.assign(wanted.payload.begin(), wanted.payload.end());
  for (const auto query : wanted.queries) operation.queries.emplace_back(query);
  if (wanted.observation != kNoSlot) observations_[wanted.observation].operation = slot;
  ++counters_.operations;
  append_to_device(slot);
  if (owner.queue_mode)
    waiting_.push(slot, now + config_.queued_time_max);
  else
    active_.push(slot, now + config_.operation_time_max);
  const auto id = operation.id;
  kick(now, device);
  return id;
}

void Server::Impl::append_to_device(Slot slot) {
  auto& device = registry_[operations_[slot].device];
  (device.first_operation == kNoSlot ? device.first_operation : operations_[device.last_operation].next) =
      slot;
  device.last_operation = slot;
  ++device.operations;
}

void Server::Impl::remove_from_device(Slot slot) {
  auto& device = registry_[operations_[slot].device];
  Slot before = kNoSlot;
  for (auto at = device.first_operation; at != slot; at = operations_[at].next) before = at;
  (before == kNoSlot ? device.first_operation : operations_[before].next) = operations_[slot].next;
  if (device.last_operation == slot) device.last_operation = before;
  --device.operations;
}

Slot Server::Impl::find_observation(Slot device, const Path& path) const {
  for (auto at = registry_[device].first_observation; at != kNoSlot; at = observations_[at].next)
    if (observations_[at].path == path && !observations_[at].cancelled) return at;
  return kNoSlot;
}

Result<Slot> Server::Impl::open_observation(Slot device, const Path& path) {
  if (registry_[device].observations >= config_.observations_per_device_max)
    return fail(ErrorCode::exhausted, "observations_per_device_max observations of this device");
  const auto slot = observations_.open();
  auto& observation = observations_[slot];
  observation.device = device;
  observation.path = path;
  std::array<std::uint8_t, coap::Token::kSizeMax> token;
  random_.fill(token);
  observation.token = coap::Token(token);
  observation.next = registry_[device].first_observation;
  registry_[device].first_observation = slot;
  ++registry_[device].observations;
  return slot;
}

/// The device still notifies by a token that nobody knows any more, which is answered by a Reset, and then
/// hears the new one.
Result<ObservationId> Server::Impl::restore_observation(std::string_view endpoint, const Path& path) {
  const auto device = registry_.find(endpoint);
  if (device == kNoSlot) return fail(ErrorCode::not_found, "no device is registered under that name");
  auto slot = find_observation(device, path);
  if (slot == kNoSlot) {
    SLIPWAY_ASSIGN(slot, open_observation(device, path));
  }
  registry_[device].reobserve = true;
  return observations_[slot].id;
}

Result<Server::Observing> Server::Impl::observe(TimePoint now, std::string_view endpoint, const Path& path,
                                                std::optional<ContentFormat> accept) {
  const auto device = registry_.find(endpoint);
  if (device == kNoSlot) return fail(ErrorCode::not_found, "no device is registered under that name");
  auto slot = find_observation(device, path);
  const bool fresh = slot == kNoSlot;
  if (fresh) {
    SLIPWAY_ASSIGN(slot, open_observation(device, path));
  }
  observations_[slot].accept = accept;
  const auto id = observations_[slot].id;
  const auto operation = enqueue(now, device,
                                 {.kind = Kind::observe,
                                  .method = coap::Code::get,
                                  .path = path,
                                  .accept = accept ? accept : best_format(device),
                                  .accept_chosen = accept ? Chosen::by_caller : Chosen::by_engine,
                                  .observation = slot});
  if (operation) return Observing{.observation = id, .operation = *operation};
  if (fresh) {
    observations_[slot].cancelled = true;  // nobody has heard of it
    forget_observation(slot);
  }
  return std::unexpected(operation.error());
}

Result<OperationId> Server::Impl::cancel_observation(TimePoint now, ObservationId id) {
  const auto slot = observations_.find(id);
  if (slot == kNoSlot || observations_[slot].cancelled)
    return fail(ErrorCode::not_found, "there is no such observation");
  auto& observation = observations_[slot];
  auto operation =
      enqueue(now, observation.device,
              {.kind = Kind::cancel,
               .method = coap::Code::get,
               .path = observation.path,
               .accept = observation.accept ? observation.accept : best_format(observation.device),
               .accept_chosen = observation.accept ? Chosen::by_caller : Chosen::by_engine,
               .observation = slot});
  if (operation) observation.cancelled = true;
  return operation;
}

void Server::Impl::forget_observation(Slot slot) {
  auto& observation = observations_[slot];
  auto& device = registry_[observation.device];
  auto* link = &device.first_observation;
  while (*link != slot) link = &observations_[*link].next;
  *link = observation.next;
  --device.observations;
  if (observation.request) coap_.forget(*observation.request);
  if (!observation.cancelled) {
    auto event = event_of(EventKind::observation_ended, observation.device);
    event.observation = observation.id;
    event.path = observation.path;
    events_.push_back(std::move(event));
  }
  observations_.close(slot);
}

/// The device no longer knows its observations, or cannot be reached to notify.
void Server::Impl::suspend_observations(Slot device) {
  for (auto at = registry_[device].first_observation; at != kNoSlot; at = observations_[at].next) {
    auto& observation = observations_[at];
    if (observation.request) coap_.forget(*observation.request);
    observation.request.reset();
  }
}

/// Asks again for every observation that the device has lost.
void Server::Impl::reobserve(TimePoint now, Slot device) {
  suspend_observations(device);
  for (auto at = registry_[device].first_observation; at != kNoSlot; at = observations_[at].next) {
    auto& observation = observations_[at];
    if (observation.cancelled) continue;
    if (observation.operation != kNoSlot) continue;  // it is on its way already
    (void)enqueue(now, device,
                  {.kind = Kind::observe,
                   .method = coap::Code::get,
                   .path = observation.path,
                   .accept = observation.accept ? observation.accept : best_format(device),
                   .accept_chosen = observation.accept ? Chosen::by_caller : Chosen::by_engine,
                   .observation = at,
                   .audience = Audience::engine});
  }
}

void Server::Impl::cancel(TimePoint now, OperationId id) {
  if (const auto slot = operations_.find(id); slot != kNoSlot)
    fail_operation(now, slot, OperationFailure::cancelled);
}

}  // namespace slipway::management

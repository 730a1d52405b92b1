// SPDX-License-Identifier: Apache-2.0
// Sending operations one at a time, and what comes back. [LwM2M-TRANSPORT 1.2 §6.5] [RFC 7641 §3]
#include "management/engine.hpp"

namespace slipway::management {
namespace {

/// A queue-mode device that stays silent so often is not asked again.
constexpr std::uint8_t kAttemptsMax = 3;

/// Tags of Observe requests name the observation, since notifications come back with them.
constexpr std::uint64_t kObservationTag = std::uint64_t{1} << 63;

std::optional<ObservationId> observation_of_tag(std::uint64_t tag) {
  if ((tag & kObservationTag) == 0) return std::nullopt;
  return ObservationId(tag & ~kObservationTag);
}

/// Whether doing it twice is doing it once, so that it may be sent again after silence. [RFC 7252 §5.1]
bool repeatable(const PendingOperation& operation) {
  return operation.method != coap::Code::post;
}

}  // namespace

bool Server::Impl::reachable(TimePoint now, const Device& device) const {
  return device.peer != PeerId{} && (!device.queue_mode || now < device.awake_until);
}

/// Sends what is next for the device, if it listens and nothing else is under way (NSTART is 1).
void Server::Impl::kick(TimePoint now, Slot device) {
  auto& owner = registry_[device];
  while (!owner.in_flight && owner.first_operation != kNoSlot && reachable(now, owner)) {
    const auto slot = owner.first_operation;
    const auto sent = send(now, slot);
    if (sent) {
      auto& operation = operations_[slot];
      operation.request = *sent;
      operation.progress = Progress::in_flight;
      ++operation.attempts;
      owner.in_flight = true;
      if (!owner.queue_mode) return;
      waiting_.remove(slot);
      active_.push(slot, now + config_.operation_time_max);
      return;
    }
    if (sent.error().code == ErrorCode::exhausted)
      return;  // its deadline stands; the next message tries again
    fail_operation(now, slot, OperationFailure::too_large);
  }
}

Result<coap::RequestId> Server::Impl::send(TimePoint now, Slot slot) {
  const auto& operation = operations_[slot];
  const auto& device = registry_[operation.device];
  BoundedString<lwm2m::kAlternatePathMax + 24> path;
  if (device.links != kNoSlot) (void)path.append(registry_.links_of(operation.device).alternate_path);
  if (path.empty() || !operation.path.is_root()) (void)path.append(operation.path.text());
  const std::vector<std::string_view> queries(operation.queries.begin(), operation.queries.end());

  coap::OutgoingRequest request{.code = operation.method,
                                .path = path,
                                .queries = queries,
                                .payload = operation.payload,
                                .tag = operation.id.value()};
  if (operation.accept) request.accept = static_cast<std::uint16_t>(*operation.accept);
  if (operation.format) request.content_format = static_cast<std::uint16_t>(*operation.format);
  if (operation.observation != kNoSlot) {
    const auto& observation = observations_[operation.observation];
    request.token = observation.token;
    request.observe = operation.kind == Kind::observe ? 0 : 1;
    if (operation.kind == Kind::observe) request.tag = kObservationTag | observation.id.value();
  }
  return coap_.request(now, device.peer, request);
}

/// Back to the head of the queue, until the device is heard again.
void Server::Impl::requeue(TimePoint now, Slot slot) {
  auto& operation = operations_[slot];
  auto& device = registry_[operation.device];
  operation.progress = Progress::queued;
  device.in_flight = false;
  active_.remove(slot);
  if (device.queue_mode)
    waiting_.push(slot, now + config_.queued_time_max);
  else
    active_.push(slot, now + config_.operation_time_max);
}

/// The operation in flight loses its exchange: it is sent again if it may be, else it fails.
void Server::Impl::fail_in_flight(TimePoint now, Slot device, OperationFailure failure) {
  if (!registry_[device].in_flight) return;
  const auto slot = registry_[device].first_operation;
  const auto& operation = operations_[slot];
  if (!repeatable(operation) || operation.attempts >= kAttemptsMax) return fail_operation(now, slot, failure);
  coap_.cancel(operation.request);
  requeue(now, slot);
}

/// The operation that an answer belongs to; kNoSlot for one that nobody waits for any more.
Slot Server::Impl::operation_of(coap::RequestId request, std::uint64_t tag) const {
  const auto observation_id = observation_of_tag(tag);
  if (!observation_id) return operations_.find(OperationId(tag));
  const auto observation = observations_.find(*observation_id);
  if (observation == kNoSlot) return kNoSlot;
  const auto& device = registry_[observations_[observation].device];
  if (!device.in_flight || operations_[device.first_operation].request != request) return kNoSlot;
  return device.first_operation;
}

void Server::Impl::on_response(TimePoint now, const coap::ResponseReceived& response) {
  const auto slot = operation_of(response.id, response.tag);
  if (slot == kNoSlot) return on_last_notification(response);
  auto& operation = operations_[slot];
  const auto device = operation.device;
  const bool retry = response.message.code == coap::Code::not_acceptable && operation.accept &&
                     operation.accept_chosen == Chosen::by_engine;
  if (retry) {  // the device cannot write the format that we like best: let it choose
    operation.accept.reset();
    requeue(now, slot);
    return kick(now, device);
  }
  if (operation.audience == Audience::caller) tell_answer(slot, response.message);
  if (operation.kind == Kind::observe) after_observe(slot, response);
  if (operation.kind == Kind::cancel) observation_lost(operation.observation, slot);
  close_operation(slot);
  kick(now, device);
}

/// An error or a value without Observe ends an observation from the device's side. [RFC 7641 §3.2]
void Server::Impl::on_last_notification(const coap::ResponseReceived& response) {
  const auto id = observation_of_tag(response.tag);
  const auto slot = id ? observations_.find(*id) : kNoSlot;
  if (slot == kNoSlot || observations_[slot].request != response.id) return coap_.cancel(response.id);
  observations_[slot].request.reset();
  if (coap::is_success(response.message.code))
    on_notification(
        {.peer = response.peer, .id = response.id, .tag = response.tag, .message = response.message});
  if (observations_[slot].operation == kNoSlot) forget_observation(slot);
}

void Server::Impl::tell_answer(Slot slot, const coap::Message& message) {
  const auto& operation = operations_[slot];
  auto event = event_of(EventKind::operation, operation.device);
  event.operation = operation.id;
  event.path = operation.path;
  event.code = message.code;
  if (const auto format = message.content_format()) event.format = static_cast<ContentFormat>(*format);
  event.payload.assign(message.payload.begin(), message.payload.end());
  if (operation.kind == Kind::create) event.text = lwm2m::location_of(message).view();
  events_.push_back(std::move(event));
}

void Server::Impl::after_observe(Slot slot, const coap::ResponseReceived& response) {
  const auto& operation = operations_[slot];
  auto& observation = observations_[operation.observation];
  const bool observing = coap::is_success(response.message.code) && response.notifications_follow;
  if (!observing) return observation_lost(operation.observation, slot);
  observation.request = response.id;
  if (observation.operation == slot) observation.operation = kNoSlot;
  if (operation.audience == Audience::caller || observation.cancelled) return;
  on_notification(
      {.peer = response.peer, .id = response.id, .tag = response.tag, .message = response.message});
}

/// Its last operation decides what becomes of an observation: a later one goes on with it.
void Server::Impl::observation_lost(Slot observation, Slot operation) {
  if (observations_[observation].operation == operation) forget_observation(observation);
}

void Server::Impl::on_notification(const coap::NotificationReceived& notification) {
  const auto id = observation_of_tag(notification.tag);
  const auto slot = id ? observations_.find(*id) : kNoSlot;
  if (slot == kNoSlot) return coap_.cancel(notification.id);
  const auto& observation = observations_[slot];
  if (observation.cancelled) return;
  const auto& message = notification.message;
  ++counters_.notifications;
  auto event = event_of(EventKind::notified, observation.device);
  event.observation = observation.id;
  event.path = observation.path;
  event.code = message.code;
  if (const auto format = message.content_format()) event.format = static_cast<ContentFormat>(*format);
  event.payload.assign(message.payload.begin(), message.payload.end());
  events_.push_back(std::move(event));
}

void Server::Impl::on_failure(TimePoint now, const coap::RequestFailed& failure) {
  const auto slot = operation_of(failure.id, failure.tag);
  if (slot ==
      kNoSlot) {  // of an observation that was established: asked for again when the device comes back
    const auto id = observation_of_tag(failure.tag);
    const auto observation = id ? observations_.find(*id) : kNoSlot;
    if (observation != kNoSlot && observations_[observation].request == failure.id)
      observations_[observation].request.reset();
    return;
  }
  const auto& operation = operations_[slot];
  if (operation.request != failure.id || operation.progress != Progress::in_flight) return;
  const auto device = operation.device;
  switch (failure.reason) {
    case coap::RequestFailure::timeout: {
      auto& owner = registry_[device];
      if (owner.queue_mode) owner.awake_until = now;  // it sleeps already
      if (owner.queue_mode && repeatable(operation) && operation.attempts < kAttemptsMax)
        return requeue(now, slot);
      fail_operation(now, slot, OperationFailure::timeout);
      break;
    }
    case coap::RequestFailure::reset:
      fail_operation(now, slot, OperationFailure::reset);
      break;
    case coap::RequestFailure::peer_dropped:
      fail_in_flight(now, device, OperationFailure::session_lost);
      break;
    case coap::RequestFailure::block_error:
      fail_operation(now, slot, OperationFailure::undecodable);
      break;
    case coap::RequestFailure::too_large:
      fail_operation(now, slot, OperationFailure::too_large);
      break;
  }
  kick(now, device);
}

void Server::Impl::fail_operation(TimePoint now, Slot slot, OperationFailure failure) {
  const auto& operation = operations_[slot];
  const auto device = operation.device;
  if (operation.progress == Progress::in_flight) coap_.cancel(operation.request);
  if (operation.audience == Audience::caller) {
    auto event = event_of(EventKind::operation, device);
    event.operation = operation.id;
    event.path = operation.path;
    event.failure = failure;
    events_.push_back(std::move(event));
  }
  if (operation.observation != kNoSlot) observation_lost(operation.observation, slot);
  close_operation(slot);
  if (failure == OperationFailure::cancelled) kick(now, device);
}

void Server::Impl::close_operation(Slot slot) {
  const auto& operation = operations_[slot];
  auto& device = registry_[operation.device];
  if (operation.progress == Progress::in_flight) device.in_flight = false;
  remove_from_device(slot);
  active_.remove(slot);
  waiting_.remove(slot);
  operations_.close(slot);
}

}  // namespace slipway::management

// SPDX-License-Identifier: Apache-2.0
#include "bootstrap/engine.hpp"

namespace slipway::bootstrap {
namespace {

/// Codes by which a device says that it cannot do a Discover: it is bootstrapped blindly then.
bool cannot_discover(coap::Code code) {
  return code == coap::Code::bad_request || code == coap::Code::not_found ||
         code == coap::Code::method_not_allowed || code == coap::Code::not_acceptable ||
         code == coap::Code::not_implemented;
}

/// What a device answers to a Delete of something that is not there is as good as having deleted it.
bool fulfilled(const PlannedOperation& operation, coap::Code code) {
  return coap::is_success(code) || (operation.operation == Operation::del && code == coap::Code::not_found);
}

constexpr PlannedOperation kDiscover{.operation = Operation::discover};

}  // namespace

Server::Impl::Impl(const ServerConfig& config, const ObjectCatalog&, Random& protocol_random,
                   Random& key_random)
    : config_(config),
      protocol_random_(protocol_random),
      key_random_(key_random),
      coap_(config.coap, protocol_random),
      table_(config.sessions_max, protocol_random.u64()),
      links_(kDiscoverLinksMax),
      payload_(config.coap.body_max) {}

void Server::Impl::handle_datagram(TimePoint now, const PeerContext& peer, ByteView datagram) {
  coap_.handle_datagram(now, peer.id, datagram);
  drain(now, &peer);
}

void Server::Impl::drain(TimePoint now, const PeerContext* peer) {
  while (const auto event = coap_.poll_event()) {
    if (const auto* response = std::get_if<coap::ResponseReceived>(&*event)) {
      on_response(now, *response);
    } else if (const auto* request = std::get_if<coap::RequestReceived>(&*event)) {
      if (peer != nullptr && peer->id == request->peer) on_request(now, *peer, *request);
    } else if (const auto* failure = std::get_if<coap::RequestFailed>(&*event)) {
      on_failure(now, *failure);
    }
  }
}

void Server::Impl::handle_timeout(TimePoint now) {
  coap_.handle_timeout(now);
  drain(now, nullptr);
  while (adapter_waits_.next().value_or(TimePoint::max()) <= now)
    end(now, adapter_waits_.front(), Outcome::storage_failed, "our own store did not answer in time");
  while (lifetimes_.next().value_or(TimePoint::max()) <= now)
    end(now, lifetimes_.front(), Outcome::timeout, "the session took too long (session_time_max)");
}

std::optional<TimePoint> Server::Impl::next_timeout() const {
  auto earliest = coap_.next_timeout();
  for (const auto& next : {lifetimes_.next(), adapter_waits_.next()})
    if (next && (!earliest || *next < *earliest)) earliest = next;
  return earliest;
}

void Server::Impl::wait_for_adapter(TimePoint now, Slot slot) {
  adapter_waits_.push(slot, now + config_.adapter_time_max);
}

void Server::Impl::enrolment(TimePoint now, SessionId id, std::shared_ptr<const fleet::Plan> plan) {
  const auto slot = table_.find(id);
  if (slot == kNoSlot || table_[slot].state != State::wanted) return;
  if (!plan)
    return refuse(now, id, {.code = coap::Code::bad_request, .reason = "there is no plan for this endpoint"});
  if (const auto checked = check_plan(*plan); !checked)
    return refuse(now, id, {.code = coap::Code::internal_server_error, .reason = checked.error().detail});

  // Only now is the claim to the name believed, so that a stranger cannot end a device's session.
  auto& session = table_[slot];
  if (const auto old = table_.find(session.endpoint); old != kNoSlot)
    end(now, old, Outcome::superseded, "the device sent a new Bootstrap-Request");
  table_.list_endpoint(slot);
  adapter_waits_.remove(slot);
  session.state = State::running;
  session.plan = std::move(plan);
  session.format = session.plan->format.value_or(session.preferred.value_or(ContentFormat::tlv));
  ++counters_.started;
  answer(now, session.incoming, coap::Code::changed);
  push({.kind = EventKind::done,
        .slot = slot,
        .operation = Operation::request,
        .answer = coap::Code::changed});
  mint(*session.plan, session.endpoint, key_random_, session.credentials);
  if (session.credentials.empty()) {
    session.keeping = Wait::done;
  } else {
    push({.kind = EventKind::keep, .slot = slot});
    wait_for_adapter(now, slot);
  }
  send_discover(now, slot);
}

void Server::Impl::refuse(TimePoint now, SessionId id, const Refusal& refusal) {
  const auto slot = table_.find(id);
  if (slot == kNoSlot || table_[slot].state != State::wanted) return;
  push({.kind = EventKind::done, .slot = slot, .operation = Operation::request, .answer = refusal.code});
  answer(now, table_[slot].incoming, refusal.code);
  table_[slot].state = State::running;  // it has its answer
  end(now, slot, Outcome::refused, refusal.reason);
}

void Server::Impl::credentials_kept(TimePoint now, SessionId id, Kept kept) {
  const auto slot = table_.find(id);
  if (slot == kNoSlot) return;
  auto& session = table_[slot];
  if (session.state != State::running || session.keeping == Wait::done) return;
  adapter_waits_.remove(slot);
  if (kept == Kept::failed)
    return end(now, slot, Outcome::storage_failed,
               "our own store could not keep the credentials; none was sent");
  session.keeping = Wait::done;
  proceed(now, slot);
}

void Server::Impl::peer_gone(TimePoint now, PeerId peer) {
  coap_.drop_peer(peer);
  drain(now, nullptr);
  if (const auto slot = table_.find(peer); slot != kNoSlot)
    end(now, slot, Outcome::timeout, "the secure session with the device is gone");
}

void Server::Impl::send_discover(TimePoint now, Slot slot) {
  auto& session = table_[slot];
  const auto sent = coap_.request(now, session.peer,
                                  {.code = coap::Code::get,
                                   .path = "/",
                                   .accept = static_cast<std::uint16_t>(ContentFormat::link_format),
                                   .tag = session.id.value()});
  if (!sent) return end(now, slot, Outcome::overloaded, "no room for another exchange (coap.exchanges_max)");
  session.request = *sent;
}

/// Begins with the operations once the device has told what it has and the credentials are durable.
void Server::Impl::proceed(TimePoint now, Slot slot) {
  const auto& session = table_[slot];
  if (session.discover == Wait::done && session.keeping == Wait::done) send_operation(now, slot);
}

void Server::Impl::on_discovered(TimePoint now, Slot slot, const coap::Message& message) {
  auto& session = table_[slot];
  lwm2m::Discovered discovered;
  if (coap::is_success(message.code)) {
    const auto parsed = lwm2m::parse_bootstrap_discover(as_text(message.payload), links_);
    if (!parsed) {
      (void)session.reason.append("the device's answer to Discover cannot be read: ");
      (void)session.reason.append(parsed.error().detail);
      return end_explained(now, slot, Outcome::operation_refused);
    }
    discovered = *parsed;
  } else if (!cannot_discover(message.code)) {
    explain_refusal(session, kDiscover, message.code, message.payload);
    return end_explained(now, slot, Outcome::operation_refused);
  }
  if (const auto planned = plan_operations(*session.plan, discovered, session.operations); !planned)
    return end(now, slot, Outcome::operation_refused, planned.error().detail);
  session.discover = Wait::done;
  proceed(now, slot);
}

void Server::Impl::send_operation(TimePoint now, Slot slot) {
  auto& session = table_[slot];
  const auto& operation = session.operations[session.next];
  coap::OutgoingRequest request{.tag = session.id.value()};
  Result<coap::RequestId> sent;
  PathText path;
  switch (operation.operation) {
    case Operation::write:
      sent = send_write(now, slot, operation);
      break;
    case Operation::finish:
      request.code = coap::Code::post;
      request.path = lwm2m::kBootstrapPath;
      sent = coap_.request(now, session.peer, request);
      break;
    default:
      path = operation.path.text();
      request.code = coap::Code::del;
      request.path = path;
      sent = coap_.request(now, session.peer, request);
      break;
  }
  if (sent) {
    session.request = *sent;
    return;
  }
  session.reason = BoundedString<256>("cannot send ");
  (void)session.reason.append(operation.path.text());
  (void)session.reason.append(": ");
  (void)session.reason.append(sent.error().detail);
  end_explained(now, slot, Outcome::overloaded);
}

Result<coap::RequestId> Server::Impl::send_write(TimePoint now, Slot slot,
                                                 const PlannedOperation& operation) {
  auto& session = table_[slot];
  SLIPWAY_TRY(entries_of(operation, *session.plan, session.credentials, entries_));
  const auto encoded = codec::encode(session.format, operation.path, entries_, payload_);
  entries_.clear();
  if (!encoded) {
    wipe(payload_);
    return std::unexpected(encoded.error());
  }
  const MutableBytes payload(payload_.data(), *encoded);
  const auto path = operation.path.text();
  auto sent = coap_.request(now, session.peer,
                            {.code = coap::Code::put,
                             .path = path,
                             .content_format = static_cast<std::uint16_t>(session.format),
                             .payload = payload,
                             .tag = session.id.value()});
  if (operation.content == Content::security) wipe(payload);
  return sent;
}

void Server::Impl::on_response(TimePoint now, const coap::ResponseReceived& response) {
  const auto slot = table_.find(SessionId(response.tag));
  if (slot == kNoSlot) return;
  auto& session = table_[slot];
  session.request.reset();
  const auto code = response.message.code;
  const bool discovering = session.discover == Wait::pending;
  const auto operation = discovering ? kDiscover : session.operations[session.next];
  push({.kind = EventKind::done,
        .slot = slot,
        .operation = operation.operation,
        .answer = code,
        .path = operation.path});
  if (discovering) return on_discovered(now, slot, response.message);

  if (!fulfilled(operation, code)) {
    explain_refusal(session, operation, code, response.message.payload);
    return end_explained(
        now, slot,
        operation.operation == Operation::finish ? Outcome::finish_refused : Outcome::operation_refused);
  }
  if (operation.operation == Operation::finish) return end(now, slot, Outcome::succeeded, "");
  ++session.next;
  send_operation(now, slot);
}

void Server::Impl::on_failure(TimePoint now, const coap::RequestFailed& failure) {
  const auto slot = table_.find(SessionId(failure.tag));
  if (slot == kNoSlot) return;
  auto& session = table_[slot];
  session.request.reset();
  const auto operation = session.discover == Wait::pending ? kDiscover : session.operations[session.next];
  push({.kind = EventKind::done, .slot = slot, .operation = operation.operation, .path = operation.path});
  explain_silence(session, operation, failure.reason);
  end_explained(now, slot, Outcome::timeout);
}

void Server::Impl::end(TimePoint now, Slot slot, Outcome outcome, std::string_view reason) {
  table_[slot].reason = BoundedString<256>(reason);
  end_explained(now, slot, outcome);
}

void Server::Impl::end_explained(TimePoint now, Slot slot, Outcome outcome) {
  auto& session = table_[slot];
  if (session.state == State::wanted) {  // nobody has answered the device yet
    answer(now, session.incoming, coap::Code::service_unavailable);
    push({.kind = EventKind::done,
          .slot = slot,
          .operation = Operation::request,
          .answer = coap::Code::service_unavailable});
  }
  if (session.request) coap_.cancel(*session.request);
  session.request.reset();
  session.outcome = outcome;
  session.plan.reset();
  lifetimes_.remove(slot);
  adapter_waits_.remove(slot);
  table_.unlist(slot);
  switch (outcome) {
    case Outcome::succeeded:
      ++counters_.succeeded;
      break;
    case Outcome::refused:
      ++counters_.refused;
      break;
    case Outcome::overloaded:
      ++counters_.overloaded;
      break;
    default:
      ++counters_.failed;
      break;
  }
  push({.kind = EventKind::ended, .slot = slot});
}

std::optional<Event> Server::Impl::poll_event() {
  if (polled_end_ != kNoSlot) {
    table_.release(polled_end_);
    polled_end_ = kNoSlot;
  }
  if (events_.empty()) return std::nullopt;
  const auto event = events_.front();
  events_.pop();
  if (event.kind == EventKind::ended) polled_end_ = event.slot;
  return view(event);
}

Event Server::Impl::view(const QueuedEvent& event) const {
  const auto& session = table_[event.slot];
  switch (event.kind) {
    case EventKind::started:
      return SessionStarted{.session = session.id, .peer = session.peer, .endpoint = session.endpoint};
    case EventKind::wanted:
      return EnrolmentWanted{
          .session = session.id,
          .peer = {.id = session.peer,
                   .security = session.security,
                   .endpoint = session.authenticated ? session.endpoint : std::string_view(),
                   .address = session.address},
          .endpoint = session.endpoint};
    case EventKind::keep:
      return CredentialsToKeep{
          .session = session.id, .endpoint = session.endpoint, .credentials = session.credentials};
    case EventKind::done:
      return OperationDone{.session = session.id,
                           .endpoint = session.endpoint,
                           .operation = event.operation,
                           .path = event.path,
                           .answer = event.answer};
    case EventKind::ended:
      break;
  }
  return SessionEnded{.session = session.id,
                      .peer = session.peer,
                      .endpoint = session.endpoint,
                      .outcome = session.outcome,
                      .reason = session.reason};
}

}  // namespace slipway::bootstrap

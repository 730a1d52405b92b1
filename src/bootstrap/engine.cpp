// SPDX-License-Identifier: Apache-2.0
#include "bootstrap/engine.hpp"

namespace slipway::bootstrap {

Server::Impl::Impl(const ServerConfig& config, const ObjectCatalog& catalog, Random& protocol_random,
                   Random& key_random, fleet::CredentialMaker* maker)
    : config_(config),
      catalog_(catalog),
      protocol_random_(protocol_random),
      key_random_(key_random),
      maker_(maker),
      coap_(config.coap, protocol_random),
      table_(config.sessions_max, protocol_random.u64()),
      links_(kDiscoverLinksMax),
      payload_(config.coap.body_max) {}

void Server::Impl::handle_datagram(TimePoint now, const PeerContext& peer, ByteView datagram) {
  if (peer.reliable && !coap_.set_reliable(peer.id, *peer.reliable)) return;
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
  auto& session = table_[slot];
  if (session.asked == Asked::pack)
    if (const auto fits = check_pack(*plan); !fits)
      return refuse(now, id, {.code = coap::Code::method_not_allowed, .reason = fits.error().detail});
  if (const auto minted = mint(*plan, session.endpoint, key_random_, maker_, session.credentials); !minted)
    return refuse(now, id, {.code = coap::Code::internal_server_error, .reason = minted.error().detail});

  // Only now is the claim to the name believed, so that a stranger cannot end a device's session.
  if (const auto old = table_.find(session.endpoint); old != kNoSlot)
    end(now, old, Outcome::superseded, "the device sent a new Bootstrap-Request");
  table_.list_endpoint(slot);
  adapter_waits_.remove(slot);
  session.state = State::running;
  session.plan = std::move(plan);
  ++counters_.started;
  if (session.asked == Asked::request) answer_request(now, slot, coap::Code::changed);
  if (session.credentials.empty()) {
    session.keeping = Wait::done;
  } else {
    push({.kind = EventKind::keep, .slot = slot});
    wait_for_adapter(now, slot);
  }
  if (session.asked == Asked::request) return start_looking(now, slot);
  if (session.keeping == Wait::done) send_pack(now, slot);
}

void Server::Impl::refuse(TimePoint now, SessionId id, const Refusal& refusal) {
  const auto slot = table_.find(id);
  if (slot == kNoSlot || table_[slot].state != State::wanted) return;
  answer_request(now, slot, refusal.code);
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
  if (session.asked == Asked::pack) return send_pack(now, slot);
  proceed(now, slot);
}

void Server::Impl::peer_gone(TimePoint now, PeerId peer) {
  coap_.drop_peer(peer);
  drain(now, nullptr);
  if (const auto slot = table_.find(peer); slot != kNoSlot)
    end(now, slot, Outcome::timeout, "the secure session with the device is gone");
}

void Server::Impl::end(TimePoint now, Slot slot, Outcome outcome, std::string_view reason) {
  auto& session = table_[slot];
  if (session.answered == Answered::no) answer_request(now, slot, coap::Code::service_unavailable);
  if (session.request) coap_.cancel(*session.request);
  session.request.reset();
  session.outcome = outcome;
  session.plan.reset();
  session.reason.clear();
  (void)session.reason.append(reason);
  lifetimes_.remove(slot);
  adapter_waits_.remove(slot);
  table_.unlist(slot);
  count(outcome);
  push({.kind = EventKind::ended, .slot = slot});
}

void Server::Impl::count(Outcome outcome) {
  switch (outcome) {
    case Outcome::succeeded:
      ++counters_.succeeded;
      return;
    case Outcome::refused:
      ++counters_.refused;
      return;
    case Outcome::overloaded:
      ++counters_.overloaded;
      return;
    case Outcome::operation_refused:
      ++counters_.operation_refused;
      break;
    case Outcome::finish_refused:
      ++counters_.finish_refused;
      break;
    case Outcome::timeout:
      ++counters_.timeout;
      break;
    case Outcome::superseded:
      ++counters_.superseded;
      break;
    case Outcome::storage_failed:
      ++counters_.storage_failed;
      break;
    case Outcome::plan_unfit:
      ++counters_.plan_unfit;
      break;
  }
  ++counters_.failed;
}

void Server::Impl::push_done(TimePoint now, Slot slot, const PlannedOperation& operation,
                             const coap::Message* answer, std::string_view note) {
  const auto& session = table_[slot];
  auto& event = events_.push();
  event = {.kind = EventKind::done,
           .operation = operation.operation,
           .need = operation.need,
           .slot = slot,
           .format = session.sent_format,
           .size = session.sent_size,
           .path = operation.path,
           .took = now - session.asked_at};
  if (answer != nullptr) {
    event.answer = answer->code;
    if (operation.operation == Operation::discover || operation.operation == Operation::read) {
      event.size = static_cast<std::uint32_t>(answer->payload.size());
      if (const auto format = answer->content_format()) event.format = static_cast<ContentFormat>(*format);
    }
  }
  if (note.empty()) return;
  event.noted = true;
  auto& kept = notes_.push();
  kept.clear();
  (void)kept.append(note);
}

std::optional<Event> Server::Impl::poll_event() {
  if (polled_end_ != kNoSlot) {
    table_.release(polled_end_);
    polled_end_ = kNoSlot;
  }
  if (events_.empty()) return std::nullopt;
  const auto& event = events_.front();
  events_.pop();  // its place is not used again before the next push
  if (event.noted) {
    polled_note_ = notes_.front();
    notes_.pop();
  }
  if (event.kind == EventKind::ended) polled_end_ = event.slot;
  return view(event);
}

std::optional<Event> Server::Impl::view(const QueuedEvent& event) const {
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
                           .answer = event.answer,
                           .need = event.need,
                           .format = event.format,
                           .size = event.size,
                           .took = event.took,
                           .reason = event.noted ? polled_note_.view() : std::string_view()};
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

// SPDX-License-Identifier: Apache-2.0
// Operations, one by one: what is sent, and what becomes of the answer. [LwM2M-CORE 1.2 §6.1.7]
#include "bootstrap/engine.hpp"

namespace slipway::bootstrap {
namespace {

/// What a device answers to a Delete of something that is not there is as good as having deleted it.
bool fulfilled(const PlannedOperation& operation, coap::Code code) {
  return coap::is_success(code) || (operation.operation == Operation::del && code == coap::Code::not_found);
}

/// Whether an operation leaves the device as it is: only such a one goes out before the credentials are
/// durable.
bool only_looks(const PlannedOperation& operation) {
  return operation.operation == Operation::discover || operation.operation == Operation::read;
}

/// What to try when a device does not take a format: what the others of its kind take. [facts G.1]
ContentFormat next_format(ContentFormat format) {
  return format == ContentFormat::senml_cbor ? ContentFormat::tlv : ContentFormat::senml_cbor;
}

bool holds_keys(const PlannedOperation& operation) {
  return operation.content != Content::server && operation.content != Content::access;
}

}  // namespace

/// Sends what comes next, when nothing is in flight and, where it matters, the credentials are durable.
void Server::Impl::proceed(TimePoint now, Slot slot) {
  auto& session = table_[slot];
  if (session.request) return;
  if (session.next == session.list.operations.size() && !compute(now, slot)) return;
  const auto& operation = session.list.operations[session.next];
  if (session.keeping == Wait::pending && !only_looks(operation)) return;
  send_operation(now, slot);
}

void Server::Impl::send_operation(TimePoint now, Slot slot) {
  auto& session = table_[slot];
  const auto& operation = session.list.operations[session.next];
  session.asked_at = now;
  session.sent_size = 0;
  session.sent_format.reset();
  auto sent = operation.operation == Operation::write ? send_write(now, session, operation)
                                                      : send_empty(now, session, operation);
  if (sent) {
    session.request = *sent;
    return;
  }
  const auto note = explain_unsent(operation, sent.error());
  end(now, slot, sent.error().code == ErrorCode::exhausted ? Outcome::overloaded : Outcome::plan_unfit, note);
}

/// A Discover, Read, Delete or Finish.
Result<coap::RequestId> Server::Impl::send_empty(TimePoint now, Session& session,
                                                 const PlannedOperation& operation) {
  const auto text = operation.path.text();
  coap::OutgoingRequest request{.path = text, .tag = session.id.value()};
  switch (operation.operation) {
    case Operation::discover:
      request.accept = static_cast<std::uint16_t>(ContentFormat::link_format);
      break;
    case Operation::read:
      request.accept = static_cast<std::uint16_t>(session.format);
      break;
    case Operation::finish:
      request.code = coap::Code::post;
      request.path = lwm2m::kBootstrapPath;
      break;
    default:
      request.code = coap::Code::del;
      break;
  }
  return coap_.request(now, session.peer, request);
}

/// In `payload_`. After an error nothing of a key is left.
Result<ByteView> Server::Impl::write_payload(const Session& session, const PlannedOperation& operation,
                                             ContentFormat format) {
  entries_.clear();
  SLIPWAY_TRY(append_entries(operation,
                             {.plan = *session.plan,
                              .credentials = session.credentials,
                              .kept_rights = session.list.kept_rights,
                              .catalog = catalog_},
                             entries_));
  const auto encoded = codec::encode(format, operation.path, entries_, payload_);
  entries_.clear();
  if (!encoded) {
    wipe(payload_);
    return std::unexpected(encoded.error());
  }
  return ByteView(payload_.data(), *encoded);
}

Result<coap::RequestId> Server::Impl::send_write(TimePoint now, Session& session,
                                                 const PlannedOperation& operation) {
  const auto* its = explicit_operation(operation, *session.plan);
  const auto format = its != nullptr && its->format ? *its->format : session.format;
  const bool as_it_is = its != nullptr && its->payload;
  SLIPWAY_ASSIGN(const auto payload,
                 as_it_is ? ByteView(*its->payload) : write_payload(session, operation, format));
  session.sent_format = format;
  session.sent_size = static_cast<std::uint32_t>(payload.size());
  const auto path = operation.path.text();
  auto sent = coap_.request(now, session.peer,
                            {.code = coap::Code::put,
                             .path = path,
                             .content_format = static_cast<std::uint16_t>(format),
                             .payload = payload,
                             .tag = session.id.value()});
  if (holds_keys(operation) && !as_it_is) wipe(MutableBytes(payload_).first(payload.size()));
  return sent;
}

void Server::Impl::on_response(TimePoint now, const coap::ResponseReceived& response) {
  const auto slot = table_.find(SessionId(response.tag));
  if (slot == kNoSlot) return;
  auto& session = table_[slot];
  session.request.reset();
  const auto code = response.message.code;
  const auto operation = session.list.operations[session.next];
  if (session.phase == Phase::looking && operation.content == Content::none)
    return looked(now, slot, operation, response.message);
  if (!fulfilled(operation, code)) {
    const auto note = explain_refusal(session, operation, code, response.message.payload);
    push_done(now, slot, operation, &response.message, note);
    return on_refused(now, slot, operation, code, note);
  }
  push_done(now, slot, operation, &response.message);
  if (operation.operation == Operation::finish) return end(now, slot, Outcome::succeeded, "");
  ++session.next;
  proceed(now, slot);
}

void Server::Impl::on_refused(TimePoint now, Slot slot, const PlannedOperation& operation, coap::Code code,
                              std::string_view note) {
  auto& session = table_[slot];
  const auto* its = explicit_operation(operation, *session.plan);
  const bool has_own_format = its != nullptr && its->format;
  if (operation.operation == Operation::write && code == coap::Code::unsupported_content_format &&
      !has_own_format && change_format(session))
    return proceed(now, slot);
  if (operation.operation == Operation::finish) return on_finish_refused(now, slot, note);
  if (operation.need == fleet::Need::required) return fail(now, slot, Outcome::operation_refused, note);
  ++session.next;
  proceed(now, slot);
}

/// Once in a session: the refused Write is sent again in another format, and so is what follows.
bool Server::Impl::change_format(Session& session) {
  if (session.choice == FormatChoice::changed) return false;
  session.choice = FormatChoice::changed;
  session.format = next_format(session.format);
  return true;
}

/// Once in a session: the device may have lost something, or have more than Discover told. [LwM2M-CORE 1.2
/// §6.1.6]
void Server::Impl::on_finish_refused(TimePoint now, Slot slot, std::string_view note) {
  auto& session = table_[slot];
  if (session.round == Round::repair) return fail(now, slot, Outcome::finish_refused, note);
  ++counters_.repairs;
  session.round = Round::repair;
  session.first_refusal = Note(note);
  ++session.next;
  start_looking(now, slot);
}

/// The end of a session for something that the device did. In a repair it is told together with what led to
/// it.
void Server::Impl::fail(TimePoint now, Slot slot, Outcome outcome, std::string_view note) {
  const auto& session = table_[slot];
  if (session.round == Round::first) return end(now, slot, outcome, note);
  BoundedString<kReasonMax> both(session.first_refusal);
  (void)both.append("; then, in the repair: ");
  (void)both.append(note);
  end(now, slot, outcome == Outcome::timeout ? outcome : Outcome::finish_refused, both);
}

void Server::Impl::on_failure(TimePoint now, const coap::RequestFailed& failure) {
  const auto slot = table_.find(SessionId(failure.tag));
  if (slot == kNoSlot) return;
  auto& session = table_[slot];
  session.request.reset();
  const auto operation = session.list.operations[session.next];
  const auto note = explain_silence(operation, failure.reason);
  push_done(now, slot, operation, nullptr, note);
  fail(now, slot, Outcome::timeout, note);
}

}  // namespace slipway::bootstrap

// SPDX-License-Identifier: Apache-2.0
// What a datagram is, and which exchange it concerns. [RFC 7252 §4.2, §4.3, §5.3.2] [RFC 7641 §3]
#include <algorithm>

#include "coap/endpoint_impl.hpp"

namespace slipway::coap {
namespace {

/// An owner that does not poll must not make us grow.
constexpr std::size_t kUnpolledMax = 4096;

/// Notifications older than this are no measure of order any more [RFC 7641 §3.4].
constexpr Duration kReorderWindow = seconds(128);
constexpr std::uint32_t kSequenceMask = 0xFFFFFF;
constexpr std::uint32_t kSequenceHalf = 1u << 23;

bool is_reserved(Code code) {
  return class_of(code) == 1 || class_of(code) >= 6;
}

}  // namespace

void Endpoint::Impl::handle_datagram(TimePoint now, PeerId peer, ByteView datagram) {
  now_ = std::max(now_, now);
  ++counters.received;
  if (events_.size() >= kUnpolledMax || outgoing_.size() >= kUnpolledMax) {
    ++counters.overload;
    return;
  }
  if (reliable_of(peer) != nullptr) return handle_frame(peer, datagram);
  if (datagram.size() > config_.datagram_max) return reject_malformed(peer, datagram);
  // Events may be polled after the caller has used its buffer for something else.
  const Buffer copy = buffers_.store(datagram);
  const auto parsed = Message::parse(copy.view());
  if (!parsed || is_reserved(parsed->code)) return reject_malformed(peer, datagram);
  const Message& message = *parsed;
  if (message.code == Code::empty) return receive_empty(peer, message);
  const bool acknowledges = message.type == Type::acknowledgement;
  if (message.type == Type::reset || (acknowledges && is_request(message.code)))
    return reject_malformed(peer, datagram);
  if (acknowledges) return receive_piggybacked(peer, message, copy);
  if (is_request(message.code)) return receive_request(peer, message, copy);
  receive_response(peer, message, copy);
}

/// A confirmable message that makes no sense is rejected, anything else ignored [RFC 7252 §4.2, §4.3].
void Endpoint::Impl::reject_malformed(PeerId peer, ByteView datagram) {
  ++counters.malformed;
  const auto header = peek_header(datagram);
  if (header && header->type == Type::confirmable) reset(peer, header->message_id);
}

void Endpoint::Impl::receive_empty(PeerId peer, const Message& message) {
  if (message.type == Type::confirmable) return reset(peer, message.message_id);  // A ping.
  if (message.type == Type::non_confirmable) {
    ++counters.malformed;
    return;
  }
  const Slot slot = find_by_id(peer, message.message_id);
  if (slot == kNoSlot || exchanges_[slot].state == State::queued) {
    ++counters.unmatched;
    return;
  }
  if (message.type == Type::reset) return fail(slot, RequestFailure::reset);
  on_acknowledged(slot);
}

void Endpoint::Impl::on_acknowledged(Slot slot) {
  auto& exchange = exchanges_[slot];
  if (exchange.state != State::sent || exchange.type != Type::confirmable) return;
  switch (exchange.kind) {
    case Kind::notification:
      push_event(
          NotifyDone{peers_[exchange.peer].id, exchange.token, exchange.tag, NotifyOutcome::acknowledged});
      return finish(slot);
    case Kind::separate:
      return finish(slot);
    case Kind::request:
    case Kind::fetch:
      exchange.state = State::acknowledged;
      exchange_timers_.set(slot, now_ + config_.response_timeout);
      return leave_flight(slot);
  }
}

void Endpoint::Impl::receive_piggybacked(PeerId peer, const Message& message, const Buffer& datagram) {
  const Slot slot = find_by_id(peer, message.message_id);
  const bool expected = slot != kNoSlot && exchanges_[slot].by_token &&
                        exchanges_[slot].state == State::sent && exchanges_[slot].type == Type::confirmable &&
                        exchanges_[slot].token == message.token;
  if (!expected) {
    ++counters.unmatched;
    return;
  }
  if (check_options(message).verdict != OptionVerdict::fine) {
    // The message arrived, but cannot be understood: as if only the acknowledgement had come.
    ++counters.rejected;
    return on_acknowledged(slot);
  }
  on_response(slot, message, datagram);
}

void Endpoint::Impl::receive_response(PeerId peer, const Message& message, const Buffer& datagram) {
  const bool confirmable = message.type == Type::confirmable;
  if (confirmable && replayed(peer, message)) return;
  const Slot slot = find_by_token(peer, message.token);
  if (slot == kNoSlot || exchanges_[slot].state == State::queued) {
    ++counters.unmatched;
    // RST also ends an observation that this side has forgotten [RFC 7641 §3.6].
    if (confirmable || message.observe()) reset(peer, message.message_id);
    return;
  }
  if (check_options(message).verdict != OptionVerdict::fine) {
    if (confirmable) return reset(peer, message.message_id);
    ++counters.rejected;
    return;
  }
  if (confirmable) {
    auto acknowledgement = empty_message(Type::acknowledgement, message.message_id);
    send(peer, acknowledgement);
    // Without room to remember it a duplicate is answered by RST, which is no worse than its loss.
    if (const Slot seen = remember(peer, message); seen != kNoSlot)
      answered(seen, std::move(acknowledgement));
  }
  if (exchanges_[slot].state == State::observing) return on_notification(slot, message, datagram);
  on_response(slot, message, datagram);
}

void Endpoint::Impl::on_response(Slot slot, const Message& message, const Buffer& datagram) {
  auto& exchange = exchanges_[slot];
  // A notification that was on its way when its observation was cancelled is not the answer to that.
  if (exchange.observe_cancel && message.type != Type::acknowledgement && message.observe()) return;
  exchange_timers_.erase(slot);
  if (exchange.transfer != kNoSlot && transfers_[exchange.transfer].kind == Transfer::Kind::upload) {
    if (on_upload_response(slot, message)) return;
  } else if (message.code == Code::request_entity_too_large && restart_smaller(slot, message)) {
    return;
  }
  const auto block2 = find_block(message, OptionNumber::block2, bert_of(exchange.peer));
  if (!block2) return fail(slot, RequestFailure::block_error);
  if (message.payload.size() > config_.body_max) return fail(slot, RequestFailure::too_large);
  if (exchange.observe_register && is_success(message.code) && message.observe()) {
    begin_observing(slot, *message.observe());
    if (*block2 && (*block2)->more) return fetch_rest(slot, message, datagram, **block2);
  } else if (on_download_response(slot, message, datagram, *block2)) {
    return;
  }
  deliver(slot, message, datagram);
}

/// The exchange stays for its token alone.
void Endpoint::Impl::begin_observing(Slot slot, std::uint32_t sequence) {
  auto& exchange = exchanges_[slot];
  exchange.state = State::observing;
  exchange.observe_sequence = sequence & kSequenceMask;
  exchange.since = now_;
  if (exchange.by_id) ids_.erase(hash_of(peers_[exchange.peer].id, exchange.message_id), slot);
  exchange.by_id = false;
  close(exchange);
  leave_flight(slot);
}

/// The rule of RFC 7641 §3.4; a fresh one becomes the measure of the next.
bool Endpoint::Impl::is_fresh(Exchange& exchange, std::uint32_t sequence) {
  const auto ahead = ((sequence & kSequenceMask) - exchange.observe_sequence) & kSequenceMask;
  const bool newer = ahead != 0 && ahead < kSequenceHalf;
  if (!newer && now_ <= exchange.since + kReorderWindow) return false;
  exchange.observe_sequence = sequence & kSequenceMask;
  exchange.since = now_;
  return true;
}

void Endpoint::Impl::on_notification(Slot slot, const Message& message, const Buffer& datagram) {
  auto& exchange = exchanges_[slot];
  const auto sequence = message.observe();
  if (!sequence || !is_success(message.code)) {  // The peer ends the observation [RFC 7641 §3.2].
    push_event(
        ResponseReceived{peers_[exchange.peer].id, RequestId(exchange.id), exchange.tag, message, false},
        datagram);
    return finish(slot);
  }
  // What a stream brings is in order, whatever its number says [RFC 8323 §7.1].
  if (reliable_of(exchange.peer) == nullptr && !is_fresh(exchange, *sequence)) return;
  drop_child(slot);  // A body of which newer state is known is not worth finishing [RFC 7959 §2.6].
  const auto block2 = find_block(message, OptionNumber::block2, bert_of(exchange.peer));
  if (!block2 || message.payload.size() > config_.body_max) return;
  if (*block2 && (*block2)->more) return fetch_rest(slot, message, datagram, **block2);
  deliver(slot, message, datagram);
}

/// A whole response or notification goes to the owner; an exchange that has nothing more to come ends.
void Endpoint::Impl::deliver(Slot slot, const Message& message, const Buffer& datagram, Bytes body) {
  if (exchanges_[slot].kind == Kind::fetch)
    return deliver_to_parent(slot, message, datagram, std::move(body));
  auto& exchange = exchanges_[slot];
  const auto peer = peers_[exchange.peer].id;
  const bool observing = exchange.state == State::observing;
  // Built where it is polled: a message with its table of options is too much to pass around.
  auto& place = events_.push();
  place.datagram = datagram;
  place.body = std::move(body);
  const RequestId id(exchange.id);
  auto& whole =
      exchange.responded
          ? place.event.emplace<NotificationReceived>(peer, id, exchange.tag, message).message
          : place.event.emplace<ResponseReceived>(peer, id, exchange.tag, message, observing).message;
  if (!place.body.empty()) whole.set_payload(place.body);
  exchange.responded = true;
  if (!observing) finish(slot);
}

void Endpoint::Impl::deliver_to_parent(Slot slot, const Message& message, const Buffer& datagram,
                                       Bytes body) {
  if (!is_success(message.code)) return fail(slot, RequestFailure::block_error);
  const Slot parent = exchanges_[slot].parent;
  // The buffer is shared, so that the views stay good when the fetch goes.
  const Buffer kept = datagram;
  finish(slot);
  deliver(parent, message, kept, std::move(body));
}

}  // namespace slipway::coap

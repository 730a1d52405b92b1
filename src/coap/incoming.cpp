// SPDX-License-Identifier: Apache-2.0
// Requests that come in: deduplication, late acknowledgements, refusals. [RFC 7252 §4.5, §5.2]
#include "coap/endpoint_impl.hpp"

namespace slipway::coap {
namespace {

/// What a peer is told to wait when a table is full, in seconds.
constexpr std::uint32_t kRetryAfter = 10;
/// Unanswered requests that are passed over in search of an answered one.
constexpr unsigned kLookedAtMax = 16;

Code refusal_of(const OptionCheck& check) {
  switch (check.verdict) {
    case OptionVerdict::proxying:
      return Code::proxying_not_supported;
    case OptionVerdict::bad_option:
      return Code::bad_option;
    case OptionVerdict::fine:
      break;
  }
  return Code::bad_request;  // A Block option of a reserved size.
}

}  // namespace

Slot Endpoint::Impl::find_incoming(PeerId peer, MessageId id) const {
  return incoming_index_.find(hash_of(peer, id), [&](Slot slot) {
    const auto& incoming = incoming_[slot];
    return incoming.message_id == id && peers_[incoming.peer].id == peer;
  });
}

/// Makes room in a full table: the oldest answered message goes if its sender has stopped repeating it
/// (MAX_TRANSMIT_SPAN); only a copy that the network held back for longer could still come. [RFC 7252 §4.8.2]
bool Endpoint::Impl::forget_past_repetition() {
  const auto doublings = (1u << std::min(config_.max_retransmit, 20u)) - 1;
  const Duration span(static_cast<Duration::rep>(static_cast<double>(config_.ack_timeout.count()) *
                                                 doublings * config_.ack_random_factor));
  for (Slot oldest : {non_confirmable_age_.front(), confirmable_age_.front()}) {
    // Requests that still wait for their answer may stand before it; past a few of them, give up.
    for (unsigned step = 0; step < kLookedAtMax && oldest != kNoSlot;
         ++step, oldest = incoming_[oldest].in_age.next) {
      if (now_ - incoming_[oldest].received < span) break;
      if (incoming_[oldest].state != Incoming::State::answered) continue;
      forget(oldest);
      return true;
    }
  }
  return false;
}

/// Remembers a message; kNoSlot when the tables are full of work.
Slot Endpoint::Impl::remember(PeerId peer, const Message& message) {
  const Slot peer_slot = peer_of(peer);
  if (peers_[peer_slot].incoming_count >= config_.incoming_per_peer_max) {
    // At most incoming_per_peer_max steps; usually the first is an answered one.
    Slot oldest = peers_[peer_slot].incoming.front();
    while (oldest != kNoSlot && incoming_[oldest].state != Incoming::State::answered)
      oldest = incoming_[oldest].in_peer.next;
    if (oldest == kNoSlot) {
      forget_idle_peer(peer_slot);
      return kNoSlot;
    }
    ++peers_[peer_slot].pins;
    forget(oldest);
    --peers_[peer_slot].pins;
  }
  Slot slot = incoming_.take();
  if (slot == kNoSlot) {
    ++peers_[peer_slot].pins;
    if (forget_past_repetition()) slot = incoming_.take();
    --peers_[peer_slot].pins;
  }
  if (slot == kNoSlot) {
    forget_idle_peer(peer_slot);
    return kNoSlot;
  }
  auto& incoming = incoming_[slot];
  incoming.reliable = peers_[peer_slot].reliable != kNoSlot;
  incoming.type = incoming.reliable ? Type::non_confirmable : message.type;
  incoming.code = message.code;
  incoming.message_id = message.message_id;
  incoming.token = message.token;
  incoming.peer = peer_slot;
  incoming.id = make_id(next_serial_++, slot);
  incoming.received = now_;
  ++peers_[peer_slot].incoming_count;
  peers_[peer_slot].incoming.push_back(incoming_, slot);
  if (!incoming.reliable) incoming_index_.insert(hash_of(peer, message.message_id), slot);
  if (incoming.type == Type::confirmable) {
    confirmable_age_.push_back(incoming_, slot);
    waiting_.push_back(incoming_, slot);
  } else {
    non_confirmable_age_.push_back(incoming_, slot);
  }
  return slot;
}

void Endpoint::Impl::forget(Slot slot) {
  auto& incoming = incoming_[slot];
  const Slot peer_slot = incoming.peer;
  auto& peer = peers_[peer_slot];
  if (!incoming.reliable) incoming_index_.erase(hash_of(peer.id, incoming.message_id), slot);
  if (incoming.type == Type::confirmable) {
    confirmable_age_.remove(incoming_, slot);
    if (incoming.state == Incoming::State::waiting) waiting_.remove(incoming_, slot);
  } else {
    non_confirmable_age_.remove(incoming_, slot);
  }
  peer.incoming.remove(incoming_, slot);
  --peer.incoming_count;
  incoming_.give_back(slot);
  forget_idle_peer(peer_slot);
}

/// The message has its answer; an empty one keeps what duplicates got so far.
void Endpoint::Impl::answered(Slot slot, Buffer answer) {
  auto& incoming = incoming_[slot];
  if (incoming.reliable) return forget(slot);
  if (incoming.state == Incoming::State::waiting && incoming.type == Type::confirmable)
    waiting_.remove(incoming_, slot);
  incoming.state = Incoming::State::answered;
  incoming.request = {};
  if (!answer.empty()) incoming.answer = std::move(answer);
}

/// True for a duplicate, which gets the same answer again and has no other effect.
bool Endpoint::Impl::replayed(PeerId peer, const Message& message) {
  const Slot slot = find_incoming(peer, message.message_id);
  if (slot == kNoSlot) return false;
  ++counters.duplicates;
  const auto& incoming = incoming_[slot];
  // A duplicated NON is ignored: its answer was no acknowledgement that could be missing [RFC 7252 §4.5].
  if (incoming.type == Type::confirmable && !incoming.answer.empty()) send(peer, incoming.answer);
  return true;
}

std::vector<AnsweredRequest> Endpoint::Impl::answered_requests(PeerId peer) const {
  std::vector<AnsweredRequest> requests;
  const Slot peer_slot = find_peer(peer);
  if (peer_slot == kNoSlot) return requests;
  for (Slot slot = peers_[peer_slot].incoming.front(); slot != kNoSlot; slot = incoming_[slot].in_peer.next) {
    const auto& incoming = incoming_[slot];
    const bool is_safe = incoming.code == Code::get || incoming.code == Code::fetch;
    if (is_safe || incoming.state != Incoming::State::answered) continue;
    auto& request = requests.emplace_back(incoming.type, incoming.message_id, Bytes{});
    const auto answer = incoming.answer.view();
    if (answer.size() <= AnsweredRequest::kAnswerMax) request.answer.assign(answer.begin(), answer.end());
  }
  return requests;
}

void Endpoint::Impl::remember_answered(TimePoint now, PeerId peer,
                                       std::span<const AnsweredRequest> requests) {
  now_ = now;
  for (const auto& request : requests) {
    if (find_incoming(peer, request.id) != kNoSlot) continue;
    Message message;
    message.type = request.type == Type::non_confirmable ? Type::non_confirmable : Type::confirmable;
    message.code = Code::post;
    message.message_id = request.id;
    const Slot slot = remember(peer, message);
    if (slot == kNoSlot) return;
    answered(slot, request.answer.empty() ? Buffer() : buffers_.store(request.answer));
  }
}

/// No answer came in time for piggybacking: stops the peer's retransmissions [RFC 7252 §5.2.2].
void Endpoint::Impl::acknowledge_late(Slot slot) {
  auto& incoming = incoming_[slot];
  waiting_.remove(incoming_, slot);
  incoming.state = Incoming::State::acknowledged;
  incoming.answer = empty_message(Type::acknowledgement, incoming.message_id);
  send(peers_[incoming.peer].id, incoming.answer);
}

void Endpoint::Impl::overloaded(PeerId peer, const Message& message) {
  ++counters.overload;
  if (message.type != Type::confirmable) return;
  const auto head = reliable_of(peer) != nullptr
                        ? head_of(*reliable_of(peer), message.token)
                        : Head{Type::acknowledgement, message.message_id, message.token};
  const auto bytes = write(head, {.code = Code::service_unavailable, .max_age = kRetryAfter});
  if (bytes) send(peer, *bytes);
}

/// Answers from within the endpoint.
void Endpoint::Impl::answer(Slot slot, const Parts& parts) {
  // Nothing that is written here can fail to fit; where a separate message finds no room, the peer tries
  // again.
  if (!dispatch_answer(slot, answer_head(slot), parts)) answered(slot, {});
}

void Endpoint::Impl::receive_request(PeerId peer, const Message& message, const Buffer& datagram) {
  const bool reliable = reliable_of(peer) != nullptr;
  if (!reliable && replayed(peer, message)) return;
  const auto check = check_options(message, reliable ? Bert::accepted : Bert::refused);
  const bool fine = check.verdict == OptionVerdict::fine && check.blocks_readable;
  if (!fine) ++counters.rejected;
  // Ignored without an answer [RFC 7252 §5.4.1].
  if (check.verdict != OptionVerdict::fine && message.type == Type::non_confirmable) return;
  const Slot slot = remember(peer, message);
  if (slot == kNoSlot) return overloaded(peer, message);
  if (!fine) return answer(slot, {.code = refusal_of(check)});
  if (message.payload.size() > config_.body_max)
    return answer(slot, {.code = Code::request_entity_too_large,
                         .size1 = static_cast<std::uint32_t>(config_.body_max)});
  auto& incoming = incoming_[slot];
  incoming.block1 = check.block1;
  incoming.block2 = check.block2;
  incoming.request = datagram;
  if (check.block1 && (check.block1->number != 0 || check.block1->more))
    return receive_block1(slot, message, datagram, *check.block1);
  if (check.block2 && check.block2->number != 0 && serve_stored(slot, message, *check.block2)) return;
  auto& place = events_.push();
  place.event.emplace<RequestReceived>(peer, IncomingId(incoming.id), message);
  place.datagram = datagram;
}

}  // namespace slipway::coap

// SPDX-License-Identifier: Apache-2.0
// Peers over TCP and TLS: no acknowledgements, no repetition, whole bodies. [RFC 8323]
#include <algorithm>

#include "coap/endpoint_impl.hpp"

namespace slipway::coap {

Slot Endpoint::Impl::find_reliable(PeerId peer) const {
  if (reliable_index_.size() == 0) return kNoSlot;
  return reliable_index_.find(hash_of(peer), [&](Slot slot) { return reliables_[slot].id == peer; });
}

const Reliable* Endpoint::Impl::reliable_of(PeerId peer) const {
  const Slot slot = find_reliable(peer);
  return slot == kNoSlot ? nullptr : &reliables_[slot].limits;
}

const Reliable* Endpoint::Impl::reliable_of(Slot peer) const {
  const Slot slot = peers_[peer].reliable;
  return slot == kNoSlot ? nullptr : &reliables_[slot].limits;
}

Result<void> Endpoint::Impl::set_reliable(PeerId peer, const Reliable& reliable) {
  Slot slot = find_reliable(peer);
  if (slot == kNoSlot) {
    slot = reliables_.take();
    if (slot == kNoSlot) {
      ++counters.overload;
      return slipway::fail(ErrorCode::exhausted, "reliable_max peers are connected");
    }
    reliables_[slot].id = peer;
    reliable_index_.insert(hash_of(peer), slot);
    if (frame_scratch_.empty()) frame_scratch_.resize(config_.frame_max + kFrameRoom);
  }
  reliables_[slot].limits = reliable;
  return {};
}

void Endpoint::Impl::forget_reliable(PeerId peer) {
  const Slot slot = find_reliable(peer);
  if (slot == kNoSlot) return;
  reliable_index_.erase(hash_of(peer), slot);
  reliables_.give_back(slot);
}

Endpoint::Impl::Head Endpoint::Impl::head_of(const Reliable& reliable, const Token& token) const {
  return {.type = Type::confirmable,
          .id = {},
          .token = token,
          .frame_max = std::max<std::size_t>(1, std::min(reliable.message_max, config_.frame_max)),
          .blocks = reliable.blockwise};
}

/// The head of a new message; to a reliable peer each counts as confirmable.
Endpoint::Impl::Head Endpoint::Impl::head_for(Slot peer, Type type, const Token& token) {
  if (const auto* reliable = reliable_of(peer)) return head_of(*reliable, token);
  return {type, next_message_id(peer), token};
}

MessageWriter Endpoint::Impl::begin(const Head& head, Code code) {
  if (!head.framed()) return {scratch_, head.type, code, head.id, head.token};
  return {MutableBytes(frame_scratch_).first(head.frame_max + kFrameRoom), code, head.token};
}

Result<ByteView> Endpoint::Impl::complete(MessageWriter& writer, const Head& head) {
  auto bytes = writer.finish();
  if (bytes && head.framed() && bytes->size() > head.frame_max)
    return slipway::fail(ErrorCode::no_space, "the message is larger than the peer takes");
  return bytes;
}

/// Reads what was received from the peer or sent to it.
Result<Message> Endpoint::Impl::parse_kept(Slot peer, const Buffer& bytes) const {
  return peers_[peer].reliable == kNoSlot ? Message::parse(bytes.view()) : Message::parse_frame(bytes.view());
}

void Endpoint::Impl::handle_frame(PeerId peer, ByteView frame) {
  if (frame.size() > config_.frame_max) {
    ++counters.malformed;
    return;
  }
  const Buffer copy = buffers_.store(frame);
  const auto message = Message::parse_frame(copy.view());
  if (message && is_request(message->code)) return receive_request(peer, *message, copy);
  if (message && is_response(message->code)) return receive_framed_response(peer, *message, copy);
  // Signals are the connection's; a peer that sends rubbish has been cut off by it.
  if (!message || message->code != Code::empty) ++counters.malformed;
}

/// Only the token tells what a response is for; there is nothing to refuse it by.
void Endpoint::Impl::receive_framed_response(PeerId peer, const Message& message, const Buffer& datagram) {
  const Slot slot = find_by_token(peer, message.token);
  if (slot == kNoSlot || exchanges_[slot].state == State::queued) {
    ++counters.unmatched;
    return;
  }
  if (check_options(message, Bert::accepted).verdict != OptionVerdict::fine) {
    ++counters.rejected;
    return;
  }
  if (exchanges_[slot].state == State::observing) return on_notification(slot, message, datagram);
  on_response(slot, message, datagram);
}

/// What the stream has taken arrives, or the connection ends.
Result<void> Endpoint::Impl::notify_reliable(Slot peer_slot, const Token& token, Type type, Parts& parts,
                                             std::uint64_t tag) {
  const auto peer = peers_[peer_slot].id;
  const auto head = head_for(peer_slot, type, token);
  auto bytes = write_cut(head, parts, parts.payload, config_.block_szx);
  forget_idle_peer(peer_slot);
  if (!bytes) return std::unexpected(bytes.error());
  send(peer, *std::move(bytes));
  if (type == Type::confirmable) push_event(NotifyDone{peer, token, tag, NotifyOutcome::acknowledged});
  return {};
}

/// An observation cannot be ended by an RST on a stream: the peer is asked to [RFC 8323 §7.4]. Its answer
/// concerns nobody.
void Endpoint::Impl::end_observation(Slot slot) {
  const auto& exchange = exchanges_[slot];
  const auto* const reliable = reliable_of(exchange.peer);
  if (reliable == nullptr || exchange.state != State::observing) return;
  const auto registration = parse_kept(exchange.peer, exchange.bytes);
  if (!registration) return;
  const auto head = head_of(*reliable, exchange.token);
  auto writer = begin(head, registration->code);
  write_follow_up(writer, *registration,
                  {.payload = registration->payload, .keep_observe = true, .observe = 1});
  if (const auto bytes = complete(writer, head)) send(peers_[exchange.peer].id, buffers_.store(*bytes));
}

}  // namespace slipway::coap

// SPDX-License-Identifier: Apache-2.0
// The message layer of what this endpoint sends: retransmission, NSTART, ends. [RFC 7252 §4.2, §4.7]
#include "coap/endpoint_impl.hpp"

namespace slipway::coap {

Slot Endpoint::Impl::find_by_id(PeerId peer, MessageId id) const {
  return ids_.find(hash_of(peer, id), [&](Slot slot) {
    const auto& exchange = exchanges_[slot];
    return exchange.message_id == id && peers_[exchange.peer].id == peer;
  });
}

Slot Endpoint::Impl::find_by_token(PeerId peer, const Token& token) const {
  return tokens_.find(hash_of(peer, token), [&](Slot slot) {
    const auto& exchange = exchanges_[slot];
    return exchange.token == token && peers_[exchange.peer].id == peer;
  });
}

/// A free exchange, made free if need be by forgetting the oldest lingering notification.
Slot Endpoint::Impl::take_exchange() {
  if (exchanges_.full() && !lingering_.empty()) finish(lingering_.front());
  return exchanges_.take();
}

void Endpoint::Impl::enlist(Slot slot, Slot peer) {
  auto& exchange = exchanges_[slot];
  auto& owner = peers_[peer];
  exchange.peer = peer;
  exchange.id = make_id(next_serial_++, slot);
  exchange.open = exchange.type == Type::confirmable;
  if (exchange.open) ++owner.open;
  owner.exchanges.push_back(exchanges_, slot);
}

/// Makes an exchange findable by its message id and, where a response is expected, by its token.
void Endpoint::Impl::index(Slot slot) {
  auto& exchange = exchanges_[slot];
  const auto& peer = peers_[exchange.peer];
  if (peer.reliable == kNoSlot) {
    ids_.insert(hash_of(peer.id, exchange.message_id), slot);
    exchange.by_id = true;
  }
  if (exchange.kind == Kind::request || exchange.kind == Kind::fetch) {
    exchange.token_hash = hash_of(peer.id, exchange.token);
    tokens_.insert(exchange.token_hash, slot);
    exchange.by_token = true;
  }
}

void Endpoint::Impl::unindex(Slot slot) {
  auto& exchange = exchanges_[slot];
  if (exchange.by_id) ids_.erase(hash_of(peers_[exchange.peer].id, exchange.message_id), slot);
  if (exchange.by_token) tokens_.erase(exchange.token_hash, slot);
  exchange.by_id = exchange.by_token = false;
}

/// Sends now, or as soon as NSTART allows.
void Endpoint::Impl::start(Slot slot, Turn turn) {
  auto& exchange = exchanges_[slot];
  auto& peer = peers_[exchange.peer];
  if (exchange.type == Type::confirmable && peer.in_flight >= nstart_of(peer)) {
    exchange.state = State::queued;
    if (turn == Turn::next) {
      peer.queue.push_front(exchanges_, slot);
    } else {
      peer.queue.push_back(exchanges_, slot);
    }
    ++peer.queued;
    return;
  }
  transmit_first(slot);
}

void Endpoint::Impl::transmit_first(Slot slot) {
  auto& exchange = exchanges_[slot];
  auto& peer = peers_[exchange.peer];
  exchange.state = State::sent;
  exchange.retransmissions = 0;
  send(peer.id, exchange.bytes);
  if (exchange.type == Type::confirmable) {
    if (!exchange.in_flight) ++peer.in_flight;
    exchange.in_flight = true;
    if (peer.reliable != kNoSlot) {
      exchange.state = State::acknowledged;
      exchange_timers_.set(slot, now_ + config_.response_timeout);
      return;
    }
    const auto spread = static_cast<double>(config_.ack_timeout.count()) * (config_.ack_random_factor - 1.0);
    const auto jitter = random_.below(static_cast<std::uint64_t>(spread) + 1);
    exchange.timeout = config_.ack_timeout + Duration(static_cast<Duration::rep>(jitter));
    exchange_timers_.set(slot, now_ + exchange.timeout);
  } else if (exchange.kind == Kind::notification) {
    linger(slot);
  } else if (exchange.kind == Kind::separate) {
    finish(slot);
  } else {
    exchange_timers_.set(slot, now_ + config_.response_timeout);
  }
}

/// Keeps of a non-confirmable notification only what an RST needs to be understood.
void Endpoint::Impl::linger(Slot slot) {
  auto& exchange = exchanges_[slot];
  exchange.state = State::lingering;
  exchange.since = now_;
  exchange.bytes = {};
  lingering_.push_back(exchanges_, slot);
}

/// Gives the NSTART place back and lets the next one in the peer's queue go.
void Endpoint::Impl::leave_flight(Slot slot) {
  auto& exchange = exchanges_[slot];
  if (!exchange.in_flight) return;
  exchange.in_flight = false;
  --peers_[exchange.peer].in_flight;
  run_queue(exchange.peer);
}

void Endpoint::Impl::run_queue(Slot peer_slot) {
  auto& peer = peers_[peer_slot];
  while (!peer.closing && peer.in_flight < nstart_of(peer) && !peer.queue.empty()) {
    const Slot next = peer.queue.front();
    peer.queue.remove(exchanges_, next);
    --peer.queued;
    transmit_first(next);
  }
}

void Endpoint::Impl::close(Exchange& exchange) {
  if (!exchange.open) return;
  exchange.open = false;
  --peers_[exchange.peer].open;
}

/// Ends an exchange and everything that belongs to it. Makes no event.
void Endpoint::Impl::finish(Slot slot) {
  auto& exchange = exchanges_[slot];
  const Slot peer_slot = exchange.peer;
  auto& peer = peers_[peer_slot];
  ++peer.pins;
  drop_child(slot);
  if (exchange.parent != kNoSlot) exchanges_[exchange.parent].child = kNoSlot;
  unindex(slot);
  exchange_timers_.erase(slot);
  close(exchange);
  if (exchange.state == State::queued) {
    peer.queue.remove(exchanges_, slot);
    --peer.queued;
  } else if (exchange.state == State::lingering) {
    lingering_.remove(exchanges_, slot);
  }
  if (exchange.transfer != kNoSlot) release_transfer(exchange.transfer);
  leave_flight(slot);
  peer.exchanges.remove(exchanges_, slot);
  exchanges_.give_back(slot);
  --peer.pins;
  forget_idle_peer(peer_slot);
}

/// Ends an exchange with the event that tells of it.
void Endpoint::Impl::fail(Slot slot, RequestFailure reason) {
  const auto& exchange = exchanges_[slot];
  const auto peer = peers_[exchange.peer].id;
  const Slot parent = exchange.parent;
  switch (exchange.kind) {
    case Kind::request:
      push_event(RequestFailed{peer, RequestId(exchange.id), exchange.tag, reason});
      break;
    case Kind::notification:
      push_event(
          NotifyDone{peer, exchange.token, exchange.tag,
                     reason == RequestFailure::reset ? NotifyOutcome::rejected : NotifyOutcome::timeout});
      break;
    case Kind::fetch:
      // Without its first response there is no observation; later, one notification is lost and the next
      // comes.
      if (!exchanges_[parent].responded) return fail(parent, reason);
      break;
    case Kind::separate:
      break;
  }
  finish(slot);
}

void Endpoint::Impl::on_exchange_timer(Slot slot) {
  auto& exchange = exchanges_[slot];
  if (exchange.state != State::sent || exchange.type != Type::confirmable ||
      exchange.retransmissions >= config_.max_retransmit)
    return fail(slot, RequestFailure::timeout);
  ++exchange.retransmissions;
  ++counters.retransmitted;
  exchange.timeout *= 2;
  exchange_timers_.set(slot, now_ + exchange.timeout);
  send(peers_[exchange.peer].id, exchange.bytes);
}

}  // namespace slipway::coap

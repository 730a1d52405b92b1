// SPDX-License-Identifier: Apache-2.0
// The endpoint as a whole: its peers, its clock, and what leaves it.
#include <algorithm>

#include "coap/endpoint_impl.hpp"

namespace slipway::coap {
namespace {

/// Room for what stands beside a block's payload.
constexpr std::size_t kOverhead = 128;
constexpr std::size_t kFrameMax = 16 * 1024 * 1024;

std::uint64_t mix(std::uint64_t value) {
  value *= 0x9E3779B97F4A7C15u;
  value ^= value >> 32;
  value *= 0xD6E8FEB86659FD93u;
  return value ^ value >> 32;
}

EndpointConfig sane(EndpointConfig config) {
  config.datagram_max = std::clamp<std::size_t>(config.datagram_max, 64, 65535);
  config.exchanges_max = std::min(config.exchanges_max, kSlotsMax);
  config.incoming_max = std::min(config.incoming_max, kSlotsMax);
  config.bodies_max = std::min(config.bodies_max, kSlotsMax);
  config.nstart = std::max(config.nstart, 1u);
  config.reliable_nstart = std::max(config.reliable_nstart, 1u);
  config.reliable_max = std::min(config.reliable_max, kSlotsMax);
  config.frame_max = std::clamp(config.frame_max, kStreamMessageDefault, kFrameMax);
  config.ack_random_factor = std::max(config.ack_random_factor, 1.0);
  config.block_szx = std::min<std::uint8_t>(config.block_szx, 6);
  // A block must fit a datagram together with its header and options.
  const auto room = config.datagram_max - std::min(kOverhead, config.datagram_max / 2);
  while (config.block_szx > 0 && (std::size_t{16} << config.block_szx) > room) --config.block_szx;
  return config;
}

}  // namespace

Endpoint::Impl::Impl(const EndpointConfig& config, Random& random)
    : config_(sane(config)),
      random_(random),
      seed_(random.u64()),
      scratch_(config_.datagram_max),
      peers_(config_.exchanges_max + config_.incoming_max + config_.bodies_max + 1),
      reliables_(config_.reliable_max),
      exchanges_(config_.exchanges_max),
      incoming_(config_.incoming_max),
      transfers_(config_.bodies_max) {
  for (std::size_t i = 0; i < next_ids_.size(); ++i)
    next_ids_[i] = static_cast<std::uint16_t>(mix(seed_ + i));
}

std::uint32_t Endpoint::Impl::hash_of(PeerId peer) const {
  return static_cast<std::uint32_t>(mix(peer.value() ^ seed_));
}

std::uint32_t Endpoint::Impl::hash_of(PeerId peer, MessageId id) const {
  return static_cast<std::uint32_t>(mix((peer.value() ^ seed_) + (std::uint64_t{id.value()} << 40)));
}

std::uint32_t Endpoint::Impl::hash_of(PeerId peer, const Token& token) const {
  return static_cast<std::uint32_t>(mix(peer.value() ^ mix(token.hash() ^ seed_)));
}

Slot Endpoint::Impl::find_peer(PeerId peer) const {
  return peer_index_.find(hash_of(peer), [&](Slot slot) { return peers_[slot].id == peer; });
}

/// The entry of a peer, made when there is none. There is always room: each entry has something alive.
Slot Endpoint::Impl::peer_of(PeerId peer) {
  if (const auto found = find_peer(peer); found != kNoSlot) return found;
  const Slot slot = peers_.take();
  auto& entry = peers_[slot];
  entry.id = peer;
  entry.reliable = find_reliable(peer);
  peer_index_.insert(hash_of(peer), slot);
  return slot;
}

void Endpoint::Impl::forget_idle_peer(Slot slot) {
  const auto& peer = peers_[slot];
  if (peer.pins != 0 || !peer.exchanges.empty() || !peer.incoming.empty() || !peer.transfers.empty()) return;
  peer_index_.erase(hash_of(peer.id), slot);
  peers_.give_back(slot);
}

/// Counters outlive the peers that they are for, since a peer is forgotten between two requests and would
/// take the second for a duplicate of the first. Peers that share a counter only use it up faster.
MessageId Endpoint::Impl::next_message_id(Slot peer) {
  return MessageId(next_ids_[hash_of(peers_[peer].id) % next_ids_.size()]++);
}

void Endpoint::Impl::send(PeerId peer, Buffer bytes) {
  auto& place = outgoing_.push();
  place.peer = peer;
  place.bytes = std::move(bytes);
  ++counters.sent;
}

Buffer Endpoint::Impl::empty_message(Type type, MessageId id) {
  const std::array<std::uint8_t, 4> bytes{static_cast<std::uint8_t>(0x40 | static_cast<unsigned>(type) << 4),
                                          0, static_cast<std::uint8_t>(id.value() >> 8),
                                          static_cast<std::uint8_t>(id.value())};
  return buffers_.store(bytes);
}

void Endpoint::Impl::send_empty(PeerId peer, Type type, MessageId id) {
  send(peer, empty_message(type, id));
}

void Endpoint::Impl::reset(PeerId peer, MessageId id) {
  ++counters.rejected;
  send_empty(peer, Type::reset, id);
}

void Endpoint::Impl::push_event(Event event, Buffer datagram, Bytes body) {
  auto& place = events_.push();
  place.event = std::move(event);
  place.datagram = std::move(datagram);
  place.body = std::move(body);
}

std::optional<Transmit> Endpoint::Impl::poll_transmit() {
  if (outgoing_.empty()) return std::nullopt;
  auto& first = outgoing_.front();
  in_transmission_ = std::move(first.bytes);
  const Transmit transmit{first.peer, in_transmission_.view()};
  outgoing_.pop();
  return transmit;
}

std::optional<Event> Endpoint::Impl::poll_event() {
  if (events_.empty()) return std::nullopt;
  auto& first = events_.front();
  events_.pop();  // its place is not used again before the next push
  event_datagram_ = std::move(first.datagram);
  event_body_ = std::move(first.body);
  return std::optional<Event>(first.event);
}

std::optional<TimePoint> Endpoint::Impl::next_timeout() const {
  auto next = exchange_timers_.next();
  const auto consider = [&](TimePoint deadline) {
    if (!next || deadline < *next) next = deadline;
  };
  if (!lingering_.empty()) consider(exchanges_[lingering_.front()].since + config_.non_lifetime);
  if (!waiting_.empty()) consider(incoming_[waiting_.front()].received + config_.separate_after);
  if (!confirmable_age_.empty())
    consider(incoming_[confirmable_age_.front()].received + config_.exchange_lifetime);
  if (!non_confirmable_age_.empty())
    consider(incoming_[non_confirmable_age_.front()].received + config_.non_lifetime);
  if (!transfer_age_.empty()) consider(transfers_[transfer_age_.front()].touched + config_.body_lifetime);
  return next;
}

void Endpoint::Impl::handle_timeout(TimePoint now) {
  now_ = std::max(now_, now);
  while (const auto slot = exchange_timers_.pop_due(now_)) on_exchange_timer(*slot);
  while (!lingering_.empty() && exchanges_[lingering_.front()].since + config_.non_lifetime <= now_)
    finish(lingering_.front());
  while (!waiting_.empty() && incoming_[waiting_.front()].received + config_.separate_after <= now_)
    acknowledge_late(waiting_.front());
  while (!confirmable_age_.empty() &&
         incoming_[confirmable_age_.front()].received + config_.exchange_lifetime <= now_)
    forget(confirmable_age_.front());
  while (!non_confirmable_age_.empty() &&
         incoming_[non_confirmable_age_.front()].received + config_.non_lifetime <= now_)
    forget(non_confirmable_age_.front());
  while (!transfer_age_.empty() && transfers_[transfer_age_.front()].touched + config_.body_lifetime <= now_)
    release_transfer(transfer_age_.front());
}

void Endpoint::Impl::drop_peer(PeerId peer) {
  const Slot slot = find_peer(peer);
  if (slot == kNoSlot) return forget_reliable(peer);
  auto& entry = peers_[slot];
  ++entry.pins;
  entry.closing = true;
  while (!entry.exchanges.empty()) {
    const Slot first = entry.exchanges.front();
    const auto& exchange = exchanges_[first];
    if (exchange.kind == Kind::request)
      push_event(RequestFailed{peer, RequestId(exchange.id), exchange.tag, RequestFailure::peer_dropped});
    finish(first);
  }
  while (!entry.incoming.empty()) forget(entry.incoming.front());
  while (!entry.transfers.empty()) release_transfer(entry.transfers.front());
  --entry.pins;
  forget_idle_peer(slot);
  forget_reliable(peer);
}

bool Endpoint::Impl::busy(PeerId peer) const {
  const Slot slot = find_peer(peer);
  return slot != kNoSlot && peers_[slot].open != 0;
}

Endpoint::Endpoint(const EndpointConfig& config, Random& random)
    : impl_(std::make_unique<Impl>(config, random)) {}
Endpoint::~Endpoint() = default;

Result<void> Endpoint::set_reliable(PeerId peer, const Reliable& reliable) {
  return impl_->set_reliable(peer, reliable);
}
void Endpoint::handle_datagram(TimePoint now, PeerId peer, ByteView datagram) {
  impl_->handle_datagram(now, peer, datagram);
}
void Endpoint::handle_timeout(TimePoint now) {
  impl_->handle_timeout(now);
}
std::optional<TimePoint> Endpoint::next_timeout() const {
  return impl_->next_timeout();
}
std::optional<Transmit> Endpoint::poll_transmit() {
  return impl_->poll_transmit();
}
std::optional<Event> Endpoint::poll_event() {
  return impl_->poll_event();
}
Result<RequestId> Endpoint::request(TimePoint now, PeerId peer, const OutgoingRequest& request) {
  return impl_->request(now, peer, request);
}
void Endpoint::cancel(RequestId id) {
  impl_->cancel(id);
}
void Endpoint::forget(RequestId id) {
  impl_->forget(id);
}
Result<void> Endpoint::respond(TimePoint now, IncomingId id, const OutgoingResponse& response) {
  return impl_->respond(now, id, response);
}
Result<void> Endpoint::notify(TimePoint now, PeerId peer, const Token& token, Type type,
                              const OutgoingResponse& response, std::uint64_t tag) {
  return impl_->notify(now, peer, token, type, response, tag);
}
void Endpoint::drop_peer(PeerId peer) {
  impl_->drop_peer(peer);
}
std::vector<AnsweredRequest> Endpoint::answered_requests(PeerId peer) const {
  return impl_->answered_requests(peer);
}
void Endpoint::remember_answered(TimePoint now, PeerId peer, std::span<const AnsweredRequest> requests) {
  impl_->remember_answered(now, peer, requests);
}
bool Endpoint::busy(PeerId peer) const {
  return impl_->busy(peer);
}
const EndpointCounters& Endpoint::counters() const {
  return impl_->counters;
}

}  // namespace slipway::coap

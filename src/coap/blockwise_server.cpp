// SPDX-License-Identifier: Apache-2.0
// Bodies of requests that come in by Block1, and of responses that peers fetch by Block2. [RFC 7959 §2]
#include <algorithm>

#include "coap/endpoint_impl.hpp"

namespace slipway::coap {
namespace {

constexpr std::uint32_t kRetryAfter = 10;

}  // namespace

/// Among the few transfers of one peer, at most bodies_per_peer_max.
Slot Endpoint::Impl::find_transfer(Slot peer, Transfer::Kind kind, std::uint64_t key) const {
  for (Slot slot = peers_[peer].transfers.front(); slot != kNoSlot; slot = transfers_[slot].in_peer.next)
    if (transfers_[slot].kind == kind && transfers_[slot].key == key) return slot;
  return kNoSlot;
}

Slot Endpoint::Impl::take_peer_transfer(Slot peer_slot, Transfer::Kind kind, std::uint64_t key) {
  auto& peer = peers_[peer_slot];
  if (peer.transfer_count >= config_.bodies_per_peer_max) return kNoSlot;
  const Slot slot = transfers_.take();
  if (slot == kNoSlot) return kNoSlot;
  auto& transfer = transfers_[slot];
  transfer.kind = kind;
  transfer.key = key;
  transfer.peer = peer_slot;
  transfer.touched = now_;
  ++peer.transfer_count;
  peer.transfers.push_back(transfers_, slot);
  transfer_age_.push_back(transfers_, slot);
  return slot;
}

void Endpoint::Impl::touch(Slot slot) {
  transfer_age_.remove(transfers_, slot);
  transfers_[slot].touched = now_;
  transfer_age_.push_back(transfers_, slot);
}

void Endpoint::Impl::release_transfer(Slot slot) {
  const Slot peer_slot = transfers_[slot].peer;
  if (peer_slot != kNoSlot) {
    peers_[peer_slot].transfers.remove(transfers_, slot);
    --peers_[peer_slot].transfer_count;
    transfer_age_.remove(transfers_, slot);
  }
  transfers_.give_back(slot);
  if (peer_slot != kNoSlot) forget_idle_peer(peer_slot);
}

/// Equal bodies have equal tags, so that a body that was asked for again is known to be the same one.
Token Endpoint::Impl::etag_of(ByteView body) const {
  std::uint64_t hash = seed_ ^ body.size();
  for (auto rest = body; !rest.empty();) {
    std::uint64_t word = 0;
    const auto count = std::min<std::size_t>(rest.size(), sizeof word);
    std::memcpy(&word, rest.data(), count);
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 29;
    rest = rest.subspan(count);
  }
  std::array<std::uint8_t, 8> bytes;
  std::memcpy(bytes.data(), &hash, sizeof hash);
  return Token(bytes);
}

/// Ends an upload with an error, which says how much would be taken where that was the reason.
void Endpoint::Impl::refuse_body(Slot slot, Block block, Code code) {
  Parts parts{.code = code, .block1 = block};
  if (code == Code::request_entity_too_large) parts.size1 = static_cast<std::uint32_t>(config_.body_max);
  if (code == Code::service_unavailable) {
    ++counters.overload;
    parts.max_age = kRetryAfter;
  }
  answer(slot, parts);
}

///   block 0            next block, more           last block
///   -------> assembling ----------------> (2.31)  ----------> RequestReceived
///               | gap, other format: 4.08 · too large: 4.13 · nobody continues: forgotten
void Endpoint::Impl::receive_block1(Slot slot, const Message& message, const Buffer& datagram, Block block) {
  const Slot peer = incoming_[slot].peer;
  const auto key = request_key(message, seed_);
  Slot found = find_transfer(peer, Transfer::Kind::assembling, key);
  const auto refuse = [&](Code code) {
    if (found != kNoSlot) release_transfer(found);
    refuse_body(slot, block, code);
  };
  if (block.more && !block.fits(message.payload.size())) return refuse(Code::bad_request);
  const auto announced = message.find_number(OptionNumber::size1);
  if (block.offset() + message.payload.size() > config_.body_max || announced.value_or(0) > config_.body_max)
    return refuse(Code::request_entity_too_large);

  if (block.number == 0) {  // Also after earlier blocks: the peer starts over.
    if (found == kNoSlot) found = take_peer_transfer(peer, Transfer::Kind::assembling, key);
    if (found == kNoSlot) return refuse(Code::service_unavailable);
    transfers_[found].body.clear();
    transfers_[found].content_format = message.content_format();
  } else if (found == kNoSlot) {
    return refuse(Code::request_entity_incomplete);
  }
  auto& transfer = transfers_[found];
  const bool repeated = block.more && block.offset() + message.payload.size() == transfer.body.size();
  if (message.content_format() != transfer.content_format ||
      (block.offset() != transfer.body.size() && !repeated))
    return refuse(Code::request_entity_incomplete);
  if (!repeated) transfer.body.insert(transfer.body.end(), message.payload.begin(), message.payload.end());
  if (block.more) {
    touch(found);
    const auto szx = std::min(block.szx, config_.block_szx);
    return answer(
        slot, {.code = Code::continue_, .block1 = Block{.number = block.number, .more = true, .szx = szx}});
  }
  Bytes body = std::move(transfer.body);
  release_transfer(found);
  RequestReceived event{peers_[peer].id, IncomingId(incoming_[slot].id), message};
  event.message.set_payload(body);
  push_event(std::move(event), datagram, std::move(body));
}

/// Keeps the body of a response, of which one block goes out now, for the blocks that will be asked for.
Result<void> Endpoint::Impl::dispatch_first_block(Slot slot, const Head& head, Buffer bytes,
                                                  const OutgoingResponse& response, const Parts& parts) {
  const auto request = parse_kept(incoming_[slot].peer, incoming_[slot].request);
  if (!request) return slipway::fail(ErrorCode::not_found, "the request is gone");
  const auto key = request_key(*request, seed_);
  const Slot peer = incoming_[slot].peer;
  Slot found = find_transfer(peer, Transfer::Kind::serving, key);
  const bool fresh = found == kNoSlot;
  if (fresh) found = take_peer_transfer(peer, Transfer::Kind::serving, key);
  if (found == kNoSlot) return slipway::fail(ErrorCode::exhausted, "bodies_max transfers are in progress");
  if (auto sent = dispatch(slot, head, std::move(bytes)); !sent) {
    if (fresh) release_transfer(found);
    return sent;
  }
  auto& transfer = transfers_[found];
  transfer.szx = parts.block2->szx;
  transfer.code = response.code;
  transfer.content_format = response.content_format;
  transfer.max_age = response.max_age;
  transfer.etag = *parts.etag;
  transfer.body.assign(response.payload.begin(), response.payload.end());
  touch(found);
  return {};
}

/// Answers a request for a later block from a kept body. False when there is none and the request is one that
/// may be asked again in whole.
bool Endpoint::Impl::serve_stored(Slot slot, const Message& message, Block block) {
  const Slot found =
      find_transfer(incoming_[slot].peer, Transfer::Kind::serving, request_key(message, seed_));
  if (found == kNoSlot) {
    if (message.code == Code::get || message.code == Code::fetch) return false;
    answer(slot, {.code = Code::request_entity_incomplete});
    return true;
  }
  auto& transfer = transfers_[found];
  if (block.offset() >= transfer.body.size()) {
    answer(slot, {.code = Code::bad_request});
    return true;
  }
  const auto head = answer_head(slot);
  Parts parts{.code = transfer.code,
              .content_format = transfer.content_format,
              .max_age = transfer.max_age,
              .block2 = block};
  auto bytes = write_cut(head, parts, transfer.body, std::min(block.szx, config_.block_szx));
  if (!bytes || !dispatch(slot, head, *std::move(bytes))) {
    answered(slot, {});
    return true;
  }
  // Duplicates of the last block's request are answered by deduplication.
  if (parts.block2->more) {
    touch(found);
  } else {
    release_transfer(found);
  }
  return true;
}

}  // namespace slipway::coap

// SPDX-License-Identifier: Apache-2.0
// Bodies of our requests that go out by Block1, and of responses that we fetch by Block2. [RFC 7959 §2, §3]
#include <algorithm>

#include "coap/endpoint_impl.hpp"

namespace slipway::coap {
namespace {

/// How often a transfer starts over before the peer counts as broken.
constexpr unsigned kRestartsMax = 3;

std::optional<Token> etag_in(const Message& message) {
  const auto option = message.find(OptionNumber::etag);
  if (!option) return std::nullopt;
  return Token(option->value);
}

}  // namespace

/// The first block is on its way; the rest of the payload is kept for the next ones.
void Endpoint::Impl::begin_upload(Slot slot, ByteView payload, std::uint8_t szx) {
  auto& exchange = exchanges_[slot];
  exchange.transfer = transfers_.take();
  auto& transfer = transfers_[exchange.transfer];
  transfer.kind = Transfer::Kind::upload;
  transfer.szx = szx;
  transfer.body.assign(payload.begin(), payload.end());
  transfer.offset = 0;
  transfer.sent = std::min(payload.size(), std::size_t{16} << szx);
}

/// True when the transfer goes on (or failed); false when this is the response to the whole request.
bool Endpoint::Impl::on_upload_response(Slot slot, const Message& message) {
  auto& exchange = exchanges_[slot];
  auto& transfer = transfers_[exchange.transfer];
  const auto block1 = find_block(message, OptionNumber::block1, bert_of(exchange.peer));
  const bool continues = message.code == Code::continue_;
  const bool understood =
      block1 && (!continues || (block1->has_value() && transfer.sent < transfer.body.size() &&
                                (*block1)->number == transfer.offset >> (transfer.szx + 4)));
  if (!understood) {
    fail(slot, RequestFailure::block_error);
    return true;
  }
  if (continues) {
    transfer.szx = std::min(transfer.szx, (*block1)->szx);
    transfer.offset = transfer.sent;
    send_upload_block(slot);
    return true;
  }
  if (message.code == Code::request_entity_too_large && *block1 && (*block1)->szx < transfer.szx &&
      exchange.restarts < kRestartsMax) {
    ++exchange.restarts;
    transfer.szx = (*block1)->szx;
    transfer.offset = 0;
    send_upload_block(slot);
    return true;
  }
  release_transfer(exchange.transfer);
  exchange.transfer = kNoSlot;
  return false;
}

/// A request that went out in one piece was too large for the peer, which says in what blocks it would
/// take it [RFC 7959 §2.9.3].
bool Endpoint::Impl::restart_smaller(Slot slot, const Message& message) {
  auto& exchange = exchanges_[slot];
  const auto hint = find_block(message, OptionNumber::block1, bert_of(exchange.peer));
  const Buffer bytes = exchange.bytes;
  const auto earlier = parse_kept(exchange.peer, bytes);
  if (!hint || !*hint || !earlier || exchange.transfer != kNoSlot || transfers_.full()) return false;
  if (earlier->find(OptionNumber::block1) || earlier->payload.size() <= (*hint)->size()) return false;
  begin_upload(slot, earlier->payload, std::min((*hint)->szx, config_.block_szx));
  send_upload_block(slot);
  return true;
}

void Endpoint::Impl::send_upload_block(Slot slot) {
  auto& exchange = exchanges_[slot];
  auto& transfer = transfers_[exchange.transfer];
  const std::size_t size = std::size_t{16} << transfer.szx;
  const auto rest = ByteView(transfer.body).subspan(transfer.offset);
  const auto chunk = rest.first(std::min(size, rest.size()));
  transfer.sent = transfer.offset + chunk.size();
  FollowUp next{.block1 = Block{.number = static_cast<std::uint32_t>(transfer.offset / size),
                                .more = chunk.size() < rest.size(),
                                .szx = transfer.szx},
                .payload = chunk,
                .keep_observe = true};
  if (transfer.offset == 0) next.size1 = static_cast<std::uint32_t>(transfer.body.size());
  send_next(slot, next);
}

/// True when the transfer goes on, ended with the body delivered, or failed; false when `message` itself is
/// the whole response.
bool Endpoint::Impl::on_download_response(Slot slot, const Message& message, const Buffer& datagram,
                                          std::optional<Block> block) {
  auto& exchange = exchanges_[slot];
  if (exchange.transfer == kNoSlot) {
    if (!block || (block->number == 0 && !block->more)) return false;
    begin_download(slot, message, datagram, *block);
    return true;
  }
  if (!block || !is_success(message.code)) return false;
  auto& transfer = transfers_[exchange.transfer];
  if (etag_in(message) != (transfer.has_etag ? std::optional(transfer.etag) : std::nullopt)) {
    restart_download(slot);
    return true;
  }
  const auto payload = message.payload;
  if (block->offset() != transfer.body.size() || (block->more && !block->fits(payload.size()))) {
    fail(slot, RequestFailure::block_error);
    return true;
  }
  if (transfer.body.size() + payload.size() > config_.body_max) {
    fail(slot, RequestFailure::too_large);
    return true;
  }
  transfer.body.insert(transfer.body.end(), payload.begin(), payload.end());
  if (block->more) {
    send_download_request(slot, block->szx);
    return true;
  }
  const Buffer head = transfer.head;
  const auto first = parse_kept(exchange.peer, head);
  Bytes body = std::move(transfer.body);
  if (first) deliver(slot, *first, head, std::move(body));
  return true;
}

void Endpoint::Impl::begin_download(Slot slot, const Message& message, const Buffer& datagram, Block block) {
  auto& exchange = exchanges_[slot];
  if (block.number != 0 || !block.fits(message.payload.size()))
    return fail(slot, RequestFailure::block_error);
  const auto announced = message.find_number(OptionNumber::size2).value_or(0);
  if (std::max<std::size_t>(announced, message.payload.size()) > config_.body_max)
    return fail(slot, RequestFailure::too_large);
  if (exchange.transfer == kNoSlot) exchange.transfer = transfers_.take();
  if (exchange.transfer == kNoSlot) return fail(slot, RequestFailure::block_error);
  auto& transfer = transfers_[exchange.transfer];
  transfer.kind = Transfer::Kind::download;
  transfer.body.assign(message.payload.begin(), message.payload.end());
  const auto etag = etag_in(message);
  transfer.has_etag = etag.has_value();
  transfer.etag = etag.value_or(Token());
  transfer.head = datagram;
  send_download_request(slot, block.szx);
}

/// The peer's representation changed meanwhile: blocks of the two must not be mixed [RFC 7959 §2.4].
void Endpoint::Impl::restart_download(Slot slot) {
  auto& exchange = exchanges_[slot];
  if (++exchange.restarts > kRestartsMax) return fail(slot, RequestFailure::block_error);
  release_transfer(exchange.transfer);
  exchange.transfer = kNoSlot;
  send_next(slot, {.block2 = Block{.number = 0, .more = false, .szx = config_.block_szx}});
}

/// Asks for the block after what has arrived, in the peer's size or a smaller one of ours.
void Endpoint::Impl::send_download_request(Slot slot, std::uint8_t szx) {
  const auto& transfer = transfers_[exchanges_[slot].transfer];
  szx = std::min(szx, config_.block_szx);
  const auto number = static_cast<std::uint32_t>(transfer.body.size() >> (szx + 4));
  send_next(slot, {.block2 = Block{.number = number, .more = false, .szx = szx}});
}

/// Sends the exchange's next message: new id, new token, so that nothing late is taken for its answer.
void Endpoint::Impl::send_next(Slot slot, FollowUp next) {
  auto& exchange = exchanges_[slot];
  const Buffer model = exchange.bytes;
  const auto earlier = parse_kept(exchange.peer, model);
  if (!earlier) return fail(slot, RequestFailure::block_error);
  // What a FETCH asks for stands in its payload [RFC 8132 §2]; any other body has been delivered already.
  if (!next.block1 && earlier->code == Code::fetch && !earlier->find(OptionNumber::block1))
    next.payload = earlier->payload;
  unindex(slot);
  std::array<std::uint8_t, Token::kSizeMax> token;
  random_.fill(token);
  exchange.token = Token::from_padded(token.data(), token.size());
  const auto head = head_for(exchange.peer, earlier->type, exchange.token);
  exchange.message_id = head.id;
  auto writer = begin(head, earlier->code);
  write_follow_up(writer, *earlier, next);
  const auto written = complete(writer, head);
  if (!written) return fail(slot, RequestFailure::block_error);
  exchange.bytes = buffers_.store(*written);
  index(slot);
  // A transfer keeps its NSTART place between its blocks, or comes first again after a separate response: the
  // peer does not keep a body for as long as a queue may take.
  if (exchange.in_flight) return transmit_first(slot);
  start(slot, Turn::next);
}

/// A notification (or first response) of an observation brings only the first block; an exchange of its own
/// gets the rest, because the observation's token stays with the observation [RFC 7959 §2.6].
void Endpoint::Impl::fetch_rest(Slot parent_slot, const Message& message, const Buffer& datagram,
                                Block block) {
  auto& parent = exchanges_[parent_slot];
  const Slot peer = parent.peer;
  ++peers_[peer].pins;
  const Slot slot = take_exchange();
  --peers_[peer].pins;
  if (slot == kNoSlot) {
    if (!parent.responded) fail(parent_slot, RequestFailure::block_error);
    return;
  }
  auto& child = exchanges_[slot];
  child.kind = Kind::fetch;
  child.type = parent.type;
  child.bytes = parent.bytes;
  child.parent = parent_slot;
  child.state = State::sent;
  parent.child = slot;
  enlist(slot, peer);
  begin_download(slot, message, datagram, block);
}

void Endpoint::Impl::drop_child(Slot parent) {
  if (const Slot child = exchanges_[parent].child; child != kNoSlot) finish(child);
}

}  // namespace slipway::coap

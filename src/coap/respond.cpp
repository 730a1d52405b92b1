// SPDX-License-Identifier: Apache-2.0
// Responses: piggybacked or separate, whole or in blocks. [RFC 7252 §5.2] [RFC 7959 §2.4]
#include <algorithm>

#include "coap/endpoint_impl.hpp"

namespace slipway::coap {

Result<Buffer> Endpoint::Impl::write(const Head& head, const Parts& parts) {
  auto writer = begin(head, parts.code);
  if (parts.etag) writer.option(OptionNumber::etag, parts.etag->bytes());
  if (parts.observe) writer.option(OptionNumber::observe, std::uint64_t{*parts.observe});
  writer.path(OptionNumber::location_path, parts.location_path);
  if (parts.content_format) writer.option(OptionNumber::content_format, std::uint64_t{*parts.content_format});
  if (parts.max_age) writer.option(OptionNumber::max_age, std::uint64_t{*parts.max_age});
  if (parts.block2) writer.block(OptionNumber::block2, *parts.block2);
  if (parts.block1) writer.block(OptionNumber::block1, *parts.block1);
  if (parts.size2) writer.option(OptionNumber::size2, std::uint64_t{*parts.size2});
  if (parts.size1) writer.option(OptionNumber::size1, std::uint64_t{*parts.size1});
  writer.payload(parts.payload);
  SLIPWAY_ASSIGN(const auto bytes, complete(writer, head));
  return buffers_.store(bytes);
}

/// Writes `parts` with as much of `body` as fits: whole, or the block that starts at the offset of
/// `parts.block2` (0 without one) in the largest size up to `szx` that leaves room for the options.
/// Error: limit, when a reliable peer takes neither the whole nor blocks.
Result<Buffer> Endpoint::Impl::write_cut(const Head& head, Parts& parts, ByteView body, std::uint8_t szx) {
  const auto asked = parts.block2;
  const std::size_t offset = asked ? asked->offset() : 0;
  if (head.framed() && !asked) {
    parts.payload = body;
    auto whole = write(head, parts);
    if (whole) return whole;
    if (!head.blocks)
      return slipway::fail(ErrorCode::limit, "the peer takes neither so much at once nor blocks");
  }
  for (;; --szx) {
    const std::size_t size = std::size_t{16} << szx;
    const auto rest = body.subspan(offset);
    parts.payload = rest.first(std::min(size, rest.size()));
    const bool cut = asked || body.size() > size;
    parts.block2.reset();
    parts.etag.reset();
    parts.size2.reset();
    if (cut) {
      parts.block2 =
          Block{.number = static_cast<std::uint32_t>(offset / size), .more = rest.size() > size, .szx = szx};
      if (body.size() > size) {
        parts.etag = etag_of(body);
        if (offset == 0) parts.size2 = static_cast<std::uint32_t>(body.size());
      }
    }
    auto written = write(head, parts);
    if (written || szx == 0) return written;
  }
}

Endpoint::Impl::Head Endpoint::Impl::answer_head(Slot slot) {
  const auto& incoming = incoming_[slot];
  if (incoming.reliable) return head_for(incoming.peer, Type::non_confirmable, incoming.token);
  if (incoming.type == Type::non_confirmable)
    return {Type::non_confirmable, next_message_id(incoming.peer), incoming.token};
  if (incoming.state == Incoming::State::waiting)
    return {Type::acknowledgement, incoming.message_id, incoming.token};
  return {Type::confirmable, next_message_id(incoming.peer), incoming.token};
}

Result<void> Endpoint::Impl::dispatch_answer(Slot slot, const Head& head, const Parts& parts) {
  SLIPWAY_ASSIGN(auto bytes, write(head, parts));
  return dispatch(slot, head, std::move(bytes));
}

/// Sends a written answer: at once, or as a confirmable message of its own.
Result<void> Endpoint::Impl::dispatch(Slot slot, const Head& head, Buffer bytes) {
  const Slot peer_slot = incoming_[slot].peer;
  if (head.framed() || head.type != Type::confirmable) {
    send(peers_[peer_slot].id, bytes);
    answered(slot, std::move(bytes));
    return {};
  }
  if (exchanges_full() || queue_full(peers_[peer_slot]))
    return slipway::fail(ErrorCode::exhausted, "no room for a separate response");
  const Slot exchange_slot = take_exchange();
  auto& exchange = exchanges_[exchange_slot];
  exchange.kind = Kind::separate;
  exchange.type = Type::confirmable;
  exchange.token = head.token;
  exchange.message_id = head.id;
  exchange.bytes = std::move(bytes);
  enlist(exchange_slot, peer_slot);
  index(exchange_slot);
  answered(slot, {});
  start(exchange_slot);
  return {};
}

Result<void> Endpoint::Impl::respond(TimePoint now, IncomingId id, const OutgoingResponse& response) {
  now_ = std::max(now_, now);
  const Slot slot = slot_of(id.value());
  if (!incoming_.knows(slot) || incoming_[slot].id != id.value() ||
      incoming_[slot].state == Incoming::State::answered)
    return slipway::fail(ErrorCode::not_found, "the request was answered, or its peer is gone");
  if (response.payload.size() > config_.body_max)
    return slipway::fail(ErrorCode::limit, "the payload is above body_max");

  const auto& incoming = incoming_[slot];
  Parts parts{.code = response.code,
              .observe = response.observe,
              .location_path = response.location_path,
              .content_format = response.content_format,
              .max_age = response.max_age,
              .block2 = is_success(response.code) ? incoming.block2 : std::nullopt,
              .block1 = incoming.block1};
  const auto szx = incoming.block2 ? std::min(config_.block_szx, incoming.block2->szx) : config_.block_szx;
  if (parts.block2 && parts.block2->number != 0 && parts.block2->offset() >= response.payload.size())
    return dispatch_answer(slot, answer_head(slot), {.code = Code::bad_request, .block1 = incoming.block1});
  const auto head = answer_head(slot);
  auto bytes = write_cut(head, parts, response.payload, szx);
  if (!bytes) {
    // Nothing else that its owner could say would fit either.
    if (bytes.error().code == ErrorCode::limit) answer(slot, {.code = Code::internal_server_error});
    return std::unexpected(bytes.error());
  }
  if (!parts.block2 || !parts.block2->more) return dispatch(slot, head, *std::move(bytes));
  return dispatch_first_block(slot, head, *std::move(bytes), response, parts);
}

}  // namespace slipway::coap

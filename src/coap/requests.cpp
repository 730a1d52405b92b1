// SPDX-License-Identifier: Apache-2.0
// What the owner of an endpoint asks it to send on its own: requests and notifications.
#include "coap/endpoint_impl.hpp"

namespace slipway::coap {
namespace {

constexpr std::uint8_t kLargestSzx = 6;

/// Block1, when a request goes out in blocks of this size, and whether it does.
std::optional<Block> first_block(std::size_t payload, std::uint8_t szx) {
  if (payload <= (std::size_t{16} << szx)) return std::nullopt;
  return Block{.number = 0, .more = true, .szx = szx};
}

void write_request(MessageWriter& writer, const OutgoingRequest& request, std::uint8_t preferred,
                   std::optional<Block> block1) {
  if (request.observe) writer.option(OptionNumber::observe, std::uint64_t{*request.observe});
  writer.path(OptionNumber::uri_path, request.path);
  if (request.content_format)
    writer.option(OptionNumber::content_format, std::uint64_t{*request.content_format});
  for (const auto query : request.queries) writer.option(OptionNumber::uri_query, query);
  if (request.accept) writer.option(OptionNumber::accept, std::uint64_t{*request.accept});
  // Who cannot take the largest blocks says so before they come [RFC 7959 §2.4].
  const bool fetches = request.code == Code::get || request.code == Code::fetch;
  if (fetches && preferred < kLargestSzx)
    writer.block(OptionNumber::block2, Block{.number = 0, .more = false, .szx = preferred});
  if (block1) {
    writer.block(OptionNumber::block1, *block1);
    writer.option(OptionNumber::size1, std::uint64_t{request.payload.size()});
  }
  writer.payload(block1 ? request.payload.first(block1->size()) : request.payload);
}

}  // namespace

Result<RequestId> Endpoint::Impl::request(TimePoint now, PeerId peer, const OutgoingRequest& request) {
  now_ = std::max(now_, now);
  if (request.payload.size() > config_.body_max)
    return slipway::fail(ErrorCode::limit, "the payload is above body_max");
  if (request.token) {
    // A token names one exchange; an observation gives way to its own renewal or cancellation.
    const Slot earlier = find_by_token(peer, *request.token);
    if (earlier != kNoSlot) {
      if (exchanges_[earlier].state != State::observing)
        return slipway::fail(ErrorCode::duplicate, "a request with this token is under way");
      finish(earlier);
    }
  }
  if (exchanges_full()) return slipway::fail(ErrorCode::exhausted, "exchanges_max requests are alive");
  const Slot peer_slot = peer_of(peer);
  const auto give_up = [&](ErrorCode code, const char* detail) {
    forget_idle_peer(peer_slot);
    return slipway::fail(code, detail);
  };
  auto& owner = peers_[peer_slot];
  if ((request.type == Type::confirmable || owner.reliable != kNoSlot) && queue_full(owner))
    return give_up(ErrorCode::exhausted, "queue_per_peer_max requests wait for this peer");

  Token token;
  if (request.token) {
    token = *request.token;
  } else {
    std::array<std::uint8_t, Token::kSizeMax> bytes;
    random_.fill(bytes);
    token = Token::from_padded(bytes.data(), bytes.size());
  }
  const auto head = head_for(peer_slot, request.type, token);
  auto szx = config_.block_szx;
  std::optional<Block> block1;
  const auto write_it = [&] {
    auto writer = begin(head, request.code);
    // On a stream a response comes whole where it can.
    write_request(writer, request, head.framed() ? kLargestSzx : config_.block_szx, block1);
    return complete(writer, head);
  };
  if (!head.framed()) block1 = first_block(request.payload.size(), szx);
  auto written = write_it();
  if (!written && head.framed()) {
    if (!head.blocks) return give_up(ErrorCode::limit, "the peer takes neither so much at once nor blocks");
    block1 = first_block(request.payload.size(), szx);
    written = write_it();
  }
  while (!written && szx > 0) {  // Long options leave less room for the payload.
    --szx;
    block1 = first_block(request.payload.size(), szx);
    written = write_it();
  }
  if (!written) return give_up(written.error().code, written.error().detail);
  if (block1 && transfers_.full())
    return give_up(ErrorCode::exhausted, "bodies_max transfers are in progress");

  // The entry of the peer must outlive the lingering notification that may make room here.
  ++owner.pins;
  const Slot slot = take_exchange();
  --owner.pins;
  auto& exchange = exchanges_[slot];
  exchange.kind = Kind::request;
  exchange.type = head.type;
  exchange.tag = request.tag;
  exchange.token = token;
  exchange.message_id = head.id;
  exchange.observe_register = request.observe == 0u;
  exchange.observe_cancel = request.observe.has_value() && !exchange.observe_register;
  exchange.bytes = buffers_.store(*written);
  enlist(slot, peer_slot);
  index(slot);
  if (block1) begin_upload(slot, request.payload, szx);
  const RequestId result(exchange.id);
  start(slot);
  return result;
}

Result<void> Endpoint::Impl::notify(TimePoint now, PeerId peer, const Token& token, Type type,
                                    const OutgoingResponse& response, std::uint64_t tag) {
  now_ = std::max(now_, now);
  if (response.payload.size() > config_.body_max)
    return slipway::fail(ErrorCode::limit, "the payload is above body_max");
  const Slot peer_slot = peer_of(peer);
  const auto give_up = [&](ErrorCode code, const char* detail) {
    forget_idle_peer(peer_slot);
    return slipway::fail(code, detail);
  };
  Parts parts{.code = response.code,
              .observe = response.observe,
              .location_path = response.location_path,
              .content_format = response.content_format,
              .max_age = response.max_age,
              .payload = response.payload};
  auto& owner = peers_[peer_slot];
  if (owner.reliable != kNoSlot) return notify_reliable(peer_slot, token, type, parts, tag);
  if (exchanges_full()) return give_up(ErrorCode::exhausted, "exchanges_max requests are alive");
  if (type == Type::confirmable && queue_full(owner))
    return give_up(ErrorCode::exhausted, "queue_per_peer_max messages wait for this peer");
  const auto head = head_for(peer_slot, type, token);
  auto bytes = write_cut(head, parts, response.payload, config_.block_szx);
  if (!bytes) return give_up(bytes.error().code, bytes.error().detail);

  ++owner.pins;
  const Slot slot = take_exchange();
  --owner.pins;
  auto& exchange = exchanges_[slot];
  exchange.kind = Kind::notification;
  exchange.type = type;
  exchange.tag = tag;
  exchange.token = token;
  exchange.message_id = head.id;
  exchange.bytes = *std::move(bytes);
  enlist(slot, peer_slot);
  index(slot);
  start(slot);
  return {};
}

void Endpoint::Impl::cancel(RequestId id) {
  const Slot slot = slot_of(id.value());
  if (exchanges_.knows(slot) && exchanges_[slot].id == id.value()) end_observation(slot);
  forget(id);
}

void Endpoint::Impl::forget(RequestId id) {
  const Slot slot = slot_of(id.value());
  if (exchanges_.knows(slot) && exchanges_[slot].id == id.value()) finish(slot);
}

}  // namespace slipway::coap

// SPDX-License-Identifier: Apache-2.0
// What devices ask of a bootstrap server. [LwM2M-CORE 1.2 §6.1.7.1] [LwM2M-TRANSPORT 1.2 §5.2.6, §6.7]
#include "bootstrap/engine.hpp"

namespace slipway::bootstrap {
namespace {

/// Requests that were refused at once and whose events wait to be polled; more are only counted.
constexpr std::size_t kTurnedAwayMax = 64;

/// A device that was told to come back later spreads over this time.
constexpr std::uint32_t kRetryMin = 30;
constexpr std::uint32_t kRetrySpread = 30;

}  // namespace

void Server::Impl::answer(TimePoint now, coap::IncomingId incoming, coap::Code code) {
  coap::OutgoingResponse response{.code = code};
  if (code == coap::Code::service_unavailable)
    response.max_age = kRetryMin + static_cast<std::uint32_t>(protocol_random_.below(kRetrySpread));
  (void)coap_.respond(now, incoming, response);  // not_found: its peer has gone meanwhile
}

void Server::Impl::on_request(TimePoint now, const PeerContext& peer, const coap::RequestReceived& request) {
  const auto path = request.message.uri_path();
  const auto method = request.message.code;
  if (path == lwm2m::kBootstrapPath) {
    if (method == coap::Code::post) return on_bootstrap_request(now, peer, request);
    return answer(now, request.id, coap::Code::method_not_allowed);
  }
  // A device that may ask for a Pack asks for it first, and must go on with /bs after an error.
  if (path == lwm2m::kBootstrapPackPath) return answer(now, request.id, coap::Code::not_implemented);
  answer(now, request.id, coap::Code::not_found);
}

void Server::Impl::on_bootstrap_request(TimePoint now, const PeerContext& peer,
                                        const coap::RequestReceived& request) {
  ++counters_.requests;
  const auto parsed = lwm2m::parse_bootstrap_request(request.message);
  const auto claimed = parsed && parsed->endpoint ? *parsed->endpoint : peer.endpoint;
  // The same peer begins anew: whatever it was about is over.
  if (const auto old = table_.find(peer.id); old != kNoSlot)
    end(now, old, Outcome::superseded, "the device sent a new Bootstrap-Request");
  if (!parsed)
    return turn_away(now, peer, request, claimed, Outcome::refused, parsed.error().code,
                     parsed.error().reason);
  if (claimed.empty())
    return turn_away(now, peer, request, claimed, Outcome::refused, coap::Code::bad_request,
                     "the request names no endpoint, and neither does its security");
  if (!peer.endpoint.empty() && claimed != peer.endpoint)
    return turn_away(now, peer, request, claimed, Outcome::refused, coap::Code::bad_request,
                     "ep is not the name that the device's credential belongs to");
  const auto slot = table_.open(peer.id, claimed);
  if (slot == kNoSlot)
    return turn_away(now, peer, request, claimed, Outcome::overloaded, coap::Code::service_unavailable,
                     "too many sessions are alive (sessions_max)");

  auto& session = table_[slot];
  session.security = peer.security;
  session.address = peer.address;
  session.authenticated = !peer.endpoint.empty();
  session.preferred = parsed->preferred;
  session.incoming = request.id;
  lifetimes_.push(slot, now + config_.session_time_max);
  push({.kind = EventKind::started, .slot = slot});
  push({.kind = EventKind::wanted, .slot = slot});
  wait_for_adapter(now, slot);
}

void Server::Impl::turn_away(TimePoint now, const PeerContext& peer, const coap::RequestReceived& request,
                             std::string_view endpoint, Outcome outcome, coap::Code code,
                             std::string_view reason) {
  const auto slot = table_.open(peer.id, endpoint, kTurnedAwayMax);
  if (slot == kNoSlot) {
    ++(outcome == Outcome::overloaded ? counters_.overloaded : counters_.refused);
    return answer(now, request.id, code);
  }
  push({.kind = EventKind::started, .slot = slot});
  push({.kind = EventKind::done, .slot = slot, .operation = Operation::request, .answer = code});
  answer(now, request.id, code);
  table_[slot].state = State::running;  // it has its answer
  end(now, slot, outcome, reason);
}

}  // namespace slipway::bootstrap

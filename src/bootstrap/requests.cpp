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

void Server::Impl::answer_request(TimePoint now, Slot slot, coap::Code code) {
  auto& session = table_[slot];
  push({.kind = EventKind::done,
        .operation = session.asked == Asked::pack ? Operation::pack : Operation::request,
        .slot = slot,
        .answer = code,
        .took = now - session.asked_at});
  answer(now, session.incoming, code);
  session.answered = Answered::yes;
}

void Server::Impl::on_request(TimePoint now, const PeerContext& peer, const coap::RequestReceived& request) {
  const auto path = request.message.uri_path();
  const auto method = request.message.code;
  if (path == lwm2m::kBootstrapPath) {
    if (method == coap::Code::post) return on_bootstrap_request(now, peer, request);
    return answer(now, request.id, coap::Code::method_not_allowed);
  }
  if (path == lwm2m::kBootstrapPackPath) {
    if (config_.pack == PackService::off) return answer(now, request.id, coap::Code::not_implemented);
    if (method == coap::Code::get) return on_pack_request(now, peer, request);
    return answer(now, request.id, coap::Code::method_not_allowed);
  }
  answer(now, request.id, coap::Code::not_found);
}

void Server::Impl::on_bootstrap_request(TimePoint now, const PeerContext& peer,
                                        const coap::RequestReceived& request) {
  const auto parsed = lwm2m::parse_bootstrap_request(request.message);
  if (!parsed) return refuse_parameters(now, peer, request, Asked::request, parsed.error());
  if (const auto slot = begin(now, peer, request, Asked::request, parsed->endpoint); slot != kNoSlot)
    table_[slot].preferred = parsed->preferred;
}

/// The same peer begins anew: whatever it was about is over.
void Server::Impl::end_old_session(TimePoint now, PeerId peer) {
  if (const auto old = table_.find(peer); old != kNoSlot)
    end(now, old, Outcome::superseded, "the device sent a new Bootstrap-Request");
}

void Server::Impl::refuse_parameters(TimePoint now, const PeerContext& peer,
                                     const coap::RequestReceived& request, Asked asked,
                                     const lwm2m::Refusal& refusal) {
  ++counters_.requests;
  end_old_session(now, peer.id);
  turn_away(now, peer, request, asked, peer.endpoint, Outcome::refused, refusal.code, refusal.reason);
}

Slot Server::Impl::begin(TimePoint now, const PeerContext& peer, const coap::RequestReceived& request,
                         Asked asked, std::optional<std::string_view> claim) {
  ++counters_.requests;
  end_old_session(now, peer.id);
  const auto claimed = claim.value_or(peer.endpoint);
  const auto refused = [&](Outcome outcome, coap::Code code, std::string_view reason) {
    turn_away(now, peer, request, asked, claimed, outcome, code, reason);
    return kNoSlot;
  };
  if (claimed.empty())
    return refused(Outcome::refused, coap::Code::bad_request,
                   "the request names no endpoint, and neither does its security");
  if (!peer.endpoint.empty() && claimed != peer.endpoint)
    return refused(Outcome::refused, coap::Code::bad_request,
                   "ep is not the name that the device's credential belongs to");
  const bool anybody = peer.security == SecurityMode::nosec;
  if (anybody && table_.sessions_of_host(peer.address) >= config_.sessions_per_address_max)
    return refused(Outcome::overloaded, coap::Code::service_unavailable,
                   "too many sessions without security come from one address (sessions_per_address_max)");
  const auto slot = table_.open(peer.id, claimed);
  if (slot == kNoSlot)
    return refused(Outcome::overloaded, coap::Code::service_unavailable,
                   "too many sessions are alive (sessions_max)");

  auto& session = table_[slot];
  session.asked = asked;
  session.security = peer.security;
  session.address = peer.address;
  session.authenticated = !peer.endpoint.empty();
  session.incoming = request.id;
  session.asked_at = now;
  if (anybody) table_.count_host(slot);
  lifetimes_.push(slot, now + config_.session_time_max);
  push({.kind = EventKind::started, .slot = slot});
  push({.kind = EventKind::wanted, .slot = slot});
  wait_for_adapter(now, slot);
  return slot;
}

void Server::Impl::turn_away(TimePoint now, const PeerContext& peer, const coap::RequestReceived& request,
                             Asked asked, std::string_view endpoint, Outcome outcome, coap::Code code,
                             std::string_view reason) {
  const auto slot = table_.open(peer.id, endpoint, kTurnedAwayMax);
  if (slot == kNoSlot) {
    count(outcome);
    return answer(now, request.id, code);
  }
  auto& session = table_[slot];
  session.asked = asked;
  session.asked_at = now;
  session.incoming = request.id;
  push({.kind = EventKind::started, .slot = slot});
  answer_request(now, slot, code);
  end(now, slot, outcome, reason);
}

}  // namespace slipway::bootstrap

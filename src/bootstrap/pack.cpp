// SPDX-License-Identifier: Apache-2.0
#include "bootstrap/pack.hpp"

#include <algorithm>

#include "bootstrap/engine.hpp"

namespace slipway::bootstrap {

Result<void> check_pack(const fleet::Plan& plan) {
  const auto refuse = [](const char* reason) { return fail(ErrorCode::refused, reason); };
  if (!plan.before.empty() || !plan.after.empty())
    return refuse("the plan has explicit operations, which a Pack cannot say");
  if (std::ranges::any_of(plan.instances, [](const auto& i) { return i.need == fleet::Need::optional; }))
    return refuse("the plan has optional instances, and a device takes or refuses a Pack as a whole");
  if (plan.existing == fleet::Existing::replace)
    return refuse("the plan deletes everything first, which a Pack cannot say");
  if (plan.others == fleet::OtherAccounts::keep)
    return refuse("the plan keeps accounts of other servers, and a Pack replaces all of them");
  if (plan.bootstrap) return refuse("the plan replaces the bootstrap account, which a Pack leaves alone");
  if (std::ranges::any_of(plan.servers, [](const auto& server) { return !server.remote.empty(); }))
    return refuse("an account is at another node, and only a Finish tells that the device has it");
  if (plan.access.empty() && plan.servers.size() > 1)
    return refuse("the plan has several servers and no access control; a Pack cannot delete what /2 says");
  return {};
}

Result<void> plan_pack(const fleet::Plan& plan, std::span<const Path> account, const ObjectCatalog& catalog,
                       OperationList& out) {
  std::vector<lwm2m::DiscoveredLink> links;
  for (const auto& path : account) links.push_back({.path = path});
  const DeviceState device{.listing = DeviceState::Listing::told, .discovered = {.links = links}};
  return plan_operations(plan, device, Round::first, catalog, out);
}

void Server::Impl::on_pack_request(TimePoint now, const PeerContext& peer,
                                   const coap::RequestReceived& request) {
  const auto parsed = lwm2m::parse_pack_request(request.message);
  if (!parsed) return refuse_parameters(now, peer, request, Asked::pack, parsed.error());
  const auto slot = begin(now, peer, request, Asked::pack, parsed->endpoint);
  if (slot == kNoSlot) return;
  table_[slot].format = parsed->format;
  table_[slot].pack_account = parsed->account;
}

/// All entries of all Writes, as one payload below the root, in `payload_`.
Result<std::size_t> Server::Impl::encode_pack(Session& session) {
  const auto& account = session.pack_account;
  SLIPWAY_TRY(plan_pack(*session.plan, {account.data(), account.size()}, catalog_, session.list));
  entries_.clear();
  for (const auto& operation : session.list.operations)
    SLIPWAY_TRY(append_entries(
        operation, {.plan = *session.plan, .credentials = session.credentials, .catalog = catalog_},
        entries_));
  std::ranges::sort(entries_, {}, &Entry::path);
  return codec::encode(session.format, Path(), entries_, payload_);
}

/// The credentials are durable: the device gets everything at once, and the session is over. No Finish
/// follows.
void Server::Impl::send_pack(TimePoint now, Slot slot) {
  auto& session = table_[slot];
  const auto size = encode_pack(session);
  entries_.clear();
  if (!size) {  // the device goes on with a Bootstrap-Request, which may find another way
    wipe(payload_);
    answer_request(now, slot, coap::Code::method_not_allowed);
    return end(now, slot, Outcome::plan_unfit, size.error().detail);
  }
  const auto payload = MutableBytes(payload_).first(*size);
  const auto sent = coap_.respond(now, session.incoming,
                                  {.code = coap::Code::content,
                                   .content_format = static_cast<std::uint16_t>(session.format),
                                   .payload = payload});
  wipe(payload);
  if (!sent) {
    answer_request(now, slot, coap::Code::service_unavailable);
    return end(now, slot, Outcome::overloaded, sent.error().detail);
  }
  session.answered = Answered::yes;
  push({.kind = EventKind::done,
        .operation = Operation::pack,
        .slot = slot,
        .answer = coap::Code::content,
        .format = session.format,
        .size = static_cast<std::uint32_t>(*size),
        .took = now - session.asked_at});
  ++counters_.packs;
  end(now, slot, Outcome::succeeded, "");
}

}  // namespace slipway::bootstrap

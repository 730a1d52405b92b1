// SPDX-License-Identifier: Apache-2.0
// Registrations over a sleep without memory.
#include "client/links.hpp"
#include "client/registration.hpp"

namespace slipway::client {
namespace {

/// Whether the server has certainly dropped the registration, if the clock is right. A clock that was set
/// back says nothing.
bool is_over(const KeptServer& server, std::optional<std::int64_t> since, std::optional<std::int64_t> wall) {
  if (!server.left || !since || !wall || *wall < *since) return false;
  return *wall - *since >= server.left->count();
}

std::uint64_t digest_of(std::string_view objects) {
  return fnv1a(as_bytes(objects));
}

KeptServer kept_of(const Server& server, const Tree& tree, TimePoint now) {
  // What an Update without an answer has told may not have arrived: the next one tells it again.
  const bool is_known = server.state == Server::State::registered && !server.update_wanted;
  KeptServer kept{.id = server.id,
                  .account = account_digest(tree, server.security),
                  .enabler = server.enabler,
                  .location = server.location,
                  .lifetime = is_known ? server.lifetime : -1,
                  .objects = is_known ? digest_of(server.objects) : 0,
                  .binding = server.binding,
                  .left = std::nullopt,
                  .watch = server.watch,
                  .answered = server.answered};
  if (server.is_registered() && server.lifetime > 0) {
    const auto passed = std::chrono::duration_cast<seconds>(now - server.refreshed);
    kept.left = std::max(seconds(0), seconds(server.lifetime) - passed);
  }
  return kept;
}

}  // namespace

std::vector<HibernatingSession> Registrations::hibernate(TimePoint now, std::vector<KeptServer>& kept) {
  std::vector<HibernatingSession> sessions;
  for (auto& server : servers_) {
    const bool is_open =
        server.connected && (server.is_registered() || server.state == Server::State::registering);
    if (!is_open) {
      // Not reached since the last hibernation: it may be after the next.
      if (server.kept) kept.push_back(kept_of(server, services_.model.tree(), now));
      drop_session(server);
      continue;
    }
    if (server.is_registered()) {
      kept.push_back(kept_of(server, services_.model.tree(), now));
      kept.back().answered = services_.endpoint.answered_requests(server.peer);
    }
    sessions.push_back({server.peer, server.id});
  }
  for (auto& account : kept_) kept.push_back(std::move(account));
  kept_.clear();
  servers_.clear();
  failures_.clear();
  suspended_ = false;
  for (const auto& session : sessions) services_.endpoint.drop_peer(session.peer);
  return sessions;
}

void Registrations::wake(Hibernated kept, std::optional<std::int64_t> wall) {
  std::erase_if(kept.servers, [&](const KeptServer& server) { return is_over(server, kept.since, wall); });
  kept_ = std::move(kept.servers);
}

/// An account that is the one of before: its registration may be alive.
void Registrations::recall(Server& server) {
  const auto found = std::ranges::find(kept_, server.id, &KeptServer::id);
  if (found == kept_.end()) return;
  const auto kept = std::move(*found);
  kept_.erase(found);
  if (kept.location.empty() || kept.account != account_digest(services_.model.tree(), server.security))
    return;
  server.kept = true;
  server.enabler = kept.enabler;
  server.location = kept.location;
  server.lifetime = kept.lifetime;
  server.binding = kept.binding;
  auto objects = object_list(services_.model, server.enabler, services_.config.body_max);
  if (digest_of(objects) == kept.objects) server.objects = std::move(objects);
  server.watch = kept.watch;
  server.answered = kept.answered;
}

/// The session is new: so must be the registration.
void Registrations::forget_kept(Server& server) {
  if (!std::exchange(server.kept, false)) return;
  server.location.clear();
  server.watch = {};
  server.answered.clear();
}

/// Nothing was heard in a session of before: the server has lost it. This is no failed attempt.
void Registrations::renew_session(TimePoint now, Server& server) {
  forget_kept(server);
  drop_session(server);
  register_again(now, server);
}

KeptWatch Registrations::take_watch(ShortServerId id) {
  auto* server = find_mutable(id);
  return server == nullptr ? KeptWatch{} : std::exchange(server->watch, {});
}

}  // namespace slipway::client

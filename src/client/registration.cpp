// SPDX-License-Identifier: Apache-2.0
#include "client/registration.hpp"

#include <algorithm>
#include <limits>

#include <slipway/base/uri.hpp>
#include <slipway/lwm2m/version.hpp>

#include "client/links.hpp"

namespace slipway::client {
namespace {

constexpr seconds kMaxTransmitWait{93};
constexpr seconds kShortLifetime{186};
constexpr std::int64_t kNeverSequence = std::numeric_limits<std::uint32_t>::max();
constexpr unsigned kDoublingsMax = 16;

/// The session is asked for anew when no answer of any kind has come by then.
constexpr Duration kConnectPatience = seconds(247);
/// A session of before a hibernation that answers none of a message's first three transmissions is dead.
/// [RFC 7252 §4.8]
constexpr unsigned kUnprovenTransmissions = 3;

}  // namespace

seconds bounded(std::int64_t value) {
  return seconds(std::clamp<std::int64_t>(value, 0, kSecondsMax));
}

RetryPolicy read_policy(const Tree& tree, InstanceId id) {
  RetryPolicy policy;
  policy.priority = tree.integer(server(id, 13));
  policy.initial_delay = bounded(tree.integer(server(id, 14)).value_or(0));
  policy.block = tree.boolean(server(id, 15)).value_or(policy.block);
  policy.bootstrap_on_failure = tree.boolean(server(id, 16)).value_or(policy.bootstrap_on_failure);
  policy.attempts = std::max<std::int64_t>(1, tree.integer(server(id, 17)).value_or(policy.attempts));
  policy.retry_timer = bounded(tree.integer(server(id, 18)).value_or(policy.retry_timer.count()));
  const auto delay = tree.integer(server(id, 19)).value_or(policy.sequence_delay->count());
  policy.sequence_delay = delay >= kNeverSequence ? std::nullopt : std::optional(bounded(delay));
  policy.sequences = std::max<std::int64_t>(1, tree.integer(server(id, 20)).value_or(policy.sequences));
  return policy;
}

Duration retry_delay(const RetryPolicy& policy, std::int64_t failed) {
  const auto doublings = std::clamp<std::int64_t>(failed - 1, 0, kDoublingsMax);
  return std::min<Duration>(policy.retry_timer * (std::int64_t{1} << doublings), seconds(kSecondsMax));
}

std::optional<Duration> update_after(seconds lifetime) {
  if (lifetime.count() <= 0) return std::nullopt;
  if (lifetime < kShortLifetime) return Duration(lifetime) / 2;
  return Duration(std::min(lifetime, seconds(kSecondsMax)) - kMaxTransmitWait);
}

// --- Servers and their order ------------------------------------------------------------------------

const Server* Registrations::find(PeerId peer) const {
  for (const auto& server : servers_)
    if (server.peer == peer && peer != PeerId{}) return &server;
  return nullptr;
}
const Server* Registrations::find(ShortServerId id) const {
  for (const auto& server : servers_)
    if (server.id == id) return &server;
  return nullptr;
}
Server* Registrations::find_mutable(PeerId peer) {
  return const_cast<Server*>(std::as_const(*this).find(peer));
}
Server* Registrations::find_mutable(ShortServerId id) {
  return const_cast<Server*>(std::as_const(*this).find(id));
}
Server* Registrations::find_request(coap::RequestId id) {
  for (auto& server : servers_)
    if (server.request == id) return &server;
  return nullptr;
}

void Registrations::add(InstanceId instance) {
  const auto& tree = services_.model.tree();
  const auto id = server_of(tree, instance);
  const auto security = find_security(tree, id);
  if (!security || find(id) != nullptr || servers_.size() >= services_.config.servers_max) return;
  Server added{.id = id, .security = *security, .instance = instance};
  added.enabler = services_.config.enabler;
  recall(added);
  servers_.push_back(std::move(added));
}

void Registrations::start(TimePoint now) {
  for (const Path& path : instances(services_.model.tree(), kServer)) add(path.instance());
  schedule(now);
}

/// Servers without a priority begin by themselves; of the others the first.
void Registrations::schedule(TimePoint now) {
  for (auto& server : servers_) {
    if (server.kept && server.state == Server::State::waiting) {
      // It has had its turn before the hibernation.
      server.state = Server::State::backing_off;
      server.at = now;
    }
    const auto policy = read_policy(services_.model.tree(), server.instance);
    if (server.state == Server::State::waiting && !server.at && !server.awaits_card && !policy.priority)
      server.at = now + initial_delay(server);
  }
  advance_order(now);
}

/// /1/x/14 counts until the first registration after a bootstrap has succeeded, also over a restart.
Duration Registrations::initial_delay(const Server& server) const {
  const auto& known = services_.model.memory().registered;
  if (std::ranges::find(known, server.id) != known.end()) return Duration{};
  return read_policy(services_.model.tree(), server.instance).initial_delay;
}

/// Gives the turn to the first ordered server that has not had one, unless one before it is still at it.
void Registrations::advance_order(TimePoint now) {
  std::vector<std::pair<std::int64_t, Server*>> ordered;
  for (auto& server : servers_)
    if (const auto policy = read_policy(services_.model.tree(), server.instance); policy.priority)
      ordered.emplace_back(*policy.priority, &server);
  std::ranges::sort(ordered);  // among equals, those of lower instances first
  for (auto& [priority, server] : ordered) {
    const auto policy = read_policy(services_.model.tree(), server->instance);
    if (server->state == Server::State::waiting && !server->at && !server->awaits_card) {
      server->at = now + initial_delay(*server);
      return;
    }
    const bool is_done = server->is_registered() || server->state == Server::State::disabled ||
                         server->state == Server::State::deregistering || (server->failed && !policy.block);
    if (!is_done) return;
  }
}

void Registrations::resume(TimePoint now, const Tree* before) {
  suspended_ = false;
  if (before == nullptr) return;
  const auto& tree = services_.model.tree();
  std::erase_if(servers_, [&](Server& server) {
    const auto security = find_security(tree, server.id);
    const auto instance = find_server(tree, server.id);
    const bool is_gone = !security || !instance;
    const bool is_same = !is_gone && same_account(*before, server.security, tree, *security);
    if (is_same) {
      server.security = *security;
      server.instance = *instance;
      // What failed with the old retry rules gets its chance under the new ones.
      if (!server.is_registered() && server.state != Server::State::disabled) {
        drop_session(server);
        forget_kept(server);
        server.state = Server::State::waiting;
        server.awaits_card = false;
        server.at.reset();
        server.attempt = server.sequence = 1;
        server.failed = false;
      }
      return false;
    }
    const bool was_registered = server.is_registered();
    drop_session(server);
    renewed_.push_back(server.id);
    if (is_gone && was_registered) services_.tell(DeregisteredFrom{server.id});
    return true;  // a changed account comes back as a new one
  });
  for (const Path& path : instances(tree, kServer)) add(path.instance());
  if (std::ranges::any_of(servers_, &Server::is_registered)) succeeded_ = true;
  schedule(now);
  parameters_changed(now);
}

// --- Sessions and timers ----------------------------------------------------------------------------

void Registrations::drop_session(Server& server) {
  if (server.request) services_.endpoint.cancel(*server.request);
  server.request.reset();
  if (server.peer != PeerId{}) services_.disconnect(server.peer);
  server.peer = PeerId{};
  server.connected = server.unproven = false;
}

/// Whether the card is to be read before a request to this server; the request then goes on in `card_read`.
bool Registrations::awaits_card(TimePoint now, Server& server) {
  if (!services_.must_read_card(now, server.security)) return false;
  server.awaits_card = true;
  server.at.reset();
  return true;
}

void Registrations::card_read(TimePoint now) {
  for (auto& server : servers_)
    if (std::exchange(server.awaits_card, false)) server.at = now;
}

void Registrations::connect(TimePoint now, Server& server) {
  if (awaits_card(now, server)) return;
  if (server.connected) return begin(now, server);
  drop_session(server);
  server.state = Server::State::connecting;
  server.at = now + kConnectPatience;
  server.peer = services_.connect(server.security, server.id);
}

void Registrations::connected(TimePoint now, PeerId peer, SessionKind session) {
  auto* server = find_mutable(peer);
  if (server == nullptr || server->state != Server::State::connecting) return;
  server->connected = true;
  server->unproven = session == SessionKind::kept;
  if (session == SessionKind::fresh) forget_kept(*server);
  services_.endpoint.remember_answered(now, peer, std::exchange(server->answered, {}));
  if (suspended_)
    server->at = now;
  else
    begin(now, *server);
}

/// What is first said in a session.
void Registrations::begin(TimePoint now, Server& server) {
  if (server.kept)
    send_update(now, server);
  else
    send_register(now, server);
  if (!server.request || !server.unproven) return;
  const auto& coap = services_.config.coap;
  const auto longest = coap.ack_timeout * coap.ack_random_factor;
  server.at = now + std::chrono::duration_cast<Duration>(longest * ((1u << kUnprovenTransmissions) - 1));
}

void Registrations::connection_failed(TimePoint now, PeerId peer, Loss loss, std::string_view reason) {
  auto* server = find_mutable(peer);
  if (server == nullptr) return;
  const auto state = server->state;
  if (server->unproven && loss == Loss::transient) return renew_session(now, *server);
  drop_session(*server);
  switch (state) {
    case Server::State::connecting:
    case Server::State::registering:
      return attempt_failed(now, *server, loss == Loss::hopeless ? Attempt::refused : Attempt::failed,
                            std::nullopt, reason);
    case Server::State::registered:
    case Server::State::updating:
      if (loss == Loss::transient) return register_again(now, *server);
      // Another session with the same credentials would be refused, too.
      server->attempt = server->sequence = 1;
      server->location.clear();
      renewed_.push_back(server->id);
      return attempt_failed(now, *server, Attempt::refused, std::nullopt, reason);
    case Server::State::deregistering:
      return deregistered(now, *server);
    default:
      return;
  }
}

void Registrations::handle_timeout(TimePoint now) {
  if (suspended_) return;
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    auto& server = servers_[i];
    if (!server.at || *server.at > now) continue;
    server.at.reset();
    switch (server.state) {
      case Server::State::waiting:
      case Server::State::backing_off:
      case Server::State::disabled:
        connect(now, server);
        break;
      case Server::State::connecting:
        if (server.connected) {
          begin(now, server);
        } else {
          drop_session(server);
          attempt_failed(now, server, Attempt::failed, std::nullopt, "no session with the server in time");
        }
        break;
      case Server::State::registered:
        send_update(now, server);
        break;
      case Server::State::registering:
      case Server::State::updating:
        if (server.unproven) renew_session(now, server);
        break;
      case Server::State::deregistering:
        break;
    }
  }
}

std::optional<TimePoint> Registrations::next_timeout() const {
  std::optional<TimePoint> next;
  if (suspended_) return next;
  for (const auto& server : servers_) next = earlier(next, server.at);
  return next;
}

// --- Requests ---------------------------------------------------------------------------------------

void Registrations::send_register(TimePoint now, Server& server) {
  const auto& tree = services_.model.tree();
  server.state = Server::State::registering;
  server.at.reset();
  server.update_wanted = false;
  server.lifetime =
      std::max<std::int64_t>(0, tree.integer(slipway::client::server(server.instance, 1)).value_or(86400));
  server.binding = tree.text(slipway::client::server(server.instance, 7));
  server.objects = object_list(services_.model, server.enabler, services_.config.body_max);
  lwm2m::QueryList queries;
  std::string path;
  bool fits = true;
  const auto uri = parse_uri(tree.text(slipway::client::security(server.security, 0)));
  if (uri && uri->path != "/") path = uri->path;
  if (uri && !uri->query.empty()) fits = queries.add(uri->query);
  // 1.0 names the binding in use, 1.1 and later what the device can do. [LwM2M-CORE 1.2 §6.2.1]
  const std::string_view in_use = uri && is_tcp(uri->scheme) ? "T" : "U";
  path += "/rd";
  fits = fits &&
         lwm2m::add_register_queries(queries, {.endpoint = services_.config.endpoint,
                                               .lifetime = seconds(server.lifetime),
                                               .enabler = server.enabler,
                                               .binding = server.enabler < Version{1, 1}
                                                              ? in_use
                                                              : std::string_view(services_.config.transports),
                                               .queue_mode = services_.config.queue == QueueMode::sleeps,
                                               .sms = std::nullopt,
                                               .profile = std::nullopt});
  if (!fits)
    return attempt_failed(now, server, Attempt::refused, std::nullopt, "the request does not fit its bounds");
  const auto sent =
      services_.endpoint.request(now, server.peer,
                                 {.code = coap::Code::post,
                                  .path = path,
                                  .queries = queries.view(),
                                  .content_format = static_cast<std::uint16_t>(ContentFormat::link_format),
                                  .payload = as_bytes(server.objects),
                                  .tag = tag_of(Owner::registration, server.id.value())});
  if (!sent) return attempt_failed(now, server, Attempt::failed, std::nullopt, sent.error().detail);
  server.request = *sent;
}

void Registrations::send_update(TimePoint now, Server& server) {
  if (awaits_card(now, server)) return;
  const auto& tree = services_.model.tree();
  server.update_wanted = false;
  lwm2m::RegisterParameters changed;
  const auto lifetime =
      std::max<std::int64_t>(0, tree.integer(slipway::client::server(server.instance, 1)).value_or(86400));
  if (lifetime != server.lifetime) changed.lifetime = seconds(lifetime);
  server.lifetime = lifetime;
  auto objects = object_list(services_.model, server.enabler, services_.config.body_max);
  const bool tells_objects = objects != server.objects;
  server.objects = std::move(objects);
  lwm2m::QueryList queries;
  (void)lwm2m::add_register_queries(queries, changed);
  coap::OutgoingRequest request{.code = coap::Code::post,
                                .path = server.location,
                                .queries = queries.view(),
                                .tag = tag_of(Owner::registration, server.id.value())};
  if (tells_objects) {
    request.content_format = static_cast<std::uint16_t>(ContentFormat::link_format);
    request.payload = as_bytes(server.objects);
  }
  const auto sent = services_.endpoint.request(now, server.peer, request);
  if (!sent) {
    // The exchange tables are full for the moment.
    server.at = now + seconds(1);
    return;
  }
  server.state = Server::State::updating;
  server.at.reset();
  server.request = *sent;
  if (server.kept) resumed_.push_back(server.id);
}

void Registrations::send_deregister(TimePoint now, Server& server) {
  if (server.request) services_.endpoint.cancel(*server.request);
  server.state = Server::State::deregistering;
  server.at.reset();
  const auto sent = services_.endpoint.request(now, server.peer,
                                               {.code = coap::Code::del,
                                                .path = server.location,
                                                .tag = tag_of(Owner::registration, server.id.value())});
  if (!sent) return deregistered(now, server);
  server.request = *sent;
}

void Registrations::await_update(TimePoint now, Server& server) {
  server.state = Server::State::registered;
  server.refreshed = now;
  const auto after = update_after(seconds(server.lifetime));
  server.at = after ? std::optional(now + *after) : std::nullopt;
  if (server.update_wanted) server.at = now;
}

// --- Wishes -----------------------------------------------------------------------------------------

void Registrations::parameters_changed(TimePoint now) {
  if (suspended_) return;
  const auto& tree = services_.model.tree();
  for (auto& server : servers_) {
    if (!server.is_registered()) continue;
    const auto lifetime =
        std::max<std::int64_t>(0, tree.integer(slipway::client::server(server.instance, 1)).value_or(86400));
    const bool differs =
        lifetime != server.lifetime ||
        tree.text(slipway::client::server(server.instance, 7)) != server.binding ||
        object_list(services_.model, server.enabler, services_.config.body_max) != server.objects;
    if (!differs) continue;
    server.binding = tree.text(slipway::client::server(server.instance, 7));
    server.update_wanted = true;
    if (server.state == Server::State::registered) server.at = now;
  }
}

void Registrations::request_update(TimePoint now, std::optional<ShortServerId> id) {
  for (auto& server : servers_) {
    if (id && server.id != *id) continue;
    server.update_wanted = true;
    if (server.state == Server::State::registered) server.at = now;
  }
}

void Registrations::disable(TimePoint now, ShortServerId id) {
  auto* server = find_mutable(id);
  if (server != nullptr && server->is_registered()) send_deregister(now, *server);
}

void Registrations::clear() {
  for (auto& server : servers_) {
    drop_session(server);
    renewed_.push_back(server.id);
  }
  servers_.clear();
  failures_.clear();
  suspended_ = false;
}

void Registrations::shut_down(TimePoint now) {
  suspended_ = false;
  std::vector<ShortServerId> ids;
  for (const auto& server : servers_) ids.push_back(server.id);
  for (const auto id : ids) {
    auto& server = *find_mutable(id);
    server.stopping = true;
    if (server.is_registered()) {
      send_deregister(now, server);
    } else if (server.state != Server::State::deregistering) {
      drop_session(server);
      std::erase_if(servers_, [id](const Server& other) { return other.id == id; });
    }
  }
}

}  // namespace slipway::client

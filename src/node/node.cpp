// SPDX-License-Identifier: Apache-2.0
#include <spdlog/spdlog.h>

#include <slipway/net/clock.hpp>

#include "server_node.hpp"
#include "suites.hpp"

namespace slipway::node {

using fleet::ServerRole;

ServerNode::ServerNode(Settings settings, fleet::Enrolments enrolments, const ObjectCatalog& catalog,
                       std::unique_ptr<net::EventLoop> loop)
    : settings_(std::move(settings)),
      enrolments_(std::move(enrolments)),
      catalog_(catalog),
      loop_(std::move(loop)),
      mailbox_(*loop_),
      peers_(settings_.peers_max, random_.u64()),
      maker_(fleet::make_credential_maker(net::unix_now, random_)),
      bootstrap_(settings_.bootstrap, catalog, random_, random_, maker_.get()),
      management_(settings_.management, catalog, random_),
      recorder_(catalog, settings_.journeys_active_max),
      failure_keeper_(failures_, [this](auto work, auto done) { submit(std::move(work), std::move(done)); }),
      freezer_({.freeze = [this](PeerId id) { return freeze(id); },
                .frozen =
                    [this](PeerId id, std::uint64_t limit) {
                      if (const auto* peer = peers_.find(id)) peer->port->dtls->frozen(id, limit);
                    },
                .submit = [this](auto work, auto done) { submit_quietly(std::move(work), std::move(done)); },
                .health =
                    [](std::string_view problem) {
                      if (problem.empty()) return spdlog::info("sessions are kept again");
                      spdlog::error("sessions cannot be kept, and would end with this server: {}", problem);
                    }}),
      remotes_([this](std::function<void()> done) { mailbox_.post(std::move(done)); }) {
  recorder_.on_finished = [this](trace::Journey&& journey, Recorder::Name name) {
    keep_journey(std::move(journey), name);
  };
}

void ServerNode::keep_journey(trace::Journey journey, Recorder::Name name) {
  auto record = std::make_shared<storage::JourneyRecord>(storage::JourneyRecord{
      .endpoint = journey.endpoint, .began = journey.began, .document = trace::to_json(journey).dump()});
  record->stranger = name == Recorder::Name::claimed && !enrolments_.find(journey.endpoint);
  submit([record, kept = settings_.server.journeys_kept](
             storage::Store& store) { return store.put_journey(*record, kept); },
         {});
}

ServerNode::~ServerNode() {
  worker_.reset();
  for (const auto& port : ports_) loop_->forget(port->socket->fd());
}

std::expected<void, std::string> ServerNode::open() {
  if (auto configured = remotes_.configure(settings_.remotes); !configured) return configured;
  auto store = storage::open_sqlite(settings_.server.data, store_random_);
  if (!store) return std::unexpected(store.error().what);
  store_ = std::move(*store);

  const auto& server = settings_.server;
  const struct {
    ServerRole role;
    const std::string& text;
    bool secure;
    std::string& listening;
  } wanted[] = {
      {ServerRole::bootstrap, server.bootstrap.coap, false, listening_.bootstrap_coap},
      {ServerRole::bootstrap, server.bootstrap.coaps, true, listening_.bootstrap_coaps},
      {ServerRole::management, server.management.coap, false, listening_.management_coap},
      {ServerRole::management, server.management.coaps, true, listening_.management_coaps},
  };
  for (const auto& port : wanted) {
    if (port.text.empty()) continue;
    auto opened = open_port(port.role, port.text, port.secure);
    if (!opened) return std::unexpected(std::move(opened.error()));
    port.listening = std::move(*opened);
  }
  if (auto opened = open_stream_ports(); !opened) return opened;
  // The ports are open, and what comes waits in them until everything is back.
  if (auto thawed = thaw_sessions(); !thawed) return thawed;
  if (auto restored = restore(); !restored) return restored;
  if (auto restored = restore_observations(); !restored) return restored;
  if (auto restored = restore_failures(); !restored) return restored;
  worker_ = std::make_unique<storage::Worker>(
      *store_, [this](std::function<void()> done) { mailbox_.post(std::move(done)); });
  return {};
}

std::expected<std::string, std::string> ServerNode::open_port(ServerRole role, const std::string& text,
                                                              bool secure) {
  const auto address = Address::parse(text);
  if (!address)
    return std::unexpected("\"" + text + "\" is not an address to listen on: " + address.error().detail);
  auto socket = net::UdpSocket::bind(*address, {.receive_buffer_bytes = 4 << 20});
  if (!socket) return std::unexpected(socket.error().message());
  auto port =
      std::make_unique<Port>(Port{.role = role, .socket = std::move(*socket), .batch = {}, .dtls = nullptr});
  if (secure) {
    security::dtls::ServerConfig config;
    config.next_peer = [this] { return peers_.next(); };
    config.wall = [](TimePoint) { return net::unix_now(); };
    config.freeze_reserve = settings_.server.sessions_kept ? kFreezeReserve : 0;
    if (!settings_.server.sessions_resumed) config.resumable_bytes_max = 0;
    config.session_idle_max = settings_.server.sessions_idle;
    const auto& listen =
        role == ServerRole::bootstrap ? settings_.server.bootstrap : settings_.server.management;
    config.suites = suites_of(listen, std::move(config.suites));
    const auto& tls = listen.tls;
    if (tls) {
      config.keys = {
          .chain = tls->chain, .public_key = tls->public_key, .private_key = tls->private_key.clone()};
      config.client_authorities = tls->authorities;
    }
    if (const auto usable = security::dtls::DtlsServer::check(config); !usable)
      return std::unexpected(std::string("the keys of the ") + fleet::to_string(role) +
                             " server cannot be used: " + usable.error().detail);
    port->dtls = std::make_unique<security::dtls::DtlsServer>(std::move(config), random_);
  }
  auto* raw = port.get();
  auto watched = loop_->watch(raw->socket->fd(), net::Interest::read, [this, raw](net::Readiness ready) {
    if (ready.readable) receive(*raw);
    if (ready.writable) flush(*raw);
  });
  if (!watched) return std::unexpected(watched.error().message());
  const auto bound = raw->socket->local_address().to_string();
  spdlog::info("{} on {}", raw->name(), bound);
  ports_.push_back(std::move(port));
  return bound;
}

std::expected<void, std::string> ServerNode::restore() {
  const auto now = net::steady_now();
  const auto wall = net::unix_now();
  std::size_t count = 0;
  const auto read = store_->each_registration([&](storage::RegistrationRecord&& record) {
    const auto age = std::chrono::duration_cast<Duration>(wall - record.updated);
    const Duration lifetime = seconds(record.lifetime_s);
    if (record.lifetime_s != 0 && age >= lifetime) return;  // expired while we were away
    management::Registration registration;
    registration.endpoint = record.endpoint;
    registration.location = record.location;
    registration.enabler = record.enabler;
    registration.lifetime = seconds(record.lifetime_s);
    registration.binding = record.binding;
    registration.queue_mode = record.queue_mode;
    registration.sms = record.sms;
    registration.links = record.links;
    registration.alternate_path = record.alternate_path;
    registration.peer = session_of(record);
    const auto* peer = peers_.find(registration.peer);
    registration.address = peer != nullptr ? peer->address : record.address;
    registration.security = record.security;
    registration.registered = record.registered;
    registration.updated = record.updated;
    management_.restore(now, registration, lifetime - std::max(age, Duration::zero()));
    ++count;
  });
  if (!read) return std::unexpected(read.error().what);
  if (count != 0) spdlog::info("{} registrations restored", count);
  return {};
}

/// What is observed goes on: it is asked for again when its device speaks next.
std::expected<void, std::string> ServerNode::restore_observations() {
  std::vector<std::pair<std::string, Path>> orphans;
  const auto read = store_->each_observation([&](std::string_view endpoint, const Path& path) {
    if (const auto id = management_.restore_observation(endpoint, path))
      observations_[{std::string(endpoint), path}] = *id;
    else
      orphans.emplace_back(endpoint, path);  // its registration is over
  });
  if (!read) return std::unexpected(read.error().what);
  for (const auto& [endpoint, path] : orphans)
    if (auto removed = store_->remove_observation(endpoint, path); !removed)
      return std::unexpected(removed.error().what);
  if (!observations_.empty()) spdlog::info("{} observations restored", observations_.size());
  return {};
}

/// So that who asks why a device is not there is told also after a restart.
std::expected<void, std::string> ServerNode::restore_failures() {
  const auto unreadable = failure_keeper_.restore(*store_);
  if (!unreadable) return std::unexpected(unreadable.error().what);
  if (*unreadable != 0)
    spdlog::warn("{} failed handshakes of an earlier start cannot be read, and are not shown", *unreadable);
  return {};
}

void ServerNode::keep_observation(std::string_view endpoint, const Path& path) {
  auto name = std::make_shared<std::string>(endpoint);
  submit([name, path](storage::Store& store) { return store.put_observation(*name, path); }, {});
}

void ServerNode::forget_observation(std::string_view endpoint, const Path& path) {
  auto name = std::make_shared<std::string>(endpoint);
  submit([name, path](storage::Store& store) { return store.remove_observation(*name, path); }, {});
}

void ServerNode::run() {
  say_thawed();
  loop_->run({.next_deadline = [this] { return next_deadline(); },
              .deadline_reached = [this](TimePoint now) { deadline_reached(now); },
              .turn_ended =
                  [this] {
                    mailbox_.deliver();
                    const auto now = net::steady_now();
                    drain_engines(now);
                    freezer_.turn(now);
                    failure_keeper_.turn(now);
                    for (const auto& port : ports_) flush(*port);
                  }});
  failure_keeper_.finish();
  freeze_all();
}

std::expected<void, std::string> ServerNode::reconfigure(fleet::Enrolments enrolments,
                                                         const std::vector<fleet::Remote>& remotes) {
  if (auto configured = remotes_.configure(remotes); !configured) return configured;
  enrolments_ = std::move(enrolments);
  return {};
}

bool ServerNode::post(std::function<void()> work) {
  return loop_->post(std::move(work));
}

std::optional<TimePoint> ServerNode::next_deadline() const {
  std::optional<TimePoint> next;
  const auto earlier = [&](std::optional<TimePoint> candidate) {
    if (candidate && (!next || *candidate < *next)) next = candidate;
  };
  earlier(bootstrap_.next_timeout());
  earlier(management_.next_timeout());
  earlier(freezer_.next_timeout());
  earlier(failure_keeper_.next_timeout());
  for (const auto& port : ports_)
    if (port->dtls) earlier(port->dtls->next_timeout());
  for (const auto& port : stream_ports_) earlier(port->streams->next_timeout());
  return next;
}

void ServerNode::deadline_reached(TimePoint now) {
  bootstrap_.handle_timeout(now);
  management_.handle_timeout(now);
  for (const auto& port : ports_)
    if (port->dtls) {
      port->dtls->handle_timeout(now);
      drain_dtls(now, *port);
    }
  for (const auto& port : stream_ports_) port->streams->handle_timeout(now);
}

void ServerNode::submit(storage::Worker::Work work, storage::Worker::Done done) {
  submit_quietly(std::move(work), [this, done = std::move(done)](storage::StoreResult<void> outcome) {
    if (!outcome) {
      ++store_failures_;
      spdlog::error("store: {}", outcome.error().what);
    }
    if (done) done(std::move(outcome));
  });
}

void ServerNode::submit_quietly(storage::Worker::Work work, const storage::Worker::Done& done) {
  if (worker_->submit(std::move(work), done) == storage::Worker::Submitted::full)
    done(std::unexpected(
        storage::StoreError{storage::StoreError::Kind::unavailable, "the store has too much waiting"}));
}

std::expected<std::unique_ptr<Node>, std::string> Node::create(Settings settings,
                                                               fleet::Enrolments enrolments,
                                                               const ObjectCatalog& catalog) {
  auto loop = net::EventLoop::create();
  if (!loop) return std::unexpected(loop.error().message());
  auto node =
      std::make_unique<ServerNode>(std::move(settings), std::move(enrolments), catalog, std::move(*loop));
  if (auto opened = node->open(); !opened) return std::unexpected(std::move(opened.error()));
  return node;
}

}  // namespace slipway::node

// SPDX-License-Identifier: Apache-2.0
#include "sim/device.hpp"

#include <algorithm>

#include <slipway/base/uri.hpp>
#include <slipway/model/definition.hpp>

namespace slipway::sim {

namespace dtls = security::dtls;
using client::ConnectFailure;
using fleet::ServerRole;

namespace {

constexpr ObjectId kSecurity{0};
constexpr ObjectId kServer{1};

/// MAX_TRANSMIT_WAIT: so long a server may be silent between two messages. [RFC 7252 §4.8.2]
constexpr Duration kServerRepeats = seconds(93);

Path security(InstanceId instance, std::uint16_t resource) {
  return {kSecurity, instance, ResourceId(resource)};
}

std::optional<std::uint8_t> code_of(const std::optional<dtls::Alert>& alert) {
  if (!alert) return std::nullopt;
  return static_cast<std::uint8_t>(*alert);
}

ConnectFailure failure_of(const dtls::HandshakeFailure& failure) {
  if (failure.reason == dtls::FailureReason::timeout) return ConnectFailure::handshake_timeout;
  if (failure.alert && dtls::alert_class(*failure.alert) == dtls::AlertClass::fail)
    return ConnectFailure::alert_fail;
  return ConnectFailure::alert_retry;
}

}  // namespace

SimDevice::SimDevice(Timeline& timeline, Network& network, Random& random, Journal& journal, Birth birth,
                     DeviceHabits habits)
    : timeline_(timeline),
      network_(network),
      random_(random),
      journal_(journal),
      birth_(std::move(birth)),
      habits_(habits) {}

// --- Power ----------------------------------------------------------------------------------------------

void SimDevice::boot() {
  ++life_;
  asleep_ = false;
  body_ = std::make_unique<Body>();
  declare();
  load();
  body_->client = std::make_unique<client::Client>(
      client::ClientConfig{.endpoint = birth_.endpoint, .bootstrap_pack = birth_.pack}, body_->model,
      random_);
  // What was kept is gone from the flash memory before anything is sent.
  auto kept = std::exchange(sleep_, std::nullopt);
  frozen_ = kept ? std::move(kept->sessions) : std::map<ShortServerId, Frozen>{};
  // Not every board has a clock that goes on without power.
  const auto wall = happens(random_, 70) ? std::optional(timeline_.wall()) : std::nullopt;
  body_->client->start(timeline_.now(), wall, kept ? kept->client.reveal() : ByteView{});
  keep_reading();
  turn();
}

void SimDevice::declare() {
  auto& model = body_->model;
  body_->thermometer = std::make_unique<examples::Thermometer>(
      model, examples::ThermometerBoard{.reboot = [this] { ++reboots_asked_; }});
  auto& probe = model.object(kProbe).instance(InstanceId(0));
  probe.resource<void>(kProbeExecute.resource()).executes([this](std::string_view arguments) {
    ++executed_[std::string(arguments)];
  });
  probe.resource<std::int64_t>(kProbeReading.resource()).reads([this] {
    last_reading_ = std::max(last_reading_ + 1, timeline_.now().time_since_epoch().count());
    return last_reading_;
  });
  const auto verified = model.verify();
  if (!verified) journal_.violated(verified.error());
}

void SimDevice::load() {
  auto& model = body_->model;
  const std::string uri = "coaps://192.0.2.1:5784";
  const std::array entries{
      Entry{.path = security(InstanceId(0), 0), .value = Value::string(uri)},
      Entry{.path = security(InstanceId(0), 1), .value = Value::boolean(true)},
      Entry{.path = security(InstanceId(0), 2), .value = Value::integer(0)},
      Entry{.path = security(InstanceId(0), 3), .value = Value::opaque(birth_.identity)},
      Entry{.path = security(InstanceId(0), 4), .value = Value::opaque({})},
      Entry{.path = security(InstanceId(0), 5), .value = Value::opaque(birth_.key)},
      Entry{.path = security(InstanceId(0), 11), .value = Value::integer(0)},
  };
  if (const auto loaded = model.load_factory(entries); !loaded) journal_.violated(loaded.error());
  if (!flash_) return;
  const auto loaded = model.load(*flash_);
  journal_.require(loaded.has_value(), "a durable snapshot can be loaded");
}

void SimDevice::fall_asleep() {
  if (asleep_) return;
  journal_.note("the device falls asleep");
  turn();
  auto hibernation = body_->client->hibernate(timeline_.now());
  asleep_ = true;
  turn();
  Sleep sleep{.client = std::move(hibernation.bytes), .sessions = std::move(frozen_)};
  for (const auto& [peer, server] : hibernation.sessions) {
    auto& session = *body_->sessions.at(peer);
    auto frozen = session.has_cid ? session.dtls->freeze() : Result<Secret>(fail(ErrorCode::unsupported, ""));
    journal_.require(frozen.has_value(), "a session with a Connection ID can be frozen");
    if (frozen) sleep.sessions[server] = {.key = session.key, .session = std::move(*frozen)};
  }
  frozen_.clear();
  for (const auto& [peer, session] : body_->sessions) network_.close(session->local);
  body_->sessions.clear();
  if (!writing_.empty() && happens(random_, 50)) written(writing_.front());
  writing_.clear();
  flash_busy_until_ = timeline_.now();
  sleep_ = std::move(sleep);
  ++life_;
}

void SimDevice::lose_power() {
  journal_.note("the device loses its power");
  for (const auto& [peer, session] : body_->sessions) network_.close(session->local);
  if (!writing_.empty() && happens(random_, 50)) written(writing_.front());
  writing_.clear();
  flash_busy_until_ = timeline_.now();
  ++life_;
  body_.reset();
}

void SimDevice::shut_down() {
  stopped_ = true;
  body_->client->shut_down(timeline_.now());
  turn();
}

void SimDevice::keep_reading() {
  timeline_.after(habits_.reading_every, [this, life = life_] {
    if (life != life_ || stopped_) return;
    body_->thermometer->tick(timeline_.now().time_since_epoch());
    body_->client->changed(timeline_.now(), kProbeReading);
    keep_reading();
    turn();
  });
}

// --- The runner's part ------------------------------------------------------------------------------------

void SimDevice::handle_timeout(TimePoint now) {
  if (!body_ || asleep_) return;
  body_->client->handle_timeout(now);
  std::vector<PeerId> peers;
  for (const auto& [peer, session] : body_->sessions) peers.push_back(peer);
  for (const auto peer : peers)
    if (const auto found = body_->sessions.find(peer); found != body_->sessions.end()) {
      found->second->dtls->handle_timeout(now);
      drain(peer, *found->second);
    }
  turn();
}

std::optional<TimePoint> SimDevice::next_timeout() const {
  if (!body_ || asleep_) return std::nullopt;
  auto next = body_->client->next_timeout();
  for (const auto& [peer, session] : body_->sessions)
    if (const auto at = session->dtls->next_timeout(); at && (!next || *at < *next)) next = at;
  return next;
}

void SimDevice::turn() {
  auto& body = *body_;
  for (bool busy = true; busy;) {
    busy = false;
    while (const auto event = body.client->poll_event()) {
      busy = true;
      std::visit([&](const auto& e) { on(e); }, *event);
    }
    while (const auto out = body.client->poll_transmit()) {
      busy = true;
      const auto found = body.sessions.find(out->peer);
      if (found == body.sessions.end()) continue;
      auto& session = *found->second;
      if (!session.dtls->send(timeline_.now(), out->bytes)) continue;
      const auto fate = flush(session);
      journal_.message(session.role, trace::Direction::up, out->bytes, fate);
    }
  }
  // DTLS's own events came before: what is in `ended` is on no stack here, unless a session drains.
  journal_.require(body.client->next_timeout().has_value() || body.client->state() == client::State::idle,
                   "a device always has a next attempt");
  if (!stopped_ && !asleep_)
    journal_.require(body.client->state() != client::State::idle, "a device never gives up");
}

Fate SimDevice::flush(Session& session) {
  Fate fate{};
  while (const auto out = session.dtls->poll_transmit()) {
    check_nonce(*out);
    fate = network_.send(session.local, session.remote, *out);
  }
  return fate;
}

/// The number of a record with a Connection ID is its nonce, and the Connection ID stands for its key.
/// [RFC 9146 §4]
void SimDevice::check_nonce(ByteView datagram) {
  constexpr std::uint8_t kRecordWithCid = 25;
  constexpr std::size_t kNumberAt = 3, kCidSize = 6;
  constexpr std::size_t kSize = 8 + kCidSize;
  if (datagram.size() < kNumberAt + kSize || datagram[0] != kRecordWithCid) return;
  const auto number = datagram.subspan(kNumberAt, kSize);
  journal_.require(nonces_.emplace(number.begin(), number.end()).second, "no nonce is used twice");
}

void SimDevice::open_socket(PeerId peer, Session& session) {
  session.local = Address::v4(198, 51, 100, 7, ++last_port_);
  network_.open(session.local, [this, peer, life = life_](const Address& from, ByteView datagram) {
    if (life != life_) return;
    const auto found = body_->sessions.find(peer);
    if (found == body_->sessions.end() || from != found->second->remote) return;
    found->second->dtls->handle_datagram(timeline_.now(), datagram);
    drain(peer, *found->second);
    turn();
    body_->ended.clear();
  });
}

void SimDevice::move() {
  journal_.note("the device's address changes");
  for (auto& [peer, session] : body_->sessions) {
    network_.close(session->local);
    open_socket(peer, *session);
  }
}

void SimDevice::drop(PeerId peer) {
  const auto found = body_->sessions.find(peer);
  if (found == body_->sessions.end()) return;
  network_.close(found->second->local);
  body_->ended.push_back(std::move(found->second));
  body_->sessions.erase(found);
}

void SimDevice::drain(PeerId peer, Session& session) {
  const auto now = timeline_.now();
  auto& client = *body_->client;
  while (const auto event = session.dtls->poll_event()) {
    if (std::holds_alternative<dtls::Connected>(*event)) {
      if (peer == body_->bootstrap_peer) body_->before = snapshot();
      session.has_cid = std::get<dtls::Connected>(*event).has_cid;
      client.connected(now, peer);
    } else if (const auto* datagram = std::get_if<dtls::ClientDatagramReceived>(&*event)) {
      const auto header = coap::peek_header(datagram->plaintext);
      if (peer == body_->bootstrap_peer && header && coap::is_request(header->code)) body_->commanded = now;
      client.handle_datagram(now, peer, datagram->plaintext);
    } else if (const auto* warned = std::get_if<dtls::AlertReceived>(&*event)) {
      client.alert_received(now, peer, static_cast<std::uint8_t>(warned->alert));
    } else if (const auto* failed = std::get_if<dtls::ConnectFailed>(&*event)) {
      const auto& failure = failed->failure;
      flush(session);
      drop(peer);
      journal_.note(std::string("device: handshake failed, ") + dtls::to_string(failure.reason));
      client.connect_failed(now, peer, failure_of(failure),
                            failure.refused_by == dtls::Side::peer ? code_of(failure.alert) : std::nullopt);
      return;
    } else if (const auto* ended = std::get_if<dtls::ClientSessionEnded>(&*event)) {
      flush(session);
      drop(peer);
      client.connection_lost(
          now, peer, ended->reason == dtls::SessionEnd::ended_here ? std::nullopt : code_of(ended->alert));
      return;
    }
    turn();
    if (!body_->sessions.contains(peer)) return;
  }
  flush(session);
}

// --- What the client wants
// ----------------------------------------------------------------------------------

void SimDevice::on(const client::ConnectWanted& event) {
  const auto uri = parse_uri(event.uri);
  const auto remote = uri ? Address::parse(std::string(uri->host) + ":" + std::to_string(uri->port))
                          : Result<Address>(fail(ErrorCode::malformed, ""));
  if (!remote) return journal_.violated("an account with a useless URI: " + std::string(event.uri));
  auto session = std::make_unique<Session>();
  session->remote = *remote;
  session->role = event.server.value() == 0 ? ServerRole::bootstrap : ServerRole::management;
  session->dtls = std::make_unique<dtls::DtlsClient>(
      dtls::ClientConfig{
          .credential = dtls::PskCredential{*dtls::PskIdentity::from(event.identity), Secret(event.key)}},
      random_);
  if (session->role == ServerRole::bootstrap) body_->bootstrap_peer = event.peer;
  session->server = event.server;
  session->key.assign(event.key.begin(), event.key.end());
  auto& opened = *session;
  body_->sessions.insert_or_assign(event.peer, std::move(session));
  open_socket(event.peer, opened);
  if (const auto frozen = frozen_.extract(event.server); frozen && frozen.mapped().key == opened.key) {
    journal_.note("device: goes on with a session of before its sleep");
    ++sessions_kept_;
    opened.has_cid = true;
    journal_.require(opened.dtls->thaw(frozen.mapped().session.reveal()).has_value(),
                     "a frozen session can be thawed");
    return body_->client->connected(timeline_.now(), event.peer, client::SessionKind::kept);
  }
  journal_.note("device: connecting to the " + std::string(fleet::to_string(opened.role)) + " server");
  journal_.require(opened.dtls->start(timeline_.now()).has_value(), "an account's key can be used");
  flush(opened);
}

void SimDevice::on(const client::DisconnectWanted& event) {
  if (const auto found = body_->sessions.find(event.peer); found != body_->sessions.end()) {
    found->second->dtls->end(timeline_.now());
    flush(*found->second);
  }
  drop(event.peer);
}

void SimDevice::on(const client::PersistWanted& event) {
  const auto now = timeline_.now();
  writing_.emplace_back(event.snapshot.begin(), event.snapshot.end());
  flash_busy_until_ =
      std::max(flash_busy_until_, now) + between(random_, habits_.flash_min, habits_.flash_max);
  timeline_.after(flash_busy_until_ - now, [this, id = event.id, life = life_] {
    if (life != life_) return;
    const auto bytes = std::move(writing_.front());
    writing_.pop_front();
    const bool failed = happens(random_, habits_.flash_failure_percent);
    if (failed)
      journal_.note("device: its flash memory fails");
    else
      written(bytes);
    body_->client->persisted(timeline_.now(), id,
                             failed ? client::Client::Persisted::failed : client::Client::Persisted::durable);
    turn();
  });
}

void SimDevice::written(const Bytes& bytes) {
  flash_ = bytes;
  client::Model model;
  const examples::Thermometer thermometer(model, {});
  const auto loaded = model.load(bytes);
  journal_.require(loaded.has_value(), "a durable snapshot can be loaded");
  if (loaded) check_accounts(model.tree());
}

/// A state that survives is whole: a key for every server, accepted by it.
void SimDevice::check_accounts(const client::Tree& tree) {
  std::set<std::int64_t> accounts, servers;
  std::size_t bootstrap_accounts = 0;
  for (const Path& instance : client::instances(tree, kSecurity)) {
    const auto at = [&](std::uint16_t resource) { return security(instance.instance(), resource); };
    if (tree.boolean(at(1)).value_or(false)) {
      ++bootstrap_accounts;
      check_key(tree, ServerRole::bootstrap, instance.instance());
      continue;
    }
    accounts.insert(tree.integer(at(10)).value_or(0));
    check_key(tree, ServerRole::management, instance.instance());
  }
  for (const Path& instance : client::instances(tree, kServer))
    servers.insert(tree.integer({kServer, instance.instance(), ResourceId(0)}).value_or(0));
  journal_.require(bootstrap_accounts == 1, "a device keeps its bootstrap account");
  journal_.require(accounts == servers, "a kept state has a key for every server and a server for every key");
}

void SimDevice::check_key(const client::Tree& tree, ServerRole role, InstanceId instance) {
  const auto key = tree.opaque(security(instance, 5));
  keys_.insert(Bytes(key.begin(), key.end()));
  journal_.require(is_accepted(role, tree.opaque(security(instance, 3)), key),
                   role == ServerRole::bootstrap
                       ? "the bootstrap server accepts the key that a device keeps"
                       : "the management server accepts the key that a device keeps");
}

Bytes SimDevice::identity(ServerRole role) const {
  for (const Path& instance : client::instances(tree(), kSecurity)) {
    const bool bootstrap = tree().boolean(security(instance.instance(), 1)).value_or(false);
    if (bootstrap != (role == ServerRole::bootstrap)) continue;
    const auto identity = tree().opaque(security(instance.instance(), 3));
    return {identity.begin(), identity.end()};
  }
  return {};
}

std::optional<Path> SimDevice::server_instance() const {
  for (const Path& instance : client::instances(tree(), kServer)) return instance;
  return std::nullopt;
}

Bytes SimDevice::snapshot() const {
  auto taken = body_->model.snapshot();
  journal_.require(taken.has_value(), "the state can be taken at any time");
  return taken ? std::move(*taken) : Bytes();
}

void SimDevice::on(const client::BootstrapStarted&) {
  body_->commanded.reset();  // what came late for the session before does not count
  journal_.note("device: bootstrap started");
}

void SimDevice::on(const client::BootstrapPackFailed& event) {
  journal_.note("device: no pack: " + std::string(event.reason));
}

void SimDevice::on(const client::BootstrapEnded& event) {
  journal_.note(std::string("device: bootstrap ") + client::to_string(event.end) + " " +
                std::string(event.reason));
  const bool succeeded = event.end == client::BootstrapEnd::succeeded;
  ++(succeeded ? bootstraps_succeeded_ : bootstraps_failed_);
  if (succeeded) {
    journal_.require(flash_ && snapshot() == *flash_, "a bootstrap succeeds with the state that is durable");
    check_accounts(tree());
  } else if (body_->before) {
    journal_.require(snapshot() == *body_->before, "a bootstrap that fails leaves the old state");
  }
  const bool gave_up = event.end == client::BootstrapEnd::timeout && body_->commanded &&
                       timeline_.now() - *body_->commanded < kServerRepeats;
  journal_.require(!gave_up, "a device does not give up a bootstrap that goes on");
  body_->before.reset();
  body_->commanded.reset();
}

void SimDevice::on(const client::RegisteredWith&) {
  body_->registered = true;
  journal_.note("device: registered");
}
void SimDevice::on(const client::RegistrationUpdated&) {
  if (!std::exchange(body_->registered, true)) ++registrations_kept_;
}
void SimDevice::on(const client::RegistrationFailed& event) {
  journal_.note("device: registration failed, " + std::string(event.reason));
}
void SimDevice::on(const client::DeregisteredFrom&) {
  journal_.note("device: de-registered");
}

void SimDevice::on(const client::FactoryResetEnded& event) {
  journal_.note(std::string("device: factory reset, ") + client::to_string(event.end));
}
void SimDevice::on(const client::Stuck&) {
  journal_.require(false, "a device always knows a server");
}

fleet::Credential SimDevice::factory_credential() const {
  fleet::Credential credential;
  credential.endpoint = birth_.endpoint;
  credential.identity = birth_.identity;
  credential.key = Secret(birth_.key);
  return credential;
}

std::string SimDevice::leftovers() const {
  std::string left;
  if (body_->client->next_timeout()) left += "a timeout of the device; ";
  if (!body_->sessions.empty()) left += "sessions of the device; ";
  return left;
}

unsigned SimDevice::executed(const std::string& arguments) const {
  const auto found = executed_.find(arguments);
  return found == executed_.end() ? 0 : found->second;
}

}  // namespace slipway::sim

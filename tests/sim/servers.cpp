// SPDX-License-Identifier: Apache-2.0
#include "sim/servers.hpp"

#include <algorithm>

#include <slipway/model/definition.hpp>

namespace slipway::sim {

namespace dtls = security::dtls;
using fleet::Credential;
using fleet::ServerRole;

namespace {

storage::RegistrationRecord record_of(const management::Registration& registration) {
  return {.endpoint = std::string(registration.endpoint),
          .location = std::string(registration.location),
          .enabler = registration.enabler,
          .lifetime_s = registration.lifetime.count(),
          .binding = std::string(registration.binding),
          .queue_mode = registration.queue_mode,
          .sms = std::string(registration.sms),
          .links = std::string(registration.links),
          .alternate_path = std::string(registration.alternate_path),
          .security = registration.security,
          .address = registration.address,
          .registered = registration.registered,
          .updated = registration.updated,
          .session = registration.peer.value()};
}

management::Registration registration_of(const storage::RegistrationRecord& record) {
  return {.endpoint = record.endpoint,
          .location = record.location,
          .enabler = record.enabler,
          .lifetime = seconds(record.lifetime_s),
          .binding = record.binding,
          .queue_mode = record.queue_mode,
          .sms = record.sms,
          .links = record.links,
          .alternate_path = record.alternate_path,
          .peer = {},
          .address = record.address,
          .security = record.security,
          .registered = record.registered,
          .updated = record.updated};
}

/// Small, so that sessions are frozen often, and run into its end.
constexpr std::uint32_t kReserve = 8;
/// Until a write that failed is tried again.
constexpr Duration kFreezeRetry = seconds(2);

bool contains(ByteView haystack, ByteView needle) {
  return !std::ranges::search(haystack, needle).empty();
}

}  // namespace

SimServers::SimServers(Timeline& timeline, Network& network, Random& random, Journal& journal,
                       SimStore& store, std::shared_ptr<const fleet::Plan> plan, std::uint64_t key_seed,
                       Site site)
    : timeline_(timeline),
      network_(network),
      random_(random),
      journal_(journal),
      store_(store),
      site_(std::move(site)),
      plan_(std::move(plan)),
      key_random_(key_seed) {
  boot();
}

void SimServers::boot() {
  bootstrap_ =
      std::make_unique<bootstrap::Server>(bootstrap::ServerConfig{}, builtin_objects(), random_, key_random_);
  management_ = std::make_unique<management::Server>(management::ServerConfig{}, builtin_objects(), random_);
  durable_life_ = store_.begin_life();
  std::vector<std::pair<ServerRole, Address>> wanted{{ServerRole::management, site_.management}};
  if (site_.bootstrap) wanted.emplace_back(ServerRole::bootstrap, *site_.bootstrap);
  for (const auto& [role, address] : wanted) {
    dtls::ServerConfig config;
    config.next_peer = [this] { return PeerId(++last_peer_); };
    config.freeze_reserve = kReserve;
    config.session_idle_max = std::chrono::hours(48);  // a run does not last a month
    ports_.push_back(
        std::make_unique<Port>(Port{.role = role,
                                    .address = address,
                                    .dtls = std::make_unique<dtls::DtlsServer>(std::move(config), random_)}));
    auto* port = ports_.back().get();
    network_.open(address, [this, port](const Address& from, ByteView datagram) {
      port->dtls->handle_datagram(timeline_.now(), from, datagram);
      drain(*port);
    });
  }
  thaw_sessions();
  restore_registrations();
}

void SimServers::thaw_sessions() {
  for (const auto& [whose, session] : store_.sessions()) {
    const auto port = std::ranges::find(ports_, session.role, [](const auto& one) { return one->role; });
    const auto* credential = store_.durable(session.role, session.identity);
    journal_.require(credential != nullptr && credential->state != fleet::CredentialState::retired &&
                         !store_.has_revoked(session.identity),
                     "no session comes back whose credential was revoked or retired");
    const PeerId id(session.id);
    const auto thawed = (*port)->dtls->thaw(timeline_.now(), id, session.address, session.identity_mark,
                                            session.frozen.reveal(), durable_life_ - session.life);
    journal_.require(thawed.has_value(), "what was kept of a session thaws");
    peers_[id] = {.port = port->get(),
                  .endpoint = credential->endpoint,
                  .identity = session.identity,
                  .address = session.address,
                  .server = credential->server};
    ++thawed_;
    journal_.note(std::string(fleet::to_string(session.role)) + " server: the session with " +
                  session.address.to_string() + " goes on");
  }
}

/// Never within the events of the engine: a session that is new is told of after it wants to be frozen.
void SimServers::freeze_after(Duration delay, Port& port, PeerId id) {
  timeline_.after(delay, [this, &port, id, life = life_] {
    if (life == life_) freeze(port, id);
  });
}

void SimServers::freeze(Port& port, PeerId id) {
  const auto peer = peers_.find(id);
  if (peer == peers_.end()) return;
  auto frozen = port.dtls->freeze(id);
  if (!frozen) return;
  storage::SessionRecord session{.id = id.value(),
                                 .role = port.role,
                                 .identity = peer->second.identity,
                                 .address = frozen->address,
                                 .identity_mark = frozen->identity_mark,
                                 .life = durable_life_,
                                 .frozen = std::move(frozen->bytes)};
  store_.put_session(std::move(session), [this, &port, id, limit = frozen->limit](Written written) {
    if (written == Written::durable) return port.dtls->frozen(id, limit);
    freeze_after(kFreezeRetry, port, id);
  });
}

/// What follows the sequence number of a record is sealed under it. [RFC 6347 §4.1.2.1]
void SimServers::check_nonces(PeerId peer, ByteView datagram) {
  constexpr std::uint8_t kCidRecord = 25;
  ByteReader reader(datagram);
  while (reader.remaining() >= 13) {
    const auto record = reader.rest();
    const auto type = *reader.u8();
    (void)reader.u16();
    const auto epoch = *reader.u16();
    const auto sequence = *reader.unsigned_of(6);
    // The length stands behind a Connection ID whose size only the device knows; such a record is the last.
    const auto size = type == kCidRecord ? record.size() : 13u + *reader.u16();
    if (epoch != 0) {
      const auto bytes = record.first(std::min<std::size_t>(size, record.size()));
      const auto [known, fresh] = sealed_.try_emplace({peer, sequence}, bytes.begin(), bytes.end());
      journal_.require(fresh || equal(known->second, bytes), "no nonce is used twice");
    }
    if (size >= record.size()) return;
    reader = ByteReader(record.subspan(size));
  }
}

void SimServers::restore_registrations() {
  for (const auto& [endpoint, record] : store_.registrations()) {
    const auto age = std::chrono::duration_cast<Duration>(timeline_.wall() - record.updated);
    const Duration lifetime = seconds(record.lifetime_s);
    if (record.lifetime_s != 0 && age >= lifetime) continue;
    auto registration = registration_of(record);
    const auto peer = peers_.find(PeerId(record.session));
    if (peer != peers_.end() && peer->second.endpoint == endpoint) registration.peer = peer->first;
    management_->restore(timeline_.now(), registration, lifetime - age);
  }
}

void SimServers::restart() {
  journal_.note("the servers restart (" + site_.name + ")");
  store_.crash();
  for (const auto& port : ports_) network_.close(port->address);
  ports_.clear();
  peers_.clear();
  claimed_.clear();
  keys_of_session_.clear();
  started_.clear();
  plans_.clear();
  ++life_;
  boot();
  if (watch.restarted) watch.restarted();
}

void SimServers::handle_timeout(TimePoint now) {
  bootstrap_->handle_timeout(now);
  management_->handle_timeout(now);
  for (const auto& port : ports_) {
    port->dtls->handle_timeout(now);
    drain(*port);
  }
}

std::optional<TimePoint> SimServers::next_timeout() const {
  std::optional<TimePoint> next;
  const auto earlier = [&](std::optional<TimePoint> candidate) {
    if (candidate && (!next || *candidate < *next)) next = candidate;
  };
  earlier(bootstrap_->next_timeout());
  earlier(management_->next_timeout());
  for (const auto& port : ports_) earlier(port->dtls->next_timeout());
  return next;
}

void SimServers::turn() {
  for (bool busy = true; busy;) {
    busy = false;
    while (const auto event = bootstrap_->poll_event()) {
      busy = true;
      std::visit([&](const auto& e) { on(e); }, *event);
    }
    while (const auto event = management_->poll_event()) {
      busy = true;
      std::visit([&](const auto& e) { on(e); }, *event);
    }
    while (const auto out = bootstrap_->poll_transmit()) transmit(*out);
    while (const auto out = management_->poll_transmit()) transmit(*out);
  }
  std::map<std::string, unsigned> registered;
  management_->list(
      "", 1000,
      [](void* all, const management::Registration& registration) {
        ++(*static_cast<std::map<std::string, unsigned>*>(all))[std::string(registration.endpoint)];
      },
      &registered);
  for (const auto& [endpoint, count] : registered)
    journal_.require(count == 1, "an endpoint has at most one registration");
}

// --- DTLS ---------------------------------------------------------------------------------------------

void SimServers::drain(Port& port) {
  while (const auto event = port.dtls->poll_event())
    std::visit([&](const auto& e) { on_dtls(port, e); }, *event);
  Fate fate{};
  flush(port, fate);
}

void SimServers::flush(Port& port, Fate& fate) {
  while (const auto out = port.dtls->poll_transmit()) {
    if (out->peer != PeerId{}) check_nonces(out->peer, out->bytes);
    fate = network_.send(port.address, out->to, out->bytes);
  }
}

void SimServers::on_dtls(Port& port, const dtls::CredentialWanted& event) {
  Bytes identity(event.psk_identity.begin(), event.psk_identity.end());
  store_.find_credential(
      port.role, std::move(identity),
      [this, &port, lookup = event.lookup, peer = event.peer](std::optional<Credential> found) {
        if (found) claimed_[peer] = {found->endpoint, found->server};
        port.dtls->credential(timeline_.now(), lookup,
                              found ? std::optional(std::move(found->key)) : std::nullopt);
        drain(port);
      });
}

void SimServers::on_dtls(Port& port, const dtls::SessionEstablished& event) {
  const auto identity = std::get<dtls::PskIdentity>(event.identity).bytes();
  peers_[event.peer] = {.port = &port,
                        .endpoint = claimed_[event.peer].endpoint,
                        .identity = Bytes(identity.begin(), identity.end()),
                        .address = event.address,
                        .server = claimed_[event.peer].server};
  claimed_.erase(event.peer);
  journal_.note(std::string(fleet::to_string(port.role)) + " server: session with " +
                event.address.to_string());
  store_.prove_credential(port.role, peers_[event.peer].identity);
}

void SimServers::on_dtls(Port&, const dtls::DatagramReceived& event) {
  if (const auto peer = peers_.find(event.peer); peer != peers_.end())
    deliver(event.peer, peer->second, event.plaintext);
}

void SimServers::on_dtls(Port&, const dtls::PeerMoved& event) {
  if (const auto peer = peers_.find(event.peer); peer != peers_.end()) peer->second.address = event.to;
  journal_.note("the device goes on from " + event.to.to_string());
}

void SimServers::on_dtls(Port&, const dtls::SessionEnded& event) {
  bootstrap_->peer_gone(timeline_.now(), event.peer);
  management_->peer_gone(timeline_.now(), event.peer);
  turn();
  peers_.erase(event.peer);
  store_.remove_session(event.peer.value());
}

void SimServers::on_dtls(Port& port, const dtls::HandshakeFailed& event) {
  claimed_.erase(event.peer);
  journal_.note(std::string(fleet::to_string(port.role)) + " server: handshake failed, " +
                dtls::to_string(event.failure.reason));
  if (!event.identity) return;
  // Keys are accepted before a device has them, and none is retired before its successor is in use.
  const auto identity = std::get<dtls::PskIdentity>(*event.identity).bytes();
  if (store_.has_dropped(identity) || store_.has_revoked(identity)) return;
  // A datagram of a handshake may be so late that the device has proved a newer key meanwhile. What it has
  // now is looked at whenever it connects (World::is_accepted).
  const auto* credential = store_.durable(port.role, identity);
  if (credential != nullptr && credential->state == fleet::CredentialState::retired) return;
  journal_.require(event.failure.reason != dtls::FailureReason::unknown_identity,
                   "the servers accept every key that a device has");
  if (event.failure.reason != dtls::FailureReason::wrong_key) return;
  // A late repetition of one handshake's end may fall into the beginning of another: then the keys are equal.
  journal_.require(credential != nullptr && device_has_key(credential->key.reveal()),
                   "the servers know every key as the device does");
}

void SimServers::deliver(PeerId id, const Peer& peer, ByteView datagram) {
  const PeerContext context{
      .id = id, .security = SecurityMode::psk, .endpoint = peer.endpoint, .address = peer.address};
  if (peer.port->role == ServerRole::bootstrap)
    bootstrap_->handle_datagram(timeline_.now(), context, datagram);
  else
    management_->handle_datagram(timeline_.now(), timeline_.wall(), context, datagram);
  turn();
}

void SimServers::transmit(const coap::Transmit& transmit) {
  const auto peer = peers_.find(transmit.peer);
  if (peer == peers_.end()) return;
  check_secrets(transmit.bytes);
  auto& port = *peer->second.port;
  if (!port.dtls->send(timeline_.now(), transmit.peer, transmit.bytes)) return;
  Fate fate{};
  flush(port, fate);
  journal_.message(port.role, trace::Direction::down, transmit.bytes, fate);
}

void SimServers::check_secrets(ByteView plaintext) {
  for (const auto& key : minted_)
    if (contains(plaintext, key))
      journal_.require(store_.was_durable(key) || was_durable_elsewhere(key),
                       "no key leaves before it is durable and accepted");
}

// --- Bootstrap server -----------------------------------------------------------------------------------

void SimServers::on(const bootstrap::EnrolmentWanted& event) {
  plans_[event.session] = plan_;
  const auto peer = peers_.find(event.peer.id);
  if (peer == peers_.end()) return;
  // A secure session may outlive its credential: nothing new begins with a retired one.
  store_.is_alive(ServerRole::bootstrap, peer->second.identity, [this, session = event.session](bool alive) {
    const auto plan = plans_.find(session);
    if (plan == plans_.end()) return;
    if (alive)
      bootstrap_->enrolment(timeline_.now(), session, plan->second);
    else
      bootstrap_->refuse(timeline_.now(), session, {coap::Code::bad_request, "its credential is retired"});
    turn();
  });
}

bool SimServers::is_elsewhere(const fleet::Plan& plan, const Credential& credential) const {
  if (credential.role != ServerRole::management) return false;
  return std::ranges::any_of(plan.servers, [&](const auto& account) {
    return account.id == credential.server && !account.remote.empty();
  });
}

void SimServers::on(const bootstrap::CredentialsToKeep& event) {
  std::vector<Credential> here, elsewhere;
  auto& keys = keys_of_session_[event.session];
  for (const auto& credential : event.credentials) {
    const auto key = credential.key.reveal();
    keys.emplace_back(key.begin(), key.end());
    journal_.require(std::ranges::find(minted_, keys.back()) == minted_.end(),
                     "every session gets a key of its own");
    minted_.push_back(keys.back());
    auto& list = is_elsewhere(*plans_.at(event.session), credential) ? elsewhere : here;
    list.push_back(credential.clone());
    list.back().created = timeline_.wall();
  }
  keep(event.session, std::move(here), std::move(elsewhere));
}

/// The device hears of its credentials when everybody whom they are for has them for good.
void SimServers::keep(bootstrap::SessionId session, std::vector<Credential> here,
                      std::vector<Credential> elsewhere) {
  auto open = std::make_shared<unsigned>(elsewhere.empty() ? 1 : 2);
  auto kept = std::make_shared<bool>(true);
  const auto one_done = [this, session, open, kept, life = life_](Written written) {
    if (life != life_) return;
    *kept = *kept && written == Written::durable;
    if (--*open != 0) return;
    bootstrap_->credentials_kept(timeline_.now(), session,
                                 *kept ? bootstrap::Server::Kept::durable : bootstrap::Server::Kept::failed);
    turn();
  };
  if (!elsewhere.empty()) hand_over(std::move(elsewhere), one_done);
  store_.put_credentials(std::move(here), one_done);
}

bool SimServers::accepts(ServerRole role, ByteView identity) const {
  const auto* credential = store_.durable(role, identity);
  return credential != nullptr && credential->state != fleet::CredentialState::retired;
}

void SimServers::take_credentials(std::vector<Credential> credentials, SimStore::Done done) {
  store_.put_credentials(std::move(credentials), std::move(done));
}

void SimServers::on(const bootstrap::SessionStarted& event) {
  journal_.require(started_.emplace(event.session, true).second, "a session starts once");
  journal_.note("bootstrap server: session started");
}

void SimServers::on(const bootstrap::OperationDone& event) {
  const bool accepted = event.answer && coap::is_success(*event.answer);
  if (event.operation == bootstrap::Operation::pack && event.answer == coap::Code::method_not_allowed)
    goes_on_.insert(event.session);
  if (event.operation == bootstrap::Operation::finish && accepted) finished_.insert(event.session);
}

void SimServers::on(const bootstrap::SessionEnded& event) {
  journal_.require(started_.erase(event.session) == 1, "a session that started ends once");
  if (goes_on_.erase(event.session) == 0) ++outcomes_[event.outcome];
  journal_.note(std::string("bootstrap server: session ") + bootstrap::to_string(event.outcome) + " " +
                std::string(event.reason));
  const auto plan = plans_.extract(event.session);
  const std::string endpoint(event.endpoint);
  if (finished_.erase(event.session) != 0) {
    for (const auto& key : keys_of_session_[event.session])
      journal_.require(device_has_key(key), "when a Finish was accepted, the device has its key for good");
    settle(endpoint, *plan.mapped());
  }
  if (event.outcome != bootstrap::Outcome::storage_failed) return;
  // The device has its 2.04 and shall not wait for a Finish that does not come.
  const auto peer = peers_.find(event.peer);
  if (peer == peers_.end()) return;
  auto& port = *peer->second.port;
  port.dtls->end(timeline_.now(), event.peer, dtls::Alert::internal_error);
  drain(port);
}

/// The device has said that its accounts are those of the plan.
void SimServers::settle(const std::string& endpoint, const fleet::Plan& plan) {
  std::vector<ShortServerId> kept;
  for (const auto& account : plan.servers)
    if (account.remote.empty()) kept.push_back(account.id);
  store_.retire_other_servers(endpoint, kept, [this, endpoint, kept](Written written) {
    if (written == Written::failed) return;
    end_sessions(endpoint, kept);
    if (kept.empty()) management_->revoke(timeline_.now(), endpoint);
    turn();
  });
}

void SimServers::end_sessions(const std::string& endpoint, const std::vector<ShortServerId>& kept) {
  std::vector<PeerId> ending;
  for (const auto& [id, peer] : peers_)
    if (peer.endpoint == endpoint && peer.port->role == ServerRole::management &&
        std::ranges::find(kept, peer.server) == kept.end())
      ending.push_back(id);
  for (const auto id : ending) {
    const auto peer = peers_.find(id);
    if (peer == peers_.end()) continue;
    auto& port = *peer->second.port;
    port.dtls->end(timeline_.now(), id, dtls::Alert::access_denied);
    drain(port);
  }
}

void SimServers::revoke(const std::string& endpoint, std::function<void(Written)> done) {
  journal_.note("the operator revokes the management credentials (" + site_.name + ")");
  store_.revoke_credentials(endpoint, ServerRole::management,
                            [this, endpoint, done = std::move(done)](Written written) {
                              if (written == Written::durable) {
                                end_sessions(endpoint, {});
                                management_->revoke(timeline_.now(), endpoint);
                                turn();
                              }
                              done(written);
                            });
}

// --- Management server ----------------------------------------------------------------------------------

void SimServers::on(const management::Registered& event) {
  journal_.note("management server: registered " + std::string(event.registration.endpoint));
  if (const auto peer = peers_.find(event.registration.peer); peer != peers_.end()) {
    journal_.require(peer->second.endpoint == event.registration.endpoint,
                     "a device registers with its own name");
  }
  store_.put_registration(record_of(event.registration));
  if (watch.registered) watch.registered(event);
}

void SimServers::on(const management::Updated& event) {
  store_.put_registration(record_of(event.registration));
}

void SimServers::on(const management::Deregistered& event) {
  journal_.note(std::string("management server: ") + management::to_string(event.end) + " " +
                std::string(event.registration.endpoint));
  if (event.end == management::RegistrationEnd::replaced) return;
  store_.remove_registration(std::string(event.registration.endpoint));
}

void SimServers::on(const management::OperationDone& event) {
  if (watch.operation) watch.operation(event);
}

void SimServers::on(const management::Notified& event) {
  if (watch.notified) watch.notified(event);
}

void SimServers::on(const management::ObservationEnded& event) {
  if (watch.observation_ended) watch.observation_ended(event);
}

void SimServers::on(const management::RegistrationRefused& event) {
  journal_.violated("a registration was refused: " + std::string(event.reason));
}

std::string SimServers::leftovers() const {
  std::string left;
  const auto say = [&](const std::string& what, std::size_t count) {
    if (count != 0) left += std::to_string(count) + " " + what + "; ";
  };
  say("bootstrap sessions", bootstrap_->sessions());
  say("registrations", management_->registrations());
  say("peers", peers_.size());
  say("claims", claimed_.size());
  for (const auto& port : ports_) {
    say("DTLS sessions", port->dtls->session_count());
    say("DTLS handshakes", port->dtls->handshake_count());
  }
  if (next_timeout()) left += "a timeout; ";
  return left;
}

}  // namespace slipway::sim

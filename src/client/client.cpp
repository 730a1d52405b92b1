// SPDX-License-Identifier: Apache-2.0
// Wires the parts of the client: who gets an event, and what follows from it.
#include <slipway/client/client.hpp>

#include "client/bootstrap_session.hpp"
#include "client/decide.hpp"
#include "client/management.hpp"

namespace slipway::client {

const char* to_string(BootstrapEnd end) {
  switch (end) {
    case BootstrapEnd::succeeded:
      return "succeeded";
    case BootstrapEnd::refused:
      return "refused";
    case BootstrapEnd::inconsistent:
      return "inconsistent";
    case BootstrapEnd::timeout:
      return "timeout";
    case BootstrapEnd::session_failed:
      return "session failed";
    case BootstrapEnd::superseded:
      return "superseded";
  }
  return "unknown";
}

const char* to_string(State state) {
  switch (state) {
    case State::idle:
      return "idle";
    case State::holding_off:
      return "holding off";
    case State::bootstrapping:
      return "bootstrapping";
    case State::registering:
      return "registering";
    case State::registered:
      return "registered";
    case State::waiting_to_retry:
      return "waiting to retry";
  }
  return "unknown";
}

namespace {

const char* describe(ConnectFailure failure) {
  switch (failure) {
    case ConnectFailure::unreachable:
      return "the server cannot be reached";
    case ConnectFailure::name_unknown:
      return "the server's name is unknown";
    case ConnectFailure::handshake_timeout:
      return "the handshake got no answer";
    case ConnectFailure::alert_retry:
      return "the server broke off the handshake";
    case ConnectFailure::alert_fail:
      return "the server refuses the credentials";
  }
  return "no session";
}

/// The account is not taken away from under a session that uses it.
constexpr Duration kPurgePause = seconds(60);
/// A purge is at most this far away. [LwM2M-CORE 1.2 App. E.1, resource 12]
constexpr std::int64_t kPurgeSecondsMax = 10L * 365 * 86400;

}  // namespace

class Client::Impl {
 public:
  Impl(const ClientConfig& config, Model& model, Random& random)
      : config_(config),
        endpoint_(config_.coap, random),
        services_(config_, model, random, endpoint_),
        bootstrap_(services_),
        registrations_(services_),
        observations_(services_, registrations_),
        management_(services_, observations_) {}
  ~Impl() { services_.forget_snapshot(); }

  void start(TimePoint now, std::optional<UnixTime> wall) {
    services_.start_clock(now, wall);
    stopped_ = false;
    plan_purge_of_earlier(now);
    act(now, decide(situation(Situation::Cause::start)));
    settle(now);
  }

  void handle_datagram(TimePoint now, PeerId peer, ByteView datagram) {
    endpoint_.handle_datagram(now, peer, datagram);
    settle(now);
  }

  void handle_timeout(TimePoint now) {
    endpoint_.handle_timeout(now);
    drain(now);
    bootstrap_.handle_timeout(now);
    follow_bootstrap(now);
    registrations_.handle_timeout(now);
    observations_.handle_timeout(now);
    if (purge_at_ && *purge_at_ <= now) {
      if (bootstrap_.is_active())
        purge_at_ = now + kPurgePause;
      else
        purge();
    }
    settle(now);
  }

  [[nodiscard]] std::optional<TimePoint> next_timeout() const {
    auto next = earlier(endpoint_.next_timeout(), bootstrap_.next_timeout());
    next = earlier(next, registrations_.next_timeout());
    next = earlier(next, observations_.next_timeout());
    return earlier(next, purge_at_);
  }

  [[nodiscard]] std::optional<coap::Transmit> poll_transmit() { return endpoint_.poll_transmit(); }

  [[nodiscard]] std::optional<Event> poll_event() {
    if (services_.notices.empty()) return std::nullopt;
    current_ = std::move(services_.notices.front());
    services_.notices.pop_front();
    complete(current_);
    return current_.event;
  }

  void connected(TimePoint now, PeerId peer) {
    if (bootstrap_.owns(peer)) {
      bootstrap_.connected(now, peer);
    } else {
      registrations_.connected(now, peer);
    }
    settle(now);
  }

  void connection_failed(TimePoint now, PeerId peer, Registrations::Loss loss, const char* reason,
                         std::optional<std::uint8_t> alert) {
    keep_alert(peer, alert);
    if (bootstrap_.owns(peer))
      bootstrap_.connection_failed(now, peer, reason);
    else
      registrations_.connection_failed(now, peer, loss, reason);
    settle(now);
  }

  void persisted(TimePoint now, std::uint64_t id, Persisted outcome) {
    if (id == persist_outstanding_) persist_outstanding_ = 0;
    // What could not be stored is asked for again with the next change.
    bootstrap_.persisted(now, id, outcome);
    services_.forget_snapshot();
    settle(now);
  }

  void changed(TimePoint now, const Path& path) {
    if (services_.model.tree().contains(path)) services_.mark_dirty();
    observations_.changed(now, path);
    if (path.depth() <= 2) registrations_.parameters_changed(now);
    settle(now);
  }

  void request_bootstrap(TimePoint now) {
    act(now, decide(situation(Situation::Cause::trigger)));
    settle(now);
  }

  void request_update(TimePoint now) {
    registrations_.request_update(now, std::nullopt);
    registrations_.handle_timeout(now);
    settle(now);
  }

  void shut_down(TimePoint now) {
    stopped_ = true;
    bootstrap_.stop();
    observations_.suspend(false);
    registrations_.shut_down(now);
    purge_at_.reset();
    settle(now);
  }

  [[nodiscard]] State state() const {
    if (stopped_ && registrations_.is_empty()) return State::idle;
    if (bootstrap_.is_active()) return State::bootstrapping;
    bool registering = false;
    bool waiting = false;
    for (const auto& server : registrations_.servers()) {
      if (server.is_registered()) return State::registered;
      registering = registering || server.state == Server::State::connecting ||
                    server.state == Server::State::registering || server.state == Server::State::waiting;
      waiting = true;
    }
    if (registering) return State::registering;
    if (bootstrap_.state() == BootstrapSession::State::holding_off) return State::holding_off;
    return waiting ? State::waiting_to_retry : State::idle;
  }

  [[nodiscard]] const coap::EndpointCounters& counters() const { return endpoint_.counters(); }

 private:
  // --- Events of the exchanges ----------------------------------------------------------------------

  void drain(TimePoint now) {
    while (auto event = endpoint_.poll_event()) std::visit([&](const auto& it) { handle(now, it); }, *event);
  }

  void handle(TimePoint now, const coap::RequestReceived& event) {
    if (bootstrap_.owns(event.peer)) return bootstrap_.handle_request(now, event);
    const auto* server = registrations_.find(event.peer);
    const bool may_ask =
        server != nullptr && server->is_registered() && !bootstrap_.in_session() && !stopped_;
    if (!may_ask)
      return services_.respond(
          now, event.id,
          Answer::error(coap::Code::service_unavailable, "the device is not registered with you"));
    follow(now, management_.handle(now, *server, event));
  }
  void handle(TimePoint now, const coap::ResponseReceived& event) {
    if (owner_of(event.tag) == Owner::bootstrap)
      bootstrap_.handle_response(now, event);
    else
      registrations_.handle_response(now, event);
  }
  void handle(TimePoint now, const coap::RequestFailed& event) {
    if (owner_of(event.tag) == Owner::bootstrap)
      bootstrap_.handle_failure(now, event);
    else
      registrations_.handle_failure(now, event);
  }
  void handle(TimePoint now, const coap::NotifyDone& event) { observations_.handle_done(now, event); }
  void handle(TimePoint, const coap::NotificationReceived&) {}  // the device observes nothing

  void follow(TimePoint now, const Effects& effects) {
    if (effects.stored) services_.mark_dirty();
    for (const auto& path : effects.changed) observations_.changed(now, path);
    if (!effects.changed.empty()) registrations_.parameters_changed(now);
    switch (effects.trigger) {
      case Effects::Trigger::none:
        return;
      case Effects::Trigger::disable:
        if (decide(situation(Situation::Cause::disabled)) == Action::wait_enable)
          registrations_.disable(now, effects.server);
        return;
      case Effects::Trigger::update:
        return registrations_.request_update(now, effects.server);
      case Effects::Trigger::bootstrap:
        return act(now, decide(situation(Situation::Cause::trigger)));
    }
  }

  // --- Decisions ------------------------------------------------------------------------------------

  [[nodiscard]] Situation situation(Situation::Cause cause) const {
    const auto& tree = services_.model.tree();
    Situation now{.cause = cause};
    now.bootstrap_account =
        bootstrap_account(tree) ? Situation::Account::present : Situation::Account::absent;
    for ([[maybe_unused]] const Path& path : instances(tree, kServer)) ++now.servers;
    now.others = Situation::Others::all_failed;
    for (const auto& server : registrations_.servers()) {
      if (server.is_registered() || server.state == Server::State::disabled) {
        now.others = Situation::Others::registered;
        break;
      }
      if (!server.failed) now.others = Situation::Others::still_trying;
    }
    return now;
  }

  void act(TimePoint now, Action action) {
    switch (action) {
      case Action::register_all:
        registrations_.start(now);
        registrations_.handle_timeout(now);
        return;
      case Action::bootstrap:
        if (bootstrap_.state() == BootstrapSession::State::idle) bootstrap_.begin(now, Begin::planned);
        return bootstrap_.handle_timeout(now);
      case Action::bootstrap_now: {
        bootstrap_.begin(now, Begin::triggered);
        leave_bootstrap(now, nullptr);
        return bootstrap_.handle_timeout(now);
      }
      case Action::retry_registration:  // it has its timer
      case Action::wait_enable:
      case Action::nothing:
        return;
    }
  }

  /// The model is in flux: other servers wait.
  void enter_bootstrap() {
    registrations_.suspend();
    observations_.suspend(true);
  }
  void leave_bootstrap(TimePoint now, const Tree* before) {
    observations_.suspend(false);
    registrations_.resume(now, before);
  }

  void follow_bootstrap(TimePoint now) {
    const auto outcome = bootstrap_.take_outcome();
    if (!outcome) return;
    if (outcome->end == BootstrapEnd::succeeded) {
      plan_purge(now);
      leave_bootstrap(now, &*outcome->before);
      // Every other object may have changed too.
      for (const auto& [id, object] : services_.model.objects()) observations_.changed(now, Path(id));
    } else {
      leave_bootstrap(now, nullptr);
    }
    const bool is_done = outcome->end == BootstrapEnd::succeeded;
    act(now,
        decide(situation(is_done ? Situation::Cause::bootstrap_done : Situation::Cause::bootstrap_failed)));
    registrations_.handle_timeout(now);
  }

  void follow_failures(TimePoint now) {
    for (const auto id : registrations_.take_failures()) {
      const auto* server = registrations_.find(id);
      if (server == nullptr) continue;
      const auto policy = read_policy(services_.model.tree(), server->instance);
      auto now_known = situation(Situation::Cause::registration_failed);
      now_known.on_failure =
          policy.bootstrap_on_failure ? Situation::OnFailure::bootstrap : Situation::OnFailure::keep_trying;
      now_known.retry = policy.sequence_delay ? Situation::Retry::possible : Situation::Retry::never;
      act(now, decide(now_known));
    }
  }

  /// Lets everything that follows from an event happen, and asks for the state to be kept.
  void settle(TimePoint now) {
    drain(now);
    if (bootstrap_.in_session()) enter_bootstrap();
    follow_bootstrap(now);
    follow_failures(now);
    registrations_.handle_timeout(now);
    for (const auto id : registrations_.take_renewed()) observations_.forget(id);
    if (registrations_.take_success()) {
      bool any_failed = false;
      for (const auto& server : registrations_.servers()) any_failed = any_failed || server.failed;
      if (!any_failed) bootstrap_.registrations_succeeded();
    }
    drain(now);
    const bool may_persist = services_.dirty() && !bootstrap_.in_session() && persist_outstanding_ == 0;
    if (may_persist)
      if (const auto id = services_.persist(); id) persist_outstanding_ = *id;
  }

  // --- What the device remembers of its servers -------------------------------------------------------

  /// /1/x/11. [LwM2M-TRANSPORT 1.2 §5.2.10]
  void keep_alert(PeerId peer, std::optional<std::uint8_t> alert) {
    const auto* server = registrations_.find(peer);
    if (server == nullptr || !alert) return;
    if (services_.model.set(slipway::client::server(server->instance, 11), Value::unsigned_integer(*alert)))
      services_.mark_dirty();
  }

  /// /0/x/12: after a successful bootstrap the account goes. [LwM2M-CORE 1.2 App. E.1]
  void plan_purge(TimePoint now) {
    purge_at_.reset();
    const auto& tree = services_.model.tree();
    const auto account = bootstrap_account(tree);
    const auto timeout = account ? tree.integer(security(*account, 12)).value_or(0) : 0;
    if (timeout > 0) purge_at_ = now + seconds(std::min(timeout, kPurgeSecondsMax));
  }
  /// After a restart the time counts on from the last bootstrap, where the clock allows to tell.
  void plan_purge_of_earlier(TimePoint now) {
    const auto& tree = services_.model.tree();
    const auto wall = services_.unix_seconds(now);
    for (const Path& path : instances(tree, kServer)) {
      const auto stamp = tree.integer(server(path.instance(), 12));
      if (!stamp) continue;
      plan_purge(now);
      if (purge_at_ && wall && *wall > *stamp)
        *purge_at_ -=
            std::min<Duration>(*purge_at_ - now, seconds(std::min(*wall - *stamp, kPurgeSecondsMax)));
      return;
    }
  }
  void purge() {
    purge_at_.reset();
    auto& tree = services_.model.mutable_tree();
    const auto account = bootstrap_account(tree);
    if (!account) return;
    erase_account(tree, *account);
    services_.mark_dirty();
  }

  void fill_in(ConnectWanted& wanted, InstanceId id) {
    const auto& tree = services_.model.tree();
    wanted.uri = tree.text(security(id, 0));
    wanted.mode = static_cast<SecurityMode>(tree.integer(security(id, 2)).value_or(3));
    wanted.identity = tree.opaque(security(id, 3));
    wanted.server_public_key = tree.opaque(security(id, 4));
    wanted.key = tree.opaque(security(id, 5));
    wanted.matching_type = static_cast<std::uint8_t>(tree.integer(security(id, 13)).value_or(0));
    wanted.certificate_usage = static_cast<std::uint8_t>(tree.integer(security(id, 15)).value_or(3));
    wanted.sni = tree.text(security(id, 14));
    auto* next = wanted.cipher_suites.begin();
    for (const auto& [path, value] : tree.below(security(id, 16)))
      if (const auto suite = tree.integer(path);
          suite && *suite > 0 && *suite <= 0xFFFF && next != wanted.cipher_suites.end())
        *next++ = static_cast<std::uint16_t>(*suite);
    // A certificate account without a certificate goes by the one that the device came with.
    const bool is_own = wanted.mode == SecurityMode::x509 && wanted.identity.empty() && wanted.key.empty();
    if (const auto account = bootstrap_account(tree); is_own && account) {
      wanted.identity = tree.opaque(security(*account, 3));
      wanted.key = tree.opaque(security(*account, 5));
    }
  }

  /// Fills in what an event points to, at the moment it is handed out.
  void complete(Notice& notice) {
    if (auto* wanted = std::get_if<ConnectWanted>(&notice.event)) {
      fill_in(*wanted, notice.security);
    } else if (auto* keep = std::get_if<PersistWanted>(&notice.event)) {
      keep->snapshot = services_.snapshot();
    } else if (auto* ended = std::get_if<BootstrapEnded>(&notice.event)) {
      ended->reason = notice.text;
    } else if (auto* pack = std::get_if<BootstrapPackFailed>(&notice.event)) {
      pack->reason = notice.text;
    } else if (auto* failed = std::get_if<RegistrationFailed>(&notice.event)) {
      failed->reason = notice.text;
    } else if (auto* registered = std::get_if<RegisteredWith>(&notice.event)) {
      registered->location = notice.text;
    }
  }

  const ClientConfig config_;
  coap::Endpoint endpoint_;
  Services services_;
  BootstrapSession bootstrap_;
  Registrations registrations_;
  Observations observations_;
  Management management_;
  Notice current_;
  std::optional<TimePoint> purge_at_;
  std::uint64_t persist_outstanding_ = 0;
  bool stopped_ = false;
};

Client::Client(const ClientConfig& config, Model& model, Random& random)
    : impl_(std::make_unique<Impl>(config, model, random)) {}
Client::~Client() = default;

void Client::start(TimePoint now, std::optional<UnixTime> wall) {
  impl_->start(now, wall);
}
void Client::handle_datagram(TimePoint now, PeerId peer, ByteView datagram) {
  impl_->handle_datagram(now, peer, datagram);
}
void Client::handle_timeout(TimePoint now) {
  impl_->handle_timeout(now);
}
std::optional<TimePoint> Client::next_timeout() const {
  return impl_->next_timeout();
}
std::optional<coap::Transmit> Client::poll_transmit() {
  return impl_->poll_transmit();
}
std::optional<Event> Client::poll_event() {
  return impl_->poll_event();
}
void Client::connected(TimePoint now, PeerId peer) {
  impl_->connected(now, peer);
}
void Client::connect_failed(TimePoint now, PeerId peer, ConnectFailure failure,
                            std::optional<std::uint8_t> alert) {
  const auto loss =
      failure == ConnectFailure::alert_fail ? Registrations::Loss::hopeless : Registrations::Loss::transient;
  impl_->connection_failed(now, peer, loss, describe(failure), alert);
}
void Client::connection_lost(TimePoint now, PeerId peer, std::optional<std::uint8_t> alert) {
  impl_->connection_failed(now, peer, Registrations::Loss::transient, "the session with the server was lost",
                           alert);
}
void Client::persisted(TimePoint now, std::uint64_t id, Persisted outcome) {
  impl_->persisted(now, id, outcome);
}
void Client::changed(TimePoint now, const Path& path) {
  impl_->changed(now, path);
}
void Client::request_bootstrap(TimePoint now) {
  impl_->request_bootstrap(now);
}
void Client::request_update(TimePoint now) {
  impl_->request_update(now);
}
void Client::shut_down(TimePoint now) {
  impl_->shut_down(now);
}
State Client::state() const {
  return impl_->state();
}
const coap::EndpointCounters& Client::counters() const {
  return impl_->counters();
}

}  // namespace slipway::client

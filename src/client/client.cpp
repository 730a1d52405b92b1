// SPDX-License-Identifier: Apache-2.0
// Wires the parts of the client: who gets an event, and what follows from it.
#include <slipway/client/client.hpp>

#include "client/account_timeout.hpp"
#include "client/alerts.hpp"
#include "client/bootstrap_session.hpp"
#include "client/changes.hpp"
#include "client/decide.hpp"
#include "client/keeping.hpp"
#include "client/management.hpp"
#include "client/notices.hpp"

namespace slipway::client {

class Client::Impl {
 public:
  Impl(const ClientConfig& config, Model& model, Random& random)
      : config_(config),
        endpoint_(config_.coap, random),
        services_(config_, model, random, endpoint_),
        bootstrap_(services_),
        registrations_(services_),
        observations_(services_, registrations_),
        management_(services_, observations_),
        changes_(services_, bootstrap_, registrations_),
        account_timeout_(services_),
        keeping_(services_) {}
  ~Impl() { services_.forget_snapshot(); }

  void start(TimePoint now, std::optional<UnixTime> wall, ByteView hibernation) {
    services_.start_clock(now, wall);
    stopped_ = false;
    if (auto kept = read_hibernation(hibernation))
      registrations_.wake(std::move(*kept), services_.unix_seconds(now));
    account_timeout_.plan_after_restart(now);
    begin(now);
    settle(now);
  }

  Result<void> set_reliable(PeerId peer, const coap::Reliable& reliable) {
    return endpoint_.set_reliable(peer, reliable);
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
    const bool in_use = bootstrap_.is_active() || changes_.is_storing();
    account_timeout_.handle_timeout(now, in_use ? AccountTimeout::InUse::yes : AccountTimeout::InUse::no);
    keeping_.handle_timeout(now);
    settle(now);
  }

  [[nodiscard]] std::optional<TimePoint> next_timeout() const {
    auto next = earlier(endpoint_.next_timeout(), bootstrap_.next_timeout());
    next = earlier(next, registrations_.next_timeout());
    next = earlier(next, observations_.next_timeout());
    next = earlier(next, account_timeout_.next_timeout());
    return earlier(earlier(next, changes_.next_timeout()), keeping_.next_timeout());
  }

  [[nodiscard]] std::optional<NextAttempt> next_attempt() const {
    std::optional<NextAttempt> next;
    const auto consider = [&](std::optional<TimePoint> at, Attempt what, ShortServerId server = {}) {
      if (at && (!next || *at < next->at)) next = NextAttempt{*at, what, server};
    };
    if (changes_.is_resetting()) return changes_.next_attempt();
    if (const auto change = changes_.next_attempt()) next = change;
    if (bootstrap_.state() != BootstrapSession::State::idle)
      consider(bootstrap_.next_timeout(), Attempt::bootstrap);
    consider(keeping_.next_attempt(), Attempt::store);
    for (const auto& server : registrations_.servers()) {
      const auto at = server.request ? endpoint_.next_timeout() : server.at;
      consider(at, server.is_registered() ? Attempt::update : Attempt::register_with, server.id);
    }
    return next;
  }

  [[nodiscard]] std::optional<coap::Transmit> poll_transmit() { return endpoint_.poll_transmit(); }

  [[nodiscard]] std::optional<Event> poll_event() {
    if (services_.notices.empty()) return std::nullopt;
    current_ = std::move(services_.notices.front());
    services_.notices.pop_front();
    complete(current_, services_);
    return current_.event;
  }

  void connected(TimePoint now, PeerId peer, SessionKind session) {
    if (bootstrap_.owns(peer) && changes_.is_storing())
      late_connected_ = peer;  // the model has its transaction already
    else
      session_opened(now, peer, session);
    settle(now);
  }

  void connection_failed(TimePoint now, PeerId peer, Registrations::Loss loss, const char* reason,
                         std::optional<std::uint8_t> alert) {
    keep_alert(peer, alert);
    if (late_connected_ == peer) late_connected_.reset();
    if (bootstrap_.owns(peer))
      bootstrap_.connection_failed(now, peer, reason);
    else
      registrations_.connection_failed(now, peer, loss, reason);
    settle(now);
  }

  void alert_received(TimePoint now, PeerId peer, std::uint8_t alert) {
    keep_alert(peer, alert);
    settle(now);
  }

  void persisted(TimePoint now, std::uint64_t id, Persisted outcome) {
    services_.persist_answered(id);
    keeping_.persisted(now, id, outcome);
    bootstrap_.persisted(now, id, outcome);
    changes_.persisted(now, id, outcome);
    settle(now);
  }

  void smartcard(TimePoint now, std::uint64_t id, const SmartcardContent& content) {
    if (stopped_) return;
    changes_.smartcard(now, id, content);
    settle(now);
  }

  void factory_reset(TimePoint now) {
    if (!stopped_) changes_.factory_reset(now);
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
    changes_.stop();
    registrations_.shut_down(now);
    account_timeout_.stop();
    settle(now);
  }

  Hibernation hibernate(TimePoint now) {
    Hibernation hibernation;
    if (changes_.is_resetting()) shut_down(now);
    if (stopped_) return hibernation;
    stopped_ = true;
    bootstrap_.stop();
    changes_.stop();
    Hibernated kept{.since = services_.unix_seconds(now), .servers = {}};
    hibernation.sessions = registrations_.hibernate(now, kept.servers);
    for (auto& server : kept.servers)
      if (auto watch = observations_.keep(server.id); !watch.is_empty()) server.watch = std::move(watch);
    if (auto bytes = write_hibernation(kept); bytes && !kept.servers.empty())
      hibernation.bytes = std::move(*bytes);
    account_timeout_.stop();
    settle(now);
    return hibernation;
  }

  [[nodiscard]] State state() const {
    if (stopped_ && registrations_.is_empty()) return State::idle;
    if (changes_.is_resetting()) return State::resetting;
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
    if (is_stuck()) return State::stuck;
    return waiting || changes_.next_timeout() ? State::waiting_to_retry : State::idle;
  }

  [[nodiscard]] const coap::EndpointCounters& counters() const { return endpoint_.counters(); }

 private:
  // --- Events of the exchanges ----------------------------------------------------------------------

  void drain(TimePoint now) {
    while (auto event = endpoint_.poll_event()) std::visit([&](const auto& it) { handle(now, it); }, *event);
  }

  void handle(TimePoint now, const coap::RequestReceived& event) {
    if (changes_.is_storing())
      return services_.respond(
          now, event.id, Answer::error(coap::Code::service_unavailable, "the device stores its accounts"));
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
    auto now = situation_of(services_.model, cause);
    now.card = changes_.card_tried() ? Situation::Card::tried : Situation::Card::untried;
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

  /// By the order of precedence, from its first step.
  void begin(TimePoint now) { act(now, decide(situation(Situation::Cause::start))); }

  void act(TimePoint now, Action action) {
    if (changes_.is_resetting() || stopped_) return;  // what comes after it is decided then
    switch (action) {
      case Action::read_card:
        return changes_.read_card(now);
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
      case Action::retry_registration:
        return registrations_.retry_failed(now);
      case Action::use_factory:
        return changes_.use_factory(now);
      case Action::leave_server:
      case Action::wait_enable:
      case Action::ignore:
        return;
      case Action::nothing:
        return changes_.hope_for_card(now);
    }
  }

  [[nodiscard]] bool is_stuck() const {
    return !stopped_ && changes_.card_tried() && !changes_.may_find_card() && !changes_.is_resetting() &&
           !changes_.is_storing() && !changes_.is_waiting() && registrations_.is_empty() &&
           bootstrap_.state() == BootstrapSession::State::idle;
  }
  void tell_when_stuck() {
    const bool is_now = is_stuck();
    if (is_now && !was_stuck_)
      services_.tell(Stuck{},
                     "there is no account, neither of a bootstrap server nor of a management server; "
                     "the device needs a factory pack or a smartcard");
    was_stuck_ = is_now;
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
      account_timeout_.plan(now);
      leave_bootstrap(now, &*outcome->before);
      all_changed(now);
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
      for (const auto& other : registrations_.servers())
        if (other.failed && read_policy(services_.model.tree(), other.instance).bootstrap_on_failure)
          now_known.others_want = Situation::OthersWant::bootstrap;
      const auto action = decide(now_known);
      if (action == Action::leave_server) registrations_.leave(id);
      act(now, action);
    }
  }

  /// The card was read, or the device is as it left the factory.
  void follow_changes(TimePoint now) {
    changes_.handle_timeout(now);
    while (const auto outcome = changes_.take_outcome()) {
      using Kind = Changes::Outcome::Kind;
      if (outcome->kind == Kind::suspend) {
        enter_bootstrap();
        continue;
      }
      if (!bootstrap_.in_session()) leave_bootstrap(now, outcome->before ? &*outcome->before : nullptr);
      if (const auto peer = std::exchange(late_connected_, std::nullopt))
        session_opened(now, *peer, SessionKind::fresh);
      registrations_.card_read(now);
      if (outcome->kind == Kind::reset) account_timeout_.stop();
      const bool is_first = outcome->kind == Kind::unchanged && registrations_.is_empty() &&
                            bootstrap_.state() == BootstrapSession::State::idle && !changes_.is_waiting();
      if (is_first || outcome->kind != Kind::unchanged) begin(now);
      if (outcome->kind != Kind::unchanged) all_changed(now);
    }
  }

  void all_changed(TimePoint now) {
    for (const auto& [id, object] : services_.model.objects()) observations_.changed(now, Path(id));
  }

  void session_opened(TimePoint now, PeerId peer, SessionKind session) {
    if (bootstrap_.owns(peer)) {
      bootstrap_.connected(now, peer);
      if (bootstrap_.in_session()) enter_bootstrap();
    } else {
      registrations_.connected(now, peer, session);
    }
  }

  /// Lets everything that follows from an event happen, and asks for the state to be kept.
  void settle(TimePoint now) {
    drain(now);
    if (bootstrap_.in_session()) enter_bootstrap();
    follow_bootstrap(now);
    follow_changes(now);
    follow_failures(now);
    registrations_.handle_timeout(now);
    follow_changes(now);
    for (const auto id : registrations_.take_renewed()) observations_.forget(id);
    for (const auto id : registrations_.take_resumed())
      observations_.go_on(now, id, registrations_.take_watch(id));
    if (registrations_.take_success()) {
      bool any_failed = false;
      for (const auto& server : registrations_.servers()) any_failed = any_failed || server.failed;
      if (!any_failed) bootstrap_.registrations_succeeded();
    }
    drain(now);
    if (!bootstrap_.in_session() && !changes_.is_storing()) keeping_.follow(now);
    tell_when_stuck();
  }

  // --- What the device remembers of its servers -------------------------------------------------------

  /// /1/x/11. [LwM2M-TRANSPORT 1.2 §5.2.10]
  void keep_alert(PeerId peer, std::optional<std::uint8_t> alert) {
    const auto* server = registrations_.find(peer);
    if (server == nullptr || !alert) return;
    const auto kept = slipway::client::server(server->instance, 11);
    // A server may repeat a warning as often as it likes: only what is new is written.
    if (services_.model.tree().integer(kept) == *alert) return;
    if (services_.model.set(kept, Value::unsigned_integer(*alert))) services_.mark_dirty();
  }

  const ClientConfig config_;
  coap::Endpoint endpoint_;
  Services services_;
  BootstrapSession bootstrap_;
  Registrations registrations_;
  Observations observations_;
  Management management_;
  Changes changes_;
  AccountTimeout account_timeout_;
  Keeping keeping_;
  Notice current_;
  std::optional<PeerId> late_connected_;
  bool stopped_ = false;
  bool was_stuck_ = false;
};

Client::Client(const ClientConfig& config, Model& model, Random& random)
    : impl_(std::make_unique<Impl>(config, model, random)) {}
Client::~Client() = default;

void Client::start(TimePoint now, std::optional<UnixTime> wall, ByteView hibernation) {
  impl_->start(now, wall, hibernation);
}
Result<void> Client::set_reliable(PeerId peer, const coap::Reliable& reliable) {
  return impl_->set_reliable(peer, reliable);
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
void Client::connected(TimePoint now, PeerId peer, SessionKind session) {
  impl_->connected(now, peer, session);
}
void Client::connect_failed(TimePoint now, PeerId peer, ConnectFailure failure,
                            std::optional<std::uint8_t> alert) {
  const bool is_hopeless =
      failure == ConnectFailure::alert_fail || (alert && alert_class(*alert) == AlertClass::fail);
  const auto loss = is_hopeless ? Registrations::Loss::hopeless : Registrations::Loss::transient;
  impl_->connection_failed(now, peer, loss, why_no_session(failure, alert), alert);
}
void Client::connection_lost(TimePoint now, PeerId peer, std::optional<std::uint8_t> alert) {
  if (alert && alert_class(*alert) == AlertClass::fail)
    return impl_->connection_failed(now, peer, Registrations::Loss::hopeless,
                                    "the server ended the session: it refuses the credentials", alert);
  impl_->connection_failed(now, peer, Registrations::Loss::transient, "the session with the server was lost",
                           alert);
}
void Client::alert_received(TimePoint now, PeerId peer, std::uint8_t alert) {
  impl_->alert_received(now, peer, alert);
}
void Client::persisted(TimePoint now, std::uint64_t id, Persisted outcome) {
  impl_->persisted(now, id, outcome);
}
void Client::smartcard(TimePoint now, std::uint64_t id, const SmartcardContent& content) {
  impl_->smartcard(now, id, content);
}
void Client::factory_reset(TimePoint now) {
  impl_->factory_reset(now);
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
Hibernation Client::hibernate(TimePoint now) {
  return impl_->hibernate(now);
}
Result<void> Client::check_hibernation(ByteView bytes) {
  SLIPWAY_TRY(read_hibernation(bytes));
  return {};
}
State Client::state() const {
  return impl_->state();
}
std::optional<NextAttempt> Client::next_attempt() const {
  return impl_->next_attempt();
}
const coap::EndpointCounters& Client::counters() const {
  return impl_->counters();
}

}  // namespace slipway::client

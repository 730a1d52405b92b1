// SPDX-License-Identifier: Apache-2.0
#include <slipway/device/credentials.hpp>
#include <slipway/device/runner.hpp>

#include <atomic>
#include <unordered_map>

#include <slipway/base/secret.hpp>
#include <slipway/net/clock.hpp>
#include <slipway/security/random.hpp>

#include "card_worker.hpp"
#include "hibernation_file.hpp"
#include "link.hpp"
#include "state_file.hpp"

namespace slipway::device {
namespace {

constexpr Duration kGoodbyeTime = seconds(2);

std::string server_text(ShortServerId server) {
  return server.value() == 0 ? "bootstrap server" : "server " + std::to_string(server.value());
}

class LinuxRunner final : public Runner {
 public:
  LinuxRunner(Settings settings, client::Model& model, Watch watch, std::unique_ptr<net::EventLoop> loop,
              std::unique_ptr<net::Resolver> resolver)
      : settings_(std::move(settings)),
        watch_(std::move(watch)),
        credentials_(settings_.trust_store.empty() ? CredentialChecks::TrustStore::none
                                                   : CredentialChecks::TrustStore::present),
        loop_(std::move(loop)),
        resolver_(std::move(resolver)),
        state_file_(files_, settings_.state_file, client::Model::check_snapshot),
        hibernation_file_(files_, settings_.state_file + ".sleep", random_),
        client_(with_checks(settings_.client), model, random_) {
    if (settings_.smartcard)
      card_ = std::make_unique<CardWorker>(
          *loop_, settings_.smartcard,
          [this](std::uint64_t id, CardWorker::Content content) { card_read(id, content); });
  }

  /// What `create` found, for the first to hear.
  void note(std::string what, std::string detail) { notes_.emplace_back(std::move(what), std::move(detail)); }

  void run() override {
    for (const auto& [what, detail] : std::exchange(notes_, {})) say(what, detail);
    wake();
    loop_->run({.next_deadline = [this] { return next_deadline(); },
                .deadline_reached = [this](TimePoint now) { deadline_reached(now); },
                .turn_ended =
                    [this] {
                      turn(net::steady_now());
                      ended_.clear();  // no link is on the stack here
                    }});
    links_.clear();
  }

  void stop() noexcept override {
    // A second stop, or a full loop, ends at once.
    if (stopping_.exchange(true)) return loop_->stop();
    try {
      if (!loop_->post([this] { say_goodbye(); })) loop_->stop();
    } catch (...) {
      loop_->stop();
    }
  }

  void every(Duration period, std::function<void()> tick) override {
    period_ = period;
    tick_ = std::move(tick);
    next_tick_ = net::steady_now() + period;
  }

  client::Client& client() override { return client_; }

 private:
  [[nodiscard]] client::ClientConfig with_checks(client::ClientConfig config) const {
    if (config.credentials == nullptr) config.credentials = &credentials_;
    config.transports = "UT";
    return config;
  }

  void say(std::string_view what, std::string_view detail) {
    if (watch_.happening) watch_.happening(what, detail);
  }

  /// What was kept leaves the disk before anything is sent: no session has two next lives.
  void wake() {
    const bool begins_anew = settings_.begin_from == BeginFrom::factory;
    auto [kept, trouble] = hibernation_file_.take();
    if (!trouble.empty()) say("sessions not kept", trouble);
    if (!kept || begins_anew) return client_.start(net::steady_now(), net::unix_now());
    kept_.put_all(std::move(kept->sessions));
    client_.start(net::steady_now(), net::unix_now(), kept->client.reveal());
  }

  /// What is kept of an earlier session with this account, if there is any; it is given out once.
  KeptSession take_kept(const client::ConnectWanted& wanted) {
    auto kept = kept_.take(wanted.server);
    if (kept.bytes.empty() || kept.account == account_digest(wanted, settings_.trust_store)) return kept;
    say("session not kept", "with the " + server_text(wanted.server) + ": its account is another one now");
    return {};
  }

  void hibernate() {
    turn(net::steady_now());
    auto hibernation = client_.hibernate(net::steady_now());
    turn(net::steady_now());  // the other links end
    for (const auto& [peer, server] : hibernation.sessions)
      if (const auto found = links_.find(peer); found != links_.end()) freeze(*found->second, server);
    if (!kept_.empty()) {
      HibernationContent content{.client = std::move(hibernation.bytes), .sessions = kept_.take_all()};
      const auto put = hibernation_file_.put(content);
      if (!put) say("sessions not kept", put.error());
      for (const auto& session : content.sessions)
        if (put)
          say("hibernating",
              (session.kind == KeptSession::Kind::frozen ? "keeps the session with the "
                                                         : "can resume the session with the ") +
                  server_text(session.server));
    }
    loop_->stop();
  }

  void freeze(Link& link, ShortServerId server) {
    if (auto frozen = link.freeze())
      return kept_.put({.server = server,
                        .account = link.account(),
                        .kind = KeptSession::Kind::frozen,
                        .bytes = std::move(*frozen)});
    link.close(net::steady_now());
    auto kept = link.take_kept();
    if (kept.bytes.empty())
      say("session not kept",
          "with the " + server_text(server) + ": it would not outlive a change of address");
    kept_.put(std::move(kept));
  }

  void say_goodbye() {
    if (settings_.at_stop == AtStop::hibernate) return hibernate();
    const auto now = net::steady_now();
    give_up_at_ = now + kGoodbyeTime;
    client_.shut_down(now);
    turn(now);
  }

  std::optional<TimePoint> next_deadline() const {
    auto next = client_.next_timeout();
    const auto earlier = [&](std::optional<TimePoint> candidate) {
      if (candidate && (!next || *candidate < *next)) next = candidate;
    };
    for (const auto& [peer, link] : links_) earlier(link->next_timeout());
    if (tick_) earlier(next_tick_);
    earlier(give_up_at_);
    return next;
  }

  void deadline_reached(TimePoint now) {
    if (tick_ && next_tick_ <= now) {
      next_tick_ = now + period_;
      tick_();
    }
    client_.handle_timeout(now);
    std::vector<PeerId> peers;  // a timeout may end its link
    for (const auto& [peer, link] : links_) peers.push_back(peer);
    for (const auto peer : peers)
      if (const auto found = links_.find(peer); found != links_.end()) found->second->handle_timeout(now);
    turn(now);
  }

  /// Carries out what the client wants, until it wants nothing more.
  void turn(TimePoint now) {
    if (in_turn_) return;  // a link's event inside: the loop below sees it
    in_turn_ = true;
    for (bool busy = true; busy;) {
      busy = false;
      while (const auto event = client_.poll_event()) {
        busy = true;
        std::visit([&](const auto& e) { on(now, e); }, *event);
      }
      while (const auto out = client_.poll_transmit()) {
        busy = true;
        if (const auto link = links_.find(out->peer); link != links_.end())
          link->second->send(now, out->bytes);
      }
    }
    in_turn_ = false;
    if (give_up_at_ && (now >= *give_up_at_ || client_.state() == client::State::idle)) loop_->stop();
  }

  void drop(PeerId peer) {
    // The link may be the caller: it goes when the loop's turn is over.
    const auto found = links_.find(peer);
    if (found == links_.end()) return;
    // A network that is not there yet costs no session.
    if (auto kept = found->second->take_kept(); !kept.bytes.empty()) kept_.put(std::move(kept));
    ended_.push_back(std::move(found->second));
    links_.erase(found);
  }

  void on(TimePoint, const client::ConnectWanted& event) {
    const auto peer = event.peer;
    say("connecting", "to the " + server_text(event.server) + " at " + std::string(event.uri));
    auto link = std::make_unique<Link>(
        *loop_, random_, settings_.trust_store,
        LinkEvents{
            .connected =
                [this, peer, server = event.server](TimePoint now, client::SessionKind session,
                                                    Opened opened) {
                  if (opened == Opened::as_it_was) say("session kept", "with the " + server_text(server));
                  if (opened == Opened::by_resumption)
                    say("session resumed", "with the " + server_text(server));
                  client_.connected(now, peer, session);
                  turn(now);
                },
            .failed =
                [this, peer](TimePoint now, client::ConnectFailure failure, std::optional<std::uint8_t> alert,
                             const ConnectionFailure& why) {
                  say("connection failed", to_text(why));
                  drop(peer);
                  client_.connect_failed(now, peer, failure, alert);
                  turn(now);
                },
            .lost =
                [this, peer](TimePoint now, std::optional<std::uint8_t> alert) {
                  drop(peer);
                  client_.connection_lost(now, peer, alert);
                  turn(now);
                },
            .warned =
                [this, peer](TimePoint now, std::uint8_t alert) {
                  client_.alert_received(now, peer, alert);
                  turn(now);
                },
            .datagram =
                [this, peer](TimePoint now, ByteView bytes) {
                  client_.handle_datagram(now, peer, bytes);
                  turn(now);
                },
            .reliable = [this, peer](
                            const coap::Reliable& reliable) { (void)client_.set_reliable(peer, reliable); }});
    auto& opened = *link;
    links_.insert_or_assign(peer, std::move(link));
    opened.open(event, *resolver_, take_kept(event));
  }

  void on(TimePoint now, const client::DisconnectWanted& event) {
    if (const auto link = links_.find(event.peer); link != links_.end()) link->second->close(now);
    drop(event.peer);
  }

  void on(TimePoint now, const client::PersistWanted& event) {
    const auto id = event.id;
    const bool must_go = event.earlier == client::Earlier::must_go;
    const auto written =
        state_file_.write(event.snapshot, must_go ? StateFile::Keep::nothing : StateFile::Keep::previous);
    if (!written) say("state not saved", written.error());
    client_.persisted(now, id,
                      written ? client::Client::Persisted::durable : client::Client::Persisted::failed);
  }

  void on(TimePoint, const client::SmartcardWanted& event) {
    if (card_) card_->read(event.id);
  }
  void card_read(std::uint64_t id, const CardWorker::Content& content) {
    const auto now = net::steady_now();
    if (!content)
      client_.smartcard(now, id, client::SmartcardUnreadable{content.error()});
    else if (!*content)
      client_.smartcard(now, id, client::SmartcardAbsent{});
    else
      client_.smartcard(now, id, (*content)->reveal());
    turn(now);
  }
  void on(TimePoint, const client::SmartcardRead& event) {
    say(std::string("smartcard ") + client::to_string(event.end), event.reason);
  }
  void on(TimePoint, const client::FactoryResetEnded& event) {
    say("factory reset", client::to_string(event.end));
  }
  void on(TimePoint, const client::Stuck& event) { say("stuck", event.reason); }
  void on(TimePoint, const client::BootstrapStarted& event) {
    say("bootstrapping", "attempt " + std::to_string(event.attempt));
  }
  void on(TimePoint, const client::BootstrapPackFailed& event) {
    std::string detail(event.reason);
    if (event.code) detail += " (" + std::string(coap::describe(*event.code).view()) + ")";
    say("no pack", detail);
  }
  void on(TimePoint, const client::BootstrapEnded& event) {
    std::string detail = client::to_string(event.end);
    if (event.code) detail += " (" + std::string(coap::describe(*event.code).view()) + ")";
    if (!event.reason.empty()) detail += ": " + std::string(event.reason);
    say("bootstrap ended", detail);
  }
  void on(TimePoint, const client::RegisteredWith& event) {
    say("registered", "with the " + server_text(event.server) + " at " + std::string(event.location));
  }
  void on(TimePoint, const client::RegistrationUpdated& event) {
    say("updated", "the " + server_text(event.server));
  }
  void on(TimePoint, const client::RegistrationFailed& event) {
    std::string detail = "with the " + server_text(event.server);
    if (event.code) detail += ": " + std::string(coap::describe(*event.code).view());
    if (!event.reason.empty()) detail += ": " + std::string(event.reason);
    say("registration failed", detail);
  }
  void on(TimePoint, const client::DeregisteredFrom& event) {
    say("de-registered", "from the " + server_text(event.server));
  }

  Settings settings_;
  Watch watch_;
  CredentialChecks credentials_;
  std::unique_ptr<net::EventLoop> loop_;
  std::unique_ptr<net::Resolver> resolver_;
  security::SystemRandom random_;
  SystemFiles files_;
  StateFile state_file_;
  HibernationFile hibernation_file_;
  client::Client client_;
  std::unordered_map<PeerId, std::unique_ptr<Link>> links_;
  std::vector<std::unique_ptr<Link>> ended_;
  KeptSessions kept_;
  bool in_turn_ = false;
  std::atomic<bool> stopping_ = false;
  std::optional<TimePoint> give_up_at_;
  Duration period_{};
  TimePoint next_tick_{};
  std::function<void()> tick_;
  std::vector<std::pair<std::string, std::string>> notes_;
  std::unique_ptr<CardWorker> card_;  // the first to go: its thread uses what is above
};

using Notes = std::vector<std::pair<std::string, std::string>>;

std::expected<void, std::string> load_factory(const Settings& settings, const Pack& pack,
                                              client::Model& model) {
  if (pack.values.empty() && settings.smartcard) {
    model.load_blank_factory();
    return {};
  }
  if (auto loaded = model.load_factory(pack.entries()); !loaded)
    return std::unexpected("the factory pack does not suit this device: " + loaded.error());
  return {};
}

/// A reset by hand: the factory state replaces whatever the file holds, before anything else happens.
std::expected<void, std::string> write_factory(StateFile& file, const client::Model& model) {
  auto snapshot = model.snapshot();
  if (!snapshot)
    return std::unexpected(std::string("the factory state cannot be stored: ") + snapshot.error().detail);
  auto written = file.write(*snapshot, StateFile::Keep::nothing);
  wipe(*snapshot);
  return written;
}

/// Puts the state that counts into the model; what a person should know of it goes to `notes`.
std::expected<void, std::string> load_state(const Settings& settings, const Pack& pack, client::Model& model,
                                            Notes& notes) {
  SystemFiles files;
  StateFile file(files, settings.state_file, client::Model::check_snapshot);
  const auto factory = load_factory(settings, pack, model);
  if (settings.begin_from == BeginFrom::factory) {
    if (!factory) return factory;
    notes.emplace_back("factory reset", "begins from the factory pack");
    return write_factory(file, model);
  }
  auto state = file.read();
  if (!state) return std::unexpected(std::move(state.error()));
  if (!state->bytes) return factory;
  // A device in service does not stop for a pack that its new firmware finds wrong.
  if (!factory) notes.emplace_back("no factory state", factory.error());
  if (!state->damage.empty()) notes.emplace_back("state damaged", state->damage);
  const auto loaded = model.load(*state->bytes);
  wipe(*state->bytes);
  if (loaded) return {};
  return std::unexpected(settings.state_file + ": not a state of this device (" + loaded.error().detail +
                         "); --factory-reset begins again from the factory pack");
}

}  // namespace

std::expected<std::unique_ptr<Runner>, std::string> Runner::create(Settings settings, const Pack& pack,
                                                                   client::Model& model, Watch watch) {
  if (auto verified = model.verify(); !verified) return std::unexpected(std::move(verified.error()));
  Notes notes;
  if (auto loaded = load_state(settings, pack, model, notes); !loaded)
    return std::unexpected(std::move(loaded.error()));
  if (settings.smartcard) settings.client.smartcard = client::SmartcardUse::present;
  settings.client.endpoint = pack.endpoint;
  auto loop = net::EventLoop::create();
  if (!loop) return std::unexpected(loop.error().message());
  auto resolver = net::Resolver::create(**loop);
  if (!resolver) return std::unexpected(resolver.error().message());
  auto runner = std::make_unique<LinuxRunner>(std::move(settings), model, std::move(watch), std::move(*loop),
                                              std::move(*resolver));
  for (auto& [what, detail] : notes) runner->note(std::move(what), std::move(detail));
  return runner;
}

}  // namespace slipway::device

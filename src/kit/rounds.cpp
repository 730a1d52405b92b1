// SPDX-License-Identifier: Apache-2.0
#include "kit/rounds.hpp"

#include <algorithm>
#include <utility>

namespace slipway::kit {
namespace {

/// For a device that was told to bootstrap: its hold-off may be long.
constexpr Duration kCalledTime = std::chrono::minutes(5);
constexpr std::size_t kEventsMax = 4096;
constexpr std::size_t kKeyBytes = 16;

Account make_account(unsigned number, std::string identity, Random& random) {
  Bytes key(kKeyBytes);
  random.fill(key);
  Account account{.number = number, .identity = std::move(identity), .key = Secret(key)};
  wipe(key);
  return account;
}

}  // namespace

Rounds::Rounds(BenchConfig config, Random& random, Random& key_random)
    : config_(std::move(config)),
      random_(random),
      key_random_(key_random),
      wire_(config_.security, random,
            [this](Door door, ByteView identity) { return key_of(door, identity); }),
      session_(wire_, random,
               {.request = [this](TimePoint now, PeerId peer, coap::IncomingId id,
                                  const coap::Message& message) { on_request(now, peer, id, message); },
                .over = [this](TimePoint now) { on_over(now); },
                .message =
                    [this](TimePoint now, PeerId peer, trace::Direction direction, ByteView datagram,
                           const char* spoilt) {
                      record(now, Door::bootstrap, peer, direction, datagram, spoilt);
                    }}),
      manager_(wire_, random,
               {.registered = [this](TimePoint now, const std::string& identity,
                                     seconds lifetime) { on_registered(now, identity, lifetime); },
                .called = [this](TimePoint now, std::optional<coap::Code> code) { on_called(now, code); },
                .message =
                    [this](TimePoint now, PeerId peer, trace::Direction direction, ByteView datagram) {
                      record(now, Door::management, peer, direction, datagram, "");
                    }}),
      faults_(config_.faults),
      endpoint_(config_.endpoint) {
  faults_.insert(faults_.begin(), nullptr);
  poison_ = make_account(0, "kit-poison", key_random_);
}

// --- Credentials ------------------------------------------------------------------------------------------

const Account& Rounds::new_account() {
  const auto number = ++last_account_;
  return accounts_.emplace(number, make_account(number, "kit-" + std::to_string(number), key_random_))
      .first->second;
}

std::optional<Secret> Rounds::key_of(Door door, ByteView identity) {
  if (as_text(identity) == poison_.identity) return poison_.key.clone();
  if (door == Door::bootstrap) {
    const auto* const fault = faults_[std::min(index_, faults_.size() - 1)];
    const bool is_refused = fault != nullptr && fault->greeting == Greeting::no_session &&
                            (stage_ == Stage::calling || stage_ == Stage::faulting) &&
                            faults_done_ < fault->times;
    if (is_refused || !equal(identity, config_.identity)) return std::nullopt;
    return config_.key.clone();
  }
  if (door_is_shut_) return std::nullopt;
  const auto* const account = account_of(std::string(as_text(identity)), seconds(0));
  if (account == nullptr) return std::nullopt;
  const auto* const fault = faults_[std::min(index_, faults_.size() - 1)];
  const bool is_refused = fault != nullptr && fault->management_refuses && account->number == account_;
  return is_refused ? std::nullopt : std::optional(account->key.clone());
}

const Account* Rounds::account_of(const std::string& identity, seconds lifetime) const {
  for (const auto& [number, account] : accounts_)
    if (config_.security == SecurityMode::nosec ? lifetime.count() == lifetime_of(number)
                                                : account.identity == identity)
      return &account;
  return nullptr;
}

// --- Input ---------------------------------------------------------------------------------------

void Rounds::start(TimePoint now) {
  if (stage_ == Stage::idle) begin_round(now);
}

void Rounds::handle_datagram(TimePoint now, UnixTime wall, Door door, const Address& from,
                             ByteView datagram) {
  if (finished()) return;
  wire_.handle_datagram(now, door, from, datagram);
  drain(now, wall);
  go_on(now, wall);
}

/// The next round, or the next that has to be played.
void Rounds::go_on(TimePoint now, UnixTime wall) {
  while (std::exchange(is_next_due_, false)) {
    begin_round(now);
    drain(now, wall);
  }
}

void Rounds::handle_timeout(TimePoint now) {
  wire_.handle_timeout(now);
  drain(now, {});
  session_.handle_timeout(now);
  drain(now, {});
  manager_.handle_timeout(now);
  drain(now, {});
  if (deadline_ && *deadline_ <= now && !finished()) {
    deadline_.reset();
    deadline_reached(now);
    drain(now, {});
  }
  go_on(now, {});
}

std::optional<TimePoint> Rounds::next_timeout() const {
  if (finished()) return std::nullopt;
  auto next = deadline_;
  for (const auto at : {wire_.next_timeout(), session_.next_timeout(), manager_.next_timeout()})
    if (at && (!next || *at < *next)) next = at;
  return next;
}

std::optional<BenchEvent> Rounds::poll_event() {
  if (events_.empty()) return std::nullopt;
  auto event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void Rounds::push(BenchEvent event) {
  // Whoever does not poll loses messages first.
  if (events_.size() < kEventsMax || !std::holds_alternative<MessageSeen>(event))
    events_.push_back(std::move(event));
}

void Rounds::drain(TimePoint now, UnixTime wall) {
  while (auto event = wire_.poll_event()) {
    if (const auto* established = std::get_if<Wire::Established>(&*event)) {
      if (established->door == Door::management)
        manager_.established(established->peer, established->identity);
      else
        identities_[established->peer] = established->identity;
    } else if (const auto* arrived = std::get_if<Wire::Arrived>(&*event)) {
      if (arrived->door == Door::bootstrap) {
        session_.receive(now, arrived->peer, arrived->datagram);
      } else if (!(door_is_shut_ && config_.security == SecurityMode::nosec)) {
        manager_.receive(
            now, wall, arrived->peer,
            {.id = arrived->peer,
             .security = config_.security,
             .endpoint = config_.security == SecurityMode::nosec ? std::string_view() : endpoint_,
             .address = wire_.address_of(arrived->peer)},
            arrived->datagram);
      }
    } else if (const auto* gone = std::get_if<Wire::Gone>(&*event)) {
      if (gone->door == Door::bootstrap)
        session_.peer_gone(now, gone->peer);
      else
        manager_.peer_gone(now, gone->peer);
      identities_.erase(gone->peer);
    } else if (const auto* refused = std::get_if<Wire::Refused>(&*event)) {
      on_refused_handshake(now, refused->door, refused->identity);
    }
  }
}

void Rounds::record(TimePoint now, Door door, PeerId peer, trace::Direction direction, ByteView datagram,
                    const char* spoilt) {
  auto& talk = talks_[static_cast<std::size_t>(door)];
  if (!talk.conversation || talk.peer != peer) {
    talk.peer = peer;
    talk.conversation.emplace(builtin_objects(), door == Door::bootstrap ? trace::Interface::bootstrap
                                                                         : trace::Interface::management);
  }
  auto row = talk.conversation->describe(direction, datagram, datagram.size());
  row.at = now - began_;
  if (*spoilt != '\0') row.detail += (row.detail.empty() ? "" : "; ") + std::string(spoilt);
  push(MessageSeen{door, row});
  if (rows_.rows.size() < kResultRowsMax)
    rows_.rows.push_back(std::move(row));
  else
    ++rows_.rows_dropped;
}

RunFacts Rounds::facts() const {
  RunFacts facts;
  facts.endpoint = endpoint_;
  if (enabler_) facts.enabler = std::to_string(enabler_->major) + "." + std::to_string(enabler_->minor);
  return facts;
}

// --- A round -------------------------------------------------------------------------------------

void Rounds::wait(TimePoint now, std::string what, Duration at_most) {
  deadline_ = now + at_most;
  push(Waiting{std::move(what), at_most});
}

void Rounds::begin_round(TimePoint now) {
  seen_ = {};
  rows_ = {};
  began_ = now;
  faults_done_ = 0;
  account_ = 0;
  honest_account_ = 0;
  honest_tries_ = 0;
  is_calling_ = false;
  attempt_peer_ = PeerId();
  attempt_answered_.reset();
  deadline_.reset();
  stage_ = Stage::calling;
  const auto* const fault = faults_[index_];
  push(RoundBegan{fault, index_, faults_.size()});
  if (fault != nullptr && fault->needs == Needs::dtls && config_.security == SecurityMode::nosec)
    return conclude_as(now, Verdict::not_applicable, "it needs DTLS");
  if (fault != nullptr && fault->needs == Needs::pack && !asks_for_packs_)
    return conclude_as(now, Verdict::not_applicable, "the device does not ask for a Bootstrap-Pack");
  call_device(now);
}

/// Gets the device to bootstrap: by /1/x/9 where it is registered, else by a person.
void Rounds::call_device(TimePoint now) {
  if (endpoint_.empty() || !manager_.has(endpoint_))
    return wait(now, "a device that bootstraps: start it, or start it anew", config_.patience);
  is_calling_ = true;
  wait(now, "the answer to /1/x/9 (Bootstrap-Request Trigger)", seconds(60));
  if (!manager_.call(now, endpoint_, server_instance_)) shut_door(now);
}

void Rounds::on_called(TimePoint now, std::optional<coap::Code> code) {
  if (!is_calling_ || (stage_ != Stage::calling && stage_ != Stage::aftermath)) return;
  if (code && coap::is_success(*code))
    return wait(now, "the device, which was told to bootstrap", kCalledTime);
  say("the device answers /1/x/9 with " +
      (code ? std::string(coap::describe(*code).view()) : std::string("nothing")) +
      ": its management server forgets it instead");
  shut_door(now);
}

/// A device without /1/x/9: its registration is refused until it bootstraps.
void Rounds::shut_door(TimePoint now) {
  door_is_shut_ = true;
  manager_.send_away(now, endpoint_);
  wait(now, "the device, which its management server refuses until it bootstraps", config_.patience);
}

void Rounds::deadline_reached(TimePoint now) {
  switch (stage_) {
    case Stage::idle:
    case Stage::done:
      return;
    case Stage::calling:
      if (is_calling_ && !door_is_shut_) return shut_door(now);
      if (faults_[index_] == nullptr && asks_for_packs_)
        return conclude_as(
            now, Verdict::failed,
            "the device asked for a Bootstrap-Pack, was answered 5.01, and did not go on with POST /bs");
      return stop(now, "no device came to bootstrap; start it, and look at its server URI and key");
    case Stage::faulting:  // scripts end by themselves; refusals wait for the next attempt
    case Stage::aftermath:
      seen_.ended = seen_.ended ? seen_.ended : now;
      if (!seen_.called && manager_.has(endpoint_)) {
        seen_.called = true;
        stage_ = Stage::aftermath;
        return call_device(now);
      }
      return conclude(now);
    case Stage::honest:
    case Stage::registering:
      if (stage_ == Stage::registering && honest_account_ == 0 && faults_[index_] != nullptr)
        return enter_aftermath(now);
      seen_.recovered = false;
      if (seen_.recovery.empty())
        seen_.recovery = stage_ == Stage::honest
                             ? "the honest bootstrap did not come to its end"
                             : "the device did not register with the account it was given";
      return conclude(now);
  }
}

void Rounds::enter_aftermath(TimePoint now) {
  stage_ = Stage::aftermath;
  if (!seen_.ended) seen_.ended = now;
  const auto* const fault = faults_[index_];
  wait(now, "the device to bootstrap again", fault != nullptr ? fault->patience : kRegistrationTime);
}

void Rounds::conclude(TimePoint now) {
  const auto* const fault = faults_[index_];
  if (fault != nullptr && fault->needs == Needs::pack && !seen_.began)
    return conclude_as(now, Verdict::not_applicable, "the device does not ask for a Bootstrap-Pack");
  if (fault != nullptr) return close_round(now, judge(*fault, seen_));
  const bool is_well = seen_.recovered == true;
  conclude_as(now, is_well ? Verdict::passed : Verdict::failed,
              is_well ? "the device bootstraps and registers" : seen_.recovery);
}

void Rounds::conclude_as(TimePoint now, Verdict verdict, std::string reason) {
  RoundResult result;
  result.fault = faults_[index_];
  result.verdict = verdict;
  result.reason = std::move(reason);
  close_round(now, std::move(result));
}

void Rounds::close_round(TimePoint now, RoundResult result) {
  session_.leave();
  deadline_.reset();
  result.rows = std::move(rows_.rows);
  result.rows_dropped = rows_.rows_dropped;
  rows_ = {};
  results_.push_back(result);
  const bool is_hopeless = result.fault == nullptr && result.verdict != Verdict::passed;
  push(RoundEnded{std::move(result)});
  ++index_;
  if (is_hopeless)
    return stop(now, "the device does not take an honest bootstrap, so nothing can be said of faults");
  if (index_ < faults_.size()) {
    stage_ = Stage::idle;  // until what ended this round has been answered
    is_next_due_ = true;
    return;
  }
  stage_ = Stage::done;
  push(Finished{});
}

void Rounds::stop(TimePoint, const std::string& reason) {
  if (finished()) return;
  session_.leave();
  deadline_.reset();
  is_next_due_ = false;
  for (; index_ < faults_.size(); ++index_) {
    RoundResult result;
    result.fault = faults_[index_];
    result.reason = reason;
    results_.push_back(result);
    push(RoundEnded{std::move(result)});
  }
  stage_ = Stage::done;
  push(Finished{});
}

void Rounds::on_registered(TimePoint now, const std::string& identity, seconds lifetime) {
  if (identity == poison_.identity) seen_.used_poison = true;
  const auto* const account = account_of(identity, lifetime);
  if (account == nullptr) return;
  if (account->number == account_ && account_ != 0) seen_.used_account = true;
  if (stage_ != Stage::registering) return;
  if (honest_account_ != 0 && account->number == honest_account_) {
    seen_.recovered = true;
    return conclude(now);
  }
  if (honest_account_ == 0 && account->number == account_) conclude(now);
}

}  // namespace slipway::kit

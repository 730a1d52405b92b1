// SPDX-License-Identifier: Apache-2.0
#include "client/bootstrap_session.hpp"

#include <algorithm>

#include <slipway/lwm2m/bootstrap.hpp>

#include "client/bootstrap_codes.hpp"
#include "client/bootstrap_operations.hpp"
#include "client/bootstrap_write.hpp"
#include "client/validation.hpp"

namespace slipway::client {
namespace {

/// MAX_TRANSMIT_WAIT: as long as the server may repeat its Finish. [RFC 7252 §4.8.2]
constexpr Duration kLinger = seconds(93);
/// Base of the back-off where /0/x/11 is smaller.
constexpr std::int64_t kRetryBaseSeconds = 1;
constexpr unsigned kDoublingsMax = 20;  // 2^20 s is beyond any cap

bool is_client_error(coap::Code code) {
  return coap::class_of(code) == 4;
}

}  // namespace

std::optional<BootstrapSession::Outcome> BootstrapSession::take_outcome() {
  auto taken = std::move(outcome_);
  outcome_.reset();
  return taken;
}

void BootstrapSession::begin(TimePoint now, Begin why) {
  if (!bootstrap_account(services_.model.in_transaction() ? services_.model.before()
                                                          : services_.model.tree()))
    return;
  if (is_active()) {
    roll_back();
    close(peer_);
    state_ = State::idle;
    services_.tell(BootstrapEnded{BootstrapEnd::superseded, std::nullopt, {}},
                   "a new bootstrap was asked for");
  }
  if (why == Begin::triggered) {
    failures_ = 0;
    attempt_ = 0;
    triggered_ = true;
  }
  plan(now);
}

/// /0/x/11, doubled for every failed round, capped, and spread by up to a half so that a fleet does not
/// come back as one.
void BootstrapSession::plan(TimePoint now) {
  const auto& tree = services_.model.tree();
  const auto account = bootstrap_account(tree);
  if (!account) {
    state_ = State::idle;
    at_.reset();
    return;
  }
  const auto hold_off = std::max<std::int64_t>(0, tree.integer(security(*account, 11)).value_or(0));
  const auto cap = services_.config.bootstrap_retry_max;
  Duration wait =
      std::min<Duration>(seconds(std::min<std::int64_t>(hold_off, 1 << 30)), std::max(cap, Duration(1)));
  if (failures_ > 0) {
    const auto base = std::max<std::int64_t>(kRetryBaseSeconds, std::min<std::int64_t>(hold_off, 1 << 20));
    wait = std::min<Duration>(seconds(base << std::min(failures_, kDoublingsMax)), cap);
  } else if (triggered_) {
    wait = {};  // /0/x/11 is for what the device decides itself, so that a fleet does not come as one
  }
  if (wait.count() > 1)
    wait += Duration(
        static_cast<Duration::rep>(services_.random.below(static_cast<std::uint64_t>(wait.count() / 2))));
  if (state_ != State::holding_off) end_listening();  // what is kept from an earlier success may be dead
  state_ = State::holding_off;
  at_ = now + std::max(wait, std::exchange(at_least_, Duration{}));
  listen();
}

/// Lets the bootstrap server speak first.
void BootstrapSession::listen() {
  const auto account = bootstrap_account(services_.model.tree());
  if (!accepts() || !account || peer_ != PeerId{}) return;
  connected_ = false;
  peer_ = services_.connect(*account, ShortServerId(0));
}

void BootstrapSession::end_listening() {
  if (!is_active()) close(peer_);
}

void BootstrapSession::registrations_succeeded() {
  if (failures_ > 0 && state_ == State::holding_off && !triggered_) {
    state_ = State::idle;
    at_.reset();
  }
  failures_ = 0;
}

void BootstrapSession::stop() {
  if (is_active()) roll_back();
  close(peer_);
  close(lingering_);
  linger_until_.reset();
  at_.reset();
  state_ = State::idle;
  failures_ = attempt_ = 0;  // what comes next has another account
}

void BootstrapSession::close(PeerId& peer) {
  if (peer == PeerId{}) return;
  if (peer == peer_) connected_ = false;
  services_.disconnect(peer);
  peer = PeerId{};
}

void BootstrapSession::connect(TimePoint now) {
  const auto account = bootstrap_account(services_.model.tree());
  if (!account) {
    state_ = State::idle;
    at_.reset();
    return;
  }
  if (lingering_ != PeerId{}) {
    close(lingering_);
    linger_until_.reset();
  }
  form_ = first_form(services_.config);
  const auto pack_next = std::exchange(pack_next_, PackNext::as_configured);
  if (form_ == RequestForm::pack && pack_next == PackNext::passed_over) form_ = RequestForm::with_format;
  state_ = State::connecting;
  at_ = now + services_.config.coap.exchange_lifetime;
  if (peer_ == PeerId{}) peer_ = services_.connect(*account, ShortServerId(0));
  services_.tell(BootstrapStarted{peer_, ++attempt_});
  if (connected_) connected(now, peer_);
}

void BootstrapSession::connected(TimePoint now, PeerId peer) {
  if (peer != peer_) return;
  connected_ = true;
  if (state_ != State::connecting) return;
  enter(now, Initiator::client);
  request(now);
}

/// The model is in flux from here on.
void BootstrapSession::enter(TimePoint now, Initiator initiator) {
  services_.model.begin();
  refusal_.clear();
  enabler_ = services_.config.enabler;
  at_ = now + services_.config.coap.exchange_lifetime;
  state_ = initiator == Initiator::client ? State::requesting : State::open;
  if (initiator == Initiator::server)
    services_.tell(BootstrapStarted{.peer = peer_, .attempt = ++attempt_, .initiator = initiator});
}

void BootstrapSession::request(TimePoint now) {
  state_ = State::requesting;
  at_ = now + services_.config.coap.exchange_lifetime;
  if (form_ == RequestForm::legacy) enabler_ = {1, 0};
  const auto sent = send_bootstrap_request(now, services_, peer_, form_);
  if (!sent) return fail(now, BootstrapEnd::session_failed, std::nullopt, sent.error().detail);
  request_ = *sent;
}

void BootstrapSession::request_again(TimePoint now, RequestForm form) {
  form_ = form;
  request(now);
}

void BootstrapSession::connection_failed(TimePoint now, PeerId peer, std::string_view reason) {
  if (peer == lingering_) {
    close(lingering_);
    linger_until_.reset();
  }
  if (peer != peer_) return;
  if (is_active()) return fail(now, BootstrapEnd::session_failed, std::nullopt, reason);
  end_listening();  // the request of the device's own comes in its time
}

void BootstrapSession::handle_timeout(TimePoint now) {
  if (linger_until_ && *linger_until_ <= now) {
    linger_until_.reset();
    close(lingering_);
    if (state_ == State::idle) listen();  // with the account that the session has brought
  }
  if (!at_ || *at_ > now) return;
  switch (state_) {
    case State::idle:
      at_.reset();
      return;
    case State::holding_off:
      return connect(now);
    case State::connecting:
      return fail(now, BootstrapEnd::timeout, std::nullopt, "no session with the bootstrap server in time");
    case State::requesting:
      if (form_ == RequestForm::pack) pack_next_ = PackNext::passed_over;
      return fail(now, BootstrapEnd::timeout, std::nullopt, "no answer from the bootstrap server in time");
    case State::open:
      return fail(now, BootstrapEnd::timeout, std::nullopt, "no Finish from the bootstrap server in time");
    case State::persisting:
      return fail(now, BootstrapEnd::session_failed, std::nullopt, "the state was not made durable in time");
  }
}

void BootstrapSession::handle_response(TimePoint now, const coap::ResponseReceived& event) {
  if (event.id != request_) return;
  request_.reset();
  if (state_ != State::requesting) return;
  if (form_ == RequestForm::pack) return take_pack(now, event.message);
  const auto code = event.message.code;
  if (coap::is_success(code)) {
    state_ = State::open;
    return;
  }
  // A server of 1.0 may not know `pct`. [LwM2M-CORE 1.2 §5.1]
  if (is_client_error(code) && form_ == RequestForm::with_format)
    return request_again(now, RequestForm::legacy);
  const auto max_age = event.message.find_number(coap::OptionNumber::max_age).value_or(0);
  const Duration wait = code == coap::Code::service_unavailable ? Duration(seconds(max_age)) : Duration{};
  fail(now, BootstrapEnd::refused, code, "the bootstrap server refused the request", wait);
}

void BootstrapSession::handle_failure(TimePoint now, const coap::RequestFailed& event) {
  if (event.id != request_) return;
  request_.reset();
  // A server that has begun with its commands took the request: only its answers were lost.
  if (state_ != State::requesting) return;
  if (form_ == RequestForm::pack) {
    if (event.reason == coap::RequestFailure::too_large)
      return refuse_pack(now, std::nullopt, "the pack is larger than the device takes");
    if (event.reason != coap::RequestFailure::timeout)
      return refuse_pack(now, std::nullopt, "the pack did not arrive whole");
    pack_next_ = PackNext::passed_over;
  }
  fail(now, BootstrapEnd::timeout, std::nullopt, "the bootstrap server does not answer");
}

// --- Pack ------------------------------------------------------------------------------------------

/// All or nothing: what the server gave is validated as at Finish, and there is no Finish.
void BootstrapSession::take_pack(TimePoint now, const coap::Message& message) {
  if (message.code != coap::Code::content)
    return refuse_pack(now, message.code, "the bootstrap server gives no pack");
  const auto number = message.content_format();
  if (!number) return refuse_pack(now, message.code, "the pack has no Content-Format");
  DecodedPayload decoded;
  if (const auto read =
          decode_payload(services_.model, Path(), ContentFormat{*number}, message.payload, decoded);
      !read)
    return refuse_pack(now, message.code, read.error().detail);
  if (const auto written = write_pack(services_.model, decoded.entries); !written)
    return refuse_pack(now, message.code, written.error().detail);
  if (const auto refused = conclude(now)) refuse_pack(now, message.code, as_text(refused->payload));
}

/// Whatever is wrong with it, the device asks in the other way at once. [LwM2M-CORE 1.2 §6.1.3.3]
void BootstrapSession::refuse_pack(TimePoint now, std::optional<coap::Code> code, std::string_view reason) {
  services_.tell(BootstrapPackFailed{code, {}}, std::string(reason));
  services_.model.rollback();
  services_.model.begin();
  request_again(now, RequestForm::with_format);
}

// --- Commands --------------------------------------------------------------------------------------

/// Whether a command of the server, which nobody asked for, opens a session.
bool BootstrapSession::begins_session(const coap::RequestReceived& event) const {
  if (!accepts() || is_active() || event.peer != peer_ || !bootstrap_account(services_.model.tree()))
    return false;
  const auto verb = verb_of(event.message);
  return verb != BootstrapVerb::finish && verb != BootstrapVerb::unknown;
}

void BootstrapSession::handle_request(TimePoint now, const coap::RequestReceived& event) {
  if (begins_session(event)) enter(now, Initiator::server);
  const bool awaits_commands =
      state_ == State::open || (state_ == State::requesting && form_ != RequestForm::pack);
  if (event.peer != peer_ || !awaits_commands) {
    const auto code = state_ == State::persisting ? coap::Code::service_unavailable : coap::Code::bad_request;
    return services_.respond(now, event.id,
                             Answer::error(code, "there is no bootstrap session that takes this"));
  }
  at_ = now + services_.config.coap.exchange_lifetime;
  // A command before the answer to the request: that answer was lost, or overtaken.
  state_ = State::open;
  if (verb_of(event.message) == BootstrapVerb::finish) return finish(now, event.id);
  services_.respond(now, event.id, bootstrap_operation(services_, enabler_, event.message));
}

void BootstrapSession::finish(TimePoint now, coap::IncomingId id) {
  if (const auto refused = conclude(now)) {
    if (refused->code == coap::Code::not_acceptable) refusal_ = as_text(refused->payload);
    return services_.respond(now, id, *refused);
  }
  finish_ = id;
}

/// Completes what the server gave, validates it and asks for it to be kept. On a refusal, which it returns,
/// the model is what it was.
std::optional<Answer> BootstrapSession::conclude(TimePoint now) {
  auto& model = services_.model;
  const auto given = model.save();
  const auto refuse = [&](coap::Code code, std::string_view reason) {
    model.restore(given);
    return Answer::error(code, reason);
  };
  if (const auto adopted = adopt_own_certificate(model.before(), model.mutable_tree()); !adopted)
    return refuse(coap::Code::internal_server_error, adopted.error().detail);
  if (const auto wrong = validate(model, Purpose::finish, services_.checks(now))) {
    std::string reason(wrong->place.text().view());
    reason += ": ";
    reason += wrong->rule;
    return refuse(coap::Code::not_acceptable, reason);
  }
  stamp_accounts(now);
  const auto persist = services_.persist();
  if (!persist) return refuse(coap::Code::internal_server_error, persist.error().detail);
  persist_ = *persist;
  state_ = State::persisting;
  return std::nullopt;
}

/// /1/x/12 of every server. [LwM2M-CORE 1.2 App. E.2]
void BootstrapSession::stamp_accounts(TimePoint now) {
  remember_bootstrap(services_.model);
  const auto stamp = services_.unix_seconds(now);
  if (!stamp) return;
  auto& tree = services_.model.mutable_tree();
  std::vector<InstanceId> servers;
  for (const Path& path : instances(tree, kServer)) servers.push_back(path.instance());
  for (const auto id : servers) (void)tree.put(server(id, 12), Value::time(*stamp));
}

void BootstrapSession::persisted(TimePoint now, std::uint64_t id, Client::Persisted outcome) {
  if (state_ != State::persisting || id != persist_) return;
  const auto incoming = std::exchange(finish_, std::nullopt);  // none after a pack
  if (outcome == Client::Persisted::failed) {
    if (incoming)
      services_.respond(now, *incoming,
                        Answer::error(coap::Code::internal_server_error, "the device cannot store it"));
    return fail(now, BootstrapEnd::session_failed, std::nullopt, "the state could not be made durable");
  }
  const auto old = bootstrap_account(services_.model.before());
  const auto account = bootstrap_account(services_.model.tree());
  const bool is_same =
      old && account && same_account(services_.model.before(), *old, services_.model.tree(), *account);
  outcome_ = Outcome{BootstrapEnd::succeeded, services_.model.before()};
  services_.model.commit();
  if (incoming) services_.respond(now, *incoming, {.code = coap::Code::changed});
  // Its answer was lost. A server that has forgotten this session would begin another by a repetition.
  if (request_) services_.endpoint.cancel(*std::exchange(request_, std::nullopt));
  if (!accepts() || !is_same) linger(now);
  triggered_ = false;
  attempt_ = 0;
  state_ = State::idle;
  at_.reset();
  // Until a registration shows that the accounts work, this counts as a failure: a device that is
  // given an account that its server refuses must not come back without a pause.
  ++failures_;
  services_.tell(BootstrapEnded{BootstrapEnd::succeeded, std::nullopt, {}});
}

void BootstrapSession::linger(TimePoint now) {
  lingering_ = peer_;
  linger_until_ = now + kLinger;
  peer_ = PeerId{};
  connected_ = false;
}

void BootstrapSession::roll_back() {
  // What was asked to be kept in `persisting` is not the state any more: the old one is.
  if (state_ == State::persisting) services_.mark_dirty();
  services_.model.rollback();
  request_.reset();
  finish_.reset();
}

void BootstrapSession::fail(TimePoint now, BootstrapEnd end, std::optional<coap::Code> code,
                            std::string_view reason, Duration at_least) {
  const bool was_answered = state_ == State::persisting;
  // A server that leaves after a refused Finish has failed by what that Finish said.
  if (state_ == State::open && !refusal_.empty()) {
    end = BootstrapEnd::inconsistent;
    reason = refusal_;
  }
  roll_back();
  if (was_answered)
    linger(now);
  else
    close(peer_);
  ++failures_;
  services_.tell(BootstrapEnded{end, code, {}}, std::string(reason));
  outcome_ = Outcome{end, std::nullopt};
  at_least_ = at_least;
  state_ = State::idle;  // until the client has decided what follows
  at_.reset();
}

}  // namespace slipway::client

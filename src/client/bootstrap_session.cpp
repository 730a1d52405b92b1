// SPDX-License-Identifier: Apache-2.0
#include "client/bootstrap_session.hpp"

#include <algorithm>

#include <slipway/base/uri.hpp>

#include "client/bootstrap_operations.hpp"
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
  }
  if (wait.count() > 1)
    wait += Duration(
        static_cast<Duration::rep>(services_.random.below(static_cast<std::uint64_t>(wait.count() / 2))));
  state_ = State::holding_off;
  at_ = now + std::max(wait, std::exchange(at_least_, Duration{}));
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
}

void BootstrapSession::close(PeerId& peer) {
  if (peer == PeerId{}) return;
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
  form_ = Form::with_format;
  enabler_ = services_.config.enabler;
  if (enabler_ < Version{1, 1}) form_ = Form::legacy;
  state_ = State::connecting;
  at_ = now + services_.config.coap.exchange_lifetime;
  peer_ = services_.connect(*account, ShortServerId(0));
  services_.tell(BootstrapStarted{peer_, ++attempt_});
}

void BootstrapSession::connected(TimePoint now) {
  if (state_ != State::connecting) return;
  services_.model.begin();
  request(now);
}

void BootstrapSession::request(TimePoint now) {
  state_ = State::requesting;
  at_ = now + services_.config.coap.exchange_lifetime;
  lwm2m::QueryList queries;
  std::string path;
  bool fits = true;
  // Path and query of the account's URI stay in front.
  const auto account = bootstrap_account(services_.model.tree());
  const auto uri = account ? parse_uri(services_.model.tree().text(security(*account, 0)))
                           : Result<Uri>(slipway::fail(ErrorCode::not_found, ""));
  if (uri && uri->path != "/") path = uri->path;
  if (uri && !uri->query.empty()) fits = queries.add(uri->query);
  path += lwm2m::kBootstrapPath;
  std::optional<ContentFormat> format;
  if (form_ == Form::with_format)
    format = lwm2m::is_bootstrap_format(services_.config.preferred_format) ? services_.config.preferred_format
                                                                           : ContentFormat::senml_cbor;
  fits = fits &&
         lwm2m::add_bootstrap_queries(queries, {.endpoint = services_.config.endpoint, .preferred = format});
  if (!fits)
    return fail(now, BootstrapEnd::session_failed, std::nullopt, "the request does not fit its bounds");
  const auto sent = services_.endpoint.request(
      now, peer_,
      {.code = coap::Code::post, .path = path, .queries = queries.view(), .tag = tag_of(Owner::bootstrap)});
  if (!sent) return fail(now, BootstrapEnd::session_failed, std::nullopt, sent.error().detail);
  request_ = *sent;
}

void BootstrapSession::connection_failed(TimePoint now, PeerId peer, std::string_view reason) {
  if (peer == lingering_) {
    close(lingering_);
    linger_until_.reset();
  }
  if (peer == peer_ && is_active()) fail(now, BootstrapEnd::session_failed, std::nullopt, reason);
}

void BootstrapSession::handle_timeout(TimePoint now) {
  if (linger_until_ && *linger_until_ <= now) {
    linger_until_.reset();
    close(lingering_);
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
    case State::open:
      return fail(now, BootstrapEnd::timeout, std::nullopt, "no Finish from the bootstrap server in time");
    case State::persisting:
      return fail(now, BootstrapEnd::session_failed, std::nullopt, "the state was not made durable in time");
  }
}

void BootstrapSession::handle_response(TimePoint now, const coap::ResponseReceived& event) {
  if (event.id != request_) return;
  request_.reset();
  const auto code = event.message.code;
  if (coap::is_success(code)) {
    if (state_ == State::requesting) state_ = State::open;
    return;
  }
  if (state_ != State::requesting) return;
  // A server of 1.0 may not know `pct`. [LwM2M-CORE 1.2 §5.1]
  if (is_client_error(code) && form_ == Form::with_format) {
    form_ = Form::legacy;
    enabler_ = {1, 0};
    return request(now);
  }
  const auto max_age = event.message.find_number(coap::OptionNumber::max_age).value_or(0);
  const Duration wait = code == coap::Code::service_unavailable ? Duration(seconds(max_age)) : Duration{};
  fail(now, BootstrapEnd::refused, code, "the bootstrap server refused the request", wait);
}

void BootstrapSession::handle_failure(TimePoint now, const coap::RequestFailed& event) {
  if (event.id != request_) return;
  request_.reset();
  // A server that has begun with its commands took the request: only its answers were lost.
  if (state_ != State::requesting) return;
  fail(now, BootstrapEnd::timeout, std::nullopt, "the bootstrap server does not answer");
}

void BootstrapSession::handle_request(TimePoint now, const coap::RequestReceived& event) {
  const bool is_open = event.peer == peer_ && (state_ == State::requesting || state_ == State::open);
  if (!is_open) {
    const auto code = state_ == State::persisting ? coap::Code::service_unavailable : coap::Code::bad_request;
    return services_.respond(now, event.id,
                             Answer::error(code, "there is no bootstrap session that takes this"));
  }
  at_ = now + services_.config.coap.exchange_lifetime;
  // A command before the answer to the request: that answer was lost, or overtaken.
  state_ = State::open;
  const bool is_finish =
      event.message.code == coap::Code::post && event.message.uri_path() == lwm2m::kBootstrapPath;
  if (is_finish) return finish(now, event.id);
  services_.respond(now, event.id, bootstrap_operation(services_, enabler_, event.message));
}

void BootstrapSession::finish(TimePoint now, coap::IncomingId id) {
  if (const auto wrong = validate(services_.model, Purpose::finish)) {
    std::string reason(wrong->place.text().view());
    reason += ": ";
    reason += wrong->rule;
    return services_.respond(now, id, Answer::error(coap::Code::not_acceptable, reason));
  }
  const auto before_stamp = services_.model.save();
  stamp_accounts(now);
  const auto persist = services_.persist();
  if (!persist) {
    services_.model.restore(before_stamp);
    return services_.respond(now, id,
                             Answer::error(coap::Code::internal_server_error, persist.error().detail));
  }
  persist_ = *persist;
  finish_ = id;
  state_ = State::persisting;
}

/// /1/x/12 of every server. [LwM2M-CORE 1.2 App. E.2]
void BootstrapSession::stamp_accounts(TimePoint now) {
  const auto stamp = services_.unix_seconds(now);
  if (!stamp) return;
  auto& tree = services_.model.mutable_tree();
  std::vector<InstanceId> servers;
  for (const Path& path : instances(tree, kServer)) servers.push_back(path.instance());
  for (const auto id : servers) (void)tree.put(server(id, 12), Value::time(*stamp));
}

void BootstrapSession::persisted(TimePoint now, std::uint64_t id, Client::Persisted outcome) {
  if (state_ != State::persisting || id != persist_) return;
  const auto incoming = *finish_;
  finish_.reset();
  if (outcome == Client::Persisted::failed) {
    services_.respond(now, incoming,
                      Answer::error(coap::Code::internal_server_error, "the device cannot store it"));
    return fail(now, BootstrapEnd::session_failed, std::nullopt, "the state could not be made durable");
  }
  outcome_ = Outcome{BootstrapEnd::succeeded, services_.model.before()};
  services_.model.commit();
  services_.respond(now, incoming, {.code = coap::Code::changed});
  linger(now);
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

// SPDX-License-Identifier: Apache-2.0
#include "unit/kit/bad_device.hpp"

#include <algorithm>
#include <array>

namespace slipway::kit::test {

namespace tls = security::dtls;
using coap::Code;

namespace {

constexpr ObjectId kSecurityObject{0};
constexpr ObjectId kServerObject{1};
constexpr Duration kGivesUp = seconds(247);
constexpr Duration kBackOff = seconds(2);
constexpr std::size_t kBodyMax = 64 * 1024;

coap::EndpointConfig endpoint_config() {
  coap::EndpointConfig config;
  config.body_max = kBodyMax;
  return config;
}

}  // namespace

BadDevice::BadDevice(SecurityMode security, Bytes identity, Bytes key, Vices vices, Random& random)
    : security_(security), vices_(vices), random_(random), endpoint_(endpoint_config(), random) {
  const Path account(kSecurityObject, InstanceId(0));
  kept_[account.child(0)] = OwnedValue(
      Value::string(security == SecurityMode::psk ? "coaps://192.0.2.1:5784" : "coap://192.0.2.1:5784"));
  kept_[account.child(1)] = OwnedValue(Value::boolean(true));
  kept_[account.child(2)] = OwnedValue(Value::integer(static_cast<int>(security)));
  kept_[account.child(3)] = OwnedValue(Value::opaque(identity));
  kept_[account.child(5)] = OwnedValue(Value::opaque(key));
}

// --- Sessions ---------------------------------------------------------------------------------------------

void BadDevice::connect(TimePoint now, std::optional<Link>& link, Door door, ByteView identity,
                        ByteView key) {
  drop(now, link);
  link.emplace(Link{door, PeerId(++last_peer_), Address::v4(198, 51, 100, 9, ++last_port_), nullptr});
  if (security_ == SecurityMode::nosec) return connected(now, *link);
  link->dtls = std::make_unique<tls::DtlsClient>(
      tls::ClientConfig{.credential = tls::PskCredential{*tls::PskIdentity::from(identity), Secret(key)}},
      random_);
  (void)link->dtls->start(now);
  drain_dtls(now, link);
}

void BadDevice::drop(TimePoint now, std::optional<Link>& link) {
  if (!link) return;
  endpoint_.drop_peer(link->peer);
  while (endpoint_.poll_event()) {
  }
  if (link->dtls) {
    link->dtls->end(now);
    while (const auto out = link->dtls->poll_transmit())
      outgoing_.push_back({link->door, link->local, Bytes(out->begin(), out->end())});
  }
  link.reset();
}

void BadDevice::drain_dtls(TimePoint now, std::optional<Link>& link) {
  while (link && link->dtls) {
    const auto event = link->dtls->poll_event();
    if (!event) break;
    if (std::holds_alternative<tls::Connected>(*event)) {
      connected(now, *link);
    } else if (const auto* datagram = std::get_if<tls::ClientDatagramReceived>(&*event)) {
      const Bytes plaintext(datagram->plaintext.begin(), datagram->plaintext.end());
      const auto message = coap::Message::parse(plaintext);
      const bool is_minded = (vices_.minds_garbage && !message) ||
                             (vices_.minds_blocks && message && message->find(coap::OptionNumber::block1));
      if (is_minded && link->door == Door::bootstrap) {
        fail_session(now);
        return;
      }
      endpoint_.handle_datagram(now, link->peer, plaintext);
      drain(now);
    } else {
      const auto door = link->door;
      while (const auto out = link->dtls->poll_transmit())
        outgoing_.push_back({door, link->local, Bytes(out->begin(), out->end())});
      link->dtls.reset();
      drop(now, link);
      return lost(now, door);
    }
  }
  if (link && link->dtls)
    while (const auto out = link->dtls->poll_transmit())
      outgoing_.push_back({link->door, link->local, Bytes(out->begin(), out->end())});
}

void BadDevice::handle_datagram(TimePoint now, const Address& to, ByteView datagram) {
  for (auto* const link : {&bootstrap_, &management_}) {
    if (!*link || (*link)->local != to) continue;
    if ((*link)->dtls) {
      (*link)->dtls->handle_datagram(now, datagram);
      drain_dtls(now, *link);
    } else {
      endpoint_.handle_datagram(now, (*link)->peer, datagram);
    }
    return drain(now);
  }
}

void BadDevice::handle_timeout(TimePoint now) {
  endpoint_.handle_timeout(now);
  for (auto* const link : {&bootstrap_, &management_})
    if (*link && (*link)->dtls) {
      (*link)->dtls->handle_timeout(now);
      drain_dtls(now, *link);
    }
  drain(now);
  if (give_up_at_ && *give_up_at_ <= now) {
    give_up_at_.reset();
    fail_session(now);
  }
  if (bootstrap_at_ && *bootstrap_at_ <= now) {
    bootstrap_at_.reset();
    begin_bootstrap(now);
  }
}

std::optional<TimePoint> BadDevice::next_timeout() const {
  auto next = endpoint_.next_timeout();
  const auto earlier = [&](std::optional<TimePoint> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  for (const auto* const link : {&bootstrap_, &management_})
    if (*link && (*link)->dtls) earlier((*link)->dtls->next_timeout());
  earlier(give_up_at_);
  earlier(bootstrap_at_);
  return next;
}

void BadDevice::lost(TimePoint now, Door door) {
  if (door == Door::bootstrap) {
    if (state_ != State::finished && state_ != State::idle) fail_session(now);
  } else if (!vices_.never_returns && !bootstrap_at_ &&
             (state_ == State::idle || state_ == State::finished)) {
    bootstrap_at_ = now + kBackOff;  // nobody to register with
  }
}

void BadDevice::drain(TimePoint now) {
  while (const auto event = endpoint_.poll_event()) {
    if (const auto* request = std::get_if<coap::RequestReceived>(&*event))
      handle(now, *request);
    else if (const auto* response = std::get_if<coap::ResponseReceived>(&*event))
      handle(now, *response);
    else if (const auto* failed = std::get_if<coap::RequestFailed>(&*event)) {
      if (failed->id == request_ && state_ == State::requesting)
        fail_session(now);
      else if (management_ && failed->peer == management_->peer)
        lost(now, Door::management);
    }
  }
  while (const auto out = endpoint_.poll_transmit())
    for (auto* const link : {&bootstrap_, &management_}) {
      if (!*link || (*link)->peer != out->peer) continue;
      if ((*link)->dtls) {
        (void)(*link)->dtls->send(now, out->bytes);
        while (const auto record = (*link)->dtls->poll_transmit())
          outgoing_.push_back({(*link)->door, (*link)->local, Bytes(record->begin(), record->end())});
      } else {
        outgoing_.push_back({(*link)->door, (*link)->local, Bytes(out->bytes.begin(), out->bytes.end())});
      }
    }
}

void BadDevice::respond(TimePoint now, coap::IncomingId id, Code code, ByteView payload, bool links) {
  coap::OutgoingResponse response{.code = code, .payload = payload};
  if (links) response.content_format = static_cast<std::uint16_t>(ContentFormat::link_format);
  (void)endpoint_.respond(now, id, response);
}

// --- The course of things ---------------------------------------------------------------------------------

std::optional<std::uint16_t> BadDevice::account(bool is_bootstrap, const Values& values) const {
  for (const auto& [path, value] : values)
    if (path.object() == kSecurityObject && path.resource() == ResourceId(1) &&
        value.view().as_boolean() == is_bootstrap)
      return path.instance().value();
  return std::nullopt;
}

void BadDevice::begin_bootstrap(TimePoint now) {
  const auto id = account(true, kept_);
  if (!id) return;
  const Path at(kSecurityObject, InstanceId(*id));
  state_ = State::connecting;
  give_up_at_ = now + kGivesUp;
  asked_for_pack_ = false;
  const auto identity = kept_[at.child(3)].view().as_opaque();
  const auto key = kept_[at.child(5)].view().as_opaque();
  connect(now, bootstrap_, Door::bootstrap, identity, key);
}

void BadDevice::begin_registration(TimePoint now) {
  const auto id = account(false, kept_);
  if (!id) return;
  const Path at(kSecurityObject, InstanceId(*id));
  connect(now, management_, Door::management, kept_[at.child(3)].view().as_opaque(),
          kept_[at.child(5)].view().as_opaque());
}

void BadDevice::connected(TimePoint now, Link& link) {
  if (link.door == Door::bootstrap) {
    draft_ = kept_;
    written_.clear();
    state_ = State::requesting;
    is_answered_ = false;
    return ask(now);
  }
  const auto server = std::ranges::find_if(kept_, [](const auto& entry) {
    return entry.first.object() == kServerObject && entry.first.resource() == ResourceId(1);
  });
  const auto lifetime = server == kept_.end() ? 86400 : server->second.view().as_integer();
  const std::string lt = "lt=" + std::to_string(lifetime);
  const std::string ep = "ep=" + std::string(kEndpoint);
  const std::array<std::string_view, 4> queries{"lwm2m=1.1", ep, lt, "b=U"};
  (void)endpoint_.request(now, link.peer,
                          {.code = Code::post,
                           .path = "/rd",
                           .queries = queries,
                           .content_format = static_cast<std::uint16_t>(ContentFormat::link_format),
                           .payload = as_bytes("</1/0>,</3/0>")});
  drain(now);
}

void BadDevice::ask(TimePoint now) {
  const std::string ep = "ep=" + std::string(kEndpoint);
  asked_for_pack_ = vices_.asks_for_packs && !asked_for_pack_;
  if (asked_for_pack_) {
    const std::array<std::string_view, 1> queries{ep};
    const auto asked = endpoint_.request(now, bootstrap_->peer,
                                         {.code = Code::get,
                                          .path = "/bspack",
                                          .queries = queries,
                                          .accept = static_cast<std::uint16_t>(ContentFormat::senml_cbor)});
    if (asked) request_ = *asked;
  } else {
    const std::array<std::string_view, 2> queries{ep, "pct=112"};
    const auto asked =
        endpoint_.request(now, bootstrap_->peer, {.code = Code::post, .path = "/bs", .queries = queries});
    if (asked) request_ = *asked;
  }
  drain(now);
}

void BadDevice::handle(TimePoint now, const coap::ResponseReceived& event) {
  if (event.id != request_) return;
  request_.reset();
  if (asked_for_pack_) {
    const bool is_content = coap::is_success(event.message.code);
    if (vices_.never_returns && !is_content) return fail_session(now);
    if (!is_content || !vices_.trusts_packs) return ask(now);
    (void)write(event.message);  // as if it were a Write to /
    kept_ = draft_;
    state_ = State::finished;
    give_up_at_.reset();
    return begin_registration(now);
  }
  is_answered_ = coap::is_success(event.message.code);
  if (!is_answered_) return fail_session(now);
  if (state_ == State::requesting) state_ = State::open;
}

void BadDevice::handle(TimePoint now, const coap::RequestReceived& event) {
  if (bootstrap_ && event.peer == bootstrap_->peer) return bootstrap_command(now, event);
  const bool is_trigger = event.message.code == Code::post && event.message.uri_path().view().ends_with("/9");
  if (!is_trigger || vices_.ignores_trigger) return respond(now, event.id, Code::method_not_allowed);
  respond(now, event.id, Code::changed);
  bootstrap_at_ = now + milliseconds(10);
}

void BadDevice::fail_session(TimePoint now) {
  state_ = State::idle;
  give_up_at_.reset();
  drop(now, bootstrap_);
  if (vices_.never_returns) {
    drop(now, management_);
    return;
  }
  if (vices_.keeps_unfinished) {
    kept_ = draft_;
    begin_registration(now);
  }
  bootstrap_at_ =
      now + (vices_.hammers ? Duration(milliseconds(10)) : kBackOff * (1 << std::min(failures_, 5U)));
  ++failures_;
}

void BadDevice::bootstrap_command(TimePoint now, const coap::RequestReceived& event) {
  const auto& message = event.message;
  if (state_ == State::finished) {
    if (vices_.takes_late_writes && message.code == Code::put) {
      draft_ = kept_;
      const auto code = write(message);
      kept_ = draft_;
      respond(now, event.id, code);
      return begin_registration(now);
    }
    return vices_.deaf_after_finish ? void() : respond(now, event.id, Code::bad_request);
  }
  if (vices_.wants_answer_first && !is_answered_) {
    respond(now, event.id, Code::bad_request);
    drain(now);
    return vices_.gives_up_at_refusals ? fail_session(now) : void();
  }
  state_ = State::open;
  give_up_at_ = now + (vices_.is_quick_tempered ? Duration(seconds(30)) : kGivesUp);
  const auto path = Path::parse(message.uri_path().view());
  Code code = Code::bad_request;
  if (message.code == Code::post) {
    code = finish();
    respond(now, event.id, code);
    if (coap::is_success(code)) {
      kept_ = draft_;
      failures_ = 0;
      state_ = State::finished;
      give_up_at_.reset();
      drain(now);
      return begin_registration(now);
    }
  } else if (message.code == Code::get &&
             message.accept() == static_cast<std::uint16_t>(ContentFormat::link_format)) {
    return respond(now, event.id, Code::content, as_bytes(discovered()), true);
  } else if (message.code == Code::get) {
    code = vices_.gives_keys ? Code::content : Code::method_not_allowed;
    respond(now, event.id, code, as_bytes(vices_.gives_keys ? "secret" : ""));
  } else if (message.code == Code::put) {
    code = write(message);
    respond(now, event.id, code);
  } else if (message.code == Code::del && path) {
    code = remove(*path);
    respond(now, event.id, code);
  }
  drain(now);
  if (vices_.gives_up_at_refusals && !coap::is_success(code)) fail_session(now);
}

// --- Its model --------------------------------------------------------------------------------------------

Code BadDevice::write(const coap::Message& message) {
  const auto base = Path::parse(asked_for_pack_ ? "/" : message.uri_path().view());
  const auto number = message.content_format();
  std::vector<Entry> entries(64);
  Bytes scratch(message.payload.size());
  const auto format = number ? ContentFormat{*number} : ContentFormat::senml_cbor;
  const auto decoded = base ? codec::decode(format, *base, message.payload, {.catalog = &builtin_objects()},
                                            {.entries = entries, .scratch = scratch})
                            : Result<std::span<Entry>>(slipway::fail(ErrorCode::malformed, ""));
  const auto refused = [&](Code code) { return vices_.takes_anything ? Code::changed : code; };
  if (vices_.knows_one_format && format != ContentFormat::senml_cbor) return Code::unsupported_content_format;
  if (!decoded && decoded.error().code == ErrorCode::unsupported)
    return refused(Code::unsupported_content_format);
  if (!decoded || !number) return refused(Code::bad_request);
  for (const auto& entry : *decoded) {
    const auto* const object = builtin_objects().find(entry.path.object());
    const auto* const known = object != nullptr ? object->find(entry.path.resource()) : nullptr;
    if (known == nullptr || !check(*known, entry.value)) return refused(Code::bad_request);
  }
  auto target = base->prefix(2);
  const std::string name(target.text().view());
  const bool again = std::ranges::find(written_, name) != written_.end();
  written_.push_back(name);
  std::erase_if(draft_, [&](const auto& entry) {
    return base->has_instance() && target.contains(entry.first) && !(vices_.copies_instances && again);
  });
  for (const auto& entry : *decoded) {
    auto path = entry.path;
    if (vices_.copies_instances && again)
      path = Path(path.object(), InstanceId(static_cast<std::uint16_t>(path.instance().value() + 50)),
                  path.resource());
    draft_[path] = OwnedValue(entry.value);
  }
  return Code::changed;
}

Code BadDevice::remove(const Path& path) {
  if (vices_.dies_at_delete && path.is_root()) return Code::method_not_allowed;
  const auto bootstrap = account(true, draft_);
  const Path own(kSecurityObject, InstanceId(bootstrap.value_or(0)));
  if (path == own && !vices_.loses_account) return Code::bad_request;
  std::erase_if(draft_, [&](const auto& entry) {
    return path.contains(entry.first) && (vices_.loses_account || !own.contains(entry.first));
  });
  return Code::deleted;
}

Code BadDevice::finish() const {
  if (vices_.takes_anything) return Code::changed;
  std::map<std::int64_t, int> security, server;
  int own = 0;
  for (const auto& [path, value] : draft_) {
    if (path.object() == kSecurityObject && path.resource() == ResourceId(10))
      ++security[value.view().as_integer()];
    if (path.object() == kServerObject && path.resource() == ResourceId(0)) {
      ++server[value.view().as_integer()];
      if (!draft_.contains(path.parent().child(1))) return Code::not_acceptable;
    }
    if (path.object() == kSecurityObject && path.resource() == ResourceId(1) && value.view().as_boolean())
      ++own;
    const bool is_uri = path.object() == kSecurityObject && path.resource() == ResourceId(0);
    if (is_uri && value.view().as_text().starts_with("coaps:") != (security_ == SecurityMode::psk))
      return Code::not_acceptable;
  }
  const bool each_once = std::ranges::all_of(server, [](const auto& one) { return one.second == 1; });
  return security == server && each_once && !server.empty() && own <= 1 ? Code::changed
                                                                        : Code::not_acceptable;
}

std::string BadDevice::discovered() const {
  std::map<Path, std::int64_t> instances;
  for (const auto& [path, value] : draft_) {
    auto& server = instances[path.prefix(2)];
    const bool is_id = (path.object() == kSecurityObject && path.resource() == ResourceId(10)) ||
                       (path.object() == kServerObject && path.resource() == ResourceId(0));
    if (is_id) server = value.view().as_integer();
  }
  std::string text = "</>;lwm2m=1.1";
  for (const auto& [path, server] : instances) {
    text += ",<" + std::string(path.text().view()) + ">";
    if (server != 0) text += ";ssid=" + std::to_string(server);
  }
  return vices_.loses_account && !account(true, draft_) ? text : text + ",</3/0>";
}

}  // namespace slipway::kit::test

// SPDX-License-Identifier: Apache-2.0
#include "lab.hpp"

#include <algorithm>

#include <slipway/base/uri.hpp>
#include <slipway/security/keys.hpp>
#include <slipway/trace/journey.hpp>

namespace slipway::enabler {

namespace dtls = security::dtls;
using client::test::path;
using client::test::operator+;

namespace {

/// There is one name, and no name server.
Address address_of(std::string_view uri) {
  const auto parsed = parse_uri(uri);
  EXPECT_TRUE(parsed) << uri;
  if (parsed && parsed->host == kServerName) return Address::v4(192, 0, 2, 2, parsed->port);
  const auto address =
      parsed ? Address::parse(std::string(parsed->host) + ":" + std::to_string(parsed->port)) : Address();
  EXPECT_TRUE(address) << uri;
  return address.value_or(Address());
}

client::test::Reply reply_of(const coap::Message& message) {
  return {.code = message.code,
          .format = message.content_format(),
          .payload = std::string(as_text(message.payload))};
}

bool matches(std::string_view path, std::string_view wanted) {
  if (wanted.ends_with('*')) return path.starts_with(wanted.substr(0, wanted.size() - 1));
  return path == wanted;
}

/// What a device does with the resources of an account. [LwM2M-TRANSPORT 1.2 §5.2.9]
dtls::Credential credential_of(const client::ConnectWanted& event) {
  const auto bytes = [](ByteView view) { return Bytes(view.begin(), view.end()); };
  if (event.mode == SecurityMode::psk)
    return dtls::PskCredential{*dtls::PskIdentity::from(event.identity), Secret(event.key)};
  if (event.mode == SecurityMode::rpk)
    return dtls::RawKeyCredential{bytes(event.identity), Secret(event.key), bytes(event.server_public_key)};
  dtls::CertificateCredential credential;
  credential.chain.push_back(bytes(event.identity));
  credential.private_key = Secret(event.key);
  credential.trust.server_key = bytes(event.server_public_key);
  if (const auto uri = parse_uri(event.uri)) credential.trust.name = std::string(uri->host);
  return credential;
}

template <class T>
void earliest(std::optional<TimePoint>& next, const T& engine) {
  if (!engine) return;
  if (const auto at = engine->next_timeout(); at && (!next || *at < *next)) next = at;
}

}  // namespace

std::vector<std::string> Seen::queries() const {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < message.option_count(); ++i)
    if (const auto option = message.option(i); option.number == coap::OptionNumber::uri_query)
      out.emplace_back(option.text());
  return out;
}

Lab::Lab(Device& device, client::ClientConfig config)
    : endpoint_(config.endpoint.empty() ? "urn:dev:ets" : config.endpoint),
      client_(
          [&] {
            config.endpoint = endpoint_;
            return config;
          }(),
          device.model, random_) {}

Lab::~Lab() {
  if (testing::Test::HasFailure()) std::fputs(told().c_str(), stdout);
}

// --- Who takes part ------------------------------------------------------------------------------

Host& Lab::add(std::string name, std::string_view uri, dtls::ServerKeys keys) {
  auto host = std::make_unique<Host>();
  host->name = std::move(name);
  host->address = address_of(uri);
  if (uri.starts_with("coaps")) {
    dtls::ServerConfig config;
    config.next_peer = [this] { return PeerId(++last_peer_); };
    config.keys = std::move(keys);
    host->dtls = std::make_unique<dtls::DtlsServer>(std::move(config), random_);
  }
  hosts_.push_back(std::move(host));
  return *hosts_.back();
}

Host& Lab::bootstrap_server(std::string_view uri, fleet::Plan plan) {
  auto& host = add("BS", uri, {});
  host.plan = std::make_shared<const fleet::Plan>(std::move(plan));
  host.bootstrap = std::make_unique<bootstrap::Server>(bootstrap::ServerConfig{}, builtin_objects(), random_,
                                                       key_random_, maker_.get());
  return host;
}

Host& Lab::management_server(std::string name, std::string_view uri, dtls::ServerKeys keys) {
  auto& host = add(std::move(name), uri, std::move(keys));
  host.management =
      std::make_unique<management::Server>(management::ServerConfig{}, builtin_objects(), random_);
  return host;
}

Host& Lab::scripted_server(std::string_view uri) {
  auto& host = add("BS", uri, {});
  host.scripted = std::make_unique<coap::Endpoint>(coap::EndpointConfig{}, random_);
  return host;
}

void Lab::accept_key(std::string_view identity, std::string_view key) {
  const auto bytes = as_bytes(identity);
  keys_[Bytes(bytes.begin(), bytes.end())] = {endpoint_, {key.begin(), key.end()}, SecurityMode::psk};
}

// --- Letting things happen -----------------------------------------------------------------------

void Lab::start() {
  client_.start(now, wall_);
  settle();
}

std::optional<TimePoint> Lab::next() const {
  auto next = client_.next_timeout();
  for (const auto& [peer, session] : sessions_) earliest(next, session.dtls);
  for (const auto& host : hosts_) {
    earliest(next, host->dtls);
    earliest(next, host->bootstrap);
    earliest(next, host->management);
    earliest(next, host->scripted);
  }
  return next;
}

void Lab::handle_timeouts() {
  client_.handle_timeout(now);
  std::vector<PeerId> peers;
  for (const auto& [peer, session] : sessions_) peers.push_back(peer);
  for (const auto peer : peers)
    if (const auto found = sessions_.find(peer); found != sessions_.end() && found->second.dtls) {
      found->second.dtls->handle_timeout(now);
      drain(peer, found->second);
    }
  for (const auto& host : hosts_) {
    if (host->dtls) host->dtls->handle_timeout(now);
    if (host->bootstrap) host->bootstrap->handle_timeout(now);
    if (host->management) host->management->handle_timeout(now);
    if (host->scripted) host->scripted->handle_timeout(now);
  }
}

bool Lab::until(const std::function<bool()>& is_true, Duration most) {
  const auto end = now + most;
  for (settle(); !is_true(); settle()) {
    const auto at = next();
    if (!at || *at > end) return false;
    now = std::max(now, *at);
    handle_timeouts();
  }
  return true;
}

void Lab::pass(Duration duration) {
  const auto end = now + duration;
  (void)until([] { return false; }, duration);
  now = end;
  handle_timeouts();
  settle();
}

Done Lab::finished(Host& host, Result<management::OperationId> operation) {
  EXPECT_TRUE(operation) << (operation ? "" : operation.error().detail);
  if (!operation) return {};
  EXPECT_TRUE(until([&] { return host.done.contains(*operation); }));
  return host.done[*operation];
}

client::test::Reply Lab::ask(Host& host, const coap::OutgoingRequest& request) {
  const auto id = host.scripted->request(now, host.last_peer, request);
  EXPECT_TRUE(id) << (id ? "" : id.error().detail);
  if (!id) return {};
  EXPECT_TRUE(until([&] { return host.replies.contains(*id); }, seconds(120))) << "no answer";
  return host.replies[*id];
}

client::test::Reply Lab::put(Host& host, std::string_view at, const std::vector<Entry>& entries,
                             ContentFormat format) {
  const auto payload = client::test::encoded(format, at, entries);
  return ask(host, {.code = Code::put,
                    .path = at,
                    .content_format = static_cast<std::uint16_t>(format),
                    .payload = payload});
}

// --- The wire ------------------------------------------------------------------------------------

void Lab::note(Host& host, Direction direction, ByteView bytes) {
  wire_.push_back({wire_.size(), now, host.name, direction, Bytes(bytes.begin(), bytes.end()), {}});
  auto& seen = wire_.back();
  const auto message = coap::Message::parse(seen.bytes);  // its bytes stay where they are when `seen` moves
  EXPECT_TRUE(message);
  if (message) seen.message = *message;
}

void Lab::settle() {
  for (bool busy = true; busy;) {
    busy = deliver();
    busy |= turn_device();
    for (const auto& host : hosts_) busy |= turn(*host);
  }
}

bool Lab::deliver() {
  if (network_.empty()) return false;
  const auto datagram = std::move(network_.front());
  network_.pop_front();
  if (datagram.up) {
    for (const auto& host : hosts_) {
      if (host->address != datagram.to) continue;
      if (!host->dtls) {
        host->plain[datagram.plain] = datagram.plain;
        receive(*host, datagram.plain, datagram.bytes);
      } else {
        host->dtls->handle_datagram(now, datagram.from, datagram.bytes);
        drain(*host);
      }
    }
    return true;
  }
  for (auto& [peer, session] : sessions_) {
    if (session.dtls ? session.local != datagram.to : peer != datagram.plain) continue;
    if (session.dtls) {
      session.dtls->handle_datagram(now, datagram.bytes);
      drain(peer, session);
    } else {
      client_.handle_datagram(now, peer, datagram.bytes);
    }
    break;
  }
  return true;
}

void Lab::receive(Host& host, PeerId peer, ByteView plaintext) {
  host.last_peer = peer;
  PeerContext context{.id = peer, .address = Address::v4(198, 51, 100, 7, 40000)};
  if (const auto found = host.peers.find(peer); found != host.peers.end()) {
    context.security = found->second.mode;
    context.endpoint = found->second.endpoint;
  }
  if (host.bootstrap) host.bootstrap->handle_datagram(now, context, plaintext);
  if (host.management) host.management->handle_datagram(now, wall_, context, plaintext);
  if (host.scripted) host.scripted->handle_datagram(now, peer, plaintext);
}

void Lab::transmit(Host& host, const coap::Transmit& out) {
  note(host, Direction::down, out.bytes);
  if (!host.dtls) {
    network_.push_back({false, host.address, {}, out.peer, Bytes(out.bytes.begin(), out.bytes.end())});
    return;
  }
  (void)host.dtls->send(now, out.peer, out.bytes);
  drain(host);
}

// --- Device --------------------------------------------------------------------------------------

bool Lab::turn_device() {
  bool busy = false;
  while (const auto event = client_.poll_event()) {
    busy = true;
    on(*event);
  }
  while (const auto out = client_.poll_transmit()) {
    busy = true;
    const auto found = sessions_.find(out->peer);
    if (found == sessions_.end()) continue;
    auto& session = found->second;
    if (session.host != nullptr) note(*session.host, Direction::up, out->bytes);
    if (session.dtls) {
      (void)session.dtls->send(now, out->bytes);
      drain(out->peer, session);
    } else if (session.host != nullptr) {
      network_.push_back({true, session.local, session.host->address, out->peer,
                          Bytes(out->bytes.begin(), out->bytes.end())});
    }
  }
  return busy;
}

void Lab::drain(PeerId peer, Session& session) {
  while (const auto event = session.dtls->poll_event()) {
    if (std::holds_alternative<dtls::Connected>(*event)) {
      ++opened_[session.host->name];
      client_.connected(now, peer);
    } else if (const auto* datagram = std::get_if<dtls::ClientDatagramReceived>(&*event)) {
      client_.handle_datagram(now, peer, datagram->plaintext);
    } else if (std::holds_alternative<dtls::ConnectFailed>(*event)) {
      client_.connect_failed(now, peer, client::ConnectFailure::handshake_timeout, std::nullopt);
    } else if (std::holds_alternative<dtls::ClientSessionEnded>(*event)) {
      client_.connection_lost(now, peer, std::nullopt);
    }
  }
  while (const auto out = session.dtls->poll_transmit())
    if (session.host != nullptr)
      network_.push_back({true, session.local, session.host->address, {}, Bytes(out->begin(), out->end())});
}

void Lab::connect(const client::ConnectWanted& event) {
  Session session;
  session.local = Address::v4(198, 51, 100, 7, ++last_port_);
  const auto address = address_of(event.uri);
  for (const auto& host : hosts_)
    if (host->address == address) session.host = host.get();
  if (event.mode == SecurityMode::nosec) {
    sessions_[event.peer] = std::move(session);
    return client_.connected(now, event.peer);
  }
  session.dtls = std::make_unique<dtls::DtlsClient>(
      dtls::ClientConfig{.credential = credential_of(event), .wall = wall_}, random_);
  auto& opened = sessions_[event.peer] = std::move(session);
  EXPECT_TRUE(opened.dtls->start(now));
  drain(event.peer, opened);
}

void Lab::on(const client::Event& event) {
  if (const auto* wanted = std::get_if<client::ConnectWanted>(&event)) {
    connect(*wanted);
  } else if (const auto* gone = std::get_if<client::DisconnectWanted>(&event)) {
    const auto found = sessions_.find(gone->peer);
    if (found == sessions_.end()) return;
    auto ended = std::move(found->second);
    sessions_.erase(found);
    if (!ended.dtls) return;
    ended.dtls->end(now);
    while (const auto out = ended.dtls->poll_transmit())
      if (ended.host != nullptr)
        network_.push_back({true, ended.local, ended.host->address, {}, Bytes(out->begin(), out->end())});
  } else if (const auto* keep = std::get_if<client::PersistWanted>(&event)) {
    client_.persisted(now, keep->id, client::Client::Persisted::durable);
  } else if (const auto* wanted_card = std::get_if<client::SmartcardWanted>(&event)) {
    client_.smartcard(now, wanted_card->id,
                      card ? client::SmartcardContent(ByteView(*card)) : client::SmartcardAbsent{});
  } else if (std::holds_alternative<client::RegistrationFailed>(event)) {
    ++registrations_failed_;
  }
}

// --- Servers -------------------------------------------------------------------------------------

bool Lab::turn(Host& host) {
  bool busy = false;
  const auto turn = [&](auto& engine) {
    if (!engine) return;
    while (const auto event = engine->poll_event()) {
      busy = true;
      on(host, *event);
    }
    while (const auto out = engine->poll_transmit()) {
      busy = true;
      transmit(host, *out);
    }
  };
  turn(host.bootstrap);
  turn(host.management);
  turn(host.scripted);
  if (host.dtls) drain(host);
  return busy;
}

void Lab::drain(Host& host) {
  while (const auto event = host.dtls->poll_event()) on(host, *event);
  while (const auto out = host.dtls->poll_transmit())
    network_.push_back({false, host.address, out->to, {}, Bytes(out->bytes.begin(), out->bytes.end())});
}

void Lab::on(Host& host, const dtls::ServerEvent& event) {
  if (const auto* wanted = std::get_if<dtls::CredentialWanted>(&event)) {
    const bool is_psk = wanted->kind == dtls::IdentityKind::psk;
    const auto hash = security::sha256(wanted->public_part);
    const ByteView identity = is_psk ? wanted->psk_identity : ByteView(hash);
    const auto found = keys_.find(Bytes(identity.begin(), identity.end()));
    const bool known = found != keys_.end();
    if (known) host.peers[wanted->peer] = {found->second.endpoint, found->second.mode};
    if (is_psk)
      host.dtls->credential(now, wanted->lookup,
                            known ? std::optional(Secret(found->second.key)) : std::nullopt);
    else
      host.dtls->approve(now, wanted->lookup, known ? dtls::Approval::known : dtls::Approval::unknown);
  } else if (const auto* datagram = std::get_if<dtls::DatagramReceived>(&event)) {
    receive(host, datagram->peer, datagram->plaintext);
  } else if (const auto* ended = std::get_if<dtls::SessionEnded>(&event)) {
    if (host.bootstrap) host.bootstrap->peer_gone(now, ended->peer);
    if (host.management) host.management->peer_gone(now, ended->peer);
    if (host.scripted) host.scripted->drop_peer(ended->peer);
  }
}

void Lab::on(Host& host, const bootstrap::Event& event) {
  if (const auto* wanted = std::get_if<bootstrap::EnrolmentWanted>(&event)) {
    host.bootstrap->enrolment(now, wanted->session, host.plan);
  } else if (const auto* keep = std::get_if<bootstrap::CredentialsToKeep>(&event)) {
    for (const auto& credential : keep->credentials) {
      const auto key = credential.key.reveal();
      keys_[credential.identity] = {credential.endpoint, {key.begin(), key.end()}, credential.mode};
    }
    host.bootstrap->credentials_kept(now, keep->session, bootstrap::Server::Kept::durable);
  } else if (const auto* ended = std::get_if<bootstrap::SessionEnded>(&event)) {
    host.outcomes.push_back(ended->outcome);
  }
}

void Lab::on(Host& host, const management::Event& event) {
  const auto* done = std::get_if<management::OperationDone>(&event);
  if (done == nullptr) return;
  Done result{.path = done->path, .code = std::nullopt, .values = {}};
  if (const auto* answer = std::get_if<management::Answer>(&done->result)) {
    result.code = answer->code;
    for (const auto& item : answer->entries) result.values.emplace_back(item.path, OwnedValue(item.value));
  }
  host.done.emplace(done->operation, std::move(result));
}

void Lab::on(Host& host, const coap::Event& event) {
  if (const auto* request = std::get_if<coap::RequestReceived>(&event))
    EXPECT_TRUE(host.scripted->respond(now, request->id, {.code = Code::changed}));
  else if (const auto* response = std::get_if<coap::ResponseReceived>(&event))
    host.replies[response->id] = reply_of(response->message);
  else if (const auto* failed = std::get_if<coap::RequestFailed>(&event))
    host.replies[failed->id] = {};
}

// --- What was seen -------------------------------------------------------------------------------

std::vector<const Seen*> Lab::requests(std::string_view server, Direction direction, Code code,
                                       std::string_view wanted) const {
  std::vector<const Seen*> found;
  for (const auto& seen : wire_)
    if (seen.server == server && seen.direction == direction && seen.message.code == code &&
        matches(seen.path(), wanted))
      found.push_back(&seen);
  return found;
}

const Seen* Lab::answer_to(const Seen* request) const {
  if (request == nullptr) return nullptr;
  for (const auto& seen : wire_)
    if (seen.number > request->number && seen.server == request->server &&
        seen.direction != request->direction && coap::is_response(seen.message.code) &&
        seen.message.token == request->message.token)
      return &seen;
  return nullptr;
}

std::optional<Code> Lab::code_of_answer(const Seen* request) const {
  const auto* answer = answer_to(request);
  return answer == nullptr ? std::nullopt : std::optional(answer->message.code);
}

bool Lab::registered(const Host& host) const {
  return host.management && host.management->find(endpoint_).has_value();
}

unsigned Lab::sessions_opened(const Host& host) const {
  const auto found = opened_.find(host.name);
  return found == opened_.end() ? 0 : found->second;
}

std::string Lab::told() const {
  std::map<std::string, trace::Conversation> talks;
  std::string out;
  for (const auto& seen : wire_) {
    const auto interface = seen.server == "BS" ? trace::Interface::bootstrap : trace::Interface::management;
    auto& talk = talks.try_emplace(seen.server, builtin_objects(), interface).first->second;
    auto row = talk.describe(seen.direction, seen.bytes, seen.bytes.size());
    row.at = seen.at - TimePoint(seconds(1000));
    out += seen.server + " " + trace::ladder_row(row, {});
  }
  return out;
}

}  // namespace slipway::enabler

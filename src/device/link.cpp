// SPDX-License-Identifier: Apache-2.0
#include "link.hpp"

#include "hibernation_file.hpp"
#include "link_failures.hpp"
#include "secure_config.hpp"
#include "stream_link.hpp"

#include <slipway/base/uri.hpp>
#include <slipway/net/clock.hpp>
#include <slipway/security/keys.hpp>

namespace slipway::device {

namespace dtls = security::dtls;
using client::ConnectFailure;

namespace {

/// What is known before anything is sent. The fingerprint is the one that a server shows of a credential.
void begin_story(const client::ConnectWanted& wanted, ConnectionFailure& story) {
  story = {.uri = std::string(wanted.uri)};
  if (wanted.mode == SecurityMode::nosec || wanted.mode == SecurityMode::est) return;
  story.mode = to_string(wanted.mode);
  story.identity_fingerprint = identity_fingerprint(wanted.mode, wanted.identity);
}

}  // namespace

Link::Link(net::EventLoop& loop, Random& random, std::span<const Bytes> trust_store, LinkEvents events)
    : loop_(loop), random_(random), trust_store_(trust_store), events_(std::move(events)) {}

Link::~Link() {
  *alive_ = false;
  if (socket_) loop_.forget(socket_->fd());
}

void Link::fail(ConnectFailure failure, std::string why) {
  story_.outcome = text_of(failure);
  story_.detail = std::move(why);
  events_.failed(net::steady_now(), failure, std::nullopt, story_);
}

void Link::handshake_failed(TimePoint now, const dtls::ConnectFailed& failed) {
  const auto& failure = failed.failure;
  const bool theirs = failure.refused_by == dtls::Side::peer;
  tell(story_, failure, failed.facts.get());
  story_.after_ms = std::chrono::duration_cast<milliseconds>(now - began_).count();
  events_.failed(now, failure_of(failure), theirs ? code_of(failure.alert) : std::nullopt, story_);
}

void Link::open(const client::ConnectWanted& wanted, net::Resolver& resolver, KeptSession kept) {
  begin_story(wanted, story_);
  short_id_ = wanted.server;
  account_ = account_digest(wanted, trust_store_);
  if (kept.kind == KeptSession::Kind::frozen) frozen_ = std::move(kept.bytes);
  const auto uri = parse_uri(wanted.uri);
  if (!uri) return fail(ConnectFailure::unreachable, std::string("server URI: ") + uri.error().detail);
  if (is_tcp(uri->scheme)) {
    stream_ = std::make_unique<StreamLink>(loop_, random_, events_, story_);
    if (auto ready = stream_->prepare(wanted, *uri, trust_store_); !ready)
      return fail(ConnectFailure::unreachable, std::move(ready.error()));
  } else if (is_secure(uri->scheme)) {
    auto config = secure_config(wanted, uri->host, believable(net::unix_now()), trust_store_);
    if (!config) return fail(ConnectFailure::unreachable, std::move(config.error()));
    if (kept.kind == KeptSession::Kind::resumable) config->resumption = std::move(kept.bytes);
    dtls_ = std::make_unique<dtls::DtlsClient>(std::move(*config), random_);
  }
  resolver.resolve(uri->host, uri->port, [this, alive = alive_](net::Resolver::Addresses addresses) {
    if (*alive) resolved(std::move(addresses));
  });
}

void Link::resolved(net::Resolver::Addresses addresses) {
  if (!addresses) return fail(ConnectFailure::name_unknown, addresses.error().message());
  if (stream_) return stream_->connect(std::move(*addresses));
  server_ = addresses->front();
  Address any;
  if (server_.is_v4()) any = Address::v4(0, 0, 0, 0, 0);
  auto socket = net::UdpSocket::bind(any);
  if (!socket) return fail(ConnectFailure::unreachable, socket.error().message());
  socket_ = std::move(*socket);
  auto watched = loop_.watch(socket_->fd(), net::Interest::read, [this](net::Readiness) { receive(); });
  if (!watched) return fail(ConnectFailure::unreachable, watched.error().message());
  const auto now = began_ = net::steady_now();
  if (!dtls_) return events_.connected(now, client::SessionKind::fresh, Opened::by_handshake);
  if (const auto kept = std::exchange(frozen_, {}); !kept.empty() && dtls_->thaw(kept.reveal())) {
    has_cid_ = true;  // or it would not have been frozen
    return events_.connected(now, client::SessionKind::kept, Opened::as_it_was);
  }
  if (const auto started = dtls_->start(now); !started)
    return fail(ConnectFailure::unreachable,
                std::string("the account's key cannot be used: ") + started.error().detail);
  drain(now);
}

void Link::receive() {
  const auto alive = alive_;
  const auto datagrams = socket_->receive(batch_);
  const auto now = net::steady_now();
  for (const auto& datagram : datagrams) {
    if (datagram.peer != server_) continue;
    if (dtls_) {
      dtls_->handle_datagram(now, datagram.bytes);
      drain(now);
    } else {
      events_.datagram(now, datagram.bytes);
    }
    if (!*alive) return;  // an event has ended this link
  }
}

void Link::drain(TimePoint now) {
  const auto alive = alive_;
  while (const auto event = dtls_->poll_event()) {
    if (const auto* connected = std::get_if<dtls::Connected>(&*event)) {
      has_cid_ = connected->has_cid;
      events_.connected(now, client::SessionKind::fresh,
                        connected->resumed ? Opened::by_resumption : Opened::by_handshake);
    } else if (const auto* datagram = std::get_if<dtls::ClientDatagramReceived>(&*event)) {
      events_.datagram(now, datagram->plaintext);
    } else if (const auto* warned = std::get_if<dtls::AlertReceived>(&*event)) {
      events_.warned(now, static_cast<std::uint8_t>(warned->alert));
    } else if (const auto* failed = std::get_if<dtls::ConnectFailed>(&*event)) {
      flush();
      return handshake_failed(now, *failed);
    } else if (const auto* ended = std::get_if<dtls::ClientSessionEnded>(&*event)) {
      flush();
      return events_.lost(
          now, ended->reason == dtls::SessionEnd::ended_here ? std::nullopt : code_of(ended->alert));
    }
    if (!*alive) return;
  }
  flush();
}

void Link::send(TimePoint now, ByteView datagram) {
  if (stream_) return stream_->send(now, datagram);
  if (!socket_) return;
  if (dtls_)
    (void)dtls_->send(now, datagram);
  else
    (void)socket_->send(server_, datagram);
  flush();
}

void Link::close(TimePoint now) {
  if (stream_) return stream_->close(now);
  if (dtls_) dtls_->end(now);
  flush();
}

std::optional<Secret> Link::freeze() {
  if (!dtls_ || !has_cid_) return std::nullopt;
  flush();
  auto frozen = dtls_->freeze();
  if (!frozen) return std::nullopt;
  return std::move(*frozen);
}

KeptSession Link::take_kept() {
  KeptSession kept{.server = short_id_, .account = account_};
  if (!frozen_.empty()) {
    kept.bytes = std::move(frozen_);
  } else if (dtls_) {
    kept.kind = KeptSession::Kind::resumable;
    kept.bytes = dtls_->take_resumption();
  }
  return kept;
}

void Link::flush() {
  if (!socket_) return;
  if (dtls_)
    while (const auto out = dtls_->poll_transmit()) (void)socket_->send(server_, *out);
  (void)socket_->flush();
}

std::optional<TimePoint> Link::next_timeout() const {
  if (stream_) return stream_->next_timeout();
  return dtls_ ? dtls_->next_timeout() : std::nullopt;
}

void Link::handle_timeout(TimePoint now) {
  if (stream_) return stream_->handle_timeout(now);
  if (!dtls_) return;
  dtls_->handle_timeout(now);
  drain(now);
}

}  // namespace slipway::device

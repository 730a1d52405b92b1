// SPDX-License-Identifier: Apache-2.0
#include "stream_port.hpp"

#include <algorithm>

#include <slipway/net/clock.hpp>

namespace slipway::node {

namespace dtls = security::dtls;
namespace tls = security::tls;

namespace {

constexpr std::size_t kReadMax = 16 * 1024;
static_assert(static_cast<std::size_t>(coap::StreamEnd::aborted) + 1 == kStreamEnds);

}  // namespace

StreamPort::StreamPort(net::EventLoop& loop, net::TcpListener listener, const StreamLimits& limits,
                       StreamHooks hooks, std::unique_ptr<tls::TlsServer> tls)
    : loop_(loop),
      listener_(std::move(listener)),
      limits_(limits),
      hooks_(std::move(hooks)),
      tls_(std::move(tls)),
      opening_({.places = limits.opening_max, .per_network = limits.connections_per_ip_max}),
      buffer_(kReadMax) {}

net::SystemResult<std::unique_ptr<StreamPort>> StreamPort::open(net::EventLoop& loop, const Address& local,
                                                                const StreamLimits& limits, StreamHooks hooks,
                                                                std::unique_ptr<tls::TlsServer> tls) {
  auto listener = net::TcpListener::listen(local);
  if (!listener) return std::unexpected(std::move(listener.error()));
  std::unique_ptr<StreamPort> port(
      new StreamPort(loop, std::move(*listener), limits, std::move(hooks), std::move(tls)));
  if (auto watched = port->watch_listener(); !watched) return std::unexpected(std::move(watched.error()));
  return port;
}

StreamPort::~StreamPort() {
  if (!accept_again_) loop_.forget(listener_.fd());
  for (const auto& [peer, connection] : connections_) loop_.forget(connection->tcp.fd());
}

net::SystemResult<void> StreamPort::watch_listener() {
  return loop_.watch(listener_.fd(), net::Interest::read, [this](net::Readiness) { accept(); });
}

StreamPort::Connection* StreamPort::find(PeerId peer) {
  const auto found = connections_.find(peer);
  return found == connections_.end() ? nullptr : found->second.get();
}

std::optional<coap::Reliable> StreamPort::reliable(PeerId peer) const {
  const auto found = connections_.find(peer);
  if (found == connections_.end() || !found->second->coap) return std::nullopt;
  return found->second->coap->peer();
}

// --- those who come ---

void StreamPort::accept() {
  const auto now = net::steady_now();
  auto batch = listener_.accept();
  for (auto& connection : batch.connections)
    if (admits(now, connection.peer_address())) begin(now, std::move(connection));
  if (!batch.trouble) return;
  // The kernel would tell again and again of who cannot be taken.
  ++counters_.accept_pauses;
  loop_.forget(listener_.fd());
  accept_again_ = now + net::kAcceptPause;
  hooks_.trouble(*batch.trouble);
}

bool StreamPort::admits(TimePoint now, const Address& from) {
  if (connections_.size() >= limits_.connections_max) {
    ++counters_.refused_total;
    return false;
  }
  const auto found = by_host_.find(network_of(from));
  if (found != by_host_.end() && found->second >= limits_.connections_per_ip_max) {
    ++counters_.refused_per_address;
    return false;
  }
  const auto place = opening_.decide(now, from);
  if (place.answer != FairPlaces::Answer::yes) {
    ++counters_.refused_total;
    return false;
  }
  if (auto* other = place.instead_of ? find(*place.instead_of) : nullptr) {
    ++counters_.gave_way;
    other->broken = true;
    touched(now, *other);
  }
  return true;
}

void StreamPort::begin(TimePoint now, net::TcpConnection tcp) {
  const auto peer = hooks_.next_peer();
  auto made = std::make_unique<Connection>(peer, std::move(tcp));
  auto& connection = *made;
  const auto watched = loop_.watch(connection.tcp.fd(), net::Interest::read,
                                   [this, peer](net::Readiness ready) { on_ready(peer, ready); });
  if (!watched) {
    ++counters_.refused_total;
    return;
  }
  ++counters_.accepted;
  opening_.take(now, connection.tcp.peer_address(), peer);
  ++by_host_[network_of(connection.tcp.peer_address())];
  if (tls_)
    connection.tls = tls_->accept(now, hooks_.wall());
  else
    connection.coap.emplace(now, limits_.stream);
  connections_.emplace(peer, std::move(made));
  touched(now, connection);
}

// --- what comes ---

void StreamPort::on_ready(PeerId peer, net::Readiness ready) {
  auto* connection = find(peer);
  if (connection == nullptr) return;
  const auto now = net::steady_now();
  // Who does not read what it is sent is not listened to either.
  busy_ = true;
  if (ready.readable && connection->interest != net::Interest::write) read(now, *connection);
  busy_ = false;
  touched(now, *connection);
}

void StreamPort::read(TimePoint now, Connection& connection) {
  for (int i = 0; i < kReadsPerTurn && !connection.broken; ++i) {
    const auto reading = connection.tcp.receive(buffer_);
    switch (reading.status) {
      case net::TcpConnection::Received::nothing:
        return;
      case net::TcpConnection::Received::broken:
        connection.broken = true;
        return finish(connection, {});
      case net::TcpConnection::Received::ended:
        return peer_ended(now, connection);
      case net::TcpConnection::Received::data:
        if (!connection.over) take(now, connection, reading.bytes);
        break;
    }
  }
}

void StreamPort::take(TimePoint now, Connection& connection, ByteView bytes) {
  if (connection.tls)
    connection.tls->handle_bytes(now, bytes);
  else
    connection.coap->handle_bytes(now, bytes);
  drain(now, connection);
}

void StreamPort::peer_ended(TimePoint now, Connection& connection) {
  if (connection.over) {
    connection.broken = true;  // it has read our last words, and closed
    return;
  }
  if (connection.tls)
    connection.tls->handle_end(now);
  else
    connection.coap->handle_end(now);
  drain(now, connection);
  if (!connection.over) finish(connection, {});
}

void StreamPort::drain(TimePoint now, Connection& connection) {
  if (connection.tls) drain_tls(now, connection);
  if (connection.coap) drain_coap(now, connection);
}

void StreamPort::drain_tls(TimePoint now, Connection& connection) {
  while (!connection.over) {
    const auto event = connection.tls->poll_event();
    if (!event) return;
    on_tls(now, connection, *event);
  }
}

void StreamPort::on_tls(TimePoint now, Connection& connection, const tls::Event& event) {
  const auto& from = connection.tcp.peer_address();
  if (const auto* bytes = std::get_if<tls::BytesReceived>(&event)) {
    connection.coap->handle_bytes(now, bytes->plaintext);
    drain_coap(now, connection);
  } else if (const auto* wanted = std::get_if<tls::CredentialWanted>(&event)) {
    hooks_.credential_wanted(now, connection.peer, from, *wanted);
  } else if (const auto* established = std::get_if<tls::Established>(&event)) {
    connection.coap.emplace(now, limits_.stream);
    connection.opened = true;
    hooks_.opened(now, connection.peer, from, established);
  } else if (const auto* failed = std::get_if<tls::HandshakeFailed>(&event)) {
    pump(now, connection);  // the alert first: what is told about it takes a time of its own
    hooks_.handshake_failed(now, connection.peer, from, *failed);
    finish(connection, {});
  } else if (const auto* ended = std::get_if<tls::SessionEnded>(&event)) {
    // What the stream has yet to say cannot be sealed any more.
    finish(connection, {.end = {}, .tls = *ended});
  }
}

void StreamPort::drain_coap(TimePoint now, Connection& connection) {
  while (!connection.over) {
    const auto event = connection.coap->poll_event();
    if (!event) return;
    on_coap(now, connection, *event);
  }
}

void StreamPort::on_coap(TimePoint now, Connection& connection, const coap::StreamEvent& event) {
  if (const auto* message = std::get_if<coap::StreamMessage>(&event)) {
    hooks_.message(now, connection.peer, message->frame);
  } else if (const auto* ready = std::get_if<coap::StreamReady>(&event)) {
    no_longer_opening(connection);
    if (!std::exchange(connection.opened, true))
      hooks_.opened(now, connection.peer, connection.tcp.peer_address(), nullptr);
    hooks_.ready(now, connection.peer, ready->peer);
  } else if (const auto* closed = std::get_if<coap::StreamClosed>(&event)) {
    ++counters_.ends[static_cast<std::size_t>(closed->end)];
    pump(now, connection);
    if (connection.tls) connection.tls->end(now);
    finish(connection, {.end = closed->end, .tls = {}});
  }
  // A device that releases its connection is gone when it closes it; it comes again by itself.
}

void StreamPort::no_longer_opening(Connection& connection) {
  if (std::exchange(connection.opening, false)) opening_.leave(connection.peer);
}

// --- what goes ---

Result<void> StreamPort::send(TimePoint now, PeerId peer, ByteView frame) {
  auto* connection = find(peer);
  if (connection == nullptr || connection->over || !connection->coap)
    return fail(ErrorCode::not_found, "no such connection");
  const auto sent = connection->coap->send(now, frame);
  touched(now, *connection);
  return sent;
}

void StreamPort::pump(TimePoint now, Connection& connection) {
  while (!connection.broken && pump_some(now, connection)) {
  }
  if (connection.tcp.waiting() == 0) connection.blocked_since.reset();
}

/// Moves bytes towards the kernel, and no further than it takes them: what waits, waits where it has a bound
/// and a time limit. False when there is nothing to move, or no room.
bool StreamPort::pump_some(TimePoint now, Connection& connection) {
  auto& tcp = connection.tcp;
  if (const auto before = tcp.waiting(); before != 0) {
    const auto status = tcp.flush();
    if (status == net::TcpStatus::broken) connection.broken = true;
    if (tcp.waiting() < before) connection.blocked_since = now;
    if (status != net::TcpStatus::done) return false;
  }
  ByteView out;
  if (connection.tls) {
    if (connection.tls->poll_output().empty() && connection.coap && connection.tls->established()) {
      const auto plain = connection.coap->poll_output();
      const auto count = std::min(plain.size(), kReadMax);
      if (count != 0 && connection.tls->write(plain.first(count))) connection.coap->taken(now, count);
    }
    out = connection.tls->poll_output();
  } else {
    out = connection.coap->poll_output();
  }
  out = out.first(std::min(out.size(), tcp.room()));
  if (out.empty()) return false;
  const auto count = out.size();
  const auto status = tcp.send(out);
  if (status == net::TcpStatus::broken) connection.broken = true;
  if (status == net::TcpStatus::blocked) connection.blocked_since = now;
  if (connection.tls)
    connection.tls->taken(count);
  else
    connection.coap->taken(now, count);
  return status == net::TcpStatus::done;
}

// --- the ends ---

void StreamPort::finish(Connection& connection, StreamGone gone) {
  if (std::exchange(connection.over, true)) return;
  connection.gone = std::move(gone);
}

/// Something was done to a connection: what follows from it happens at once, or when no connection is in the
/// middle of a message any more. The connection may be gone afterwards.
void StreamPort::touched(TimePoint now, Connection& connection) {
  if (!std::exchange(connection.touched, true)) unsettled_.push_back(connection.peer);
  if (busy_) return;
  busy_ = true;
  while (!unsettled_.empty()) {
    const auto next = unsettled_.back();
    unsettled_.pop_back();
    if (auto* one = find(next)) settle(now, *one);
  }
  busy_ = false;
}

void StreamPort::settle(TimePoint now, Connection& connection) {
  connection.touched = false;
  const auto peer = connection.peer;
  drain(now, connection);
  pump(now, connection);
  drain(now, connection);  // a stream that was given too much has ended itself
  if (connection.broken) finish(connection, {});
  if (connection.over && std::exchange(connection.opened, false)) hooks_.closed(now, peer, connection.gone);
  if (connection.over && !connection.broken && !connection.linger_until) {
    no_longer_opening(connection);
    pump(now, connection);
    connection.tcp.end_writing();
    connection.linger_until = now + kLingerTime;
  }
  if (connection.broken) return erase(peer);
  const bool waits = connection.tcp.waiting() != 0;
  watch(connection, !waits            ? net::Interest::read
                    : connection.over ? net::Interest::read_write
                                      : net::Interest::write);
  set_timer(connection);
}

void StreamPort::watch(Connection& connection, net::Interest interest) {
  if (connection.interest == interest) return;
  if (loop_.change(connection.tcp.fd(), interest)) connection.interest = interest;
}

void StreamPort::erase(PeerId peer) {
  const auto found = connections_.find(peer);
  auto& connection = *found->second;
  loop_.forget(connection.tcp.fd());
  no_longer_opening(connection);
  if (connection.timer) timers_.erase({*connection.timer, peer});
  const auto host = by_host_.find(network_of(connection.tcp.peer_address()));
  if (--host->second == 0) by_host_.erase(host);
  connections_.erase(found);
  hooks_.gone(peer);
}

void StreamPort::end(TimePoint now, PeerId peer, dtls::Alert alert) {
  auto* connection = find(peer);
  if (connection == nullptr || connection->over) return;
  if (connection->tls)
    connection->tls->end(now, alert);
  else
    connection->coap->abort(now, "the server ends this connection");
  touched(now, *connection);
}

void StreamPort::credential(TimePoint now, PeerId peer, std::optional<Secret> key) {
  auto* connection = find(peer);
  if (connection == nullptr || connection->over || !connection->tls) return;
  connection->tls->credential(now, std::move(key));
  touched(now, *connection);
}

void StreamPort::approve(TimePoint now, PeerId peer, dtls::Approval approval) {
  auto* connection = find(peer);
  if (connection == nullptr || connection->over || !connection->tls) return;
  connection->tls->approve(now, approval);
  touched(now, *connection);
}

// --- time ---

void StreamPort::set_timer(Connection& connection) {
  std::optional<TimePoint> next = connection.linger_until;
  const auto consider = [&](std::optional<TimePoint> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  if (!connection.over) {
    if (connection.tls) consider(connection.tls->next_timeout());
    if (connection.coap) consider(connection.coap->next_timeout());
    if (connection.blocked_since) consider(*connection.blocked_since + limits_.stream.stall_timeout);
  }
  if (connection.timer == next) return;
  if (connection.timer) timers_.erase({*connection.timer, connection.peer});
  if (next) timers_.emplace(*next, connection.peer);
  connection.timer = next;
}

std::optional<TimePoint> StreamPort::next_timeout() const {
  std::optional<TimePoint> next = accept_again_;
  if (!timers_.empty() && (!next || timers_.begin()->first < *next)) next = timers_.begin()->first;
  return next;
}

void StreamPort::handle_timeout(TimePoint now) {
  if (accept_again_ && *accept_again_ <= now) {
    accept_again_.reset();
    if (!watch_listener()) accept_again_ = now + net::kAcceptPause;
  }
  while (!timers_.empty() && timers_.begin()->first <= now) {
    auto& connection = *find(timers_.begin()->second);
    timers_.erase(timers_.begin());
    connection.timer.reset();
    if (connection.over) {
      connection.broken = true;  // it had its time to read
    } else {
      if (connection.tls) connection.tls->handle_timeout(now);
      if (connection.coap) connection.coap->handle_timeout(now);
      if (connection.blocked_since && *connection.blocked_since + limits_.stream.stall_timeout <= now) {
        ++counters_.ends[static_cast<std::size_t>(coap::StreamEnd::stalled)];
        finish(connection, {.end = coap::StreamEnd::stalled, .tls = {}});
        connection.broken = true;
      }
    }
    touched(now, connection);
  }
}

}  // namespace slipway::node

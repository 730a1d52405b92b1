// SPDX-License-Identifier: Apache-2.0
// Datagrams from sockets through DTLS to the engines, and back.
#include <spdlog/spdlog.h>

#include <slipway/net/clock.hpp>

#include "server_node.hpp"

namespace slipway::node {

namespace dtls = security::dtls;
using fleet::ServerRole;

namespace {

coap::Framing framing_of(const Peer& peer) {
  return peer.port->streams ? coap::Framing::stream : coap::Framing::datagram;
}

}  // namespace

void ServerNode::receive(Port& port) {
  const auto datagrams = port.socket->receive(port.batch);
  const auto now = net::steady_now();
  for (const auto& datagram : datagrams) {
    if (port.dtls) {
      port.dtls->handle_datagram(now, datagram.peer, datagram.bytes);
      drain_dtls(now, port);
    } else {
      receive_plain(now, port, datagram);
    }
  }
}

void ServerNode::receive_plain(TimePoint now, Port& port, const net::Datagram& datagram) {
  std::optional<PeerId> evicted;
  const auto id = peers_.plain(port, datagram.peer, evicted);
  if (evicted) {
    recorder_.end(*evicted);
    bootstrap_.peer_gone(now, *evicted);
    management_.peer_gone(now, *evicted);
  }
  deliver(now, id, *peers_.find(id), datagram.bytes, datagram.bytes.size());
}

void ServerNode::deliver(TimePoint now, PeerId id, const Peer& peer, ByteView datagram,
                         std::size_t wire_size) {
  const auto wall = net::unix_now();
  const bool bootstrap = peer.port->role == ServerRole::bootstrap;
  if (!recorder_.recording(id))
    recorder_.begin(now, wall, id, bootstrap ? trace::Interface::bootstrap : trace::Interface::management,
                    peer.address, peer.endpoint.view());
  recorder_.message(now, id, trace::Direction::up, datagram, wire_size, framing_of(peer));
  auto context = peers_.context(id, peer);
  if (peer.port->streams) context.reliable = peer.port->streams->reliable(id);
  if (bootstrap)
    bootstrap_.handle_datagram(now, context, datagram);
  else
    management_.handle_datagram(now, wall, context, datagram);
  drain_engines(now);
}

void ServerNode::drain_dtls(TimePoint now, Port& port) {
  while (const auto event = port.dtls->poll_event())
    std::visit([&](const auto& e) { on_dtls(now, port, e); }, *event);
  (void)flush_dtls(port, PeerId());
  tell_refused(now, port);
}

/// Who is not answered for want of a place learns it nowhere else.
void ServerNode::tell_refused(TimePoint now, Port& port) const {
  constexpr Duration kPause = seconds(60);
  const auto& counters = port.dtls->counters();
  const auto refused = counters.refused_total + counters.refused_per_address;
  if (refused == port.refused_told || (port.refused_told != 0 && now < port.refused_told_at + kPause)) return;
  spdlog::warn(
      "{}: {} hellos were not answered: {} handshakes are in progress (1024 at most, 64 of one network)",
      port.name(), refused - port.refused_told, port.dtls->handshake_count());
  port.refused_told = refused;
  port.refused_told_at = now;
}

void ServerNode::drop_peer(TimePoint now, PeerId id) {
  bootstrap_.peer_gone(now, id);
  management_.peer_gone(now, id);
  drain_engines(now);
  recorder_.end(id);
  peers_.remove(id);
  claims_.erase(id);
}

void ServerNode::end_session(TimePoint now, PeerId id, dtls::Alert alert) {
  auto* peer = peers_.find(id);
  if (peer == nullptr) return;
  Port& port = *peer->port;
  if (port.streams) return port.streams->end(now, id, alert);
  if (!port.dtls) return;
  port.dtls->end(now, id, alert);
  drain_dtls(now, port);
}

void ServerNode::transmit(TimePoint now, const coap::Transmit& transmit) {
  const auto* peer = peers_.find(transmit.peer);
  if (peer == nullptr) return;
  Port& port = *peer->port;
  std::size_t wire_size = transmit.bytes.size();
  if (port.streams) {
    if (!port.streams->send(now, transmit.peer, transmit.bytes)) return;  // ended: its engine hears of it
  } else if (port.dtls) {
    if (!port.dtls->send(now, transmit.peer, transmit.bytes)) return;  // ended: its engine hears of it
    wire_size = flush_dtls(port, transmit.peer);
  } else {
    (void)port.socket->send(peer->address, transmit.bytes);
  }
  recorder_.message(now, transmit.peer, trace::Direction::down, transmit.bytes, wire_size, framing_of(*peer));
}

/// Hands DTLS's datagrams to the socket; returns the bytes that went to `count_for`.
std::size_t ServerNode::flush_dtls(Port& port, PeerId count_for) {
  std::size_t bytes = 0;
  while (const auto out = port.dtls->poll_transmit()) {
    (void)port.socket->send(out->to, out->bytes);
    if (out->peer == count_for) bytes += out->bytes.size();
  }
  return bytes;
}

void ServerNode::flush(Port& port) {
  const bool blocked = port.socket->flush() == net::FlushStatus::blocked;
  if (blocked == port.watching_write) return;
  port.watching_write = blocked;
  (void)loop_->change(port.socket->fd(), blocked ? net::Interest::read_write : net::Interest::read);
}

}  // namespace slipway::node

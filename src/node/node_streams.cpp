// SPDX-License-Identifier: Apache-2.0
// CoAP over TCP and TLS: the ports, and who comes there. [RFC 8323]
#include <sys/resource.h>

#include <spdlog/spdlog.h>

#include <slipway/net/clock.hpp>

#include "server_node.hpp"
#include "suites.hpp"

namespace slipway::node {

namespace dtls = security::dtls;
namespace tls = security::tls;
using fleet::ServerRole;

namespace {

/// Descriptors for everything that is no connection: database, HTTP, datagrams.
constexpr std::size_t kOtherFiles = 128;

/// Raises this process's limit on open files as far as it may; says so where that is too little.
void make_room_for(std::size_t connections) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  const rlim_t wanted = connections + kOtherFiles;
  if (files.rlim_cur >= wanted) return;
  files.rlim_cur = std::min(files.rlim_max, wanted);
  (void)::setrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < wanted)
    spdlog::warn(
        "connections_max allows {} connections, and this process {} open files; raise its limit "
        "(`ulimit -Hn`, LimitNOFILE of systemd), or lower connections_max",
        connections, files.rlim_cur);
}

/// In the order of coap::StreamEnd.
constexpr const char* kEndLabels[] = {"closed_by_peer", "aborted_by_peer", "released",  "no_csm",
                                      "bad_csm",        "malformed",       "too_large", "too_slow",
                                      "silent",         "stalled",         "aborted"};
static_assert(std::size(kEndLabels) == kStreamEnds);

double number(auto value) {
  return static_cast<double>(value);
}

}  // namespace

std::expected<void, std::string> ServerNode::open_stream_ports() {
  const auto& server = settings_.server;
  const struct {
    ServerRole role;
    const std::string& text;
    bool secure;
    std::string& listening;
  } wanted[] = {
      {ServerRole::bootstrap, server.bootstrap.coap_tcp, false, listening_.bootstrap_coap_tcp},
      {ServerRole::bootstrap, server.bootstrap.coaps_tcp, true, listening_.bootstrap_coaps_tcp},
      {ServerRole::management, server.management.coap_tcp, false, listening_.management_coap_tcp},
      {ServerRole::management, server.management.coaps_tcp, true, listening_.management_coaps_tcp},
  };
  std::size_t connections = 0;
  for (const auto& port : wanted) {
    if (port.text.empty()) continue;
    auto opened = open_stream_port(port.role, port.text, port.secure);
    if (!opened) return std::unexpected(std::move(opened.error()));
    port.listening = std::move(*opened);
    connections +=
        (port.role == ServerRole::bootstrap ? server.bootstrap : server.management).connections_max;
  }
  if (connections != 0) make_room_for(connections);
  return {};
}

std::expected<std::string, std::string> ServerNode::open_stream_port(ServerRole role, const std::string& text,
                                                                     bool secure) {
  const auto address = Address::parse(text);
  if (!address)
    return std::unexpected("\"" + text + "\" is not an address to listen on: " + address.error().detail);
  const auto& listen =
      role == ServerRole::bootstrap ? settings_.server.bootstrap : settings_.server.management;
  std::unique_ptr<tls::TlsServer> server;
  if (secure) {
    tls::ServerConfig config;
    config.suites.tls12 = suites_of(listen, std::move(config.suites.tls12));
    if (listen.tls) {
      config.keys = {.chain = listen.tls->chain,
                     .public_key = listen.tls->public_key,
                     .private_key = listen.tls->private_key.clone()};
      config.client_authorities = listen.tls->authorities;
    }
    auto made = tls::TlsServer::create(std::move(config), random_);
    if (!made)
      return std::unexpected(std::string("the keys of the ") + fleet::to_string(role) +
                             " server cannot be used: " + made.error().detail);
    server = std::move(*made);
  }
  const auto& coap = role == ServerRole::bootstrap ? settings_.bootstrap.coap : settings_.management.coap;
  const StreamLimits limits{.connections_max = listen.connections_max,
                            .connections_per_ip_max = listen.connections_per_ip_max,
                            .stream = {.message_max = coap.frame_max}};
  auto port = std::make_unique<Port>(Port{.role = role, .socket = {}, .batch = {}, .dtls = nullptr});
  auto opened = StreamPort::open(*loop_, *address, limits, stream_hooks(*port), std::move(server));
  if (!opened) return std::unexpected(opened.error().message());
  port->streams = std::move(*opened);
  const auto bound = port->streams->local_address().to_string();
  spdlog::info("{} on {}", port->name(), bound);
  stream_ports_.push_back(std::move(port));
  return bound;
}

StreamHooks ServerNode::stream_hooks(Port& port) {
  return {
      .next_peer = [this] { return peers_.next(); },
      .wall = net::unix_now,
      .credential_wanted =
          [this, &port](TimePoint, PeerId id, const Address&, const tls::CredentialWanted& wanted) {
            const bool is_psk = wanted.kind == dtls::IdentityKind::psk;
            ask_store(port, id, wanted.kind, wanted.identity,
                      [&port, id, is_psk](TimePoint now, std::optional<Secret> key, dtls::Approval approval) {
                        if (is_psk)
                          port.streams->credential(now, id, std::move(key));
                        else
                          port.streams->approve(now, id, approval);
                      });
          },
      .opened = [this, &port](
                    TimePoint now, PeerId id, const Address& from,
                    const tls::Established* established) { stream_opened(now, port, id, from, established); },
      .handshake_failed =
          [this, &port](TimePoint now, PeerId id, const Address& from, const tls::HandshakeFailed& event) {
            on_dtls(now, port, dtls::HandshakeFailed{from, id, event.failure, event.identity, event.facts});
          },
      .ready = [](TimePoint, PeerId, const coap::Reliable&) {},  // asked for with each message
      .message =
          [this](TimePoint now, PeerId id, ByteView frame) {
            if (const auto* peer = peers_.find(id)) deliver(now, id, *peer, frame, frame.size());
          },
      .closed = [this, &port](TimePoint now, PeerId id,
                              const StreamGone& gone) { stream_closed(now, port, id, gone); },
      .trouble =
          [](const net::SystemError& trouble) {
            spdlog::warn("{}; nobody is accepted for a second", trouble.message());
          },
      .gone = [this](PeerId id) { claims_.erase(id); }};
}

void ServerNode::stream_opened(TimePoint now, Port& port, PeerId id, const Address& from,
                               const tls::Established* established) {
  if (established == nullptr) {
    peers_.add_session(id, {.port = &port, .address = from, .security = SecurityMode::nosec});
    return;
  }
  session_opened(now, port,
                 {.peer = id,
                  .address = from,
                  .identity = *established->identity,
                  .protocol = "TLS",
                  .suite = established->suite,
                  .bytes_received = established->traffic.bytes_received,
                  .bytes_sent = established->traffic.bytes_sent,
                  .datagrams_received = std::string(", ") + tls::to_string(established->version),
                  .datagrams_sent = std::string(", ") + tls::to_string(established->version),
                  .duration = established->duration});
}

void ServerNode::stream_closed(TimePoint now, Port& port, PeerId id, const StreamGone& gone) {
  if (gone.tls && gone.tls->alert)
    count_alert(port, gone.tls->reason != dtls::SessionEnd::ended_here, *gone.tls->alert);
  // Who is cut for what it does (or does not) is told to the operator; who only went is not.
  using enum coap::StreamEnd;
  if (gone.end && *gone.end != closed_by_peer && *gone.end != released) {
    const auto* peer = peers_.find(id);
    spdlog::info("{}: connection with {}{} ended: {}", port.name(),
                 peer != nullptr ? peer->address.to_string() : "",
                 peer == nullptr || peer->endpoint.empty() ? "" : " of " + shown(peer->endpoint.view()),
                 coap::to_string(*gone.end));
  }
  drop_peer(now, id);
}

void ServerNode::add_stream_figures(std::vector<Figure>& all) const {
  if (stream_ports_.empty()) return;
  StreamCounters sum;
  std::size_t connections = 0, opening = 0;
  for (const auto& port : stream_ports_) {
    const auto& one = port->streams->counters();
    connections += port->streams->connection_count();
    opening += port->streams->opening_count();
    sum.accepted += one.accepted;
    sum.refused_total += one.refused_total;
    sum.refused_per_address += one.refused_per_address;
    sum.accept_pauses += one.accept_pauses;
    sum.gave_way += one.gave_way;
    for (std::size_t i = 0; i < kStreamEnds; ++i) sum.ends[i] += one.ends[i];
  }
  all.push_back({"slipway_tcp_connections", "TCP connections", number(connections), true});
  all.push_back({"slipway_tcp_connections_opening", "TCP connections whose handshake or CSM is awaited",
                 number(opening), true});
  all.push_back({"slipway_tcp_accepted_total", "TCP connections accepted", number(sum.accepted)});
  all.push_back({"slipway_tcp_refused_total", "TCP connections closed at once: too many of all",
                 number(sum.refused_total)});
  all.push_back({"slipway_tcp_refused_per_address_total",
                 "TCP connections closed at once: too many of one address", number(sum.refused_per_address)});
  all.push_back({"slipway_tcp_gave_way_total",
                 "TCP connections cut while they opened, to make room for one of another network",
                 number(sum.gave_way)});
  all.push_back({"slipway_tcp_accept_pauses_total",
                 "Times that nothing was accepted because descriptors or memory ran out",
                 number(sum.accept_pauses)});
  for (std::size_t i = 0; i < kStreamEnds; ++i)
    all.push_back({"slipway_tcp_ends_total",
                   "CoAP connections that ended, by why",
                   number(sum.ends[i]),
                   false,
                   {{"reason", kEndLabels[i]}}});
}

}  // namespace slipway::node

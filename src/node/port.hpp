// SPDX-License-Identifier: Apache-2.0
// One port of a server: UDP or TCP, plain CoAP or a secure session in front of it.
#pragma once

#include <memory>
#include <optional>

#include <slipway/fleet/credential.hpp>
#include <slipway/net/udp_socket.hpp>
#include <slipway/security/dtls/server.hpp>

#include "stream_port.hpp"

namespace slipway::node {

struct Port {
  fleet::ServerRole role = fleet::ServerRole::management;
  std::optional<net::UdpSocket> socket;  ///< nothing on a TCP port
  net::ReceiveBatch batch;
  std::unique_ptr<security::dtls::DtlsServer> dtls;  ///< nothing on a plain port, and on a TCP port
  bool watching_write = false;
  std::uint64_t refused_told = 0;  ///< hellos that nobody had a place for, as far as the log says so
  TimePoint refused_told_at{};
  std::unique_ptr<StreamPort> streams{};  ///< of a TCP port

  [[nodiscard]] const char* name() const {
    const bool bootstrap = role == fleet::ServerRole::bootstrap;
    if (streams && streams->secure()) return bootstrap ? "bootstrap coaps+tcp" : "management coaps+tcp";
    if (streams) return bootstrap ? "bootstrap coap+tcp" : "management coap+tcp";
    if (dtls) return bootstrap ? "bootstrap coaps" : "management coaps";
    return bootstrap ? "bootstrap coap" : "management coap";
  }
};

[[nodiscard]] inline security::dtls::SecureProtocol protocol_of(const Port& port) {
  return port.streams ? security::dtls::SecureProtocol::tls : security::dtls::SecureProtocol::dtls;
}

}  // namespace slipway::node

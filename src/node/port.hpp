// SPDX-License-Identifier: Apache-2.0
// One UDP port of a server: plain CoAP, or DTLS in front of it.
#pragma once

#include <memory>
#include <string>

#include <slipway/fleet/credential.hpp>
#include <slipway/net/udp_socket.hpp>
#include <slipway/security/dtls/server.hpp>

namespace slipway::node {

struct Port {
  fleet::ServerRole role = fleet::ServerRole::management;
  net::UdpSocket socket;
  net::ReceiveBatch batch;
  std::unique_ptr<security::dtls::DtlsServer> dtls;  ///< nothing on a plain port
  bool watching_write = false;

  [[nodiscard]] const char* name() const {
    if (role == fleet::ServerRole::bootstrap) return dtls ? "bootstrap coaps" : "bootstrap coap";
    return dtls ? "management coaps" : "management coap";
  }
};

}  // namespace slipway::node

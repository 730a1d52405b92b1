// SPDX-License-Identifier: Apache-2.0
// A TLS server and one client on a stream in virtual time.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/security/tls/session.hpp>

#include "pki.hpp"

namespace slipway::security::tls::test {

inline constexpr std::string_view kIdentity = "urn:imei:004999010640000";
inline constexpr std::string_view kKey = "0123456789abcdef";

inline dtls::PskCredential psk_credential(std::string_view identity = kIdentity,
                                          std::string_view key = kKey) {
  return {*dtls::PskIdentity::from(as_bytes(identity)), Secret(as_bytes(key))};
}

inline Suites only(Version version) {
  Suites suites;
  (version == Version::tls12 ? suites.tls13.clear() : suites.tls12.clear());
  return suites;
}

/// What one end has told so far.
struct Seen {
  std::optional<Established> established;
  std::optional<HandshakeFailed> failed;
  std::optional<SessionEnded> ended;
  std::vector<dtls::Alert> warnings;
  std::string received;
};

class Pair {
 public:
  explicit Pair(ClientConfig client_config, ServerConfig server_config = {}) {
    server_config.keys = security::test::keys_of(security::test::world().server);
    auto made = TlsServer::create(std::move(server_config), random);
    EXPECT_TRUE(made) << made.error().detail;
    port = std::move(*made);
    server = port->accept(now, wall);
    auto connected = TlsSession::connect(now, std::move(client_config), random);
    EXPECT_TRUE(connected) << connected.error().detail;
    client = std::move(*connected);
  }

  /// Carries bytes both ways until nothing moves.
  void run() {
    for (bool moved = true; moved;) {
      collect();
      moved = carry(*client, *server, to_server);
      collect();
      moved = carry(*server, *client, to_client) || moved;
    }
  }

  SeededRandom random{7};
  TimePoint now{seconds(1000)};
  UnixTime wall = security::test::kToday;
  std::unique_ptr<TlsServer> port;
  std::unique_ptr<TlsSession> server, client;
  Seen at_server, at_client;
  std::map<std::string, std::string> keys{{std::string(kIdentity), std::string(kKey)}};
  dtls::Approval approval = dtls::Approval::known;
  bool answer = true;
  std::vector<dtls::IdentityKind> asked;
  Bytes asked_for;
  std::size_t piece = SIZE_MAX;              ///< bytes that the stream carries at a time
  std::string to_server, to_client;          ///< everything that was carried
  std::function<void(std::string&)> tamper;  ///< with what goes to the server

 private:
  bool carry(TlsSession& from, TlsSession& to, std::string& log) {
    const auto output = from.poll_output();
    if (output.empty()) return false;
    std::string bytes(as_text(output));
    from.taken(bytes.size());
    if (tamper && &to == server.get()) tamper(bytes);
    log += bytes;
    for (std::size_t at = 0; at < bytes.size(); at += std::min(piece, bytes.size() - at)) {
      to.handle_bytes(now, as_bytes(std::string_view(bytes).substr(at, piece)));
      collect();
    }
    return true;
  }
  void collect() {
    while (const auto event = server->poll_event())
      std::visit([this](const auto& e) { note(at_server, e); }, *event);
    while (const auto event = client->poll_event())
      std::visit([this](const auto& e) { note(at_client, e); }, *event);
  }
  void note(Seen&, const CredentialWanted& wanted) {
    asked.push_back(wanted.kind);
    asked_for.assign(wanted.identity.begin(), wanted.identity.end());
    if (answer) reply();
  }
  static void note(Seen& seen, const Established& e) { seen.established = e; }
  static void note(Seen& seen, const HandshakeFailed& e) { seen.failed = e; }
  static void note(Seen& seen, const SessionEnded& e) { seen.ended = e; }
  static void note(Seen& seen, const AlertReceived& e) { seen.warnings.push_back(e.alert); }
  static void note(Seen& seen, const BytesReceived& e) { seen.received += as_text(e.plaintext); }

 public:
  /// Answers the question that was asked last.
  void reply() {
    if (asked.back() != dtls::IdentityKind::psk) return server->approve(now, approval);
    const auto found = keys.find(std::string(as_text(asked_for)));
    std::optional<Secret> key;
    if (found != keys.end()) key.emplace(as_bytes(found->second));
    server->credential(now, std::move(key));
  }
};

}  // namespace slipway::security::tls::test

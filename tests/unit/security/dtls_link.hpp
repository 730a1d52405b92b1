// SPDX-License-Identifier: Apache-2.0
// A DTLS server and clients on a link in virtual time that loses, repeats and reorders.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <slipway/security/dtls/client.hpp>
#include <slipway/security/dtls/server.hpp>
#include <string>
#include <vector>

namespace slipway::security::dtls::test {

inline PskIdentity identity_of(std::string_view text) {
  return *PskIdentity::from(as_bytes(text));
}
inline Secret key_of(std::string_view text) {
  return Secret(as_bytes(text));
}
inline constexpr std::string_view kIdentity = "urn:imei:004999010640000";
inline constexpr std::string_view kKey = "0123456789abcdef";

inline ClientConfig client_config(std::string_view identity = kIdentity, std::string_view key = kKey) {
  return {.credential = PskCredential{identity_of(identity), key_of(key)}};
}

struct Weather {
  double loss = 0, repeat = 0;
  Duration delay = milliseconds(10);
  Duration jitter{};  ///< up to this much more, which reorders
};

/// The server's user: answers lookups from `keys`, keeps every event.
struct ServerSide {
  std::map<std::string, std::string> keys{{std::string(kIdentity), std::string(kKey)}};
  bool answer_lookups = true;
  std::vector<CredentialWanted> lookups;
  std::vector<SessionEstablished> established;
  std::vector<HandshakeFailed> failed;
  std::vector<SessionEnded> ended;
  std::vector<PeerMoved> moved;
  std::vector<PeerId> freezes;
  Approval approval = Approval::known;  ///< of public keys and certificates
  Bytes public_part;                    ///< the last one that was asked for
  std::vector<std::pair<PeerId, std::string>> received;
  std::string looked_up;
};

struct ClientSide {
  std::optional<Connected> connected;
  std::optional<ConnectFailed> failed;
  std::optional<ClientSessionEnded> ended;
  std::vector<Alert> warnings;
  std::vector<std::string> received;
};

class Link {
 public:
  struct Host {
    Address address;
    std::unique_ptr<DtlsClient> client;
    ClientSide seen;
  };

  explicit Link(std::uint64_t seed = 1, Weather weather = {}, ServerConfig config = {})
      : random_(seed), weather_(weather) {
    config.next_peer = [this] { return PeerId(++last_peer_); };
    server = std::make_unique<DtlsServer>(std::move(config), random_);
  }

  Host& add(ClientConfig config, Address address = Address::v4(10, 0, 0, 1, 40000)) {
    hosts.push_back(std::make_unique<Host>(address, std::make_unique<DtlsClient>(std::move(config), random_),
                                           ClientSide{}));
    return *hosts.back();
  }
  Host& connect(ClientConfig config = client_config(), Address address = Address::v4(10, 0, 0, 1, 40000)) {
    auto& host = add(std::move(config), address);
    EXPECT_TRUE(host.client->start(now));
    run(seconds(100));
    return host;
  }

  /// Lets time pass until nothing is in flight and no timer is due before `limit` has passed.
  void run(Duration limit) {
    const auto end = now + limit;
    collect();
    for (;;) {
      auto next = next_event();
      if (!next || *next > end) break;
      now = std::max(now, *next);
      deliver();
      server->handle_timeout(now);
      collect();
      for (auto& host : hosts) host->client->handle_timeout(now);
      collect();
      if (++steps_ > 200'000) {
        ADD_FAILURE() << "the engines never rest";
        return;
      }
    }
  }

  Result<void> send(Host& host, std::string_view text) { return host.client->send(now, as_bytes(text)); }
  Result<void> send(PeerId peer, std::string_view text) { return server->send(now, peer, as_bytes(text)); }
  /// Gives the server a datagram at once, and what comes of it to the link.
  void inject(const Address& from, ByteView bytes) {
    server->handle_datagram(now, from, bytes);
    collect();
  }

  TimePoint now{seconds(1000)};
  std::unique_ptr<DtlsServer> server;
  std::vector<std::unique_ptr<Host>> hosts;
  ServerSide seen;
  /// Every datagram that was sent: true for those to the server.
  std::vector<std::pair<bool, Bytes>> sent;
  /// Changes or drops (by false) what is sent.
  std::function<bool(bool to_server, Bytes&)> tamper;

 private:
  struct Flying {
    bool to_server;
    Address peer;
    Bytes bytes;
  };

  std::optional<TimePoint> next_event() const {
    std::optional<TimePoint> next = server->next_timeout();
    const auto consider = [&](std::optional<TimePoint> at) {
      if (at && (!next || *at < *next)) next = at;
    };
    for (const auto& host : hosts) consider(host->client->next_timeout());
    if (!flying_.empty()) consider(flying_.begin()->first);
    return next;
  }

  void deliver() {
    while (!flying_.empty() && flying_.begin()->first <= now) {
      auto datagram = std::move(flying_.begin()->second);
      flying_.erase(flying_.begin());
      if (datagram.to_server) {
        server->handle_datagram(now, datagram.peer, datagram.bytes);
      } else {
        for (auto& host : hosts)
          if (host->address == datagram.peer) host->client->handle_datagram(now, datagram.bytes);
      }
      collect();
    }
  }

  void launch(bool to_server, const Address& peer, ByteView view) {
    Bytes bytes(view.begin(), view.end());
    sent.emplace_back(to_server, bytes);
    if (tamper && !tamper(to_server, bytes)) return;
    const int copies = chance(weather_.repeat) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      if (chance(weather_.loss)) continue;
      const auto extra = weather_.jitter.count() == 0
                             ? 0
                             : static_cast<Duration::rep>(
                                   random_.below(static_cast<std::uint64_t>(weather_.jitter.count())));
      flying_.emplace(now + weather_.delay + Duration(extra), Flying{to_server, peer, bytes});
    }
  }
  bool chance(double probability) {
    return probability > 0 && static_cast<double>(random_.below(1'000'000)) < probability * 1e6;
  }

  void collect() {
    while (auto event = server->poll_event()) std::visit([this](auto& e) { this->note(e); }, *event);
    while (const auto transmit = server->poll_transmit()) launch(false, transmit->to, transmit->bytes);
    for (auto& host : hosts) {
      while (auto event = host->client->poll_event())
        std::visit([&host](auto& e) { note(*host, e); }, *event);
      while (const auto bytes = host->client->poll_transmit()) launch(true, host->address, *bytes);
    }
  }

  void note(const FreezeWanted& e) { seen.freezes.push_back(e.peer); }
  void note(const PeerMoved& e) { seen.moved.push_back(e); }
  void note(const CredentialWanted& wanted) {
    if (wanted.kind != IdentityKind::psk) {
      seen.lookups.push_back(wanted);
      seen.public_part.assign(wanted.public_part.begin(), wanted.public_part.end());
      if (seen.answer_lookups) server->approve(now, wanted.lookup, seen.approval);
      return;
    }
    const std::string identity(as_text(wanted.psk_identity));
    seen.lookups.push_back(wanted);
    seen.looked_up = identity;
    if (!seen.answer_lookups) return;
    const auto found = seen.keys.find(identity);
    std::optional<Secret> key;
    if (found != seen.keys.end()) key = key_of(found->second);
    server->credential(now, wanted.lookup, std::move(key));
  }
  void note(const SessionEstablished& e) { seen.established.push_back(e); }
  void note(const HandshakeFailed& e) { seen.failed.push_back(e); }
  void note(const SessionEnded& e) { seen.ended.push_back(e); }
  void note(const DatagramReceived& e) { seen.received.emplace_back(e.peer, as_text(e.plaintext)); }
  static void note(Host& host, const Connected& e) { host.seen.connected = e; }
  static void note(Host& host, const ConnectFailed& e) { host.seen.failed = e; }
  static void note(Host& host, const ClientSessionEnded& e) { host.seen.ended = e; }
  static void note(Host& host, const AlertReceived& e) { host.seen.warnings.push_back(e.alert); }
  static void note(Host& host, const ClientDatagramReceived& e) {
    host.seen.received.emplace_back(as_text(e.plaintext));
  }

  SeededRandom random_;
  Weather weather_;
  std::uint64_t last_peer_ = 0;
  std::multimap<TimePoint, Flying> flying_;
  std::size_t steps_ = 0;
};

}  // namespace slipway::security::dtls::test

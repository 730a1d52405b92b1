// SPDX-License-Identifier: Apache-2.0
// What the benchmarks of secure sessions share: keys, a server whose handling is timed, and plain GnuTLS in
// its place.
#pragma once

#include <gnutls/abstract.h>
#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>

#include <chrono>
#include <ctime>
#include <deque>
#include <string_view>

#include <slipway/security/dtls/client.hpp>
#include <slipway/security/dtls/server.hpp>
#include <slipway/security/keys.hpp>

namespace slipway::bench {

using namespace slipway::security::dtls;

/// This thread's processor time: the machine may be busy with other things.
struct Clock {
  using duration = std::chrono::nanoseconds;
  static duration now() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + duration(time.tv_nsec);
  }
};

enum class Mode : std::uint8_t { psk, raw_public_key, certificate };

inline constexpr std::string_view kIdentity = "urn:imei:004999010640000";
inline constexpr std::string_view kKey = "0123456789abcdef";
inline const TimePoint kNow{seconds(1)};
inline constexpr UnixTime kToday{std::chrono::milliseconds(1'780'000'000'000)};

/// A key with a certificate for it.
struct Party {
  security::KeyPair key;
  Bytes certificate;
};
/// An authority, a server and a device of its; made once.
struct Keys {
  Party authority, server, device;
  Keys();
};
const Keys& keys();

[[nodiscard]] ClientConfig client_config(Mode mode);
/// Takes every mode.
[[nodiscard]] ServerConfig server_config();

/// A server whose handling is timed, apart from everything around it.
class TimedServer {
 public:
  explicit TimedServer(ServerConfig config = server_config()) : server(std::move(config), random) {}
  void handle(const Address& from, ByteView datagram);
  /// Ends the session that came last, outside of the time.
  void forget();

  SeededRandom random{1};
  DtlsServer server;
  Clock::duration busy{};
  std::deque<Bytes> out;
  std::optional<PeerId> established;
  std::size_t received = 0;  ///< datagrams of sessions
};

/// Plain GnuTLS, cookie exchange included, as its manual shows it; one client at a time. A client's public
/// key is compared with the one that is known, its certificate verified against the authority.
class PlainServer {
 public:
  explicit PlainServer(Mode mode);
  ~PlainServer();
  PlainServer(const PlainServer&) = delete;
  PlainServer& operator=(const PlainServer&) = delete;
  void handle(const Address& from, ByteView datagram);
  void forget();

  gnutls_session_t session = nullptr;
  Clock::duration busy{};
  std::deque<Bytes> out;
  ByteView in;

 private:
  void open(const gnutls_dtls_prestate_st& prestate);
  static int verify(gnutls_session_t session);
  static ssize_t push(gnutls_transport_ptr_t self, const void* data, size_t size);
  static ssize_t pull(gnutls_transport_ptr_t self, void* data, size_t size);
  static int readable(gnutls_transport_ptr_t self, unsigned);

  Mode mode_;
  gnutls_priority_t priority_ = nullptr;
  gnutls_psk_server_credentials_t psk_ = nullptr;
  gnutls_certificate_credentials_t certificates_ = nullptr;
  gnutls_datum_t cookie_{};
};

/// Carries datagrams between the two until the client is connected.
template <class Server>
[[nodiscard]] bool connect(DtlsClient& client, Server& server, const Address& from) {
  if (!client.start(kNow)) return false;
  for (int round = 0; round < 10 && !client.connected(); ++round) {
    while (const auto bytes = client.poll_transmit()) server.handle(from, *bytes);
    for (; !server.out.empty(); server.out.pop_front()) client.handle_datagram(kNow, server.out.front());
  }
  // Of a resumed handshake the client's flight is the last.
  while (const auto bytes = client.poll_transmit()) server.handle(from, *bytes);
  return client.connected();
}

}  // namespace slipway::bench

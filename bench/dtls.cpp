// SPDX-License-Identifier: Apache-2.0
// What secure sessions cost: a handshake beside plain GnuTLS's in the same run, records, spoofed hellos,
// memory of an idle session. Server side only: the client's part is not in the time.
#include <benchmark/benchmark.h>
#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>
#include <malloc.h>

#include <cerrno>
#include <chrono>
#include <ctime>
#include <deque>
#include <slipway/security/dtls/client.hpp>
#include <slipway/security/dtls/server.hpp>

#include "security/dtls/record.hpp"

namespace {

using namespace slipway;
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

constexpr std::string_view kIdentity = "urn:imei:004999010640000";
constexpr std::string_view kKey = "0123456789abcdef";
const TimePoint kNow{seconds(1)};

ClientConfig client_config() {
  return {.credential = PskCredential{*PskIdentity::from(as_bytes(kIdentity)), Secret(as_bytes(kKey))}};
}
ServerConfig server_config() {
  static std::uint64_t last = 0;
  ServerConfig config;
  config.next_peer = [] { return PeerId(++last); };
  config.handshakes_per_ip_max = 1'000'000;
  config.sessions_max = 10'000'000;
  return config;
}

/// A server whose handling is timed, apart from everything around it.
struct TimedServer {
  SeededRandom random{1};
  DtlsServer server{server_config(), random};
  Clock::duration busy{};
  std::optional<PeerId> established;
  std::deque<Bytes> out;

  void handle(const Address& from, ByteView datagram) {
    const auto begin = Clock::now();
    server.handle_datagram(kNow, from, datagram);
    while (const auto event = server.poll_event()) {
      if (const auto* wanted = std::get_if<CredentialWanted>(&*event))
        server.credential(kNow, wanted->lookup, Secret(as_bytes(kKey)));
      if (const auto* done = std::get_if<SessionEstablished>(&*event)) established = done->peer;
    }
    while (const auto transmit = server.poll_transmit())
      out.emplace_back(transmit->bytes.begin(), transmit->bytes.end());
    busy += Clock::now() - begin;
  }
};

template <class Peer>
bool handshake_with(Peer& peer, const Address& from) {
  SeededRandom random(2);
  DtlsClient client(client_config(), random);
  (void)client.start(kNow);
  for (int round = 0; round < 10 && !client.connected(); ++round) {
    while (const auto bytes = client.poll_transmit()) peer.handle(from, *bytes);
    for (; !peer.out.empty(); peer.out.pop_front()) client.handle_datagram(kNow, peer.out.front());
  }
  return client.connected();
}

void handshake_slipway(benchmark::State& state) {
  TimedServer server;
  const auto from = Address::v4(10, 0, 0, 1, 5000);
  for (auto _ : state) {
    server.busy = {};
    if (!handshake_with(server, from)) state.SkipWithError("no session");
    state.SetIterationTime(std::chrono::duration<double>(server.busy).count());
    server.server.end(kNow, *server.established, Alert::close_notify);
    while (server.server.poll_transmit()) {
    }
    while (server.server.poll_event()) {
    }
  }
}
BENCHMARK(handshake_slipway)->UseManualTime();

/// Plain GnuTLS, cookie exchange included, as its manual shows it.
struct PlainGnutls {
  PlainGnutls() {
    gnutls_priority_init(&priority,
                         "NONE:+VERS-DTLS1.2:+PSK:+AES-128-CCM-8:+AEAD:+COMP-NULL:+GROUP-SECP256R1:+SIGN-ALL",
                         nullptr);
    gnutls_psk_allocate_server_credentials(&credentials);
    gnutls_psk_set_server_credentials_function(
        credentials, [](gnutls_session_t, const char*, gnutls_datum_t* key) {
          key->data = static_cast<unsigned char*>(gnutls_malloc(kKey.size()));
          std::memcpy(key->data, kKey.data(), kKey.size());
          key->size = static_cast<unsigned>(kKey.size());
          return 0;
        });
    gnutls_key_generate(&cookie, GNUTLS_COOKIE_KEY_SIZE);
  }
  ~PlainGnutls() {
    if (session != nullptr) gnutls_deinit(session);
    gnutls_psk_free_server_credentials(credentials);
    gnutls_priority_deinit(priority);
    gnutls_free(cookie.data);
  }
  void handle(const Address& from, ByteView datagram) {
    const auto begin = Clock::now();
    in = datagram;
    auto owner = from.ip;
    if (session == nullptr) {
      gnutls_dtls_prestate_st prestate{};
      auto* message = const_cast<std::uint8_t*>(datagram.data());
      if (gnutls_dtls_cookie_verify(&cookie, owner.data(), owner.size(), message, datagram.size(),
                                    &prestate) < 0) {
        gnutls_dtls_cookie_send(&cookie, owner.data(), owner.size(), &prestate, this, push);
        busy += Clock::now() - begin;
        return;
      }
      gnutls_init(&session, GNUTLS_SERVER | GNUTLS_DATAGRAM | GNUTLS_NONBLOCK | GNUTLS_NO_TICKETS);
      gnutls_priority_set(session, priority);
      gnutls_credentials_set(session, GNUTLS_CRD_PSK, credentials);
      gnutls_transport_set_ptr(session, this);
      gnutls_transport_set_push_function(session, push);
      gnutls_transport_set_pull_function(session, pull);
      gnutls_transport_set_pull_timeout_function(session, readable);
      gnutls_dtls_set_mtu(session, 1200);
      gnutls_dtls_prestate_set(session, &prestate);
    }
    done = gnutls_handshake(session) == 0;
    busy += Clock::now() - begin;
  }
  static ssize_t push(gnutls_transport_ptr_t self, const void* data, size_t size) {
    const auto* bytes = static_cast<const std::uint8_t*>(data);
    static_cast<PlainGnutls*>(self)->out.emplace_back(bytes, bytes + size);
    return static_cast<ssize_t>(size);
  }
  static ssize_t pull(gnutls_transport_ptr_t self, void* data, size_t size) {
    auto& peer = *static_cast<PlainGnutls*>(self);
    if (peer.in.empty()) {
      gnutls_transport_set_errno(peer.session, EAGAIN);
      return -1;
    }
    const auto count = std::min(size, peer.in.size());
    std::memcpy(data, peer.in.data(), count);
    peer.in = {};
    return static_cast<ssize_t>(count);
  }
  static int readable(gnutls_transport_ptr_t self, unsigned) {
    return static_cast<PlainGnutls*>(self)->in.empty() ? 0 : 1;
  }
  void forget() {
    const auto begin = Clock::now();
    gnutls_deinit(session);
    session = nullptr;
    busy += Clock::now() - begin;
  }
  gnutls_priority_t priority = nullptr;
  gnutls_psk_server_credentials_t credentials = nullptr;
  gnutls_datum_t cookie{};
  gnutls_session_t session = nullptr;
  Clock::duration busy{};
  std::deque<Bytes> out;
  ByteView in;
  bool done = false;
};

void handshake_plain_gnutls(benchmark::State& state) {
  PlainGnutls server;
  const auto from = Address::v4(10, 0, 0, 1, 5000);
  for (auto _ : state) {
    server.busy = {};
    if (!handshake_with(server, from)) state.SkipWithError("no session");
    server.forget();  // the other one frees its session too, before it says that it is established
    state.SetIterationTime(std::chrono::duration<double>(server.busy).count());
  }
}
BENCHMARK(handshake_plain_gnutls)->UseManualTime();

RecordState record_state(Aead aead) {
  RecordState state;
  state.aead = aead;
  state.write.key = state.read.key = {1, 2, 3};
  return state;
}

void seal_100(benchmark::State& state, Aead aead) {
  AeadEngine engine;
  auto records = record_state(aead);
  const Bytes text(100, 'x');
  Bytes out(200);
  for (auto _ : state) {
    benchmark::DoNotOptimize(seal_record(engine, records, ContentType::application_data, text, out));
    benchmark::ClobberMemory();
  }
}
BENCHMARK_CAPTURE(seal_100, ccm_8, Aead::aes_128_ccm_8);
BENCHMARK_CAPTURE(seal_100, gcm, Aead::aes_128_gcm);

void open_100(benchmark::State& state, Aead aead) {
  AeadEngine engine;
  auto records = record_state(aead);
  const Bytes text(100, 'x');
  Bytes sealed(200), out(200);
  sealed.resize(seal_record(engine, records, ContentType::application_data, text, sealed).value());
  for (auto _ : state) {
    records.window = {};
    ByteReader reader(sealed);
    const auto record = read_record(reader, 0);
    benchmark::DoNotOptimize(open_record(engine, records, *record, out));
    benchmark::ClobberMemory();
  }
}
BENCHMARK_CAPTURE(open_100, ccm_8, Aead::aes_128_ccm_8);
BENCHMARK_CAPTURE(open_100, gcm, Aead::aes_128_gcm);

void spoofed_hello(benchmark::State& state) {
  TimedServer server;
  SeededRandom random(2);
  DtlsClient client(client_config(), random);
  (void)client.start(kNow);
  const auto view = client.poll_transmit().value();
  const Bytes hello(view.begin(), view.end());
  std::uint16_t port = 0;
  for (auto _ : state) {
    server.server.handle_datagram(kNow, Address::v4(10, 0, 0, 1, ++port), hello);
    benchmark::DoNotOptimize(server.server.poll_transmit());
  }
}
BENCHMARK(spoofed_hello);

/// Heap growth by each session that has sent one record, everything of the server included.
void idle_session_memory(benchmark::State& state) {
  for (auto _ : state) {
    TimedServer server;
    constexpr int kSessions = 20'000;
    const auto before = mallinfo2().uordblks;
    for (int i = 0; i < kSessions; ++i) {
      const auto from =
          Address::v4(10, 1, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i), 5000);
      SeededRandom random(2);
      DtlsClient client(client_config(), random);
      (void)client.start(kNow);
      for (int round = 0; round < 10 && !client.connected(); ++round) {
        while (const auto bytes = client.poll_transmit()) server.handle(from, *bytes);
        for (; !server.out.empty(); server.out.pop_front()) client.handle_datagram(kNow, server.out.front());
      }
      (void)client.send(kNow, as_bytes("x"));
      server.handle(from, *client.poll_transmit());
    }
    const auto after = mallinfo2().uordblks;
    if (server.server.session_count() != kSessions) state.SkipWithError("sessions are missing");
    state.counters["bytes_per_session"] = static_cast<double>(after - before) / kSessions;
  }
}
BENCHMARK(idle_session_memory)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();

// SPDX-License-Identifier: Apache-2.0
// What secure sessions cost a server: handshakes and records beside plain GnuTLS's in the same run, hellos
// from forged addresses. The client's part is not in the time.
#include <benchmark/benchmark.h>

#include <malloc.h>

#include "dtls_world.hpp"
#include "security/dtls/record.hpp"

namespace slipway::bench {
namespace {

template <class Server>
Clock::duration one_handshake(Server& server, Mode mode, benchmark::State& state) {
  const auto from = Address::v4(10, 0, 0, 1, 5000);
  SeededRandom random(2);
  DtlsClient client(client_config(mode), random);
  const auto before = server.busy;
  if (!connect(client, server, from)) state.SkipWithError("no session");
  const auto spent = server.busy - before;
  server.forget();
  return std::is_same_v<Server, PlainServer> ? server.busy - before : spent;
}

/// Both in turn, so that what disturbs the machine disturbs both. The time shown is ours.
void handshake(benchmark::State& state, Mode mode) {
  TimedServer ours;
  PlainServer theirs(mode);
  Clock::duration our_time{}, their_time{};
  for (int i = 0; i < 20; ++i) {  // caches and the library's tables are warm afterwards
    (void)one_handshake(ours, mode, state);
    (void)one_handshake(theirs, mode, state);
  }
  for (auto _ : state) {
    const auto mine = one_handshake(ours, mode, state);
    their_time += one_handshake(theirs, mode, state);
    our_time += mine;
    state.SetIterationTime(std::chrono::duration<double>(mine).count());
  }
  const auto count = static_cast<double>(state.iterations());
  state.counters["gnutls_us"] = std::chrono::duration<double, std::micro>(their_time).count() / count;
  state.counters["ratio_to_gnutls"] =
      static_cast<double>(our_time.count()) / static_cast<double>(their_time.count());
}
BENCHMARK_CAPTURE(handshake, psk, Mode::psk)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(handshake, rpk, Mode::raw_public_key)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(handshake, x509, Mode::certificate)->UseManualTime()->Unit(benchmark::kMicrosecond);

/// A session resumed by its id, and what is kept of it.
void resumed(benchmark::State& state, Mode mode) {
  auto config = server_config();
  config.cid_size = 0;
  TimedServer server(std::move(config));
  SeededRandom random(2);
  const auto from = Address::v4(10, 0, 0, 1, 5000);
  Secret kept;
  const auto once = [&] {
    auto client_config = bench::client_config(mode);
    client_config.resumption = std::move(kept);
    DtlsClient client(std::move(client_config), random);
    const auto before = server.busy;
    if (!connect(client, server, from)) state.SkipWithError("no session");
    const auto spent = server.busy - before;
    kept = client.take_resumption();
    server.forget();
    return spent;
  };
  (void)once();
  for (auto _ : state) state.SetIterationTime(std::chrono::duration<double>(once()).count());
  if (server.server.counters().handshakes_resumed < static_cast<std::uint64_t>(state.iterations()))
    state.SkipWithError("not resumed");
}
BENCHMARK_CAPTURE(resumed, psk, Mode::psk)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(resumed, rpk, Mode::raw_public_key)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(resumed, x509, Mode::certificate)->UseManualTime()->Unit(benchmark::kMicrosecond);

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

/// A session of plain GnuTLS with a client of ours, in the PSK mode.
struct PlainSession {
  PlainSession(benchmark::State& state, CipherSuite suite) {
    auto config = client_config(Mode::psk);
    config.suites = {suite};
    client.emplace(std::move(config), random);
    if (!connect(*client, server, Address::v4(10, 0, 0, 1, 5000))) state.SkipWithError("no session");
  }
  PlainServer server{Mode::psk};
  SeededRandom random{2};
  std::optional<DtlsClient> client;
  Bytes text = Bytes(100, 'x');
};

void seal_100_gnutls(benchmark::State& state, CipherSuite suite) {
  PlainSession plain(state, suite);
  for (auto _ : state) {
    benchmark::DoNotOptimize(gnutls_record_send(plain.server.session, plain.text.data(), plain.text.size()));
    plain.server.out.clear();
  }
}
BENCHMARK_CAPTURE(seal_100_gnutls, ccm_8, CipherSuite::psk_aes_128_ccm_8);
BENCHMARK_CAPTURE(seal_100_gnutls, gcm, CipherSuite::psk_aes_128_gcm_sha256);

void open_100_gnutls(benchmark::State& state, CipherSuite suite) {
  PlainSession plain(state, suite);
  constexpr std::size_t kBatch = 64;
  Bytes out(200);
  while (state.KeepRunningBatch(kBatch)) {
    state.PauseTiming();
    std::vector<Bytes> records;
    for (std::size_t i = 0; i < kBatch; ++i) {
      (void)plain.client->send(kNow, plain.text);
      const auto record = *plain.client->poll_transmit();
      records.emplace_back(record.begin(), record.end());
    }
    state.ResumeTiming();
    for (const auto& record : records) {
      plain.server.in = record;
      if (gnutls_record_recv(plain.server.session, out.data(), out.size()) != 100)
        state.SkipWithError("not opened");
    }
  }
}
BENCHMARK_CAPTURE(open_100_gnutls, ccm_8, CipherSuite::psk_aes_128_ccm_8);
BENCHMARK_CAPTURE(open_100_gnutls, gcm, CipherSuite::psk_aes_128_gcm_sha256);

void spoofed_hello(benchmark::State& state) {
  TimedServer server;
  SeededRandom random(2);
  DtlsClient client(client_config(Mode::psk), random);
  (void)client.start(kNow);
  const auto view = client.poll_transmit().value();
  const Bytes hello(view.begin(), view.end());
  std::uint16_t port = 0;
  const auto spoof = [&] {
    server.server.handle_datagram(kNow, Address::v4(10, 0, 0, 1, ++port), hello);
    benchmark::DoNotOptimize(server.server.poll_transmit());
  };
  spoof();
  const auto before = mallinfo2().uordblks;
  for (auto _ : state) spoof();
  state.counters["bytes_kept"] = static_cast<double>(mallinfo2().uordblks - before);
}
BENCHMARK(spoofed_hello);

}  // namespace
}  // namespace slipway::bench

BENCHMARK_MAIN();

// SPDX-License-Identifier: Apache-2.0
// A million sessions in one process: what each costs in memory, and how long their thaw takes at a start.
//
//     bench_sessions [COUNT]     one JSON object, after progress on standard error
#include <malloc.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "dtls_world.hpp"

namespace slipway::bench {
namespace {

constexpr std::size_t kMillion = 1'000'000;
constexpr std::uint32_t kReserve = 4096;

std::size_t heap_bytes() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

std::size_t resident_bytes() {
  std::size_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

Address address_of(std::size_t device) {
  return Address::v4(10, static_cast<std::uint8_t>(device >> 16), static_cast<std::uint8_t>(device >> 8),
                     static_cast<std::uint8_t>(device), 5000);
}

/// Both halves of each session while nobody runs it.
struct Fleet {
  std::vector<Secret> devices;
  std::vector<FrozenSession> frozen;
  std::vector<PeerId> peers;
};

ServerConfig config() {
  auto made = server_config();
  made.freeze_reserve = kReserve;
  return made;
}

[[noreturn]] void failed(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::exit(1);
}

/// Device and server shake hands and exchange one record; the device's half is put aside.
void join(TimedServer& server, Fleet& fleet, std::size_t device) {
  SeededRandom random(device);
  DtlsClient client(client_config(Mode::psk), random);
  if (!connect(client, server, address_of(device))) failed("a handshake failed");
  const auto before = server.received;
  (void)client.send(kNow, as_bytes("x"));
  server.handle(address_of(device), *client.poll_transmit());
  if (server.received != before + 1) failed("a record did not arrive");
  fleet.peers.push_back(*server.established);
  auto kept = client.freeze();
  if (!kept) failed("a device could not freeze its session");
  fleet.devices.push_back(std::move(*kept));
}

/// The device goes on with its half, without a handshake, and the server answers it.
bool goes_on(TimedServer& server, const Fleet& fleet, std::size_t device) {
  SeededRandom random(device);
  DtlsClient client(client_config(Mode::psk), random);
  if (!client.thaw(fleet.devices[device].reveal()) || !client.send(kNow, as_bytes("hello"))) return false;
  const auto before = server.received;
  server.handle(address_of(device), *client.poll_transmit());
  if (server.received != before + 1) return false;
  if (!server.server.send(kNow, fleet.peers[device], as_bytes("there"))) return false;
  const auto answer = server.server.poll_transmit();
  if (!answer) return false;
  client.handle_datagram(kNow, answer->bytes);
  while (const auto event = client.poll_event())
    if (const auto* data = std::get_if<ClientDatagramReceived>(&*event))
      return as_text(data->plaintext) == "there";
  return false;
}

double seconds_of(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
}

int run(std::size_t count) {
  Fleet fleet;
  fleet.devices.reserve(count);
  fleet.peers.reserve(count);
  fleet.frozen.reserve(count);
  double per_session = 0, resident = 0, joined = 0;
  {
    TimedServer server(config());
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t device = 0; device < count; ++device) {
      join(server, fleet, device);
      if ((device + 1) % (count / 10) == 0) std::fprintf(stderr, "%zu sessions\n", device + 1);
    }
    joined = seconds_of(begin);
    for (const auto peer : fleet.peers) {
      auto frozen = server.server.freeze(peer);
      if (!frozen) failed("a session could not be frozen");
      fleet.frozen.push_back(std::move(*frozen));
    }
  }
  malloc_trim(0);
  const auto heap_before = heap_bytes(), resident_before = resident_bytes();
  TimedServer server(config());
  const auto identity = PeerIdentity(*PskIdentity::from(as_bytes(kIdentity)));
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t device = 0; device < count; ++device)
    if (!server.server.thaw(kNow, fleet.peers[device], address_of(device), identity,
                            fleet.frozen[device].bytes.reveal(), 1))
      failed("a session could not be thawed");
  const auto thawed = seconds_of(begin);
  per_session = static_cast<double>(heap_bytes() - heap_before) / static_cast<double>(count);
  resident = static_cast<double>(resident_bytes() - resident_before) / static_cast<double>(count);
  if (server.server.session_count() != count) failed("sessions are missing");
  std::size_t went_on = 0;
  for (std::size_t device = 0; device < count; device += 10)
    went_on += goes_on(server, fleet, device) ? 1 : 0;
  if (went_on != (count + 9) / 10) failed("a device could not go on");
  std::printf(
      "{\"sessions\": %zu, \"handshakes_s\": %.1f, \"thaw_s\": %.2f, \"heap_bytes_per_session\": %.1f, "
      "\"resident_bytes_per_session\": %.1f, \"tried_after_thaw\": %zu}\n",
      count, joined, thawed, per_session, resident, went_on);
  return 0;
}

}  // namespace
}  // namespace slipway::bench

int main(int argc, char** argv) {
  const auto count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : slipway::bench::kMillion;
  return count < 10 || count > 16 * slipway::bench::kMillion ? 2 : slipway::bench::run(count);
}

// SPDX-License-Identifier: Apache-2.0
// A server that starts with a million sessions and registrations in its store: how long until it serves, what
// each costs in memory, and how long it takes to end in good order.
//
//     bench_restart [COUNT [FOLDER]]     one JSON object, after progress on standard error; FOLDER keeps the
//     store
#include <malloc.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <slipway/net/clock.hpp>
#include <slipway/node/node.hpp>
#include <slipway/security/random.hpp>
#include <slipway/storage/sqlite.hpp>

#include "security/dtls/frozen.hpp"

namespace slipway::bench {
namespace {

constexpr std::size_t kMillion = 1'000'000;
constexpr std::size_t kBatch = 10'000;
constexpr std::uint32_t kReserve = 1024;

[[noreturn]] void failed(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

double seconds_of(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
}

/// Processor time of this process: what a busy machine does not lengthen.
double cpu_seconds() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

std::size_t heap_bytes() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

std::size_t resident_bytes() {
  std::size_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

std::string name_of(std::size_t device) {
  auto digits = std::to_string(device);
  return "urn:dev:os:bench-" + std::string(7 - std::min<std::size_t>(7, digits.size()), '0') + digits;
}

std::string location_of(std::size_t device) {
  std::string location = "aaaaaaaaaaaaa";
  for (std::size_t i = 0; i < 5; ++i) location[12 - i] = static_cast<char>('a' + (device >> (4 * i) & 15));
  return location;
}

/// As a handshake would leave it.
Secret frozen_session(Random& random, std::size_t device) {
  security::dtls::RecordState state;
  random.fill(state.write.key);
  random.fill(state.read.key);
  random.fill(state.write.salt);
  random.fill(state.read.salt);
  state.cid_in.size = 6;
  ByteWriter writer(state.cid_in.bytes);
  writer.unsigned_of(device + 1, 6);
  auto frozen = security::dtls::freeze(state, kReserve);
  if (!frozen) failed("a session could not be frozen");
  return std::move(*frozen);
}

storage::StoreResult<void> put(storage::Store& store, Random& random, std::uint64_t life,
                               std::size_t device) {
  const auto name = name_of(device);
  fleet::Credential credential;
  credential.endpoint = name;
  credential.role = fleet::ServerRole::management;
  credential.server = ShortServerId(101);
  credential.identity.resize(16);
  random.fill(credential.identity);
  std::array<std::uint8_t, 16> key;
  random.fill(key);
  credential.key = Secret(key);
  if (auto done = store.put_credentials({&credential, 1}); !done) return done;
  const auto address =
      Address::v4(10, static_cast<std::uint8_t>(device >> 16), static_cast<std::uint8_t>(device >> 8),
                  static_cast<std::uint8_t>(device), 5000);
  const auto kept = store.put_session({.id = device + 1,
                                       .role = credential.role,
                                       .identity = credential.identity,
                                       .address = address,
                                       .identity_mark = device,
                                       .life = life,
                                       .frozen = frozen_session(random, device)});
  if (!kept) return std::unexpected(kept.error());
  storage::RegistrationRecord registration{
      .endpoint = name, .location = location_of(device), .enabler = {1, 1}};
  registration.lifetime_s = 86'400;
  registration.binding = "U";
  registration.links = "</>;rt=\"oma.lwm2m\";ct=112,</1/0>,</3/0>,</4/0>,</3303/0>,</3303/1>";
  registration.security = SecurityMode::psk;
  registration.address = address;
  registration.registered = registration.updated = net::unix_now();
  registration.session = device + 1;
  return store.put_registration(registration);
}

void fill(const std::string& folder, std::size_t count) {
  security::SystemRandom random;
  SeededRandom fast(1);
  auto store = storage::open_sqlite(folder, random);
  if (!store) failed(store.error().what);
  const auto life = (*store)->begin_life(net::unix_now());
  if (!life) failed(life.error().what);
  for (std::size_t done = 0; done < count;) {
    const auto until = std::min(count, done + kBatch);
    const auto written = (*store)->batch([&]() -> storage::StoreResult<void> {
      for (; done < until; ++done)
        if (auto one = put(**store, fast, *life, done); !one) return one;
      return {};
    });
    if (!written) failed(written.error().what);
    if (done % (10 * kBatch) == 0) std::fprintf(stderr, "%zu sessions stored\n", done);
  }
}

/// The store's part: reading, unsealing.
double read_store(const std::string& folder) {
  security::SystemRandom random;
  auto store = storage::open_sqlite(folder, random);
  if (!store) failed(store.error().what);
  const auto begin = std::chrono::steady_clock::now();
  std::size_t opened = 0;
  (void)(*store)->each_session(
      [&](const storage::StoredSession& stored) { opened += stored.session.frozen.empty() ? 0 : 1; });
  if (opened == 0) failed("nothing could be read");
  return seconds_of(begin);
}

double figure(const node::Node& node, std::string_view name) {
  for (const auto& one : node.figures())
    if (one.name == name) return one.value;
  return -1;
}

int run(std::size_t count, const std::string& folder) {
  spdlog::set_level(spdlog::level::warn);
  if (!std::filesystem::exists(folder + "/slipway.db")) fill(folder, count);
  const auto reading = read_store(folder);
  malloc_trim(0);
  const auto heap_before = heap_bytes(), resident_before = resident_bytes();
  node::Settings settings;
  settings.server.data = folder;
  settings.server.bootstrap = {"", ""};
  settings.server.management = {"", "127.0.0.1:0"};
  auto begin = std::chrono::steady_clock::now();
  auto cpu = cpu_seconds();
  auto node = node::Node::create(std::move(settings), {}, builtin_objects());
  if (!node) failed(node.error());
  const auto started = seconds_of(begin), start_cpu = cpu_seconds() - cpu;
  const auto per = [&](std::size_t bytes) { return static_cast<double>(bytes) / static_cast<double>(count); };
  const auto heap = per(heap_bytes() - heap_before), resident = per(resident_bytes() - resident_before);
  const auto thawed = figure(**node, "slipway_dtls_sessions_thawed_total");
  const auto registered = figure(**node, "slipway_registrations");
  begin = std::chrono::steady_clock::now();
  cpu = cpu_seconds();
  (void)(*node)->post([&] { (*node)->stop(); });
  (*node)->run();
  node->reset();
  const auto stopped = seconds_of(begin), stop_cpu = cpu_seconds() - cpu;
  std::printf(
      "{\"sessions\": %zu, \"store_s\": %.2f, \"start_s\": %.2f, \"start_cpu_s\": %.2f, \"thawed\": %.0f, "
      "\"registrations\": %.0f, \"heap_bytes_per_device\": %.1f, \"resident_bytes_per_device\": %.1f, "
      "\"stop_s\": %.2f, \"stop_cpu_s\": %.2f}\n",
      count, reading, started, start_cpu, thawed, registered, heap, resident, stopped, stop_cpu);
  return thawed == static_cast<double>(count) ? 0 : 1;
}

int run_in_temporary_folder(std::size_t count) {
  std::string folder = (std::filesystem::temp_directory_path() / "slipway-bench-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) failed("no temporary folder can be made");
  const auto code = run(count, folder);
  std::filesystem::remove_all(folder);
  return code;
}

}  // namespace
}  // namespace slipway::bench

int main(int argc, char** argv) {
  using namespace slipway::bench;
  const auto count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : kMillion;
  if (count == 0 || count > 1U << 20) return 2;  // more have no location of their own here
  return argc > 2 ? run(count, argv[2]) : run_in_temporary_folder(count);
}

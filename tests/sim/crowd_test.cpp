// SPDX-License-Identifier: Apache-2.0
// Sessions of pre-shared keys, raw public keys and certificates, with and without Connection IDs, on a bad
// network: whose they are, that nothing is taken twice, that no nonce is, and that all find back.
// SLIPWAY_SIM_SEEDS=5000 runs so many, SLIPWAY_SIM_SEED=17 that one.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "sim/crowd.hpp"

namespace slipway::sim {
namespace {

constexpr std::uint64_t kSeeds = 40;

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// Whether enough seeds run for everything to happen.
bool is_whole_run() {
  return number_from("SLIPWAY_SIM_SEED", 0) == 0;
}

CrowdSeen run_crowds(const CrowdTroubles& troubles, const Weather& weather = {}) {
  const auto only = number_from("SLIPWAY_SIM_SEED", 0);
  const auto last = only != 0 ? only : number_from("SLIPWAY_SIM_SEEDS", kSeeds);
  CrowdSeen all;
  for (auto seed = only != 0 ? only : 1; seed <= last; ++seed) {
    Crowd crowd(seed, weather, troubles);
    crowd.run();
    const auto& seen = crowd.seen();
    all.messages += seen.messages;
    all.handshakes += seen.handshakes;
    all.handshakes_failed += seen.handshakes_failed;
    all.resumed += seen.resumed;
    all.moved += seen.moved;
    all.thawed += seen.thawed;
    all.woken += seen.woken;
    if (crowd.violation().empty()) continue;
    ADD_FAILURE() << "seed " << seed << ": " << crowd.violation();
    break;
  }
  if (only != 0)
    std::cout << all.messages << " messages, " << all.handshakes << " handshakes, " << all.handshakes_failed
              << " failed, " << all.resumed << " resumed, " << all.moved << " moves, " << all.thawed
              << " thawed, " << all.woken << " woken\n";
  return all;
}

TEST(Crowd, EveryKindOfCredentialArrives) {
  EXPECT_GT(run_crowds({}).messages, 0u);
}

TEST(Crowd, ChangesOfAddressDuringHandshakesAndData) {
  EXPECT_GT(run_crowds({.moves = 40}).moved, 10u);
}

TEST(Crowd, AServerThatIsKilledAgainAndAgain) {
  EXPECT_GT(run_crowds({.server_kills = 20}).thawed, 0u);
}

TEST(Crowd, DevicesThatRebootAndSleep) {
  const auto seen = run_crowds({.reboots = 20, .sleeps = 40});
  EXPECT_GT(seen.woken, 0u);
  if (!is_whole_run()) return;
  EXPECT_GT(seen.resumed, 0u) << "by those without a Connection ID";
}

TEST(Crowd, EverythingAtOnce) {
  const auto seen = run_crowds({.server_kills = 10, .reboots = 10, .sleeps = 20, .moves = 20});
  if (!is_whole_run()) return;
  EXPECT_GT(seen.moved, 0u);
  EXPECT_GT(seen.woken, 0u);
  EXPECT_GT(seen.thawed, seen.handshakes) << "most sessions outlive their server";
}

/// All come back in one moment, to a server that has just come back itself.
TEST(Crowd, AStormAfterARestart) {
  (void)run_crowds({.devices = 30, .server_kills = 3, .reboots = 60, .within = seconds(20)});
}

}  // namespace
}  // namespace slipway::sim

// SPDX-License-Identifier: Apache-2.0
// The first journey over a network that loses 30 %, repeats and reorders: two hundred seeds, and all of
// them arrive. SLIPWAY_SIM_SEED=17 runs one seed and tells its ladder; SLIPWAY_SIM_SEEDS=5000 runs so many.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "sim/world.hpp"

namespace slipway::sim {
namespace {

constexpr std::uint64_t kSeeds = 200;

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// Runs a whole life from each seed and reports the first that breaks a rule, with its ladder.
void run_seeds(Settings settings, std::uint64_t count) {
  const auto only = number_from("SLIPWAY_SIM_SEED", 0);
  const auto last = number_from("SLIPWAY_SIM_SEEDS", count);
  for (std::uint64_t seed = only != 0 ? only : 1; seed <= (only != 0 ? only : last); ++seed) {
    settings.seed = seed;
    World world(settings);
    world.run();
    world.end();
    if (only != 0) std::cout << world.told();
    ASSERT_EQ(world.violation(), "") << "seed " << seed << ", the ladder:\n" << (only != 0 ? "" : world.told());
  }
}

TEST(FirstJourney, ArrivesFromEverySeed) { run_seeds({}, kSeeds); }

TEST(FirstJourney, SurvivesReboots) { run_seeds({.troubles = {.reboots = 3}}, kSeeds); }

TEST(FirstJourney, SurvivesRestartsOfTheServers) { run_seeds({.troubles = {.server_restarts = 3}}, kSeeds); }

TEST(FirstJourney, SurvivesChangesOfAddress) { run_seeds({.troubles = {.moves = 3}}, kSeeds); }

TEST(FirstJourney, SurvivesBootstrapsInBetween) { run_seeds({.troubles = {.bootstrap_requests = 3}}, kSeeds); }

TEST(FirstJourney, SurvivesStoresThatFail) {
  run_seeds({.store = {.failure_percent = 20}, .device = {.flash_failure_percent = 20}}, kSeeds);
}

TEST(FirstJourney, SurvivesEverythingAtOnce) {
  run_seeds({.store = {.failure_percent = 10},
             .device = {.flash_failure_percent = 10},
             .troubles = {.reboots = 2, .server_restarts = 2, .moves = 2, .bootstrap_requests = 2}},
            kSeeds);
}

}  // namespace
}  // namespace slipway::sim

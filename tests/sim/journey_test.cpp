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

/// Whether enough seeds run for everything to happen.
bool is_whole_run() {
  return number_from("SLIPWAY_SIM_SEED", 0) == 0 && number_from("SLIPWAY_SIM_SEEDS", kSeeds) >= kSeeds;
}

/// What all seeds of a scenario have seen together.
struct Seen {
  Outcomes outcomes;  ///< of bootstrap sessions, by the server's word
  unsigned failed_on_device = 0;
  [[nodiscard]] unsigned count(bootstrap::Outcome outcome) const {
    const auto found = outcomes.find(outcome);
    return found == outcomes.end() ? 0 : found->second;
  }
};

/// Runs a whole life from each seed and reports the first that breaks a rule, with its ladder.
Seen run_seeds(Settings settings) {
  Seen seen;
  const auto only = number_from("SLIPWAY_SIM_SEED", 0);
  const auto last = only != 0 ? only : number_from("SLIPWAY_SIM_SEEDS", kSeeds);
  for (std::uint64_t seed = only != 0 ? only : 1; seed <= last; ++seed) {
    settings.seed = seed;
    World world(settings);
    world.run();
    world.end();
    for (const auto& [outcome, count] : world.servers().outcomes()) seen.outcomes[outcome] += count;
    seen.failed_on_device += world.device().bootstraps_failed();
    if (only != 0) std::cout << world.told();
    if (world.violation().empty()) continue;
    ADD_FAILURE() << "seed " << seed << ": " << world.violation() << "\n" << (only != 0 ? "" : world.told());
    break;
  }
  // No weather and no trouble makes a sound plan refused.
  EXPECT_EQ(seen.count(bootstrap::Outcome::refused), 0u);
  EXPECT_EQ(seen.count(bootstrap::Outcome::operation_refused), 0u);
  EXPECT_EQ(seen.count(bootstrap::Outcome::overloaded), 0u);
  return seen;
}

TEST(FirstJourney, ArrivesFromEverySeed) {
  const auto seen = run_seeds({});
  EXPECT_EQ(seen.count(bootstrap::Outcome::storage_failed), 0u);
  EXPECT_EQ(seen.count(bootstrap::Outcome::finish_refused), 0u);
}

TEST(FirstJourney, SurvivesReboots) {
  (void)run_seeds({.troubles = {.reboots = 3}});
}

TEST(FirstJourney, SurvivesRebootsDuringBootstrap) {
  const auto seen = run_seeds({.troubles = {.reboots = 3, .within = seconds(60)}});
  if (is_whole_run()) {
    EXPECT_GT(seen.count(bootstrap::Outcome::superseded), 0u);
  }
}

TEST(FirstJourney, SurvivesRestartsOfTheServers) {
  (void)run_seeds({.troubles = {.server_restarts = 3}});
}

TEST(FirstJourney, SurvivesRestartsOfTheServersDuringBootstrap) {
  const auto seen = run_seeds({.troubles = {.server_restarts = 3, .within = seconds(60)}});
  if (is_whole_run()) {
    EXPECT_GT(seen.failed_on_device, 0u);
  }
}

TEST(FirstJourney, SurvivesChangesOfAddress) {
  (void)run_seeds({.troubles = {.moves = 3}});
}

TEST(FirstJourney, SurvivesBootstrapsInBetween) {
  (void)run_seeds({.troubles = {.bootstrap_requests = 3}});
}

TEST(FirstJourney, SurvivesStoresThatFail) {
  const auto seen = run_seeds({.store = {.failure_percent = 20}, .device = {.flash_failure_percent = 20}});
  if (!is_whole_run()) return;
  EXPECT_GT(seen.count(bootstrap::Outcome::storage_failed), 0u);
  EXPECT_GT(seen.count(bootstrap::Outcome::finish_refused), 0u);
}

TEST(FirstJourney, SurvivesEverythingAtOnce) {
  (void)run_seeds({.store = {.failure_percent = 10},
                   .device = {.flash_failure_percent = 10},
                   .troubles = {.reboots = 2, .server_restarts = 2, .moves = 2, .bootstrap_requests = 2}});
}

}  // namespace
}  // namespace slipway::sim

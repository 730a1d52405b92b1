// SPDX-License-Identifier: Apache-2.0
#include "sim/seeds.hpp"

#include <cstdlib>
#include <iostream>

namespace slipway::sim {
namespace {

constexpr std::uint64_t kSeeds = 200;

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace

bool is_whole_run() {
  return number_from("SLIPWAY_SIM_SEED", 0) == 0 && number_from("SLIPWAY_SIM_SEEDS", kSeeds) >= kSeeds;
}

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
    seen.thawed += world.servers().thawed();
    seen.failed_on_device += world.device().bootstraps_failed();
    seen.sessions_kept += world.device().sessions_kept();
    seen.registrations_kept += world.device().registrations_kept();
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

}  // namespace slipway::sim

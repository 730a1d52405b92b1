// SPDX-License-Identifier: Apache-2.0
// Many worlds, one from each seed. SLIPWAY_SIM_SEED=17 runs one seed and tells its ladder;
// SLIPWAY_SIM_SEEDS=5000 runs so many.
#pragma once

#include <gtest/gtest.h>

#include "sim/world.hpp"

namespace slipway::sim {

/// Whether enough seeds run for everything to happen.
[[nodiscard]] bool is_whole_run();

/// What all seeds of a scenario have seen together.
struct Seen {
  Outcomes outcomes;  ///< of bootstrap sessions, by the server's word
  unsigned failed_on_device = 0;
  unsigned thawed = 0;  ///< sessions that went on after a restart of their server
  unsigned sessions_kept = 0, registrations_kept = 0;  ///< over sleeps
  [[nodiscard]] unsigned count(bootstrap::Outcome outcome) const {
    const auto found = outcomes.find(outcome);
    return found == outcomes.end() ? 0 : found->second;
  }
};

/// Runs a whole life from each seed and reports the first that breaks a rule, with its ladder.
Seen run_seeds(Settings settings);

}  // namespace slipway::sim

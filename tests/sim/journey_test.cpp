// SPDX-License-Identifier: Apache-2.0
// The first journey over a network that loses 30 %, repeats and reorders: two hundred seeds, and all of
// them arrive.
#include "sim/seeds.hpp"

namespace slipway::sim {
namespace {

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
  const auto seen = run_seeds({.troubles = {.server_restarts = 3}});
  if (is_whole_run()) {
    EXPECT_GT(seen.thawed, 100u) << "the sessions go on";
  }
}

/// The servers end at any moment, also between the writes of a session: no nonce comes twice, and no session
/// of a credential that is dead. [SimServers::check_nonces, thaw_sessions]
TEST(FirstJourney, SurvivesAStormOfRestarts) {
  const auto seen = run_seeds(
      {.store = {.failure_percent = 10},
       .troubles = {.server_restarts = 40, .moves = 3, .bootstrap_requests = 2, .within = seconds(600)}});
  if (is_whole_run()) {
    EXPECT_GT(seen.thawed, 2000u);
  }
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

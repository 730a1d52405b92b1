// SPDX-License-Identifier: Apache-2.0
// Storms of sleeping and rebooting devices over a network that loses, repeats and reorders. A device that
// slept goes on with its session from another address; one that lost its power begins anew. No nonce is used
// twice, nothing is carried out twice, and all arrive.
#include "sim/seeds.hpp"

namespace slipway::sim {
namespace {

TEST(Sleep, GoesOnWithSessionsAndRegistrations) {
  const auto seen = run_seeds({.troubles = {.sleeps = 8}});
  if (!is_whole_run()) return;
  EXPECT_GT(seen.sessions_kept, 800u);
  EXPECT_GT(seen.registrations_kept, 400u);
}

TEST(Sleep, LongerThanALifetimeAtTimes) {
  const auto seen = run_seeds({.troubles = {.sleeps = 4, .sleep_max = std::chrono::minutes(40)}});
  if (is_whole_run()) {
    EXPECT_GT(seen.sessions_kept, seen.registrations_kept);
  }
}

TEST(Sleep, DuringBootstraps) {
  (void)run_seeds({.troubles = {.sleeps = 6, .sleep_max = seconds(20), .within = seconds(90)}});
}

TEST(Sleep, InAStormOfRebootsOfBothKinds) {
  const auto seen = run_seeds({.troubles = {.reboots = 6, .sleeps = 6}});
  if (is_whole_run()) {
    EXPECT_GT(seen.registrations_kept, 200u);
  }
}

TEST(Sleep, AndEverythingElseAtOnce) {
  (void)run_seeds(
      {.store = {.failure_percent = 10},
       .device = {.flash_failure_percent = 10},
       .troubles = {.reboots = 2, .server_restarts = 2, .moves = 2, .bootstrap_requests = 2, .sleeps = 4}});
}

TEST(Sleep, WhileKeysAreReplaced) {
  (void)run_seeds({.story = Story::rotation, .troubles = {.reboots = 2, .sleeps = 4}});
}

}  // namespace
}  // namespace slipway::sim

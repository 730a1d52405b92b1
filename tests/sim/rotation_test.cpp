// SPDX-License-Identifier: Apache-2.0
// Credentials change while the network loses, repeats and reorders, and everybody crashes at any moment: no
// device is ever without a credential that its servers accept, no key leaves before it is durable where it is
// needed.
#include "sim/seeds.hpp"

namespace slipway::sim {
namespace {

/// What may happen at once beside the network.
constexpr Troubles kTroubles{.reboots = 4, .server_restarts = 4, .moves = 1, .within = std::chrono::hours(1)};

void run_story(Story story) {
  (void)run_seeds({.story = story});
}
void run_troubled_story(Story story) {
  (void)run_seeds({.story = story,
                   .store = {.failure_percent = 10},
                   .device = {.flash_failure_percent = 10},
                   .troubles = kTroubles});
}

TEST(Rotation, RevokedDevicesComeBackWithAnotherKey) {
  run_story(Story::rotation);
}
TEST(Rotation, RevokedDevicesComeBackThroughEverything) {
  run_troubled_story(Story::rotation);
}

/// Revoked, and the servers end again and again around that moment.
TEST(Rotation, RevokedSessionsNeverComeBackThroughAStormOfRestarts) {
  const auto seen = run_seeds({.story = Story::rotation,
                               .store = {.failure_percent = 10},
                               .troubles = {.server_restarts = 40, .moves = 2, .within = seconds(2000)}});
  if (is_whole_run()) {
    EXPECT_GT(seen.thawed, 2000u);
  }
}

TEST(Rotation, DevicesThatAreToldToRenewTheirKey) {
  run_story(Story::trigger);
}
TEST(Rotation, DevicesThatAreToldToRenewTheirKeyThroughEverything) {
  run_troubled_story(Story::trigger);
}

TEST(Rotation, DevicesMoveToAnotherNodeAndBack) {
  run_story(Story::move);
}
TEST(Rotation, DevicesMoveToAnotherNodeAndBackThroughEverything) {
  run_troubled_story(Story::move);
}

TEST(Rotation, BootstrapAccountsAreReplacedAndTheFactorysDies) {
  run_story(Story::replacement);
}
TEST(Rotation, BootstrapAccountsAreReplacedThroughEverything) {
  run_troubled_story(Story::replacement);
}

}  // namespace
}  // namespace slipway::sim

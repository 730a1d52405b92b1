// SPDX-License-Identifier: Apache-2.0
// The simulation itself: what it promises to do to the engines, it does.
#include <gtest/gtest.h>

#include "sim/world.hpp"

namespace slipway::sim {
namespace {

TEST(Simulation, LosesRepeatsAndReorders) {
  NetworkCounters all;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    World world({.seed = seed});
    world.run();
    const auto& network = world.network().counters();
    all.sent += network.sent;
    all.lost += network.lost;
    all.repeated += network.repeated;
    all.overtaken += network.overtaken;
  }
  EXPECT_NEAR(static_cast<double>(all.lost), 0.30 * static_cast<double>(all.sent),
              0.04 * static_cast<double>(all.sent));
  EXPECT_GT(all.repeated * 20, all.sent);
  EXPECT_GT(all.overtaken * 100, all.sent);
}

TEST(Simulation, RepeatsARunFromItsSeed) {
  const auto fingerprint_of = [](std::uint64_t seed) {
    World world({.seed = seed,
                 .troubles = {.reboots = 1, .server_restarts = 1, .moves = 1, .bootstrap_requests = 1}});
    world.run();
    world.end();
    return world.journal().fingerprint();
  };
  EXPECT_EQ(fingerprint_of(7), fingerprint_of(7));
  EXPECT_NE(fingerprint_of(7), fingerprint_of(8));
}

TEST(Simulation, TellsALadderWithoutSecrets) {
  World world({.seed = 3});
  world.run();
  const auto told = world.told();
  EXPECT_NE(told.find("Bootstrap-Finish"), std::string::npos);
  EXPECT_NE(told.find("(16 bytes, secret)"), std::string::npos);
  EXPECT_NE(told.find("(lost)"), std::string::npos);
}

TEST(Simulation, NeedsNoSecondMessageInFairWeather) {
  World world({.weather = {.loss_percent = 0, .repeat_percent = 0, .late_percent = 0}});
  world.run();
  world.end();
  EXPECT_EQ(world.violation(), "") << world.told();
  EXPECT_EQ(world.device().client().counters().retransmitted, 0u);
  EXPECT_EQ(world.device().bootstraps_succeeded(), 1u);
  EXPECT_EQ(world.device().bootstraps_failed(), 0u);
  EXPECT_EQ(world.servers().outcomes(), (Outcomes{{bootstrap::Outcome::succeeded, 1}}));
}

}  // namespace
}  // namespace slipway::sim

// SPDX-License-Identifier: Apache-2.0
// One device, both servers, their network, and the rules that hold at every moment. A seed is a whole run.
#pragma once

#include <functional>
#include <string>

#include "sim/campaign.hpp"
#include "sim/operator.hpp"

namespace slipway::sim {

/// What goes wrong beside the network.
struct Troubles {
  unsigned reboots = 0, server_restarts = 0, moves = 0, bootstrap_requests = 0, sleeps = 0;
  Duration sleep_max = std::chrono::minutes(3);
  Duration within = std::chrono::minutes(20);  ///< each at a random moment of the beginning
};

struct Settings {
  std::uint64_t seed = 1;
  Story story = Story::first_journey;
  Weather weather{};
  StoreHabits store{};
  DeviceHabits device{};
  Troubles troubles{};
};

class World {
 public:
  explicit World(const Settings& settings);

  /// Runs until the operator is done, a rule is broken, or `limit` has passed; and on until all troubles are
  /// over.
  void run(Duration limit = std::chrono::hours(24));
  /// The device says goodbye, time passes, and nothing may be left anywhere.
  void end();

  [[nodiscard]] const std::string& violation() const { return journal_.violation(); }
  /// The ladder of the run, secrets masked.
  [[nodiscard]] std::string told() const;
  [[nodiscard]] const Journal& journal() const { return journal_; }
  [[nodiscard]] const Network& network() const { return network_; }
  [[nodiscard]] SimDevice& device() { return device_; }
  [[nodiscard]] SimServers& servers() { return servers_; }
  [[nodiscard]] TimePoint now() const { return timeline_.now(); }

 private:
  void hand_over(std::vector<fleet::Credential> credentials, SimStore::Done done);
  [[nodiscard]] bool is_accepted(fleet::ServerRole role, ByteView identity, ByteView key) const;
  [[nodiscard]] std::unique_ptr<Goal> goal_of(Story story);
  /// To the next moment at which anything happens; false when there is none up to `until`.
  bool step(TimePoint until);
  void plan(const Troubles& troubles);
  void plan_one(Duration within, std::function<void()> trouble);

  SeededRandom random_;
  SeededRandom spurious_;
  Timeline timeline_;
  Journal journal_{timeline_};
  Network network_;
  SimStore store_, elsewhere_store_;
  SimServers servers_, elsewhere_;  // a management server of another node is elsewhere
  SimDevice device_;
  std::unique_ptr<Goal> goal_;
  unsigned troubles_left_ = 0;
  TimePoint busy_at_{};
  unsigned steps_at_once_ = 0;
};

}  // namespace slipway::sim

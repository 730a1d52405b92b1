// SPDX-License-Identifier: Apache-2.0
// An operator who changes a device's credentials, again and again: revokes them, tells the device to
// bootstrap, moves it to another node and back, replaces its bootstrap account.
#pragma once

#include <string>

#include "sim/device.hpp"
#include "sim/goal.hpp"
#include "sim/servers.hpp"

namespace slipway::sim {

enum class Story : std::uint8_t {
  first_journey,  ///< operator.hpp
  rotation,       ///< the management credentials are revoked
  trigger,        ///< Execute of /1/x/9
  move,           ///< to another node and back, by one or the other
  replacement,    ///< the bootstrap account is replaced, too
};

/// The plans of a story: what devices shall have while they are at home, and elsewhere.
struct StoryPlans {
  std::shared_ptr<const fleet::Plan> home, elsewhere;
};

class Campaign final : public Goal {
 public:
  /// `home` bootstraps the device, wherever it is.
  Campaign(Timeline& timeline, Random& random, Journal& journal, SimServers& home, SimServers& elsewhere,
           SimDevice& device, Story story, StoryPlans plans);

  [[nodiscard]] bool done() const override { return rounds_left_ == 0; }
  [[nodiscard]] std::string where() const override;
  /// Whether the factory's credential is dead, as it must be once a successor was used.
  void check_totals() const override;

 private:
  void look();
  void begin_round();
  void act();
  void revoke();
  void trigger();
  [[nodiscard]] SimServers& place() { return at_home_ ? home_ : elsewhere_; }
  [[nodiscard]] bool round_is_done() const;

  Timeline& timeline_;
  Random& random_;
  Journal& journal_;
  SimServers& home_;
  SimServers& elsewhere_;
  SimDevice& device_;
  Story story_;
  StoryPlans plans_;
  Bytes factory_;             // identity
  unsigned rounds_left_ = 4;  // the first one is that it comes at all
  unsigned patience_ = 0;     // looks until the operator tries again
  bool at_home_ = true;       // where it shall be
  bool was_home_ = true;      // where it is asked to go from
  Bytes before_;              // its management identity when the round began
};

}  // namespace slipway::sim

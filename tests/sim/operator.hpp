// SPDX-License-Identifier: Apache-2.0
// The operator of the first journey: waits for a device, reads it, writes, executes, observes, and does each
// step again until it has worked.
#pragma once

#include <map>
#include <string>

#include "sim/device.hpp"
#include "sim/goal.hpp"
#include "sim/servers.hpp"

namespace slipway::sim {

inline constexpr unsigned kNotificationsWanted = 3;

class Operator final : public Goal {
 public:
  /// Takes over `servers.watch`.
  Operator(Timeline& timeline, Random& random, Journal& journal, SimServers& servers, SimDevice& device);

  [[nodiscard]] bool done() const override { return step_ == Step::done; }
  [[nodiscard]] std::string where() const override;
  /// What was done must have been done as often as it was said.
  void check_totals() const override;

 private:
  enum class Step : std::uint8_t {
    registration,
    read,
    write,
    lifetime,
    execute,
    reboot,
    observe,
    notifications,
    done
  };

  void next(Step step);
  void act();
  void retry();
  Result<management::OperationId> ask();
  void on(const management::OperationDone& event);
  void on(const management::Notified& event);
  void on_answer(const management::Answer& answer);
  void on_execute(bool succeeded);
  [[nodiscard]] Path lifetime_path() const;

  Timeline& timeline_;
  Random& random_;
  Journal& journal_;
  SimServers& servers_;
  SimDevice& device_;
  Step step_ = Step::registration;
  std::optional<management::OperationId> asked_;
  std::uint64_t turn_ = 0;  // a retry that was planned before is void
  std::int64_t lifetime_;
  unsigned patience_ = 0;
  unsigned execute_ = 0;  // number of the Execute, and its argument
  std::map<unsigned, bool> execute_succeeded_;
  unsigned reboots_sent_ = 0, reboots_succeeded_ = 0;
  unsigned notifications_ = 0;
  std::int64_t last_reading_ = 0;
};

}  // namespace slipway::sim

// SPDX-License-Identifier: Apache-2.0
// Our own device against every fault of `slipway kit bootstrap-faults`, in virtual time and over real DTLS.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include <slipway/kit/bench.hpp>

#include "sim/device.hpp"
#include "sim/servers.hpp"

namespace slipway::sim {
namespace {

constexpr Weather kFineWeather{.loss_percent = 0,
                               .repeat_percent = 0,
                               .delay_min = milliseconds(2),
                               .delay_max = milliseconds(20),
                               .late_percent = 0};

Birth birth() {
  return {.endpoint = "urn:dev:sim:faults", .identity = Bytes{1, 0, 2, 3}, .key = Bytes(16, 0x5A)};
}

/// A device that has bootstrapped once, and the bench with one fault.
class FaultWorld {
 public:
  explicit FaultWorld(std::vector<const kit::Fault*> faults, std::uint64_t seed)
      : random_(seed),
        key_random_(seed + 1),
        network_(timeline_, random_, kFineWeather),
        device_(timeline_, network_, random_, journal_, birth(), {}),
        bench_({.identity = birth().identity,
                .key = Secret(birth().key),
                .bootstrap_uri = "coaps://192.0.2.1:5784",
                .management_uri = "coaps://192.0.2.1:5684",
                .faults = std::move(faults)},
               random_, key_random_) {
    device_.is_accepted = [](fleet::ServerRole, ByteView, ByteView) { return true; };
    for (const auto& [door, address] : {std::pair(kit::Door::bootstrap, kBootstrapAddress),
                                        std::pair(kit::Door::management, kManagementAddress)})
      network_.open(address, [this, which = door](const Address& from, ByteView datagram) {
        bench_.handle_datagram(timeline_.now(), timeline_.wall(), which, from, datagram);
        flush();
      });
    bench_.start(timeline_.now());
    device_.boot();
  }

  void run(Duration limit = std::chrono::hours(24)) {
    const auto until = timeline_.now() + limit;
    while (!bench_.finished() && journal_.violation().empty() && step(until)) {
    }
  }

  [[nodiscard]] const kit::Bench& bench() const { return bench_; }
  [[nodiscard]] const Journal& journal() const { return journal_; }
  [[nodiscard]] std::string told() {
    return journal_.told(builtin_objects()) + kit::markdown_report(bench_.facts(), bench_.results());
  }

 private:
  bool step(TimePoint until) {
    auto next = timeline_.next();
    for (const auto at : {device_.next_timeout(), bench_.next_timeout()})
      if (at && (!next || *at < *next)) next = at;
    if (!next || *next > until) return false;
    const auto now = std::max(*next, timeline_.now());
    (void)timeline_.run_one(now);
    if (const auto at = device_.next_timeout(); at && *at <= now) device_.handle_timeout(now);
    if (const auto at = bench_.next_timeout(); at && *at <= now) {
      bench_.handle_timeout(now);
      flush();
    }
    return true;
  }

  void flush() {
    while (const auto out = bench_.poll_transmit())
      network_.send(out->door == kit::Door::bootstrap ? kBootstrapAddress : kManagementAddress, out->to,
                    out->bytes);
    while (const auto event = bench_.poll_event())
      if (const auto* noted = std::get_if<kit::Noted>(&*event))
        journal_.note("bench: " + noted->text);
      else if (const auto* waiting = std::get_if<kit::Waiting>(&*event))
        journal_.note("bench waits for " + waiting->what);
  }

  SeededRandom random_, key_random_;
  Timeline timeline_;
  Journal journal_{timeline_};
  Network network_;
  SimDevice device_;
  kit::Bench bench_;
};

class EveryFault : public testing::TestWithParam<std::size_t> {};

TEST_P(EveryFault, IsPassedByOurDeviceWithoutARemark) {
  const auto& fault = kit::faults()[GetParam()];
  FaultWorld world({&fault}, 7 + GetParam());
  world.run();
  ASSERT_TRUE(world.bench().finished()) << fault.name << "\n" << world.told();
  EXPECT_EQ(world.journal().violation(), "") << fault.name;
  ASSERT_EQ(world.bench().results().size(), 2U);
  const auto& result = world.bench().results().back();
  EXPECT_EQ(result.verdict, kit::Verdict::passed) << fault.name << ": " << result.reason << "\n"
                                                  << world.told();
  EXPECT_EQ(result.remarks(), 0U) << fault.name << "\n" << world.told();
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EveryFault, testing::Range(std::size_t{0}, kit::faults().size()));

TEST(AllFaults, AreRunOnOneDeviceInOneRun) {
  std::vector<const kit::Fault*> all;
  for (const auto& fault : kit::faults()) all.push_back(&fault);
  FaultWorld world(all, 3);
  world.run();
  ASSERT_TRUE(world.bench().finished()) << world.told();
  if (std::getenv("SLIPWAY_SIM_TELL") != nullptr) std::cout << world.told();
  for (const auto& result : world.bench().results())
    EXPECT_EQ(result.verdict, kit::Verdict::passed) << result.name() << ": " << result.reason;
  EXPECT_TRUE(kit::all_passed(world.bench().results()))
      << kit::markdown_report(world.bench().facts(), world.bench().results());
}

}  // namespace
}  // namespace slipway::sim

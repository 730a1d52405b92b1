// SPDX-License-Identifier: Apache-2.0
#include "thermometer/device.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace slipway::examples {

namespace {

// Object /3303 of the IPSO registry.
constexpr ResourceId kLowest{5601};
constexpr ResourceId kHighest{5602};
constexpr ResourceId kReset{5605};
constexpr ResourceId kValue{5700};
constexpr ResourceId kUnits{5701};
constexpr ResourceId kApplication{5750};

}  // namespace

Thermometer::Thermometer(client::Model& model, ThermometerBoard board) : board_(std::move(board)) {
  declare_device(model);
  declare_sensor(model);
}

void Thermometer::declare_device(client::Model& model) {
  auto& device = model.object(ObjectId(3)).instance(InstanceId(0));
  device.resource<std::string>(ResourceId(0)).reads([] { return "Slipway"; });
  device.resource<std::string>(ResourceId(1)).reads([] { return "Thermometer"; });
  device.resource<std::string>(ResourceId(2)).reads([] { return "TH-0001"; });
  device.resource<std::string>(ResourceId(3)).reads([] { return "0.1.0"; });
  device.resource<void>(ResourceId(4)).executes([this] {
    if (board_.reboot) board_.reboot();
  });
  device.resource<void>(ResourceId(5)).executes([this] {
    if (board_.factory_reset) board_.factory_reset();
  });
  device.resource<std::int64_t>(ResourceId(9)).reads([] { return 87; });
  device.resources<std::int64_t>(ResourceId(11)).reads([this] { return std::array{error_}; });
  device.resource<void>(ResourceId(12)).executes([this] { error_ = 0; });
  device.value<std::string>(ResourceId(14), "+00:00");  // stored: a server may change it
  device.value<std::string>(ResourceId(15), "Etc/UTC");
  device.resource<std::string>(ResourceId(16)).reads([] { return "U"; });
  device.resource<std::string>(ResourceId(17)).reads([] { return "demo thermometer"; });
}

void Thermometer::declare_sensor(client::Model& model) {
  auto& sensors = model.object(ObjectId(3303), Version{1, 1});
  auto& sensor = sensors.instance(InstanceId(0));
  sensor.resource<double>(kValue).reads([this] { return celsius_; });
  sensor.resource<double>(kLowest).reads([this] { return lowest_; });
  sensor.resource<double>(kHighest).reads([this] { return highest_; });
  sensor.resource<void>(kReset).executes([this] { lowest_ = highest_ = celsius_; });
  sensor.resource<std::string>(kUnits).reads([] { return "Cel"; });
  sensor.value<std::string>(kApplication, "living room").writable();
  sensors.creatable([](client::Instance& further) -> Result<void> {
    further.value<double>(kValue, 0.0);
    further.value<std::string>(kUnits, "Cel");
    further.value<std::string>(kApplication, "").writable();
    return {};
  });
}

void Thermometer::tick(Duration running) {
  celsius_ = celsius_at(running);
  lowest_ = std::min(lowest_, celsius_);
  highest_ = std::max(highest_, celsius_);
}

double Thermometer::celsius_at(Duration running) {
  const double time = std::chrono::duration<double>(running).count();
  const auto wave = [time](double period) { return std::sin(2 * std::numbers::pi * time / period); };
  return std::round((21.5 + 2.5 * wave(120) + 0.5 * wave(7)) * 10) / 10;
}

}  // namespace slipway::examples

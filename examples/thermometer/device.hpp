// SPDX-License-Identifier: Apache-2.0
// The demo device: a thermometer. Read device.cpp first when you make a device of your own.
#pragma once

#include <functional>

#include <slipway/base/time.hpp>
#include <slipway/client/model.hpp>

namespace slipway::examples {

/// What the board can do. An empty function is not called.
struct ThermometerBoard {
  std::function<void()> reboot;
  std::function<void()> factory_reset;
};

class Thermometer {
 public:
  static constexpr Path kTemperature{ObjectId(3303), InstanceId(0), ResourceId(5700)};

  /// Declares /3/0 and /3303/0 in `model`; both must outlive it. A server or the bootstrap server may add
  /// further instances of /3303, whose values are just kept.
  Thermometer(client::Model& model, ThermometerBoard board);
  Thermometer(const Thermometer&) = delete;
  Thermometer& operator=(const Thermometer&) = delete;

  /// Lets the temperature move: `running` is the time since the start.
  void tick(Duration running);
  [[nodiscard]] double celsius() const { return celsius_; }
  /// The temperature at a time, a slow wave with a quick one on it, in steps of 0.1: 18.5 to 24.5 degrees.
  [[nodiscard]] static double celsius_at(Duration running);

 private:
  void declare_device(client::Model& model);
  void declare_sensor(client::Model& model);

  ThermometerBoard board_;
  double celsius_ = celsius_at(Duration{});
  double lowest_ = celsius_;
  double highest_ = celsius_;
  std::int64_t error_ = 0;
};

}  // namespace slipway::examples

// SPDX-License-Identifier: Apache-2.0
// Engines get the time as an argument and never read a clock.
#pragma once

#include <chrono>
#include <cstdint>

namespace slipway {

/// A monotonic clock that nobody can read: only adapters and tests make its time points.
struct EngineClock {
  using duration = std::chrono::microseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<EngineClock, duration>;
  static constexpr bool is_steady = true;
};

using Duration = EngineClock::duration;
using TimePoint = EngineClock::time_point;

/// Seconds since 1970-01-01T00:00:00Z, for what a person or the object model dates.
using UnixTime = std::chrono::sys_time<std::chrono::milliseconds>;

using std::chrono::milliseconds;
using std::chrono::seconds;

}  // namespace slipway

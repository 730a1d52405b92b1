// SPDX-License-Identifier: Apache-2.0
// The only place that reads a clock; engines get the result as an argument.
#pragma once

#include <slipway/base/time.hpp>

namespace slipway::net {

/// CLOCK_MONOTONIC in microseconds: never goes back, is not the time of day.
[[nodiscard]] TimePoint steady_now();

/// The time of day in milliseconds; may jump when somebody sets the machine's clock.
[[nodiscard]] UnixTime unix_now();

}  // namespace slipway::net

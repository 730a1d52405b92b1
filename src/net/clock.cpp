// SPDX-License-Identifier: Apache-2.0
#include <ctime>

#include <slipway/net/clock.hpp>

namespace slipway::net {
namespace {

timespec read_clock(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return now;
}

}  // namespace

TimePoint steady_now() {
  const auto now = read_clock(CLOCK_MONOTONIC);
  return TimePoint(Duration(now.tv_sec * 1'000'000LL + now.tv_nsec / 1'000));
}

UnixTime unix_now() {
  const auto now = read_clock(CLOCK_REALTIME);
  return UnixTime(milliseconds(now.tv_sec * 1'000LL + now.tv_nsec / 1'000'000));
}

}  // namespace slipway::net

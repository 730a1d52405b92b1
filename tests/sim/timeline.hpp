// SPDX-License-Identifier: Apache-2.0
// Virtual time: what happens later, in order.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include <slipway/base/random.hpp>
#include <slipway/base/time.hpp>

namespace slipway::sim {

class Timeline {
 public:
  [[nodiscard]] TimePoint now() const { return now_; }
  /// The date that the virtual time stands for.
  [[nodiscard]] UnixTime wall() const {
    return UnixTime(milliseconds(1'700'000'000'000)) +
           std::chrono::duration_cast<milliseconds>(now_.time_since_epoch());
  }

  void after(Duration wait, std::function<void()> work) {
    waiting_.emplace(std::pair(now_ + wait, ++last_), std::move(work));
  }
  [[nodiscard]] std::optional<TimePoint> next() const {
    if (waiting_.empty()) return std::nullopt;
    return waiting_.begin()->first.first;
  }
  /// Goes to `time`, which is not in the past, and does the first thing that is due then. False when nothing
  /// is.
  bool run_one(TimePoint time) {
    now_ = time;
    if (waiting_.empty() || waiting_.begin()->first.first > time) return false;
    auto first = waiting_.extract(waiting_.begin());
    first.mapped()();
    return true;
  }

 private:
  TimePoint now_{};
  std::uint64_t last_ = 0;
  std::map<std::pair<TimePoint, std::uint64_t>, std::function<void()>> waiting_;
};

[[nodiscard]] inline bool happens(Random& random, unsigned percent) {
  return random.below(100) < percent;
}
[[nodiscard]] inline Duration between(Random& random, Duration least, Duration most) {
  if (most <= least) return least;
  return least + Duration(static_cast<Duration::rep>(
                     random.below(static_cast<std::uint64_t>((most - least).count()))));
}

}  // namespace slipway::sim

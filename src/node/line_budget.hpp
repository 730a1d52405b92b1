// SPDX-License-Identifier: Apache-2.0
// Lines of the log that strangers can cause: so many at once, then one a second. The others are counted.
#pragma once

#include <algorithm>
#include <optional>
#include <utility>

#include <slipway/base/time.hpp>

namespace slipway::node {

class LineBudget {
 public:
  static constexpr std::int64_t kAtOnce = 20;

  /// Of a line that may be written: how many were left out since the last one. Nothing of one that may not.
  [[nodiscard]] std::optional<std::uint64_t> take(TimePoint now) {
    const auto earned = std::chrono::duration_cast<seconds>(now - since_).count();
    if (!begun_ || earned > 0) {
      left_ = begun_ ? std::min(kAtOnce, left_ + earned) : kAtOnce;
      since_ = begun_ ? since_ + seconds(earned) : now;
      begun_ = true;
    }
    if (left_ == 0) {
      ++left_out_;
      return std::nullopt;
    }
    --left_;
    return std::exchange(left_out_, 0);
  }

 private:
  TimePoint since_{};
  std::int64_t left_ = 0;
  std::uint64_t left_out_ = 0;
  bool begun_ = false;
};

}  // namespace slipway::node

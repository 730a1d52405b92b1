// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "device/secure_config.hpp"

namespace slipway::device {
namespace {

TEST(DeviceClock, ThatWasNeverSetIsNotBelieved) {
  const auto at = [](int year) { return UnixTime(std::chrono::sys_days(std::chrono::year(year) / 6 / 1)); };
  EXPECT_FALSE(believable(UnixTime()));
  EXPECT_FALSE(believable(at(2000)));
  EXPECT_EQ(believable(at(2027)), at(2027));
}

}  // namespace
}  // namespace slipway::device

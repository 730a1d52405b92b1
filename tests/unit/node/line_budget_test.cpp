// SPDX-License-Identifier: Apache-2.0
#include "node/line_budget.hpp"

#include <gtest/gtest.h>

namespace slipway::node {
namespace {

TEST(LineBudget, AFloodBecomesALineASecondThatCountsTheOthers) {
  LineBudget budget;
  TimePoint now{seconds(5000)};
  std::uint64_t written = 0, told = 0;
  for (int i = 0; i < 100'000; ++i) {  // ten seconds of it
    now += std::chrono::microseconds(100);
    if (const auto left_out = budget.take(now)) {
      ++written;
      told += *left_out;
    }
  }
  EXPECT_LE(written, LineBudget::kAtOnce + 10u);
  EXPECT_GE(written, LineBudget::kAtOnce + 9u);
  const auto last = budget.take(now + seconds(2));
  ASSERT_TRUE(last);
  EXPECT_EQ(written + told + *last, 100'000u) << "none is lost";
}

TEST(LineBudget, WhatIsSeldomIsAlwaysWritten) {
  LineBudget budget;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(budget.take(TimePoint(seconds(10 * i))), 0u);
}

}  // namespace
}  // namespace slipway::node

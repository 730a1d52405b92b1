// SPDX-License-Identifier: Apache-2.0
// The Enabler Test cases as data, and the tests that carry them out. [LwM2M-ETS 1.2]
#pragma once

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace slipway::enabler {

/// One case of the OMA Enabler Test Specification, in our words.
struct EnablerTest {
  int number = 0;
  std::string id;  ///< "LightweightM2M-1.1-int-0"
  std::string title;
  std::string purpose;
  std::vector<std::string> steps;
  std::vector<std::string> pass_criteria;
  std::string not_applicable;  ///< why there is no test; empty when there is one
};

/// All of cases.toml.
[[nodiscard]] const std::vector<EnablerTest>& enabler_tests();

/// One run of a case by its procedure: the test `Enabler.Int<number>...`. It has to look at every pass
/// criterion.
class Procedure {
 public:
  explicit Procedure(int number);
  ~Procedure();
  Procedure(const Procedure&) = delete;
  Procedure& operator=(const Procedure&) = delete;
  /// What is expected while the result lives is what this criterion (counted from 1) asks for.
  [[nodiscard]] testing::ScopedTrace criterion(std::size_t number);

 private:
  const EnablerTest& test_;
  std::set<std::size_t> looked_at_;
};

}  // namespace slipway::enabler

// SPDX-License-Identifier: Apache-2.0
// The list of cases and the tests belong together.
#include <algorithm>

#include "case.hpp"

namespace slipway::enabler {
namespace {

/// Names of the tests of this program that carry out a case.
std::vector<std::string> tests_of(int number) {
  std::vector<std::string> names;
  const auto prefix = "Int" + std::to_string(number);
  const auto& program = *testing::UnitTest::GetInstance();
  for (int i = 0; i < program.total_test_suite_count(); ++i) {
    const auto& suite = *program.GetTestSuite(i);
    if (std::string_view(suite.name()) != "Enabler") continue;
    for (int j = 0; j < suite.total_test_count(); ++j) {
      const std::string name = suite.GetTestInfo(j)->name();
      const bool is_its =
          name.starts_with(prefix) && (name.size() == prefix.size() ||
                                       std::isdigit(static_cast<unsigned char>(name[prefix.size()])) == 0);
      if (is_its) names.push_back(name);
    }
  }
  return names;
}

TEST(EnablerCases, EachHasATestOrAReasonWhyNot) {
  for (const auto& test : enabler_tests()) {
    EXPECT_FALSE(test.id.empty());
    EXPECT_FALSE(test.title.empty()) << test.id;
    EXPECT_FALSE(test.purpose.empty()) << test.id;
    const auto found = tests_of(test.number).size();
    EXPECT_EQ(found, test.not_applicable.empty() ? 1u : 0u) << test.id;
    if (!test.not_applicable.empty()) continue;
    EXPECT_FALSE(test.steps.empty()) << test.id;
    EXPECT_FALSE(test.pass_criteria.empty()) << test.id;
  }
}

TEST(EnablerCases, BootstrapAndRegistrationAreListedWhole) {
  for (const int number :
       {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 101, 102, 103, 104, 105, 106, 107, 108, 109})
    EXPECT_EQ(std::ranges::count(enabler_tests(), number, &EnablerTest::number), 1) << number;
}

}  // namespace
}  // namespace slipway::enabler

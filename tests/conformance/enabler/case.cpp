// SPDX-License-Identifier: Apache-2.0
#include "case.hpp"

#include <algorithm>
#include <stdexcept>

#include <toml++/toml.h>

namespace slipway::enabler {
namespace {

std::vector<std::string> texts(const toml::table& table, std::string_view key) {
  std::vector<std::string> out;
  if (const auto* array = table[key].as_array())
    for (const auto& item : *array) out.push_back(item.value_or(std::string()));
  return out;
}

std::vector<EnablerTest> read() {
  const auto file = toml::parse_file(SLIPWAY_SOURCE "/tests/conformance/enabler/cases.toml");
  std::vector<EnablerTest> tests;
  for (const auto& node : *file["case"].as_array()) {
    const auto& table = *node.as_table();
    tests.push_back({.number = table["number"].value_or(-1),
                     .id = table["id"].value_or(std::string()),
                     .title = table["title"].value_or(std::string()),
                     .purpose = table["purpose"].value_or(std::string()),
                     .steps = texts(table, "steps"),
                     .pass_criteria = texts(table, "pass_criteria"),
                     .not_applicable = table["not_applicable"].value_or(std::string())});
  }
  return tests;
}

const EnablerTest& find(int number) {
  const auto found = std::ranges::find(enabler_tests(), number, &EnablerTest::number);
  if (found == enabler_tests().end())
    throw std::logic_error("cases.toml has no case " + std::to_string(number));
  return *found;
}

}  // namespace

const std::vector<EnablerTest>& enabler_tests() {
  static const auto tests = read();
  return tests;
}

Procedure::Procedure(int number) : test_(find(number)) {}

Procedure::~Procedure() {
  if (testing::Test::HasFatalFailure()) return;
  for (std::size_t i = 1; i <= test_.pass_criteria.size(); ++i)
    EXPECT_TRUE(looked_at_.contains(i)) << test_.id << ": nobody looked at criterion " << i;
}

testing::ScopedTrace Procedure::criterion(std::size_t number) {
  looked_at_.insert(number);
  const auto known = number >= 1 && number <= test_.pass_criteria.size();
  EXPECT_TRUE(known) << test_.id << " has no criterion " << number;
  return {"cases.toml", test_.number,
          test_.id + ", criterion " + std::to_string(number) + ": " +
              (known ? test_.pass_criteria[number - 1] : "")};
}

}  // namespace slipway::enabler

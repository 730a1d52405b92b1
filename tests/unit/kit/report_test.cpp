// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>

#include <nlohmann/json.hpp>

#include <slipway/kit/result.hpp>

namespace slipway::kit::test {
namespace {

TEST(Catalogue, ItsReferencePageIsWhatTheCommandPrints) {
  std::ifstream stream(std::string(SLIPWAY_SOURCE) + "/docs/reference/bootstrap-faults.md", std::ios::binary);
  const std::string page{std::istreambuf_iterator<char>(stream), {}};
  EXPECT_TRUE(page == markdown_catalogue())
      << "run: slipway kit bootstrap-faults --list --markdown > docs/reference/bootstrap-faults.md";
}

TEST(Catalogue, EveryFaultIsToldWholeAndHasAMust) {
  std::set<std::string_view> names;
  for (const auto& fault : faults()) {
    EXPECT_TRUE(names.insert(fault.name).second) << fault.name;
    EXPECT_FALSE(fault.done.empty() || fault.expected.empty()) << fault.name;
    EXPECT_NE(fault.why.find('['), std::string_view::npos) << fault.name << " names no source";
    bool has_must = false;
    for (const auto& check : fault.checks) {
      has_must = has_must || check.weight == Weight::must;
      EXPECT_FALSE(describe(check).empty()) << fault.name;
    }
    EXPECT_TRUE(has_must) << fault.name;
    EXPECT_EQ(find_fault(fault.name), &fault);
  }
  EXPECT_EQ(find_fault("no-such-fault"), nullptr);
}

TEST(Report, SaysVerdictReasonAndEachCheck) {
  RoundResult result;
  result.fault = find_fault("wrong-type");
  result.verdict = Verdict::failed;
  result.reason = "should have: a | b";
  result.findings.push_back(
      {.check = result.fault->checks.front(), .outcome = Finding::Outcome::broken, .seen = "2.04 Changed"});
  const RunFacts facts{
      .endpoint = "urn:dev:x", .enabler = "1.1", .transport = "coaps (PSK)", .date = "2026-01-01"};
  const auto text = markdown_report(facts, {result});
  for (const auto* part :
       {"urn:dev:x", "0 passed, 1 failed", "wrong-type: FAIL", "a \\| b", "| must | broken | 2.04 Changed |"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  const auto json = json_report(facts, {result});
  EXPECT_EQ(json["passed"], false);
  EXPECT_EQ(json["results"][0]["verdict"], "FAIL");
  EXPECT_EQ(json["results"][0]["findings"][0]["outcome"], "broken");
}

TEST(Report, OnlyFailuresAndOpenQuestionsKeepARunFromPassing) {
  const auto with = [](Verdict verdict) {
    RoundResult result;
    result.verdict = verdict;
    return all_passed({result});
  };
  EXPECT_TRUE(with(Verdict::passed));
  EXPECT_TRUE(with(Verdict::not_applicable));
  EXPECT_FALSE(with(Verdict::failed));
  EXPECT_FALSE(with(Verdict::inconclusive));
}

}  // namespace
}  // namespace slipway::kit::test

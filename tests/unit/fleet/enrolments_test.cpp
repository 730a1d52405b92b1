// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <slipway/fleet/plan.hpp>

namespace slipway::fleet {
namespace {

Result<void> add(Enrolments& all, const std::string& name, std::vector<std::string> endpoints) {
  auto enrolment = std::make_shared<Enrolment>();
  enrolment->name = name;
  enrolment->endpoints = std::move(endpoints);
  return all.add(std::move(enrolment));
}

std::string found(const Enrolments& all, std::string_view endpoint) {
  const auto enrolment = all.find(endpoint);
  return enrolment == nullptr ? "none" : enrolment->name;
}

TEST(Enrolments, AnExactNameBeatsEveryPattern) {
  Enrolments all;
  ASSERT_TRUE(add(all, "pattern", {"urn:dev:os:1*"}));
  ASSERT_TRUE(add(all, "exact", {"urn:dev:os:1"}));
  EXPECT_EQ(found(all, "urn:dev:os:1"), "exact");
  EXPECT_EQ(found(all, "urn:dev:os:12"), "pattern");
}

TEST(Enrolments, TheLongestPatternWinsWhateverTheOrder) {
  Enrolments all;
  ASSERT_TRUE(add(all, "middle", {"urn:dev:*"}));
  ASSERT_TRUE(add(all, "all", {"*"}));
  ASSERT_TRUE(add(all, "longest", {"urn:dev:os:*"}));
  EXPECT_EQ(found(all, "urn:dev:os:1"), "longest");
  EXPECT_EQ(found(all, "urn:dev:mac:1"), "middle");
  EXPECT_EQ(found(all, "sensor"), "all");
  EXPECT_EQ(found(all, ""), "all");
}

TEST(Enrolments, APatternMatchesItsOwnBeginning) {
  Enrolments all;
  ASSERT_TRUE(add(all, "pattern", {"abc*"}));
  EXPECT_EQ(found(all, "abc"), "pattern");
  EXPECT_EQ(found(all, "ab"), "none");
  EXPECT_EQ(found(all, "xabc"), "none");
}

TEST(Enrolments, NobodyIsFoundInNone) {
  EXPECT_EQ(found(Enrolments(), "dev"), "none");
}

TEST(Enrolments, TheSameNameOrPatternTwiceIsRefusedAndNothingIsAdded) {
  Enrolments all;
  ASSERT_TRUE(add(all, "first", {"a", "b*"}));
  EXPECT_EQ(add(all, "second", {"c", "a"}).error().code, ErrorCode::duplicate);
  EXPECT_EQ(add(all, "second", {"c", "b*"}).error().code, ErrorCode::duplicate);
  EXPECT_EQ(add(all, "second", {"c", "c"}).error().code, ErrorCode::duplicate);
  EXPECT_EQ(found(all, "c"), "none");
  EXPECT_EQ(all.all().size(), 1u);
  EXPECT_TRUE(add(all, "second", {"a*", "b"})) << "a name and a pattern are different things";
}

TEST(Enrolments, WhatIsNoNameIsRefused) {
  Enrolments all;
  EXPECT_EQ(add(all, "x", {""}).error().code, ErrorCode::malformed);
  EXPECT_EQ(add(all, "x", {"a*b"}).error().code, ErrorCode::malformed);
  EXPECT_EQ(add(all, "x", {"**"}).error().code, ErrorCode::malformed);
  EXPECT_EQ(add(all, "x", {std::string(256, 'a')}).error().code, ErrorCode::limit);
}

TEST(Enrolments, ManyNamesAreFoundWithoutAScan) {
  // 200,000 lookups among 200,000 names: a scan would compare 40 thousand million times and hit the time-out.
  constexpr int kMany = 200'000;
  Enrolments all;
  std::vector<std::string> names;
  for (int i = 0; i < kMany; ++i)
    names.push_back("urn:dev:os:" + std::to_string(i) + (i % 2 == 0 ? "*" : ""));
  ASSERT_TRUE(add(all, "many", names));
  for (int i = 0; i < kMany; ++i) ASSERT_EQ(found(all, "urn:dev:os:" + std::to_string(i)), "many");
}

}  // namespace
}  // namespace slipway::fleet

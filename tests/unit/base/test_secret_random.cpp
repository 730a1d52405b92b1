// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include <slipway/base/random.hpp>
#include <slipway/base/secret.hpp>

namespace slipway {
namespace {

TEST(Secret, HoldsItsOwnCopy) {
  Bytes key{1, 2, 3};
  const Secret secret(key);
  wipe(key);
  EXPECT_EQ(key, (Bytes{0, 0, 0}));
  EXPECT_TRUE(equal(secret.reveal(), Bytes{1, 2, 3}));
}

TEST(Secret, IsEmptyAfterItWasMovedFrom) {
  Secret first(as_bytes("key"));
  const Secret second = std::move(first);
  EXPECT_TRUE(first.empty());  // NOLINT: this is what is asked
  EXPECT_TRUE(first.reveal().empty());
  EXPECT_EQ(as_text(second.reveal()), "key");
}

TEST(Secret, AssignmentReplaces) {
  Secret secret(as_bytes("old"));
  secret = Secret(as_bytes("newer"));
  EXPECT_EQ(as_text(secret.reveal()), "newer");
  secret = Secret();
  EXPECT_TRUE(secret.empty());
}

TEST(Secret, CloneIsEqualAndIndependent) {
  Secret first(as_bytes("key"));
  const Secret second = first.clone();
  EXPECT_TRUE(first.same_as(second));
  first = Secret(as_bytes("kez"));
  EXPECT_FALSE(first.same_as(second));
  EXPECT_EQ(as_text(second.reveal()), "key");
}

TEST(Secret, CannotBeCopiedByAccident) {
  static_assert(!std::is_copy_constructible_v<Secret>);
  static_assert(!std::is_copy_assignable_v<Secret>);
}

TEST(Secret, EmptyOnesAreEqual) {
  EXPECT_TRUE(Secret().same_as(Secret(ByteView())));
}

TEST(SeededRandom, SameSeedSameSequence) {
  SeededRandom a(42), b(42), c(43);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const auto value = a.u64();
    EXPECT_EQ(value, b.u64());
    differs = differs || value != c.u64();
  }
  EXPECT_TRUE(differs);
}

TEST(SeededRandom, ZeroSeedWorks) {
  SeededRandom random(0);
  EXPECT_NE(random.next(), random.next());
}

TEST(SeededRandom, FillsEveryLength) {
  for (std::size_t size = 0; size < 40; ++size) {
    SeededRandom random(7);
    Bytes bytes(size + 1, 0);
    // Several rounds, so that each byte of the range is seen to change and the one after is not.
    Bytes touched(size + 1, 0);
    for (int round = 0; round < 8; ++round) {
      random.fill(MutableBytes(bytes).first(size));
      for (std::size_t i = 0; i <= size; ++i) touched[i] |= bytes[i];
    }
    EXPECT_EQ(touched[size], 0);
    EXPECT_EQ(std::count(touched.begin(), touched.end() - 1, 0), 0);
  }
}

TEST(Random, BelowStaysBelowItsBound) {
  SeededRandom random(3);
  for (const std::uint64_t bound : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{3},
                                    std::uint64_t{1} << 63, (std::uint64_t{1} << 63) + 1, ~std::uint64_t{0}})
    for (int i = 0; i < 1000; ++i) EXPECT_LT(random.below(bound), bound);
}

TEST(Random, BelowIsUniform) {
  SeededRandom random(5);
  constexpr int kDraws = 60'000;
  std::array<int, 6> seen{};
  for (int i = 0; i < kDraws; ++i) ++seen[random.below(seen.size())];
  // Chi-square with 5 degrees of freedom: 20.5 is passed once in a thousand; the seed is fixed.
  double chi_square = 0;
  const double expected = kDraws / 6.0;
  for (const int count : seen) chi_square += (count - expected) * (count - expected) / expected;
  EXPECT_LT(chi_square, 20.5);
}

/// Hands out given numbers, so that the rejected ones can be seen.
class ScriptedRandom final : public Random {
 public:
  explicit ScriptedRandom(std::vector<std::uint64_t> values) : values_(std::move(values)) {}
  void fill(MutableBytes out) override {
    const auto value = values_.at(at_++);
    std::memcpy(out.data(), &value, std::min(out.size(), sizeof value));
  }
  [[nodiscard]] std::size_t used() const { return at_; }

 private:
  std::vector<std::uint64_t> values_;
  std::size_t at_ = 0;
};

TEST(Random, BelowRejectsWhatWouldFavourSmallResults) {
  // 2^64 mod 3 = 1: one value too many, which must not count.
  ScriptedRandom random({0, 5});
  EXPECT_EQ(random.below(3), 2u);
  EXPECT_EQ(random.used(), 2u);
}

}  // namespace
}  // namespace slipway

// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <map>
#include <vector>

#include <slipway/base/hash_index.hpp>
#include <slipway/base/random.hpp>
#include <slipway/base/timer_queue.hpp>

namespace slipway {
namespace {

TimePoint at(std::int64_t s) {
  return TimePoint(seconds(s));
}

TEST(TimerQueue, GivesWhatIsDueEarliestFirst) {
  TimerQueue queue;
  EXPECT_EQ(queue.next(), std::nullopt);
  queue.set(3, at(30));
  queue.set(1, at(10));
  queue.set(2, at(20));
  EXPECT_EQ(queue.next(), at(10));
  EXPECT_EQ(queue.pop_due(at(9)), std::nullopt);
  EXPECT_EQ(queue.pop_due(at(25)), 1u);
  EXPECT_EQ(queue.pop_due(at(25)), 2u);
  EXPECT_EQ(queue.pop_due(at(25)), std::nullopt);
  EXPECT_TRUE(queue.contains(3));
  EXPECT_FALSE(queue.contains(1));
}

TEST(TimerQueue, MovesAndErases) {
  TimerQueue queue;
  queue.set(1, at(10));
  queue.set(2, at(20));
  queue.set(1, at(30));
  EXPECT_EQ(queue.next(), at(20));
  queue.erase(2);
  queue.erase(2);
  queue.erase(77);
  EXPECT_EQ(queue.next(), at(30));
  queue.set(1, at(5));
  EXPECT_EQ(queue.next(), at(5));
  EXPECT_EQ(queue.size(), 1u);
}

TEST(TimerQueue, AgreesWithASortedMapOverManyRandomSteps) {
  SeededRandom random(3);
  TimerQueue queue;
  std::map<std::uint32_t, TimePoint> model;
  for (int step = 0; step < 20000; ++step) {
    const auto key = static_cast<std::uint32_t>(random.below(200));
    switch (random.below(4)) {
      case 0:
        queue.erase(key), model.erase(key);
        break;
      case 1: {
        const auto now = at(static_cast<std::int64_t>(random.below(100)));
        if (const auto popped = queue.pop_due(now)) {
          ASSERT_TRUE(model.contains(*popped));
          EXPECT_LE(model[*popped], now);
          for (const auto& [other, deadline] : model) EXPECT_LE(model[*popped], deadline);
          model.erase(*popped);
        } else {
          for (const auto& [other, deadline] : model) EXPECT_GT(deadline, now);
        }
        break;
      }
      default: {
        const auto deadline = at(static_cast<std::int64_t>(random.below(1000)));
        queue.set(key, deadline);
        model[key] = deadline;
      }
    }
    ASSERT_EQ(queue.size(), model.size());
  }
}

TEST(HashIndex, AgreesWithAMapEvenWhenHashesCollide) {
  SeededRandom random(4);
  HashIndex index;
  std::map<std::uint32_t, std::uint32_t> slot_of;  // By key; the slot is the key plus one.
  const auto hash_of = [](std::uint32_t key) { return key % 37; };
  for (int step = 0; step < 20000; ++step) {
    const auto key = static_cast<std::uint32_t>(random.below(300));
    const auto found = index.find(hash_of(key), [&](std::uint32_t slot) { return slot == key + 1; });
    ASSERT_EQ(found, slot_of.contains(key) ? key + 1 : HashIndex::kNone);
    if (slot_of.contains(key)) {
      index.erase(hash_of(key), key + 1);
      slot_of.erase(key);
    } else {
      index.insert(hash_of(key), key + 1);
      slot_of[key] = key + 1;
    }
    ASSERT_EQ(index.size(), slot_of.size());
  }
}

}  // namespace
}  // namespace slipway

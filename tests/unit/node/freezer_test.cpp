// SPDX-License-Identifier: Apache-2.0
#include "node/freezer.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "support/null_store.hpp"

namespace slipway::node {
namespace {

/// Keeps the limit of each session that was put.
class Disk final : public testing::NullStore {
 public:
  Result<storage::SessionKept> put_session(const storage::SessionRecord& session) override {
    if (fails) return std::unexpected(storage::StoreError{.what = "the disk is full"});
    rows[session.id] = session.identity_mark;
    return storage::SessionKept::kept;
  }
  Result<void> remove_session(std::uint64_t id) override {
    rows.erase(id);
    return {};
  }
  std::map<std::uint64_t, std::uint64_t> rows;
  bool fails = false;
};

class FreezerTest : public ::testing::Test {
 protected:
  /// The job that waits happens.
  void durable() {
    ASSERT_TRUE(work_);
    const auto outcome = std::exchange(work_, nullptr)(disk_);
    std::exchange(done_, nullptr)(outcome);
  }
  void write_all() {
    while (!freezer_.idle()) {
      freezer_.turn(now_);
      durable();
    }
  }

  TimePoint now_{};
  Disk disk_;
  std::map<PeerId, std::uint64_t> sessions_;  ///< a number that rises with each freeze
  std::map<PeerId, std::uint64_t> told_;      ///< the limit that a session was told
  std::vector<std::string> health_;
  std::size_t batch_ = 0;
  storage::Worker::Work work_;
  storage::Worker::Done done_;
  Freezer freezer_{{.freeze = [this](PeerId peer) -> std::optional<Freezer::Frozen> {
                      if (!sessions_.contains(peer)) return std::nullopt;
                      ++batch_;
                      const auto number = ++sessions_[peer];
                      return Freezer::Frozen{.record = {.id = peer.value(), .identity_mark = number},
                                             .limit = number * 10};
                    },
                    .frozen = [this](PeerId peer, std::uint64_t limit) { told_[peer] = limit; },
                    .submit =
                        [this](auto work, auto done) {
                          EXPECT_FALSE(work_) << "one write at a time";
                          work_ = std::move(work);
                          done_ = std::move(done);
                        },
                    .health = [this](std::string_view problem) { health_.emplace_back(problem); }}};
};

TEST_F(FreezerTest, ASessionHearsOfItsFreezeWhenThatIsDurableAndNotBefore) {
  sessions_[PeerId(1)] = 0;
  freezer_.want(PeerId(1));
  EXPECT_FALSE(work_) << "what comes in one turn is one write";
  freezer_.turn(now_);
  EXPECT_TRUE(told_.empty());
  durable();
  EXPECT_EQ(disk_.rows.at(1), 1u);
  EXPECT_EQ(told_.at(PeerId(1)), 10u);
  EXPECT_TRUE(freezer_.idle());
  EXPECT_EQ(freezer_.counters().written, 1u);
}

TEST_F(FreezerTest, HoweverOftenItIsWantedItIsWrittenOnceAndThenTheNewest) {
  sessions_[PeerId(1)] = 0;
  for (int i = 0; i < 5; ++i) freezer_.want(PeerId(1));
  freezer_.turn(now_);
  for (int i = 0; i < 5; ++i) freezer_.want(PeerId(1));
  freezer_.turn(now_);
  EXPECT_EQ(batch_, 1u) << "while a write is under way nothing is frozen";
  durable();
  freezer_.turn(now_);
  durable();
  EXPECT_EQ(batch_, 2u);
  EXPECT_EQ(told_.at(PeerId(1)), 20u);
}

TEST_F(FreezerTest, AWriteHasNoMoreThanItsBound) {
  for (std::uint64_t id = 1; id <= kFreezesMax + 10; ++id) {
    sessions_[PeerId(id)] = 0;
    freezer_.want(PeerId(id));
  }
  freezer_.turn(now_);
  EXPECT_EQ(batch_, kFreezesMax);
  durable();
  write_all();
  EXPECT_EQ(disk_.rows.size(), kFreezesMax + 10);
}

TEST_F(FreezerTest, WhatHasEndedIsRemovedAlsoWhenItsWriteWasUnderWay) {
  sessions_[PeerId(1)] = 0;
  freezer_.want(PeerId(1));
  freezer_.turn(now_);
  sessions_.clear();
  freezer_.ended(PeerId(1));
  durable();
  EXPECT_EQ(disk_.rows.size(), 1u);
  write_all();
  EXPECT_TRUE(disk_.rows.empty());
}

TEST_F(FreezerTest, AFailureIsSaidOnceAndTriedAgain) {
  sessions_[PeerId(1)] = 0;
  disk_.fails = true;
  freezer_.want(PeerId(1));
  for (int i = 0; i < 3; ++i) {
    freezer_.turn(now_);
    durable();
    EXPECT_TRUE(told_.empty()) << "its reserve is all it may use";
    freezer_.turn(now_);
    EXPECT_FALSE(work_) << "not at once";
    ASSERT_EQ(freezer_.next_timeout(), now_ + kFreezeRetry);
    now_ += kFreezeRetry;
  }
  EXPECT_EQ(health_, std::vector<std::string>{"the disk is full"});
  EXPECT_EQ(freezer_.counters().failures, 3u);
  disk_.fails = false;
  freezer_.turn(now_);
  durable();
  EXPECT_EQ(told_.at(PeerId(1)), 40u);
  EXPECT_EQ(health_, (std::vector<std::string>{"the disk is full", ""}));
  EXPECT_EQ(freezer_.next_timeout(), std::nullopt);
}

TEST_F(FreezerTest, WhatEndedDuringAFailedWriteIsNotWrittenLater) {
  sessions_[PeerId(1)] = 0;
  disk_.fails = true;
  freezer_.want(PeerId(1));
  freezer_.turn(now_);
  sessions_.clear();
  freezer_.ended(PeerId(1));
  durable();
  disk_.fails = false;
  now_ += kFreezeRetry;
  write_all();
  EXPECT_TRUE(disk_.rows.empty());
  EXPECT_EQ(batch_, 1u);
}

TEST_F(FreezerTest, GoneSessionsCostNoWrite) {
  freezer_.want(PeerId(9));
  freezer_.turn(now_);
  EXPECT_FALSE(work_);
  EXPECT_TRUE(freezer_.idle());
}

}  // namespace
}  // namespace slipway::node

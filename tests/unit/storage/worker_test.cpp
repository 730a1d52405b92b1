// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <future>
#include <mutex>
#include <thread>

#include <slipway/storage/worker.hpp>

#include "support/null_store.hpp"

namespace slipway::storage {
namespace {

/// Counts transactions; keeps nothing.
class FakeStore final : public testing::NullStore {
 public:
  StoreResult<void> batch(const std::function<StoreResult<void>()>& work) override {
    ++depth_;
    auto done = work();
    --depth_;
    if (depth_ != 0) {
      undone += done ? 0 : 1;
      return done;
    }
    ++commits;
    if (commit_error) return std::unexpected(*commit_error);
    return done;
  }

  // Read once the worker has gone.
  int commits = 0;
  int undone = 0;
  std::optional<StoreError> commit_error;

 private:
  int depth_ = 0;
};

class WorkerTest : public ::testing::Test {
 protected:
  WorkerTest()
      : worker_(std::make_unique<Worker>(store_,
                                         [this](std::function<void()> done) { post(std::move(done)); })) {}

  void post(std::function<void()> done) {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(done));
  }
  /// Keeps the worker's thread inside a first job until `release`, so that what follows waits together.
  void hold() {
    std::promise<void> entered;
    ASSERT_EQ(worker_->submit(
                  [&entered, gate = gate_.get_future().share()](Store&) -> StoreResult<void> {
                    entered.set_value();
                    gate.wait();
                    return {};
                  },
                  {}),
              Worker::Submitted::accepted);
    entered.get_future().wait();
  }
  void release() { gate_.set_value(); }
  /// Ends the worker, then runs the completions, as the engine's thread would.
  void finish() {
    worker_.reset();
    for (auto& done : posted_) done();
  }
  Worker::Submitted submit(int number, StoreResult<void> outcome = {}) {
    return worker_->submit(
        [outcome](Store&) { return outcome; },
        [this, number](StoreResult<void> result) { outcomes_.emplace_back(number, std::move(result)); });
  }

  FakeStore store_;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  std::vector<std::pair<int, StoreResult<void>>> outcomes_;
  std::promise<void> gate_;
  std::unique_ptr<Worker> worker_;
};

const StoreError kFailure{StoreError::Kind::conflict, "this one alone"};

TEST_F(WorkerTest, CompletesInTheOrderOfSubmission) {
  for (int i = 0; i < 100; ++i) ASSERT_EQ(submit(i), Worker::Submitted::accepted);
  finish();
  ASSERT_EQ(outcomes_.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(outcomes_[static_cast<std::size_t>(i)].first, i);
}

TEST_F(WorkerTest, CommitsWhatWaitsTogether) {
  hold();
  for (int i = 0; i < 50; ++i) (void)submit(i);
  release();
  finish();
  EXPECT_EQ(store_.commits, 2) << "the one that held, and all fifty";
  EXPECT_EQ(outcomes_.size(), 50u);
}

TEST_F(WorkerTest, CompletesNothingBeforeItsCommit) {
  hold();
  std::size_t seen = 99;
  (void)submit(1);
  (void)worker_->submit(
      [&](Store&) -> StoreResult<void> {
        const std::lock_guard lock(mutex_);
        seen = posted_.size();
        return {};
      },
      {});
  release();
  finish();
  EXPECT_EQ(seen, 0u) << "the first job of the group was not completed while the second ran";
}

TEST_F(WorkerTest, AJobThatFailsIsUndoneAlone) {
  hold();
  (void)submit(1);
  (void)submit(2, std::unexpected(kFailure));
  (void)submit(3);
  release();
  finish();
  ASSERT_EQ(outcomes_.size(), 3u);
  EXPECT_TRUE(outcomes_[0].second);
  ASSERT_FALSE(outcomes_[1].second);
  EXPECT_EQ(outcomes_[1].second.error().what, kFailure.what);
  EXPECT_TRUE(outcomes_[2].second);
  EXPECT_EQ(store_.undone, 1);
}

TEST_F(WorkerTest, ACommitThatFailsFailsEveryJobOfIt) {
  hold();
  store_.commit_error = StoreError{StoreError::Kind::unavailable, "disk full"};
  (void)submit(1);
  (void)submit(2, std::unexpected(kFailure));
  (void)submit(3);
  release();
  finish();
  ASSERT_EQ(outcomes_.size(), 3u);
  EXPECT_EQ(outcomes_[0].second.error().what, "disk full");
  EXPECT_EQ(outcomes_[1].second.error().what, kFailure.what) << "its own reason is the better one";
  EXPECT_EQ(outcomes_[2].second.error().what, "disk full");
}

TEST_F(WorkerTest, RefusesMoreThanItsBound) {
  hold();
  for (std::size_t i = 0; i < kJobsMax; ++i)
    ASSERT_EQ(worker_->submit([](Store&) { return StoreResult<void>(); }, {}), Worker::Submitted::accepted);
  EXPECT_EQ(submit(1), Worker::Submitted::full);
  release();
  finish();
  EXPECT_TRUE(outcomes_.empty()) << "a refused job is not completed";
}

TEST_F(WorkerTest, FinishesWhatWaitsBeforeItEnds) {
  hold();
  for (int i = 0; i < 10; ++i) (void)submit(i);
  std::thread([this] { release(); }).join();
  finish();
  EXPECT_EQ(outcomes_.size(), 10u);
}

TEST_F(WorkerTest, AJobWithoutCompletionRuns) {
  bool ran = false;
  (void)worker_->submit(
      [&](Store&) -> StoreResult<void> {
        ran = true;
        return {};
      },
      {});
  finish();
  EXPECT_TRUE(ran);
  EXPECT_TRUE(posted_.empty());
}

}  // namespace
}  // namespace slipway::storage

// SPDX-License-Identifier: Apache-2.0
// Two users of one installation, and crashes.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "store_test.hpp"

namespace slipway::storage {
namespace {

class StoreSharing : public StoreTest {};
SLIPWAY_STORE_SUITE(StoreSharing);

TEST_P(StoreSharing, WhatOneHandleCommitsTheOtherSees) {
  const auto other = open();
  ASSERT_TRUE(put(credential("dev", "id")));
  EXPECT_TRUE(other->find_credential(ServerRole::management, as_bytes("id"))->has_value());
  ASSERT_TRUE(other->revoke_credentials("dev", ServerRole::management));
  EXPECT_FALSE(live("id"));
}

TEST_P(StoreSharing, AnOpenBatchIsNotSeenByTheOther) {
  const auto other = open();
  EXPECT_TRUE(store_->batch([&]() -> StoreResult<void> {
    EXPECT_TRUE(put(credential("dev", "id")));
    EXPECT_FALSE(other->find_credential(ServerRole::management, as_bytes("id"))->has_value());
    return {};
  }));
}

TEST_P(StoreSharing, TwoHandlesThatWriteAtOnceBothSucceed) {
  constexpr int kEach = 40;
  const auto write = [&](Store& store, const std::string& name) {
    int written = 0;
    for (int i = 0; i < kEach; ++i) {
      const auto one = credential(name + std::to_string(i), name + std::to_string(i));
      written += store.put_credentials({&one, 1}).has_value() ? 1 : 0;
    }
    return written;
  };
  SeededRandom second_random(2);
  const auto second = *installation_->open(second_random);
  int by_second = 0;
  std::thread thread([&] { by_second = write(*second, "second"); });
  EXPECT_EQ(write(*store_, "first"), kEach);
  thread.join();
  EXPECT_EQ(by_second, kEach);
  for (int i = 0; i < kEach; ++i) EXPECT_TRUE(live("second" + std::to_string(i)));
}

TEST_P(StoreSharing, TwoThatMakeTheInstallationAtOnceAgree) {
  for (int round = 0; round < 10; ++round) {
    const auto fresh = GetParam().install();
    SeededRandom randoms[2] = {SeededRandom(10), SeededRandom(20)};
    StoreResult<std::unique_ptr<Store>> stores[2];
    std::thread thread([&] { stores[1] = fresh->open(randoms[1]); });
    stores[0] = fresh->open(randoms[0]);
    thread.join();
    for (const auto& store : stores) ASSERT_TRUE(store) << store.error().what;
    const auto one = credential("dev", "id");
    ASSERT_TRUE((*stores[0])->put_credentials({&one, 1}));
    const auto found = (*stores[1])->find_credential(ServerRole::management, as_bytes("id"));
    ASSERT_TRUE(found) << found.error().what;
    EXPECT_TRUE(found->has_value()) << "both have the same sealing key";
  }
}

/// A child that commits credentials, reports each through a pipe, and dies without closing anything.
class Child {
 public:
  template <class Work>
  explicit Child(Work work) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(ends[0]);
      work(ends[1]);
      ::_exit(0);
    }
    ::close(ends[1]);
    read_end_ = ends[0];
  }
  ~Child() {
    ::close(read_end_);
    if (!reaped_) wait();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// The next reported number, or nothing once the child is gone.
  std::optional<std::uint32_t> next() const {
    std::uint32_t number = 0;
    return ::read(read_end_, &number, sizeof number) == sizeof number ? std::optional(number) : std::nullopt;
  }
  void kill() const { ::kill(pid_, SIGKILL); }
  void wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    reaped_ = true;
  }

 private:
  pid_t pid_ = -1;
  int read_end_ = -1;
  bool reaped_ = false;
};

void commit_and_report(Installation& installation, int report_to, std::uint32_t count) {
  SeededRandom random(99);
  auto opened = installation.open(random);
  if (!opened) return;
  auto* store = opened->release();  // never closed: as in a crash
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto one = credential("dev" + std::to_string(i), "id" + std::to_string(i));
    if (!store->put_credentials({&one, 1})) return;
    if (::write(report_to, &i, sizeof i) != sizeof i) return;
  }
}

TEST_P(StoreSharing, WhatWasCommittedOutlivesAnExitWithoutClosing) {
  store_.reset();
  Child child([&](int report_to) { commit_and_report(*installation_, report_to, 5); });
  std::uint32_t reported = 0;
  while (child.next()) ++reported;
  child.wait();
  ASSERT_EQ(reported, 5u);
  store_ = open();
  for (std::uint32_t i = 0; i < reported; ++i) EXPECT_TRUE(live("id" + std::to_string(i)));
}

TEST_P(StoreSharing, WhatWasCommittedOutlivesAKillAndNothingElseAppears) {
  store_.reset();
  Child child([&](int report_to) { commit_and_report(*installation_, report_to, 1'000'000); });
  std::uint32_t reported = 0;
  while (reported < 20 && child.next()) ++reported;
  child.kill();
  while (child.next()) ++reported;
  child.wait();
  ASSERT_GE(reported, 20u);
  store_ = open();
  for (std::uint32_t i = 0; i < reported; ++i) EXPECT_TRUE(live("id" + std::to_string(i))) << i;
  // At most the one that was being committed when the signal came.
  EXPECT_FALSE(live("id" + std::to_string(reported + 1)));
}

TEST_P(StoreSharing, ABatchThatWasKilledHalfWayLeavesNothing) {
  store_.reset();
  Child child([&](int report_to) {
    SeededRandom random(99);
    const auto store = installation_->open(random);
    (void)(*store)->batch([&]() -> StoreResult<void> {
      const auto one = credential("dev", "half");
      (void)(*store)->put_credentials({&one, 1});
      const std::uint32_t ready = 1;
      (void)!::write(report_to, &ready, sizeof ready);
      for (;;) ::pause();
    });
  });
  ASSERT_TRUE(child.next());
  child.kill();
  child.wait();
  store_ = open();
  EXPECT_FALSE(live("half"));
  EXPECT_TRUE(put(credential("dev", "next"))) << "the dead one holds no lock";
}

}  // namespace
}  // namespace slipway::storage

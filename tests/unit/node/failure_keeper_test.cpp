// SPDX-License-Identifier: Apache-2.0
// Failed handshakes survive a restart, and a flood of them is no flood of writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include <nlohmann/json.hpp>

#include "node/failure_keeper.hpp"
#include "node/failure_record.hpp"
#include "support/null_store.hpp"

namespace slipway::node {
namespace {

namespace dtls = security::dtls;

class Disk final : public slipway::testing::NullStore {
 public:
  Result<void> put_failures(std::span<const storage::FailureRecord> failures,
                            storage::FailuresKept kept) override {
    if (fails) return std::unexpected(storage::StoreError{.what = "the disk is full"});
    ++writes;
    written += failures.size();
    EXPECT_EQ(kept.of_devices, kFailuresOfDevicesMax);
    EXPECT_EQ(kept.of_strangers, kFailuresOfStrangersMax);
    for (const auto& one : failures) rows[one.key] = one;
    return {};
  }
  Result<void> each_failure(const std::function<void(storage::FailureRecord&&)>& visit) override {
    std::multimap<UnixTime, storage::FailureRecord> by_age;
    for (const auto& [key, row] : rows) by_age.emplace(row.last, row);
    for (auto& [last, row] : by_age) visit(storage::FailureRecord(row));
    return {};
  }
  std::map<std::string, storage::FailureRecord> rows;
  std::size_t writes = 0, written = 0;
  bool fails = false;
};

FailedHandshake failure(int at, std::string endpoint, std::string address = "10.0.0.1:4000") {
  FailedHandshake failed;
  failed.first = failed.last = UnixTime(milliseconds(at));
  failed.endpoint = std::move(endpoint);
  failed.address = std::move(address);
  failed.reason = dtls::FailureReason::wrong_key;
  return failed;
}

FailedHandshake rich_failure() {
  auto failed = failure(5000, "urn:dev:os:lamp");
  failed.first = UnixTime(milliseconds(1000));
  failed.times = 7;
  failed.server = fleet::ServerRole::bootstrap;
  failed.protocol = dtls::SecureProtocol::tls;
  failed.refused_by = dtls::Side::peer;
  failed.alert = dtls::Alert::unknown_ca;
  failed.detail = "noticed";
  failed.explanation = "because";
  failed.remedy = "do this";
  failed.mode = SecurityMode::x509;
  failed.identity_fingerprint = "0a0b0c0d";
  failed.credential_state = fleet::CredentialState::retired;
  failed.credential_created = UnixTime(milliseconds(3));
  failed.facts.offered = {
      .version = 0x0304, .suites = {0x1301, 0xC0A8}, .groups = {23}, .server_name = "a.b", .cid = true};
  failed.facts.suite = 0x1301;
  failed.certificate = CertificateFacts{.subject = "lamp", .issuer = "CA", .fingerprint = "00ff"};
  return failed;
}

class FailureKeeperTest : public ::testing::Test {
 protected:
  void submit(storage::Worker::Work work, storage::Worker::Done done) {
    auto outcome = work(disk);
    if (done) done(std::move(outcome));
  }
  /// Lets a second pass, as the node's loop would.
  void second() {
    now += seconds(1);
    keeper.turn(now);
  }

  TimePoint now{seconds(1000)};
  Disk disk;
  FailureLog log;
  FailureKeeper keeper{log, [this](auto work, auto done) { submit(std::move(work), std::move(done)); }};
};

TEST_F(FailureKeeperTest, TheFirstOneIsWrittenAtOnceAndOneThatComesAgainLater) {
  EXPECT_FALSE(keeper.next_timeout());
  log.add(failure(1, "a"));
  keeper.turn(now);
  EXPECT_EQ(disk.writes, 1u);
  for (int i = 2; i <= 100; ++i) log.add(failure(i, "a"));
  keeper.turn(now + seconds(1));
  EXPECT_EQ(disk.writes, 1u);
  ASSERT_EQ(keeper.next_timeout(), now + kFailuresWritePause);
  keeper.turn(now + kFailuresWritePause);
  EXPECT_EQ(disk.writes, 2u);
  EXPECT_EQ(disk.written, 2u) << "a hundred that are equal are one row";
  EXPECT_FALSE(keeper.next_timeout()) << "there is nothing to write";
}

TEST_F(FailureKeeperTest, AFloodOfStrangersIsNoFloodOfWritesAndHidesNoDevice) {
  log.add(failure(1, "lamp"));
  for (int host = 0; host < 60 * 1000; ++host) {
    log.add(failure(2 + host, "",
                    "10." + std::to_string(host / 65536) + "." + std::to_string(host / 256 % 256) + "." +
                        std::to_string(host % 256) + ":1"));
    if (host % 1000 == 999) second();
    if (host == 30'000) log.add(failure(40'000, "switch"));
  }
  EXPECT_LE(disk.writes, 6u) << "in a minute";
  EXPECT_LE(disk.written, 6 * kFailuresWrittenMax);
  std::string all;
  for (const auto& [key, row] : disk.rows) all += key;
  EXPECT_THAT(all, ::testing::HasSubstr("lamp"));
  EXPECT_THAT(all, ::testing::HasSubstr("switch"));
}

TEST_F(FailureKeeperTest, WhatFailedToBeWrittenIsWrittenLater) {
  disk.fails = true;
  log.add(failure(1, "a"));
  second();
  EXPECT_TRUE(disk.rows.empty());
  disk.fails = false;
  for (int i = 0; i < 11; ++i) second();
  EXPECT_EQ(disk.rows.size(), 1u);
}

TEST_F(FailureKeeperTest, AServerThatEndsWritesTheRest) {
  for (int i = 0; i < 500; ++i) log.add(failure(i, "device-" + std::to_string(i)));
  second();
  EXPECT_EQ(disk.written, kFailuresWrittenMax);
  keeper.finish();
  EXPECT_EQ(disk.rows.size(), 500u);
  keeper.finish();
  EXPECT_EQ(disk.writes, 2u);
}

TEST_F(FailureKeeperTest, TheNextLifeGoesOnCounting) {
  log.add(failure(1, "a"));
  log.add(failure(2, ""));
  log.add(failure(3, "a"));
  keeper.finish();
  FailureLog next;
  FailureKeeper next_keeper(next, [this](auto work, auto done) { submit(std::move(work), std::move(done)); });
  disk.rows["damaged"] = {.key = "damaged", .stranger = false, .last = {}, .document = "{\"v\":1}"};
  const auto unreadable = next_keeper.restore(disk);
  ASSERT_TRUE(unreadable);
  EXPECT_EQ(*unreadable, 1u);
  EXPECT_FALSE(next.has_unwritten()) << "it is there already";
  next.add(failure(9, "a"));
  const auto all = next.list("", 10);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].endpoint, "a");
  EXPECT_EQ(all[0].times, 3u);
  EXPECT_EQ(all[0].first, UnixTime(milliseconds(1)));
  EXPECT_EQ(all[1].endpoint, "");
}

TEST(FailureRecord, IsTheSameWhenItIsReadAgain) {
  for (const auto& failed : {rich_failure(), failure(1, "")}) {
    const auto again = from_record(to_record(failed));
    ASSERT_TRUE(again);
    EXPECT_EQ(to_json(*again).dump(), to_json(failed).dump());
    EXPECT_EQ(to_record(*again), to_record(failed));
  }
}

TEST(FailureRecord, OfRubbishThereIsNone) {
  const auto whole = to_record(rich_failure());
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(from_record(std::string_view(whole).substr(0, size))) << size;
  auto record = nlohmann::json::parse(whole);
  for (const auto& [name, value] : record.items()) {
    for (const auto& nonsense : {nlohmann::json(-1), nlohmann::json(1e300), nlohmann::json({{"a", {1}}})}) {
      if (name == "certificate" || (name == "created" && nonsense == -1))
        continue;  // may be left out; any time
      if ((name == "first" || name == "last") && nonsense == -1) continue;
      auto damaged = record;
      damaged[name] = nonsense;
      EXPECT_FALSE(from_record(damaged.dump())) << name << " " << nonsense;
    }
  }
  record["suites"] = std::vector<int>(1000, 1);
  EXPECT_FALSE(from_record(record.dump()));
}

TEST(FailureRecord, OfAPeersRubbishIsText) {
  auto failed = rich_failure();
  failed.facts.offered.server_name = "a\xFF\x1B";
  failed.certificate->subject = "\xC0\xAF";
  const auto again = from_record(to_record(failed));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->facts.offered.server_name, "a\uFFFD\x1B");
}

}  // namespace
}  // namespace slipway::node

// SPDX-License-Identifier: Apache-2.0
// Registrations, journeys and batches.
#include "store_test.hpp"

namespace slipway::storage {
namespace {

class StoreRecords : public StoreTest {
 protected:
  std::vector<RegistrationRecord> registrations() {
    std::vector<RegistrationRecord> all;
    const auto read =
        store_->each_registration([&](RegistrationRecord&& record) { all.push_back(std::move(record)); });
    EXPECT_TRUE(read) << read.error().what;
    return all;
  }
  std::vector<std::string> documents(std::string_view endpoint, std::size_t limit = 100) {
    std::vector<std::string> all;
    const auto journeys = store_->journeys(endpoint, limit);
    EXPECT_TRUE(journeys);
    for (const auto& journey : *journeys) all.push_back(journey.document);
    return all;
  }
};
SLIPWAY_STORE_SUITE(StoreRecords);

RegistrationRecord registration(std::string endpoint) {
  RegistrationRecord record;
  record.endpoint = std::move(endpoint);
  record.location = "5a3f";
  record.enabler = {1, 2};
  record.address = Address::v4(192, 0, 2, 1, 5684);
  return record;
}

JourneyRecord journey(std::string endpoint, std::string document) {
  return {.endpoint = std::move(endpoint),
          .began = UnixTime(milliseconds(1'700'000'000'123)),
          .document = std::move(document)};
}

const StoreError kRefusal{StoreError::Kind::conflict, "on purpose"};

TEST_P(StoreRecords, ARegistrationComesBackWithEveryField) {
  auto given = registration("urn:dev:os:\xC3\xA4");
  given.lifetime_s = 4'294'967'295;
  given.binding = "UQ";
  given.queue_mode = true;
  given.sms = "+4912345";
  given.links = "</>;rt=\"oma.lwm2m\",</3/0>";
  given.alternate_path = "/lwm2m";
  given.security = SecurityMode::nosec;
  given.address = *Address::parse("[fe80::1%2]:61616");
  given.registered = UnixTime(milliseconds(-5));
  given.updated = UnixTime(milliseconds(1'700'000'000'123));
  ASSERT_TRUE(store_->put_registration(given));
  reopen();
  const auto all = registrations();
  ASSERT_EQ(all.size(), 1u);
  const auto& got = all[0];
  EXPECT_EQ(got.endpoint, given.endpoint);
  EXPECT_EQ(got.location, given.location);
  EXPECT_EQ(got.enabler, given.enabler);
  EXPECT_EQ(got.lifetime_s, given.lifetime_s);
  EXPECT_EQ(got.binding, given.binding);
  EXPECT_EQ(got.queue_mode, given.queue_mode);
  EXPECT_EQ(got.sms, given.sms);
  EXPECT_EQ(got.links, given.links);
  EXPECT_EQ(got.alternate_path, given.alternate_path);
  EXPECT_EQ(got.security, given.security);
  EXPECT_EQ(got.address, given.address);
  EXPECT_EQ(got.registered, given.registered);
  EXPECT_EQ(got.updated, given.updated);
}

TEST_P(StoreRecords, ARegistrationReplacesTheOneBefore) {
  auto record = registration("dev");
  ASSERT_TRUE(store_->put_registration(record));
  record.location = "new";
  ASSERT_TRUE(store_->put_registration(record));
  const auto all = registrations();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].location, "new");
}

TEST_P(StoreRecords, RegistrationsComeInOrderOfEndpoint) {
  for (const auto* name : {"b", "a", "c"}) ASSERT_TRUE(store_->put_registration(registration(name)));
  const auto all = registrations();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].endpoint, "a");
  EXPECT_EQ(all[2].endpoint, "c");
}

TEST_P(StoreRecords, ARemovedRegistrationIsGone) {
  ASSERT_TRUE(store_->put_registration(registration("dev")));
  ASSERT_TRUE(store_->put_registration(registration("other")));
  ASSERT_TRUE(store_->remove_registration("dev"));
  EXPECT_TRUE(store_->remove_registration("nobody"));
  ASSERT_EQ(registrations().size(), 1u);
  EXPECT_EQ(registrations()[0].endpoint, "other");
}

TEST_P(StoreRecords, JourneysComeNewestFirstAndTheOldestGo) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(store_->put_journey(journey("dev", std::to_string(i)), 3));
  ASSERT_TRUE(store_->put_journey(journey("other", "theirs"), 3));
  EXPECT_EQ(documents("dev"), (std::vector<std::string>{"4", "3", "2"}));
  EXPECT_EQ(documents("dev", 1), (std::vector<std::string>{"4"}));
  EXPECT_EQ(documents("other"), (std::vector<std::string>{"theirs"}));
  EXPECT_TRUE(documents("nobody").empty());
  EXPECT_EQ((*store_->journeys("dev", 1))[0].began, UnixTime(milliseconds(1'700'000'000'123)));
}

TEST_P(StoreRecords, KeepingFewerJourneysDropsTheRest) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(store_->put_journey(journey("dev", std::to_string(i)), 10));
  ASSERT_TRUE(store_->put_journey(journey("dev", "5"), 1));
  EXPECT_EQ(documents("dev"), (std::vector<std::string>{"5"}));
}

TEST_P(StoreRecords, StrangersShareABoundedNumberOfJourneys) {
  ASSERT_TRUE(store_->put_journey(journey("dev", "ours"), 16));
  ASSERT_TRUE(store_->batch([&]() -> StoreResult<void> {
    for (std::size_t i = 0; i < kStrangerJourneysMax + 2; ++i) {
      auto one = journey("stranger" + std::to_string(i), "refused");
      one.stranger = true;
      if (auto put = store_->put_journey(one, 16); !put) return put;
    }
    return {};
  }));
  EXPECT_TRUE(documents("stranger1").empty());
  EXPECT_EQ(documents("stranger2").size(), 1u);
  EXPECT_EQ(documents("stranger" + std::to_string(kStrangerJourneysMax + 1)).size(), 1u);
  EXPECT_EQ(documents("dev").size(), 1u) << "of a device that is known, nothing is pushed out";
}

TEST_P(StoreRecords, AFailedBatchLeavesNothing) {
  const auto done = store_->batch([&]() -> StoreResult<void> {
    EXPECT_TRUE(put(credential("dev", "id")));
    EXPECT_TRUE(store_->put_registration(registration("dev")));
    return std::unexpected(kRefusal);
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().what, kRefusal.what);
  EXPECT_FALSE(live("id"));
  EXPECT_TRUE(registrations().empty());
  EXPECT_TRUE(put(credential("dev", "id"))) << "the store works on";
}

TEST_P(StoreRecords, ABatchInsideABatchIsUndoneAlone) {
  const auto done = store_->batch([&]() -> StoreResult<void> {
    EXPECT_TRUE(put(credential("dev", "before")));
    EXPECT_FALSE(store_->batch([&]() -> StoreResult<void> {
      EXPECT_TRUE(put(credential("dev", "inside")));
      EXPECT_TRUE(live("inside"));
      return std::unexpected(kRefusal);
    }));
    return put(credential("dev", "after"));
  });
  EXPECT_TRUE(done);
  reopen();
  EXPECT_TRUE(live("before"));
  EXPECT_FALSE(live("inside"));
  EXPECT_TRUE(live("after"));
}

TEST_P(StoreRecords, ABatchInsideAFailedBatchIsUndoneToo) {
  EXPECT_FALSE(store_->batch([&]() -> StoreResult<void> {
    EXPECT_TRUE(store_->batch([&] { return put(credential("dev", "inside")); }));
    return std::unexpected(kRefusal);
  }));
  EXPECT_FALSE(live("inside"));
}

TEST_P(StoreRecords, ABatchThatThrowsIsUndone) {
  struct Thrown {};
  EXPECT_THROW((void)store_->batch([&]() -> StoreResult<void> {
    EXPECT_TRUE(put(credential("dev", "id")));
    throw Thrown();
  }),
               Thrown);
  EXPECT_FALSE(live("id"));
  EXPECT_TRUE(store_->batch([&] { return put(credential("dev", "id")); }));
}

TEST_P(StoreRecords, FailuresOfOneKeyAreOneAndTheNewestOfEachKindStay) {
  const auto failure = [](std::string key, int last, bool stranger) {
    return FailureRecord{.key = key,
                         .stranger = stranger,
                         .last = UnixTime(milliseconds(last)),
                         .document = key + " at " + std::to_string(last)};
  };
  const auto all = [&] {
    std::vector<std::string> found;
    EXPECT_TRUE(store_->each_failure([&](FailureRecord&& record) {
      found.push_back((record.stranger ? "stranger " : "") + record.document);
    }));
    return found;
  };
  const FailuresKept kept{.of_devices = 2, .of_strangers = 1};
  ASSERT_TRUE(store_->put_failures(std::vector{failure("a", 1, false), failure("b", 2, false)}, kept));
  ASSERT_TRUE(store_->put_failures(std::vector{failure("a", 3, false)}, kept));
  reopen();
  EXPECT_EQ(all(), (std::vector<std::string>{"b at 2", "a at 3"}));
  ASSERT_TRUE(store_->put_failures(
      std::vector{failure("c", 4, false), failure("s", 9, true), failure("t", 10, true)}, kept));
  EXPECT_EQ(all(), (std::vector<std::string>{"a at 3", "c at 4", "stranger t at 10"}))
      << "strangers push out no device";
  ASSERT_TRUE(store_->put_failures({}, kept));
  EXPECT_EQ(all().size(), 3u);
}

TEST_P(StoreRecords, ObservationsAreKeptOnceAndRemovedOneByOne) {
  const Path temperature(ObjectId(3303), InstanceId(0), ResourceId(5700)), device(ObjectId(3));
  const auto all = [&] {
    std::vector<std::string> found;
    EXPECT_TRUE(store_->each_observation([&](std::string_view endpoint, const Path& path) {
      found.push_back(std::string(endpoint) + " " + std::string(path.text().view()));
    }));
    return found;
  };
  ASSERT_TRUE(store_->put_observation("dev", temperature));
  ASSERT_TRUE(store_->put_observation("dev", temperature));
  ASSERT_TRUE(store_->put_observation("dev", device));
  ASSERT_TRUE(store_->put_observation("other", device));
  reopen();
  EXPECT_EQ(all(), (std::vector<std::string>{"dev /3", "dev /3303/0/5700", "other /3"}));
  ASSERT_TRUE(store_->remove_observation("dev", device));
  ASSERT_TRUE(store_->remove_observation("dev", device));
  EXPECT_EQ(all(), (std::vector<std::string>{"dev /3303/0/5700", "other /3"}));
}

}  // namespace
}  // namespace slipway::storage

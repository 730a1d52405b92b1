// SPDX-License-Identifier: Apache-2.0
// Secure sessions that outlive their server, and the numbers of servers' starts.
#include <map>

#include "store_test.hpp"

namespace slipway::storage {
namespace {

const UnixTime kNow{seconds(1'764'000'000)};

class StoreSessions : public StoreTest {
 protected:
  StoreSessions() {
    EXPECT_TRUE(put(credential("dev", "id")));
    life_ = begin();
  }
  std::uint64_t begin(UnixTime now = kNow) {
    const auto life = store_->begin_life(now);
    EXPECT_TRUE(life) << life.error().what;
    return life.value_or(0);
  }
  SessionRecord session(std::uint64_t id, std::string_view identity = "id",
                        ServerRole role = ServerRole::management) {
    return {.id = id,
            .role = role,
            .identity = bytes_of(identity),
            .address = *Address::parse("[fe80::1%2]:61616"),
            .identity_mark = 0xFFEE'DDCC'BBAA'9988,
            .life = life_,
            .frozen = Secret(as_bytes("keys of session " + std::to_string(id)))};
  }
  std::map<std::uint64_t, StoredSession> all() {
    std::map<std::uint64_t, StoredSession> found;
    const auto read = store_->each_session([&](const StoredSession& stored) {
      const auto& s = stored.session;
      found[s.id] = {.session = {.id = s.id,
                                 .role = s.role,
                                 .identity = s.identity,
                                 .address = s.address,
                                 .identity_mark = s.identity_mark,
                                 .life = s.life,
                                 .frozen = s.frozen.clone()},
                     .endpoint = stored.endpoint,
                     .server = stored.server,
                     .mode = stored.mode};
    });
    EXPECT_TRUE(read) << read.error().what;
    return found;
  }
  std::uint64_t life_ = 0;
};
SLIPWAY_STORE_SUITE(StoreSessions);

TEST_P(StoreSessions, ComeBackWithEveryFieldAndWhoseTheyAre) {
  const auto given = session(7);
  EXPECT_EQ(store_->put_session(given), SessionKept::kept);
  reopen();
  const auto found = all();
  ASSERT_EQ(found.size(), 1u);
  const auto& [got, endpoint, server, mode] = found.at(7);
  EXPECT_EQ(got.role, given.role);
  EXPECT_EQ(got.identity, given.identity);
  EXPECT_EQ(got.address, given.address);
  EXPECT_EQ(got.identity_mark, given.identity_mark);
  EXPECT_EQ(got.life, given.life);
  EXPECT_TRUE(got.frozen.same_as(given.frozen));
  EXPECT_EQ(endpoint, "dev");
  EXPECT_EQ(server, ShortServerId(101));
  EXPECT_EQ(mode, SecurityMode::psk);
}

TEST_P(StoreSessions, AreKeptInTheirNewestStateAndOneOfEachCredential) {
  ASSERT_TRUE(store_->put_session(session(7)));
  auto later = session(7);
  later.address = Address::v4(192, 0, 2, 7, 7);
  later.frozen = Secret(as_bytes("later"));
  EXPECT_EQ(store_->put_session(later), SessionKept::kept);
  EXPECT_TRUE(all().at(7).session.frozen.same_as(later.frozen));
  EXPECT_EQ(all().at(7).session.address, later.address);
  EXPECT_EQ(store_->put_session(session(9)), SessionKept::kept) << "the device has begun anew";
  EXPECT_EQ(store_->put_session(session(7)), SessionKept::not_kept) << "and the old session still speaks";
  EXPECT_EQ(all().size(), 1u);
  EXPECT_TRUE(all().contains(9));
}

TEST_P(StoreSessions, OfBothServersAreKept) {
  ASSERT_TRUE(put(credential("dev", "id", ServerRole::bootstrap, 0)));
  ASSERT_TRUE(store_->put_session(session(1)));
  ASSERT_TRUE(store_->put_session(session(2, "id", ServerRole::bootstrap)));
  EXPECT_EQ(all().size(), 2u);
  EXPECT_EQ(all().at(2).session.role, ServerRole::bootstrap);
}

TEST_P(StoreSessions, AreRemovedByTheirId) {
  ASSERT_TRUE(store_->put_session(session(7)));
  EXPECT_TRUE(store_->remove_session(6));
  EXPECT_EQ(all().size(), 1u);
  EXPECT_TRUE(store_->remove_session(7));
  EXPECT_TRUE(store_->remove_session(7)) << "twice";
  EXPECT_TRUE(all().empty());
  ASSERT_TRUE(store_->put_session(session(8)));
  EXPECT_TRUE(store_->clear_sessions());
  EXPECT_TRUE(all().empty());
}

/// What ends a credential ends its session in the same transaction: no crash can leave one without the other.
TEST_P(StoreSessions, GoWithTheirCredential) {
  ASSERT_TRUE(store_->put_session(session(1)));
  ASSERT_TRUE(store_->revoke_credentials("dev", ServerRole::management));
  EXPECT_TRUE(all().empty());
  EXPECT_EQ(store_->put_session(session(1)), SessionKept::not_kept) << "a write that was on its way";
  EXPECT_TRUE(all().empty());

  ASSERT_TRUE(put(credential("dev", "old")));
  ASSERT_TRUE(store_->put_session(session(2, "old")));
  ASSERT_TRUE(put(credential("dev", "new")));
  EXPECT_EQ(all().size(), 1u);
  ASSERT_TRUE(store_->prove_credential(ServerRole::management, as_bytes("new")));
  EXPECT_TRUE(all().empty()) << "a newer one was used";

  ASSERT_TRUE(store_->put_session(session(3, "new")));
  ASSERT_TRUE(store_->retire_other_servers("dev", {}));
  EXPECT_TRUE(all().empty()) << "the device has no account here";
}

TEST_P(StoreSessions, GoWithCredentialsThatWereOnlyIssuedAndAreTooMany) {
  ASSERT_TRUE(put(credential("dev", "issued")));
  ASSERT_TRUE(store_->put_session(session(1, "issued")));
  for (std::size_t i = 0; i <= kIssuedMax; ++i) ASSERT_TRUE(put(credential("dev", std::to_string(i))));
  EXPECT_FALSE(live("issued"));
  EXPECT_TRUE(all().empty());
}

TEST_P(StoreSessions, StayWhenARevocationIsUndone) {
  ASSERT_TRUE(store_->put_session(session(1)));
  EXPECT_FALSE(store_->batch([&]() -> StoreResult<void> {
    EXPECT_TRUE(store_->revoke_credentials("dev", ServerRole::management));
    EXPECT_TRUE(all().empty());
    return std::unexpected(StoreError{StoreError::Kind::unavailable, "on purpose"});
  }));
  EXPECT_EQ(all().size(), 1u);
}

TEST_P(StoreSessions, OfNobodyAreNotKept) {
  EXPECT_EQ(store_->put_session(session(1, "stranger")), SessionKept::not_kept);
  EXPECT_EQ(store_->put_session(session(1, "id", ServerRole::bootstrap)), SessionKept::not_kept);
  EXPECT_TRUE(all().empty());
}

TEST_P(StoreSessions, LivesRiseAndFollowTheClock) {
  EXPECT_EQ(life_, 1'764'000'000u);
  EXPECT_EQ(begin(), life_ + 1) << "two starts in one second";
  EXPECT_EQ(begin(UnixTime(seconds(5))), life_ + 2) << "a clock that was set back";
  EXPECT_EQ(begin(kNow + std::chrono::hours(1)), life_ + 3600);
  reopen();
  EXPECT_EQ(begin(), life_ + 3601);
}

/// Two servers on one folder: only the later one may keep sessions, or both could use a nonce.
TEST_P(StoreSessions, OfAnEarlierServerAreNoLongerWritten) {
  ASSERT_TRUE(store_->put_session(session(1)));
  const auto other = open();
  ASSERT_TRUE(other->begin_life(kNow));
  const auto late = store_->put_session(session(1));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, StoreError::Kind::conflict);
  EXPECT_NE(late.error().what.find("a data folder of its own"), std::string::npos) << late.error().what;
}

TEST_P(StoreSessions, IdsOfNewOnesAreAboveAllThatAreNamed) {
  EXPECT_EQ(store_->last_session(), 0u);
  ASSERT_TRUE(store_->put_session(session(7)));
  EXPECT_EQ(store_->last_session(), 7u);
  RegistrationRecord registration{.endpoint = "dev", .location = "5a3f", .enabler = {1, 2}};
  registration.session = 12;
  ASSERT_TRUE(store_->put_registration(registration));
  ASSERT_TRUE(store_->remove_session(7));
  EXPECT_EQ(store_->last_session(), 12u);
  std::uint64_t named = 0;
  ASSERT_TRUE(store_->each_registration([&](RegistrationRecord&& record) { named = record.session; }));
  EXPECT_EQ(named, 12u);
}

}  // namespace
}  // namespace slipway::storage

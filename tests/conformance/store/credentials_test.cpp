// SPDX-License-Identifier: Apache-2.0
#include "store_test.hpp"

namespace slipway::storage {
namespace {

class StoreCredentials : public StoreTest {};
SLIPWAY_STORE_SUITE(StoreCredentials);

constexpr auto kMany = kIssuedMax + 3;

TEST_P(StoreCredentials, ComeBackWithEveryField) {
  auto given = credential("dev", std::string("i\0\xFF", 3), ServerRole::bootstrap, 0);
  given.mode = SecurityMode::psk;
  ASSERT_TRUE(put(given));
  const auto found = find(std::string_view("i\0\xFF", 3), ServerRole::bootstrap);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->endpoint, "dev");
  EXPECT_EQ(found->role, ServerRole::bootstrap);
  EXPECT_EQ(found->server, ShortServerId(0));
  EXPECT_EQ(found->mode, SecurityMode::psk);
  EXPECT_EQ(found->state, CredentialState::issued);
  EXPECT_EQ(found->identity, given.identity);
  EXPECT_TRUE(found->key.same_as(given.key));
  EXPECT_EQ(found->created, given.created);
}

TEST_P(StoreCredentials, OfRpkAndX509AreKeptByTheirPublicPartOnly) {
  for (const auto mode : {SecurityMode::rpk, SecurityMode::x509}) {
    auto given = credential("dev", std::string(32, static_cast<char>(mode)));
    given.mode = mode;
    given.public_part = bytes_of(std::string("0\x82\0\xFF a certificate", 17));
    ASSERT_TRUE(put(given));
    reopen();
    const auto found = find(as_text(given.identity));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->mode, mode);
    EXPECT_EQ(found->public_part, given.public_part);
    EXPECT_TRUE(found->key.empty()) << "the private key is the device's alone";
  }
}

TEST_P(StoreCredentials, OfRpkAreProvenAndRevokedLikeOthers) {
  auto first = credential("dev", "hash of the first key");
  auto second = credential("dev", "hash of the second key");
  first.mode = second.mode = SecurityMode::rpk;
  ASSERT_TRUE(put(first));
  ASSERT_TRUE(put(second));
  ASSERT_TRUE(store_->prove_credential(ServerRole::management, second.identity));
  EXPECT_FALSE(live("hash of the first key"));
  EXPECT_EQ(store_->revoke_credentials("dev", ServerRole::management), 1u);
  EXPECT_FALSE(live("hash of the second key"));
}

TEST_P(StoreCredentials, TellWhatAProofHasRetiredAndWhetherItIsLive) {
  ASSERT_TRUE(put(credential("dev", "first")));
  ASSERT_TRUE(put(credential("dev", "second")));
  ASSERT_TRUE(put(credential("other", "theirs")));
  const auto prove = [&](std::string_view identity) {
    auto proven = store_->prove_credential(ServerRole::management, as_bytes(identity));
    EXPECT_TRUE(proven);
    return proven ? std::move(*proven) : storage::Proven{};
  };
  const auto second = prove("second");
  EXPECT_TRUE(second.live);
  EXPECT_EQ(second.endpoint, "dev");
  ASSERT_EQ(second.retired.size(), 1u);
  EXPECT_TRUE(equal(second.retired[0], as_bytes("first")));
  EXPECT_TRUE(prove("second").retired.empty()) << "once";
  EXPECT_FALSE(prove("first").live);
  EXPECT_FALSE(prove("nobody's").live);
  ASSERT_TRUE(store_->revoke_credentials("dev", ServerRole::management));
  EXPECT_FALSE(prove("second").live);
}

TEST_P(StoreCredentials, AreNotFoundByAnotherIdentityOrRole) {
  ASSERT_TRUE(put(credential("dev", "id")));
  EXPECT_FALSE(live("ID"));
  EXPECT_FALSE(live(""));
  EXPECT_FALSE(live("id", ServerRole::bootstrap));
}

TEST_P(StoreCredentials, TakeOneIdentityOnceInARole) {
  ASSERT_TRUE(put(credential("first", "id")));
  const auto again = put(credential("second", "id"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, StoreError::Kind::conflict);
  EXPECT_NE(again.error().what.find("give each device its own"), std::string::npos);
  EXPECT_EQ(again.error().what.find("id belongs"), std::string::npos) << "the identity itself is not shown";
  EXPECT_EQ(find("id")->endpoint, "first");
  EXPECT_TRUE(put(credential("second", "id", ServerRole::bootstrap, 0)))
      << "the other role has identities of its own";
}

TEST_P(StoreCredentials, ArePutAllOrNone) {
  ASSERT_TRUE(put(credential("other", "taken")));
  Credential both[] = {credential("dev", "free"), credential("dev", "taken")};
  EXPECT_FALSE(store_->put_credentials(both));
  EXPECT_FALSE(live("free"));
  reopen();
  EXPECT_FALSE(live("free"));
}

TEST_P(StoreCredentials, KeepTheNewestUnprovenOnes) {
  for (std::size_t i = 0; i < kMany; ++i) ASSERT_TRUE(put(credential("dev", "id" + std::to_string(i))));
  EXPECT_EQ(count("dev", CredentialState::issued), kIssuedMax + 1);
  EXPECT_FALSE(live("id1"));
  EXPECT_TRUE(live("id" + std::to_string(kMany - 1)));
}

TEST_P(StoreCredentials, NeverDropTheOneThatADeviceCameWith) {
  // A factory's credential whose proof was lost, and sessions that give others and fail.
  ASSERT_TRUE(put(credential("dev", "factory", ServerRole::bootstrap, 0)));
  for (std::size_t i = 0; i < 3 * kMany; ++i)
    ASSERT_TRUE(put(credential("dev", "id" + std::to_string(i), ServerRole::bootstrap, 0)));
  EXPECT_TRUE(live("factory", ServerRole::bootstrap));
  const auto newest = "id" + std::to_string(3 * kMany - 1);
  ASSERT_TRUE(store_->prove_credential(ServerRole::bootstrap, as_bytes(newest)));
  EXPECT_FALSE(live("factory", ServerRole::bootstrap)) << "dead once its successor is proven";
  for (std::size_t i = 0; i < kMany; ++i)
    ASSERT_TRUE(put(credential("dev", "later" + std::to_string(i), ServerRole::bootstrap, 0)));
  EXPECT_EQ(find(newest, ServerRole::bootstrap)->state, CredentialState::proven);
}

TEST_P(StoreCredentials, TrimOnlyTheSameDeviceAndServer) {
  ASSERT_TRUE(put(credential("other", "others")));
  ASSERT_TRUE(put(credential("dev", "second server", ServerRole::management, 102)));
  ASSERT_TRUE(put(credential("dev", "proven")));
  ASSERT_TRUE(store_->prove_credential(ServerRole::management, as_bytes("proven")));
  for (std::size_t i = 0; i < kMany; ++i) ASSERT_TRUE(put(credential("dev", "id" + std::to_string(i))));
  EXPECT_TRUE(live("others"));
  EXPECT_TRUE(live("second server"));
  EXPECT_TRUE(live("proven")) << "a device that never comes with its new keys can still use its old one";
}

TEST_P(StoreCredentials, ProvingOneRetiresTheOlderOnesOfThatServer) {
  for (const auto* id : {"a", "b", "c"}) ASSERT_TRUE(put(credential("dev", id)));
  ASSERT_TRUE(put(credential("dev", "second server", ServerRole::management, 102)));
  ASSERT_TRUE(put(credential("dev", "bootstrap", ServerRole::bootstrap, 0)));
  ASSERT_TRUE(put(credential("other", "others")));
  ASSERT_TRUE(store_->prove_credential(ServerRole::management, as_bytes("b")));
  EXPECT_FALSE(live("a"));
  EXPECT_EQ(find("b")->state, CredentialState::proven);
  EXPECT_EQ(find("c")->state, CredentialState::issued) << "a newer one is still on its way";
  EXPECT_TRUE(live("second server"));
  EXPECT_TRUE(live("bootstrap", ServerRole::bootstrap));
  EXPECT_TRUE(live("others"));
}

TEST_P(StoreCredentials, ProvingTwiceChangesNothing) {
  for (const auto* id : {"a", "b"}) ASSERT_TRUE(put(credential("dev", id)));
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(store_->prove_credential(ServerRole::management, as_bytes("a")));
  EXPECT_EQ(find("a")->state, CredentialState::proven);
  EXPECT_EQ(find("b")->state, CredentialState::issued);
}

TEST_P(StoreCredentials, ProvingARetiredOrUnknownOneChangesNothing) {
  for (const auto* id : {"a", "b"}) ASSERT_TRUE(put(credential("dev", id)));
  ASSERT_TRUE(store_->prove_credential(ServerRole::management, as_bytes("b")));
  EXPECT_TRUE(store_->prove_credential(ServerRole::management, as_bytes("a")));
  EXPECT_TRUE(store_->prove_credential(ServerRole::management, as_bytes("nobody's")));
  EXPECT_FALSE(live("a"));
  EXPECT_TRUE(live("b"));
}

TEST_P(StoreCredentials, RevokingEndsAllOfADeviceAndRole) {
  for (const auto* id : {"a", "b"}) ASSERT_TRUE(put(credential("dev", id)));
  ASSERT_TRUE(store_->prove_credential(ServerRole::management, as_bytes("a")));
  ASSERT_TRUE(put(credential("dev", "bootstrap", ServerRole::bootstrap, 0)));
  ASSERT_TRUE(put(credential("other", "others")));
  EXPECT_EQ(store_->revoke_credentials("dev", ServerRole::management), 2u);
  EXPECT_FALSE(live("a"));
  EXPECT_FALSE(live("b"));
  EXPECT_TRUE(live("bootstrap", ServerRole::bootstrap));
  EXPECT_TRUE(live("others"));
  EXPECT_EQ(store_->revoke_credentials("dev", ServerRole::management), 0u);
}

TEST_P(StoreCredentials, OfServersThatADeviceNoLongerHasAreRetired) {
  ASSERT_TRUE(put(credential("dev", "a", ServerRole::management, 101)));
  ASSERT_TRUE(store_->prove_credential(ServerRole::management, as_bytes("a")));
  ASSERT_TRUE(put(credential("dev", "a2", ServerRole::management, 101)));
  ASSERT_TRUE(put(credential("dev", "b", ServerRole::management, 102)));
  ASSERT_TRUE(put(credential("dev", "bootstrap", ServerRole::bootstrap, 0)));
  ASSERT_TRUE(put(credential("other", "others", ServerRole::management, 101)));
  const ShortServerId kept[] = {ShortServerId(102), ShortServerId(103)};
  EXPECT_EQ(store_->retire_other_servers("dev", kept), 2u);
  EXPECT_FALSE(live("a"));
  EXPECT_FALSE(live("a2"));
  EXPECT_TRUE(live("b"));
  EXPECT_TRUE(live("bootstrap", ServerRole::bootstrap));
  EXPECT_TRUE(live("others"));
  EXPECT_EQ(store_->retire_other_servers("dev", kept), 0u);
  EXPECT_EQ(store_->retire_other_servers("dev", {}), 1u);
}

TEST_P(StoreCredentials, ARevokedIdentityIsNotGivenToAnother) {
  ASSERT_TRUE(put(credential("dev", "id")));
  ASSERT_TRUE(store_->revoke_credentials("dev", ServerRole::management));
  EXPECT_FALSE(put(credential("other", "id")));
}

TEST_P(StoreCredentials, KeepFewRetiredOnesHoweverOftenADeviceBootstraps) {
  for (std::size_t i = 0; i < 3 * kRetiredMax; ++i) {
    const auto id = "id" + std::to_string(i);
    ASSERT_TRUE(put(credential("dev", id)));
    ASSERT_TRUE(store_->prove_credential(ServerRole::management, as_bytes(id)));
  }
  EXPECT_EQ(count("dev", CredentialState::retired), kRetiredMax);
  EXPECT_EQ(count("dev", CredentialState::proven), 1u);
  ASSERT_TRUE(store_->revoke_credentials("dev", ServerRole::management));
  EXPECT_EQ(store_->credentials("dev")->size(), kRetiredMax);
}

TEST_P(StoreCredentials, AreListedOldestFirstWithoutIdentityAndKey) {
  ASSERT_TRUE(put(credential("dev", "id", ServerRole::bootstrap, 0)));
  ASSERT_TRUE(put(credential("dev", "other id")));
  const auto all = store_->credentials("dev");
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].role, ServerRole::bootstrap);
  EXPECT_EQ((*all)[0].identity_fingerprint, "a5614527") << "SHA-256 of the identity, first four bytes";
  EXPECT_EQ((*all)[1].server, ShortServerId(101));
  EXPECT_EQ((*all)[1].created, UnixTime(milliseconds(1'700'000'000'123)));
  EXPECT_TRUE(store_->credentials("nobody")->empty());
}

TEST_P(StoreCredentials, TellWhoseTheyAreAlsoWhenRetired) {
  for (const auto* id : {"a", "b"}) ASSERT_TRUE(put(credential("dev", id)));
  ASSERT_TRUE(store_->prove_credential(ServerRole::management, as_bytes("b")));
  const auto retired = store_->find_owner(ServerRole::management, as_bytes("a"));
  ASSERT_TRUE(retired && *retired);
  EXPECT_EQ((*retired)->endpoint, "dev");
  EXPECT_EQ((*retired)->state, CredentialState::retired);
  EXPECT_EQ((*store_->find_owner(ServerRole::management, as_bytes("b")))->state, CredentialState::proven);
  EXPECT_EQ(*store_->find_owner(ServerRole::bootstrap, as_bytes("a")), std::nullopt);
}

TEST_P(StoreCredentials, OutliveAReopening) {
  ASSERT_TRUE(put(credential("dev", "id")));
  ASSERT_TRUE(store_->prove_credential(ServerRole::management, as_bytes("id")));
  reopen();
  EXPECT_EQ(find("id")->state, CredentialState::proven);
}

}  // namespace
}  // namespace slipway::storage

// SPDX-License-Identifier: Apache-2.0
// A bootstrap server replaces the device's bootstrap account: complete and proven by Finish, or not at all.
// [facts A.8] [LwM2M-CORE 1.2 §6.1.3.3]
#include "stage.hpp"

namespace slipway::client::test {
namespace {

class AccountReplacement : public testing::Test {
 protected:
  AccountReplacement() : before(device.state()), stage(device.model) {
    stage.start();
    EXPECT_EQ(stage.put(0, "/0/1", security_entries("/0/1", 101)).code, Code::changed);
    EXPECT_EQ(stage.put(0, "/1/0", server_entries("/1/0", 101)).code, Code::changed);
  }
  [[nodiscard]] bool has(std::string_view at) const { return device.model.tree().contains(path(at)); }
  /// Bootstraps again; the name of the credential that the device uses for it.
  std::string next_identity() {
    stage.client.request_bootstrap(stage.now);
    stage.settle();
    const auto* session = stage.session(0);
    return session == nullptr ? "" : session->identity;
  }
  Device device;
  std::string before;
  Stage stage;
};

TEST_F(AccountReplacement, InPlaceTheNewOneIsUsedNextTime) {
  const auto running = stage.session(0)->peer;
  EXPECT_EQ(stage.put(0, "/0/0", bootstrap_entries("/0/0")).code, Code::changed);
  EXPECT_EQ(stage.discover(0, "/").code, Code::content) << "the running session goes on";
  EXPECT_EQ(stage.finish().code, Code::changed);
  EXPECT_EQ(stage.session(0)->peer, running);
  EXPECT_EQ(next_identity(), "own-identity");
  EXPECT_EQ(stage.session(0)->uri, "coaps://bs2.example:5784");
}

TEST_F(AccountReplacement, ASecondAccountTakesOverWhenTheFirstIsDeleted) {
  EXPECT_EQ(stage.put(0, "/0/7", bootstrap_entries("/0/7")).code, Code::changed);
  const auto refused = stage.finish();
  EXPECT_EQ(refused.code, Code::not_acceptable) << "the old one must be gone before the answer to Finish";
  EXPECT_EQ(refused.payload, "/0/7: there are two bootstrap accounts");
  EXPECT_EQ(stage.remove(0, "/0/0").code, Code::deleted);
  EXPECT_EQ(stage.finish().code, Code::changed);
  EXPECT_FALSE(has("/0/0"));
  EXPECT_EQ(next_identity(), "own-identity");
}

TEST_F(AccountReplacement, WhatTheOldAccountLinksToCanGoAfterIt) {
  const std::vector<Entry> context = {entry("/21/0/0", Value::opaque(as_bytes("master"))),
                                      entry("/21/0/1", Value::opaque(as_bytes("a"))),
                                      entry("/21/0/2", Value::opaque(as_bytes("b")))};
  EXPECT_EQ(stage.put(0, "/21/0", context).code, Code::changed);
  EXPECT_EQ(stage.put(0, "/0/0/17", {entry("/0/0/17", Value::objlnk({21, 0}))}).code, Code::changed);
  EXPECT_EQ(stage.put(0, "/0/7", bootstrap_entries("/0/7")).code, Code::changed);
  EXPECT_EQ(stage.remove(0, "/21/0").code, Code::bad_request);
  EXPECT_EQ(stage.remove(0, "/0/0").code, Code::deleted);
  EXPECT_EQ(stage.remove(0, "/21/0").code, Code::deleted);
  EXPECT_EQ(stage.finish().code, Code::changed);
}

TEST_F(AccountReplacement, ASuccessorInheritsTheContextThatItLinksTo) {
  const std::vector<Entry> context = {entry("/21/0/0", Value::opaque(as_bytes("master"))),
                                      entry("/21/0/1", Value::opaque(as_bytes("a"))),
                                      entry("/21/0/2", Value::opaque(as_bytes("b")))};
  EXPECT_EQ(stage.put(0, "/21/0", context).code, Code::changed);
  EXPECT_EQ(stage.put(0, "/0/0/17", {entry("/0/0/17", Value::objlnk({21, 0}))}).code, Code::changed);
  auto successor = bootstrap_entries("/0/7");
  successor.push_back(entry("/0/7/17", Value::objlnk({21, 0})));
  EXPECT_EQ(stage.put(0, "/0/7", successor).code, Code::changed);
  EXPECT_EQ(stage.remove(0, "/21/0").code, Code::bad_request);
  EXPECT_EQ(stage.remove(0, "/0/0").code, Code::deleted);
  EXPECT_EQ(stage.finish().code, Code::changed);
  EXPECT_TRUE(has("/21/0"));
}

TEST_F(AccountReplacement, EitherOfTwoCanBeDeletedAndTheLastStays) {
  EXPECT_EQ(stage.remove(0, "/0/0").code, Code::bad_request);
  EXPECT_EQ(stage.put(0, "/0/7", bootstrap_entries("/0/7")).code, Code::changed);
  EXPECT_EQ(stage.remove(0, "/0/7").code, Code::deleted) << "taken back";
  EXPECT_EQ(stage.remove(0, "/0/0").code, Code::bad_request);
  EXPECT_EQ(stage.put(0, "/0/7", bootstrap_entries("/0/7")).code, Code::changed);
  EXPECT_EQ(stage.remove(0, "/0/0").code, Code::deleted) << "replaced";
  EXPECT_EQ(stage.remove(0, "/0/7").code, Code::bad_request);
  EXPECT_EQ(stage.finish().code, Code::changed);
  EXPECT_EQ(next_identity(), "own-identity");
}

TEST_F(AccountReplacement, ADeleteOfMoreLeavesBoth) {
  EXPECT_EQ(stage.put(0, "/0/7", bootstrap_entries("/0/7")).code, Code::changed);
  EXPECT_EQ(stage.remove(0, "/").code, Code::deleted);
  EXPECT_TRUE(has("/0/0"));
  EXPECT_TRUE(has("/0/7"));
  EXPECT_FALSE(has("/0/1"));
}

TEST_F(AccountReplacement, TwoNewAccountsAreTooMany) {
  EXPECT_EQ(stage.put(0, "/0/7", bootstrap_entries("/0/7")).code, Code::changed);
  EXPECT_EQ(stage.put(0, "/0/8", bootstrap_entries("/0/8")).code, Code::changed);
  const auto refused = stage.finish();
  EXPECT_EQ(refused.code, Code::not_acceptable);
  EXPECT_EQ(refused.payload, "/0/7: there are two bootstrap accounts");
  EXPECT_EQ(stage.remove(0, "/0/0").code, Code::deleted);
  EXPECT_EQ(stage.put(0, "/0/8", security_entries("/0/8", 102)).code, Code::changed);
  EXPECT_EQ(stage.put(0, "/1/8", server_entries("/1/8", 102)).code, Code::changed);
  EXPECT_EQ(stage.finish().code, Code::changed) << "one of the two became something else";
}

TEST_F(AccountReplacement, AnIncompleteSuccessorIsRefusedAndCanBeCompleted) {
  EXPECT_EQ(stage.put_text(0, "/0/7/1", "1").code, Code::changed);
  EXPECT_EQ(stage.remove(0, "/0/0").code, Code::deleted);
  EXPECT_EQ(stage.finish().payload, "/0/7/0: a mandatory resource is missing");
  EXPECT_EQ(stage.put(0, "/0/7", bootstrap_entries("/0/7")).code, Code::changed);
  EXPECT_EQ(stage.finish().code, Code::changed);
  EXPECT_FALSE(has("/0/0"));
}

TEST_F(AccountReplacement, TheAccountMayNotBeLost) {
  EXPECT_EQ(stage.put(0, "/0/0", security_entries("/0/0", 102)).code, Code::changed);
  EXPECT_EQ(stage.put(0, "/1/1", server_entries("/1/1", 102)).code, Code::changed);
  const auto refused = stage.finish();
  EXPECT_EQ(refused.code, Code::not_acceptable);
  EXPECT_EQ(refused.payload, "/0/0: the bootstrap account was written over, and there is no other");
  EXPECT_EQ(stage.put(0, "/0/7", bootstrap_entries("/0/7")).code, Code::changed);
  EXPECT_EQ(stage.finish().code, Code::changed) << "moved, which is a replacement too";
}

TEST_F(AccountReplacement, AFailedSessionLeavesTheFactorysAccount) {
  EXPECT_EQ(stage.put(0, "/0/7", bootstrap_entries("/0/7")).code, Code::changed);
  EXPECT_EQ(stage.remove(0, "/0/0").code, Code::deleted);
  EXPECT_EQ(stage.put_text(0, "/0/7/2", "3").code, Code::changed);  // coaps without keys
  EXPECT_EQ(stage.finish().code, Code::not_acceptable);
  stage.pass(seconds(250));
  EXPECT_EQ(stage.last_end(), BootstrapEnd::inconsistent);
  EXPECT_EQ(device.state(), before);
  ASSERT_TRUE(stage.pass_until([&] { return stage.session(0) != nullptr; }));
  EXPECT_EQ(stage.session(0)->identity, "factory-identity");
}

TEST_F(AccountReplacement, AStateThatCannotBeStoredLeavesTheFactorysAccount) {
  stage.storage = Stage::Storage::fails;
  EXPECT_EQ(stage.put(0, "/0/7", bootstrap_entries("/0/7")).code, Code::changed);
  EXPECT_EQ(stage.remove(0, "/0/0").code, Code::deleted);
  EXPECT_EQ(stage.finish().code, Code::internal_server_error);
  EXPECT_EQ(device.state(), before);
}

TEST_F(AccountReplacement, OtherRegistrationsAreNotTouched) {
  EXPECT_EQ(stage.finish().code, Code::changed);
  ASSERT_EQ(stage.client.state(), State::registered);
  EXPECT_TRUE(stage.observe(101, "/3303/0/5700").observe.has_value());
  const auto peer = stage.session(101)->peer;
  stage.client.request_bootstrap(stage.now);
  stage.settle();
  EXPECT_EQ(stage.put(0, "/0/0", bootstrap_entries("/0/0")).code, Code::changed);
  EXPECT_EQ(stage.finish().code, Code::changed);
  ASSERT_NE(stage.session(101), nullptr);
  EXPECT_EQ(stage.session(101)->peer, peer);
  EXPECT_EQ(stage.requests("/rd").size(), 1u);
  device.celsius = 30;
  stage.client.changed(stage.now, path("/3303/0/5700"));
  stage.settle();
  EXPECT_FALSE(stage.notifications.empty());
}

TEST_F(AccountReplacement, APurgeTimeOfTheNewAccountCounts) {
  auto account = bootstrap_entries("/0/0");
  account.push_back(entry("/0/0/12", Value::integer(60)));
  EXPECT_EQ(stage.put(0, "/0/0", account).code, Code::changed);
  EXPECT_EQ(stage.finish().code, Code::changed);
  stage.pass(seconds(59));
  EXPECT_TRUE(has("/0/0"));
  stage.pass(seconds(2));
  EXPECT_FALSE(has("/0/0"));
}

TEST(AccountReplacementByPack, TakesTheNewAccountAndDropsTheOld) {
  Device device;
  Stage stage(device.model);
  const auto entries =
      security_entries("/0/1", 101) + server_entries("/1/0", 101) + bootstrap_entries("/0/7");
  const auto payload = encoded(ContentFormat::senml_cbor, "/", entries);
  stage.answer = [&](const Received& request) {
    if (!request.path.ends_with("/bspack")) return Stage::agreeable(request);
    return Reply{.code = Code::content, .format = 112, .payload = std::string(as_text(payload))};
  };
  stage.start();
  EXPECT_EQ(stage.last_end(), BootstrapEnd::succeeded);
  EXPECT_FALSE(device.model.tree().contains(path("/0/0")));
  EXPECT_TRUE(device.model.tree().contains(path("/0/7")));
}

}  // namespace
}  // namespace slipway::client::test

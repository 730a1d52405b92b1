// SPDX-License-Identifier: Apache-2.0
// What is asked about an identity, and that the questions do not depend on the answers.
#include <gtest/gtest.h>

#include "node/look_up.hpp"
#include "support/null_store.hpp"

namespace slipway::node {
namespace {

using fleet::CredentialState;
using fleet::ServerRole;

/// Knows one credential of one role, and writes down what it is asked.
class AskedStore final : public testing::NullStore {
 public:
  Result<std::optional<fleet::Credential>> find_credential(ServerRole role, ByteView) override {
    asked.push_back(std::string("credential ") + fleet::to_string(role));
    if (!state || *state == CredentialState::retired || role != of) return std::nullopt;
    fleet::Credential credential{.endpoint = "lamp", .role = role, .mode = mode, .state = *state};
    return credential;
  }
  Result<std::optional<storage::CredentialOwner>> find_owner(ServerRole role, ByteView) override {
    asked.push_back(std::string("owner ") + fleet::to_string(role));
    if (!state || role != of) return std::nullopt;
    return storage::CredentialOwner{.endpoint = "lamp", .state = *state};
  }
  std::optional<CredentialState> state;
  ServerRole of = ServerRole::management;
  SecurityMode mode = SecurityMode::psk;
  std::vector<std::string> asked;
};

Known known_by(AskedStore& store) {
  auto known = look_up(store, ServerRole::management, SecurityMode::psk, as_bytes("id"));
  EXPECT_TRUE(known);
  return std::move(*known);
}

TEST(LookUp, AsksTheSameWhateverTheAnswersAre) {
  AskedStore nobody, live, retired, elsewhere, of_a_key;
  live.state = elsewhere.state = of_a_key.state = CredentialState::proven;
  retired.state = CredentialState::retired;
  elsewhere.of = ServerRole::bootstrap;
  of_a_key.mode = SecurityMode::rpk;
  EXPECT_FALSE(known_by(nobody).owner);
  for (auto* store : {&live, &retired, &elsewhere, &of_a_key}) {
    (void)known_by(*store);
    EXPECT_EQ(store->asked, nobody.asked);
  }
}

TEST(LookUp, TellsWhoseItIsAndWhyItOpensNothing) {
  AskedStore store;
  store.state = CredentialState::proven;
  EXPECT_TRUE(known_by(store).credential);
  EXPECT_FALSE(known_by(store).owner);
  store.mode = SecurityMode::rpk;
  EXPECT_FALSE(known_by(store).credential) << "the hash of a public key is no identity of a pre-shared one";
  EXPECT_FALSE(known_by(store).of_other_role);
  store.mode = SecurityMode::psk;
  store.state = CredentialState::retired;
  EXPECT_EQ(known_by(store).owner->state, CredentialState::retired);
  store.of = ServerRole::bootstrap;
  store.state = CredentialState::proven;
  EXPECT_TRUE(known_by(store).of_other_role);
  EXPECT_EQ(known_by(store).owner->endpoint, "lamp");
}

}  // namespace
}  // namespace slipway::node

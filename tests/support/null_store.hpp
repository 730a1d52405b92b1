// SPDX-License-Identifier: Apache-2.0
// A store that takes everything and keeps nothing: tests override what they look at.
#pragma once

#include <slipway/storage/store.hpp>

namespace slipway::testing {

class NullStore : public storage::Store {
 public:
  template <class T>
  using Result = storage::StoreResult<T>;

  Result<void> batch(const std::function<Result<void>()>& work) override { return work(); }
  Result<void> put_credentials(std::span<const fleet::Credential>) override { return {}; }
  Result<std::optional<fleet::Credential>> find_credential(fleet::ServerRole, ByteView) override {
    return std::nullopt;
  }
  Result<std::optional<storage::CredentialOwner>> find_owner(fleet::ServerRole, ByteView) override {
    return std::nullopt;
  }
  Result<storage::Proven> prove_credential(fleet::ServerRole, ByteView) override {
    return storage::Proven{.live = true};
  }
  Result<std::size_t> revoke_credentials(std::string_view, fleet::ServerRole) override { return 0; }
  Result<std::size_t> retire_other_servers(std::string_view, std::span<const ShortServerId>) override {
    return 0;
  }
  Result<std::vector<storage::CredentialInfo>> credentials(std::string_view) override { return {}; }
  Result<void> put_registration(const storage::RegistrationRecord&) override { return {}; }
  Result<void> remove_registration(std::string_view) override { return {}; }
  Result<void> each_registration(const std::function<void(storage::RegistrationRecord&&)>&) override {
    return {};
  }
  Result<void> put_observation(std::string_view, const Path&) override { return {}; }
  Result<void> remove_observation(std::string_view, const Path&) override { return {}; }
  Result<void> each_observation(const std::function<void(std::string_view, const Path&)>&) override {
    return {};
  }
  Result<std::uint64_t> begin_life(UnixTime) override { return 1; }
  Result<storage::SessionKept> put_session(const storage::SessionRecord&) override {
    return storage::SessionKept::kept;
  }
  Result<void> remove_session(std::uint64_t) override { return {}; }
  Result<void> clear_sessions() override { return {}; }
  Result<void> each_session(const std::function<void(const storage::StoredSession&)>&) override { return {}; }
  Result<std::uint64_t> last_session() override { return 0; }
  Result<void> put_journey(const storage::JourneyRecord&, std::size_t) override { return {}; }
  Result<std::vector<storage::JourneyRecord>> journeys(std::string_view, std::size_t) override { return {}; }
  Result<void> put_failures(std::span<const storage::FailureRecord>, storage::FailuresKept) override {
    return {};
  }
  Result<void> each_failure(const std::function<void(storage::FailureRecord&&)>&) override { return {}; }
};

}  // namespace slipway::testing

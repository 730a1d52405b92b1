// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include <slipway/security/sealing.hpp>
#include <slipway/storage/store.hpp>

#include "database.hpp"
#include "statements.hpp"

namespace slipway::storage {

class SqliteStore final : public Store {
 public:
  SqliteStore(Database database, Statements statements, security::SealingKey key, Random& random)
      : database_(std::move(database)), sql_(std::move(statements)), key_(std::move(key)), random_(random) {
    prepare_decoy();
  }

  StoreResult<void> batch(const std::function<StoreResult<void>()>& work) override;

  StoreResult<void> put_credentials(std::span<const fleet::Credential> credentials) override;
  StoreResult<std::optional<fleet::Credential>> find_credential(fleet::ServerRole role,
                                                                ByteView identity) override;
  StoreResult<std::optional<CredentialOwner>> find_owner(fleet::ServerRole role, ByteView identity) override;
  StoreResult<Proven> prove_credential(fleet::ServerRole role, ByteView identity) override;
  StoreResult<std::size_t> revoke_credentials(std::string_view endpoint, fleet::ServerRole role) override;
  StoreResult<std::size_t> retire_other_servers(std::string_view endpoint,
                                                std::span<const ShortServerId> kept) override;
  StoreResult<std::vector<CredentialInfo>> credentials(std::string_view endpoint) override;

  StoreResult<void> put_registration(const RegistrationRecord& record) override;
  StoreResult<void> remove_registration(std::string_view endpoint) override;
  StoreResult<void> each_registration(const std::function<void(RegistrationRecord&&)>& visit) override;

  StoreResult<void> put_observation(std::string_view endpoint, const Path& path) override;
  StoreResult<void> remove_observation(std::string_view endpoint, const Path& path) override;
  StoreResult<void> each_observation(
      const std::function<void(std::string_view endpoint, const Path& path)>& visit) override;

  StoreResult<std::uint64_t> begin_life(UnixTime now) override;
  StoreResult<SessionKept> put_session(const SessionRecord& session) override;
  StoreResult<void> remove_session(std::uint64_t id) override;
  StoreResult<void> clear_sessions() override;
  StoreResult<void> each_session(const std::function<void(const StoredSession&)>& visit) override;
  StoreResult<std::uint64_t> last_session() override;

  StoreResult<void> put_journey(const JourneyRecord& journey, std::size_t kept) override;
  StoreResult<std::vector<JourneyRecord>> journeys(std::string_view endpoint, std::size_t limit) override;
  StoreResult<void> put_failures(std::span<const FailureRecord> failures, FailuresKept kept) override;
  StoreResult<void> each_failure(const std::function<void(FailureRecord&&)>& visit) override;

 private:
  class Transaction;
  StoreResult<void> put_credential(const fleet::Credential& credential);
  void prepare_decoy();
  [[nodiscard]] Statement& row_for(fleet::ServerRole role, ByteView identity);
  [[nodiscard]] StoreResult<fleet::Credential> credential_in(const Statement& row, bool& unsealed) const;
  StoreResult<std::uint64_t> current_life();
  StoreResult<Bytes> sealed(const fleet::Credential& credential);
  StoreResult<void> trim_issued(std::string_view endpoint, fleet::ServerRole role, std::int64_t server);
  StoreResult<void> trim_retired(std::string_view endpoint, fleet::ServerRole role, std::int64_t server);
  StoreResult<std::size_t> retire_servers(std::string_view endpoint, fleet::ServerRole role,
                                          std::span<const ShortServerId> kept);
  StoreResult<void> retire_server(std::string_view endpoint, fleet::ServerRole role, std::int64_t server,
                                  std::size_t& live);

  Database database_;
  Statements sql_;
  security::SealingKey key_;
  Random& random_;
  Bytes decoy_;                                  ///< a sealed key that is nobody's
  std::array<std::uint8_t, 16> decoy_choice_{};  ///< which row stands for an identity that has none
  int depth_ = 0;
};

}  // namespace slipway::storage

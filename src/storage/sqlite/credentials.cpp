// SPDX-License-Identifier: Apache-2.0
// Credentials in SQLite: keys sealed, each for its own place.
#include <array>

#include <openssl/sha.h>

#include "columns.hpp"
#include "sqlite_store.hpp"

namespace slipway::storage {

using fleet::Credential;
using fleet::CredentialState;
using fleet::ServerRole;

namespace {

std::string fingerprint(ByteView identity) {
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest;
  SHA256(identity.data(), identity.size(), digest.data());
  return to_hex(ByteView(digest).first(4));
}

/// What a sealed key is bound to: rows cannot be swapped.
class Binding {
 public:
  explicit Binding(const Credential& credential)
      : server_(std::to_string(credential.server.value())),
        identity_(to_hex(credential.identity)),
        parts_{"credential", credential.endpoint, fleet::to_string(credential.role), server_, identity_} {}
  Binding(const Binding&) = delete;
  Binding& operator=(const Binding&) = delete;
  [[nodiscard]] std::span<const std::string_view> parts() const { return parts_; }

 private:
  std::string server_, identity_;
  std::array<std::string_view, 5> parts_;
};

StoreError unsealing_error(const std::string& endpoint, security::SealingError error) {
  return {StoreError::Kind::corrupt, "the stored key of " + endpoint + " does not unseal (" +
                                         security::to_string(error) +
                                         "); restore the database from a backup, or revoke " +
                                         "its credentials and let it bootstrap again"};
}

}  // namespace

StoreResult<void> SqliteStore::put_credentials(std::span<const Credential> credentials) {
  return batch([&]() -> StoreResult<void> {
    for (const auto& credential : credentials)
      if (auto put = put_credential(credential); !put) return put;
    return {};
  });
}

StoreResult<void> SqliteStore::put_credential(const Credential& credential) {
  const auto sealed = security::seal(key_, credential.key, Binding(credential).parts(), random_);
  if (!sealed)
    return std::unexpected(StoreError{
        StoreError::Kind::unavailable,
        "a key of " + credential.endpoint + " could not be sealed: " + security::to_string(sealed.error())});
  auto put = sql_.put_credential.bind(1, credential.endpoint)
                 .bind(2, number_of(credential.role))
                 .bind(3, std::int64_t{credential.server.value()})
                 .bind(4, number_of(credential.mode))
                 .bind(5, number_of(credential.state))
                 .bind(6, ByteView(credential.identity))
                 .bind(7, ByteView(*sealed))
                 .bind(8, ms_of(credential.created))
                 .run();
  if (!put) {
    if (put.error().kind == StoreError::Kind::conflict)
      put.error().what = "the identity with fingerprint " + fingerprint(credential.identity) +
                         " belongs to another " + fleet::to_string(credential.role) +
                         " credential; give each device its own";
    return put;
  }
  return trim_credentials(credential.endpoint, credential.role, credential.server.value(),
                          CredentialState::issued, kIssuedMax);
}

StoreResult<void> SqliteStore::trim_credentials(std::string_view endpoint, ServerRole role,
                                                std::int64_t server, CredentialState state,
                                                std::size_t kept) {
  return sql_.trim_credentials.bind(1, endpoint)
      .bind(2, number_of(role))
      .bind(3, server)
      .bind(4, number_of(state))
      .bind(5, static_cast<std::int64_t>(kept))
      .run();
}

StoreResult<std::optional<Credential>> SqliteStore::find_credential(ServerRole role, ByteView identity) {
  std::optional<Credential> found;
  auto& row = sql_.find_credential;
  auto read = row.bind(1, number_of(role)).bind(2, identity).each([&]() -> StoreResult<void> {
    auto& credential = found.emplace();
    credential.endpoint = row.text(0);
    credential.role = role;
    credential.server = ShortServerId(static_cast<std::uint16_t>(row.integer(1)));
    credential.identity.assign(identity.begin(), identity.end());
    credential.created = unix_time(row.integer(5));
    const auto mode = enum_of(row.integer(2), SecurityMode::est);
    const auto state = enum_of(row.integer(3), CredentialState::retired);
    if (!mode || !state) return corrupt_row("credential", credential.endpoint);
    credential.mode = *mode;
    credential.state = *state;
    auto key = security::unseal(key_, row.bytes(4), Binding(credential).parts());
    if (!key) return std::unexpected(unsealing_error(credential.endpoint, key.error()));
    credential.key = std::move(*key);
    return {};
  });
  if (!read) return std::unexpected(std::move(read.error()));
  return found;
}

StoreResult<void> SqliteStore::prove_credential(ServerRole role, ByteView identity) {
  return batch([&]() -> StoreResult<void> {
    struct Proven {
      std::int64_t id, server;
      std::string endpoint;
    };
    std::optional<Proven> proven;
    auto& row = sql_.prove;
    auto proved = row.bind(1, number_of(role)).bind(2, identity).each([&]() -> StoreResult<void> {
      proven = Proven{.id = row.integer(0), .server = row.integer(2), .endpoint = row.text(1)};
      return {};
    });
    if (!proved || !proven) return proved;
    auto retired = sql_.retire_older.bind(1, proven->endpoint)
                       .bind(2, number_of(role))
                       .bind(3, proven->server)
                       .bind(4, proven->id)
                       .run();
    if (!retired) return retired;
    return trim_credentials(proven->endpoint, role, proven->server, CredentialState::retired, kRetiredMax);
  });
}

StoreResult<std::size_t> SqliteStore::revoke_credentials(std::string_view endpoint, ServerRole role) {
  std::size_t live = 0;
  auto done = batch([&]() -> StoreResult<void> {
    if (auto revoked = sql_.revoke.bind(1, endpoint).bind(2, number_of(role)).run(); !revoked) return revoked;
    live = static_cast<std::size_t>(database_.changes());
    const auto all = credentials(endpoint);
    if (!all) return std::unexpected(all.error());
    for (const auto& credential : *all)
      if (credential.role == role)
        if (auto trimmed = trim_credentials(endpoint, role, credential.server.value(),
                                            CredentialState::retired, kRetiredMax);
            !trimmed)
          return trimmed;
    return {};
  });
  if (!done) return std::unexpected(std::move(done.error()));
  return live;
}

StoreResult<std::vector<CredentialInfo>> SqliteStore::credentials(std::string_view endpoint) {
  std::vector<CredentialInfo> all;
  auto& row = sql_.list_credentials;
  auto read = row.bind(1, endpoint).each([&]() -> StoreResult<void> {
    const auto role = enum_of(row.integer(0), ServerRole::management);
    const auto mode = enum_of(row.integer(2), SecurityMode::est);
    const auto state = enum_of(row.integer(3), CredentialState::retired);
    if (!role || !mode || !state) return corrupt_row("credential", endpoint);
    all.push_back({.role = *role,
                   .server = ShortServerId(static_cast<std::uint16_t>(row.integer(1))),
                   .mode = *mode,
                   .state = *state,
                   .identity_fingerprint = fingerprint(row.bytes(4)),
                   .created = unix_time(row.integer(5))});
    return {};
  });
  if (!read) return std::unexpected(std::move(read.error()));
  return all;
}

}  // namespace slipway::storage

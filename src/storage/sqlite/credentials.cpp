// SPDX-License-Identifier: Apache-2.0
// Credentials in SQLite: keys sealed, each for its own place.
#include <algorithm>
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

bool is_row_of(const Statement& row, ServerRole role, ByteView identity) {
  return row.integer(7) == number_of(role) && equal(row.bytes(8), identity);
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
  const auto key = sealed(credential);
  if (!key) return std::unexpected(key.error());
  auto put = sql_.put_credential.bind(1, credential.endpoint)
                 .bind(2, number_of(credential.role))
                 .bind(3, std::int64_t{credential.server.value()})
                 .bind(4, number_of(credential.mode))
                 .bind(5, number_of(credential.state))
                 .bind(6, ByteView(credential.identity))
                 .bind(7, ByteView(*key))
                 .bind(8, ms_of(credential.created))
                 .bind(9, ByteView(credential.public_part))
                 .run();
  if (!put) {
    if (put.error().kind == StoreError::Kind::conflict)
      put.error().what = "the identity with fingerprint " + fingerprint(credential.identity) +
                         " belongs to another " + fleet::to_string(credential.role) +
                         " credential; give each device its own";
    return put;
  }
  return trim_issued(credential.endpoint, credential.role, credential.server.value());
}

/// Nothing for RPK and X.509: their private keys are the devices' alone.
StoreResult<Bytes> SqliteStore::sealed(const Credential& credential) {
  if (credential.mode != SecurityMode::psk) return Bytes();
  auto sealed = security::seal(key_, credential.key, Binding(credential).parts(), random_);
  if (sealed) return std::move(*sealed);
  return std::unexpected(StoreError{
      StoreError::Kind::unavailable,
      "a key of " + credential.endpoint + " could not be sealed: " + security::to_string(sealed.error())});
}

StoreResult<void> SqliteStore::trim_issued(std::string_view endpoint, ServerRole role, std::int64_t server) {
  return sql_.trim_issued.bind(1, endpoint)
      .bind(2, number_of(role))
      .bind(3, server)
      .bind(4, static_cast<std::int64_t>(kIssuedMax))
      .run();
}

StoreResult<void> SqliteStore::trim_retired(std::string_view endpoint, ServerRole role, std::int64_t server) {
  return sql_.trim_retired.bind(1, endpoint)
      .bind(2, number_of(role))
      .bind(3, server)
      .bind(4, static_cast<std::int64_t>(kRetiredMax))
      .run();
}

void SqliteStore::prepare_decoy() {
  random_.fill(decoy_choice_);
  const std::array<std::uint8_t, fleet::kPskMin> nobodys{};
  if (auto sealed = security::seal(key_, Secret(nobodys), Binding(Credential()).parts(), random_))
    decoy_ = std::move(*sealed);
}

/// Reads the row of the identity, or, for one that has none, another, always the same: a guess that is made
/// twice finds what it reads in the same caches as a device does that comes twice.
Statement& SqliteStore::row_for(ServerRole role, ByteView identity) {
  Bytes text(decoy_choice_.begin(), decoy_choice_.end());
  text.insert(text.end(), identity.begin(), identity.end());
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest;
  SHA256(text.data(), text.size(), digest.data());
  std::uint32_t chosen = 0;
  for (const auto byte : ByteView(digest).first(4)) chosen = chosen << 8 | byte;
  return sql_.find_credential.bind(1, number_of(role)).bind(2, identity).bind(3, std::int64_t{chosen});
}

StoreResult<Credential> SqliteStore::credential_in(const Statement& row, bool& unsealed) const {
  const auto bytes = [&](int column) { return Bytes(row.bytes(column).begin(), row.bytes(column).end()); };
  const auto mode = enum_of(row.integer(2), SecurityMode::est);
  const auto state = enum_of(row.integer(3), CredentialState::retired);
  const auto role = enum_of(row.integer(7), ServerRole::management);
  Credential credential;
  credential.endpoint = row.text(0);
  if (!mode || !state || !role) return corrupt_row("credential", credential.endpoint);
  credential.role = *role;
  credential.server = ShortServerId(static_cast<std::uint16_t>(row.integer(1)));
  credential.mode = *mode;
  credential.state = *state;
  credential.identity = bytes(8);
  credential.public_part = bytes(6);
  credential.created = unix_time(row.integer(5));
  if (credential.mode != SecurityMode::psk || credential.state == CredentialState::retired) return credential;
  auto key = security::unseal(key_, row.bytes(4), Binding(credential).parts());
  unsealed = key.has_value();
  if (!key) return std::unexpected(unsealing_error(credential.endpoint, key.error()));
  credential.key = std::move(*key);
  return credential;
}

/// An identity that opens nothing costs what one costs that does, so that the time of an answer tells nobody
/// which exist: for it, too, a row is read and a key is unsealed.
StoreResult<std::optional<Credential>> SqliteStore::find_credential(ServerRole role, ByteView identity) {
  std::optional<Credential> found;
  bool unsealed = false;
  auto& row = row_for(role, identity);
  auto read = row.each([&]() -> StoreResult<void> {
    auto credential = credential_in(row, unsealed);
    if (!is_row_of(row, role, identity)) return {};
    if (!credential) return std::unexpected(std::move(credential.error()));
    if (credential->state != CredentialState::retired) found = std::move(*credential);
    return {};
  });
  if (!read) return std::unexpected(std::move(read.error()));
  if (!unsealed) (void)security::unseal(key_, decoy_, Binding(Credential()).parts());
  return found;
}

StoreResult<std::optional<CredentialOwner>> SqliteStore::find_owner(ServerRole role, ByteView identity) {
  std::optional<CredentialOwner> found;
  auto& row = row_for(role, identity);
  auto read = row.each([&]() -> StoreResult<void> {
    if (!is_row_of(row, role, identity)) return {};
    const auto state = enum_of(row.integer(3), CredentialState::retired);
    if (!state) return corrupt_row("credential", row.text(0));
    found = {.endpoint = row.text(0), .state = *state};
    return {};
  });
  if (!read) return std::unexpected(std::move(read.error()));
  return found;
}

StoreResult<Proven> SqliteStore::prove_credential(ServerRole role, ByteView identity) {
  Proven proven;
  auto done = batch([&]() -> StoreResult<void> {
    std::int64_t id = 0, server = 0;
    auto& row = sql_.prove;
    auto proved = row.bind(1, number_of(role)).bind(2, identity).each([&]() -> StoreResult<void> {
      proven = {.live = true, .endpoint = std::string(row.text(1))};
      id = row.integer(0);
      server = row.integer(2);
      return {};
    });
    if (!proved || !proven.live) return proved;
    auto& older = sql_.retire_older;
    auto retired = older.bind(1, proven.endpoint)
                       .bind(2, number_of(role))
                       .bind(3, server)
                       .bind(4, id)
                       .each([&]() -> StoreResult<void> {
                         const auto bytes = older.bytes(0);
                         proven.retired.emplace_back(bytes.begin(), bytes.end());
                         return {};
                       });
    if (!retired) return retired;
    return trim_retired(proven.endpoint, role, server);
  });
  if (!done) return std::unexpected(std::move(done.error()));
  return proven;
}

StoreResult<void> SqliteStore::retire_server(std::string_view endpoint, ServerRole role, std::int64_t server,
                                             std::size_t& live) {
  auto retired = sql_.retire_server.bind(1, endpoint).bind(2, number_of(role)).bind(3, server).run();
  if (!retired) return retired;
  live += static_cast<std::size_t>(database_.changes());
  return trim_retired(endpoint, role, server);
}

StoreResult<std::size_t> SqliteStore::retire_servers(std::string_view endpoint, ServerRole role,
                                                     std::span<const ShortServerId> kept) {
  std::size_t live = 0;
  auto done = batch([&]() -> StoreResult<void> {
    std::vector<std::int64_t> servers;
    auto& row = sql_.list_servers;
    auto listed = row.bind(1, endpoint).bind(2, number_of(role)).each([&]() -> StoreResult<void> {
      servers.push_back(row.integer(0));
      return {};
    });
    if (!listed) return listed;
    for (const auto server : servers) {
      if (std::ranges::find(kept, server, &ShortServerId::value) != kept.end()) continue;
      if (auto retired = retire_server(endpoint, role, server, live); !retired) return retired;
    }
    return {};
  });
  if (!done) return std::unexpected(std::move(done.error()));
  return live;
}

StoreResult<std::size_t> SqliteStore::revoke_credentials(std::string_view endpoint, ServerRole role) {
  return retire_servers(endpoint, role, {});
}

StoreResult<std::size_t> SqliteStore::retire_other_servers(std::string_view endpoint,
                                                           std::span<const ShortServerId> kept) {
  return retire_servers(endpoint, ServerRole::management, kept);
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

// SPDX-License-Identifier: Apache-2.0
#include "migrations.hpp"

namespace slipway::storage {
namespace {

StoreResult<std::int64_t> schema_version(Database& database) {
  auto statement = database.prepare("PRAGMA user_version");
  if (!statement) return std::unexpected(std::move(statement.error()));
  std::int64_t version = 0;
  auto read = statement->each([&]() -> StoreResult<void> {
    version = statement->integer(0);
    return {};
  });
  if (!read) return std::unexpected(std::move(read.error()));
  if (version < 0)
    return std::unexpected(StoreError{StoreError::Kind::corrupt,
                                      std::string("database ") + database.file() +
                                          ": its schema version is negative; restore it from a backup"});
  return version;
}

StoreError too_new(Database& database, std::int64_t version) {
  return {StoreError::Kind::too_new, std::string("database ") + database.file() + ": it has schema " +
                                         std::to_string(version) + ", this program knows up to " +
                                         std::to_string(kMigrations.size()) +
                                         "; use the newer program that wrote it"};
}

/// One step up, inside the caller's transaction. False when there is none left.
StoreResult<bool> climb(Database& database) {
  // The version is read inside the transaction: another process may be migrating too.
  const auto version = schema_version(database);
  if (!version) return std::unexpected(version.error());
  const auto newest = static_cast<std::int64_t>(kMigrations.size());
  if (*version > newest) return std::unexpected(too_new(database, *version));
  if (*version == newest) return false;
  auto done = database.execute(kMigrations[static_cast<std::size_t>(*version)]);
  if (done) done = database.execute("PRAGMA user_version = " + std::to_string(*version + 1));
  if (!done) return std::unexpected(std::move(done.error()));
  return true;
}

}  // namespace

StoreResult<void> migrate(Database& database) {
  for (;;) {
    if (auto begun = database.execute("BEGIN IMMEDIATE"); !begun) return begun;
    auto climbed = climb(database);
    auto ended = database.execute(climbed ? "COMMIT" : "ROLLBACK");
    if (!climbed) return std::unexpected(std::move(climbed.error()));
    if (!ended) {
      (void)database.execute("ROLLBACK");
      return ended;
    }
    if (!*climbed) return {};
  }
}

}  // namespace slipway::storage

// SPDX-License-Identifier: Apache-2.0
#include "migrations.hpp"

namespace slipway::storage {
namespace {

StoreResult<std::int64_t> schema_version(Database& database) {
  auto statement = database.prepare("PRAGMA user_version");
  if (!statement) return std::unexpected(std::move(statement.error()));
  const auto row = statement->step();
  if (!row) return std::unexpected(row.error());
  return statement->integer(0);
}

}  // namespace

StoreResult<void> migrate(Database& database) {
  for (;;) {
    // The version is read inside the transaction: another process may be migrating too.
    if (auto begun = database.execute("BEGIN IMMEDIATE"); !begun) return begun;
    const auto version = schema_version(database);
    if (!version) return std::unexpected(version.error());
    if (*version > static_cast<std::int64_t>(kMigrations.size())) {
      (void)database.execute("ROLLBACK");
      return std::unexpected(StoreError{
          StoreError::Kind::too_new, "the database has schema " + std::to_string(*version) +
                                         ", this program knows up to " + std::to_string(kMigrations.size()) +
                                         "; use the newer program that wrote it"});
    }
    if (*version == static_cast<std::int64_t>(kMigrations.size())) return database.execute("COMMIT");
    auto done = database.execute(kMigrations[static_cast<std::size_t>(*version)]);
    if (done) done = database.execute("PRAGMA user_version = " + std::to_string(*version + 1));
    if (done) done = database.execute("COMMIT");
    if (!done) {
      (void)database.execute("ROLLBACK");
      return done;
    }
  }
}

}  // namespace slipway::storage

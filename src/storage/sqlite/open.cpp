// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <slipway/security/sealing.hpp>
#include <slipway/storage/sqlite.hpp>

#include "migrations.hpp"
#include "sqlite_store.hpp"

namespace slipway::storage {
namespace {

std::unexpected<StoreError> refuse(StoreError::Kind kind, std::string what) {
  return std::unexpected(StoreError{kind, std::move(what)});
}

std::unexpected<StoreError> unavailable(const std::string& what, const char* remedy) {
  return refuse(StoreError::Kind::unavailable, what + ": " + std::strerror(errno) + "; " + remedy);
}

bool exists(const std::string& file) {
  struct stat status{};
  return ::stat(file.c_str(), &status) == 0;
}

/// The folder and the files hold sealed keys and names of devices: nobody else's business.
StoreResult<void> make_directory(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    return unavailable("the data folder " + directory + " cannot be made",
                       "make the folder it is in, or choose another with --data");
  struct stat status{};
  if (::stat(directory.c_str(), &status) != 0)
    return unavailable("the data folder " + directory, "choose another with --data");
  if (!S_ISDIR(status.st_mode))
    return refuse(StoreError::Kind::unavailable,
                  "the data folder " + directory + " is not a folder; choose another with --data");
  return {};
}

/// SQLite would make it readable to all; its log and index take the mode of the database.
StoreResult<void> make_database_file(const std::string& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0)
    return unavailable("database " + file + " cannot be opened",
                       "check the folder, the file and their rights");
  ::close(descriptor);
  return {};
}

/// A database without its key is of no use, and a new key would hide that until devices are refused.
StoreResult<security::SealingKey> load_key(const std::string& directory, const std::string& file,
                                           Random& random) {
  const auto path = directory + "/seal.key";
  if (exists(file) && !exists(path))
    return refuse(StoreError::Kind::corrupt,
                  "sealing key " + path + " is missing, and " + file +
                      " was sealed with it; put it back from a backup, or move the database away");
  auto key = security::SealingKey::load_or_create(path, random);
  if (!key) return refuse(StoreError::Kind::unavailable, std::move(key.error()));
  return std::move(*key);
}

StoreResult<void> check_key(Database& database, const security::SealingKey& key,
                            const std::string& directory) {
  const auto id = static_cast<std::int64_t>(key.id());
  // One statement, so that two processes that begin at once agree.
  auto insert =
      database.prepare("INSERT INTO sealing (key_id) SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM sealing)");
  if (!insert) return std::unexpected(std::move(insert.error()));
  if (auto inserted = insert->bind(1, id).run(); !inserted) return inserted;
  auto select = database.prepare("SELECT key_id FROM sealing");
  if (!select) return std::unexpected(std::move(select.error()));
  return select->each([&]() -> StoreResult<void> {
    if (select->integer(0) == id) return {};
    return refuse(StoreError::Kind::corrupt, "sealing key " + directory + "/seal.key is not the one that " +
                                                 database.file() +
                                                 " was made with; put the right one back from a backup");
  });
}

}  // namespace

StoreResult<std::unique_ptr<Store>> open_sqlite(const std::string& directory, Random& random) {
  if (auto made = make_directory(directory); !made) return std::unexpected(std::move(made.error()));
  const auto file = directory + "/slipway.db";
  auto key = load_key(directory, file, random);
  if (!key) return std::unexpected(std::move(key.error()));
  if (auto made = make_database_file(file); !made) return std::unexpected(std::move(made.error()));
  auto database = Database::open(file);
  if (!database) return std::unexpected(std::move(database.error()));
  if (auto migrated = migrate(*database); !migrated) return std::unexpected(std::move(migrated.error()));
  if (auto checked = check_key(*database, *key, directory); !checked)
    return std::unexpected(std::move(checked.error()));
  auto statements = Statements::prepare(*database);
  if (!statements) return std::unexpected(std::move(statements.error()));
  return std::make_unique<SqliteStore>(std::move(*database), std::move(*statements), std::move(*key), random);
}

}  // namespace slipway::storage

// SPDX-License-Identifier: Apache-2.0
#include "database.hpp"

namespace slipway::storage {
namespace {

constexpr int kBusyTimeoutMs = 5000;  // `slipway factory` may be writing at the same time
constexpr int kWalAttempts = 50;
constexpr int kWalPauseMs = 20;

}  // namespace

StoreError sqlite_error(sqlite3* database, int code) {
  using enum StoreError::Kind;
  const char* file = database == nullptr ? nullptr : sqlite3_db_filename(database, "main");
  const std::string what = "database " + std::string(file == nullptr || *file == '\0' ? "(not open)" : file) +
                           ": " + (database == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(database));
  switch (code & 0xFF) {
    case SQLITE_CONSTRAINT:
      return {conflict, what};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {corrupt, what + "; restore it from a backup"};
    case SQLITE_FULL:
      return {unavailable, what + "; make room on the disk"};
    case SQLITE_BUSY:
      return {unavailable, what + "; another process has been writing for long"};
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return {unavailable, what + "; check the folder, the file and their rights"};
    default:
      return {unavailable, what};
  }
}

Statement& Statement::bind(int index, std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), index, value);
  return *this;
}
Statement& Statement::bind(int index, std::string_view text) {
  sqlite3_bind_text64(statement_.get(), index, text.empty() ? "" : text.data(), text.size(), SQLITE_STATIC,
                      SQLITE_UTF8);
  return *this;
}
Statement& Statement::bind(int index, ByteView bytes) {
  static constexpr std::uint8_t kNothing = 0;
  sqlite3_bind_blob64(statement_.get(), index, bytes.empty() ? &kNothing : bytes.data(), bytes.size(),
                      SQLITE_STATIC);
  return *this;
}

StoreResult<bool> Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return std::unexpected(sqlite_error(sqlite3_db_handle(statement_.get()), code));
}

StoreResult<void> Statement::run() {
  return each([]() -> StoreResult<void> { return {}; });
}

StoreResult<void> Statement::each(const std::function<StoreResult<void>()>& visit) {
  const struct Ending {
    Statement& statement;
    ~Ending() { statement.reset(); }
  } ending{*this};
  for (;;) {
    auto row = step();
    if (!row) return std::unexpected(std::move(row.error()));
    if (!*row) return {};
    if (auto visited = visit(); !visited) return visited;
  }
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}
std::string_view Statement::view(int column) const {
  const auto* data = sqlite3_column_text(statement_.get(), column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
  return data == nullptr ? std::string_view() : std::string_view(reinterpret_cast<const char*>(data), size);
}
ByteView Statement::bytes(int column) const {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_.get(), column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

StoreResult<Database> Database::open(const std::string& file) {
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(file.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database;
  database.database_.reset(handle);
  if (code != SQLITE_OK) return std::unexpected(sqlite_error(handle, code));
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  // Turning to WAL asks for the whole file once, and SQLite does not wait for it as it does for a lock.
  for (int attempt = 0;; ++attempt) {
    auto configured = database.execute(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON;");
    if (configured) return database;
    if ((sqlite3_errcode(handle) & 0xFF) != SQLITE_BUSY || attempt == kWalAttempts)
      return std::unexpected(std::move(configured.error()));
    sqlite3_sleep(kWalPauseMs);
  }
}

StoreResult<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  if (code != SQLITE_OK) return std::unexpected(sqlite_error(database_.get(), code));
  Statement statement;
  statement.statement_.reset(handle);
  return statement;
}

StoreResult<void> Database::execute(const std::string& sql) {
  const int code = sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return std::unexpected(sqlite_error(database_.get(), code));
  return {};
}

}  // namespace slipway::storage

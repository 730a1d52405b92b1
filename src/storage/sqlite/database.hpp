// SPDX-License-Identifier: Apache-2.0
// A thin cover over SQLite's C interface: prepared statements, errors as values.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <slipway/storage/store.hpp>

namespace slipway::storage {

class Database;

/// A prepared statement, reset when its use ends. Bound views must live until then.
class Statement {
 public:
  Statement() = default;

  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, std::string_view text);
  Statement& bind(int index, ByteView bytes);

  /// Runs to its end, then resets.
  [[nodiscard]] StoreResult<void> run();
  /// Calls `visit` for every row, which it reads by the accessors below; ends at its first error, then
  /// resets.
  [[nodiscard]] StoreResult<void> each(const std::function<StoreResult<void>()>& visit);

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string text(int column) const { return std::string(view(column)); }
  [[nodiscard]] std::string_view view(int column) const;  ///< until the next step
  [[nodiscard]] ByteView bytes(int column) const;         ///< until the next step

 private:
  friend class Database;
  [[nodiscard]] StoreResult<bool> step();
  void reset();
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Database {
 public:
  /// The file must exist. WAL, synchronous FULL: a commit is on disk when it returns.
  [[nodiscard]] static StoreResult<Database> open(const std::string& file);
  [[nodiscard]] StoreResult<Statement> prepare(std::string_view sql);
  [[nodiscard]] StoreResult<void> execute(const std::string& sql);
  [[nodiscard]] std::int64_t changes() const { return sqlite3_changes64(database_.get()); }
  /// False outside a transaction; SQLite ends one by itself when the disk is full or fails.
  [[nodiscard]] bool in_transaction() const { return sqlite3_get_autocommit(database_.get()) == 0; }
  [[nodiscard]] const char* file() const { return sqlite3_db_filename(database_.get(), "main"); }

 private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  std::unique_ptr<sqlite3, Close> database_;
};

/// What SQLite's code means for the caller, with its own words.
[[nodiscard]] StoreError sqlite_error(sqlite3* database, int code);

}  // namespace slipway::storage

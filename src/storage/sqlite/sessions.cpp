// SPDX-License-Identifier: Apache-2.0
// Frozen sessions in SQLite: keys sealed, each for its own place.
#include <array>
#include <cstring>

#include "columns.hpp"
#include "sqlite_store.hpp"

namespace slipway::storage {
namespace {

/// What the keys of a session are bound to: everything of the row that thawing goes by. A smaller life, above
/// all, would use nonces again.
class SessionBinding {
 public:
  explicit SessionBinding(const SessionRecord& session) {
    ByteWriter writer(numbers_);
    writer.u64(session.id);
    writer.u64(session.life);
    writer.u64(session.identity_mark);
    writer.u16(session.address.port);
    writer.u32(session.address.scope);
    writer.bytes(session.address.ip);
    parts_ = {"session", as_text(numbers_), fleet::to_string(session.role), as_text(session.identity)};
  }
  SessionBinding(const SessionBinding&) = delete;
  SessionBinding& operator=(const SessionBinding&) = delete;
  [[nodiscard]] std::span<const std::string_view> parts() const { return parts_; }

 private:
  std::array<std::uint8_t, 3 * 8 + 2 + 4 + 16> numbers_{};
  std::array<std::string_view, 4> parts_;
};

void assign(Bytes& to, ByteView from) {
  to.assign(from.begin(), from.end());
}

}  // namespace

StoreResult<std::uint64_t> SqliteStore::begin_life(UnixTime now) {
  std::int64_t life = 0;
  auto& row = sql_.begin_life;
  auto begun = row.bind(1, std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count())
                   .each([&]() -> StoreResult<void> {
                     life = row.integer(0);
                     return {};
                   });
  if (!begun) return std::unexpected(std::move(begun.error()));
  if (life <= 0)
    return std::unexpected(
        StoreError{StoreError::Kind::corrupt, std::string("database ") + database_.file() +
                                                  ": the number of its servers' starts is missing; restore "
                                                  "it from a backup"});
  return static_cast<std::uint64_t>(life);
}

StoreResult<std::uint64_t> SqliteStore::current_life() {
  std::int64_t life = 0;
  auto& row = sql_.current_life;
  auto read = row.each([&]() -> StoreResult<void> {
    life = row.integer(0);
    return {};
  });
  if (!read) return std::unexpected(std::move(read.error()));
  return static_cast<std::uint64_t>(life);
}

StoreResult<SessionKept> SqliteStore::put_session(const SessionRecord& session) {
  const auto life = current_life();
  if (!life) return std::unexpected(life.error());
  if (*life != session.life)
    return std::unexpected(StoreError{StoreError::Kind::conflict,
                                      std::string("database ") + database_.file() +
                                          ": another server has begun with it, so the sessions of this one "
                                          "are not kept; give each server a data folder of its own"});
  const auto sealed = security::seal(key_, session.frozen, SessionBinding(session).parts(), random_);
  if (!sealed)
    return std::unexpected(StoreError{
        StoreError::Kind::unavailable,
        std::string("the keys of a session could not be sealed: ") + security::to_string(sealed.error())});
  const auto address = session.address.to_string();
  auto put = sql_.put_session.bind(1, number_of(session.role))
                 .bind(2, ByteView(session.identity))
                 .bind(3, static_cast<std::int64_t>(session.id))
                 .bind(4, static_cast<std::int64_t>(session.life))
                 .bind(5, address)
                 .bind(6, static_cast<std::int64_t>(session.identity_mark))
                 .bind(7, ByteView(*sealed))
                 .run();
  if (!put) return std::unexpected(std::move(put.error()));
  return database_.changes() == 0 ? SessionKept::not_kept : SessionKept::kept;
}

StoreResult<void> SqliteStore::remove_session(std::uint64_t id) {
  return sql_.remove_session.bind(1, static_cast<std::int64_t>(id)).run();
}

StoreResult<void> SqliteStore::clear_sessions() {
  return sql_.clear_sessions.run();
}

StoreResult<void> SqliteStore::each_session(const std::function<void(const StoredSession&)>& visit) {
  StoredSession stored;  // one for all: its texts keep their memory
  auto& row = sql_.list_sessions;
  return row.each([&]() -> StoreResult<void> {
    auto& session = stored.session;
    session.id = static_cast<std::uint64_t>(row.integer(0));
    session.life = static_cast<std::uint64_t>(row.integer(1));
    const auto address = Address::parse(row.view(2));
    session.identity_mark = static_cast<std::uint64_t>(row.integer(3));
    const auto role = enum_of(row.integer(5), fleet::ServerRole::management);
    assign(session.identity, row.bytes(6));
    stored.endpoint = row.view(7);
    stored.server = ShortServerId(static_cast<std::uint16_t>(row.integer(8)));
    const auto mode = enum_of(row.integer(9), SecurityMode::est);
    session.frozen = {};
    if (address && role && mode) {
      session.address = *address;
      session.role = *role;
      stored.mode = *mode;
      auto frozen = security::unseal(key_, row.bytes(4), SessionBinding(session).parts());
      if (frozen) session.frozen = std::move(*frozen);
    }
    visit(stored);
    return {};
  });
}

StoreResult<std::uint64_t> SqliteStore::last_session() {
  std::int64_t last = 0;
  auto& row = sql_.last_session;
  auto read = row.each([&]() -> StoreResult<void> {
    last = row.integer(0);
    return {};
  });
  if (!read) return std::unexpected(std::move(read.error()));
  return static_cast<std::uint64_t>(last);
}

}  // namespace slipway::storage

// SPDX-License-Identifier: Apache-2.0
#include "sqlite_store.hpp"

#include "columns.hpp"

namespace slipway::storage {

/// The outermost one is a transaction, one inside another a savepoint. Undone when it goes without
/// `commit()`, also by an exception of the work.
class SqliteStore::Transaction {
 public:
  explicit Transaction(SqliteStore& store) : store_(store), outer_(store.depth_ == 0) {}
  ~Transaction() {
    if (!open_) return;
    --store_.depth_;
    if (outer_) {
      if (store_.database_.in_transaction()) (void)store_.sql_.rollback.run();
    } else {
      (void)store_.sql_.undo.run();
      (void)store_.sql_.release.run();
    }
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  StoreResult<void> begin() {
    if (!outer_)
      if (auto alive = check_alive(); !alive) return alive;
    auto begun = (outer_ ? store_.sql_.begin : store_.sql_.savepoint).run();
    if (!begun) return begun;
    open_ = true;
    ++store_.depth_;
    return {};
  }

  StoreResult<void> commit() {
    if (auto alive = check_alive(); !alive) return alive;
    auto done = (outer_ ? store_.sql_.commit : store_.sql_.release).run();
    if (!done) return done;
    open_ = false;
    --store_.depth_;
    return {};
  }

 private:
  /// A full or failing disk makes SQLite roll back everything at once: what came after would be
  /// written on its own, so the whole batch has failed.
  [[nodiscard]] StoreResult<void> check_alive() const {
    if (store_.database_.in_transaction()) return {};
    return std::unexpected(
        StoreError{StoreError::Kind::unavailable,
                   std::string("database ") + store_.database_.file() +
                       ": the transaction was rolled back; check the disk's space and health"});
  }

  SqliteStore& store_;
  bool outer_;
  bool open_ = false;
};

StoreResult<void> SqliteStore::batch(const std::function<StoreResult<void>()>& work) {
  Transaction transaction(*this);
  if (auto begun = transaction.begin(); !begun) return begun;
  if (auto done = work(); !done) return done;
  return transaction.commit();
}

StoreResult<void> SqliteStore::put_registration(const RegistrationRecord& record) {
  const auto enabler = record.enabler.text();
  const auto address = record.address.to_string();
  return sql_.put_registration.bind(1, record.endpoint)
      .bind(2, record.location)
      .bind(3, enabler.view())
      .bind(4, record.lifetime_s)
      .bind(5, record.binding)
      .bind(6, std::int64_t{record.queue_mode})
      .bind(7, record.sms)
      .bind(8, record.links)
      .bind(9, record.alternate_path)
      .bind(10, number_of(record.security))
      .bind(11, address)
      .bind(12, ms_of(record.registered))
      .bind(13, ms_of(record.updated))
      .bind(14, static_cast<std::int64_t>(record.session))
      .run();
}

StoreResult<void> SqliteStore::remove_registration(std::string_view endpoint) {
  return sql_.remove_registration.bind(1, endpoint).run();
}

StoreResult<void> SqliteStore::each_registration(const std::function<void(RegistrationRecord&&)>& visit) {
  auto& row = sql_.list_registrations;
  return row.each([&]() -> StoreResult<void> {
    RegistrationRecord record;
    record.endpoint = row.text(0);
    const auto enabler = Version::parse(row.text(2));
    const auto security = enum_of(row.integer(9), SecurityMode::est);
    const auto address = Address::parse(row.text(10));
    if (!enabler || !security || !address) return corrupt_row("registration", record.endpoint);
    record.location = row.text(1);
    record.enabler = *enabler;
    record.lifetime_s = row.integer(3);
    record.binding = row.text(4);
    record.queue_mode = row.integer(5) != 0;
    record.sms = row.text(6);
    record.links = row.text(7);
    record.alternate_path = row.text(8);
    record.security = *security;
    record.address = *address;
    record.registered = unix_time(row.integer(11));
    record.updated = unix_time(row.integer(12));
    record.session = static_cast<std::uint64_t>(row.integer(13));
    visit(std::move(record));
    return {};
  });
}

StoreResult<void> SqliteStore::put_observation(std::string_view endpoint, const Path& path) {
  const auto text = path.text();
  return sql_.put_observation.bind(1, endpoint).bind(2, text.view()).run();
}

StoreResult<void> SqliteStore::remove_observation(std::string_view endpoint, const Path& path) {
  const auto text = path.text();
  return sql_.remove_observation.bind(1, endpoint).bind(2, text.view()).run();
}

StoreResult<void> SqliteStore::each_observation(
    const std::function<void(std::string_view endpoint, const Path& path)>& visit) {
  auto& row = sql_.list_observations;
  return row.each([&]() -> StoreResult<void> {
    const auto path = Path::parse(row.view(1));
    if (!path) return corrupt_row("observation", row.view(0));
    visit(row.view(0), *path);
    return {};
  });
}

StoreResult<void> SqliteStore::put_journey(const JourneyRecord& journey, std::size_t kept) {
  return batch([&]() -> StoreResult<void> {
    auto put = sql_.put_journey.bind(1, journey.endpoint)
                   .bind(2, ms_of(journey.began))
                   .bind(3, journey.document)
                   .bind(4, std::int64_t{journey.stranger})
                   .run();
    if (!put) return put;
    if (journey.stranger) {
      auto trimmed = sql_.trim_strangers.bind(1, static_cast<std::int64_t>(kStrangerJourneysMax)).run();
      if (!trimmed) return trimmed;
    }
    return sql_.trim_journeys.bind(1, journey.endpoint).bind(2, static_cast<std::int64_t>(kept)).run();
  });
}

StoreResult<std::vector<JourneyRecord>> SqliteStore::journeys(std::string_view endpoint, std::size_t limit) {
  std::vector<JourneyRecord> all;
  auto& row = sql_.list_journeys;
  auto read =
      row.bind(1, endpoint).bind(2, static_cast<std::int64_t>(limit)).each([&]() -> StoreResult<void> {
        all.push_back(
            {.endpoint = std::string(endpoint), .began = unix_time(row.integer(0)), .document = row.text(1)});
        return {};
      });
  if (!read) return std::unexpected(std::move(read.error()));
  return all;
}

StoreResult<void> SqliteStore::put_failures(std::span<const FailureRecord> failures, FailuresKept kept) {
  return batch([&]() -> StoreResult<void> {
    for (const auto& failure : failures) {
      auto put = sql_.put_failure.bind(1, failure.key)
                     .bind(2, std::int64_t{failure.stranger})
                     .bind(3, ms_of(failure.last))
                     .bind(4, failure.document)
                     .run();
      if (!put) return put;
    }
    for (const std::int64_t stranger : {0, 1}) {
      const auto limit = stranger == 0 ? kept.of_devices : kept.of_strangers;
      auto trimmed = sql_.trim_failures.bind(1, stranger).bind(2, static_cast<std::int64_t>(limit)).run();
      if (!trimmed) return trimmed;
    }
    return {};
  });
}

StoreResult<void> SqliteStore::each_failure(const std::function<void(FailureRecord&&)>& visit) {
  auto& row = sql_.list_failures;
  return row.each([&]() -> StoreResult<void> {
    visit({.key = row.text(0),
           .stranger = row.integer(1) != 0,
           .last = unix_time(row.integer(2)),
           .document = row.text(3)});
    return {};
  });
}

}  // namespace slipway::storage

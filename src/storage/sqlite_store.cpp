// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <openssl/sha.h>

#include <slipway/security/sealing.hpp>
#include <slipway/storage/sqlite.hpp>

#include "database.hpp"
#include "migrations.hpp"

namespace slipway::storage {
namespace {

using fleet::Credential;
using fleet::CredentialState;
using fleet::ServerRole;

/// The statements that run for every device, prepared once.
struct Statements {
  Statement begin, commit, rollback, savepoint, release, undo;
  Statement put_credential, trim_issued, find_credential, prove, retire_older, revoke, list_credentials;
  Statement put_registration, remove_registration, list_registrations;
  Statement put_journey, trim_journeys, list_journeys;
};

constexpr std::string_view kCredentialColumns = "endpoint, role, server, mode, state, identity, sealed_key, created";

std::int64_t number_of(auto enumerator) { return static_cast<std::int64_t>(enumerator); }

std::string fingerprint(ByteView identity) {
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest;
  SHA256(identity.data(), identity.size(), digest.data());
  return to_hex(ByteView(digest).first(4));
}

UnixTime unix_time(std::int64_t ms) { return UnixTime(milliseconds(ms)); }
std::int64_t ms_of(UnixTime time) { return time.time_since_epoch().count(); }

class SqliteStore final : public Store {
 public:
  SqliteStore(Database database, security::SealingKey key, Random& random)
      : database_(std::move(database)), key_(std::move(key)), random_(random) {}

  StoreResult<void> prepare() {
    const std::pair<Statement*, std::string> all[] = {
        {&sql_.begin, "BEGIN IMMEDIATE"},
        {&sql_.commit, "COMMIT"},
        {&sql_.rollback, "ROLLBACK"},
        {&sql_.savepoint, "SAVEPOINT job"},
        {&sql_.release, "RELEASE job"},
        {&sql_.undo, "ROLLBACK TO job"},
        {&sql_.put_credential, "INSERT INTO credential (" + std::string(kCredentialColumns) +
                                   ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
        {&sql_.trim_issued,
         "DELETE FROM credential WHERE id IN (SELECT id FROM credential WHERE endpoint = ?1 AND role = ?2 AND "
         "server = ?3 AND state = 0 ORDER BY id DESC LIMIT -1 OFFSET ?4)"},
        {&sql_.find_credential, "SELECT " + std::string(kCredentialColumns) +
                                    " FROM credential WHERE role = ?1 AND identity = ?2 AND state <> 2"},
        {&sql_.prove, "UPDATE credential SET state = 1 WHERE role = ?1 AND identity = ?2 AND state = 0"},
        {&sql_.retire_older,
         "UPDATE credential SET state = 2 WHERE state <> 2 AND (endpoint, role, server) = (SELECT endpoint, role, "
         "server FROM credential WHERE role = ?1 AND identity = ?2) AND id < (SELECT id FROM credential WHERE role "
         "= ?1 AND identity = ?2)"},
        {&sql_.revoke, "UPDATE credential SET state = 2 WHERE endpoint = ?1 AND role = ?2 AND state <> 2"},
        {&sql_.list_credentials,
         "SELECT role, server, mode, state, identity, created FROM credential WHERE endpoint = ?1 ORDER BY id"},
        {&sql_.put_registration,
         "INSERT OR REPLACE INTO registration VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"},
        {&sql_.remove_registration, "DELETE FROM registration WHERE endpoint = ?1"},
        {&sql_.list_registrations, "SELECT * FROM registration ORDER BY endpoint"},
        {&sql_.put_journey, "INSERT INTO journey (endpoint, began, document) VALUES (?1, ?2, ?3)"},
        {&sql_.trim_journeys,
         "DELETE FROM journey WHERE id IN (SELECT id FROM journey WHERE endpoint = ?1 ORDER BY id DESC LIMIT -1 "
         "OFFSET ?2)"},
        {&sql_.list_journeys, "SELECT began, document FROM journey WHERE endpoint = ?1 ORDER BY id DESC LIMIT ?2"},
    };
    for (const auto& [statement, text] : all) {
      auto prepared = database_.prepare(text);
      if (!prepared) return std::unexpected(std::move(prepared.error()));
      *statement = std::move(*prepared);
    }
    return {};
  }

  /// The outermost batch is a transaction, one inside another a savepoint.
  StoreResult<void> batch(const std::function<StoreResult<void>()>& work) override {
    const bool outer = depth_ == 0;
    if (auto begun = (outer ? sql_.begin : sql_.savepoint).run(); !begun) return begun;
    ++depth_;
    auto done = work();
    --depth_;
    if (done) done = (outer ? sql_.commit : sql_.release).run();
    if (done) return done;
    if (outer) {
      (void)sql_.rollback.run();
    } else {
      (void)sql_.undo.run();
      (void)sql_.release.run();
    }
    return done;
  }

  StoreResult<void> put_credentials(std::span<const Credential> credentials) override {
    return batch([&]() -> StoreResult<void> {
      for (const auto& credential : credentials)
        if (auto put = put_credential(credential); !put) return put;
      return {};
    });
  }

  StoreResult<std::optional<Credential>> find_credential(ServerRole role, ByteView identity) override {
    auto& find = sql_.find_credential;
    find.bind(1, number_of(role)).bind(2, identity);
    const auto row = find.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) {
      find.reset();
      return std::nullopt;
    }
    Credential credential;
    credential.endpoint = find.text(0);
    credential.role = role;
    credential.server = ShortServerId(static_cast<std::uint16_t>(find.integer(2)));
    credential.mode = static_cast<SecurityMode>(find.integer(3));
    credential.state = static_cast<CredentialState>(find.integer(4));
    credential.identity.assign(identity.begin(), identity.end());
    credential.created = unix_time(find.integer(7));
    auto key = security::unseal(key_, find.bytes(6), binding(credential).parts());
    find.reset();
    if (!key)
      return std::unexpected(StoreError{StoreError::Kind::corrupt,
                                        "the stored key of " + credential.endpoint + " does not unseal (" +
                                            security::to_string(key.error()) +
                                            "); is seal.key the one this database was made with?"});
    credential.key = std::move(*key);
    return credential;
  }

  StoreResult<void> prove_credential(ServerRole role, ByteView identity) override {
    return batch([&]() -> StoreResult<void> {
      if (auto proved = sql_.prove.bind(1, number_of(role)).bind(2, identity).run(); !proved) return proved;
      return sql_.retire_older.bind(1, number_of(role)).bind(2, identity).run();
    });
  }

  StoreResult<std::size_t> revoke_credentials(std::string_view endpoint, ServerRole role) override {
    if (auto revoked = sql_.revoke.bind(1, endpoint).bind(2, number_of(role)).run(); !revoked)
      return std::unexpected(std::move(revoked.error()));
    return static_cast<std::size_t>(database_.changes());
  }

  StoreResult<std::vector<CredentialInfo>> credentials(std::string_view endpoint) override {
    std::vector<CredentialInfo> all;
    auto& list = sql_.list_credentials;
    list.bind(1, endpoint);
    for (;;) {
      const auto row = list.step();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      all.push_back({.role = static_cast<ServerRole>(list.integer(0)),
                     .server = ShortServerId(static_cast<std::uint16_t>(list.integer(1))),
                     .mode = static_cast<SecurityMode>(list.integer(2)),
                     .state = static_cast<CredentialState>(list.integer(3)),
                     .identity_fingerprint = fingerprint(list.bytes(4)),
                     .created = unix_time(list.integer(5))});
    }
    list.reset();
    return all;
  }

  StoreResult<void> put_registration(const RegistrationRecord& record) override {
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
        .run();
  }

  StoreResult<void> remove_registration(std::string_view endpoint) override {
    return sql_.remove_registration.bind(1, endpoint).run();
  }

  StoreResult<void> each_registration(const std::function<void(RegistrationRecord&&)>& visit) override {
    auto& list = sql_.list_registrations;
    for (;;) {
      const auto row = list.step();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      RegistrationRecord record;
      record.endpoint = list.text(0);
      record.location = list.text(1);
      record.enabler = Version::parse(list.text(2)).value_or(Version{});
      record.lifetime_s = list.integer(3);
      record.binding = list.text(4);
      record.queue_mode = list.integer(5) != 0;
      record.sms = list.text(6);
      record.links = list.text(7);
      record.alternate_path = list.text(8);
      record.security = static_cast<SecurityMode>(list.integer(9));
      record.address = Address::parse(list.text(10)).value_or(Address{});
      record.registered = unix_time(list.integer(11));
      record.updated = unix_time(list.integer(12));
      visit(std::move(record));
    }
    list.reset();
    return {};
  }

  StoreResult<void> put_journey(const JourneyRecord& journey, std::size_t kept) override {
    return batch([&]() -> StoreResult<void> {
      if (auto put = sql_.put_journey.bind(1, journey.endpoint)
                         .bind(2, ms_of(journey.began))
                         .bind(3, journey.document)
                         .run();
          !put)
        return put;
      return sql_.trim_journeys.bind(1, journey.endpoint).bind(2, static_cast<std::int64_t>(kept)).run();
    });
  }

  StoreResult<std::vector<JourneyRecord>> journeys(std::string_view endpoint, std::size_t limit) override {
    std::vector<JourneyRecord> all;
    auto& list = sql_.list_journeys;
    list.bind(1, endpoint).bind(2, static_cast<std::int64_t>(limit));
    for (;;) {
      const auto row = list.step();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      all.push_back({.endpoint = std::string(endpoint), .began = unix_time(list.integer(0)), .document = list.text(1)});
    }
    list.reset();
    return all;
  }

 private:
  /// A sealed key opens only as what it was sealed for: rows cannot be swapped.
  struct Binding {
    std::string endpoint, role, server, identity;
    std::array<std::string_view, 5> views;
    std::span<const std::string_view> parts() {
      views = {"credential", endpoint, role, server, identity};
      return views;
    }
  };
  static Binding binding(const Credential& credential) {
    return {credential.endpoint, fleet::to_string(credential.role), std::to_string(credential.server.value()),
            to_hex(credential.identity), {}};
  }

  StoreResult<void> put_credential(const Credential& credential) {
    const auto sealed = security::seal(key_, credential.key, binding(credential).parts(), random_);
    if (!sealed)
      return std::unexpected(StoreError{StoreError::Kind::unavailable,
                                        std::string("a key could not be sealed: ") + security::to_string(sealed.error())});
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
        put.error().what = "the identity with fingerprint " + fingerprint(credential.identity) + " belongs to another " +
                           fleet::to_string(credential.role) + " credential; give each device its own";
      return put;
    }
    return sql_.trim_issued.bind(1, credential.endpoint)
        .bind(2, number_of(credential.role))
        .bind(3, std::int64_t{credential.server.value()})
        .bind(4, static_cast<std::int64_t>(kIssuedMax))
        .run();
  }

  Database database_;
  security::SealingKey key_;
  Random& random_;
  Statements sql_;
  int depth_ = 0;
};

}  // namespace

StoreResult<std::unique_ptr<Store>> open_sqlite(const std::string& directory, Random& key_random) {
  const auto unavailable = [](std::string what) {
    return std::unexpected(StoreError{StoreError::Kind::unavailable, std::move(what)});
  };
  // The database holds sealed keys and device names: nobody else's business.
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    return unavailable("the data folder " + directory + " cannot be made: " + std::strerror(errno) +
                       "; choose another with --data");
  auto key = security::SealingKey::load_or_create(directory + "/seal.key", key_random);
  if (!key) return unavailable(std::move(key.error()));
  const auto old_mask = ::umask(0077);
  auto database = Database::open(directory + "/slipway.db");
  ::umask(old_mask);
  if (!database) return std::unexpected(std::move(database.error()));
  if (auto migrated = migrate(*database); !migrated) return std::unexpected(std::move(migrated.error()));
  auto store = std::make_unique<SqliteStore>(std::move(*database), std::move(*key), key_random);
  if (auto prepared = store->prepare(); !prepared) return std::unexpected(std::move(prepared.error()));
  return store;
}

}  // namespace slipway::storage

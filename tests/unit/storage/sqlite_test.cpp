// SPDX-License-Identifier: Apache-2.0
// What only SQLite can get wrong: files, rights, schema versions. The port's own suite is
// tests/conformance/store.
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <slipway/storage/sqlite.hpp>

#include "storage/sqlite/migrations.hpp"
#include "support/temporary_folder.hpp"

namespace slipway::storage {
namespace {

using fleet::Credential;
using fleet::ServerRole;
using testing::read_file;
using testing::TemporaryFolder;
using testing::write_file;

Credential credential(std::string_view endpoint, std::string_view identity, ByteView key) {
  Credential out;
  out.endpoint = endpoint;
  out.role = ServerRole::management;
  out.server = ShortServerId(101);
  out.identity.assign(identity.begin(), identity.end());
  out.key = Secret(key);
  return out;
}

std::string base64(ByteView bytes) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i + 2 < bytes.size(); i += 3) {
    const unsigned three = unsigned{bytes[i]} << 16 | unsigned{bytes[i + 1]} << 8 | bytes[i + 2];
    for (int shift = 18; shift >= 0; shift -= 6) out += kAlphabet[three >> shift & 63];
  }
  return out;
}

class SqliteFiles : public ::testing::Test {
 protected:
  StoreResult<std::unique_ptr<Store>> open() { return open_sqlite(folder_.path().string(), random_); }
  StoreError refusal() {
    const auto opened = open();
    EXPECT_FALSE(opened);
    return opened ? StoreError{} : opened.error();
  }
  static bool says(const StoreError& error, std::string_view text) {
    return error.what.find(text) != std::string::npos;
  }

  /// Changes the database behind the store's back.
  void run(const std::string& sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(folder_.file("slipway.db").c_str(), &database), SQLITE_OK);
    char* message = nullptr;
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK) << message;
    sqlite3_close(database);
  }
  std::string everything_on_disk() {
    std::string all;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
      if (entry.path().filename() != "seal.key") all += read_file(entry.path());
    return all;
  }

  TemporaryFolder folder_;
  SeededRandom random_{1};
};

TEST_F(SqliteFiles, AreForTheirOwnerOnly) {
  const auto store = open();
  ASSERT_TRUE(store);
  const auto one = credential("dev", "id", as_bytes("0123456789abcdef"));
  ASSERT_TRUE((*store)->put_credentials({&one, 1}));
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    struct stat status{};
    ASSERT_EQ(::stat(entry.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u) << entry.path();
  }
}

TEST_F(SqliteFiles, HoldNoKeyInAnyForm) {
  Bytes key(24);
  random_.fill(key);
  const auto hold_it = [&] {
    const auto disk = everything_on_disk();
    const auto hex = to_hex(key);
    std::string upper = hex;
    for (auto& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    for (const auto& form : {std::string(as_text(key)), hex, upper, base64(key),
                             base64(ByteView(key).subspan(1)), base64(ByteView(key).subspan(2))})
      if (disk.find(form) != std::string::npos) return true;
    return false;
  };
  {
    const auto store = open();
    const auto one = credential("dev", "id", key);
    ASSERT_TRUE((*store)->put_credentials({&one, 1}));
    EXPECT_NE(everything_on_disk().find("dev"), std::string::npos) << "the sweep reads the log too";
    EXPECT_FALSE(hold_it()) << "while it is open, with its log";
    ASSERT_TRUE((*store)->revoke_credentials("dev", ServerRole::management));
    EXPECT_FALSE(hold_it());
  }
  EXPECT_FALSE(hold_it()) << "after it was closed";
  write_file(folder_.file("canary"), as_text(key));
  EXPECT_TRUE(hold_it()) << "the sweep finds what is there";
}

TEST_F(SqliteFiles, ARetiredKeyIsErasedAlsoInItsSealedForm) {
  const auto store = open();
  const auto one = credential("dev", "id", as_bytes("0123456789abcdef"));
  ASSERT_TRUE((*store)->put_credentials({&one, 1}));
  ASSERT_TRUE((*store)->revoke_credentials("dev", ServerRole::management));
  run("CREATE TABLE proof (erased INTEGER CHECK (erased));"
      "INSERT INTO proof SELECT length(sealed_key) = 0 FROM credential;");
}

TEST_F(SqliteFiles, SwappedKeysDoNotOpen) {
  const auto store = open();
  Credential both[] = {credential("one", "id1", as_bytes("0123456789abcdef")),
                       credential("two", "id2", as_bytes("fedcba9876543210"))};
  ASSERT_TRUE((*store)->put_credentials(both));
  run("CREATE TEMP TABLE k AS SELECT id, sealed_key FROM credential;"
      "UPDATE credential SET sealed_key = (SELECT k.sealed_key FROM k WHERE k.id <> credential.id);");
  const auto found = (*store)->find_credential(ServerRole::management, as_bytes("id1"));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, StoreError::Kind::corrupt);
  EXPECT_TRUE(says(found.error(), "one")) << found.error().what;
  EXPECT_TRUE(says(found.error(), "restore")) << found.error().what;
}

/// Another row is read for an identity that has none; whatever is in it, there is no such credential.
TEST_F(SqliteFiles, AnIdentityOfNobodyIsUnknownWhateverOtherRowsHold) {
  const auto store = open();
  const auto expect_unknown = [&](const char* when) {
    for (int guess = 0; guess < 8; ++guess) {
      const auto name = std::to_string(guess);
      for (const auto role : {ServerRole::bootstrap, ServerRole::management}) {
        const auto found = (*store)->find_credential(role, as_bytes(name));
        EXPECT_TRUE(found && !*found) << when;
        const auto owner = (*store)->find_owner(role, as_bytes(name));
        EXPECT_TRUE(owner && !*owner) << when;
      }
    }
  };
  expect_unknown("nothing is there");
  Credential three[] = {credential("a", "id1", as_bytes("0123456789abcdef")),
                        credential("b", "id2", as_bytes("fedcba9876543210")),
                        credential("c", "id3", as_bytes("fedcba9876543210"))};
  ASSERT_TRUE((*store)->put_credentials(three));
  expect_unknown("others are there");
  run("DELETE FROM credential WHERE id = 2");
  expect_unknown("one of them went");
  run("UPDATE credential SET sealed_key = x'01'");
  expect_unknown("others do not unseal");
  run("UPDATE credential SET mode = 77, state = 77");
  expect_unknown("others cannot be read");
}

TEST_F(SqliteFiles, RowsThatCannotBeAreCorrupt) {
  const auto store = open();
  const auto one = credential("dev", "id", as_bytes("0123456789abcdef"));
  ASSERT_TRUE((*store)->put_credentials({&one, 1}));
  ASSERT_TRUE((*store)->put_registration({.endpoint = "dev"}));
  run("UPDATE credential SET mode = 77; UPDATE registration SET address = 'nowhere';");
  EXPECT_EQ((*store)->find_credential(ServerRole::management, as_bytes("id")).error().kind,
            StoreError::Kind::corrupt);
  EXPECT_EQ((*store)->credentials("dev").error().kind, StoreError::Kind::corrupt);
  const auto read = (*store)->each_registration([](RegistrationRecord&&) { ADD_FAILURE(); });
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, StoreError::Kind::corrupt);
}

TEST_F(SqliteFiles, AnotherSealingKeyIsNoticedAtTheStart) {
  ASSERT_TRUE(open());
  Bytes other(32, 7);
  write_file(folder_.file("seal.key"), as_text(other));
  const auto error = refusal();
  EXPECT_EQ(error.kind, StoreError::Kind::corrupt);
  EXPECT_TRUE(says(error, folder_.file("seal.key"))) << error.what;
  EXPECT_TRUE(says(error, "put the right one back")) << error.what;
}

TEST_F(SqliteFiles, AMissingSealingKeyIsNotMadeAnew) {
  ASSERT_TRUE(open());
  std::filesystem::remove(folder_.file("seal.key"));
  const auto error = refusal();
  EXPECT_EQ(error.kind, StoreError::Kind::corrupt);
  EXPECT_TRUE(says(error, "is missing")) << error.what;
  EXPECT_FALSE(std::filesystem::exists(folder_.file("seal.key")));
}

TEST_F(SqliteFiles, ASealingKeyThatOthersMayReadIsRefused) {
  ASSERT_TRUE(open());
  ::chmod(folder_.file("seal.key").c_str(), 0644);
  EXPECT_TRUE(says(refusal(), "chmod 600")) << refusal().what;
}

TEST_F(SqliteFiles, HoldNoPrivateKeyOfADeviceNotEvenSealed) {
  const auto store = open();
  auto one = credential("dev", std::string(32, 'h'), as_bytes("a private key, in PKCS#8"));
  one.mode = SecurityMode::rpk;
  one.public_part = {0x30, 0x59};
  ASSERT_TRUE((*store)->put_credentials({&one, 1}));
  run("CREATE TABLE proof (absent INTEGER CHECK (absent));"
      "INSERT INTO proof SELECT length(sealed_key) = 0 AND hex(public_part) = '3059' FROM credential;");
  EXPECT_EQ(everything_on_disk().find("a private key"), std::string::npos);
}

/// Databases of every version that was ever released, with what they could hold.
TEST_F(SqliteFiles, OldDatabasesAreBroughtUpWithAllTheyHold) {
  {  // Sealed by today's program, then laid out as schema 1 was.
    const auto store = open();
    const auto one = credential("dev", "id", as_bytes("0123456789abcdef"));
    ASSERT_TRUE((*store)->put_credentials({&one, 1}));
  }
  run("ALTER TABLE credential RENAME TO c; ALTER TABLE sealing RENAME TO s;"
      "DROP INDEX credential_by_endpoint; DROP TABLE registration; DROP TABLE journey; DROP TABLE session;"
      "DROP TABLE life; DROP TABLE observation; DROP TABLE failure;");
  run(kMigrations[0]);
  run("INSERT INTO credential SELECT id, endpoint, role, server, mode, state, identity, sealed_key, created "
      "FROM c;"
      "INSERT INTO sealing SELECT key_id FROM s; DROP TABLE c; DROP TABLE s;"
      "INSERT INTO journey (endpoint, began, document) VALUES ('dev', 5, 'old'); PRAGMA user_version = 1;");
  const auto store = open();
  ASSERT_TRUE(store) << store.error().what;
  const auto found = (*store)->find_credential(ServerRole::management, as_bytes("id"));
  ASSERT_TRUE(found && *found);
  EXPECT_TRUE((*found)->key.same_as(Secret(as_bytes("0123456789abcdef"))));
  EXPECT_TRUE((*found)->public_part.empty());
  EXPECT_EQ((*store)->journeys("dev", 9)->size(), 1u);
}

class SqliteSessions : public SqliteFiles {
 protected:
  /// A store with one session, closed again.
  void keep_one() {
    const auto store = open();
    const auto one = credential("dev", "id", as_bytes("0123456789abcdef"));
    ASSERT_TRUE((*store)->put_credentials({&one, 1}));
    const auto life = (*store)->begin_life(UnixTime(seconds(1'764'000'000)));
    ASSERT_EQ((*store)->put_session({.id = 1,
                                     .role = ServerRole::management,
                                     .identity = one.identity,
                                     .address = Address::v4(192, 0, 2, 1, 1),
                                     .identity_mark = 5,
                                     .life = *life,
                                     .frozen = Secret(as_bytes(kSecret))}),
              SessionKept::kept);
  }
  /// Whether the one session opens; nothing when there is none.
  std::optional<bool> opens() {
    std::optional<bool> found;
    const auto store = open();
    const auto read =
        (*store)->each_session([&](const StoredSession& stored) { found = !stored.session.frozen.empty(); });
    EXPECT_TRUE(read) << "a damaged row is never fatal: " << read.error().what;
    return found;
  }
  static constexpr std::string_view kSecret = "keys-of-a-session-that-nobody-may-read";
};

TEST_F(SqliteSessions, HoldNoKeyInAnyForm) {
  keep_one();
  const auto all = everything_on_disk();
  EXPECT_EQ(all.find(kSecret), std::string::npos);
  EXPECT_EQ(all.find(kSecret.substr(0, 8)), std::string::npos);
  EXPECT_EQ(all.find(base64(as_bytes(kSecret)).substr(0, 12)), std::string::npos);
}

TEST_F(SqliteSessions, WhoseRowsWereChangedDoNotOpen) {
  keep_one();
  EXPECT_EQ(opens(), true);
  // Above all a smaller life, with which nonces would come again.
  for (const auto* change : {"life = life - 1", "id = 2", "address = '192.0.2.1:2'", "address = 'nowhere'",
                             "mark = 6", "sealed = x''", "sealed = zeroblob(100)"}) {
    run("CREATE TABLE copy AS SELECT * FROM session;");
    run(std::string("UPDATE session SET ") + change);
    EXPECT_EQ(opens(), false) << change;
    run("DELETE FROM session; INSERT INTO session SELECT * FROM copy; DROP TABLE copy;");
    EXPECT_EQ(opens(), true) << change;
  }
}

TEST_F(SqliteSessions, ThatWereSwappedDoNotOpen) {
  keep_one();
  {
    const auto store = open();
    const auto other = credential("other", "other", as_bytes("0123456789abcdef"));
    ASSERT_TRUE((*store)->put_credentials({&other, 1}));
  }
  run("UPDATE session SET credential = (SELECT id FROM credential WHERE endpoint = 'other')");
  EXPECT_EQ(opens(), false);
}

/// Though the trigger were gone: what is retired is not thawed.
TEST_F(SqliteSessions, OfRetiredCredentialsAreNotEvenRead) {
  keep_one();
  run("DROP TRIGGER session_of_retired; UPDATE credential SET state = 2");
  EXPECT_EQ(opens(), std::nullopt);
}

TEST_F(SqliteFiles, ANewerSchemaIsRefused) {
  ASSERT_TRUE(open());
  run("PRAGMA user_version = 999");
  const auto error = refusal();
  EXPECT_EQ(error.kind, StoreError::Kind::too_new);
  EXPECT_TRUE(says(error, "schema 999")) << error.what;
  EXPECT_TRUE(says(error, folder_.file("slipway.db"))) << error.what;
  EXPECT_TRUE(says(error, "use the newer program")) << error.what;
}

TEST_F(SqliteFiles, ASchemaVersionThatNobodyWritesIsCorrupt) {
  ASSERT_TRUE(open());
  run("PRAGMA user_version = -1");
  EXPECT_EQ(refusal().kind, StoreError::Kind::corrupt);
}

TEST_F(SqliteFiles, AnEmptyDatabaseIsBroughtToTheNewestSchema) {
  ASSERT_TRUE(open());
  std::filesystem::remove(folder_.file("slipway.db"));
  write_file(folder_.file("slipway.db"), "");
  const auto store = open();
  ASSERT_TRUE(store) << store.error().what;
  const auto one = credential("dev", "id", as_bytes("0123456789abcdef"));
  EXPECT_TRUE((*store)->put_credentials({&one, 1}));
}

TEST_F(SqliteFiles, AFileThatIsNoDatabaseIsNotTouched) {
  ASSERT_TRUE(open());
  const std::string rubbish(8192, 'x');
  write_file(folder_.file("slipway.db"), rubbish);
  const auto error = refusal();
  EXPECT_EQ(error.kind, StoreError::Kind::corrupt);
  EXPECT_TRUE(says(error, "restore it from a backup")) << error.what;
  EXPECT_EQ(read_file(folder_.file("slipway.db")), rubbish);
}

TEST_F(SqliteFiles, AFolderThatCannotBeMadeIsNamed) {
  const auto opened = open_sqlite(folder_.file("a/b"), random_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, StoreError::Kind::unavailable);
  EXPECT_TRUE(says(opened.error(), folder_.file("a/b"))) << opened.error().what;
  EXPECT_TRUE(says(opened.error(), "--data")) << opened.error().what;
}

TEST_F(SqliteFiles, AFileInPlaceOfTheFolderIsNamed) {
  write_file(folder_.file("data"), "");
  const auto opened = open_sqlite(folder_.file("data"), random_);
  ASSERT_FALSE(opened);
  EXPECT_TRUE(says(opened.error(), "is not a folder")) << opened.error().what;
}

TEST_F(SqliteFiles, AFolderWithoutRightsIsNamed) {
  if (::geteuid() == 0) GTEST_SKIP() << "nothing is forbidden to root";
  std::filesystem::permissions(folder_.path(),
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  const auto error = refusal();
  EXPECT_EQ(error.kind, StoreError::Kind::unavailable);
  EXPECT_TRUE(says(error, folder_.path().string())) << error.what;
}

TEST_F(SqliteFiles, ATransactionThatTheDiskEndedFailsAsAWhole) {
  auto store = open();
  ASSERT_TRUE(store);
  ASSERT_TRUE((*store)->put_journey({.endpoint = "dev", .document = "before"}, 10));
  // A trigger that rolls everything back stands for a disk that is full.
  run("CREATE TRIGGER full BEFORE INSERT ON registration BEGIN SELECT RAISE(ROLLBACK, 'disk full'); END;");
  bool ran_after = false;
  const auto done = (*store)->batch([&]() -> StoreResult<void> {
    EXPECT_TRUE((*store)->put_journey({.endpoint = "dev", .document = "first"}, 10));
    EXPECT_FALSE((*store)->batch([&] { return (*store)->put_registration({.endpoint = "dev"}); }));
    EXPECT_FALSE((*store)->batch([&]() -> StoreResult<void> {
      ran_after = true;
      return (*store)->put_journey({.endpoint = "dev", .document = "after"}, 10);
    }));
    return {};
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, StoreError::Kind::unavailable);
  EXPECT_FALSE(ran_after) << "it would have been committed on its own";
  const auto journeys = (*store)->journeys("dev", 10);
  ASSERT_EQ(journeys->size(), 1u);
  EXPECT_EQ((*journeys)[0].document, "before");
  EXPECT_TRUE((*store)->put_journey({.endpoint = "dev", .document = "later"}, 10)) << "the store works on";
}

}  // namespace
}  // namespace slipway::storage

// SPDX-License-Identifier: Apache-2.0
// The schema, as the list of steps that lead to it. A step that was released is never edited: add one.
#pragma once

#include <array>

#include "database.hpp"

namespace slipway::storage {

/// kMigrations[n] leads from schema version n to n + 1 (SQLite's user_version).
inline constexpr std::array kMigrations{
    R"sql(
CREATE TABLE credential (
  id          INTEGER PRIMARY KEY,            -- rises with age: newest last
  endpoint    TEXT    NOT NULL,
  role        INTEGER NOT NULL,               -- fleet::ServerRole
  server      INTEGER NOT NULL,               -- short server id, 0 for the bootstrap server
  mode        INTEGER NOT NULL,               -- SecurityMode
  state       INTEGER NOT NULL,               -- fleet::CredentialState
  identity    BLOB    NOT NULL,
  sealed_key  BLOB    NOT NULL,               -- security/sealing.hpp; empty once retired
  created     INTEGER NOT NULL,               -- milliseconds since 1970
  UNIQUE (role, identity)
);
CREATE INDEX credential_by_endpoint ON credential (endpoint, role, server);

CREATE TABLE registration (
  endpoint       TEXT PRIMARY KEY,
  location       TEXT    NOT NULL,
  enabler        TEXT    NOT NULL,
  lifetime       INTEGER NOT NULL,            -- seconds, 0 for ever
  binding        TEXT    NOT NULL,
  queue_mode     INTEGER NOT NULL,
  sms            TEXT    NOT NULL,
  links          TEXT    NOT NULL,
  alternate_path TEXT    NOT NULL,
  security       INTEGER NOT NULL,
  address        TEXT    NOT NULL,
  registered     INTEGER NOT NULL,
  updated        INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE journey (
  id       INTEGER PRIMARY KEY,
  endpoint TEXT    NOT NULL,
  began    INTEGER NOT NULL,
  document TEXT    NOT NULL
);
CREATE INDEX journey_by_endpoint ON journey (endpoint, id);

CREATE TABLE sealing (
  key_id INTEGER NOT NULL                     -- SealingKey::id() of the only key in use
);
)sql",
    // RPK and X.509 are kept by their public part; strangers' journeys are bounded together.
    R"sql(
ALTER TABLE credential ADD COLUMN public_part BLOB NOT NULL DEFAULT x'';
ALTER TABLE journey ADD COLUMN stranger INTEGER NOT NULL DEFAULT 0;
CREATE INDEX journey_of_strangers ON journey (id) WHERE stranger = 1;
)sql",
    // Secure sessions outlive their server. What retires a credential takes its session along, in one
    // transaction.
    R"sql(
CREATE TABLE session (
  credential INTEGER PRIMARY KEY REFERENCES credential (id) ON DELETE CASCADE,
  id         INTEGER NOT NULL UNIQUE,         -- rises with age: the newest of a credential is kept
  life       INTEGER NOT NULL,                -- of the server that froze it
  address    TEXT    NOT NULL,
  mark       INTEGER NOT NULL,                -- FrozenSession::identity_mark
  sealed     BLOB    NOT NULL                 -- security/sealing.hpp
);
CREATE TRIGGER session_of_retired AFTER UPDATE OF state ON credential WHEN NEW.state = 2 BEGIN
  DELETE FROM session WHERE credential = NEW.id;
END;
CREATE TABLE life (
  number INTEGER NOT NULL                     -- of the server that began last
);
INSERT INTO life (number) VALUES (0);
ALTER TABLE registration ADD COLUMN session INTEGER NOT NULL DEFAULT 0;
)sql",
    // So do observations.
    R"sql(
CREATE TABLE observation (
  endpoint TEXT NOT NULL,
  path     TEXT NOT NULL,
  PRIMARY KEY (endpoint, path)
) WITHOUT ROWID;
)sql",
    // And what a person asks for after a restart: why devices were refused.
    R"sql(
CREATE TABLE failure (
  key      TEXT PRIMARY KEY,                  -- of node/failure_log: equal failures are one
  stranger INTEGER NOT NULL,
  last     INTEGER NOT NULL,                  -- milliseconds since 1970
  document TEXT    NOT NULL
) WITHOUT ROWID;
CREATE INDEX failure_by_age ON failure (stranger, last);
)sql",
};

/// Brings a database to the newest schema, one transaction a step. Errors: too_new, corrupt.
[[nodiscard]] StoreResult<void> migrate(Database& database);

}  // namespace slipway::storage

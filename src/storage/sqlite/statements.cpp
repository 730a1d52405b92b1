// SPDX-License-Identifier: Apache-2.0
#include "statements.hpp"

#include <utility>

namespace slipway::storage {

// The numbers of states are fleet::CredentialState's: 0 issued, 1 proven, 2 retired.
StoreResult<Statements> Statements::prepare(Database& database) {
  Statements sql;
  const std::pair<Statement*, std::string_view> all[] = {
      {&sql.begin, "BEGIN IMMEDIATE"},
      {&sql.commit, "COMMIT"},
      {&sql.rollback, "ROLLBACK"},
      {&sql.savepoint, "SAVEPOINT job"},
      {&sql.release, "RELEASE job"},
      {&sql.undo, "ROLLBACK TO job"},

      {&sql.put_credential,
       "INSERT INTO credential (endpoint, role, server, mode, state, identity, sealed_key, created,"
       " public_part) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"},
      {&sql.trim_issued,
       "DELETE FROM credential WHERE id IN (SELECT id FROM credential WHERE endpoint = ?1 AND role = ?2"
       " AND server = ?3 AND state = 0 AND id > (SELECT MIN(id) FROM credential WHERE endpoint = ?1"
       " AND role = ?2 AND server = ?3 AND state <> 2) ORDER BY id DESC LIMIT -1 OFFSET ?4)"},
      {&sql.trim_retired,
       "DELETE FROM credential WHERE id IN (SELECT id FROM credential WHERE endpoint = ?1 AND role = ?2"
       " AND server = ?3 AND state = 2 ORDER BY id DESC LIMIT -1 OFFSET ?4)"},
      // Of an identity that has none, the row of another one. [SqliteStore::row_for]
      {&sql.find_credential,
       "SELECT endpoint, server, mode, state, sealed_key, created, public_part, role, identity"
       " FROM credential WHERE id >= COALESCE("
       "(SELECT id FROM credential WHERE role = ?1 AND identity = ?2),"
       " 1 + ?3 % (SELECT MAX(id) FROM credential)) ORDER BY id LIMIT 1"},
      {&sql.prove,
       "UPDATE credential SET state = 1 WHERE role = ?1 AND identity = ?2 AND state <> 2"
       " RETURNING id, endpoint, server"},
      {&sql.retire_older,
       "UPDATE credential SET state = 2, sealed_key = x'' WHERE endpoint = ?1 AND role = ?2 AND server = ?3"
       " AND id < ?4 AND state <> 2 RETURNING identity"},
      {&sql.retire_server,
       "UPDATE credential SET state = 2, sealed_key = x'' WHERE endpoint = ?1 AND role = ?2 AND server = ?3"
       " AND state <> 2"},
      {&sql.list_servers,
       "SELECT DISTINCT server FROM credential WHERE endpoint = ?1 AND role = ?2 AND state <> 2"},
      {&sql.list_credentials,
       "SELECT role, server, mode, state, identity, created FROM credential WHERE endpoint = ?1 ORDER BY id"},

      {&sql.put_registration,
       "INSERT OR REPLACE INTO registration (endpoint, location, enabler, lifetime, binding, queue_mode, "
       "sms, links,"
       " alternate_path, security, address, registered, updated, session)"
       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"},
      {&sql.remove_registration, "DELETE FROM registration WHERE endpoint = ?1"},
      {&sql.list_registrations,
       "SELECT endpoint, location, enabler, lifetime, binding, queue_mode, sms, links, alternate_path, "
       "security,"
       " address, registered, updated, session FROM registration ORDER BY endpoint"},

      {&sql.put_observation, "INSERT OR IGNORE INTO observation (endpoint, path) VALUES (?1, ?2)"},
      {&sql.remove_observation, "DELETE FROM observation WHERE endpoint = ?1 AND path = ?2"},
      {&sql.list_observations, "SELECT endpoint, path FROM observation ORDER BY endpoint, path"},

      {&sql.begin_life, "UPDATE life SET number = MAX(number + 1, ?1) RETURNING number"},
      {&sql.current_life, "SELECT number FROM life"},
      {&sql.put_session,
       "INSERT INTO session (credential, id, life, address, mark, sealed)"
       " SELECT id, ?3, ?4, ?5, ?6, ?7 FROM credential WHERE role = ?1 AND identity = ?2 AND state <> 2"
       " ON CONFLICT (credential) DO UPDATE SET id = excluded.id, life = excluded.life,"
       " address = excluded.address, mark = excluded.mark, sealed = excluded.sealed"
       " WHERE excluded.id >= session.id"},
      {&sql.remove_session, "DELETE FROM session WHERE id = ?1"},
      {&sql.clear_sessions, "DELETE FROM session"},
      {&sql.list_sessions,
       "SELECT session.id, life, address, mark, sealed, role, identity, endpoint, server, mode"
       " FROM session JOIN credential ON credential.id = session.credential"
       " WHERE credential.state <> 2 ORDER BY session.credential"},
      {&sql.last_session,
       "SELECT MAX((SELECT COALESCE(MAX(id), 0) FROM session),"
       " (SELECT COALESCE(MAX(session), 0) FROM registration))"},

      {&sql.put_journey, "INSERT INTO journey (endpoint, began, document, stranger) VALUES (?1, ?2, ?3, ?4)"},
      {&sql.trim_journeys,
       "DELETE FROM journey WHERE id IN (SELECT id FROM journey WHERE endpoint = ?1 ORDER BY id DESC"
       " LIMIT -1 OFFSET ?2)"},
      {&sql.trim_strangers,
       "DELETE FROM journey WHERE id IN (SELECT id FROM journey WHERE stranger = 1 ORDER BY id DESC"
       " LIMIT -1 OFFSET ?1)"},
      {&sql.list_journeys,
       "SELECT began, document FROM journey WHERE endpoint = ?1 ORDER BY id DESC LIMIT ?2"},

      {&sql.put_failure,
       "INSERT OR REPLACE INTO failure (key, stranger, last, document) VALUES (?1, ?2, ?3, ?4)"},
      {&sql.trim_failures,
       "DELETE FROM failure WHERE key IN (SELECT key FROM failure WHERE stranger = ?1 ORDER BY last DESC"
       " LIMIT -1 OFFSET ?2)"},
      {&sql.list_failures, "SELECT key, stranger, last, document FROM failure ORDER BY last, key"},
  };
  for (const auto& [statement, text] : all) {
    auto prepared = database.prepare(text);
    if (!prepared) return std::unexpected(std::move(prepared.error()));
    *statement = std::move(*prepared);
  }
  return sql;
}

}  // namespace slipway::storage

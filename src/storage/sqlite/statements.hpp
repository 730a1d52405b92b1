// SPDX-License-Identifier: Apache-2.0
// Every SQL statement that runs for devices, prepared once.
#pragma once

#include "database.hpp"

namespace slipway::storage {

struct Statements {
  Statement begin, commit, rollback, savepoint, release, undo;
  Statement put_credential, trim_issued, trim_retired, find_credential, prove, retire_older, retire_server,
      list_servers, list_credentials;
  Statement put_registration, remove_registration, list_registrations;
  Statement put_observation, remove_observation, list_observations;
  Statement begin_life, current_life, put_session, remove_session, clear_sessions, list_sessions,
      last_session;
  Statement put_journey, trim_journeys, trim_strangers, list_journeys;
  Statement put_failure, trim_failures, list_failures;

  [[nodiscard]] static StoreResult<Statements> prepare(Database& database);
};

}  // namespace slipway::storage

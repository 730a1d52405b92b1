// SPDX-License-Identifier: Apache-2.0
// The embedded store: one SQLite database in WAL mode, keys sealed.
#pragma once

#include <memory>
#include <string>

#include <slipway/base/random.hpp>
#include <slipway/storage/store.hpp>

namespace slipway::storage {

/// Opens `directory`/slipway.db, made with its sealing key (`seal.key`, mode 0600) when both are missing;
/// several processes may have it open. Old databases are migrated step by step, in one transaction each.
/// `random` outlives the store. Errors: unavailable (folder, rights, disk), corrupt (not a database, or the
/// sealing key is missing or is not the one it was made with), too_new.
[[nodiscard]] StoreResult<std::unique_ptr<Store>> open_sqlite(const std::string& directory, Random& random);

}  // namespace slipway::storage

// SPDX-License-Identifier: Apache-2.0
// The embedded store: one SQLite database in WAL mode, keys sealed.
#pragma once

#include <memory>
#include <string>

#include <slipway/base/random.hpp>
#include <slipway/storage/store.hpp>

namespace slipway::storage {

/// Opens `directory`/slipway.db, made with its sealing key (`seal.key`, mode 0600) when missing; several
/// processes may have it open. Old databases are migrated step by step, in one transaction each.
[[nodiscard]] StoreResult<std::unique_ptr<Store>> open_sqlite(const std::string& directory, Random& key_random);

}  // namespace slipway::storage

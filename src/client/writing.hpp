// SPDX-License-Identifier: Apache-2.0
// Writes and creates of management servers: checked as a whole, then applied. [LwM2M-CORE 1.2 §6.3.3, §6.3.6]
#pragma once

#include "client/services.hpp"

namespace slipway::client {

enum class WriteKind : std::uint8_t { replace, update, create };

/// Checks every entry and writes them: nothing is changed unless all fit (a maker's own function may still
/// refuse its value after others were taken). Returns whether stored values have changed.
/// Errors: not_found, wrong_path, wrong_type, out_of_range, limit, and the maker's.
enum class StoredChange : std::uint8_t { no, yes };
Result<StoredChange> write_entries(Model& model, const Path& base, std::span<const Entry> entries,
                                   WriteKind kind);

/// Chooses the instance that a Create makes, and gives it to the entries; `reserved` is 65535 where the
/// payload leaves the choice to the device. Errors: duplicate (it exists), wrong_path (more than one
/// instance), limit.
Result<Path> choose_instance(const Model& model, ObjectId object, std::span<Entry> entries);

}  // namespace slipway::client

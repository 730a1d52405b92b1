// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <vector>

#include <slipway/fleet/remote.hpp>

#include "toml_reader.hpp"

namespace slipway::fleet {

/// Reads every `[remote.NAME]` of a configuration, in the order of their names; their files are found from
/// `folder`.
[[nodiscard]] std::vector<Remote> read_remotes(TableReader& root, const std::filesystem::path& folder,
                                               const ReadOptions& options);

}  // namespace slipway::fleet

// SPDX-License-Identifier: Apache-2.0
// A file that is replaced whole or not at all, also by a power cut.
#pragma once

#include <expected>
#include <optional>
#include <string>

#include <slipway/base/bytes.hpp>

namespace slipway::device {

inline constexpr std::size_t kStateBytesMax = 1024 * 1024;

/// Nothing when there is no such file. The error is for a person.
[[nodiscard]] std::expected<std::optional<Bytes>, std::string> read_state(const std::string& file);
/// Writes beside the file with mode 0600, syncs, renames, syncs the folder.
[[nodiscard]] std::expected<void, std::string> write_state(const std::string& file, ByteView bytes);

}  // namespace slipway::device

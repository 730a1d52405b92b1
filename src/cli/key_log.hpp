// SPDX-License-Identifier: Apache-2.0
// `--key-log FILE`: the keys of sessions in a file, for debugging.
#pragma once

#include <expected>
#include <string>

#include "app.hpp"

namespace slipway::cli {

/// Offers the option, which SSLKEYLOGFILE sets too.
void add_key_log_option(CLI::App& command, std::string& file);

/// Writes the keys of all sessions there from now on; nothing when `file` is empty. The file is appended to,
/// and made with mode 0600; one that others may read, that is another user's, or that is no regular file is
/// refused. The result is the warning that a person must see, or empty. The error is for a person.
[[nodiscard]] std::expected<std::string, std::string> start_key_log(const std::string& file);

}  // namespace slipway::cli

// SPDX-License-Identifier: Apache-2.0
// Secrets that commands read from files: a card's PIN, and a card's content.
#pragma once

#include <expected>
#include <string>

#include <slipway/base/secret.hpp>

namespace slipway::cli {

/// A PIN of 4 to 8 digits from a file, with or without a line end. The error is for a person.
[[nodiscard]] std::expected<Secret, std::string> read_pin(const std::string& file);

/// The bytes of a file with the content of EF(LwM2M_Bootstrap), at most 32 KiB. The error is for a person.
[[nodiscard]] std::expected<Secret, std::string> read_smartcard_file(const std::string& file);

}  // namespace slipway::cli

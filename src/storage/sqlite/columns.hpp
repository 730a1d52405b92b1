// SPDX-License-Identifier: Apache-2.0
// Numbers and texts of rows, as the types they stand for. What a row cannot hold is `corrupt`.
#pragma once

#include <slipway/storage/store.hpp>

namespace slipway::storage {

[[nodiscard]] constexpr std::int64_t number_of(auto enumerator) {
  return static_cast<std::int64_t>(enumerator);
}
[[nodiscard]] inline UnixTime unix_time(std::int64_t ms) {
  return UnixTime(milliseconds(ms));
}
[[nodiscard]] inline std::int64_t ms_of(UnixTime time) {
  return time.time_since_epoch().count();
}

/// The enumerator of that number, up to `last`.
template <class Enum>
[[nodiscard]] std::optional<Enum> enum_of(std::int64_t number, Enum last) {
  if (number < 0 || number > number_of(last)) return std::nullopt;
  return static_cast<Enum>(number);
}

[[nodiscard]] inline std::unexpected<StoreError> corrupt_row(std::string_view kind,
                                                             std::string_view endpoint) {
  return std::unexpected(StoreError{StoreError::Kind::corrupt,
                                    "the stored " + std::string(kind) + " of " + std::string(endpoint) +
                                        " cannot be read; restore the database from a backup"});
}

}  // namespace slipway::storage

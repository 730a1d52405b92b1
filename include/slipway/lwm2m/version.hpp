// SPDX-License-Identifier: Apache-2.0
// Which versions of the Enabler are spoken here, and what to try next.
#pragma once

#include <optional>

#include <slipway/model/definition.hpp>

namespace slipway::lwm2m {

inline constexpr Version kNewestEnabler{1, 2};
inline constexpr Version kOldestEnabler{1, 0};

/// Whether a server of ours takes a device of that version; otherwise it answers 4.12.
/// [LwM2M-CORE 1.2 §5.1]
[[nodiscard]] constexpr bool speaks(Version version) {
  return version >= kOldestEnabler && version <= kNewestEnabler;
}

/// What a client tries after 4.12, nothing below 1.0.
[[nodiscard]] constexpr std::optional<Version> next_lower(Version version) {
  if (version.major != 1 || version.minor == 0) return std::nullopt;
  return Version{1, static_cast<std::uint8_t>(version.minor - 1)};
}

}  // namespace slipway::lwm2m

// SPDX-License-Identifier: Apache-2.0
// What commands print, for people.
#pragma once

#include <string>

#include <slipway/base/time.hpp>
#include <slipway/trace/journey.hpp>

namespace slipway::cli {

/// Whether what goes to this file descriptor is coloured: on a terminal, unless NO_COLOR is set.
[[nodiscard]] bool coloured(int fd);
/// Colours only on a terminal, and not when NO_COLOR is set; the terminal's width, else 120.
[[nodiscard]] trace::LadderStyle style_of_stdout();
/// "12:34:56" of the local clock.
[[nodiscard]] std::string clock_text();
/// The engine clock, for calls into an engine from a command.
[[nodiscard]] TimePoint net_now();
/// "3 min ago", from a Unix time in milliseconds.
[[nodiscard]] std::string age_text(std::int64_t unix_ms);

}  // namespace slipway::cli

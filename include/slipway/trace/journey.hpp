// SPDX-License-Identifier: Apache-2.0
// What happened between one device and one server, from its first datagram on.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/base/time.hpp>
#include <slipway/trace/describe.hpp>

namespace slipway::trace {

/// Rows kept of one journey; later ones are counted in `rows_dropped`.
inline constexpr std::size_t kRowsMax = 512;
/// Bytes of text kept of one journey; after that, rows come without their values.
inline constexpr std::size_t kJourneyTextMax = 256 * 1024;

struct Traffic {
  std::uint64_t messages_up = 0, messages_down = 0;
  std::uint64_t bytes_up = 0, bytes_down = 0;
};

struct Journey {
  std::string endpoint;
  Interface interface = Interface::unknown;
  UnixTime began{};
  Duration duration{};
  std::string peer;     ///< address, as text
  std::string outcome;  ///< "running", "succeeded", or the engine's word for what went wrong
  std::string reason;   ///< a sentence for a person; empty on success
  std::string remedy;   ///< what that person may do about it; empty when nothing needs to be done
  std::vector<Row> rows;
  std::uint64_t rows_dropped = 0;
  Traffic traffic;             ///< of all rows, dropped ones too
  std::size_t text_bytes = 0;  ///< kept so far, for kJourneyTextMax

  /// Appends within kRowsMax and kJourneyTextMax, and counts.
  void add(Row row);
  /// Adds a line to the last row, within the same bounds.
  void annotate(std::string text);
};

[[nodiscard]] const char* to_string(Interface interface);
[[nodiscard]] nlohmann::json to_json(const Row& row);
[[nodiscard]] nlohmann::json to_json(const Journey& journey);
/// Reads what `to_json` wrote. Errors: malformed.
[[nodiscard]] Result<Journey> journey_from_json(const nlohmann::json& json);

enum class Colour : std::uint8_t { off, on };
/// How a ladder is drawn: the device on the left, the server on the right, an arrow a message. `width` is
/// the terminal's, in columns; what does not fit is cut, and below 90 columns the arrows are short.
struct LadderStyle {
  Colour colour = Colour::off;
  std::size_t width = 120;
};
/// The line that stands above the rows, and one row with its values below it.
[[nodiscard]] std::string ladder_header(const LadderStyle& style);
[[nodiscard]] std::string ladder_row(const Row& row, const LadderStyle& style);
/// The outcome at a glance: "refused: no enrolment takes this endpoint", and below it what may be done.
[[nodiscard]] std::string headline(const Journey& journey, const LadderStyle& style);
[[nodiscard]] std::string ladder(const Journey& journey, const LadderStyle& style);

}  // namespace slipway::trace

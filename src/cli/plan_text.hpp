// SPDX-License-Identifier: Apache-2.0
// What `slipway plan` prints.
#pragma once

#include <span>
#include <string>

#include <nlohmann/json.hpp>

#include <slipway/fleet/configuration.hpp>

#include "rehearsal.hpp"

namespace slipway::cli {

enum class Paint : std::uint8_t { plain, colour };

/// A finding as a line; with colour its severity stands out.
[[nodiscard]] std::string to_line(const fleet::Finding& finding, Paint paint);
[[nodiscard]] nlohmann::json to_json(const fleet::Finding& finding);

/// Each operation with its values and bytes (`..` for those of a key), then totals.
[[nodiscard]] std::string to_text(const Rehearsal& rehearsal, Paint paint);
[[nodiscard]] nlohmann::json to_json(const Rehearsal& rehearsal);

/// Which devices may come and what each plan holds.
[[nodiscard]] std::string list_plans(const fleet::Configuration& configuration);
[[nodiscard]] nlohmann::json plans_json(const fleet::Configuration& configuration);

}  // namespace slipway::cli

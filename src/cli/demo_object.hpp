// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace slipway::cli {

/// The definition of object 3303 (Temperature), as built in for the demo.
[[nodiscard]] std::string_view demo_object();

}  // namespace slipway::cli

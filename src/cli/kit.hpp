// SPDX-License-Identifier: Apache-2.0
// The commands below `slipway kit`, one file each.
#pragma once

#include "app.hpp"

namespace slipway::cli {

void add_kit_smartcard(Context context);

}  // namespace slipway::cli

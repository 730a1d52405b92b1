// SPDX-License-Identifier: Apache-2.0
// The commands below `slipway kit`, one file each.
#pragma once

#include "app.hpp"

namespace slipway::cli {

void add_kit_smartcard(Context context);
void add_kit_bootstrap_faults(Context context);

}  // namespace slipway::cli

// SPDX-License-Identifier: Apache-2.0
// `slipway kit`: tools for people who make devices.
#include "kit.hpp"

namespace slipway::cli {

void add_kit(Context context) {
  auto* group = context.app.add_subcommand("kit", "tools for device makers: what devices are tried with");
  group->require_subcommand(1);
  Context inner{*group, context.common, context.action};
  add_kit_smartcard(inner);
  add_kit_bootstrap_faults(inner);
}

}  // namespace slipway::cli

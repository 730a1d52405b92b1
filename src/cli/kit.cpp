// SPDX-License-Identifier: Apache-2.0
// `slipway kit`: tools for people who make devices.
#include "kit.hpp"

namespace slipway::cli {

void add_kit(Context context) {
  auto* group = add_command(context, "kit", "tools for device makers: what devices are tried with",
                            "slipway kit smartcard --pack device.pack.json --pin 1234");
  group->require_subcommand(1);
  Context inner{*group, context.common, context.action};
  add_kit_smartcard(inner);
  add_kit_bootstrap_faults(inner);
}

}  // namespace slipway::cli

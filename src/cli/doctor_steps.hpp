// SPDX-License-Identifier: Apache-2.0
// Tries a server step by step, and adds to a report what each step showed.
#pragma once

#include <slipway/base/time.hpp>

#include "doctor_probe.hpp"
#include "doctor_report.hpp"
#include "doctor_target.hpp"

namespace slipway::cli::doctor {

struct Patience {
  Duration handshake = seconds(10);
  Duration suite = seconds(3);  ///< of each suite that is tried alone
  Duration answer = seconds(5);
};

/// Returns when all steps are done, one of them leaves nothing more to try, or `stop` is said.
void examine(const Target& target, const Patience& patience, const Stop& stop, Report& report);

}  // namespace slipway::cli::doctor

// SPDX-License-Identifier: Apache-2.0
// Tries a server over TCP or TLS. [RFC 8323]
#pragma once

#include <slipway/base/address.hpp>
#include <slipway/base/random.hpp>

#include "doctor_probe.hpp"
#include "doctor_report.hpp"
#include "doctor_steps.hpp"
#include "doctor_target.hpp"
#include "doctor_words.hpp"

namespace slipway::cli::doctor {

/// Adds the steps from the connection to the release; whether the server was reached.
bool examine_stream(const Target& target, const Address& server, const Asked& asked, const Patience& patience,
                    Random& random, const Stop& stop, Report& report);

}  // namespace slipway::cli::doctor

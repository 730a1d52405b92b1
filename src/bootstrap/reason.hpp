// SPDX-License-Identifier: Apache-2.0
// Sentences for people about why a session ended. They hold no secret.
#pragma once

#include <string_view>

#include "bootstrap/session.hpp"

namespace slipway::bootstrap {

/// "the device refused the Write of /1/0 with 4.00 Bad Request: no such server". The device's own words are
/// cut and cleaned of what is not printable, and left out when they repeat a key of this session.
void explain_refusal(Session& session, const PlannedOperation& operation, coap::Code answer,
                     ByteView diagnostic);

/// "the Write of /1/0 got no answer".
void explain_silence(Session& session, const PlannedOperation& operation, coap::RequestFailure failure);

}  // namespace slipway::bootstrap

// SPDX-License-Identifier: Apache-2.0
// Sentences for people about why something failed. They hold no secret.
#pragma once

#include <string_view>

#include "bootstrap/session.hpp"

namespace slipway::bootstrap {

/// "the device refused the Write of /1/0 with 4.00 Bad Request: no such server". The device's own words are
/// cut and cleaned of what is not printable, and left out when they repeat a key of this session.
[[nodiscard]] Note explain_refusal(const Session& session, const PlannedOperation& operation,
                                   coap::Code answer, ByteView diagnostic);

/// "the Write of /1/0 got no answer from the device".
[[nodiscard]] Note explain_silence(const PlannedOperation& operation, coap::RequestFailure failure);

/// "cannot send the Write of /1/0: ...".
[[nodiscard]] Note explain_unsent(const PlannedOperation& operation, const Error& error);

/// "the device's answer to the Read of /1 cannot be read: ...".
[[nodiscard]] Note explain_unreadable(const PlannedOperation& operation, const Error& error);

}  // namespace slipway::bootstrap

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/services.hpp"

namespace slipway::client {

/// Fills in what an event points to, at the moment it is handed out.
void complete(Notice& notice, const Services& services);

}  // namespace slipway::client

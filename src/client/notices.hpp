// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/services.hpp"

namespace slipway::client {

/// Fills in what an event points to, at the moment it is handed out.
void complete(Notice& notice, const Services& services);

/// What a session with the server of an account needs. The account is read when the session is opened, not
/// when it was wished for; what is filled in are views into the tree.
void complete_account(ConnectWanted& wanted, const Tree& tree, InstanceId account);

}  // namespace slipway::client

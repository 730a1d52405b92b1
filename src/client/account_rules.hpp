// SPDX-License-Identifier: Apache-2.0
// What one Security instance, and the OSCORE context that it may link to, must hold. [LwM2M-TRANSPORT 1.2 §5]
#pragma once

#include "client/validation.hpp"

namespace slipway::client {

using Found = std::optional<Inconsistency>;

/// URI, mode, short server id and credentials of a /0 instance.
[[nodiscard]] Found check_security(const Tree& tree, InstanceId id, const Checks& checks);
/// A /21 instance: key, ids and algorithms. [LwM2M-CORE 1.2 App. E.4] [RFC 8613 §3.2, §3.3]
[[nodiscard]] Found check_oscore(const Tree& tree, InstanceId id);

}  // namespace slipway::client

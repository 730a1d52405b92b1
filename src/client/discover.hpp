// SPDX-License-Identifier: Apache-2.0
// The links of Discover, on the device management interface. [LwM2M-CORE 1.2 §6.3.2]
#pragma once

#include "client/observe.hpp"

namespace slipway::client {

/// Whether a resource is there, readable or not; /1/x/4, 8 and 9 are the client's own.
[[nodiscard]] bool discoverable(const Model& model, const Path& resource);

/// `depth`: how many levels below `path` are listed; by default two below an object, one otherwise.
/// Errors: limit.
[[nodiscard]] Result<Bytes> discover_links(Services& services, const Observations& observations,
                                           const Server& server, const Path& path,
                                           std::optional<unsigned> depth);

}  // namespace slipway::client

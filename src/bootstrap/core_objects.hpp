// SPDX-License-Identifier: Apache-2.0
// The objects that a bootstrap is about. [LwM2M-CORE 1.2 App. E]
#pragma once

#include <slipway/base/ids.hpp>
#include <slipway/lwm2m/bootstrap.hpp>

namespace slipway::bootstrap {

inline constexpr ObjectId kSecurity{0};
inline constexpr ObjectId kServer{1};
inline constexpr ObjectId kAccessControl{2};

[[nodiscard]] inline bool is_instance_of(const lwm2m::DiscoveredLink& link, ObjectId object) {
  return link.path.level() == PathLevel::instance && link.path.object() == object;
}

/// Objects whose instances belong to an account: OSCORE, COSE, MQTT Server. [LwM2M-CORE 1.2 §6.1.2]
[[nodiscard]] constexpr bool belongs_to_an_account(ObjectId object) {
  return object == ObjectId(21) || object == ObjectId(23) || object == ObjectId(24);
}

}  // namespace slipway::bootstrap

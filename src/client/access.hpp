// SPDX-License-Identifier: Apache-2.0
// The Access Control instances of this device's tree, for the pure rules in lwm2m/access_control.hpp.
#pragma once

#include <vector>

#include <slipway/client/model.hpp>
#include <slipway/lwm2m/access_control.hpp>

namespace slipway::client {

/// A rule with its list; `view()` points into it.
struct OwnedRule {
  Path place;  ///< the /2 instance
  ObjectId object;
  std::uint16_t instance = 0;
  std::uint16_t owner = kReservedId;
  std::vector<lwm2m::AclEntry> acl;
  [[nodiscard]] lwm2m::AccessRule view() const { return {object, instance, owner, acl}; }
};

[[nodiscard]] OwnedRule read_rule(const Tree& tree, const Path& place);
[[nodiscard]] std::optional<OwnedRule> find_rule(const Tree& tree, ObjectId object, std::uint16_t instance);

/// Controlled as soon as there is a second server account.
[[nodiscard]] lwm2m::AccessMode access_mode(const Tree& tree);

/// Whether a server may do what needs `right` on an object instance; for `create`, on the object.
/// Access Control instances themselves: read by all, written by their owner. [LwM2M-CORE 1.2 §8.1.2]
[[nodiscard]] bool may(const Tree& tree, ShortServerId server, lwm2m::Right right, const Path& target);

/// A server created an instance: it owns it from now on. Errors: limit.
Result<void> own_new_instance(Model& model, const Path& instance, ShortServerId server);
/// The instance is gone, and so is its rule.
void drop_rule(Model& model, const Path& instance);

/// What goes with a server's account: its /1 instance, its entries, and what only it could reach.
/// [LwM2M-TRANSPORT 1.2 §5.2.5]
void unbootstrap(Model& model, ShortServerId server);

}  // namespace slipway::client

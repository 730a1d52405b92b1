// SPDX-License-Identifier: Apache-2.0
// Who may do what: one pure function over one Access Control instance. [LwM2M-CORE 1.2 §8.2]
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include <slipway/base/ids.hpp>

namespace slipway::lwm2m {

/// Bits of an ACL entry. [LwM2M-CORE 1.2 App. E.3]
enum class Right : std::uint8_t { none = 0, read = 1, write = 2, execute = 4, del = 8, create = 16 };

/// One resource instance of /2/x/2.
struct AclEntry {
  ShortServerId server;  ///< 0: for every server without an entry of its own
  std::uint16_t rights = 0;
};

/// One instance of /2. `instance` 65535 speaks of the object itself: who may create.
struct AccessRule {
  ObjectId object;
  std::uint16_t instance = 0;
  std::uint16_t owner = kReservedId;  ///< 65535: managed by the bootstrap server alone
  std::span<const AclEntry> acl{};
};

/// With one server account there is nothing to control. [LwM2M-CORE 1.2 §8.1.1]
enum class AccessMode : std::uint8_t { single_server, controlled };

/// All rights that `server` has on an object instance, as bits. `rule` is the /2 instance of that object
/// instance, nullptr when there is none: then there are no rights. The owner without an entry of its own
/// has all but create; with one, exactly that.
[[nodiscard]] std::uint8_t rights_on_instance(const AccessRule* rule, ShortServerId server);

/// Whether `server` may do what needs `right`. `rule` is that of the object (instance 65535) for `create`,
/// otherwise that of the target's object instance. There is no default entry for create.
[[nodiscard]] bool allowed(AccessMode mode, Right right, const AccessRule* rule, ShortServerId server);

/// Who of `servers` owns the instance after its owner's account went: the one with the highest sum of write
/// and delete, the first one on a tie; nothing when none of them has any right. A server without an entry of
/// its own counts with what entry 0 gives. [LwM2M-TRANSPORT 1.2 §5.2.5]
[[nodiscard]] std::optional<ShortServerId> elect_owner(const AccessRule& rule,
                                                       std::span<const ShortServerId> servers);

}  // namespace slipway::lwm2m

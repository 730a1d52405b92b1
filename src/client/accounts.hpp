// SPDX-License-Identifier: Apache-2.0
// The accounts in a device's stored tree: /0 and /1 and how they belong together. [LwM2M-CORE 1.2 §6.1.2]
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include <slipway/client/tree.hpp>
#include <slipway/lwm2m/peer.hpp>

namespace slipway::client {

inline constexpr ObjectId kSecurity{0};
inline constexpr ObjectId kServer{1};
inline constexpr ObjectId kAccessControl{2};
inline constexpr ObjectId kDevice{3};
inline constexpr ObjectId kOscore{21};
inline constexpr ObjectId kCose{23};
inline constexpr ObjectId kMqtt{24};

[[nodiscard]] constexpr Path security(InstanceId instance, std::uint16_t resource) {
  return Path(kSecurity, instance, ResourceId(resource));
}
[[nodiscard]] constexpr Path server(InstanceId instance, std::uint16_t resource) {
  return Path(kServer, instance, ResourceId(resource));
}

[[nodiscard]] inline bool is_bootstrap_account(const Tree& tree, InstanceId instance) {
  return tree.boolean(security(instance, 1)).value_or(false);
}

/// The /0 instance of the bootstrap server.
[[nodiscard]] inline std::optional<InstanceId> bootstrap_account(const Tree& tree) {
  for (const Path& path : instances(tree, kSecurity))
    if (is_bootstrap_account(tree, path.instance())) return path.instance();
  return std::nullopt;
}

[[nodiscard]] inline ShortServerId short_id(std::optional<std::int64_t> number) {
  return ShortServerId(number && *number > 0 && *number < kReservedId ? static_cast<std::uint16_t>(*number)
                                                                      : 0);
}

/// /0/x/10, or 0 where there is none: of the bootstrap server.
[[nodiscard]] inline ShortServerId security_server(const Tree& tree, InstanceId instance) {
  if (is_bootstrap_account(tree, instance)) return ShortServerId(0);
  return short_id(tree.integer(security(instance, 10)));
}
[[nodiscard]] inline ShortServerId server_of(const Tree& tree, InstanceId instance) {
  return short_id(tree.integer(server(instance, 0)));
}

/// The /0 instance of a server.
[[nodiscard]] inline std::optional<InstanceId> find_security(const Tree& tree, ShortServerId id) {
  for (const Path& path : instances(tree, kSecurity))
    if (is_server(id) && security_server(tree, path.instance()) == id) return path.instance();
  return std::nullopt;
}
/// The /1 instance of a server.
[[nodiscard]] inline std::optional<InstanceId> find_server(const Tree& tree, ShortServerId id) {
  for (const Path& path : instances(tree, kServer))
    if (is_server(id) && server_of(tree, path.instance()) == id) return path.instance();
  return std::nullopt;
}

/// The bootstrap account that another one of the same session follows. Nothing where the account is as it
/// was, or was rewritten in place.
[[nodiscard]] std::optional<InstanceId> outlived_account(const Tree& before, const Tree& now);

/// Whether a delete of more than it must leave this instance: a bootstrap account with what it links to, and
/// /3/0. [LwM2M-CORE 1.2 §6.1.7.6]
[[nodiscard]] bool survives_delete(const Tree& tree, const Path& instance);

/// Whether this is one of several bootstrap accounts, as there are while a session replaces the account.
[[nodiscard]] bool is_spare_account(const Tree& tree, const Path& instance);

/// What belongs to a /0 instance: itself, and what it links to.
[[nodiscard]] std::vector<Path> parts_of_account(const Tree& tree, InstanceId account);

/// Removes a /0 instance and what only it links to.
void erase_account(Tree& tree, InstanceId account);

/// Fills in the certificate and key of accounts of mode 2 that leave both empty: the device's own, which is
/// that of the bootstrap account in force. A copy, so that it outlives that account. Errors: limit.
Result<void> adopt_own_certificate(const Tree& before, Tree& tree);

/// Whether what a session depends on is the same in both trees: URI, mode, credentials, server id.
[[nodiscard]] bool same_account(const Tree& a, InstanceId in_a, const Tree& b, InstanceId in_b);

}  // namespace slipway::client

// SPDX-License-Identifier: Apache-2.0
#include <slipway/lwm2m/access_control.hpp>

namespace slipway::lwm2m {
namespace {

constexpr std::uint8_t kAllOnInstance = 1 | 2 | 4 | 8;
constexpr ShortServerId kEverybodyElse{0};

std::optional<std::uint8_t> entry_of(const AccessRule& rule, ShortServerId server) {
  for (const auto& entry : rule.acl)
    if (entry.server == server) return static_cast<std::uint8_t>(entry.rights & 31u);
  return std::nullopt;
}

}  // namespace

std::uint8_t rights_on_instance(const AccessRule* rule, ShortServerId server) {
  if (rule == nullptr) return 0;
  if (const auto own = entry_of(*rule, server)) return *own;
  if (rule->owner == server.value()) return kAllOnInstance;
  return entry_of(*rule, kEverybodyElse).value_or(0);
}

bool allowed(AccessMode mode, Right right, const AccessRule* rule, ShortServerId server) {
  if (mode == AccessMode::single_server || right == Right::none) return true;
  const auto bit = static_cast<std::uint8_t>(right);
  if (right != Right::create) return (rights_on_instance(rule, server) & bit) != 0;
  return rule != nullptr && (entry_of(*rule, server).value_or(0) & bit) != 0;
}

std::optional<ShortServerId> elect_owner(const AccessRule& rule, std::span<const ShortServerId> servers) {
  std::optional<ShortServerId> elected;
  int best = -1;
  for (const auto server : servers) {
    const auto rights = rights_on_instance(&rule, server);
    if ((rights & kAllOnInstance) == 0) continue;
    const int weight = (rights & 2) / 2 + (rights & 8) / 8;
    if (weight <= best) continue;
    best = weight;
    elected = server;
  }
  return elected;
}

}  // namespace slipway::lwm2m

// SPDX-License-Identifier: Apache-2.0
// Plans, and the operations that come out of them, as text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/bootstrap/operations.hpp>

#include "unit/bootstrap/harness.hpp"

namespace slipway::test {

inline fleet::Plan two_servers() {
  auto plan = simple_plan();
  fleet::ServerAccountPlan second;
  second.id = ShortServerId(102);
  second.uri = "coaps://other.example";
  plan.servers.push_back(std::move(second));
  return plan;
}

/// "Write /0/1", "Delete /5 optional".
inline std::vector<std::string> names(const bootstrap::OperationList& list) {
  std::vector<std::string> names;
  for (const auto& operation : list.operations)
    names.push_back(std::string(bootstrap::to_string(operation.operation)) + " " +
                    std::string(operation.path.text().view()) +
                    (operation.need == fleet::Need::optional ? " optional" : ""));
  return names;
}

/// What a device lets be read of /1 and /2.
struct ReadOf {
  std::vector<Entry> servers, access;
};

/// `discover` is what the device lists; nothing when it refuses. Why there is no list stands in its only
/// line.
inline std::vector<std::string> planned(const fleet::Plan& plan, std::optional<std::string_view> discover,
                                        bootstrap::Round round = bootstrap::Round::first,
                                        const ReadOf* read = nullptr, bootstrap::OperationList list = {}) {
  std::vector<lwm2m::DiscoveredLink> links(bootstrap::kDiscoverLinksMax);
  bootstrap::DeviceState device;
  if (discover) {
    device.listing = bootstrap::DeviceState::Listing::told;
    device.discovered = lwm2m::parse_bootstrap_discover(*discover, links).value();
  }
  if (read != nullptr) {
    device.servers = read->servers;
    device.access = read->access;
  }
  const auto result = plan_operations(plan, device, round, builtin_objects(), list);
  if (!result) return {result.error().detail};
  return names(list);
}

}  // namespace slipway::test

// SPDX-License-Identifier: Apache-2.0
#include <slipway/bootstrap/operations.hpp>

#include <algorithm>

#include "bootstrap/access.hpp"
#include "bootstrap/accounts.hpp"
#include "bootstrap/compare.hpp"

namespace slipway::bootstrap {
namespace {

Operation operation_of(fleet::OperationPlan::Kind kind) {
  switch (kind) {
    case fleet::OperationPlan::Kind::write:
      return Operation::write;
    case fleet::OperationPlan::Kind::del:
      return Operation::del;
    case fleet::OperationPlan::Kind::discover:
      return Operation::discover;
    case fleet::OperationPlan::Kind::read:
      break;
  }
  return Operation::read;
}

void append_explicit(const std::vector<fleet::OperationPlan>& part, Content content,
                     std::vector<PlannedOperation>& out) {
  for (std::uint16_t i = 0; i < part.size(); ++i)
    out.push_back({.operation = operation_of(part[i].kind),
                   .content = content,
                   .need = part[i].need,
                   .index = i,
                   .path = part[i].path});
}

bool names(const fleet::Plan& plan, ShortServerId server) {
  return std::ranges::any_of(plan.servers, [&](const auto& account) { return account.id == server; });
}

/// Whether one of the Deletes takes away a /0 instance of a server that the plan names: the device then
/// tidies up in /1 and /2 by itself, and nothing there is as it was read. [LwM2M-TRANSPORT 1.2 §5.2.5]
bool disturbs(const fleet::Plan& plan, const DeviceState& device, std::span<const PlannedOperation> deletes) {
  return std::ranges::any_of(deletes, [&](const PlannedOperation& operation) {
    return std::ranges::any_of(device.discovered.links, [&](const auto& link) {
      return link.path == operation.path && is_instance_of(link, kSecurity) && names(plan, link.server);
    });
  });
}

/// /21, /23 and /24 instances without a short server id belong to the device's bootstrap account.
/// [LwM2M-CORE 1.2 §6.1.7.3]
Result<void> check_instances(const fleet::Plan& plan, const lwm2m::Discovered& discovered) {
  for (const auto& instance : plan.instances) {
    if (!belongs_to_an_account(instance.instance.object())) continue;
    for (const auto& link : discovered.links)
      if (link.path == instance.instance && link.server.value() == 0)
        return fail(ErrorCode::refused,
                    "a further instance of the plan is one that belongs to the device's bootstrap account");
  }
  return {};
}

void append_account_writes(const fleet::Plan& plan, const DeviceState& device, const AccountPlaces& places,
                           Rewrite rewrite, const ObjectCatalog& catalog,
                           std::vector<PlannedOperation>& out) {
  for (std::uint16_t i = 0; i < plan.servers.size(); ++i) {
    out.push_back({.content = Content::security, .index = i, .path = places.security(i)});
    const PlannedOperation server{.content = Content::server, .index = i, .path = places.server(i)};
    if (rewrite == Rewrite::what_differs && device.servers &&
        is_as_planned(server, {.plan = plan, .credentials = {}, .catalog = catalog}, *device.servers))
      continue;
    out.push_back(server);
  }
}

}  // namespace

void plan_before(const fleet::Plan& plan, OperationList& out) {
  append_explicit(plan.before, Content::before, out.operations);
}

Result<void> plan_operations(const fleet::Plan& plan, const DeviceState& device, Round round,
                             const ObjectCatalog& catalog, OperationList& out) {
  auto& operations = out.operations;
  const std::vector<PlannedOperation> earlier =
      round == Round::repair ? operations : std::vector<PlannedOperation>();
  out.kept_rights.clear();
  SLIPWAY_TRY(check_instances(plan, device.discovered));
  AccountPlaces places(plan, device, round, out.instances);
  SLIPWAY_TRY(places.choose());

  const bool replacing = plan.existing == fleet::Existing::replace;
  std::vector<PlannedOperation> account_deletes, access_writes;
  if (replacing)
    operations.push_back({.operation = Operation::del});
  else
    places.append_deletes(account_deletes);
  const auto rewrite = replacing || round == Round::repair || disturbs(plan, device, account_deletes)
                           ? Rewrite::everything
                           : Rewrite::what_differs;
  SLIPWAY_TRY(plan_access({.plan = plan,
                           .device = device,
                           .round = round,
                           .rewrite = rewrite,
                           .earlier = earlier,
                           .catalog = catalog},
                          operations, access_writes, out.kept_rights));
  operations.insert(operations.end(), account_deletes.begin(), account_deletes.end());

  append_account_writes(plan, device, places, rewrite, catalog, operations);
  operations.insert(operations.end(), access_writes.begin(), access_writes.end());
  for (std::uint16_t i = 0; i < plan.instances.size(); ++i)
    operations.push_back({.content = Content::instance,
                          .need = plan.instances[i].need,
                          .index = i,
                          .path = plan.instances[i].instance});
  if (plan.bootstrap) {
    SLIPWAY_ASSIGN(const auto path, places.bootstrap_account());
    operations.push_back({.content = Content::bootstrap, .path = path});
  }
  append_explicit(plan.after, Content::after, operations);
  operations.push_back({.operation = Operation::finish});
  return {};
}

}  // namespace slipway::bootstrap

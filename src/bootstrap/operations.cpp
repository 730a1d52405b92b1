// SPDX-License-Identifier: Apache-2.0
#include "bootstrap/operations.hpp"

#include <algorithm>
#include <optional>

namespace slipway::bootstrap {
namespace {

constexpr ObjectId kSecurity{0};
constexpr ObjectId kServer{1};
constexpr ObjectId kAccessControl{2};

/// A plan that writes more than this is not a plan.
constexpr std::size_t kPartsMax = 1024;

bool named_by(const fleet::Plan& plan, ShortServerId server) {
  return std::ranges::any_of(plan.servers, [&](const auto& account) { return account.id == server; });
}

bool is_instance_of(const lwm2m::DiscoveredLink& link, ObjectId object) {
  return link.path.level() == PathLevel::instance && link.path.object() == object;
}

/// Which instances of one object are in use, and by whom.
class Placement {
 public:
  Placement(const fleet::Plan& plan, const lwm2m::Discovered& discovered, ObjectId object)
      : plan_(plan), discovered_(discovered), object_(object) {
    // Where the device's own account was not shown, /0/0 may be it.
    if (object == kSecurity && !discovered.bootstrap_account()) taken_.push_back(0);
  }

  [[nodiscard]] std::optional<Path> existing(ShortServerId server) const {
    for (const auto& link : discovered_.links)
      if (is_instance_of(link, object_) && link.server == server) return link.path;
    return std::nullopt;
  }
  [[nodiscard]] bool is_free(std::uint16_t id) const {
    return !discovered_.has(Path(object_, InstanceId(id))) && std::ranges::find(taken_, id) == taken_.end();
  }
  Path take(std::uint16_t id) {
    taken_.push_back(id);
    return Path(object_, InstanceId(id));
  }

  /// True for an instance that the plan replaces, and that therefore is not deleted. The second
  /// instance of one short server id is not: only the first is replaced.
  [[nodiscard]] bool replaces(const lwm2m::DiscoveredLink& link) const {
    if (!named_by(plan_, link.server)) return false;
    for (const auto& other : discovered_.links)
      if (is_instance_of(other, object_) && other.server == link.server) return other.path == link.path;
    return false;
  }

 private:
  const fleet::Plan& plan_;
  const lwm2m::Discovered& discovered_;
  ObjectId object_;
  std::vector<std::uint16_t> taken_;
};

struct AccountPaths {
  Path security, server;
};

/// An account that the device has is replaced where it is. A new one gets the lowest id that is free in /0 and in
/// /1, so that a person sees the pair; half an account is completed beside its half where that is free.
Result<AccountPaths> place(Placement& security, Placement& server, ShortServerId id) {
  const auto old_security = security.existing(id);
  const auto old_server = server.existing(id);
  if (old_security && old_server) return AccountPaths{*old_security, *old_server};
  if (old_security || old_server) {
    const auto wanted = (old_security ? *old_security : *old_server).instance().value();
    if (old_security && server.is_free(wanted)) return AccountPaths{*old_security, server.take(wanted)};
    if (old_server && security.is_free(wanted)) return AccountPaths{security.take(wanted), *old_server};
  }
  for (std::uint16_t at = 0; at < kReservedId; ++at) {
    if (!(old_security || security.is_free(at)) || !(old_server || server.is_free(at))) continue;
    return AccountPaths{old_security ? *old_security : security.take(at), old_server ? *old_server : server.take(at)};
  }
  return fail(ErrorCode::exhausted, "the device has no free instance id");
}

void delete_accounts(const lwm2m::Discovered& discovered, ObjectId object, const Placement& placement,
                     std::vector<PlannedOperation>& out) {
  for (const auto& link : discovered.links) {
    if (!is_instance_of(link, object) || placement.replaces(link)) continue;
    const bool is_bootstrap_account = object == kSecurity && link.server.value() == 0;
    if (!is_bootstrap_account) out.push_back({.operation = Operation::del, .path = link.path});
  }
}

void delete_access(const fleet::Plan& plan, const lwm2m::Discovered& discovered,
                   std::vector<PlannedOperation>& out) {
  for (const auto& link : discovered.links) {
    if (!is_instance_of(link, kAccessControl)) continue;
    if (plan.access.empty()) {  // all of them: one operation
      out.push_back({.operation = Operation::del, .path = Path(kAccessControl)});
      return;
    }
    if (link.path.instance().value() >= plan.access.size())
      out.push_back({.operation = Operation::del, .path = link.path});
  }
}

Result<void> check_account(const fleet::ServerAccountPlan& account) {
  if (!is_server(account.id)) return fail(ErrorCode::out_of_range, "a short server id is not 1..65534");
  if (account.uri.empty()) return fail(ErrorCode::out_of_range, "an account has no uri");
  if (account.credential == fleet::CredentialSource::generate &&
      (account.psk_bytes < fleet::kPskMin || account.psk_bytes > fleet::kPskMax))
    return fail(ErrorCode::out_of_range, "psk_bytes is not 16..64");
  for (const auto& [id, value] : account.server_resources) {
    const auto number = id.value();
    if (number == 0 || number == 1 || number == 6 || number == 7)
      return fail(ErrorCode::duplicate, "server_resources repeats what the account says already");
  }
  return {};
}

}  // namespace

Result<void> check_plan(const fleet::Plan& plan) {
  if (plan.servers.empty()) return fail(ErrorCode::out_of_range, "the plan has no server account");
  if (std::max({plan.servers.size(), plan.access.size(), plan.instances.size()}) > kPartsMax)
    return fail(ErrorCode::limit, "the plan has more than 1024 parts of one kind");
  for (std::size_t i = 0; i < plan.servers.size(); ++i) {
    SLIPWAY_TRY(check_account(plan.servers[i]));
    for (std::size_t j = 0; j < i; ++j)
      if (plan.servers[j].id == plan.servers[i].id)
        return fail(ErrorCode::duplicate, "two accounts of the plan have the same short server id");
  }
  for (const auto& instance : plan.instances) {
    if (instance.instance.level() != PathLevel::instance)
      return fail(ErrorCode::wrong_path, "a further instance of the plan is not an object instance");
    if (instance.instance.object() <= kAccessControl)
      return fail(ErrorCode::wrong_path, "a further instance of the plan is of /0, /1 or /2");
  }
  return {};
}

Result<void> plan_operations(const fleet::Plan& plan, const lwm2m::Discovered& discovered,
                             std::vector<PlannedOperation>& out) {
  out.clear();
  Placement security(plan, discovered, kSecurity);
  Placement server(plan, discovered, kServer);
  delete_accounts(discovered, kServer, server, out);
  delete_accounts(discovered, kSecurity, security, out);
  delete_access(plan, discovered, out);

  std::uint16_t index = 0;
  for (const auto& account : plan.servers) {
    SLIPWAY_ASSIGN(const auto paths, place(security, server, account.id));
    out.push_back({.content = Content::security, .index = index, .path = paths.security});
    out.push_back({.content = Content::server, .index = index, .path = paths.server});
    ++index;
  }
  for (index = 0; index < plan.access.size(); ++index)
    out.push_back(
        {.content = Content::access, .index = index, .path = Path(kAccessControl, InstanceId(index))});
  for (index = 0; index < plan.instances.size(); ++index)
    out.push_back({.content = Content::instance, .index = index, .path = plan.instances[index].instance});
  out.push_back({.operation = Operation::finish});
  return {};
}

}  // namespace slipway::bootstrap

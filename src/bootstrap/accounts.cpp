// SPDX-License-Identifier: Apache-2.0
#include "bootstrap/accounts.hpp"

#include <algorithm>

namespace slipway::bootstrap {
namespace {

constexpr std::size_t kSecurityHalf = 0, kServerHalf = 1;

constexpr ObjectId object_of(std::size_t half) {
  return half == kSecurityHalf ? kSecurity : kServer;
}

bool is_bootstrap_account(const lwm2m::DiscoveredLink& link) {
  return is_instance_of(link, kSecurity) && link.server.value() == 0;
}

}  // namespace

AccountPlaces::AccountPlaces(const fleet::Plan& plan, const DeviceState& device, Round round,
                             std::vector<std::uint16_t>& instances)
    : plan_(plan), device_(device), round_(round), instances_(instances) {
  instances_.assign(plan.servers.size() * 2, kUndecided);
  for (const auto& link : device.discovered.links) {
    if (link.path.level() != PathLevel::instance || link.path.object() > kServer) continue;
    (is_bootstrap_account(link) ? bootstrap_known_ : has_accounts_) = true;
  }
}

bool AccountPlaces::names(ShortServerId server) const {
  return std::ranges::any_of(plan_.servers, [&](const auto& account) { return account.id == server; });
}

bool AccountPlaces::is_chosen(std::size_t half, std::uint16_t id) const {
  for (std::size_t i = half; i < instances_.size(); i += 2)
    if (instances_[i] == id) return true;
  return false;
}

/// Whether an instance is still there when the plan's accounts are written. One that is deleted first is no
/// free place either, except after DELETE /: a device may take its time.
bool AccountPlaces::stays(const lwm2m::DiscoveredLink& link) const {
  return plan_.existing != fleet::Existing::replace || is_bootstrap_account(link);
}

bool AccountPlaces::is_free(std::size_t half, std::uint16_t id) const {
  // Where the device's own account was not shown, /0/0 may be it.
  if (half == kSecurityHalf && id == 0 && !bootstrap_known_) return false;
  if (is_chosen(half, id)) return false;
  if (half == kServerHalf && !has_accounts_) return true;
  const Path path(object_of(half), InstanceId(id));
  return std::ranges::none_of(device_.discovered.links,
                              [&](const auto& link) { return link.path == path && stays(link); });
}

/// An account of a server that the plan does not name, and that is not whole.
bool AccountPlaces::is_half(const lwm2m::DiscoveredLink& link) const {
  const auto other = link.path.object() == kSecurity ? kServer : kSecurity;
  return link.server.value() == 0 || std::ranges::none_of(device_.discovered.links, [&](const auto& its) {
           return is_instance_of(its, other) && its.server == link.server;
         });
}

bool AccountPlaces::replaces(const lwm2m::DiscoveredLink& link, std::size_t half) const {
  for (std::size_t i = 0; i < plan_.servers.size(); ++i)
    if (plan_.servers[i].id == link.server && at(i, half) == link.path.instance().value()) return true;
  return false;
}

Result<void> AccountPlaces::check_fixed(std::size_t account, std::size_t half) const {
  const Path path(object_of(half), InstanceId(at(account, half)));
  for (const auto& link : device_.discovered.links) {
    if (link.path != path) continue;
    if (is_bootstrap_account(link))
      return fail(ErrorCode::refused,
                  "the plan fixes an account at the instance where the device has its bootstrap account");
    if (plan_.others == fleet::OtherAccounts::keep && !names(link.server))
      return fail(ErrorCode::duplicate,
                  "the plan fixes an account at an instance of another server, whose account it keeps");
  }
  return {};
}

/// The first instance of that server at which no other account is fixed.
void AccountPlaces::take_existing(std::size_t account, std::size_t half) {
  if (!has_accounts_ || plan_.existing == fleet::Existing::replace) return;
  for (const auto& link : device_.discovered.links) {
    if (!is_instance_of(link, object_of(half)) || link.server != plan_.servers[account].id) continue;
    const auto id = link.path.instance().value();
    if (is_chosen(half, id)) continue;
    at(account, half) = id;
    return;
  }
}

/// Half an account is completed beside its half where that is free; else the lowest free id is taken.
Result<void> AccountPlaces::complete(std::size_t account) {
  auto& security = at(account, kSecurityHalf);
  auto& server = at(account, kServerHalf);
  if (security != kUndecided && server != kUndecided) return {};
  if (security != kUndecided && is_free(kServerHalf, security)) {
    server = security;
    return {};
  }
  if (server != kUndecided && is_free(kSecurityHalf, server)) {
    security = server;
    return {};
  }
  const bool both = security == kUndecided && server == kUndecided;
  for (auto id = both ? cursor_ : std::uint16_t{0}; id < kReservedId; ++id) {
    if (security == kUndecided && !is_free(kSecurityHalf, id)) continue;
    if (server == kUndecided && !is_free(kServerHalf, id)) continue;
    if (security == kUndecided) security = id;
    if (server == kUndecided) server = id;
    if (both) cursor_ = id;
    return {};
  }
  return fail(ErrorCode::exhausted, "the device has no free instance id");
}

Result<void> AccountPlaces::choose() {
  for (std::size_t i = 0; i < plan_.servers.size(); ++i) {
    const auto& account = plan_.servers[i];
    if (account.security_instance) at(i, kSecurityHalf) = account.security_instance->value();
    if (account.server_instance) at(i, kServerHalf) = account.server_instance->value();
  }
  for (std::size_t i = 0; i < plan_.servers.size(); ++i)
    for (const auto half : {kSecurityHalf, kServerHalf}) {
      if (at(i, half) == kUndecided)
        take_existing(i, half);
      else
        SLIPWAY_TRY(check_fixed(i, half));
    }
  for (std::size_t i = 0; i < plan_.servers.size(); ++i) SLIPWAY_TRY(complete(i));
  return {};
}

void AccountPlaces::append_deletes(std::vector<PlannedOperation>& out) const {
  if (!has_accounts_) return;
  for (const auto half : {kServerHalf, kSecurityHalf})
    for (const auto& link : device_.discovered.links) {
      if (!is_instance_of(link, object_of(half)) || is_bootstrap_account(link) || replaces(link, half))
        continue;
      const bool foreign = plan_.others == fleet::OtherAccounts::keep && !names(link.server);
      if (foreign && (round_ == Round::first || !is_half(link))) continue;
      out.push_back({.operation = Operation::del, .path = link.path});
    }
}

Result<Path> AccountPlaces::bootstrap_account() const {
  if (device_.listing == DeviceState::Listing::unknown)
    return fail(ErrorCode::refused,
                "the plan replaces the bootstrap account, but the device does not tell where it has it");
  std::optional<Path> found;
  for (const auto& link : device_.discovered.links) {
    if (!is_bootstrap_account(link)) continue;
    if (found)
      return fail(ErrorCode::refused,
                  "the plan replaces the bootstrap account, but the device lists two that could be it");
    found = link.path;
  }
  if (found) return *found;
  // It tells of everything but of its own account: that is at /0/0 then, or it has none.
  const Path first(kSecurity, InstanceId(0));
  if (is_chosen(kSecurityHalf, 0) || device_.discovered.has(first))
    return fail(ErrorCode::refused,
                "the plan replaces the bootstrap account, but the device lists none and /0/0 is another");
  return first;
}

}  // namespace slipway::bootstrap

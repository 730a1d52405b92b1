// SPDX-License-Identifier: Apache-2.0
// What each Write of a plan contains. [LwM2M-CORE 1.2 App. E.1, E.2, E.3]
#include <algorithm>
#include <array>

#include <slipway/bootstrap/operations.hpp>

#include "bootstrap/core_objects.hpp"

namespace slipway::bootstrap {
namespace {

using fleet::CredentialSource;
using Resources = std::vector<std::pair<ResourceId, OwnedValue>>;

Entry at(const Path& instance, std::uint16_t resource, const Value& value) {
  return {.path = instance.child(resource), .value = value};
}

/// Several at once: one by one, they cost as much as encoding them.
template <std::size_t Count>
void put(std::vector<Entry>& out, const std::array<Entry, Count>& entries) {
  out.insert(out.end(), entries.begin(), entries.end());
}
void put(std::vector<Entry>& out, const Path& path, const Value& value) {
  out.push_back({.path = path, .value = value});
}

/// The values of one id become the instances of a multiple resource, in the order in which they stand.
void resource_entries(const Path& instance, const Resources& resources, const ObjectCatalog& catalog,
                      std::vector<Entry>& out) {
  const auto* object = catalog.find(instance.object());
  for (std::size_t i = 0; i < resources.size(); ++i) {
    const auto& [id, value] = resources[i];
    const auto* resource = object != nullptr ? object->find(id) : nullptr;
    auto path = instance.child(id.value());
    if (resource != nullptr && resource->multiplicity == Multiplicity::multiple) {
      const auto before = std::count_if(resources.begin(), resources.begin() + static_cast<std::ptrdiff_t>(i),
                                        [&](const auto& other) { return other.first == id; });
      path = path.child(static_cast<std::uint16_t>(before));
    }
    put(out, path, value.view());
  }
}

SecurityMode mode_of(CredentialSource source) {
  switch (source) {
    case CredentialSource::generate:
      return SecurityMode::psk;
    case CredentialSource::raw_public_key:
      return SecurityMode::rpk;
    case CredentialSource::certificate:
    case CredentialSource::device_own:
      return SecurityMode::x509;
    case CredentialSource::none:
      break;
  }
  return SecurityMode::nosec;
}

void identity_entries(const Path& path, const fleet::ServerIdentity& identity, std::vector<Entry>& out) {
  if (identity.matching_type) put(out, path.child(13), Value::unsigned_integer(*identity.matching_type));
  if (!identity.sni.empty()) put(out, path.child(14), Value::string(identity.sni));
  if (identity.certificate_usage)
    put(out, path.child(15), Value::unsigned_integer(*identity.certificate_usage));
}

bool needs_credential(CredentialSource source) {
  return source != CredentialSource::none && source != CredentialSource::device_own;
}

/// Resources 0 to 5 of /0, of a server's account and of the bootstrap account alike. The keys that a mode
/// does not use are written empty: devices that check for them find them, others ignore them. [LwM2M-CORE 1.2
/// App. E.1; facts of peers]
template <class Account>
Result<void> common_security_entries(const Path& path, const Account& account, fleet::ServerRole role,
                                     ShortServerId server, std::span<const fleet::Credential> credentials,
                                     std::vector<Entry>& out) {
  const auto mode = mode_of(account.credential);
  ByteView name, server_key, key;
  if (needs_credential(account.credential)) {
    const auto found = std::ranges::find_if(credentials, [&](const auto& credential) {
      return credential.role == role && credential.server == server;
    });
    if (found == credentials.end()) return fail(ErrorCode::not_found, "an account has no credential");
    name = mode == SecurityMode::psk ? found->identity : found->public_part;
    key = found->key.reveal();
  }
  if (mode == SecurityMode::rpk || mode == SecurityMode::x509) server_key = account.identity.public_key;
  put<6>(out, {at(path, 0, Value::string(account.uri)),
               at(path, 1, Value::boolean(role == fleet::ServerRole::bootstrap)),
               at(path, 2, Value::integer(static_cast<std::int64_t>(mode))), at(path, 3, Value::opaque(name)),
               at(path, 4, Value::opaque(server_key)), at(path, 5, Value::opaque(key))});
  return {};
}

Result<void> security_entries(const Path& path, const fleet::ServerAccountPlan& account,
                              const Sources& sources, std::vector<Entry>& out) {
  const auto begin = static_cast<std::ptrdiff_t>(out.size());
  SLIPWAY_TRY(common_security_entries(path, account, fleet::ServerRole::management, account.id,
                                      sources.credentials, out));
  put(out, path.child(10), Value::integer(account.id.value()));
  identity_entries(path, account.identity, out);
  if (account.security_resources.empty()) return {};
  resource_entries(path, account.security_resources, sources.catalog, out);
  std::sort(out.begin() + begin, out.end(), [](const Entry& a, const Entry& b) { return a.path < b.path; });
  return {};
}

/// Complete, hold-off included, since some devices fail without it. [LwM2M-CORE 1.2 §6.1.3.3; facts of peers]
Result<void> bootstrap_entries(const Path& path, const fleet::BootstrapAccountPlan& account,
                               const Sources& sources, std::vector<Entry>& out) {
  SLIPWAY_TRY(common_security_entries(path, account, fleet::ServerRole::bootstrap, ShortServerId(),
                                      sources.credentials, out));
  put(out, path.child(11), Value::integer(account.hold_off_s));
  if (account.account_timeout_s > 0) put(out, path.child(12), Value::integer(account.account_timeout_s));
  identity_entries(path, account.identity, out);
  return {};
}

void server_entries(const Path& path, const fleet::ServerAccountPlan& account, const ObjectCatalog& catalog,
                    std::vector<Entry>& out) {
  const auto begin = static_cast<std::ptrdiff_t>(out.size());
  put<4>(out,
         {at(path, 0, Value::integer(account.id.value())), at(path, 1, Value::integer(account.lifetime_s)),
          at(path, 6, Value::boolean(account.notification_storing)),
          at(path, 7, Value::string(account.binding))});
  if (account.server_resources.empty()) return;
  resource_entries(path, account.server_resources, catalog, out);
  std::sort(out.begin() + begin, out.end(), [](const Entry& a, const Entry& b) { return a.path < b.path; });
}

void access_entries(const PlannedOperation& operation, const Sources& sources, std::vector<Entry>& out) {
  const auto& path = operation.path;
  const auto& access = sources.plan.access[operation.index];
  put(out, path.child(0), Value::integer(access.target_object.value()));
  put(out, path.child(1), Value::integer(access.target_instance.value()));
  const auto begin = static_cast<std::ptrdiff_t>(out.size());
  const auto append = [&](const fleet::AccessRight& right) {
    put(out, path.child(2).child(right.server.value()), Value::integer(right.rights));
  };
  for (const auto& right : access.acl) append(right);
  for (const auto& kept : sources.kept_rights)
    if (kept.access == operation.index) append(kept.right);
  std::sort(out.begin() + begin, out.end(), [](const Entry& a, const Entry& b) { return a.path < b.path; });
  put(out, path.child(3), Value::integer(access.owner.value()));
}

void value_entries(const Path& path, const std::vector<std::pair<Path, OwnedValue>>& values,
                   std::vector<Entry>& out) {
  for (const auto& [at, value] : values) put(out, at, value.view());
  if (values.empty() && path.level() == PathLevel::instance)
    out.push_back({.path = path, .kind = EntryKind::instance});
}

}  // namespace

const fleet::OperationPlan* explicit_operation(const PlannedOperation& operation, const fleet::Plan& plan) {
  if (operation.content == Content::before) return &plan.before[operation.index];
  if (operation.content == Content::after) return &plan.after[operation.index];
  return nullptr;
}

Result<void> append_entries(const PlannedOperation& operation, const Sources& sources,
                            std::vector<Entry>& out) {
  if (operation.operation != Operation::write) return {};
  const auto& plan = sources.plan;
  switch (operation.content) {
    case Content::none:
      break;
    case Content::security:
      return security_entries(operation.path, plan.servers[operation.index], sources, out);
    case Content::server:
      server_entries(operation.path, plan.servers[operation.index], sources.catalog, out);
      break;
    case Content::access:
      access_entries(operation, sources, out);
      break;
    case Content::instance:
      value_entries(operation.path, plan.instances[operation.index].values, out);
      break;
    case Content::bootstrap:
      return bootstrap_entries(operation.path, *plan.bootstrap, sources, out);
    case Content::before:
    case Content::after: {
      const auto& its = *explicit_operation(operation, plan);
      if (!its.payload) value_entries(operation.path, its.values, out);
      break;
    }
  }
  return {};
}

}  // namespace slipway::bootstrap

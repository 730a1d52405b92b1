// SPDX-License-Identifier: Apache-2.0
// What a plan must fulfil before a device sees it. fleet/'s lint says more, and where in the file; this is
// the last gate, for plans that come another way.
#include <algorithm>

#include <slipway/bootstrap/operations.hpp>

#include "bootstrap/core_objects.hpp"

namespace slipway::bootstrap {
namespace {

using fleet::CredentialSource;

/// What /0 and /1 hold already by the other members of an account.
constexpr bool is_said(ObjectId object, ResourceId resource) {
  const auto id = resource.value();
  if (object == kServer) return id == 0 || id == 1 || id == 6 || id == 7;
  return id <= 5 || id == 10 || id == 11 || id == 12 || (id >= 13 && id <= 15);
}

Result<void> check_credential(CredentialSource source, std::size_t psk_bytes,
                              const std::shared_ptr<const fleet::Authority>& authority) {
  if (source == CredentialSource::generate && (psk_bytes < fleet::kPskMin || psk_bytes > fleet::kPskMax))
    return fail(ErrorCode::out_of_range, "psk_bytes is not 16..64");
  if (source == CredentialSource::certificate && !authority)
    return fail(ErrorCode::out_of_range, "an account wants a certificate, but names no authority");
  return {};
}

Result<void> check_account(const fleet::ServerAccountPlan& account) {
  if (!is_server(account.id)) return fail(ErrorCode::out_of_range, "a short server id is not 1..65534");
  if (account.uri.empty()) return fail(ErrorCode::out_of_range, "an account has no uri");
  SLIPWAY_TRY(check_credential(account.credential, account.psk_bytes, account.authority));
  for (const auto& instance : {account.security_instance, account.server_instance})
    if (instance && instance->value() == kReservedId)
      return fail(ErrorCode::out_of_range, "a fixed instance of an account is 65535");
  for (const auto& [id, value] : account.server_resources)
    if (is_said(kServer, id))
      return fail(ErrorCode::duplicate, "server_resources repeats what the account says already");
  for (const auto& [id, value] : account.security_resources)
    if (is_said(kSecurity, id))
      return fail(ErrorCode::duplicate, "security_resources repeats what the account says already");
  return {};
}

Result<void> check_pair(const fleet::ServerAccountPlan& a, const fleet::ServerAccountPlan& b) {
  if (a.id == b.id)
    return fail(ErrorCode::duplicate, "two accounts of the plan have the same short server id");
  if ((a.security_instance && a.security_instance == b.security_instance) ||
      (a.server_instance && a.server_instance == b.server_instance))
    return fail(ErrorCode::duplicate, "two accounts of the plan are fixed at the same instance");
  return {};
}

Result<void> check_bootstrap_account(const fleet::Plan& plan) {
  const auto& account = *plan.bootstrap;
  if (account.uri.empty()) return fail(ErrorCode::out_of_range, "the bootstrap account has no uri");
  if (account.credential == CredentialSource::device_own)
    return fail(
        ErrorCode::refused,
        "the bootstrap account cannot take over the device's own credential: it is where that stands");
  if (plan.discover == fleet::DiscoverFirst::no)
    return fail(ErrorCode::refused,
                "the plan replaces the bootstrap account, but without a Discover nobody knows where it is");
  return check_credential(account.credential, account.psk_bytes, account.authority);
}

Result<void> check_explicit_write(const fleet::OperationPlan& operation) {
  if (!operation.path.has_object()) return fail(ErrorCode::wrong_path, "an explicit Write has no object");
  if (operation.path.object() == kSecurity)
    return fail(ErrorCode::wrong_path,
                "an explicit Write of /0 could hit the bootstrap account; say it as a server account");
  if (operation.payload && !operation.format)
    return fail(ErrorCode::out_of_range, "an explicit Write with a payload names no format");
  if (operation.payload && !operation.values.empty())
    return fail(ErrorCode::duplicate, "an explicit Write has both values and a payload");
  if (!operation.payload && operation.values.empty() && operation.path.level() != PathLevel::instance)
    return fail(ErrorCode::out_of_range, "an explicit Write has neither values nor a payload");
  for (const auto& [path, value] : operation.values)
    if (!operation.path.contains(path))
      return fail(ErrorCode::wrong_path, "a value of an explicit Write lies outside its path");
  return {};
}

Result<void> check_explicit(const fleet::OperationPlan& operation) {
  const auto& path = operation.path;
  const auto level = path.level();
  switch (operation.kind) {
    case fleet::OperationPlan::Kind::write:
      return check_explicit_write(operation);
    case fleet::OperationPlan::Kind::del:
      if (level > PathLevel::instance)
        return fail(ErrorCode::wrong_path, "an explicit Delete goes deeper than an instance");
      if (level == PathLevel::instance && path.object() == kSecurity)
        return fail(ErrorCode::wrong_path,
                    "an explicit Delete of a /0 instance could hit the bootstrap account");
      return {};
    case fleet::OperationPlan::Kind::discover:
      if (level > PathLevel::object)
        return fail(ErrorCode::wrong_path, "an explicit Discover goes deeper than an object");
      return {};
    case fleet::OperationPlan::Kind::read:
      break;
  }
  if ((level != PathLevel::object && level != PathLevel::instance) ||
      (path.object() != kServer && path.object() != kAccessControl))
    return fail(ErrorCode::wrong_path, "an explicit Read is not of /1, /2 or an instance of theirs");
  return {};
}

Result<void> check_instance(const fleet::InstancePlan& instance) {
  if (instance.instance.level() != PathLevel::instance)
    return fail(ErrorCode::wrong_path, "a further instance of the plan is not an object instance");
  if (instance.instance.object() <= kAccessControl)
    return fail(ErrorCode::wrong_path, "a further instance of the plan is of /0, /1 or /2");
  return {};
}

}  // namespace

Result<void> check_plan(const fleet::Plan& plan) {
  if (plan.servers.empty()) return fail(ErrorCode::out_of_range, "the plan has no server account");
  if (std::max({plan.servers.size(), plan.access.size(), plan.instances.size(), plan.before.size(),
                plan.after.size()}) > fleet::kPlanPartsMax)
    return fail(ErrorCode::limit, "the plan has more than 1024 parts of one kind");
  if (plan.existing == fleet::Existing::replace && plan.others == fleet::OtherAccounts::keep)
    return fail(ErrorCode::refused,
                "the plan replaces everything (DELETE /) and wants to keep other accounts");
  for (std::size_t i = 0; i < plan.servers.size(); ++i) {
    SLIPWAY_TRY(check_account(plan.servers[i]));
    for (std::size_t j = 0; j < i; ++j) SLIPWAY_TRY(check_pair(plan.servers[j], plan.servers[i]));
  }
  if (plan.bootstrap) SLIPWAY_TRY(check_bootstrap_account(plan));
  for (const auto& instance : plan.instances) SLIPWAY_TRY(check_instance(instance));
  for (const auto* part : {&plan.before, &plan.after})
    for (const auto& operation : *part) SLIPWAY_TRY(check_explicit(operation));
  return {};
}

}  // namespace slipway::bootstrap

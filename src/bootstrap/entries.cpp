// SPDX-License-Identifier: Apache-2.0
// What each Write of a plan contains. [LwM2M-CORE 1.2 App. E.1, E.2, E.3]
#include <algorithm>
#include <array>

#include "bootstrap/operations.hpp"

namespace slipway::bootstrap {
namespace {

Entry at(const Path& instance, std::uint16_t resource, const Value& value) {
  return {.path = instance.child(resource), .value = value};
}

/// The mandatory key resources that a mode does not use are written empty: devices that check for
/// them find them, others ignore them. [LwM2M-CORE 1.2 App. E.1; facts of peers]
void security_entries(const Path& path, const fleet::ServerAccountPlan& account,
                      const fleet::Credential* credential, std::vector<Entry>& out) {
  const auto mode = credential != nullptr ? credential->mode : SecurityMode::nosec;
  out.assign({
      at(path, 0, Value::string(account.uri)),
      at(path, 1, Value::boolean(false)),
      at(path, 2, Value::integer(static_cast<std::int64_t>(mode))),
      at(path, 3, Value::opaque(credential != nullptr ? ByteView(credential->identity) : ByteView())),
      at(path, 4, Value::opaque({})),
      at(path, 5, Value::opaque(credential != nullptr ? credential->key.reveal() : ByteView())),
      at(path, 10, Value::integer(account.id.value())),
  });
}

void server_entries(const Path& path, const fleet::ServerAccountPlan& account, std::vector<Entry>& out) {
  out.assign({
      at(path, 0, Value::integer(account.id.value())),
      at(path, 1, Value::integer(account.lifetime_s)),
      at(path, 6, Value::boolean(account.notification_storing)),
      at(path, 7, Value::string(account.binding)),
  });
  if (account.server_resources.empty()) return;
  for (const auto& [id, value] : account.server_resources) out.push_back(at(path, id.value(), value.view()));
  std::ranges::sort(out, {}, &Entry::path);
}

void access_entries(const Path& path, const fleet::AccessControlPlan& access, std::vector<Entry>& out) {
  out.assign({at(path, 0, Value::integer(access.target_object.value())),
              at(path, 1, Value::integer(access.target_instance.value()))});
  for (const auto& right : access.acl)
    out.push_back({.path = path.child(2).child(right.server.value()), .value = Value::integer(right.rights)});
  out.push_back(at(path, 3, Value::integer(access.owner.value())));
  std::ranges::sort(out, {}, &Entry::path);
}

void instance_entries(const fleet::InstancePlan& instance, std::vector<Entry>& out) {
  for (const auto& [path, value] : instance.values) out.push_back({.path = path, .value = value.view()});
  if (instance.values.empty()) out.push_back({.path = instance.instance, .kind = EntryKind::instance});
}

/// The credential of an account: the n-th of those that are generated.
const fleet::Credential* credential_of(const fleet::ServerAccountPlan& account,
                                       std::span<const fleet::Credential> credentials) {
  for (const auto& credential : credentials)
    if (credential.server == account.id) return &credential;
  return nullptr;
}

Bytes random_identity(Random& random) {
  constexpr char kAlphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
  std::array<std::uint8_t, 15> bits;
  random.fill(bits);
  Bytes identity(24);
  auto* at = identity.data();
  for (std::size_t i = 0; i < bits.size(); i += 5) {  // five bytes make eight characters
    std::uint64_t group = 0;
    for (std::size_t byte = 0; byte < 5; ++byte) group = group << 8 | bits[i + byte];
    for (unsigned shift = 40; shift != 0;) {
      shift -= 5;
      *at++ = static_cast<std::uint8_t>(kAlphabet[group >> shift & 31]);
    }
  }
  return identity;
}

}  // namespace

Result<void> entries_of(const PlannedOperation& operation, const fleet::Plan& plan,
                        std::span<const fleet::Credential> credentials, std::vector<Entry>& out) {
  out.clear();
  switch (operation.content) {
    case Content::none:
      return {};
    case Content::security: {
      const auto& account = plan.servers[operation.index];
      const auto* credential = credential_of(account, credentials);
      if (credential == nullptr && account.credential != fleet::CredentialSource::none)
        return fail(ErrorCode::not_found, "an account has no credential");
      security_entries(operation.path, account, credential, out);
      return {};
    }
    case Content::server:
      server_entries(operation.path, plan.servers[operation.index], out);
      return {};
    case Content::access:
      access_entries(operation.path, plan.access[operation.index], out);
      return {};
    case Content::instance:
      instance_entries(plan.instances[operation.index], out);
      return {};
  }
  return {};
}

void mint(const fleet::Plan& plan, std::string_view endpoint, Random& random,
          std::vector<fleet::Credential>& out) {
  out.clear();
  for (const auto& account : plan.servers) {
    if (account.credential != fleet::CredentialSource::generate) continue;
    std::array<std::uint8_t, fleet::kPskMax> key;
    const MutableBytes used(key.data(), account.psk_bytes);
    random.fill(used);
    auto& credential = out.emplace_back();
    credential.endpoint = endpoint;
    credential.role = fleet::ServerRole::management;
    credential.server = account.id;
    credential.identity = random_identity(random);
    credential.key = Secret(used);
    wipe(used);
  }
}

}  // namespace slipway::bootstrap

// SPDX-License-Identifier: Apache-2.0
#include "client/accounts.hpp"

#include <algorithm>

namespace slipway::client {

bool same_account(const Tree& a, InstanceId in_a, const Tree& b, InstanceId in_b) {
  const auto left = a.below(Path(kSecurity, in_a));
  const auto right = b.below(Path(kSecurity, in_b));
  return std::ranges::equal(left, right, [](const auto& x, const auto& y) {
    // The instance id may differ; resource and value may not.
    return x.first.id_at(2) == y.first.id_at(2) && x.first.id_at(3) == y.first.id_at(3) &&
           x.first.depth() == y.first.depth() && x.second.view() == y.second.view();
  });
}

std::optional<InstanceId> outlived_account(const Tree& before, const Tree& now) {
  const auto old = bootstrap_account(before);
  if (!old || !is_bootstrap_account(now, *old)) return std::nullopt;
  for (const Path& path : instances(now, kSecurity))
    if (path.instance() != *old && is_bootstrap_account(now, path.instance())) return old;
  return std::nullopt;
}

std::vector<Path> parts_of_account(const Tree& tree, InstanceId account) {
  std::vector<Path> parts{Path(kSecurity, account)};
  for (const auto& [path, value] : tree.below(parts.front())) {
    if (value.view().type() != DataType::objlnk || value.view().as_objlnk().is_null()) continue;
    const auto link = value.view().as_objlnk();
    parts.emplace_back(ObjectId(link.object), InstanceId(link.instance));
  }
  return parts;
}

bool survives_delete(const Tree& tree, const Path& instance) {
  if (instance == Path(kDevice, InstanceId(0))) return true;
  for (const Path& account : instances(tree, kSecurity)) {
    if (!is_bootstrap_account(tree, account.instance())) continue;
    const auto parts = parts_of_account(tree, account.instance());
    if (std::ranges::find(parts, instance) != parts.end()) return true;
  }
  return false;
}

bool is_spare_account(const Tree& tree, const Path& instance) {
  if (instance.object() != kSecurity || !is_bootstrap_account(tree, instance.instance())) return false;
  return std::ranges::any_of(instances(tree, kSecurity), [&](const Path& other) {
    return other != instance && is_bootstrap_account(tree, other.instance());
  });
}

namespace {

bool is_certificate_account(const Tree& tree, InstanceId id) {
  return tree.integer(security(id, 2)) == static_cast<std::int64_t>(SecurityMode::x509);
}

}  // namespace

Result<void> adopt_own_certificate(const Tree& before, Tree& tree) {
  const auto account = bootstrap_account(before);
  if (!account || !is_certificate_account(before, *account)) return {};
  const auto certificate = before.opaque(security(*account, 3));
  const auto key = before.opaque(security(*account, 5));
  if (certificate.empty() || key.empty()) return {};
  std::vector<InstanceId> lacking;
  for (const Path& path : instances(tree, kSecurity)) {
    const auto id = path.instance();
    if (is_certificate_account(tree, id) && tree.opaque(security(id, 3)).empty() &&
        tree.opaque(security(id, 5)).empty())
      lacking.push_back(id);
  }
  for (const auto id : lacking) {
    SLIPWAY_TRY(tree.put(security(id, 3), Value::opaque(certificate)));
    SLIPWAY_TRY(tree.put(security(id, 5), Value::opaque(key)));
  }
  return {};
}

void erase_account(Tree& tree, InstanceId account) {
  auto gone = parts_of_account(tree, account);
  tree.erase(gone.front());
  for (const Path& other : instances(tree, kSecurity))
    for (const auto& kept : parts_of_account(tree, other.instance())) std::erase(gone, kept);
  for (const auto& path : gone) tree.erase(path);
}

}  // namespace slipway::client

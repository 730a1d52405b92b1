// SPDX-License-Identifier: Apache-2.0
#include "client/validation.hpp"

#include <algorithm>
#include <array>

#include <slipway/base/uri.hpp>

#include "client/accounts.hpp"

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

namespace {

constexpr std::size_t kPskIdentityMax = 128;  // what must be supported [LwM2M-TRANSPORT 1.2 §5.2.9.1]
constexpr std::size_t kPskMax = 64;
using Found = std::optional<Inconsistency>;

Found missing_mandatory(const Model& model, const Path& instance) {
  const auto* object = model.find(instance.object());
  for (const auto& resource : object->definition().resources) {
    if (resource.presence != Presence::mandatory || resource.type == DataType::none) continue;
    // /0/x/3, 4 and 5 are mandatory by the table and unused in some modes; the mode decides below.
    const bool by_mode =
        instance.object() == kSecurity && resource.id.value() >= 3 && resource.id.value() <= 5;
    if (!by_mode && !model.has_resource(instance.child(resource.id.value())))
      return Inconsistency{instance.child(resource.id.value()), "a mandatory resource is missing"};
  }
  return std::nullopt;
}

Found check_psk(const Tree& tree, InstanceId id) {
  const auto identity = tree.opaque(security(id, 3));
  const auto key = tree.opaque(security(id, 5));
  if (identity.empty()) return Inconsistency{security(id, 3), "the PSK identity is missing"};
  if (identity.size() > kPskIdentityMax)
    return Inconsistency{security(id, 3), "the PSK identity is above 128 bytes"};
  if (key.empty()) return Inconsistency{security(id, 5), "the PSK is missing"};
  if (key.size() > kPskMax) return Inconsistency{security(id, 5), "the PSK is above 64 bytes"};
  return std::nullopt;
}

Found check_public_key(const Tree& tree, InstanceId id) {
  if (tree.opaque(security(id, 3)).empty())
    return Inconsistency{security(id, 3), "the public key is missing"};
  if (tree.opaque(security(id, 4)).empty())
    return Inconsistency{security(id, 4), "the server's public key is missing"};
  if (tree.opaque(security(id, 5)).empty())
    return Inconsistency{security(id, 5), "the private key is missing"};
  return std::nullopt;
}

Found check_security(const Tree& tree, InstanceId id) {
  const auto uri = parse_uri(tree.text(security(id, 0)));
  if (!uri)
    return Inconsistency{security(id, 0), "the server URI is not one of coap, coaps, coap+tcp, coaps+tcp"};
  const auto mode = static_cast<SecurityMode>(tree.integer(security(id, 2)).value_or(-1));
  if (is_secure(uri->scheme) != (mode != SecurityMode::nosec))
    return Inconsistency{security(id, 0), "the scheme of the URI and the security mode disagree"};
  if (!is_bootstrap_account(tree, id) && !is_server(security_server(tree, id)))
    return Inconsistency{security(id, 10), "a server account has no short server id"};
  switch (mode) {
    case SecurityMode::nosec:
      return std::nullopt;
    case SecurityMode::psk:
      return check_psk(tree, id);
    case SecurityMode::rpk:
    case SecurityMode::x509:
      return check_public_key(tree, id);
    case SecurityMode::est:
      break;
  }
  return Inconsistency{security(id, 2), "the device does not have this security mode"};
}

Found check_server(const Tree& tree, InstanceId id) {
  if (!is_server(server_of(tree, id)))
    return Inconsistency{server(id, 0), "0 and 65535 are no short server ids"};
  if (tree.integer(server(id, 1)).value_or(-1) < 0)
    return Inconsistency{server(id, 1), "the lifetime is negative"};
  const auto binding = tree.text(server(id, 7));
  constexpr std::string_view kLetters = "UTSNMHQ";
  if (binding.empty() || !std::ranges::all_of(binding, [&](char c) { return kLetters.contains(c); }))
    return Inconsistency{server(id, 7), "the binding has a letter that no transport has"};
  return std::nullopt;
}

/// Every link of a /0 instance leads to an instance that exists, and no other /0 instance has the same.
Found check_links(const Tree& tree) {
  std::vector<Objlnk> seen;
  for (const auto& [path, value] : tree.below(Path(kSecurity))) {
    if (value.view().type() != DataType::objlnk || value.view().as_objlnk().is_null()) continue;
    const auto link = value.view().as_objlnk();
    if (!tree.contains(Path(ObjectId(link.object), InstanceId(link.instance))))
      return Inconsistency{path, "the link leads to an object instance that does not exist"};
    const bool is_oscore = path.resource() == ResourceId(17);
    if (is_oscore && link.object != kOscore.value())
      return Inconsistency{path, "the link does not lead to /21"};
    if (is_oscore && std::ranges::find(seen, link) != seen.end())
      return Inconsistency{path, "two accounts share one OSCORE context"};
    if (is_oscore) seen.push_back(link);
  }
  return std::nullopt;
}

/// Accounts are pairs of /0 and /1, each server once, and one bootstrap account at most.
Found check_pairs(const Tree& tree) {
  bool has_bootstrap = false;
  std::vector<ShortServerId> seen;
  for (const Path& path : instances(tree, kSecurity)) {
    if (is_bootstrap_account(tree, path.instance())) {
      if (has_bootstrap) return Inconsistency{path, "there are two bootstrap accounts"};
      has_bootstrap = true;
      continue;
    }
    const auto id = security_server(tree, path.instance());
    if (std::ranges::find(seen, id) != seen.end())
      return Inconsistency{path, "two Security instances have the same short server id"};
    seen.push_back(id);
    if (!find_server(tree, id))
      return Inconsistency{path, "the account has no Server instance of its short server id"};
  }
  seen.clear();
  for (const Path& path : instances(tree, kServer)) {
    const auto id = server_of(tree, path.instance());
    if (std::ranges::find(seen, id) != seen.end())
      return Inconsistency{path, "two Server instances have the same short server id"};
    seen.push_back(id);
    if (!find_security(tree, id))
      return Inconsistency{path, "the account has no Security instance of its short server id"};
  }
  return std::nullopt;
}

/// One /2 instance for one target.
Found check_access(const Tree& tree) {
  std::vector<std::pair<std::int64_t, std::int64_t>> seen;
  for (const Path& path : instances(tree, kAccessControl)) {
    const std::pair target{tree.integer(path.child(0)).value_or(-1),
                           tree.integer(path.child(1)).value_or(-1)};
    if (std::ranges::find(seen, target) != seen.end())
      return Inconsistency{path, "two Access Control instances speak of the same target"};
    seen.push_back(target);
  }
  return std::nullopt;
}

}  // namespace

Found validate(const Model& model, Purpose purpose) {
  const auto& tree = model.tree();
  for (const auto& [id, object] : model.objects()) {
    if (object.kind() != Object::Kind::stored) continue;
    for (const Path& instance : instances(tree, id))
      if (auto found = missing_mandatory(model, instance)) return found;
  }
  for (const Path& path : instances(tree, kSecurity))
    if (auto found = check_security(tree, path.instance())) return found;
  for (const Path& path : instances(tree, kServer))
    if (auto found = check_server(tree, path.instance())) return found;
  if (auto found = check_pairs(tree)) return found;
  if (auto found = check_links(tree)) return found;
  if (auto found = check_access(tree)) return found;
  const bool any_server = !instances(tree, kServer).empty();
  if (!any_server && (purpose == Purpose::finish || !bootstrap_account(tree)))
    return Inconsistency{Path(kServer), purpose == Purpose::finish
                                            ? "there is no server account"
                                            : "there is neither a bootstrap nor a server account"};
  if (model.find(kDevice) != nullptr && !model.has_instance(Path(kDevice, InstanceId(0))))
    return Inconsistency{Path(kDevice, InstanceId(0)), "the Device instance is missing"};
  return std::nullopt;
}

}  // namespace slipway::client

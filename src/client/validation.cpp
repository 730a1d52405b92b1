// SPDX-License-Identifier: Apache-2.0
#include "client/validation.hpp"

#include <algorithm>
#include <array>

#include "client/account_rules.hpp"
#include "client/accounts.hpp"

namespace slipway::client {
namespace {

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

Found check_server(const Tree& tree, InstanceId id) {
  if (!is_server(server_of(tree, id)))
    return Inconsistency{server(id, 0), "0 and 65535 are no short server ids"};
  if (tree.integer(server(id, 1)).value_or(-1) < 0)
    return Inconsistency{server(id, 1), "the lifetime is negative"};
  const auto binding = tree.text(server(id, 7));
  constexpr std::string_view kLetters = "UTSNMHQ";
  if (binding.empty() || !std::ranges::all_of(binding, [&](char c) { return kLetters.contains(c); }))
    return Inconsistency{server(id, 7), "the binding has a letter that no transport has"};
  const auto preferred = tree.text(server(id, 22));
  if (!preferred.empty() && (preferred.size() != 1 || !kLetters.substr(0, 6).contains(preferred[0])))
    return Inconsistency{server(id, 22), "the preferred transport is not the letter of one"};
  return std::nullopt;
}

/// Where the links of a /0 instance lead. [LwM2M-CORE 1.2 App. E.1]
struct LinkRule {
  ResourceId resource;
  ObjectId leads_to;
  const char* elsewhere;
};
constexpr std::array kLinkRules = {
    LinkRule{ResourceId(17), kOscore, "the link does not lead to /21"},
    LinkRule{ResourceId(26), kMqtt, "the link does not lead to /24"},
    LinkRule{ResourceId(27), kCose, "the link does not lead to /23"},
};

/// Every link of a /0 instance leads to an instance of its object that exists; an OSCORE context has one
/// account.
Found check_links(const Tree& tree) {
  std::vector<Objlnk> contexts;
  for (const auto& [path, value] : tree.below(Path(kSecurity))) {
    if (value.view().type() != DataType::objlnk || value.view().as_objlnk().is_null()) continue;
    const auto link = value.view().as_objlnk();
    const auto* rule = std::ranges::find(kLinkRules, path.resource(), &LinkRule::resource);
    if (rule != kLinkRules.end() && link.object != rule->leads_to.value())
      return Inconsistency{path, rule->elsewhere};
    if (!tree.contains(Path(ObjectId(link.object), InstanceId(link.instance))))
      return Inconsistency{path, "the link leads to an object instance that does not exist"};
    if (link.object != kOscore.value()) continue;
    if (std::ranges::find(contexts, link) != contexts.end())
      return Inconsistency{path, "two accounts share one OSCORE context"};
    contexts.push_back(link);
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

/// Rights and ownership are those of servers that the device has. 0 is the default entry, and an instance
/// that nobody owns has the owner 65535. [LwM2M-CORE 1.2 §8.1, App. E.3]
Found check_rights(const Tree& tree) {
  const auto is_known = [&](std::int64_t id) { return find_server(tree, short_id(id)).has_value(); };
  for (const Path& path : instances(tree, kAccessControl)) {
    const auto owner = tree.integer(path.child(3)).value_or(-1);
    if (owner != kReservedId && !is_known(owner))
      return Inconsistency{path.child(3), "the owner is no server of this device"};
    for (const auto& [at, value] : tree.below(path.child(2))) {
      if (!at.has_resource_instance()) continue;
      const auto id = at.resource_instance().value();
      if (id != 0 && !is_known(id)) return Inconsistency{at, "the rights are those of an unknown server"};
    }
  }
  return std::nullopt;
}

/// A session that takes the bootstrap account away leaves the device without a way back. It goes by /0/x/12,
/// or for another. [LwM2M-CORE 1.2 §6.1.3.3]
Found check_replacement(const Model& model) {
  if (!model.in_transaction()) return std::nullopt;
  const auto old = bootstrap_account(model.before());
  if (!old || bootstrap_account(model.tree())) return std::nullopt;
  return Inconsistency{Path(kSecurity, *old),
                       "the bootstrap account was written over, and there is no other"};
}

}  // namespace

Found validate(const Model& model, Purpose purpose, const Checks& checks) {
  const auto& tree = model.tree();
  for (const auto& [id, object] : model.objects()) {
    if (object.kind() != Object::Kind::stored) continue;
    for (const Path& instance : instances(tree, id))
      if (auto found = missing_mandatory(model, instance)) return found;
  }
  for (const Path& path : instances(tree, kSecurity))
    if (auto found = check_security(tree, path.instance(), checks)) return found;
  for (const Path& path : instances(tree, kServer))
    if (auto found = check_server(tree, path.instance())) return found;
  for (const Path& path : instances(tree, kOscore))
    if (auto found = check_oscore(tree, path.instance())) return found;
  if (auto found = check_pairs(tree)) return found;
  if (auto found = check_links(tree)) return found;
  if (auto found = check_access(tree)) return found;
  if (purpose == Purpose::finish) {
    if (auto found = check_rights(tree)) return found;
    if (auto found = check_replacement(model)) return found;
  }
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

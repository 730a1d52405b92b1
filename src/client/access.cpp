// SPDX-License-Identifier: Apache-2.0
#include "client/access.hpp"

#include <algorithm>

#include "client/accounts.hpp"

namespace slipway::client {
namespace {

constexpr std::uint16_t kTargetObject = 0;
constexpr std::uint16_t kTargetInstance = 1;
constexpr std::uint16_t kAcl = 2;
constexpr std::uint16_t kOwner = 3;

std::uint16_t id_from(std::optional<std::int64_t> number) {
  return number && *number >= 0 && *number <= kReservedId ? static_cast<std::uint16_t>(*number) : kReservedId;
}

std::optional<InstanceId> free_instance(const Model& model, ObjectId object) {
  const auto taken = model.instances_of(object);
  for (std::uint16_t id = 0; id < kReservedId; ++id)
    if (!std::ranges::binary_search(taken, InstanceId(id))) return InstanceId(id);
  return std::nullopt;
}

/// The servers that have an account, without one of them.
std::vector<ShortServerId> other_servers(const Tree& tree, ShortServerId gone) {
  std::vector<ShortServerId> servers;
  for (const Path& path : instances(tree, kServer))
    if (const auto id = server_of(tree, path.instance()); is_server(id) && id != gone) servers.push_back(id);
  std::ranges::sort(servers);
  return servers;
}

/// Takes one server out of one rule; true when it was the only one that could reach the target.
bool take_out(Model& model, const OwnedRule& rule, ShortServerId gone) {
  const auto others = other_servers(model.tree(), gone);
  const auto view = rule.view();
  const bool could_reach = lwm2m::rights_on_instance(&view, gone) != 0;
  const bool others_can = std::ranges::any_of(
      others, [&](ShortServerId server) { return lwm2m::rights_on_instance(&view, server) != 0; });
  if (rule.instance != kReservedId && could_reach && !others_can) return true;
  auto& tree = model.mutable_tree();
  tree.erase(rule.place.child(kAcl).child(gone.value()));
  if (rule.owner != gone.value()) return false;
  const auto elected = lwm2m::elect_owner(view, others);
  (void)tree.put(rule.place.child(kOwner), Value::integer(elected ? elected->value() : kReservedId));
  return false;
}

}  // namespace

OwnedRule read_rule(const Tree& tree, const Path& place) {
  OwnedRule rule{.place = place,
                 .object = ObjectId(id_from(tree.integer(place.child(kTargetObject)))),
                 .instance = id_from(tree.integer(place.child(kTargetInstance))),
                 .owner = id_from(tree.integer(place.child(kOwner))),
                 .acl = {}};
  for (const auto& [path, value] : tree.below(place.child(kAcl)))
    if (path.has_resource_instance() && value.view().type() == DataType::integer)
      rule.acl.push_back({ShortServerId(path.resource_instance().value()),
                          static_cast<std::uint16_t>(value.view().as_integer() & 31)});
  return rule;
}

std::optional<OwnedRule> find_rule(const Tree& tree, ObjectId object, std::uint16_t instance) {
  for (const Path& place : instances(tree, kAccessControl))
    if (id_from(tree.integer(place.child(kTargetObject))) == object.value() &&
        id_from(tree.integer(place.child(kTargetInstance))) == instance)
      return read_rule(tree, place);
  return std::nullopt;
}

lwm2m::AccessMode access_mode(const Tree& tree) {
  return std::ranges::distance(instances(tree, kServer)) > 1 ? lwm2m::AccessMode::controlled
                                                             : lwm2m::AccessMode::single_server;
}

bool may(const Tree& tree, ShortServerId server, lwm2m::Right right, const Path& target) {
  const auto mode = access_mode(tree);
  if (mode == lwm2m::AccessMode::single_server) return true;
  if (target.object() == kAccessControl) {
    if (right == lwm2m::Right::read) return true;
    return right == lwm2m::Right::write && read_rule(tree, target.prefix(2)).owner == server.value();
  }
  const auto rule = find_rule(tree, target.object(),
                              right == lwm2m::Right::create ? kReservedId : target.instance().value());
  if (!rule) return lwm2m::allowed(mode, right, nullptr, server);
  const auto view = rule->view();
  return lwm2m::allowed(mode, right, &view, server);
}

Result<void> own_new_instance(Model& model, const Path& instance, ShortServerId server) {
  auto& tree = model.mutable_tree();
  if (access_mode(tree) == lwm2m::AccessMode::single_server) return {};
  drop_rule(model, instance);
  const auto id = free_instance(model, kAccessControl);
  if (!id) return fail(ErrorCode::limit, "there are no free Access Control instances");
  const Path place(kAccessControl, *id);
  SLIPWAY_TRY(model.create_instance(place));
  SLIPWAY_TRY(tree.put(place.child(kTargetObject), Value::integer(instance.object().value())));
  SLIPWAY_TRY(tree.put(place.child(kTargetInstance), Value::integer(instance.instance().value())));
  return tree.put(place.child(kOwner), Value::integer(server.value()));
}

void drop_rule(Model& model, const Path& instance) {
  if (const auto rule = find_rule(model.tree(), instance.object(), instance.instance().value()))
    model.mutable_tree().erase(rule->place);
}

void unbootstrap(Model& model, ShortServerId server) {
  auto& tree = model.mutable_tree();
  std::vector<Path> places;
  for (const Path& place : instances(tree, kAccessControl)) places.push_back(place);
  for (const Path& place : places) {
    const auto rule = read_rule(tree, place);
    if (!take_out(model, rule, server)) continue;
    const Path target(rule.object, InstanceId(rule.instance));
    if (!survives_delete(tree, target)) (void)model.delete_instance(target);
    tree.erase(place);
  }
  if (const auto pair = find_server(tree, server)) {
    drop_rule(model, Path(kServer, *pair));
    tree.erase(Path(kServer, *pair));
  }
}

}  // namespace slipway::client

// SPDX-License-Identifier: Apache-2.0
#include "client/card_accounts.hpp"

#include <algorithm>
#include <array>

#include "client/access.hpp"
#include "client/accounts.hpp"

namespace slipway::client {
namespace {

/// The objects that accounts are made of.
constexpr std::array kAccountObjects{kSecurity, kServer, kAccessControl, kOscore, kCose, kMqtt};

bool same_instance(const Tree& a, const Tree& b, const Path& instance) {
  return std::ranges::equal(a.below(instance), b.below(instance), [](const auto& x, const auto& y) {
    return x.first == y.first && x.second.view() == y.second.view();
  });
}

/// Accounts that are still as the factory made them.
void set_factory_aside(Model& model, std::span<const ShortServerId> staying) {
  const auto* factory = model.factory();
  if (factory == nullptr) return;
  std::vector<InstanceId> aside;
  for (const Path& path : instances(model.tree(), kSecurity))
    if (factory->contains(path) && same_instance(model.tree(), *factory, path))
      aside.push_back(path.instance());
  for (const auto instance : aside) drop_account(model, instance, staying);
}

/// Ascending object instances that the card describes and the device can hold.
std::vector<Path> instances_of(const Model& model, std::span<const Entry> entries) {
  std::vector<Path> found;
  for (const auto& entry : entries) {
    const auto* object = entry.path.has_instance() ? model.find(entry.path.object()) : nullptr;
    if (object != nullptr && object->kind() == Object::Kind::stored) found.push_back(entry.path.prefix(2));
  }
  std::ranges::sort(found);
  found.erase(std::ranges::unique(found).begin(), found.end());
  return found;
}

/// The entry's value, where the card has it.
template <class Read>
auto value_at(std::span<const Entry> entries, const Path& path, Read read)
    -> std::optional<decltype(read(Value()))> {
  for (const auto& entry : entries)
    if (entry.path == path && entry.kind == EntryKind::value) return read(entry.value);
  return std::nullopt;
}

bool is_new_bootstrap(std::span<const Entry> entries, InstanceId security_instance) {
  return value_at(entries, security(security_instance, 1),
                  [](const Value& value) { return value.type() == DataType::boolean && value.as_boolean(); })
      .value_or(false);
}

ShortServerId new_server(std::span<const Entry> entries, InstanceId instance) {
  if (is_new_bootstrap(entries, instance)) return ShortServerId(0);
  return short_id(value_at(entries, security(instance, 10), [](const Value& value) {
    return value.type() == DataType::integer ? value.as_integer() : std::int64_t{0};
  }));
}

/// Whatever of the device stands where an instance of the card comes to stand.
void make_room(Model& model, std::span<const Entry> entries, const Path& instance,
               std::span<const ShortServerId> staying) {
  const auto& tree = model.tree();
  std::vector<InstanceId> accounts;
  if (instance.object() == kSecurity) {
    if (tree.contains(instance)) accounts.push_back(instance.instance());
    const auto rival = is_new_bootstrap(entries, instance.instance())
                           ? bootstrap_account(tree)
                           : find_security(tree, new_server(entries, instance.instance()));
    if (rival && *rival != instance.instance()) accounts.push_back(*rival);
  } else if (instance.object() == kServer && tree.contains(instance)) {
    if (const auto pair = find_security(tree, server_of(tree, instance.instance())))
      accounts.push_back(*pair);
  }
  for (const auto account : accounts) drop_account(model, account, staying);
  model.mutable_tree().erase(instance);
}

/// Servers that the card has accounts for.
std::vector<ShortServerId> servers_of(std::span<const Entry> entries, std::span<const Path> coming) {
  std::vector<ShortServerId> servers;
  for (const auto& instance : coming)
    if (instance.object() == kSecurity) servers.push_back(new_server(entries, instance.instance()));
  return servers;
}

std::optional<Inconsistency> put(Model& model, const Entry& entry) {
  const auto& place = entry.path;
  auto& tree = model.mutable_tree();
  if (entry.kind != EntryKind::value) {
    if (auto marked = tree.mark(place); !marked) return Inconsistency{place, marked.error().detail};
    return std::nullopt;
  }
  const auto* known = model.definition(place);
  if (known == nullptr) return std::nullopt;
  if (auto fits = check(*known, entry.value); !fits) return Inconsistency{place, fits.error().detail};
  if (auto stored = tree.put(place, entry.value); !stored) return Inconsistency{place, stored.error().detail};
  return std::nullopt;
}

}  // namespace

void drop_account(Model& model, InstanceId instance, std::span<const ShortServerId> staying) {
  auto& tree = model.mutable_tree();
  const auto server = security_server(tree, instance);
  erase_account(tree, instance);
  if (!is_server(server)) return;
  if (std::ranges::find(staying, server) == staying.end()) return unbootstrap(model, server);
  if (const auto pair = find_server(tree, server)) tree.erase(Path(kServer, *pair));
}

void remove_card(Model& model, std::span<const ShortServerId> staying) {
  const auto old = std::exchange(model.mutable_memory().card, {});
  for (const Path& instance : old.instances) {
    if (instance.object() == kSecurity && model.tree().contains(instance))
      drop_account(model, instance.instance(), staying);
    else
      model.mutable_tree().erase(instance);
  }
}

std::optional<Inconsistency> apply_card(Model& model, std::span<const Entry> entries, std::uint64_t digest,
                                        const Checks& checks) {
  const auto coming = instances_of(model, entries);
  const auto staying = servers_of(entries, coming);
  remove_card(model, staying);
  const bool has_accounts =
      std::ranges::any_of(coming, [](const Path& instance) { return instance.object() == kSecurity; });
  if (has_accounts) set_factory_aside(model, staying);
  for (const auto& instance : coming) make_room(model, entries, instance, staying);
  for (const auto& instance : coming)
    if (auto marked = model.mutable_tree().mark(instance); !marked)
      return Inconsistency{instance, marked.error().detail};
  for (const auto& entry : entries)
    if (std::ranges::binary_search(coming, entry.path.prefix(2)))
      if (auto wrong = put(model, entry)) return wrong;
  model.mutable_memory().card = {digest, coming};
  return validate(model, Purpose::factory, checks);
}

bool has_factory_accounts(const Model& model) {
  const auto* factory = model.factory();
  return factory != nullptr && !instances(*factory, kSecurity).empty();
}

Result<void> use_factory_accounts(Model& model) {
  const auto* factory = model.factory();
  if (factory == nullptr) return {};
  model.mutable_tree().erase(Path(kServer));  // halves of accounts
  for (const auto object : kAccountObjects)
    for (const auto& [path, value] : factory->below(Path(object))) {
      auto& tree = model.mutable_tree();
      SLIPWAY_TRY(value.view().empty() ? tree.mark(path) : tree.put(path, value.view()));
    }
  return {};
}

void remember_bootstrap(Model& model) {
  auto& memory = model.mutable_memory();
  memory.bootstrapped = true;
  memory.registered.clear();
  const auto& before = model.before();
  const auto& tree = model.tree();
  auto& origin = memory.card.instances;
  // A server may write its own /1 instance: that one follows its account.
  std::erase_if(origin, [&](const Path& path) {
    return path.object() != kServer && (!tree.contains(path) || !same_instance(before, tree, path));
  });
  std::erase_if(origin, [&](const Path& path) {
    if (path.object() != kServer) return false;
    const auto pair = find_security(tree, server_of(tree, path.instance()));
    return !pair || !std::ranges::binary_search(origin, Path(kSecurity, *pair));
  });
}

}  // namespace slipway::client

// SPDX-License-Identifier: Apache-2.0
#include "client/bootstrap_write.hpp"

#include <algorithm>

#include "client/access.hpp"
#include "client/accounts.hpp"

namespace slipway::client {
namespace {

/// Text or opaque of no bytes where the resource takes some: how Leshan says that it has no SMS key. Inside a
/// list it is the same as leaving an optional resource out.
bool stands_for_nothing(const ResourceDefinition& known, const Value& value) {
  const bool has_length = value.type() == DataType::opaque || value.type() == DataType::string;
  return has_length && value.type() == known.type && known.presence == Presence::optional &&
         value.as_opaque().empty() && known.range.present && known.range.min > 0;
}

/// What is known of an entry's place: unknown optional resources are no error inside a list.
enum class Place : std::uint8_t { known, unknown };

Result<Place> check_entry(const Model& model, const Path& base, const Entry& entry) {
  const auto* object = model.find(entry.path.object());
  if (object == nullptr) return fail(ErrorCode::unknown_object, "the device does not have this object");
  if (object->kind() == Object::Kind::fixed && !model.has_instance(entry.path.prefix(2)))
    return fail(ErrorCode::not_found, "this object instance cannot be created");
  if (entry.path.has_instance() && entry.path.instance().value() == kReservedId)
    return fail(ErrorCode::out_of_range, "65535 is no instance id");
  if (entry.kind == EntryKind::absent) return fail(ErrorCode::malformed, "a record has no value");
  if (!entry.path.has_resource()) return Place::known;
  const auto* known = model.definition(entry.path);
  const bool has_value = known != nullptr && known->type != DataType::none;
  const bool is_there =
      has_value && (object->kind() == Object::Kind::stored || model.has_resource(entry.path.prefix(3)));
  if (!is_there) {
    if (base.has_resource())
      return fail(ErrorCode::unknown_resource, "the device does not have this resource");
    return Place::unknown;
  }
  const bool is_multiple = known->multiplicity == Multiplicity::multiple;
  if (is_multiple != (entry.path.has_resource_instance() || entry.kind == EntryKind::multiple))
    return fail(ErrorCode::wrong_type, "a resource is single or multiple, not the other");
  if (entry.kind != EntryKind::value) return Place::known;
  if (!base.has_resource() && stands_for_nothing(*known, entry.value)) return Place::unknown;
  SLIPWAY_TRY(check(*known, entry.value));
  return Place::known;
}

/// Removes what an instance holds, where it is made of stored values only.
void empty_instance(Model& model, const Path& instance) {
  if (model.find(instance.object())->kind() != Object::Kind::stored) return;
  model.mutable_tree().erase(instance);
}

/// Makes the instances that a payload names: only then it is known which resources they have.
Result<void> make_instances(Model& model, std::span<const Entry> entries) {
  for (const auto& entry : entries) {
    const auto instance = entry.path.prefix(2);
    const auto* object = model.find(instance.object());
    if (object == nullptr || object->kind() != Object::Kind::creatable || !instance.has_instance() ||
        instance.instance().value() == kReservedId || model.has_instance(instance))
      continue;
    SLIPWAY_TRY(model.create_instance(instance));
  }
  return {};
}

Result<void> apply(Model& model, const Path& base, std::span<const Entry> entries) {
  std::optional<Path> current;
  if (base.depth() == 2) {
    empty_instance(model, base);
    if (!model.has_instance(base)) SLIPWAY_TRY(model.create_instance(base));
    current = base;
  }
  for (std::size_t i = 0; i < entries.size();) {
    const auto instance = entries[i].path.prefix(2);
    if (current != instance) {
      // An instance in the payload is written as a whole; one resource is written on its own.
      if (!base.has_resource()) empty_instance(model, instance);
      if (!model.has_instance(instance)) SLIPWAY_TRY(model.create_instance(instance));
      current = instance;
    }
    if (!entries[i].path.has_resource()) {
      ++i;
      continue;
    }
    const auto resource = entries[i].path.prefix(3);
    auto end = i;
    while (end < entries.size() && entries[end].path.prefix(3) == resource) ++end;
    SLIPWAY_TRY(model.write(resource, entries.subspan(i, end - i), Model::Merge::replace));
    i = end;
  }
  return {};
}

/// Removes the instances of every object that a pack names, but for what every delete leaves.
Result<void> clear_objects(Model& model, std::span<const Entry> entries) {
  std::vector<ObjectId> named;
  for (const auto& entry : entries) {
    if (model.find(entry.path.object()) == nullptr || !entry.path.has_object())
      return fail(ErrorCode::unknown_object, "the device does not have an object of the pack");
    if (std::ranges::find(named, entry.path.object()) == named.end()) named.push_back(entry.path.object());
  }
  for (const auto id : named)
    for (const auto instance : model.instances_of(id)) {
      const Path path(id, instance);
      const bool stays = survives_delete(model.tree(), path) || model.find(id)->is_permanent(instance);
      if (!stays) SLIPWAY_TRY(model.delete_instance(path));
    }
  return {};
}

}  // namespace

Result<void> write_bootstrap(Model& model, const Path& base, std::span<const Entry> entries) {
  SLIPWAY_TRY(make_instances(model, entries));
  std::vector<Entry> known;
  for (const auto& entry : entries) {
    SLIPWAY_ASSIGN(const auto place, check_entry(model, base, entry));
    if (place == Place::known) known.push_back(entry);
  }
  if (base.has_resource() && known.empty()) return fail(ErrorCode::malformed, "the payload has no value");
  std::ranges::sort(known, {}, &Entry::path);
  return apply(model, base, known);
}

Result<void> write_pack(Model& model, std::span<const Entry> entries) {
  if (entries.empty()) return fail(ErrorCode::malformed, "the pack is empty");
  std::vector<ShortServerId> servers_before;
  for (const Path& path : instances(model.tree(), kSecurity))
    servers_before.push_back(security_server(model.tree(), path.instance()));
  SLIPWAY_TRY(clear_objects(model, entries));
  SLIPWAY_TRY(write_bootstrap(model, Path(), entries));
  // The account that the pack brings is the one that stays.
  if (const auto old = outlived_account(model.before(), model.tree()))
    erase_account(model.mutable_tree(), *old);
  for (const auto server : servers_before)
    if (is_server(server) && !find_security(model.tree(), server)) unbootstrap(model, server);
  return {};
}

}  // namespace slipway::client

// SPDX-License-Identifier: Apache-2.0
#include "client/writing.hpp"

#include <algorithm>

#include "client/validation.hpp"

namespace slipway::client {
namespace {

bool is_live(const Model& model, const Path& path) {
  const auto* object = model.find(path.object());
  return object != nullptr && object->kind() != Object::Kind::stored;
}

Result<void> check_entry(const Model& model, const Entry& entry, WriteKind kind) {
  if (entry.kind == EntryKind::absent) return fail(ErrorCode::malformed, "a record has no value");
  if (!entry.path.has_resource()) return {};
  const auto* known = model.definition(entry.path);
  // The resources of an instance that does not exist yet are known only by the definition.
  const bool must_exist = is_live(model, entry.path) && kind != WriteKind::create;
  if (known == nullptr || (must_exist && !model.has_resource(entry.path)))
    return fail(ErrorCode::not_found, "there is no such resource");
  if (known->type == DataType::none) return fail(ErrorCode::wrong_path, "the resource has no value");
  if (!can_write(known->operations) && kind != WriteKind::create)
    return fail(ErrorCode::wrong_path, "the resource cannot be written");
  const bool is_multiple = known->multiplicity == Multiplicity::multiple;
  if (is_multiple != (entry.path.has_resource_instance() || entry.kind == EntryKind::multiple))
    return fail(ErrorCode::wrong_type, "a resource is single or multiple, not the other");
  if (entry.path.id_at(3) == kReservedId) return fail(ErrorCode::out_of_range, "65535 is no id");
  return entry.kind == EntryKind::value ? check(*known, entry.value) : Result<void>();
}

/// A replaced instance keeps what the server cannot write, and what must be there.
void forget_omitted(Model& model, const Path& instance, std::span<const Entry> entries) {
  std::vector<Path> omitted;
  for (const auto id : model.resources_of(instance)) {
    const auto resource = instance.child(id.value());
    const auto* known = model.definition(resource);
    const bool named =
        std::ranges::any_of(entries, [&](const Entry& entry) { return resource.contains(entry.path); });
    if (!named && known != nullptr && can_write(known->operations) && known->presence == Presence::optional)
      omitted.push_back(resource);
  }
  for (const auto& resource : omitted) model.mutable_tree().erase(resource);
}

Result<void> apply(Model& model, const Path& base, std::span<const Entry> entries, WriteKind kind) {
  if (kind == WriteKind::replace && base.depth() == 2 && !is_live(model, base))
    forget_omitted(model, base, entries);
  for (std::size_t i = 0; i < entries.size();) {
    auto end = i;
    while (end < entries.size() && entries[end].path.prefix(3) == entries[i].path.prefix(3)) ++end;
    const auto resource = entries[i].path.prefix(3);
    const auto* known = model.definition(resource);
    // What a Create says about read-only resources is ignored. [LwM2M-CORE 1.2 §6.3.6]
    const bool skips = !entries[i].path.has_resource() || !can_write(known->operations);
    const auto merge = kind == WriteKind::update || base.has_resource_instance() ? Model::Merge::update
                                                                                 : Model::Merge::replace;
    if (!skips) SLIPWAY_TRY(model.write(resource, entries.subspan(i, end - i), merge));
    i = end;
  }
  return {};
}

Result<void> check_mandatory(const Model& model, const Path& instance) {
  for (const auto& known : model.find(instance.object())->definition().resources)
    if (known.presence == Presence::mandatory && can_write(known.operations) &&
        !model.has_resource(instance.child(known.id.value())))
      return fail(ErrorCode::malformed, "a mandatory resource is missing");
  return {};
}

}  // namespace

Result<StoredChange> write_entries(Model& model, const Path& base, std::span<const Entry> entries,
                                   WriteKind kind) {
  for (const auto& entry : entries) SLIPWAY_TRY(check_entry(model, entry, kind));
  if (base.has_resource() && entries.empty()) return fail(ErrorCode::malformed, "the payload has no value");
  std::vector<Entry> sorted(entries.begin(), entries.end());
  std::ranges::sort(sorted, {}, &Entry::path);
  const auto before = model.save();
  auto done = apply(model, base, sorted, kind);
  if (done && kind == WriteKind::create) done = check_mandatory(model, base.prefix(2));
  // A server must not bring its own account out of order.
  const bool is_account = base.object() == ObjectId(1) || base.object() == ObjectId(2);
  if (done && is_account)
    if (const auto wrong = validate(model, Purpose::factory))
      done = fail(ErrorCode::out_of_range, wrong->rule);
  if (!done) {
    model.restore(before);
    return std::unexpected(done.error());
  }
  const bool has_stored =
      std::ranges::any_of(sorted, [&](const Entry& entry) { return model.tree().contains(entry.path); });
  return has_stored || kind == WriteKind::create || !is_live(model, base) ? StoredChange::yes
                                                                          : StoredChange::no;
}

Result<Path> choose_instance(const Model& model, ObjectId object, std::span<Entry> entries) {
  std::uint16_t wanted = kReservedId;
  for (const auto& entry : entries) {
    const auto id = entry.path.instance().value();
    if (entry.path.object() != object || !entry.path.has_instance() ||
        (wanted != kReservedId && id != wanted))
      return fail(ErrorCode::malformed, "a Create makes one object instance");
    wanted = id;
  }
  const auto taken = model.instances_of(object);
  const bool is_free = !std::ranges::binary_search(taken, InstanceId(wanted));
  if (wanted != kReservedId && !is_free)
    return fail(ErrorCode::duplicate, "the object instance exists already");
  if (wanted == kReservedId) {
    wanted = 0;
    while (std::ranges::binary_search(taken, InstanceId(wanted))) ++wanted;
  }
  for (auto& entry : entries) {
    Path path(object, InstanceId(wanted));
    for (std::size_t depth = 2; depth < entry.path.depth(); ++depth)
      path = path.child(entry.path.id_at(depth));
    entry.path = path;
  }
  return Path(object, InstanceId(wanted));
}

}  // namespace slipway::client

// SPDX-License-Identifier: Apache-2.0
// Reading, writing, creating and deleting in the model, and the transaction around a bootstrap session.
#include <slipway/client/model.hpp>

namespace slipway::client {

Result<void> Model::collect(const Path& path, Reader reader, Collector& out) const {
  if (!path.has_instance()) return fail(ErrorCode::wrong_path, "values are read below an object instance");
  if (!has_instance(path)) return fail(ErrorCode::not_found, "there is no such object instance");
  if (path.has_resource()) return collect_resource(path, reader, out);
  return collect_instance(path, reader, out);
}

Result<void> Model::collect_instance(const Path& path, Reader reader, Collector& out) const {
  const auto before = out.entries().size();
  for (const auto id : resources_of(path)) {
    const auto resource = path.child(id.value());
    const auto* known = definition(resource);
    if (known == nullptr || known->type == DataType::none) continue;
    if (reader == Reader::server && !can_read(known->operations)) continue;
    SLIPWAY_TRY(collect_resource(resource, reader, out));
  }
  return out.entries().size() == before ? out.add_empty(path) : Result<void>();
}

Result<void> Model::collect_resource(const Path& path, Reader reader, Collector& out) const {
  const auto resource = path.prefix(3);
  const auto* known = definition(resource);
  if (known == nullptr || !has_resource(resource))
    return fail(ErrorCode::not_found, "there is no such resource");
  if (known->type == DataType::none) return fail(ErrorCode::wrong_path, "the resource has no value");
  if (reader == Reader::server && !can_read(known->operations))
    return fail(ErrorCode::wrong_path, "the resource cannot be read");
  const auto* live = node(resource);
  if (live == nullptr || live->is_stored) {
    const auto range = tree_.below(path);
    if (range.empty()) return fail(ErrorCode::not_found, "there is no such resource instance");
    for (const auto& [at, value] : range)
      SLIPWAY_TRY(value.view().empty() ? out.add_empty(at) : out.add(at, value.view()));
    return {};
  }
  if (!live->read) return fail(ErrorCode::wrong_path, "the device cannot read the resource");
  if (!path.has_resource_instance()) return live->read(out, resource);
  Collector all;
  SLIPWAY_TRY(live->read(all, resource));
  for (const auto& entry : all.entries())
    if (entry.path == path) return out.add_copy(path, entry.value);
  return fail(ErrorCode::not_found, "there is no such resource instance");
}

Result<void> Model::write(const Path& resource, std::span<const Entry> entries, Merge merge) {
  const auto* live = node(resource);
  if (live != nullptr && !live->is_stored) {
    if (!live->write) return fail(ErrorCode::wrong_path, "the device cannot write the resource");
    if (!in_transaction()) return write_live(*live, resource, entries, merge);
    auto& staged = staged_.emplace_back(Staged{.resource = resource, .values = {}, .merge = merge});
    for (const auto& entry : entries) staged.values.emplace_back(entry.path, StoredValue(entry.value));
    return {};
  }
  if (merge == Merge::replace) {
    const auto* known = definition(resource);
    if (known != nullptr && known->multiplicity == Multiplicity::multiple) SLIPWAY_TRY(tree_.mark(resource));
  }
  for (const auto& entry : entries) {
    if (entry.kind == EntryKind::value)
      SLIPWAY_TRY(tree_.put(entry.path, entry.value));
    else if (!tree_.contains(resource))
      SLIPWAY_TRY(tree_.mark(resource));
  }
  if (live != nullptr && live->written && !in_transaction()) live->written();
  return {};
}

Result<void> Model::write_live(const detail::ResourceNode& live, const Path& resource,
                               std::span<const Entry> entries, Merge merge) {
  if (live.multiplicity == Multiplicity::single || merge == Merge::replace || !live.read)
    return live.write(entries);
  // A partial write of a multiple resource: the maker's function takes the whole, so put it together.
  Collector current;
  SLIPWAY_TRY(live.read(current, resource));
  std::map<Path, Entry> merged;
  for (const auto& entry : current.entries())
    if (entry.kind == EntryKind::value) merged[entry.path] = entry;
  for (const auto& entry : entries)
    if (entry.kind == EntryKind::value) merged[entry.path] = entry;
  std::vector<Entry> all;
  for (const auto& [path, entry] : merged) all.push_back(entry);
  return live.write(all);
}

Result<void> Model::execute(const Path& resource, std::string_view arguments) {
  const auto* live = node(resource);
  if (live == nullptr) return fail(ErrorCode::not_found, "there is no such resource");
  if (!live->execute) return fail(ErrorCode::wrong_path, "the resource cannot be executed");
  return live->execute(arguments);
}

Result<void> Model::create_instance(const Path& instance) {
  const auto found = objects_.find(instance.object());
  if (found == objects_.end()) return fail(ErrorCode::unknown_object, "the device does not have this object");
  if (has_instance(instance)) return fail(ErrorCode::duplicate, "the object instance exists already");
  if (instance.instance().value() == kReservedId)
    return fail(ErrorCode::out_of_range, "65535 is no instance id");
  auto& object = found->second;
  if (object.kind() == Object::Kind::fixed)
    return fail(ErrorCode::wrong_path, "instances of this object cannot be created");
  const auto existing = instances_of(instance.object()).size();
  if (existing >= bounds_.instances_max ||
      (existing >= 1 && object.definition().multiplicity == Multiplicity::single))
    return fail(ErrorCode::limit, "the object takes no more instances");
  SLIPWAY_TRY(tree_.mark(instance));
  if (object.kind() != Object::Kind::creatable) return {};
  auto made = object.make(instance.instance());
  if (!made) tree_.erase(instance);
  return made;
}

Result<void> Model::delete_instance(const Path& instance) {
  const auto found = objects_.find(instance.object());
  if (found == objects_.end() || !has_instance(instance))
    return fail(ErrorCode::not_found, "there is no such object instance");
  if (found->second.is_permanent(instance.instance()))
    return fail(ErrorCode::wrong_path, "this object instance is always there");
  found->second.drop(instance.instance());
  tree_.erase(instance);
  return {};
}

Result<void> Model::set(const Path& path, const Value& value) {
  if (const auto* known = definition(path); known != nullptr) SLIPWAY_TRY(check(*known, value));
  if (backup_) SLIPWAY_TRY(backup_->tree.put(path, value));
  return tree_.put(path, value);
}

void Model::begin() {
  backup_ = Backup{tree_, memory_};
  staged_.clear();
}

void Model::commit() {
  backup_.reset();
  auto staged = std::move(staged_);
  staged_.clear();
  for (const auto& [resource, values, merge] : staged) {
    const auto* live = node(resource);
    if (live == nullptr || !live->write) continue;
    std::vector<Entry> entries;
    for (const auto& [path, value] : values)
      entries.push_back({.path = path,
                         .value = value.view(),
                         .kind = value.view().empty() ? EntryKind::multiple : EntryKind::value});
    // The bootstrap server has its answer already: what a function refuses now keeps its old value.
    (void)write_live(*live, resource, entries, merge);
  }
}

void Model::rollback() {
  if (!backup_) return;
  tree_ = std::move(backup_->tree);
  memory_ = std::move(backup_->memory);
  backup_.reset();
  staged_.clear();
  reconcile();
}

void Model::return_to_factory() {
  tree_ = *factory_;
  memory_ = {};
  staged_.clear();
  reconcile();
}

void Model::restore(const Savepoint& savepoint) {
  tree_ = savepoint.tree;
  staged_.erase(staged_.begin() + static_cast<std::ptrdiff_t>(savepoint.staged), staged_.end());
  reconcile();
}

void Model::reconcile() {
  for (auto& [id, object] : objects_) {
    if (object.kind() != Object::Kind::creatable) continue;
    std::vector<InstanceId> gone;
    for (const auto& [instance, node] : object.live())
      if (!object.is_permanent(instance) && !tree_.contains(Path(id, instance))) gone.push_back(instance);
    for (const auto instance : gone) object.drop(instance);
    std::vector<InstanceId> refused;
    std::vector<InstanceId> wanted;
    for (const Path& path : slipway::client::instances(tree_, id)) wanted.push_back(path.instance());
    for (const auto instance : wanted)
      if (!object.make(instance)) refused.push_back(instance);
    for (const auto instance : refused) tree_.erase(Path(id, instance));
  }
}

bool Model::keeps(const Path& path) const {
  const auto* object = find(path.object());
  if (object == nullptr) return false;
  if (object->kind() == Object::Kind::fixed && object->find(path.instance()) == nullptr) return false;
  return !path.has_resource() || object->definition().find(path.resource()) != nullptr;
}

}  // namespace slipway::client

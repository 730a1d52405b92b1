// SPDX-License-Identifier: Apache-2.0
// Objects and instances as the maker declares them; definitions that follow from declarations.
#include <algorithm>

#include <slipway/client/model.hpp>

namespace slipway::client {

Object::Object(Model& model, ObjectId id, Version version, const ObjectDefinition* known)
    : model_(model),
      definition_{
          .id = id, .name = {}, .version = version, .multiplicity = Multiplicity::multiple, .resources = {}} {
  if (known != nullptr) {
    definition_.name = known->name;
    definition_.multiplicity = known->multiplicity;
    definition_.presence = known->presence;
    resources_.assign(known->resources.begin(), known->resources.end());
    if (known->version.major == version.major)
      std::erase_if(resources_, [&](const ResourceDefinition& resource) { return resource.since > version; });
  }
  refresh();
}

Instance& Object::instance(InstanceId id) {
  permanent_.insert(id);
  return live_.try_emplace(id, model_, definition_.id, id).first->second;
}

const Instance* Object::find(InstanceId id) const {
  const auto found = live_.find(id);
  return found == live_.end() ? nullptr : &found->second;
}

Result<void> Object::make(InstanceId id) {
  if (live_.contains(id)) return {};
  auto& made = live_.try_emplace(id, model_, definition_.id, id).first->second;
  if (auto declared = factory_(made); !declared) {
    live_.erase(id);
    return declared;
  }
  return {};
}

void Object::drop(InstanceId id) {
  if (!live_.contains(id) || permanent_.contains(id)) return;
  if (deleted_) deleted_(id);
  live_.erase(id);
}

void Object::derive(const detail::ResourceNode& node, Operations added) {
  const auto at = std::ranges::lower_bound(resources_, node.id, {}, &ResourceDefinition::id);
  const bool known = at != resources_.end() && at->id == node.id;
  if (!known) {
    derived_.insert(node.id);
    resources_.insert(at, {.id = node.id,
                           .name = {},
                           .type = node.type,
                           .operations = added,
                           .multiplicity = node.multiplicity,
                           .since = definition_.version});
  } else if (derived_.contains(node.id)) {
    at->operations = static_cast<Operations>(static_cast<int>(at->operations) | static_cast<int>(added));
  } else if (at->type != node.type || at->multiplicity != node.multiplicity) {
    model_.complain("the resource is declared with another type than its definition has",
                    Path(definition_.id, InstanceId(0), node.id));
  }
  refresh();
}

const detail::ResourceNode* Instance::find(ResourceId id) const {
  const auto found = nodes_.find(id);
  return found == nodes_.end() ? nullptr : &found->second;
}

detail::ResourceNode& Instance::declare(ResourceId id, DataType type, Multiplicity multiplicity) {
  auto& node = nodes_[id];
  node.id = id;
  node.type = type;
  node.multiplicity = multiplicity;
  return node;
}

void Instance::derive(const detail::ResourceNode& node, Operations added) {
  model_->object(object_).derive(node, added);
}

void Instance::store_empty(detail::ResourceNode& node) {
  node.is_stored = true;
  derive(node, Operations::read);
  auto& tree = model_->mutable_tree();
  const Path path(object_, id_, node.id);
  if (!tree.contains(path) && !tree.mark(path)) model_->complain("more values than TreeBounds allow", path);
}

void Instance::store(detail::ResourceNode& node, const Path& path, const Value& initial) {
  node.is_stored = true;
  derive(node, Operations::read);
  if (const auto* definition = model_->definition(path);
      definition != nullptr && definition->type == initial.type() && !check(*definition, initial))
    model_->complain("the initial value is outside the range of the resource", path);
  auto& tree = model_->mutable_tree();
  if (!tree.find(path) && !tree.put(path, initial))
    model_->complain("more values than TreeBounds allow", path);
}

}  // namespace slipway::client

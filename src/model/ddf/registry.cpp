// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <optional>

#include <slipway/model/registry.hpp>

namespace slipway {

/// The text that `resources` and `definition` look at; neither copied nor moved, so the views hold.
struct ObjectRegistry::Stored {
  Stored(const ObjectDescription& from, const ObjectDefinition* core) : text(from) {
    resources.reserve(text.resources.size());
    for (const auto& resource : text.resources) {
      const auto* same = core == nullptr ? nullptr : core->find(resource.id);
      resources.push_back({
          .id = resource.id,
          .name = resource.name,
          .type = resource.type,
          .operations = resource.operations,
          .multiplicity = resource.multiplicity,
          .presence = resource.presence,
          .confidentiality = same == nullptr ? Confidentiality::open : same->confidentiality,
          .range = resource.range,
          .units = resource.units,
          .since = {.major = text.version.major, .minor = 0},  // files do not tell
      });
    }
    definition = {.id = text.id,
                  .name = text.name,
                  .version = text.version,
                  .multiplicity = text.multiplicity,
                  .presence = text.presence,
                  .resources = resources};
  }
  Stored(const Stored&) = delete;
  Stored& operator=(const Stored&) = delete;

  const ObjectDescription text;
  std::vector<ResourceDefinition> resources;
  ObjectDefinition definition;
};

namespace {

std::string name_of(const ObjectDescription& object) {
  return "object /" + std::to_string(object.id.value()) + " version " + std::string(object.version.text());
}

/// What `resource` contradicts in the core object, or nullptr.
const char* contradiction(const ResourceDescription& resource, const ResourceDefinition& core,
                          bool same_version) {
  if (resource.type != core.type) return "another type";
  if (resource.multiplicity != core.multiplicity) return "another multiplicity";
  // Operations did change between minor versions (/1/x/13), so only the same one can be held to them.
  if (same_version && resource.operations != core.operations) return "other operations";
  return nullptr;
}

std::optional<RegistryConflict> conflict_with_core(const ObjectDescription& object,
                                                   const ObjectDefinition& core) {
  for (const auto& resource : object.resources) {
    const auto* known = core.find(resource.id);
    const auto place = "resource " + std::to_string(resource.id.value()) + " of " + name_of(object);
    if (known == nullptr) {
      if (object.version > core.version) continue;
      return RegistryConflict{
          place + " does not exist in the built-in object",
          "remove it, or give the object a version above " + std::string(core.version.text())};
    }
    if (const auto* what = contradiction(resource, *known, object.version == core.version))
      return RegistryConflict{place + " has " + what + " than in the built-in object",
                              "correct it, or remove the file: the object is built in"};
  }
  return std::nullopt;
}

bool is_ordered(const std::vector<ResourceDescription>& resources) {
  return std::ranges::adjacent_find(resources, std::greater_equal{}, &ResourceDescription::id) ==
         resources.end();
}

}  // namespace

ObjectRegistry::ObjectRegistry(const ObjectCatalog& core) : core_(&core) {}
ObjectRegistry::ObjectRegistry(ObjectRegistry&&) noexcept = default;
ObjectRegistry& ObjectRegistry::operator=(ObjectRegistry&&) noexcept = default;
ObjectRegistry::~ObjectRegistry() = default;

std::expected<RegistryAddition, RegistryConflict> ObjectRegistry::add(const ObjectDescription& description) {
  if (!is_ordered(description.resources))
    return std::unexpected(RegistryConflict{name_of(description) + " has its resources out of order or twice",
                                            "list each resource once, by ascending id"});
  const auto* core = core_->find(description.id, description.version);
  if (core != nullptr) {
    if (auto conflict = conflict_with_core(description, *core)) return std::unexpected(*std::move(conflict));
    if (description.version <= core->version) return RegistryAddition::already_built_in;
  }
  auto found = objects_.find(description.id);
  const auto version_of = [](const auto& stored) { return stored->definition.version; };
  if (found != objects_.end() &&
      std::ranges::binary_search(found->second, description.version, {}, version_of))
    return std::unexpected(
        RegistryConflict{name_of(description) + " is defined twice", "keep one of the definitions"});
  if (size_ == kRegistryObjectsMax)
    return std::unexpected(RegistryConflict{
        name_of(description) + " is one object more than the limit of " + std::to_string(kRegistryObjectsMax),
        "remove definitions of objects that no device has"});
  if (found == objects_.end()) found = objects_.try_emplace(description.id).first;
  auto& versions = found->second;
  const auto* masks = core != nullptr ? core : core_->find(description.id);
  versions.insert(std::ranges::upper_bound(versions, description.version, {}, version_of),
                  std::make_unique<const Stored>(description, masks));
  ++size_;
  return RegistryAddition::added;
}

const ObjectDefinition* ObjectRegistry::find(ObjectId id) const {
  const auto* core = core_->find(id);
  const auto found = objects_.find(id);
  if (found == objects_.end()) return core;
  const auto* newest = &found->second.back()->definition;
  return core != nullptr && core->version > newest->version ? core : newest;
}

const ObjectDefinition* ObjectRegistry::find(ObjectId id, Version version) const {
  // The core's table serves every minor version up to its own.
  const auto* core = core_->find(id, version);
  const auto found = objects_.find(id);
  if (found == objects_.end() || (core != nullptr && version <= core->version)) return core;
  const ObjectDefinition* newest = core;
  for (const auto& stored : found->second) {
    const auto& candidate = stored->definition;
    if (candidate.version == version) return &candidate;
    if (candidate.version.major == version.major) newest = &candidate;
  }
  return newest;
}

std::vector<const ObjectDefinition*> ObjectRegistry::added() const {
  std::vector<const ObjectDefinition*> all;
  all.reserve(size_);
  for (const auto& [id, versions] : objects_)
    for (const auto& stored : versions) all.push_back(&stored->definition);
  std::ranges::sort(all, {}, [](const auto* object) { return std::pair(object->id, object->version); });
  return all;
}

}  // namespace slipway

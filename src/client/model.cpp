// SPDX-License-Identifier: Apache-2.0
// Declarations, and what the engine asks about them.
#include <slipway/client/model.hpp>

#include <algorithm>

namespace slipway::client {

Result<void> Collector::add(const Path& path, const Value& value) {
  if (entries_.size() >= codec::kEntriesMax)
    return fail(ErrorCode::limit, "more values than one answer takes");
  entries_.push_back({.path = path, .value = value});
  return {};
}

Result<void> Collector::add_copy(const Path& path, const Value& value) {
  return add(path, kept_.emplace_back(value).view());
}

Result<void> Collector::add_empty(const Path& path) {
  SLIPWAY_TRY(add(path, Value()));
  entries_.back().kind = path.has_resource() ? EntryKind::multiple : EntryKind::instance;
  return {};
}

void Collector::clear() {
  entries_.clear();
  kept_.clear();
}

/// Hands out this device's definitions to the codecs.
class Model::Catalog final : public ObjectCatalog {
 public:
  explicit Catalog(const Model& model) : model_(model) {}
  [[nodiscard]] const ObjectDefinition* find(ObjectId id) const override {
    const auto* object = model_.find(id);
    return object == nullptr ? nullptr : &object->definition();
  }
  [[nodiscard]] const ObjectDefinition* find(ObjectId id, Version) const override { return find(id); }

 private:
  const Model& model_;
};

Model::Model(const ObjectCatalog& catalog, const ModelBounds& bounds)
    : known_(catalog), bounds_(bounds), catalog_(std::make_unique<Catalog>(*this)), tree_(bounds.tree) {
  for (const std::uint16_t id : std::initializer_list<std::uint16_t>{0, 1, 2, 21})
    object(ObjectId(id)).stored();
}

Model::~Model() = default;

Object& Model::object(ObjectId id, std::optional<Version> version) {
  if (const auto found = objects_.find(id); found != objects_.end()) return found->second;
  if (objects_.size() >= bounds_.objects_max)
    complain("more objects than ModelBounds::objects_max", Path(id));
  const auto* known = version ? known_.find(id, *version) : known_.find(id);
  if (known == nullptr) known = known_.find(id);
  const auto used = version ? *version : known != nullptr ? known->version : Version{.major = 1, .minor = 0};
  return objects_.try_emplace(id, *this, id, used, known).first->second;
}

const ObjectCatalog& Model::catalog() const {
  return *catalog_;
}

const Object* Model::find(ObjectId id) const {
  const auto found = objects_.find(id);
  return found == objects_.end() ? nullptr : &found->second;
}

const ResourceDefinition* Model::definition(const Path& resource) const {
  const auto* object = find(resource.object());
  return object == nullptr ? nullptr : object->definition().find(resource.resource());
}

const detail::ResourceNode* Model::node(const Path& resource) const {
  const auto* object = find(resource.object());
  const auto* instance = object == nullptr ? nullptr : object->find(resource.instance());
  return instance == nullptr ? nullptr : instance->find(resource.resource());
}

std::vector<InstanceId> Model::instances_of(ObjectId id) const {
  std::vector<InstanceId> ids;
  if (const auto* object = find(id); object != nullptr)
    for (const auto& [instance, node] : object->live()) ids.push_back(instance);
  for (const Path& path : instances(tree_, id)) ids.push_back(path.instance());
  std::ranges::sort(ids);
  ids.erase(std::ranges::unique(ids).begin(), ids.end());
  return ids;
}

bool Model::has_instance(const Path& instance) const {
  const auto* object = find(instance.object());
  if (object == nullptr) return false;
  return object->find(instance.instance()) != nullptr || tree_.contains(instance.prefix(2));
}

bool Model::has_resource(const Path& resource) const {
  const auto* found = node(resource);
  if (found != nullptr && !found->is_stored) return true;
  return tree_.contains(resource.prefix(3));
}

std::vector<ResourceId> Model::resources_of(const Path& instance) const {
  std::vector<ResourceId> ids;
  const auto* object = find(instance.object());
  const auto* live = object == nullptr ? nullptr : object->find(instance.instance());
  if (live != nullptr)
    for (const auto& [id, found] : live->nodes())
      if (!found.is_stored) ids.push_back(id);
  for (const auto& [path, value] : tree_.below(instance))
    if (path.has_resource()) ids.push_back(path.resource());
  std::ranges::sort(ids);
  ids.erase(std::ranges::unique(ids).begin(), ids.end());
  return ids;
}

void Model::complain(std::string_view what, const Path& where) {
  if (!complaints_.empty()) complaints_ += '\n';
  complaints_ += where.text().view();
  complaints_ += ": ";
  complaints_ += what;
}

std::expected<void, Complaint> Model::verify() const {
  if (!complaints_.empty()) return std::unexpected(complaints_);
  return {};
}

}  // namespace slipway::client

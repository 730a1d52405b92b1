// SPDX-License-Identifier: Apache-2.0
#include "device_model.hpp"

#include "resource_reader.hpp"

namespace slipway::fleet {

void DeviceModel::read(TableReader& plan) {
  const auto items = plan.texts("model");
  if (plan.node("model") == nullptr) return;
  stated_ = true;
  for (const ObjectId always : {ObjectId(0), ObjectId(1), ObjectId(3)}) objects_.try_emplace(always);
  if (items.size() > kModelObjectsMax)
    return plan.wrong(items[kModelObjectsMax].where, "model", "no device has more than 1024 objects",
                      "keep what is needed");
  for (const auto& item : items) read_object(plan, item);
}

void DeviceModel::read_object(TableReader& plan, const TableReader::Item& item) {
  const std::string_view text = item.text;
  const auto slash = text.find('/');
  const auto id = read_id(text.substr(0, slash));
  std::optional<Version> version;
  if (slash != std::string_view::npos) {
    const auto parsed = Version::parse(text.substr(slash + 1));
    if (parsed) version = *parsed;
  }
  if (!id || *id == kReservedId || (slash != std::string_view::npos && !version))
    return plan.wrong(item.where, "model", in_quotes(text) + " is not an object",
                      "write its id, and its version where it is not the newest: \"3303\" or \"3303/1.1\"");
  const ObjectId object(*id);
  if (version && catalog_->find(object) != nullptr && catalog_->find(object, *version) == nullptr)
    plan.warn(item.where, "model", in_quotes(text) + ": this version has no definition here",
              "put its XML file into the folder of --objects");
  objects_[object] = version;
}

bool DeviceModel::has(ObjectId object) const {
  return !stated_ || objects_.contains(object);
}

const ObjectDefinition* DeviceModel::find(ObjectId object) const {
  const auto known = objects_.find(object);
  if (known == objects_.end() || !known->second) return catalog_->find(object);
  const auto* definition = catalog_->find(object, *known->second);
  return definition != nullptr ? definition : catalog_->find(object);
}

const ResourceDefinition* DeviceModel::find(const Path& path) const {
  const auto* object = path.has_resource() ? find(path.object()) : nullptr;
  return object != nullptr ? object->find(path.resource()) : nullptr;
}

}  // namespace slipway::fleet

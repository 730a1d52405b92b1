// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include <slipway/node/node.hpp>

namespace slipway::node {

using nlohmann::json;

namespace {

json value_json(const Value& value) {
  switch (value.type()) {
    case DataType::none:
      return nullptr;
    case DataType::string:
    case DataType::corelnk:
      return std::string(value.as_text());
    case DataType::integer:
    case DataType::time:
      return value.as_integer();
    case DataType::unsigned_integer:
      return value.as_unsigned();
    case DataType::floating:
      return value.as_floating();
    case DataType::boolean:
      return value.as_boolean();
    case DataType::opaque:
      return to_hex(value.as_opaque());
    case DataType::objlnk:
      return std::to_string(value.as_objlnk().object) + ":" + std::to_string(value.as_objlnk().instance);
  }
  return nullptr;
}

}  // namespace

json to_json(const ValueRecord& record, const ObjectCatalog& catalog) {
  json out{{"path", record.path.text().view()}};
  const auto* object = record.path.has_object() ? catalog.find(record.path.object()) : nullptr;
  const auto* resource =
      object != nullptr && record.path.has_resource() ? object->find(record.path.resource()) : nullptr;
  if (resource != nullptr) {
    out["name"] = resource->name;
    if (!resource->units.empty()) out["units"] = resource->units;
  }
  if (record.time != 0) out["time"] = record.time;
  if (record.kind != EntryKind::value) {
    out["empty"] = true;
    return out;
  }
  out["type"] = to_string(record.value.type());
  if (resource != nullptr && resource->confidentiality == Confidentiality::secret)
    out["masked"] = true;
  else
    out["value"] = value_json(record.value.view());
  return out;
}

json to_json(const Device& device) {
  return {{"endpoint", device.endpoint},
          {"location", "/rd/" + device.location},
          {"lwm2m", device.enabler.text().view()},
          {"lifetime_s", device.lifetime_s},
          {"binding", device.binding},
          {"queue_mode", device.queue_mode},
          {"links", device.links},
          {"address", device.address},
          {"security", to_string(device.security)},
          {"registered_ms", device.registered.time_since_epoch().count()},
          {"updated_ms", device.updated.time_since_epoch().count()}};
}

json to_json(const OperationResult& result, const ObjectCatalog& catalog) {
  json out = json::object();
  if (result.code) {
    out["code"] = coap::to_string(*result.code).view();
    out["status"] = coap::describe(*result.code).view();
    out["success"] = coap::is_success(*result.code) && result.problem.empty();
  } else {
    out["success"] = false;
  }
  if (!result.problem.empty()) out["problem"] = result.problem;
  if (result.format) out["format"] = to_string(*result.format);
  if (!result.values.empty()) {
    out["values"] = json::array();
    for (const auto& value : result.values) out["values"].push_back(to_json(value, catalog));
  }
  if (!result.text.empty()) out["text"] = result.text;
  if (!result.location.empty()) out["location"] = result.location;
  return out;
}

}  // namespace slipway::node

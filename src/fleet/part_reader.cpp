// SPDX-License-Identifier: Apache-2.0
#include "part_reader.hpp"

#include <algorithm>
#include <ranges>

namespace slipway::fleet {
namespace {

constexpr ObjectId kAccessControlObject{2};
/// Largest payload that stands in a plan as bytes.
constexpr std::size_t kPayloadMax = 64 * 1024;

Need read_need(TableReader& table) {
  return table.boolean("optional").value_or(false) ? Need::optional : Need::required;
}

/// Reads `path`; `example` says how one is written.
std::optional<Path> read_path(TableReader& table, const std::string& what, const std::string& example) {
  const auto text = table.text("path");
  if (!text) {
    if (table.node("path") == nullptr)
      table.missing("path", "write " + what + ", such as \"" + example + "\"");
    return std::nullopt;
  }
  const auto path = Path::parse(*text);
  if (path && std::ranges::all_of(std::views::iota(std::size_t{0}, path->depth()),
                                  [&](std::size_t depth) { return path->id_at(depth) != kReservedId; }))
    return *path;
  table.wrong(table.node("path"), "path", in_quotes(*text) + " is not a path",
              "write one such as \"" + example + "\"");
  return std::nullopt;
}

/// `resources` or `values`, which lie at or below `base`; nothing after a finding.
std::optional<PlacedValues> read_content(TableReader& table, const Path& base, const DeviceModel& model,
                                         KeyFiles& files) {
  const auto* resources = table.node("resources");
  const auto* values = table.node("values");
  if (resources != nullptr && values != nullptr) {
    table.wrong(values, "values", "the content is given twice", "write either `resources` or `values`");
    return std::nullopt;
  }
  if (values != nullptr) return read_values(table, base, model, files);
  if (resources == nullptr) return PlacedValues();
  const auto* found = table.sub_table("resources");
  if (found == nullptr) return std::nullopt;
  const auto* object = base.level() == PathLevel::instance ? model.find(base.object()) : nullptr;
  if (object == nullptr) {
    table.wrong(resources, "resources",
                base.level() == PathLevel::instance
                    ? "object " + std::to_string(base.object().value()) + " has no definition here"
                    : "resources are those of an object instance",
                "write `values` with paths and types, or put its XML file into the folder of --objects");
    return std::nullopt;
  }
  TableReader reader(*found, table.key("resources"), table.findings());
  return read_resources(reader, base, *object);
}

/// Splits values from where they stand.
void keep(PlacedValues values, std::vector<std::pair<Path, OwnedValue>>& out,
          std::vector<const toml::node*>& places) {
  for (auto& [path, value, where] : values) {
    out.emplace_back(path, std::move(value));
    places.push_back(where);
  }
}

/// Whether an instance can stand in a plan.
bool check_instance_path(TableReader& table, const Path& path, const DeviceModel& model) {
  const std::string text(path.text().view());
  const auto wrong = [&](const std::string& why, std::string remedy) {
    table.wrong(table.node("path"), "path", "\"" + text + "\"" + why, std::move(remedy));
    return false;
  };
  if (path.level() != PathLevel::instance)
    return wrong(" is not an object instance", "write one such as \"/3303/1\"");
  if (path.object() <= kAccessControlObject)
    return wrong(" has a section of its own", "use [[plan.NAME.server]] and [[plan.NAME.access]]");
  const auto* object = model.find(path.object());
  if (object == nullptr && table.node("values") == nullptr && table.node("resources") == nullptr)
    return wrong(": object " + std::to_string(path.object().value()) + " has no definition here",
                 "put its XML file into the folder of --objects, or write its values with their types");
  if (object != nullptr && object->multiplicity == Multiplicity::single && path.instance().value() != 0)
    return wrong(": " + std::string(object->name) + " has one instance",
                 "write \"/" + std::to_string(path.object().value()) + "/0\"");
  return true;
}

std::optional<OperationPlan::Kind> read_kind(TableReader& table) {
  struct Name {
    std::string_view text;
    OperationPlan::Kind kind;
  };
  using Kind = OperationPlan::Kind;
  constexpr Name kNames[] = {
      {"write", Kind::write}, {"delete", Kind::del}, {"discover", Kind::discover}, {"read", Kind::read}};
  const std::string remedy = "write \"write\", \"delete\", \"discover\" or \"read\"";
  const auto text = table.text("do");
  if (!text) {
    if (table.node("do") == nullptr) table.missing("do", remedy);
    return std::nullopt;
  }
  const auto* const found = std::ranges::find(kNames, std::string_view(*text), &Name::text);
  if (found != std::end(kNames)) return found->kind;
  table.wrong(table.node("do"), "do", in_quotes(*text) + " is not an operation", remedy);
  return std::nullopt;
}

/// Why the interface has no such operation there; nullptr where it has. [LwM2M-TRANSPORT 1.2 §6.4.2]
const char* target_trouble(OperationPlan::Kind kind, const Path& path) {
  const bool is_security = path.has_object() && path.object() == ObjectId(0);
  switch (kind) {
    case OperationPlan::Kind::write:
      if (path.is_root() || path.has_resource_instance())
        return "a write goes to an object, an object instance or a resource";
      return is_security ? "a write of object 0 might hit the device's bootstrap account: accounts stand in "
                           "[[plan.NAME.server]] and [plan.NAME.bootstrap]"
                         : nullptr;
    case OperationPlan::Kind::del:
      if (path.has_resource()) return "a delete goes to /, an object or an object instance";
      return is_security && path.has_instance() ? "this delete might hit the device's bootstrap account: "
                                                  "accounts that the plan does not name are "
                                                  "deleted anyway"
                                                : nullptr;
    case OperationPlan::Kind::discover:
      return path.has_instance() ? "a discover goes to / or to an object" : nullptr;
    case OperationPlan::Kind::read:
      break;
  }
  const bool readable = path.has_object() && !path.has_resource() &&
                        (path.object() == ObjectId(1) || path.object() == kAccessControlObject);
  return readable ? nullptr : "a bootstrap server reads /1, /2 and their instances alone";
}

void read_payload(TableReader& table, OperationPlan& operation) {
  const auto text = table.text("payload");
  if (!text) return;
  auto bytes = from_hex(*text);
  if (!bytes)
    return table.wrong(table.node("payload"), "payload", "this is not hexadecimal",
                       "write two digits for each byte");
  if (bytes->size() > kPayloadMax)
    return table.wrong(table.node("payload"), "payload", "it is larger than 64 KiB", "split it");
  operation.payload = std::move(*bytes);
  if (table.node("format") == nullptr)
    table.missing(
        "format",
        "say what the payload is: \"tlv\", \"senml-cbor\", \"senml-json\", \"lwm2m-cbor\", \"text\", "
        "\"opaque\"...");
  for (const auto* other : {"resources", "values"})
    if (const auto* node = table.node(other))
      table.wrong(node, other, "the content is given twice", "keep it or the payload");
}

void read_write(TableReader& table, const PlanContext& context, const DeviceModel& model,
                OperationPlan& operation, PlacedPart& places) {
  constexpr ContentFormat kAll[] = {ContentFormat::text,       ContentFormat::opaque,     ContentFormat::cbor,
                                    ContentFormat::senml_json, ContentFormat::senml_cbor, ContentFormat::tlv,
                                    ContentFormat::oma_json,   ContentFormat::lwm2m_cbor};
  const std::string remedy = "write \"tlv\", \"senml-cbor\", \"senml-json\" or \"lwm2m-cbor\"";
  const bool free_form = table.node("payload") != nullptr || operation.path.has_resource();
  operation.format = free_form
                         ? read_format(table, kAll, "is not written in a bootstrap", remedy)
                         : read_format(table, kInstanceFormats, "cannot carry an object instance", remedy);
  if (table.node("payload") != nullptr) return read_payload(table, operation);
  auto content = read_content(table, operation.path, model, context.files);
  if (!content) return;
  if (content->empty() && operation.path.level() != PathLevel::instance)
    table.missing("values", "write what the operation writes");
  keep(std::move(*content), operation.values, places.values);
}

}  // namespace

std::optional<ContentFormat> read_format(TableReader& table, std::span<const ContentFormat> allowed,
                                         const std::string& why, const std::string& remedy) {
  const auto text = table.text("format");
  if (!text) return std::nullopt;
  const auto format = parse_content_format(*text);
  if (format && std::ranges::find(allowed, *format) != allowed.end()) return *format;
  table.wrong(table.node("format"), "format", in_quotes(*text) + " " + why, remedy);
  return std::nullopt;
}

void read_instance(TableReader& table, const PlanContext& context, PlanDraft& draft) {
  InstancePlan instance;
  PlacedPart places{table, {}};
  instance.need = read_need(table);
  const auto path = read_path(table, "the instance", "/3303/1");
  std::optional<PlacedValues> content;
  if (path && check_instance_path(table, *path, draft.model)) {
    instance.instance = *path;
    content = read_content(table, *path, draft.model, context.files);
  } else {
    for (const auto* name : {"resources", "values"}) (void)table.node(name);
  }
  table.finish();
  if (!content) return;
  keep(std::move(*content), instance.values, places.values);
  const auto same = [&](const auto& other) { return other.instance == instance.instance; };
  if (std::ranges::any_of(draft.plan->instances, same))
    table.wrong(table.node("path"), "path", "this instance stands twice in the plan", "join the two");
  draft.plan->instances.push_back(std::move(instance));
  draft.instances.push_back(std::move(places));
}

void read_operation(TableReader& table, const PlanContext& context, const DeviceModel& model,
                    std::vector<OperationPlan>& plans, std::vector<PlacedPart>& places) {
  OperationPlan operation;
  PlacedPart place{table, {}};
  operation.need = read_need(table);
  const auto kind = read_kind(table);
  const auto path = read_path(table, "where", kind == OperationPlan::Kind::discover ? "/" : "/3303/0");
  bool well = kind && path;
  if (well) {
    operation.kind = *kind;
    operation.path = *path;
    if (const auto* trouble = target_trouble(*kind, *path)) {
      table.wrong(table.node("path"), "path", "\"" + std::string(path->text().view()) + "\": " + trouble, "");
      well = false;
    }
  }
  constexpr std::string_view kOfWrites[] = {"resources", "values", "payload", "format"};
  if (well && operation.kind == OperationPlan::Kind::write)
    read_write(table, context, model, operation, place);
  else if (!kind || operation.kind == OperationPlan::Kind::write)
    for (const auto name : kOfWrites) (void)table.node(name);  // so that they are not unknown, too
  table.finish();
  if (!well) return;
  plans.push_back(std::move(operation));
  places.push_back(std::move(place));
}

}  // namespace slipway::fleet

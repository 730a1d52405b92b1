// SPDX-License-Identifier: Apache-2.0
#include "resource_reader.hpp"

#include <algorithm>
#include <charconv>
#include <tuple>

namespace slipway::fleet {
namespace {

std::optional<Objlnk> read_link(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto object = read_id(text.substr(0, colon));
  const auto instance = read_id(text.substr(colon + 1));
  if (!object || !instance) return std::nullopt;
  return Objlnk{*object, *instance};
}

/// How a value of a type is written.
const char* how_to_write(DataType type) {
  switch (type) {
    case DataType::string:
    case DataType::corelnk:
      return "write a text in quotes";
    case DataType::integer:
      return "write a whole number";
    case DataType::unsigned_integer:
      return "write a whole number that is not negative";
    case DataType::time:
      return "write the seconds since 1970";
    case DataType::floating:
      return "write a number";
    case DataType::boolean:
      return "write true or false";
    case DataType::opaque:
      return "write its bytes as hexadecimal text in quotes";
    case DataType::objlnk:
      return "write an object and an instance, such as \"3:0\"";
    case DataType::none:
      return "remove it: this resource is executed and has no value";
  }
  return "";
}

/// A TOML value as a value of that type, where it is one.
std::optional<OwnedValue> typed(const toml::node& node, DataType type) {
  const auto text = node.value_exact<std::string>();
  const auto whole = node.value_exact<std::int64_t>();
  const auto owned = [](const Value& value) { return std::optional(OwnedValue(value)); };
  switch (type) {
    case DataType::string:
      return text ? owned(Value::string(*text)) : std::nullopt;
    case DataType::corelnk:
      return text ? owned(Value::corelnk(*text)) : std::nullopt;
    case DataType::integer:
      return whole ? owned(Value::integer(*whole)) : std::nullopt;
    case DataType::time:
      return whole ? owned(Value::time(*whole)) : std::nullopt;
    case DataType::unsigned_integer:
      if (!whole || *whole < 0) return std::nullopt;
      return owned(Value::unsigned_integer(static_cast<std::uint64_t>(*whole)));
    case DataType::floating: {
      if (whole) return owned(Value::floating(static_cast<double>(*whole)));
      const auto number = node.value_exact<double>();
      return number ? owned(Value::floating(*number)) : std::nullopt;
    }
    case DataType::boolean: {
      const auto flag = node.value_exact<bool>();
      return flag ? owned(Value::boolean(*flag)) : std::nullopt;
    }
    case DataType::opaque: {
      const auto bytes = text ? from_hex(*text) : Result<Bytes>(fail(ErrorCode::wrong_type, ""));
      return bytes ? owned(Value::opaque(*bytes)) : std::nullopt;
    }
    case DataType::objlnk: {
      const auto link = text ? read_link(*text) : std::nullopt;
      return link ? owned(Value::objlnk(*link)) : std::nullopt;
    }
    case DataType::none:
      return std::nullopt;
  }
  return std::nullopt;
}

std::string bounds_of(const ResourceDefinition& definition) {
  if (!definition.range.present) return {};
  const auto plain = [](double number) {
    auto text = std::to_string(number);  // "255.000000"
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text;
  };
  const bool of_length = definition.type == DataType::string || definition.type == DataType::corelnk ||
                         definition.type == DataType::opaque;
  return "it takes " + plain(definition.range.min) + " to " + plain(definition.range.max) +
         (of_length ? " bytes" : "");
}

/// Whether a value is within the resource's range; a finding otherwise.
bool fits(TableReader& table, const toml::node& where, std::string_view key,
          const ResourceDefinition& definition, const OwnedValue& value) {
  const auto checked = check(definition, value.view());
  if (!checked)
    table.wrong(&where, key, std::string(definition.name) + ": " + checked.error().detail,
                bounds_of(definition));
  return checked.has_value();
}

std::optional<DataType> parse_type(std::string_view text) {
  if (text == "unsigned") return DataType::unsigned_integer;
  for (auto type = DataType::string; type <= DataType::corelnk;
       type = static_cast<DataType>(static_cast<int>(type) + 1))
    if (text == to_string(type)) return type;
  return std::nullopt;
}

std::optional<Path> read_value_path(TableReader& table, const Path& base) {
  const auto text = table.text("path");
  if (!text) {
    if (table.node("path") == nullptr) table.missing("path", "write the resource, such as \"/3303/0/5750\"");
    return std::nullopt;
  }
  const auto path = Path::parse(*text);
  if (path && path->has_resource() && base.contains(*path)) return *path;
  table.wrong(table.node("path"), "path",
              in_quotes(*text) + " is not a resource below " + std::string(base.text().view()),
              "write a whole path, down to a resource or one of its instances");
  return std::nullopt;
}

/// The type by the object model, or by `type` where that has none.
std::optional<DataType> read_type(TableReader& table, const Path& path,
                                  const ResourceDefinition* definition) {
  const auto text = table.text("type");
  const auto wrong = [&](std::string_view name, std::string message, std::string remedy) {
    table.wrong(table.node(name), name, std::move(message), std::move(remedy));
    return std::nullopt;
  };
  if (!text) {
    if (definition != nullptr) return definition->type;
    if (table.node("type") == nullptr)
      table.missing("type", std::string(path.text().view()) +
                                " has no definition here: write type = \"string\", \"integer\"...");
    return std::nullopt;
  }
  const auto type = parse_type(*text);
  if (!type)
    return wrong("type", in_quotes(*text) + " is not a type",
                 "write string, integer, unsigned, float, boolean, opaque, time, objlnk or corelnk");
  if (definition != nullptr && definition->type != *type)
    return wrong("type", std::string(definition->name) + " is of the type " + to_string(definition->type),
                 "leave `type` out");
  return type;
}

bool fits_multiplicity(TableReader& table, const Path& path, const ResourceDefinition& definition) {
  const bool multiple = definition.multiplicity == Multiplicity::multiple;
  if (multiple == path.has_resource_instance()) return true;
  table.wrong(table.node("path"), "path",
              std::string(definition.name) + (multiple ? " has several values" : " has one value"),
              "write \"" + std::string((multiple ? path.child(0) : path.prefix(3)).text().view()) + "\"");
  return false;
}

/// The `value` of one of `values`, or what stands in its `file`.
struct ValueSource {
  std::string_view name;
  const toml::node* node = nullptr;
  std::optional<Secret> content;

  [[nodiscard]] std::optional<OwnedValue> as(DataType type) const {
    if (!content) return typed(*node, type);
    if (type != DataType::opaque) return std::nullopt;
    return OwnedValue(Value::opaque(content->reveal()));
  }
};

std::optional<ValueSource> read_source(TableReader& table, KeyFiles& files) {
  const auto* value = table.node("value");
  const auto* file = table.node("file");
  if (value == nullptr && file == nullptr) {
    table.missing("value", "write it, or for a key: file = \"...\"");
    return std::nullopt;
  }
  if (value != nullptr && file != nullptr) {
    table.wrong(value, "value", "this value stands in a file already", "leave one of the two");
    return std::nullopt;
  }
  if (value != nullptr) return ValueSource{"value", value, std::nullopt};
  auto content = files.secret(table, "file");
  if (!content) return std::nullopt;
  return ValueSource{"file", file, std::move(content)};
}

/// One of `values`.
std::optional<PlacedValue> read_value(TableReader& table, const Path& base, const DeviceModel& model,
                                      KeyFiles& files) {
  const auto path = read_value_path(table, base);
  const auto source = read_source(table, files);
  if (!path || !source) {
    (void)table.node("type");  // so that it is not unknown, too
    return std::nullopt;
  }
  const auto* definition = model.find(*path);
  const auto type = read_type(table, *path, definition);
  if (!type || (definition != nullptr && !fits_multiplicity(table, *path, *definition))) return std::nullopt;
  auto value = source->as(*type);
  if (!value) {
    table.wrong(source->node, source->name, std::string(path->text().view()) + " has no such value",
                source->content ? "only opaque values come from files" : how_to_write(*type));
    return std::nullopt;
  }
  if (definition != nullptr && !fits(table, *source->node, source->name, *definition, *value))
    return std::nullopt;
  return PlacedValue{*path, std::move(*value), source->node};
}

}  // namespace

std::optional<std::uint16_t> read_id(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  std::uint16_t id = 0;
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, id);
  if (error != std::errc() || at != end) return std::nullopt;
  return id;
}

PlacedValues read_resources(TableReader& table, const Path& instance, const ObjectDefinition& object) {
  PlacedValues out;
  for (const auto& [name, node] : table.table()) {
    const auto key = name.str();
    const auto id = read_id(key);
    const auto* definition = id ? object.find(ResourceId(*id)) : nullptr;
    if (definition == nullptr) {
      table.wrong(&node, key, std::string(object.name) + " has no resource " + in_quotes(key),
                  "resources are named by their id, such as \"0\"");
      continue;
    }
    const auto add = [&](const toml::node& item, const Path& path) {
      auto value = typed(item, definition->type);
      if (!value)
        return table.wrong(&item, key, std::string(definition->name) + " has no such value",
                           how_to_write(definition->type));
      if (fits(table, item, key, *definition, *value)) out.push_back({path, std::move(*value), &item});
    };
    const Path path = instance.child(*id);
    const auto* array = node.as_array();
    if (definition->multiplicity == Multiplicity::single) {
      if (array != nullptr)
        table.wrong(&node, key, std::string(definition->name) + " has one value", "write it without [ ]");
      else
        add(node, path);
    } else if (array == nullptr) {
      table.wrong(&node, key, std::string(definition->name) + " has several values", "write a list: [1, 2]");
    } else if (array->size() > kResourceInstancesMax) {
      table.wrong(&node, key, std::string(definition->name) + " has more than 256 values",
                  "keep what is needed");
    } else {
      std::uint16_t index = 0;
      for (const auto& item : *array) add(item, path.child(index++));
    }
  }
  std::ranges::sort(out, {}, &PlacedValue::path);
  return out;
}

PlacedValues read_values(TableReader& owner, const Path& base, const DeviceModel& model, KeyFiles& files) {
  PlacedValues out;
  each_table(owner, "values", kValuesMax, [&](TableReader& table) {
    if (auto value = read_value(table, base, model, files)) out.push_back(std::move(*value));
    table.finish();
  });
  std::ranges::sort(out, {}, [](const PlacedValue& value) {  // of two at one path, the later is wrong
    const auto begin = value.where->source().begin;
    return std::tuple(value.path, begin.line, begin.column);
  });
  for (std::size_t i = 1; i < out.size(); ++i) {
    const auto& value = out[i];
    if (!out[i - 1].path.contains(value.path)) continue;
    const std::string path(value.path.text().view());
    owner.wrong(value.where, "values",
                out[i - 1].path == value.path ? "\"" + path + "\" stands twice here"
                                              : "\"" + path + "\" lies below another of these values",
                "leave one of the two");
  }
  return out;
}

}  // namespace slipway::fleet

// SPDX-License-Identifier: Apache-2.0
#include "resource_reader.hpp"

#include <algorithm>
#include <charconv>

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

}  // namespace

std::optional<std::uint16_t> read_id(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  std::uint16_t id = 0;
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, id);
  if (error != std::errc() || at != end) return std::nullopt;
  return id;
}

std::vector<std::pair<Path, OwnedValue>> read_resources(TableReader& table, const Path& instance,
                                                        const ObjectDefinition& object) {
  std::vector<std::pair<Path, OwnedValue>> out;
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
      const std::string label(definition->name);
      auto value = typed(item, definition->type);
      if (!value)
        return table.wrong(&item, key, label + " has no such value", how_to_write(definition->type));
      if (const auto fits = check(*definition, value->view()); !fits)
        return table.wrong(&item, key, label + ": " + fits.error().detail, bounds_of(*definition));
      out.emplace_back(path, std::move(*value));
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
  std::ranges::sort(out, {}, [](const auto& item) { return item.first; });
  return out;
}

}  // namespace slipway::fleet

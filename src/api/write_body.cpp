// SPDX-License-Identifier: Apache-2.0
#include "write_body.hpp"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include <slipway/base/bytes.hpp>

namespace slipway::api {

using nlohmann::json;

namespace {

using Values = std::vector<std::pair<Path, OwnedValue>>;
using Outcome = std::expected<OwnedValue, std::string>;

std::string text_of(const Path& path) {
  return std::string(path.text().view());
}

Outcome wrong(const Path& path, const char* expected) {
  return std::unexpected(text_of(path) + ": " + expected + " is expected");
}

std::optional<Objlnk> object_link(const std::string& text) {
  Objlnk link;
  const auto colon = text.find(':');
  if (colon == std::string::npos) return std::nullopt;
  const char* begin = text.data();
  const char* end = begin + text.size();
  const auto object = std::from_chars(begin, begin + colon, link.object);
  const auto instance = std::from_chars(begin + colon + 1, end, link.instance);
  if (object.ec != std::errc() || object.ptr != begin + colon || instance.ec != std::errc() ||
      instance.ptr != end)
    return std::nullopt;
  return link;
}

bool fits_integer(const json& value) {
  if (value.is_number_unsigned()) return value.get<std::uint64_t>() <= static_cast<std::uint64_t>(INT64_MAX);
  return value.is_number_integer();
}

/// Without a definition: what the JSON itself says.
Outcome guessed(const Path& path, const json& value) {
  if (value.is_string()) return OwnedValue(Value::string(value.get_ref<const std::string&>()));
  if (value.is_boolean()) return OwnedValue(Value::boolean(value.get<bool>()));
  if (fits_integer(value)) return OwnedValue(Value::integer(value.get<std::int64_t>()));
  if (value.is_number_unsigned()) return OwnedValue(Value::unsigned_integer(value.get<std::uint64_t>()));
  if (value.is_number_float()) return OwnedValue(Value::floating(value.get<double>()));
  return wrong(path, "a text, a number, true or false");
}

Outcome typed(const Path& path, const json& value, const ResourceDefinition* definition) {
  if (definition == nullptr) return guessed(path, value);
  switch (definition->type) {
    case DataType::none:
      return std::unexpected(text_of(path) + " is executed, it has no value to write");
    case DataType::string:
    case DataType::corelnk:
      if (!value.is_string()) return wrong(path, "a text");
      return OwnedValue(definition->type == DataType::string
                            ? Value::string(value.get_ref<const std::string&>())
                            : Value::corelnk(value.get_ref<const std::string&>()));
    case DataType::integer:
    case DataType::time:
      if (!fits_integer(value)) return wrong(path, "a whole number");
      return OwnedValue(definition->type == DataType::integer ? Value::integer(value.get<std::int64_t>())
                                                              : Value::time(value.get<std::int64_t>()));
    case DataType::unsigned_integer:
      if (!value.is_number_unsigned()) return wrong(path, "a whole number, not negative");
      return OwnedValue(Value::unsigned_integer(value.get<std::uint64_t>()));
    case DataType::floating:
      if (!value.is_number()) return wrong(path, "a number");
      return OwnedValue(Value::floating(value.get<double>()));
    case DataType::boolean:
      if (!value.is_boolean()) return wrong(path, "true or false");
      return OwnedValue(Value::boolean(value.get<bool>()));
    case DataType::opaque: {
      const auto bytes = value.is_string() ? from_hex(value.get_ref<const std::string&>())
                                           : Result<Bytes>(fail(ErrorCode::malformed, ""));
      if (!bytes) return wrong(path, "hexadecimal text");
      return OwnedValue(Value::opaque(*bytes));
    }
    case DataType::objlnk: {
      const auto link = value.is_string() ? object_link(value.get_ref<const std::string&>()) : std::nullopt;
      if (!link) return wrong(path, "an object link such as \"3:0\"");
      return OwnedValue(Value::objlnk(*link));
    }
  }
  return wrong(path, "another type");
}

using Added = std::expected<void, std::string>;

class Reader {
 public:
  explicit Reader(const ObjectCatalog& catalog) : catalog_(catalog) {}

  /// One resource: a value, or an array for its instances 0, 1 ...
  Added add(const Path& path, const json& value) {
    if (!value.is_array()) return add_one(path, value);
    if (path.has_resource_instance()) return std::unexpected(text_of(path) + ": one value is expected");
    std::uint16_t index = 0;
    for (const auto& item : value)
      if (auto added = add_one(path.child(index++), item); !added) return added;
    return {};
  }

  /// In the order of paths.
  std::expected<Values, std::string> finish() {
    if (values_.empty()) return std::unexpected(std::string("there is no value to write"));
    const auto path_of = [](const auto& item) { return item.first; };
    std::ranges::sort(values_, {}, path_of);
    const auto twice = std::ranges::adjacent_find(values_, {}, path_of);
    if (twice != values_.end()) return std::unexpected(text_of(twice->first) + " stands twice");
    return std::move(values_);
  }

 private:
  Added add_one(const Path& path, const json& value) {
    if (values_.size() >= kWriteValuesMax)
      return std::unexpected("more than " + std::to_string(kWriteValuesMax) + " values in one write");
    const auto* object = catalog_.find(path.object());
    const auto* definition = object == nullptr ? nullptr : object->find(path.resource());
    if (object != nullptr && definition == nullptr)
      return std::unexpected(text_of(path) + ": " + std::string(object->name) + " has no such resource");
    auto read = typed(path, value, definition);
    if (!read) return std::unexpected(std::move(read.error()));
    if (definition != nullptr)
      if (auto fits = check_against(*definition, path, read->view()); !fits) return fits;
    values_.emplace_back(path, std::move(*read));
    return {};
  }

  static Added check_against(const ResourceDefinition& definition, const Path& path, const Value& value) {
    const std::string what = text_of(path) + " " + std::string(definition.name);
    const bool multiple = definition.multiplicity == Multiplicity::multiple;
    if (multiple != path.has_resource_instance())
      return std::unexpected(what + (multiple ? " has instances: an array is expected"
                                              : " has no instances: one value is expected"));
    if (const auto fits = check(definition, value); !fits)
      return std::unexpected(what + ": " + fits.error().detail);
    return {};
  }

  const ObjectCatalog& catalog_;
  Values values_;
};

Added add_member(Reader& reader, const Path& path, const std::string& key, const json& value) {
  const auto parsed = Path::parse(key.starts_with('/') ? key : text_of(path) + "/" + key);
  if (!parsed || !path.contains(*parsed) || !parsed->has_resource())
    return std::unexpected("\"" + key + "\" is not a resource of " + text_of(path));
  return reader.add(*parsed, value);
}

}  // namespace

std::expected<Values, std::string> read_write_body(const json& body, const Path& path,
                                                   const ObjectCatalog& catalog) {
  Reader reader(catalog);
  const char* member = path.has_resource() ? "value" : "values";
  if (!body.is_object() || body.size() != 1 || !body.contains(member))
    return std::unexpected(std::string(path.has_resource()
                                           ? "a resource is written with {\"value\": ...}"
                                           : "an instance is written with {\"values\": {\"id\": ...}}"));
  const auto& content = body.at(member);
  if (path.has_resource()) {
    if (auto added = reader.add(path, content); !added) return std::unexpected(std::move(added.error()));
    return reader.finish();
  }
  if (!content.is_object()) return std::unexpected(std::string("values must be an object of ids and values"));
  for (const auto& [key, value] : content.items())
    if (auto added = add_member(reader, path, key, value); !added)
      return std::unexpected(std::move(added.error()));
  return reader.finish();
}

}  // namespace slipway::api

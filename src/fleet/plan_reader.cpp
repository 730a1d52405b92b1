// SPDX-License-Identifier: Apache-2.0
#include "plan_reader.hpp"

#include <algorithm>
#include <charconv>

#include <slipway/fleet/credential.hpp>

namespace slipway::fleet {
namespace {

constexpr ObjectId kServerObject{1};

std::optional<std::uint16_t> read_id(std::string_view text) {
  std::uint16_t id = 0;
  const auto end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, id);
  if (error != std::errc() || at != end || text.empty()) return std::nullopt;
  return id;
}

/// "RWED", "RWEDC", "R" ... in any order, each letter once.
std::optional<std::uint16_t> read_rights(std::string_view text) {
  constexpr std::string_view kLetters = "RWEDC";
  std::uint16_t rights = 0;
  for (const char c : text) {
    const auto bit = kLetters.find(c);
    if (bit == std::string_view::npos || (rights & 1u << bit) != 0) return std::nullopt;
    rights = static_cast<std::uint16_t>(rights | 1u << bit);
  }
  return rights;
}

/// A TOML value as the type of a resource. Opaque is hexadecimal text, an object link "3:0".
std::optional<OwnedValue> typed(const toml::node& node, DataType type, std::string& problem) {
  const auto text = node.value_exact<std::string>();
  const auto whole = node.value_exact<std::int64_t>();
  switch (type) {
    case DataType::string:
    case DataType::corelnk:
      if (text) return OwnedValue(type == DataType::string ? Value::string(*text) : Value::corelnk(*text));
      problem = "this resource is a text";
      return std::nullopt;
    case DataType::integer:
      if (whole) return OwnedValue(Value::integer(*whole));
      problem = "this resource is a whole number";
      return std::nullopt;
    case DataType::time:
      if (whole) return OwnedValue(Value::time(*whole));
      problem = "this resource is a time in seconds since 1970";
      return std::nullopt;
    case DataType::unsigned_integer:
      if (whole && *whole >= 0) return OwnedValue(Value::unsigned_integer(static_cast<std::uint64_t>(*whole)));
      problem = "this resource is a whole number, not negative";
      return std::nullopt;
    case DataType::floating:
      if (whole) return OwnedValue(Value::floating(static_cast<double>(*whole)));
      if (const auto number = node.value_exact<double>()) return OwnedValue(Value::floating(*number));
      problem = "this resource is a number";
      return std::nullopt;
    case DataType::boolean:
      if (const auto flag = node.value_exact<bool>()) return OwnedValue(Value::boolean(*flag));
      problem = "this resource is true or false";
      return std::nullopt;
    case DataType::opaque:
      if (text)
        if (const auto bytes = from_hex(*text)) return OwnedValue(Value::opaque(*bytes));
      problem = "this resource is opaque: write its bytes as hexadecimal text";
      return std::nullopt;
    case DataType::objlnk: {
      if (text)
        if (const auto colon = text->find(':'); colon != std::string::npos) {
          const auto object = read_id(std::string_view(*text).substr(0, colon));
          const auto instance = read_id(std::string_view(*text).substr(colon + 1));
          if (object && instance) return OwnedValue(Value::objlnk({*object, *instance}));
        }
      problem = "this resource is an object link such as \"3:0\"";
      return std::nullopt;
    }
    case DataType::none: problem = "this resource has no value: it is executed"; return std::nullopt;
  }
  return std::nullopt;
}

/// Reads `{ "5700" = 21.5, "6" = [1, 2] }` below `instance`.
void read_resources(TableReader& table, const Path& instance, const ObjectDefinition& object,
                    std::vector<std::pair<Path, OwnedValue>>& out) {
  for (const auto& [name, node] : table.table()) {
    const std::string key(name.str());
    (void)table.node(key);
    const auto id = read_id(key);
    const auto* definition = id ? object.find(ResourceId(*id)) : nullptr;
    if (definition == nullptr) {
      table.wrong(&node, key, std::string(object.name) + " has no resource " + key, "resources are named by their id");
      continue;
    }
    const auto add = [&](const toml::node& item, const Path& path) {
      std::string problem;
      auto value = typed(item, definition->type, problem);
      if (!value) return table.wrong(&item, key, problem);
      if (const auto fits = check(*definition, value->view()); !fits)
        return table.wrong(&item, key, std::string(definition->name) + ": " + fits.error().detail);
      out.emplace_back(path, std::move(*value));
    };
    const Path path = instance.child(*id);
    const auto* array = node.as_array();
    if (definition->multiplicity == Multiplicity::single) {
      if (array != nullptr) table.wrong(&node, key, "this resource has one value");
      else add(node, path);
    } else if (array == nullptr) {
      table.wrong(&node, key, "this resource has several values", "write a list");
    } else {
      std::uint16_t index = 0;
      for (const auto& item : *array) add(item, path.child(index++));
    }
  }
  std::ranges::sort(out, {}, [](const auto& item) { return item.first; });
}

/// coaps with a key, coap without one: anything else could not open a session.
void check_uri(TableReader& table, const ServerAccountPlan& server) {
  const std::string_view scheme = server.credential == CredentialSource::none ? "coap://" : "coaps://";
  const std::string uri = server.uri;
  if (!uri.starts_with(scheme) || uri.size() == scheme.size())
    table.wrong(table.node("uri"), "uri", "\"" + uri + "\" does not fit this account's credential",
                "write " + std::string(scheme) + "host:port");
  else if (uri.size() > 255)
    table.wrong(table.node("uri"), "uri", "a server URI has at most 255 bytes");
}

ServerAccountPlan read_account(TableReader& table, const ObjectCatalog& catalog) {
  ServerAccountPlan server;
  if (const auto id = table.number("id", 1, 65534)) server.id = ShortServerId(static_cast<std::uint16_t>(*id));
  else if (table.node("id") == nullptr) table.missing("id", "give the server a short server id from 1 to 65534");
  const auto credential = table.text("credential").value_or("generate");
  if (credential == "none") server.credential = CredentialSource::none;
  else if (credential != "generate")
    table.wrong(table.node("credential"), "credential", "\"" + credential + "\" is not a source of credentials",
                "write \"generate\" for a random key of its own for each device, or \"none\"");
  if (auto uri = table.text("uri")) {
    server.uri = std::move(*uri);
    check_uri(table, server);
  } else {
    table.missing("uri", "write where the device finds this server: coaps://host:port");
  }
  if (const auto bytes = table.number("psk_bytes", kPskMin, kPskMax)) server.psk_bytes = static_cast<std::size_t>(*bytes);
  if (const auto lifetime = table.number("lifetime", 1, 0xFFFFFFFF)) server.lifetime_s = *lifetime;
  if (auto binding = table.text("binding")) {
    if (binding->empty() || binding->find_first_not_of("UTSNMHQ") != std::string::npos)
      table.wrong(table.node("binding"), "binding", "\"" + *binding + "\" is not a binding", "write \"U\" for UDP");
    server.binding = std::move(*binding);
  }
  if (const auto storing = table.boolean("notification_storing")) server.notification_storing = *storing;
  if (const auto* found = table.sub_table("resources")) {
    TableReader resources(*found, table.key("resources"), table.findings());
    std::vector<std::pair<Path, OwnedValue>> values;
    read_resources(resources, Path(kServerObject, InstanceId(0)), *catalog.find(kServerObject), values);
    for (auto& [path, value] : values) {
      constexpr std::uint16_t kOwnKeys[] = {0, 1, 6, 7};
      const auto id = path.resource();
      if (std::ranges::find(kOwnKeys, id.value()) != std::end(kOwnKeys))
        resources.wrong(nullptr, std::to_string(id.value()), "this resource has a key of its own",
                        "use id, lifetime, notification_storing or binding");
      else
        server.server_resources.emplace_back(id, std::move(value));
    }
  }
  table.finish();
  return server;
}

AccessControlPlan read_access(TableReader& table, const std::vector<ServerAccountPlan>& servers) {
  AccessControlPlan access;
  const auto known = [&](std::uint16_t id) {
    return std::ranges::any_of(servers, [&](const auto& server) { return server.id.value() == id; });
  };
  if (const auto target = table.text("target")) {
    const auto path = Path::parse(*target);
    if (!path || path->depth() < 1 || path->depth() > 2)
      table.wrong(table.node("target"), "target", "\"" + *target + "\" is not an object or an object instance",
                  "write \"/3303/0\", or \"/3303\" for the right to create instances");
    else
      access.target_object = path->object(),
      access.target_instance = path->has_instance() ? path->instance() : InstanceId(kReservedId);
  } else {
    table.missing("target", "write what the rights are about, such as \"/3303/0\"");
  }
  if (const auto owner = table.number("owner", 1, 65535)) {
    if (*owner != kReservedId && !known(static_cast<std::uint16_t>(*owner)))
      table.wrong(table.node("owner"), "owner", "no server of this plan has that short server id");
    access.owner = ShortServerId(static_cast<std::uint16_t>(*owner));
  }
  if (const auto* found = table.sub_table("rights")) {
    TableReader rights(*found, table.key("rights"), table.findings());
    for (const auto& [name, node] : *found) {
      const std::string key(name.str());
      const auto server = read_id(key);
      const auto letters = rights.text(key);
      const auto bits = letters ? read_rights(*letters) : std::nullopt;
      if (!server || (*server != 0 && !known(*server)))
        rights.wrong(&node, key, "no server of this plan has that short server id", "\"0\" stands for all others");
      else if (!bits)
        rights.wrong(&node, key, "rights are letters of RWEDC", "such as \"RWED\"");
      else
        access.acl.push_back({ShortServerId(*server), *bits});
    }
  }
  std::ranges::sort(access.acl, {}, &AccessRight::server);
  table.finish();
  return access;
}

std::optional<InstancePlan> read_instance(TableReader& table, const ObjectCatalog& catalog) {
  InstancePlan instance;
  const auto text = table.text("path");
  const auto* resources = table.sub_table("resources");
  table.finish();
  if (!text) {
    if (table.node("path") == nullptr) table.missing("path", "write the instance, such as \"/3303/1\"");
    return std::nullopt;
  }
  const auto path = Path::parse(*text);
  if (!path || path->level() != PathLevel::instance || path->instance().value() == kReservedId) {
    table.wrong(table.node("path"), "path", "\"" + *text + "\" is not an object instance", "write one such as \"/3303/1\"");
    return std::nullopt;
  }
  const auto object = path->object();
  if (object.value() <= 2 || object.value() == 21) {
    table.wrong(table.node("path"), "path", "accounts and access rights have sections of their own",
                "use [[...server]] and [[...access]]");
    return std::nullopt;
  }
  const auto* definition = catalog.find(object);
  if (definition == nullptr) {
    table.wrong(table.node("path"), "path", "object " + std::to_string(object.value()) + " has no definition here",
                "put its XML file into the folder of --objects");
    return std::nullopt;
  }
  instance.instance = *path;
  if (resources == nullptr) return instance;
  TableReader reader(*resources, table.key("resources"), table.findings());
  read_resources(reader, *path, *definition, instance.values);
  return instance;
}

}  // namespace

std::shared_ptr<const Plan> read_plan(const toml::table& table, const std::string& name, const std::string& key,
                                      const ObjectCatalog& catalog, Findings& findings) {
  auto plan = std::make_shared<Plan>();
  plan->name = name;
  TableReader reader(table, key, findings);
  const auto section = [&](std::string_view part, std::size_t index) {
    return key + "." + std::string(part) + "[" + std::to_string(index) + "]";
  };
  std::size_t index = 0;
  for (const auto* found : reader.tables("server")) {
    TableReader part(*found, section("server", index++), findings);
    auto server = read_account(part, catalog);
    const auto same = [&](const auto& other) { return other.id == server.id && server.id.value() != 0; };
    if (std::ranges::any_of(plan->servers, same))
      part.wrong(part.node("id"), "id", "another server of this plan has this short server id", "give each its own");
    plan->servers.push_back(std::move(server));
  }
  if (plan->servers.empty())
    reader.missing("server", "a device needs at least one management server: write [[" + key + ".server]]");
  index = 0;
  for (const auto* found : reader.tables("access")) {
    TableReader part(*found, section("access", index++), findings);
    plan->access.push_back(read_access(part, plan->servers));
  }
  index = 0;
  for (const auto* found : reader.tables("instance")) {
    TableReader part(*found, section("instance", index++), findings);
    auto instance = read_instance(part, catalog);
    if (!instance) continue;
    const auto same = [&](const auto& other) { return other.instance == instance->instance; };
    if (std::ranges::any_of(plan->instances, same))
      part.wrong(part.node("path"), "path", "this instance stands twice in the plan");
    plan->instances.push_back(std::move(*instance));
  }
  if (const auto format = reader.text("format")) {
    const auto parsed = parse_content_format(*format);
    if (parsed && holds_many(*parsed) && *parsed != ContentFormat::link_format && *parsed != ContentFormat::oma_json)
      plan->format = *parsed;
    else
      reader.wrong(reader.node("format"), "format", "\"" + *format + "\" cannot carry an object instance",
                   "write \"tlv\", \"senml-cbor\", \"senml-json\" or \"lwm2m-cbor\"");
  }
  reader.finish();
  return plan;
}

}  // namespace slipway::fleet

// SPDX-License-Identifier: Apache-2.0
#include "plan_reader.hpp"

#include <algorithm>
#include <functional>

#include <slipway/base/uri.hpp>
#include <slipway/fleet/credential.hpp>

#include "resource_reader.hpp"

namespace slipway::fleet {
namespace {

constexpr ObjectId kSecurityObject{0};
constexpr ObjectId kServerObject{1};
constexpr ObjectId kAccessControlObject{2};
constexpr ObjectId kOscoreObject{21};

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

/// coaps with a key, coap without one: anything else could not open a session.
void check_uri(TableReader& table, const ServerAccountPlan& server) {
  const bool secure = server.credential != CredentialSource::none;
  const std::string remedy =
      secure ? "write coaps://host:port" : "write coap://host:port, or give it a credential";
  const auto uri = parse_uri(server.uri);
  const auto wrong = [&](const std::string& why) {
    table.wrong(table.node("uri"), "uri", in_quotes(server.uri) + " is not a server's URI: " + why, remedy);
  };
  if (!uri) return wrong(uri.error().detail);
  if (is_tcp(uri->scheme)) return wrong("only UDP is served here");
  if (is_secure(uri->scheme) != secure) return wrong("its scheme does not fit the account's credential");
  if ((!uri->path.empty() && uri->path != "/") || !uri->query.empty())
    return wrong("a server has no path and no query");
}

/// Further resources of /1, without those that have a key of their own here.
void read_server_resources(TableReader& account, const ObjectCatalog& catalog, ServerAccountPlan& server) {
  const auto* found = account.sub_table("resources");
  if (found == nullptr) return;
  TableReader table(*found, account.key("resources"), account.findings());
  for (auto& [path, value] :
       read_resources(table, Path(kServerObject, InstanceId(0)), *catalog.find(kServerObject))) {
    const auto id = path.resource();
    const auto key = std::to_string(id.value());
    constexpr std::uint16_t kOwnKeys[] = {0, 1, 6, 7};
    if (std::ranges::find(kOwnKeys, id.value()) != std::end(kOwnKeys))
      table.wrong(table.node(key), key, "this resource has a key of its own",
                  "use id, lifetime, notification_storing or binding");
    else if (!path.has_resource_instance())
      server.server_resources.emplace_back(id, std::move(value));
    else if (path.id_at(3) == 0)
      table.wrong(table.node(key), key, "a resource with several values cannot be given here",
                  "write it from the management server once the device has registered");
  }
}

ServerAccountPlan read_account(TableReader& table, const ObjectCatalog& catalog) {
  ServerAccountPlan server;
  if (const auto id = table.number("id", 1, 65534))
    server.id = ShortServerId(static_cast<std::uint16_t>(*id));
  else if (table.node("id") == nullptr)
    table.missing("id", "give the server a short server id from 1 to 65534");
  const auto credential = table.text("credential").value_or("generate");
  if (credential == "none")
    server.credential = CredentialSource::none;
  else if (credential != "generate")
    table.wrong(table.node("credential"), "credential",
                in_quotes(credential) + " is not a source of credentials",
                "write \"generate\" for a random key of its own for each device, or \"none\"");
  if (auto uri = table.text("uri")) {
    server.uri = std::move(*uri);
    check_uri(table, server);
  } else if (table.node("uri") == nullptr) {
    table.missing("uri", "write where the device finds this server: coaps://host:port");
  }
  if (const auto bytes = table.number("psk_bytes", kPskMin, kPskMax))
    server.psk_bytes = static_cast<std::size_t>(*bytes);
  if (const auto lifetime = table.number("lifetime", 1, 0xFFFFFFFF)) server.lifetime_s = *lifetime;
  if (auto binding = table.text("binding")) {
    if (binding->empty() || binding->size() > 8 || binding->find_first_not_of("UTSNMHQ") != std::string::npos)
      table.wrong(table.node("binding"), "binding", in_quotes(*binding) + " is not a binding",
                  "write \"U\" for UDP");
    server.binding = std::move(*binding);
  }
  if (const auto storing = table.boolean("notification_storing")) server.notification_storing = *storing;
  read_server_resources(table, catalog, server);
  table.finish();
  return server;
}

bool has_server(const Plan& plan, std::uint16_t id) {
  return std::ranges::any_of(plan.servers, [&](const auto& server) { return server.id.value() == id; });
}

void read_target(TableReader& table, AccessControlPlan& access) {
  const auto target = table.text("target");
  if (!target) {
    if (table.node("target") == nullptr)
      table.missing("target", "write what the rights are about, such as \"/3303/0\"");
    return;
  }
  const std::string remedy = "write \"/3303/0\", or \"/3303\" for the right to create instances";
  const auto path = Path::parse(*target);
  const auto wrong = [&](const std::string& why) {
    table.wrong(table.node("target"), "target", in_quotes(*target) + why, remedy);
  };
  if (!path || path->depth() < 1 || path->depth() > 2)
    return wrong(" is not an object or an object instance");
  const auto object = path->object();
  if (object == kSecurityObject || object == kAccessControlObject || object == kOscoreObject)
    return wrong(" is for bootstrap alone: no server has rights on it");
  access.target_object = object;
  access.target_instance = path->has_instance() ? path->instance() : InstanceId(kReservedId);
}

void read_acl(TableReader& table, const Plan& plan, AccessControlPlan& access) {
  const auto* found = table.sub_table("rights");
  if (found == nullptr) return;
  TableReader rights(*found, table.key("rights"), table.findings());
  for (const auto& [name, node] : *found) {
    const auto key = name.str();
    const auto server = read_id(key);
    if (!server || (*server != 0 && !has_server(plan, *server))) {
      rights.wrong(&node, key, "no server of this plan has the short server id " + in_quotes(key),
                   "name one of its servers; \"0\" stands for all others");
      continue;
    }
    const auto letters = rights.text(key);
    if (!letters) continue;
    if (const auto bits = read_rights(*letters))
      access.acl.push_back({ShortServerId(*server), *bits});
    else
      rights.wrong(&node, key, in_quotes(*letters) + " are not rights",
                   "write letters of RWEDC, such as \"RWE\"");
  }
  std::ranges::sort(access.acl, {}, &AccessRight::server);
}

AccessControlPlan read_access(TableReader& table, const Plan& plan) {
  AccessControlPlan access;
  read_target(table, access);
  if (const auto owner = table.number("owner", 1, 65535)) {
    if (*owner != kReservedId && !has_server(plan, static_cast<std::uint16_t>(*owner)))
      table.wrong(table.node("owner"), "owner",
                  "no server of this plan has the short server id " + std::to_string(*owner),
                  "name one of its servers, or 65535 for the bootstrap server");
    access.owner = ShortServerId(static_cast<std::uint16_t>(*owner));
  }
  read_acl(table, plan, access);
  table.finish();
  return access;
}

/// The path of a further instance, where it may be one.
const ObjectDefinition* read_instance_path(TableReader& table, const ObjectCatalog& catalog, Path& out) {
  const auto text = table.text("path");
  if (!text) {
    if (table.node("path") == nullptr) table.missing("path", "write the instance, such as \"/3303/1\"");
    return nullptr;
  }
  const auto wrong = [&](const std::string& why, std::string remedy) {
    table.wrong(table.node("path"), "path", in_quotes(*text) + why, std::move(remedy));
    return nullptr;
  };
  const auto path = Path::parse(*text);
  if (!path || path->level() != PathLevel::instance || path->instance().value() == kReservedId)
    return wrong(" is not an object instance", "write one such as \"/3303/1\"");
  out = *path;
  const auto object = path->object();
  if (object == kOscoreObject) return wrong(" holds OSCORE keys, which plans do not give yet", "remove it");
  if (object <= kAccessControlObject)
    return wrong(" has a section of its own", "use [[plan.NAME.server]] and [[plan.NAME.access]]");
  const auto* definition = catalog.find(object);
  if (definition == nullptr)
    return wrong(": object " + std::to_string(object.value()) + " has no definition here",
                 "put its XML file into the folder of --objects");
  if (definition->multiplicity == Multiplicity::single && path->instance().value() != 0)
    return wrong(": " + std::string(definition->name) + " has one instance",
                 "write \"/" + std::to_string(object.value()) + "/0\"");
  return definition;
}

std::optional<InstancePlan> read_instance(TableReader& table, const ObjectCatalog& catalog) {
  InstancePlan instance;
  const auto* definition = read_instance_path(table, catalog, instance.instance);
  const auto* resources = table.sub_table("resources");
  table.finish();
  if (definition == nullptr) return std::nullopt;
  if (resources == nullptr) return instance;
  TableReader reader(*resources, table.key("resources"), table.findings());
  instance.values = read_resources(reader, instance.instance, *definition);
  return instance;
}

void read_format(TableReader& reader, Plan& plan) {
  const auto text = reader.text("format");
  if (!text) return;
  constexpr ContentFormat kFormats[] = {ContentFormat::tlv, ContentFormat::senml_cbor,
                                        ContentFormat::senml_json, ContentFormat::lwm2m_cbor};
  const auto format = parse_content_format(*text);
  if (format && std::ranges::find(kFormats, *format) != std::end(kFormats))
    plan.format = *format;
  else
    reader.wrong(reader.node("format"), "format", in_quotes(*text) + " cannot carry an object instance",
                 "write \"tlv\", \"senml-cbor\", \"senml-json\" or \"lwm2m-cbor\"");
}

/// Reads each table of `[[part]]`; `read` gets a reader for it.
void each(TableReader& plan, std::string_view part, const std::function<void(TableReader&)>& read) {
  std::size_t index = 0;
  for (const auto* found : plan.tables(part, kPlanPartsMax)) {
    TableReader table(*found, plan.key(part) + "[" + std::to_string(index++) + "]", plan.findings());
    read(table);
  }
}

}  // namespace

std::shared_ptr<const Plan> read_plan(const toml::table& table, const std::string& name,
                                      const std::string& key, const ObjectCatalog& catalog,
                                      Findings& findings) {
  auto plan = std::make_shared<Plan>();
  plan->name = name;
  TableReader reader(table, key, findings);
  each(reader, "server", [&](TableReader& part) {
    auto server = read_account(part, catalog);
    if (server.id.value() != 0 && has_server(*plan, server.id.value()))
      part.wrong(part.node("id"), "id", "another server of this plan has this short server id",
                 "give each its own");
    plan->servers.push_back(std::move(server));
  });
  if (reader.node("server") == nullptr)
    reader.missing("server", "a device needs at least one management server: write [[" + key + ".server]]");
  else if (plan->servers.empty())
    reader.wrong(reader.node("server"), "server", "there is no server",
                 "write at least one [[" + key + ".server]]");
  each(reader, "access", [&](TableReader& part) {
    auto access = read_access(part, *plan);
    const auto same = [&](const auto& other) {
      return other.target_object == access.target_object && other.target_instance == access.target_instance;
    };
    if (std::ranges::any_of(plan->access, same))
      part.wrong(part.node("target"), "target", "the rights on this target stand twice in the plan",
                 "join the two");
    plan->access.push_back(std::move(access));
  });
  each(reader, "instance", [&](TableReader& part) {
    auto instance = read_instance(part, catalog);
    if (!instance) return;
    const auto same = [&](const auto& other) { return other.instance == instance->instance; };
    if (std::ranges::any_of(plan->instances, same))
      part.wrong(part.node("path"), "path", "this instance stands twice in the plan", "join the two");
    plan->instances.push_back(std::move(*instance));
  });
  read_format(reader, *plan);
  reader.finish();
  return plan;
}

}  // namespace slipway::fleet

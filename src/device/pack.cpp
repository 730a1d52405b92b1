// SPDX-License-Identifier: Apache-2.0
#include <slipway/device/pack.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <set>

#include <slipway/base/secret.hpp>
#include <slipway/base/uri.hpp>
#include <slipway/lwm2m/peer.hpp>

namespace slipway::device {

using nlohmann::json;

namespace {

constexpr ObjectId kSecurity{0};
constexpr ObjectId kServer{1};

/// The single resources of one instance, by id.
struct Instance {
  Path path;
  std::map<std::uint16_t, Value> resources;

  [[nodiscard]] const Value* find(std::uint16_t id) const {
    const auto found = resources.find(id);
    return found == resources.end() ? nullptr : &found->second;
  }
  [[nodiscard]] std::string name() const { return std::string(path.text().view()); }
};

std::vector<Instance> instances_of(const Pack& pack, ObjectId object) {
  std::vector<Instance> all;
  for (const auto& [path, value] : pack.values) {
    if (path.object() != object || path.level() != PathLevel::resource) continue;
    if (all.empty() || all.back().path != path.prefix(2)) all.push_back({path.prefix(2), {}});
    all.back().resources[path.resource().value()] = value.view();
  }
  return all;
}

void check_types(const Pack& pack, const ObjectCatalog& catalog, std::vector<std::string>& problems) {
  for (const auto& [path, value] : pack.values) {
    const auto text = std::string(path.text().view());
    const auto* object = catalog.find(path.object());
    if (object == nullptr) continue;  // the device may know it
    const auto* resource = path.has_resource() ? object->find(path.resource()) : nullptr;
    if (resource == nullptr) problems.push_back(text + ": " + std::string(object->name) + " has no such resource; remove it");
    else if (const auto fits = check(*resource, value.view()); !fits)
      problems.push_back(text + " " + std::string(resource->name) + ": " + fits.error().detail);
  }
}

void check_session(const Instance& account, std::vector<std::string>& problems) {
  const auto* uri = account.find(0);
  const auto* mode = account.find(2);
  if (uri == nullptr || mode == nullptr)
    return problems.push_back(account.name() + ": resources 0 (URI) and 2 (security mode) are mandatory; add them");
  const auto parsed = parse_uri(uri->as_text());
  if (!parsed) return problems.push_back(account.name() + "/0: not a server URI (" + parsed.error().detail + "); write coaps://host:port");
  const bool nosec = mode->as_integer() == static_cast<std::int64_t>(SecurityMode::nosec);
  if (nosec == is_secure(parsed->scheme))
    problems.push_back(account.name() + ": the URI's scheme does not fit the security mode; use coaps with keys, coap without");
  if (mode->as_integer() != static_cast<std::int64_t>(SecurityMode::psk)) return;
  const auto* identity = account.find(3);
  const auto* key = account.find(5);
  if (identity == nullptr || identity->as_opaque().empty() || identity->as_opaque().size() > 128)
    problems.push_back(account.name() + "/3: a PSK identity has 1 to 128 bytes");
  if (key == nullptr || key->as_opaque().size() < 16 || key->as_opaque().size() > 64)
    problems.push_back(account.name() + "/5: a PSK has 16 to 64 bytes; make a random one");
}

void check_accounts(const Pack& pack, std::vector<std::string>& problems) {
  const auto security = instances_of(pack, kSecurity);
  const auto servers = instances_of(pack, kServer);
  if (security.empty())
    problems.push_back("the pack has no account: the device could reach nobody; add a bootstrap account (/0)");
  std::size_t bootstrap_accounts = 0;
  std::set<std::int64_t> accounts, seen;
  for (const auto& account : security) {
    check_session(account, problems);
    const auto* is_bootstrap = account.find(1);
    if (is_bootstrap == nullptr) {
      problems.push_back(account.name() + "/1: whether this is a bootstrap server is not said; add it");
    } else if (is_bootstrap->as_boolean()) {
      if (++bootstrap_accounts == 2) problems.push_back(account.name() + ": a second bootstrap account; a device has at most one");
    } else if (const auto* id = account.find(10); id == nullptr) {
      problems.push_back(account.name() + "/10: a management account needs a short server id");
    } else if (!accounts.insert(id->as_integer()).second) {
      problems.push_back(account.name() + "/10: short server id " + std::to_string(id->as_integer()) +
                         " stands twice; give each server its own");
    }
  }
  for (const auto& server : servers) {
    const auto* id = server.find(0);
    if (id == nullptr) problems.push_back(server.name() + "/0: the short server id is missing");
    else if (!seen.insert(id->as_integer()).second)
      problems.push_back(server.name() + "/0: short server id " + std::to_string(id->as_integer()) +
                         " stands twice; give each server its own");
    else if (!accounts.contains(id->as_integer()))
      problems.push_back(server.name() + ": no account in /0 has its short server id " + std::to_string(id->as_integer()));
  }
  for (const auto id : accounts)
    if (!seen.contains(id))
      problems.push_back("server " + std::to_string(id) + " has keys in /0 but no instance of /1; add one");
}

std::string joined(const std::string& name, const std::vector<std::string>& problems) {
  std::string out;
  for (const auto& problem : problems) out += (out.empty() ? "" : "\n") + name + ": " + problem;
  return out;
}

}  // namespace

Pack::~Pack() {
  for (auto& [path, value] : values) value.wipe();
}

std::vector<Entry> Pack::entries() const {
  std::vector<Entry> out;
  out.reserve(values.size());
  for (const auto& [path, value] : values) out.push_back({.path = path, .value = value.view()});
  return out;
}

std::vector<std::string> problems_of(const Pack& pack, const ObjectCatalog& catalog) {
  std::vector<std::string> problems;
  if (pack.endpoint.empty() || pack.endpoint.size() > kEndpointMax)
    problems.push_back("\"endpoint\" has 1 to 255 bytes; write the device's name");
  check_types(pack, catalog, problems);
  if (problems.empty()) check_accounts(pack, problems);
  return problems;
}

std::expected<Pack, std::string> parse_pack(std::string_view text, const std::string& name,
                                            const ObjectCatalog& catalog) {
  const auto refuse = [&](const std::string& what) { return std::unexpected(name + ": " + what); };
  std::string problem;
  const auto document = [&] {
    try {
      return json::parse(text);
    } catch (const json::parse_error& error) {
      problem = "not JSON, at byte " + std::to_string(error.byte) + "; a pack is made by `slipway factory`";
      return json();
    }
  }();
  if (!problem.empty()) return refuse(problem);
  if (!document.is_object() || !document.contains("slipway_pack"))
    return refuse("not a factory pack: \"slipway_pack\" is missing; packs are made by `slipway factory`");
  if (document["slipway_pack"] != kPackVersion)
    return refuse("pack version " + document["slipway_pack"].dump() + " is not known here; this program reads version 1");
  if (!document.contains("endpoint") || !document["endpoint"].is_string())
    return refuse("\"endpoint\" is missing; write the device's name");
  if (!document.contains("objects") || !document["objects"].is_array())
    return refuse("\"objects\" is missing; it holds the accounts as SenML");

  Pack pack;
  pack.endpoint = document["endpoint"].get<std::string>();
  const std::string senml = document["objects"].dump();
  std::vector<Entry> entries(kPackValuesMax);
  std::vector<std::uint8_t> scratch(senml.size() + 64);
  const auto decoded = codec::decode(ContentFormat::senml_json, Path(), as_bytes(senml), {.catalog = &catalog}, {entries, scratch});
  if (!decoded)
    return refuse("\"objects\" does not decode: " + std::string(decoded.error().detail) + " at byte " +
                  std::to_string(decoded.error().offset) + " of it");
  for (const auto& entry : *decoded) pack.add(entry.path, entry.value);
  wipe(scratch);
  std::ranges::sort(pack.values, {}, [](const auto& item) { return item.first; });
  const auto twice = std::ranges::adjacent_find(pack.values, {}, [](const auto& item) { return item.first; });
  if (twice != pack.values.end()) return refuse(std::string(twice->first.text().view()) + " stands twice");
  if (const auto problems = problems_of(pack, catalog); !problems.empty())
    return std::unexpected(joined(name, problems));
  return pack;
}

std::expected<Pack, std::string> load_pack(const std::string& file, const ObjectCatalog& catalog) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return std::unexpected(file + ": cannot be read: " + std::strerror(errno) + "; check its name and its rights");
  std::string text(kPackBytesMax + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad()) return std::unexpected(file + ": cannot be read; it must be a regular file");
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > kPackBytesMax) return std::unexpected(file + ": larger than 256 KiB; this is not a factory pack");
  auto pack = parse_pack(text, file, catalog);
  wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  return pack;
}

std::expected<std::string, std::string> write_pack(const Pack& pack) {
  std::vector<std::uint8_t> senml(kPackBytesMax);
  const auto size = codec::encode(ContentFormat::senml_json, Path(), pack.entries(), senml);
  if (!size) return std::unexpected(std::string("the pack cannot be written: ") + size.error().detail);
  json document{{"slipway_pack", kPackVersion},
                {"endpoint", pack.endpoint},
                {"objects", json::parse(as_text(ByteView(senml).first(*size)))}};
  wipe(senml);
  return document.dump(1) + "\n";
}

}  // namespace slipway::device

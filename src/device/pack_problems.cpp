// SPDX-License-Identifier: Apache-2.0
// What is wrong with a pack, in words.
#include <algorithm>
#include <map>
#include <set>

#include <slipway/base/uri.hpp>
#include <slipway/device/credentials.hpp>
#include <slipway/device/pack.hpp>
#include <slipway/lwm2m/peer.hpp>

namespace slipway::device {
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
  std::map<Path, Instance> all;
  for (const auto& [path, value] : pack.values) {
    if (path.object() != object || path.level() != PathLevel::resource) continue;
    auto& instance = all[path.prefix(2)];
    instance.path = path.prefix(2);
    instance.resources[path.resource().value()] = value.view();
  }
  std::vector<Instance> out;
  for (auto& [path, instance] : all) out.push_back(std::move(instance));
  return out;
}

/// What the object model says against one value.
std::string misfit(const Path& path, const Value& value, const ObjectDefinition& object) {
  const auto* resource = path.has_resource() ? object.find(path.resource()) : nullptr;
  if (resource == nullptr) return ": " + std::string(object.name) + " has no such resource; remove it";
  const std::string name = " " + std::string(resource->name);
  if (path.has_resource_instance() && resource->multiplicity == Multiplicity::single)
    return name + " has one value; write it without a resource instance";
  if (!path.has_resource_instance() && resource->multiplicity == Multiplicity::multiple)
    return name + " has several values; write each with a resource instance";
  const auto fits = check(*resource, value);
  return fits ? "" : name + ": " + fits.error().detail + "; correct it";
}

void check_types(const Pack& pack, const ObjectCatalog& catalog, std::vector<std::string>& problems) {
  std::set<Path> seen;
  for (const auto& [path, value] : pack.values) {
    const std::string text(path.text().view());
    if (!seen.insert(path).second) problems.push_back(text + " stands twice; leave one of the two");
    const auto* object = catalog.find(path.object());
    if (object == nullptr) continue;  // the device may know it
    if (const auto problem = misfit(path, value.view(), *object); !problem.empty())
      problems.push_back(text + problem);
  }
}

void check_psk(const Instance& account, std::vector<std::string>& problems) {
  const auto* identity = account.find(3);
  const auto* key = account.find(5);
  if (identity == nullptr || identity->as_opaque().empty() || identity->as_opaque().size() > 128)
    problems.push_back(account.name() + "/3: a PSK identity has 1 to 128 bytes; give the device its own");
  if (key == nullptr || key->as_opaque().size() < 16 || key->as_opaque().size() > 64)
    problems.push_back(account.name() + "/5: a PSK has 16 to 64 bytes; make a random one");
}

/// A raw public key or a certificate, its private key, and what the server is known by.
void check_key_pair(const Instance& account, SecurityMode mode, std::string_view endpoint,
                    std::vector<std::string>& problems) {
  const auto bytes = [&](std::uint16_t id) {
    const auto* value = account.find(id);
    return value != nullptr ? value->as_opaque() : ByteView();
  };
  const auto number = [&](std::uint16_t id, std::uint64_t otherwise) {
    const auto* value = account.find(id);
    return static_cast<std::uint8_t>(value != nullptr ? value->as_unsigned() : otherwise);
  };
  const auto before = problems.size();
  if (bytes(3).empty())
    problems.push_back(account.name() + "/3: the device's public key or certificate is missing; add it");
  if (bytes(4).empty())
    problems.push_back(account.name() +
                       "/4: what the device knows its server by is missing; add the server's " +
                       (mode == SecurityMode::rpk ? "public key" : "certificate"));
  if (bytes(5).empty())
    problems.push_back(account.name() + "/5: the device's private key is missing; add it");
  if (problems.size() != before) return;
  const auto misfit = CredentialChecks().check({.mode = mode,
                                                .identity = bytes(3),
                                                .server_public_key = bytes(4),
                                                .key = bytes(5),
                                                .matching_type = number(13, 0),
                                                .certificate_usage = number(15, 3),
                                                .endpoint = endpoint});
  if (misfit)
    problems.push_back(account.name() + "/" + std::to_string(misfit->resource.value()) + ": " + misfit->rule +
                       "; make the pack anew with `slipway factory`");
}

void check_session(const Instance& account, std::string_view endpoint, std::vector<std::string>& problems) {
  const auto* uri = account.find(0);
  const auto* mode_value = account.find(2);
  if (uri == nullptr || mode_value == nullptr)
    return problems.push_back(account.name() +
                              ": resources 0 (URI) and 2 (security mode) are mandatory; add them");
  const auto parsed = parse_uri(uri->as_text());
  if (!parsed)
    return problems.push_back(account.name() + "/0: not a server URI (" + parsed.error().detail +
                              "); write coaps://host:port");
  const auto mode = static_cast<SecurityMode>(mode_value->as_integer());
  if (mode != SecurityMode::psk && mode != SecurityMode::rpk && mode != SecurityMode::x509 &&
      mode != SecurityMode::nosec)
    return problems.push_back(
        account.name() + "/2: security mode " + std::to_string(mode_value->as_integer()) +
        " is not spoken here; use 0 (pre-shared key), 1 (raw public key), 2 (certificate) "
        "or 3 (none)");
  if ((mode == SecurityMode::nosec) == is_secure(parsed->scheme))
    problems.push_back(
        account.name() +
        ": the URI's scheme does not fit the security mode; use coaps or coaps+tcp with keys, coap or "
        "coap+tcp without");
  if (mode == SecurityMode::psk) check_psk(account, problems);
  if (mode == SecurityMode::rpk || mode == SecurityMode::x509)
    check_key_pair(account, mode, endpoint, problems);
}

/// One key for two servers would let each of them be the other. [LwM2M-TRANSPORT 1.2 §5.2.1]
void check_keys(const std::vector<Instance>& accounts, std::vector<std::string>& problems) {
  for (auto account = accounts.begin(); account != accounts.end(); ++account)
    for (auto other = accounts.begin(); other != account; ++other) {
      const auto *key = account->find(5), *same = other->find(5);
      if (key != nullptr && same != nullptr && !key->as_opaque().empty() &&
          equal(key->as_opaque(), same->as_opaque()))
        problems.push_back(account->name() + "/5: the same key as in " + other->name() +
                           "/5; make a random one for each");
    }
}

void check_accounts(const Pack& pack, std::vector<std::string>& problems) {
  const auto security = instances_of(pack, kSecurity);
  const auto servers = instances_of(pack, kServer);
  if (security.empty())
    problems.push_back(
        "the pack has no account: the device could reach nobody; add a bootstrap account (/0)");
  check_keys(security, problems);
  std::size_t bootstrap_accounts = 0;
  std::set<std::int64_t> accounts, seen;
  for (const auto& account : security) {
    check_session(account, pack.endpoint, problems);
    const auto* is_bootstrap = account.find(1);
    if (is_bootstrap == nullptr) {
      problems.push_back(account.name() + "/1: whether this is a bootstrap server is not said; add it");
    } else if (is_bootstrap->as_boolean()) {
      if (++bootstrap_accounts == 2)
        problems.push_back(account.name() +
                           ": a second bootstrap account; a device has at most one, so remove it");
    } else if (const auto* id = account.find(10); id == nullptr) {
      problems.push_back(account.name() +
                         "/10: a management account needs a short server id; add it, from 1 to 65534");
    } else if (!accounts.insert(id->as_integer()).second) {
      problems.push_back(account.name() + "/10: short server id " + std::to_string(id->as_integer()) +
                         " stands twice; give each server its own");
    }
  }
  for (const auto& server : servers) {
    const auto* id = server.find(0);
    if (id == nullptr)
      problems.push_back(server.name() + "/0: the short server id is missing; add it");
    else if (!seen.insert(id->as_integer()).second)
      problems.push_back(server.name() + "/0: short server id " + std::to_string(id->as_integer()) +
                         " stands twice; give each server its own");
    else if (!accounts.contains(id->as_integer()))
      problems.push_back(server.name() + ": no account in /0 has its short server id " +
                         std::to_string(id->as_integer()) + "; add one, or remove it");
  }
  for (const auto id : accounts)
    if (!seen.contains(id))
      problems.push_back("server " + std::to_string(id) + " has keys in /0 but no instance of /1; add one");
}

}  // namespace

std::vector<std::string> problems_of(const Pack& pack, const ObjectCatalog& catalog) {
  std::vector<std::string> problems;
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7F; };
  if (pack.endpoint.empty() || pack.endpoint.size() > kEndpointMax ||
      std::ranges::any_of(pack.endpoint, is_control))
    problems.push_back("\"endpoint\" is not a name of 1 to 255 printable bytes; write the device's name");
  check_types(pack, catalog, problems);
  if (problems.empty()) check_accounts(pack, problems);
  return problems;
}

}  // namespace slipway::device

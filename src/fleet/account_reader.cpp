// SPDX-License-Identifier: Apache-2.0
#include "account_reader.hpp"

#include <algorithm>

#include <slipway/base/uri.hpp>
#include <slipway/fleet/credential.hpp>

#include "certificate_rules.hpp"
#include "resource_reader.hpp"

namespace slipway::fleet {
namespace {

constexpr ObjectId kSecurityObject{0};
constexpr ObjectId kServerObject{1};
constexpr std::size_t kServerUriMax = 255;  // of /0/x/0
constexpr std::int64_t kDaysMax = 36500;
constexpr std::int64_t kDay = 86400;

constexpr bool has_certificate(CredentialSource source) {
  return source == CredentialSource::certificate || source == CredentialSource::device_own;
}

/// What both kinds of account have.
struct Account {
  std::string& uri;
  CredentialSource& credential;
  std::size_t& psk_bytes;
  std::shared_ptr<const Authority>& authority;
  ServerIdentity& identity;
};

void read_source(TableReader& table, CredentialSource& out) {
  struct Name {
    std::string_view text;
    CredentialSource source;
  };
  constexpr Name kNames[] = {
      {"psk", CredentialSource::generate},       {"generate", CredentialSource::generate},
      {"rpk", CredentialSource::raw_public_key}, {"x509", CredentialSource::certificate},
      {"own", CredentialSource::device_own},     {"none", CredentialSource::none},
  };
  const auto text = table.text("credential");
  if (!text) return;
  const auto* const found = std::ranges::find(kNames, std::string_view(*text), &Name::text);
  if (found != std::end(kNames))
    out = found->source;
  else
    table.wrong(table.node("credential"), "credential", in_quotes(*text) + " is not a source of credentials",
                "write \"psk\", \"rpk\" or \"x509\" for keys of its own for each device, \"own\" for the "
                "certificate that "
                "it has, or \"none\"");
}

/// coaps with a key, coap without one: anything else could not open a session.
void check_uri(TableReader& table, const std::string& text, bool secure) {
  const std::string remedy =
      secure ? "write coaps://host:port" : "write coap://host:port, or give it a credential";
  const auto wrong = [&](const std::string& why) {
    table.wrong(table.node("uri"), "uri", in_quotes(text) + " is not a server's URI: " + why, remedy);
  };
  if (text.size() > kServerUriMax) return wrong("it is longer than 255 bytes");
  const auto uri = parse_uri(text);
  if (!uri) return wrong(uri.error().detail);
  if (is_secure(uri->scheme) != secure) return wrong("its scheme does not fit the account's credential");
  if ((!uri->path.empty() && uri->path != "/") || !uri->query.empty())
    return wrong("a server has no path and no query");
}

void read_uri(TableReader& table, const Account& account) {
  if (auto uri = table.text("uri")) {
    account.uri = std::move(*uri);
    check_uri(table, account.uri, account.credential != CredentialSource::none);
  } else if (table.node("uri") == nullptr) {
    table.missing("uri", "write where the device finds this server: coaps://host:port");
  }
}

void read_authority_name(TableReader& table, const PlanContext& context, const Account& account) {
  const auto name = table.text("authority");
  if (account.credential != CredentialSource::certificate) {
    if (name)
      table.wrong(table.node("authority"), "authority", "no certificate is issued for this account",
                  "write credential = \"x509\", or remove it");
    return;
  }
  if (!name) {
    if (table.node("authority") == nullptr)
      table.missing("authority",
                    "name who issues the certificates of the devices: an [authority.NAME] of this file");
    return;
  }
  const auto found = context.authorities.find(*name);
  if (found != context.authorities.end())
    account.authority = found->second;
  else
    table.wrong(table.node("authority"), "authority", "there is no authority " + in_quotes(*name),
                "add [authority." + *name + "] with certificate and key");
}

void refuse_where_unused(TableReader& table, std::initializer_list<std::string_view> names,
                         const std::string& message) {
  for (const auto name : names)
    if (const auto* node = table.node(name)) table.wrong(node, name, message, "remove it");
}

/// How the device reads /0/x/4.
void read_matching(TableReader& table, ServerIdentity& identity) {
  if (const auto type = table.number("matching_type", 0, 3))
    identity.matching_type = static_cast<std::uint8_t>(*type);
  if (const auto usage = table.number("certificate_usage", 0, 3))
    identity.certificate_usage = static_cast<std::uint8_t>(*usage);
}

/// /0/x/4 holds what the matching type says: the key or certificate itself, or its hash.
void hash_as_matched(ServerIdentity& identity) {
  const auto type = identity.matching_type.value_or(0);
  if (type == 0 || identity.public_key.empty()) return;
  constexpr security::Hash kHashes[] = {security::Hash::sha256, security::Hash::sha384,
                                        security::Hash::sha512};
  identity.public_key = security::digest(kHashes[type - 1], identity.public_key);
}

void read_server_key(TableReader& table, const PlanContext& context, const Account& account) {
  constexpr std::string_view kName = "server_public_key";
  const bool certificate = has_certificate(account.credential);
  if (table.node(kName) == nullptr)
    return table.missing(
        kName, certificate ? "name the file of the server's certificate, or of its authority's: without it "
                             "a device would trust anybody"
                           : "name the file of the server's public key");
  auto key = certificate ? context.files.certificate(table, kName) : context.files.public_key(table, kName);
  if (!key) return;
  const auto usage = static_cast<CertificateUsage>(account.identity.certificate_usage.value_or(3));
  if (certificate)
    check_server_certificate(table, kName, *key, usage, context.now);
  else
    check_curve(table, kName, *key);
  account.identity.public_key = std::move(*key);
  if (certificate && usage == CertificateUsage::trust_anchor_assertion &&
      account.identity.matching_type.value_or(0) != 0)
    table.warn(
        table.node("matching_type"), "matching_type",
        "the device gets only the hash of its trust anchor, so the server has to send the anchor itself",
        "remove it, or see to that");
}

void read_identity(TableReader& table, const PlanContext& context, const Account& account) {
  auto& identity = account.identity;
  const bool rpk = account.credential == CredentialSource::raw_public_key;
  const bool certificate = has_certificate(account.credential);
  if (!rpk && !certificate) {
    refuse_where_unused(table, {"server_public_key", "matching_type", "certificate_usage"},
                        "an account with this credential knows its server by the shared key alone");
  } else {
    if (rpk)
      refuse_where_unused(table, {"certificate_usage"}, "an account with raw public keys has no certificate");
    read_matching(table, identity);
    read_server_key(table, context, account);
    hash_as_matched(identity);
  }
  if (auto sni = table.text("sni")) {
    const bool host =
        !sni->empty() && sni->size() <= 253 &&
        sni->find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
            std::string::npos;
    if (!host)
      table.wrong(table.node("sni"), "sni", in_quotes(*sni) + " is not a host name",
                  "write the name in the server's certificate");
    else if (account.credential == CredentialSource::none)
      refuse_where_unused(table, {"sni"}, "a session without security names no host");
    identity.sni = std::move(*sni);
  }
}

void read_common(TableReader& table, const PlanContext& context, const Account& account) {
  read_source(table, account.credential);
  read_uri(table, account);
  if (const auto bytes = table.number("psk_bytes", kPskMin, kPskMax)) {
    account.psk_bytes = static_cast<std::size_t>(*bytes);
    if (account.credential != CredentialSource::generate)
      table.warn(table.node("psk_bytes"), "psk_bytes", "this account has no pre-shared key", "remove it");
  }
  read_authority_name(table, context, account);
  read_identity(table, context, account);
}

/// Further resources of /0 or /1, without those that have a key of their own here.
void read_further(TableReader& account, std::string_view name, ObjectId object,
                  std::span<const std::uint16_t> own, const std::string& keys, const ObjectCatalog& catalog,
                  std::vector<std::pair<ResourceId, OwnedValue>>& out) {
  const auto* found = account.sub_table(name);
  if (found == nullptr) return;
  TableReader table(*found, account.key(name), account.findings());
  for (auto& [path, value, where] :
       read_resources(table, Path(object, InstanceId(0)), *catalog.find(object))) {
    const auto id = path.resource();
    const auto key = std::to_string(id.value());
    if (std::ranges::find(own, id.value()) != own.end())
      table.wrong(table.node(key), key, "this resource has a key of its own", "use " + keys);
    else
      out.emplace_back(id, std::move(value));
  }
}

void read_instance_id(TableReader& table, std::string_view name, std::optional<InstanceId>& out) {
  if (const auto id = table.number(name, 0, kReservedId - 1))
    out = InstanceId(static_cast<std::uint16_t>(*id));
}

/// Without a binding it is that of the URI, because the device would take UDP for granted.
void read_binding(TableReader& table, const std::string& account_uri, std::string& out) {
  const auto uri = parse_uri(account_uri);
  const char transport = uri && is_tcp(uri->scheme) ? 'T' : 'U';
  auto binding = table.text("binding");
  if (!binding) {
    out = transport;
    return;
  }
  if (binding->empty() || binding->size() > 8 || binding->find_first_not_of("UTSNMHQ") != std::string::npos)
    table.wrong(table.node("binding"), "binding", in_quotes(*binding) + " is not a binding",
                "write \"U\" for UDP, \"T\" for TCP");
  else if (uri && binding->find(transport) == std::string::npos)
    table.wrong(table.node("binding"), "binding",
                in_quotes(*binding) + " does not have the transport of the server's URI",
                std::string("write ") + in_quotes(*binding + transport) + ", or leave it out");
  out = std::move(*binding);
}

/// The node that the credential is handed to before the device gets it.
void read_remote_name(TableReader& table, const PlanContext& context, ServerAccountPlan& server) {
  auto name = table.text("remote");
  if (!name) return;
  if (std::ranges::find(context.remotes, *name, &Remote::name) == context.remotes.end())
    table.wrong(table.node("remote"), "remote", "there is no remote " + in_quotes(*name),
                "add [remote." + *name + "] with its url");
  if (server.credential == CredentialSource::none || server.credential == CredentialSource::device_own)
    table.warn(table.node("remote"), "remote",
               "no credential is made for this account, so none is handed over", "remove it");
  server.remote = std::move(*name);
}

std::shared_ptr<const Authority> read_authority(TableReader& table, const std::string& name, KeyFiles& files,
                                                UnixTime now) {
  auto authority = std::make_shared<Authority>();
  authority->name = name;
  for (const auto* key : {"certificate", "key"})
    if (table.node(key) == nullptr) table.missing(key, "name the authority's file of it");
  if (const auto days = table.number("days", 1, kDaysMax)) authority->validity_s = *days * kDay;
  auto certificate =
      table.node("certificate") != nullptr ? files.certificate(table, "certificate") : std::nullopt;
  auto key = table.node("key") != nullptr ? files.private_key(table, "key") : std::nullopt;
  table.finish();
  if (!certificate || !key) return authority;
  const auto info = security::read_certificate(*certificate);
  if (info) {
    check_authority_certificate(table, "certificate", *info, now);
    if (info->public_key != key->public_key)
      table.wrong(table.node("key"), "key", "this private key does not belong to the authority's certificate",
                  "name the one that it was made with");
    if (info->not_after > now && info->not_after - now < seconds(authority->validity_s))
      table.warn(table.node("days") != nullptr ? table.node("days") : table.node("certificate"), "days",
                 "the authority ends before the certificates that it issues would: they end with it",
                 "renew it");
  }
  authority->certificate = std::move(*certificate);
  authority->key = std::move(key->private_key);
  return authority;
}

}  // namespace

ServerAccountPlan read_server_account(TableReader& table, const PlanContext& context) {
  ServerAccountPlan server;
  if (const auto id = table.number("id", 1, 65534))
    server.id = ShortServerId(static_cast<std::uint16_t>(*id));
  else if (table.node("id") == nullptr)
    table.missing("id", "give the server a short server id from 1 to 65534");
  read_common(table, context,
              {server.uri, server.credential, server.psk_bytes, server.authority, server.identity});
  read_remote_name(table, context, server);
  read_instance_id(table, "security_instance", server.security_instance);
  read_instance_id(table, "server_instance", server.server_instance);
  if (const auto lifetime = table.number("lifetime", 1, 0xFFFFFFFF)) server.lifetime_s = *lifetime;
  read_binding(table, server.uri, server.binding);
  if (const auto storing = table.boolean("notification_storing")) server.notification_storing = *storing;
  constexpr std::uint16_t kSecurityKeys[] = {0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15};
  constexpr std::uint16_t kServerKeys[] = {0, 1, 6, 7};
  read_further(table, "security_resources", kSecurityObject, kSecurityKeys,
               "id, uri, credential, server_public_key, matching_type, sni, certificate_usage, or "
               "[plan.NAME.bootstrap]",
               context.catalog, server.security_resources);
  read_further(table, "resources", kServerObject, kServerKeys,
               "id, lifetime, notification_storing or binding", context.catalog, server.server_resources);
  table.finish();
  return server;
}

BootstrapAccountPlan read_bootstrap_account(TableReader& table, const PlanContext& context) {
  BootstrapAccountPlan account;
  read_common(table, context,
              {account.uri, account.credential, account.psk_bytes, account.authority, account.identity});
  if (account.credential == CredentialSource::device_own)
    table.wrong(table.node("credential"), "credential",
                "the device's own certificate stands in the account that is replaced",
                "write \"psk\", \"rpk\" or \"x509\"");
  if (const auto seconds = table.number("hold_off", 0, 0x7FFFFFFF)) account.hold_off_s = *seconds;
  if (const auto seconds = table.number("account_timeout", 0, 0x7FFFFFFF))
    account.account_timeout_s = *seconds;
  table.finish();
  return account;
}

Authorities read_authorities(TableReader& root, KeyFiles& files, UnixTime now) {
  Authorities authorities;
  const auto* found = root.sub_table("authority");
  if (found == nullptr) return authorities;
  TableReader section(*found, "authority", root.findings());
  for (const auto& [key, value] : *found) {
    const std::string name(key.str());
    if (const auto* entry = value.as_table()) {
      TableReader table(*entry, section.key(name), root.findings());
      authorities.emplace(name, read_authority(table, name, files, now));
    } else {
      section.wrong(&value, name, "an authority is a table", "write [" + section.key(name) + "]");
    }
  }
  return authorities;
}

}  // namespace slipway::fleet

// SPDX-License-Identifier: Apache-2.0
#include <slipway/fleet/configuration.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include <slipway/base/address.hpp>
#include <slipway/security/dtls/types.hpp>

#include "account_reader.hpp"
#include "certificate_rules.hpp"
#include "key_files.hpp"
#include "lint.hpp"
#include "plan_reader.hpp"
#include "remote_reader.hpp"

namespace slipway::fleet {
namespace {

/// An address to listen on, or "" or "off" for none.
void read_address(TableReader& table, std::string_view name, std::string& out) {
  const auto text = table.text(name);
  if (!text) return;
  if (text->empty() || *text == "off") {
    out.clear();
    return;
  }
  if (!Address::parse(*text)) {
    table.wrong(table.node(name), name, in_quotes(*text) + " is not an address to listen on",
                "write one such as \"127.0.0.1:5684\", \"[::]:5684\", or \"off\"");
    return;
  }
  out = *text;
}

/// The keys of a coaps port: `key`, and with it `certificate` and `client_authorities`.
std::shared_ptr<const ServerTlsSettings> read_tls(TableReader& table, KeyFiles& files, UnixTime now) {
  const bool has_more = table.node("certificate") != nullptr || table.node("client_authorities") != nullptr;
  if (table.node("key") == nullptr) {
    if (has_more) table.missing("key", "name the private key that the certificate belongs to");
    return nullptr;
  }
  auto tls = std::make_shared<ServerTlsSettings>();
  auto key = files.private_key(table, "key");
  if (key) check_curve(table, "key", key->public_key);
  if (table.node("certificate") != nullptr) {
    tls->chain = files.certificates(table, "certificate");
    if (!tls->chain.empty()) {
      check_server_certificate(table, "certificate", tls->chain[0],
                               CertificateUsage::domain_issued_certificate, now);
      const auto own = security::read_certificate(tls->chain[0]);
      if (key && own && own->public_key != key->public_key)
        table.wrong(table.node("certificate"), "certificate",
                    "the first certificate is not of the key in `key`",
                    "put the server's own certificate first");
    }
  }
  if (table.node("client_authorities") != nullptr) {
    tls->authorities = files.certificates(table, "client_authorities");
    for (const auto& der : tls->authorities)
      if (const auto authority = security::read_certificate(der))
        check_authority_certificate(table, "client_authorities", *authority, now);
  }
  if (!key) return nullptr;
  tls->public_key = std::move(key->public_key);
  tls->private_key = std::move(key->private_key);
  return tls;
}

/// `cipher_suites`, by their IANA names. [LwM2M-TRANSPORT 1.2 §5.2.9]
void read_suites(TableReader& table, ListenSettings& out) {
  constexpr std::string_view kKey = "cipher_suites";
  const auto* where = table.node(kKey);
  if (where == nullptr) return;
  const auto list = [](const auto& suites) {
    std::string names;
    for (const auto suite : suites) names += (names.empty() ? "" : ", ") + std::string(to_string(suite));
    return names;
  };
  if (const auto* array = where->as_array(); array != nullptr && array->empty())
    return table.wrong(where, kKey, "this list is empty, so no device could connect",
                       "name one, or leave cipher_suites out for the usual ones");
  bool usable = false;
  for (const auto& item : table.texts(kKey)) {
    const auto suite = security::dtls::cipher_suite(std::string_view(item.text));
    if (!suite) {
      table.wrong(item.where, kKey, in_quotes(item.text) + " is not a cipher suite that is done here",
                  "there are " + list(security::dtls::cipher_suites()));
      continue;
    }
    usable = usable || out.tls || uses_psk(*suite);
    const auto number = static_cast<std::uint16_t>(*suite);
    if (std::ranges::find(out.cipher_suites, number) != out.cipher_suites.end())
      table.warn(item.where, kKey, in_quotes(item.text) + " stands there twice", "leave one of the two");
    else
      out.cipher_suites.push_back(number);
  }
  if (!usable)
    table.wrong(where, kKey, "no device could connect with these",
                "name one with PSK in it, or give the server a `key` too; or leave cipher_suites out");
}

void read_listen(TableReader& root, std::string_view name, KeyFiles& files, UnixTime now,
                 ListenSettings& out) {
  const auto* found = root.sub_table(name);
  if (found == nullptr) return;
  TableReader table(*found, std::string(name), root.findings());
  read_address(table, "coap", out.coap);
  read_address(table, "coaps", out.coaps);
  read_address(table, "coap_tcp", out.coap_tcp);
  read_address(table, "coaps_tcp", out.coaps_tcp);
  if (const auto most = table.number("connections_max", 1, 1'000'000))
    out.connections_max = static_cast<std::size_t>(*most);
  if (const auto most = table.number("connections_per_ip_max", 1, 1'000'000))
    out.connections_per_ip_max = static_cast<std::size_t>(*most);
  out.tls = read_tls(table, files, now);
  read_suites(table, out);
  table.finish();
}

void read_server(TableReader& root, KeyFiles& files, UnixTime now, ServerSettings& out) {
  read_listen(root, "bootstrap", files, now, out.bootstrap);
  read_listen(root, "management", files, now, out.management);
  if (const auto* found = root.sub_table("http")) {
    TableReader table(*found, "http", root.findings());
    read_address(table, "listen", out.http);
    if (auto token = table.text("token_file")) out.http_token_file = *token;
    table.finish();
  }
  if (const auto* found = root.sub_table("server")) {
    TableReader table(*found, "server", root.findings());
    if (auto data = table.text("data")) out.data = *data;
    if (auto objects = table.text("objects")) out.objects_directory = *objects;
    if (auto kept = table.number("journeys_kept", 1, 1000))
      out.journeys_kept = static_cast<std::size_t>(*kept);
    table.finish();
  }
  if (const auto* found = root.sub_table("sessions")) {
    TableReader table(*found, "sessions", root.findings());
    if (const auto keep = table.boolean("keep")) out.sessions_kept = *keep;
    if (const auto resume = table.boolean("resume")) out.sessions_resumed = *resume;
    if (const auto days = table.number("idle_days", 1, 3650)) out.sessions_idle = std::chrono::days(*days);
    table.finish();
  }
}

/// The two servers have keys of their own. [LwM2M-TRANSPORT 1.2 §5.2.1]
void check_keys(TableReader& root, const ServerSettings& server) {
  const auto& one = server.bootstrap.tls;
  const auto& other = server.management.tls;
  if (one && other && one->public_key == other->public_key)
    root.warn(root.table().at_path("management.key").node(), "management.key",
              "the bootstrap server has the same key",
              "give each its own: who takes one over would have both");
}

/// Two ports on one address could not both be opened.
void check_listen(TableReader& root, const ServerSettings& server) {
  struct Port {
    const char *section, *name;
    const std::string& address;
    enum class Transport : std::uint8_t { udp, tcp } transport = Transport::udp;
  };
  using enum Port::Transport;
  const Port ports[] = {{"bootstrap", "coap", server.bootstrap.coap},
                        {"bootstrap", "coaps", server.bootstrap.coaps},
                        {"management", "coap", server.management.coap},
                        {"management", "coaps", server.management.coaps},
                        {"bootstrap", "coap_tcp", server.bootstrap.coap_tcp, tcp},
                        {"bootstrap", "coaps_tcp", server.bootstrap.coaps_tcp, tcp},
                        {"management", "coap_tcp", server.management.coap_tcp, tcp},
                        {"management", "coaps_tcp", server.management.coaps_tcp, tcp},
                        {"http", "listen", server.http, tcp}};
  for (const auto* port = std::begin(ports); port != std::end(ports); ++port)
    for (const auto* other = std::begin(ports); other != port; ++other) {
      const auto address = Address::parse(port->address);
      if (!address || address->port == 0 || port->address != other->address) continue;
      if (port->transport != other->transport) continue;
      const auto at = [&](const Port& p) {
        return root.table().at_path(std::string(p.section) + "." + p.name).node();
      };
      const auto* where = at(*port) != nullptr ? at(*port) : at(*other);
      root.wrong(where, std::string(port->section) + "." + port->name,
                 "the same address as " + std::string(other->section) + "." + other->name,
                 "give it another port");
    }
}

std::vector<PlanDraft> read_plans(TableReader& root, const PlanContext& context) {
  std::vector<PlanDraft> drafts;
  const auto* found = root.sub_table("plan");
  if (found == nullptr) return drafts;
  TableReader section(*found, "plan", root.findings());
  for (const auto& [name, value] : *found) {
    const std::string text(name.str());
    if (const auto* table = value.as_table())
      drafts.push_back(read_plan(*table, text, section.key(text), context, root.findings()));
    else
      section.wrong(&value, text, "a plan is a table", "write [" + section.key(text) + "]");
  }
  return drafts;
}

/// Whether any key of a device goes over the wire in a session of this plan.
bool gives_keys(const Plan& plan) {
  const auto secret = [](CredentialSource source) {
    return source != CredentialSource::none && source != CredentialSource::device_own;
  };
  return (plan.bootstrap && secret(plan.bootstrap->credential)) ||
         std::ranges::any_of(plan.servers, [&](const auto& server) { return secret(server.credential); });
}

/// Reads the enrolments and remembers which one took a name, for the sake of good findings.
class EnrolmentReader {
 public:
  EnrolmentReader(std::span<PlanDraft> plans, Enrolments& out) : out_(out) {
    for (auto& draft : plans) plans_.emplace(draft.plan->name, &draft);
  }

  void read(TableReader& table) {
    auto enrolment = std::make_shared<Enrolment>();
    enrolment->name = table.text("name").value_or("");
    read_endpoints(table, *enrolment);
    read_authentication(table, *enrolment);
    read_plan_name(table, *enrolment);
    table.finish();
    if (enrolment->endpoints.empty()) return;
    if (const auto added = out_.add(std::move(enrolment)); !added)
      table.wrong(table.node("endpoints"), "endpoints", added.error().detail, "write each once");
  }

 private:
  void read_endpoints(TableReader& table, Enrolment& enrolment) {
    const auto items = table.texts("endpoints");
    if (items.empty()) {
      const std::string remedy = "write which devices may come: endpoints = [\"urn:dev:os:*\"]";
      const auto* node = table.node("endpoints");
      if (node == nullptr)
        table.missing("endpoints", remedy);
      else if (node->is_array() && node->as_array()->empty())
        table.wrong(node, "endpoints", "this list is empty", remedy);
    }
    for (const auto& item : items)
      if (check_endpoint(table, item)) enrolment.endpoints.push_back(item.text);
  }

  bool check_endpoint(TableReader& table, const TableReader::Item& item) {
    const auto wrong = [&](std::string message, std::string remedy) {
      table.wrong(item.where, "endpoints", std::move(message), std::move(remedy));
      return false;
    };
    const auto& text = item.text;
    if (text.empty()) return wrong("an endpoint name is empty", "write a name, or \"*\" for every device");
    if (text.size() > kEndpointMax)
      return wrong(in_quotes(text) + " is longer than 255 bytes", "no device has such a name");
    if (const auto star = text.find('*'); star != std::string::npos && star + 1 != text.size())
      return wrong(in_quotes(text) + " has a `*` that is not its end",
                   "a pattern is a beginning and one `*`");
    const auto [known, is_new] = taken_.emplace(text, table.key("endpoints"));
    return is_new ||
           wrong(in_quotes(text) + " stands in " + known->second + " already", "leave one of the two");
  }

  static void read_authentication(TableReader& table, Enrolment& enrolment) {
    const auto text = table.text("authentication").value_or("psk");
    if (text == "nosec")
      enrolment.authentication = SecurityMode::nosec;
    else if (text != "psk")
      table.wrong(table.node("authentication"), "authentication",
                  in_quotes(text) + " is not a way to authenticate",
                  "write \"psk\", or \"nosec\" on a network that nobody else reaches");
  }

  void read_plan_name(TableReader& table, Enrolment& enrolment) {
    const auto name = table.text("plan");
    if (!name) {
      if (table.node("plan") == nullptr) table.missing("plan", "name a plan of this file");
      return;
    }
    const auto found = plans_.find(*name);
    if (found == plans_.end())
      return table.wrong(table.node("plan"), "plan", "there is no plan " + in_quotes(*name),
                         "add [[plan." + *name + ".server]]");
    auto* const draft = found->second;
    enrolment.plan = draft->plan;
    const bool one = draft->audience == Audience::nobody && enrolment.endpoints.size() == 1 &&
                     !enrolment.endpoints[0].ends_with('*');
    draft->audience = one ? Audience::one : Audience::many;
    if (enrolment.authentication == SecurityMode::nosec && gives_keys(*draft->plan))
      table.warn(table.node("authentication"), "authentication",
                 "the keys that the plan gives travel without security",
                 "write \"psk\", or keep the network closed");
  }

  std::map<std::string_view, PlanDraft*> plans_;
  Enrolments& out_;
  std::map<std::string, std::string, std::less<>> taken_;
};

/// Everything that a document says; findings go where `root` has them.
void read_document(TableReader& root, const ObjectCatalog& catalog, const ReadOptions& options,
                   Configuration& out) {
  const auto now =
      options.now ? *options.now : std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
  KeyFiles files(std::filesystem::path(root.findings().file).parent_path(), options);
  read_server(root, files, now, out.server);
  check_listen(root, out.server);
  check_keys(root, out.server);
  const auto authorities = read_authorities(root, files, now);
  out.remotes = read_remotes(root, std::filesystem::path(root.findings().file).parent_path(), options);
  const PlanContext context{
      .catalog = catalog, .files = files, .now = now, .authorities = authorities, .remotes = out.remotes};
  auto drafts = read_plans(root, context);
  EnrolmentReader enrolments(drafts, out.enrolments);
  each_table(root, "enrolment", kEnrolmentsMax, [&](TableReader& table) { enrolments.read(table); });
  for (auto& draft : drafts) {
    lint_plan(draft, context);
    out.plans.emplace(draft.plan->name, draft.plan);
  }
  lint_secrets(drafts, catalog);
  root.finish();
}

}  // namespace

const char* to_string(Severity severity) {
  return severity == Severity::error ? "error" : "warning";
}

std::string Finding::text() const {
  std::string out = file;
  if (line != 0) out += ":" + std::to_string(line) + ":" + std::to_string(column);
  if (severity == Severity::warning) out += ": warning";
  if (!key.empty()) out += ": " + key;
  out += ": " + message;
  if (!remedy.empty()) out += "; " + remedy;
  // The file may hold anything, and a terminal obeys control characters.
  std::ranges::replace_if(out, [](unsigned char c) { return c < 0x20 || c == 0x7F; }, '.');
  return out;
}

std::expected<Configuration, std::vector<Finding>> parse_configuration(std::string_view text,
                                                                       const std::string& file,
                                                                       const ObjectCatalog& catalog,
                                                                       const ReadOptions& options) {
  Findings findings{.file = file, .list = {}};
  Configuration configuration;
  try {
    const toml::table document = toml::parse(text, std::string_view(file));
    TableReader root(document, "", findings);
    read_document(root, catalog, options, configuration);
  } catch (const toml::parse_error& error) {
    return std::unexpected(std::vector{Finding{.file = file,
                                               .line = error.source().begin.line,
                                               .column = error.source().begin.column,
                                               .key = "",
                                               .message = std::string(error.description()),
                                               .remedy = "see toml.io for the syntax"}});
  }
  const bool refused = findings.errors != 0;
  auto all = findings.take();
  if (refused) return std::unexpected(std::move(all));
  configuration.warnings = std::move(all);
  return configuration;
}

namespace {

/// A whole file, or why not and what to do.
std::expected<std::string, std::pair<std::string, std::string>> read_whole(const std::string& file) {
  const auto refuse = [](std::string message, std::string remedy) {
    return std::unexpected(std::pair(std::move(message), std::move(remedy)));
  };
  std::ifstream stream(file, std::ios::binary);
  if (!stream)
    return refuse(std::string("cannot be read: ") + std::strerror(errno), "check its name and its rights");
  if (std::error_code ignored; std::filesystem::is_directory(file, ignored))
    return refuse("is a folder", "name a file in it");
  std::string text(kConfigurationMax + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad()) return refuse("cannot be read", "it must be a regular file");
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > kConfigurationMax)
    return refuse("is larger than 4 MiB", "split off what is not configuration");
  return text;
}

}  // namespace

std::expected<Configuration, std::vector<Finding>> load_configuration(const std::string& file,
                                                                      const ObjectCatalog& catalog,
                                                                      const ReadOptions& options) {
  const auto text = read_whole(file);
  if (!text)
    return std::unexpected(std::vector{
        Finding{.file = file, .key = "", .message = text.error().first, .remedy = text.error().second}});
  return parse_configuration(*text, file, catalog, options);
}

std::string objects_folder_of(const std::string& file) {
  const auto text = read_whole(file);
  if (!text) return {};
  try {
    return toml::parse(*text)["server"]["objects"].value_or(std::string());
  } catch (const toml::parse_error&) {
    return {};  // whoever reads it whole says so
  }
}

}  // namespace slipway::fleet

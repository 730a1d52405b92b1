// SPDX-License-Identifier: Apache-2.0
#include <slipway/fleet/configuration.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

#include <slipway/base/address.hpp>

#include "plan_reader.hpp"
#include "toml_reader.hpp"

namespace slipway::fleet {
namespace {

/// Levenshtein distance, for "did you mean".
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

/// An address to listen on, or "" or "off" for none.
void read_address(TableReader& table, std::string_view name, std::string& out) {
  const auto text = table.text(name);
  if (!text) return;
  if (text->empty() || *text == "off") {
    out.clear();
    return;
  }
  if (!Address::parse(*text)) {
    table.wrong(table.node(name), name, "\"" + *text + "\" is not an address to listen on",
                "write one such as \"127.0.0.1:5684\", \"[::]:5684\", or \"off\"");
    return;
  }
  out = *text;
}

void read_listen(TableReader& root, std::string_view name, ListenSettings& out) {
  const auto* found = root.sub_table(name);
  if (found == nullptr) return;
  TableReader table(*found, std::string(name), root.findings());
  read_address(table, "coap", out.coap);
  read_address(table, "coaps", out.coaps);
  table.finish();
}

void read_server(TableReader& root, ServerSettings& out) {
  read_listen(root, "bootstrap", out.bootstrap);
  read_listen(root, "management", out.management);
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
    if (auto kept = table.number("journeys_kept", 1, 1000)) out.journeys_kept = static_cast<std::size_t>(*kept);
    table.finish();
  }
}

using Plans = std::map<std::string, std::shared_ptr<const Plan>, std::less<>>;

Plans read_plans(TableReader& root, const ObjectCatalog& catalog) {
  Plans plans;
  const auto* found = root.sub_table("plan");
  if (found == nullptr) return plans;
  for (const auto& [name, value] : *found) {
    const std::string key = "plan." + std::string(name.str());
    if (const auto* table = value.as_table())
      plans.emplace(std::string(name.str()), read_plan(*table, std::string(name.str()), key, catalog, root.findings()));
    else
      root.findings().add(&value, key, "a plan is a table", "write [" + key + "]");
  }
  return plans;
}

void read_enrolment(TableReader& table, const Plans& plans, Enrolments& out) {
  auto enrolment = std::make_shared<Enrolment>();
  enrolment->name = table.text("name").value_or("");
  enrolment->endpoints = table.texts("endpoints");
  if (enrolment->endpoints.empty())
    table.missing("endpoints", "write which devices may come: endpoints = [\"urn:dev:os:*\"]");
  for (const auto& endpoint : enrolment->endpoints)
    if (endpoint.size() > kEndpointMax)
      table.wrong(table.node("endpoints"), "endpoints", "an endpoint name is longer than 255 bytes");
  const auto authentication = table.text("authentication").value_or("psk");
  if (authentication == "nosec") enrolment->authentication = SecurityMode::nosec;
  else if (authentication != "psk")
    table.wrong(table.node("authentication"), "authentication", "\"" + authentication + "\" is not a way to authenticate",
                "write \"psk\", or \"nosec\" on a network that nobody else reaches");
  if (const auto name = table.text("plan")) {
    if (const auto plan = plans.find(*name); plan != plans.end()) enrolment->plan = plan->second;
    else table.wrong(table.node("plan"), "plan", "there is no plan \"" + *name + "\"", "add [plan." + *name + "]");
  } else {
    table.missing("plan", "name a plan of this file");
  }
  table.finish();
  if (enrolment->endpoints.empty()) return;
  if (const auto added = out.add(std::move(enrolment)); !added)
    table.wrong(table.node("endpoints"), "endpoints", added.error().detail);
}

}  // namespace

std::string TableReader::nearest(std::string_view name) const {
  std::string best;
  std::size_t best_distance = 3;
  for (const auto& known : asked_)
    if (const auto d = distance(name, known); d < best_distance) best = known, best_distance = d;
  return best;
}

std::string Finding::text() const {
  std::string out = file;
  if (line != 0) out += ":" + std::to_string(line) + ":" + std::to_string(column);
  if (!key.empty()) out += ": " + key;
  out += ": " + message;
  if (!remedy.empty()) out += "; " + remedy;
  return out;
}

std::expected<Configuration, std::vector<Finding>> parse_configuration(std::string_view text, const std::string& file,
                                                                       const ObjectCatalog& catalog) {
  Findings findings{.file = file, .list = {}};
  Configuration configuration;
  try {
    const toml::table document = toml::parse(text, std::string_view(file));
    TableReader root(document, "", findings);
    read_server(root, configuration.server);
    const auto plans = read_plans(root, catalog);
    std::size_t index = 0;
    for (const auto* found : root.tables("enrolment")) {
      TableReader table(*found, "enrolment[" + std::to_string(index++) + "]", findings);
      read_enrolment(table, plans, configuration.enrolments);
    }
    root.finish();
  } catch (const toml::parse_error& error) {
    findings.list.push_back({.file = file, .line = error.source().begin.line, .column = error.source().begin.column,
                             .key = "", .message = std::string(error.description()), .remedy = "see toml.io for the syntax"});
  }
  if (!findings.list.empty()) return std::unexpected(std::move(findings.list));
  return configuration;
}

std::expected<Configuration, std::vector<Finding>> load_configuration(const std::string& file,
                                                                      const ObjectCatalog& catalog) {
  const auto refuse = [&](std::string message, std::string remedy) {
    return std::unexpected(std::vector{Finding{.file = file, .key = "", .message = std::move(message), .remedy = std::move(remedy)}});
  };
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return refuse(std::string("cannot be read: ") + std::strerror(errno), "check its name and its rights");
  std::string text(kConfigurationMax + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad()) return refuse("cannot be read", "it must be a regular file");
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > kConfigurationMax) return refuse("is larger than 4 MiB", "split off what is not configuration");
  return parse_configuration(text, file, catalog);
}

}  // namespace slipway::fleet

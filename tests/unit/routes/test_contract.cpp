// SPDX-License-Identifier: Apache-2.0
// openapi.yaml and the code say the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "unit/routes/fake_node.hpp"

namespace slipway::api {
namespace {

using testing::HasSubstr;

struct Line {
  std::size_t indent;
  std::string key;  ///< before the first colon
};

/// The mapping keys that stand first in a line: all that the tests below need of YAML.
std::vector<Line> keys_of_lines(std::string_view yaml) {
  std::vector<Line> lines;
  std::istringstream in{std::string(yaml)};
  for (std::string text; std::getline(in, text);) {
    const auto indent = text.find_first_not_of(" -");
    if (indent == std::string::npos || text[indent] == '#') continue;
    const auto colon = text.find(':', indent);
    if (colon != std::string::npos) lines.push_back({indent, text.substr(indent, colon - indent)});
  }
  return lines;
}

/// "GET /api/v1/devices" and so on, from the section `paths`.
std::set<std::string> documented_routes() {
  std::set<std::string> routes;
  std::string section, path;
  for (const auto& [indent, key] : keys_of_lines(openapi_yaml())) {
    if (indent == 0) section = key;
    if (section != "paths") continue;
    if (indent == 2) path = key;
    if (indent != 4) continue;
    for (const auto method : {Method::get, Method::put, Method::post, Method::patch, Method::del}) {
      std::string name(to_string(method));
      std::ranges::transform(name, name.begin(), [](char c) { return static_cast<char>(c - 'A' + 'a'); });
      if (name == key) routes.insert(std::string(to_string(method)) + " " + path);
    }
  }
  return routes;
}

std::string file_text(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The text that stands between `before` and the next '"', at each place where `before` stands.
std::set<std::string> quoted_after(const std::string& text, const std::string& before) {
  std::set<std::string> found;
  for (auto at = text.find(before); at != std::string::npos; at = text.find(before, at + 1)) {
    const auto begin = at + before.size();
    found.insert(text.substr(begin, text.find('"', begin) - begin));
  }
  return found;
}

/// A call and its first argument may stand in two lines.
std::string without_spaces(std::string text) {
  std::erase_if(text, [](unsigned char c) { return std::isspace(c) != 0; });
  return text;
}

std::string concrete(std::string route) {
  for (const auto& [name, value] :
       {std::pair<std::string, std::string>{"{endpoint}", "sensor-1"}, {"{path}", "3/0/0"}})
    if (const auto at = route.find(name); at != std::string::npos) route.replace(at, name.size(), value);
  return route;
}

TEST(OpenApi, IsWhatTheFileSays) {
  EXPECT_EQ(openapi_yaml(), file_text(std::string(SLIPWAY_SOURCE) + "/src/api/openapi.yaml"));
}

TEST(OpenApi, EveryDocumentedRouteExists) {
  test::FakeNode node;
  EventStream events(1);
  Metrics metrics;
  Router router;
  add_device_routes(router, node, events, metrics);
  const auto routes = documented_routes();
  EXPECT_GE(routes.size(), 18u);
  for (const auto& route : routes) {
    const auto space = route.find(' ');
    EXPECT_TRUE(router.find(route.substr(0, space), concrete(route.substr(space + 1)))) << route;
  }
}

TEST(OpenApi, EveryRouteIsDocumented) {
  // The patterns as they stand in the sources: a Router cannot be asked for them.
  const std::string api = std::string(SLIPWAY_SOURCE) + "/src/api/";
  const auto code = file_text(api + "device_routes.cpp") + file_text(api + "credential_routes.cpp") +
                    file_text(api + "standard_routes.cpp");
  std::set<std::string> paths;
  for (const auto& route : documented_routes()) paths.insert(route.substr(route.find(' ') + 1));
  auto patterns = quoted_after(code, "device + \"");
  std::set<std::string> expected{"/api/v1/credentials",
                                 "/api/v1/devices",
                                 "/api/v1/devices/{endpoint}",
                                 "/api/v1/events",
                                 "/api/v1/handshakes/failures",
                                 "/api/v1/openapi.yaml",
                                 "/healthz",
                                 "/metrics"};
  for (auto pattern : patterns) {
    if (const auto rest = pattern.find("..."); rest != std::string::npos) pattern.erase(rest, 3);
    expected.insert("/api/v1/devices/{endpoint}" + pattern);
  }
  EXPECT_EQ(paths, expected);
}

TEST(OpenApi, MethodsOfEveryPathAreThoseOfTheRouter) {
  test::FakeNode node;
  EventStream events(1);
  Metrics metrics;
  Router router;
  add_device_routes(router, node, events, metrics);
  const auto routes = documented_routes();
  for (const auto& route : routes) {
    const auto path = route.substr(route.find(' ') + 1);
    for (const char* method : {"GET", "PUT", "POST", "PATCH", "DELETE"})
      EXPECT_EQ(router.find(method, concrete(path)).has_value(),
                routes.contains(std::string(method) + " " + path))
          << method << " " << path;
  }
}

TEST(OpenApi, HasTheEventsThatTheNodePublishes) {
  std::set<std::string> published{"lost"};  // of EventStream itself
  for (const auto& file : std::filesystem::directory_iterator(std::string(SLIPWAY_SOURCE) + "/src/node"))
    if (file.path().extension() == ".cpp") {
      published.merge(quoted_after(without_spaces(file_text(file.path())), "publish(\""));
      published.merge(quoted_after(without_spaces(file_text(file.path())), "sink_(\""));
    }
  std::set<std::string> documented;
  std::size_t depth = 0;
  for (const auto& [indent, key] : keys_of_lines(openapi_yaml())) {
    if (key == "x-events")
      depth = indent;
    else if (depth != 0 && indent <= depth)
      depth = 0;
    else if (depth != 0)
      documented.insert(key);
  }
  EXPECT_EQ(documented, published);
}

TEST(OpenApi, NoSchemaOfAnAnswerHasRoomForASecret) {
  std::string schema;
  for (const auto& [indent, key] : keys_of_lines(openapi_yaml())) {
    if (indent == 4) schema = key;
    if (schema == "NewCredential") continue;
    for (const char* word :
         {"key", "psk", "secret", "password", "token", "identity", "public_key", "secret_key"})
      EXPECT_NE(key, word);
  }
}

TEST(OpenApi, TheSchemaWithSecretsIsOnlyWritten) {
  const std::string yaml(openapi_yaml());
  const std::string reference = "#/components/schemas/NewCredential";
  const auto only = yaml.find(reference);
  ASSERT_NE(only, std::string::npos);
  EXPECT_EQ(yaml.find(reference, only + 1), std::string::npos);
  EXPECT_LT(yaml.find("operationId: keepCredentials"), yaml.rfind("requestBody:", only));
}

TEST(OpenApi, EveryReferenceHasItsTarget) {
  std::set<std::string> targets;
  std::string section, kind;
  for (const auto& [indent, key] : keys_of_lines(openapi_yaml())) {
    if (indent == 0) section = key;
    if (section == "components" && indent == 2) kind = key;
    if (section == "components" && indent == 4) targets.insert("#/components/" + kind + "/" + key);
  }
  for (const auto& reference : quoted_after(std::string(openapi_yaml()), "$ref: \""))
    EXPECT_TRUE(targets.contains(reference)) << reference;
}

}  // namespace
}  // namespace slipway::api

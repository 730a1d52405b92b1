// SPDX-License-Identifier: Apache-2.0
// The operator's configuration file (TOML): where to listen, who may come, and what they get.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/time.hpp>
#include <slipway/fleet/plan.hpp>
#include <slipway/model/definition.hpp>

namespace slipway::fleet {

/// One thing that is wrong in a configuration. Printed as `file:line:column: key: message; remedy`.
struct Finding {
  std::string file;
  unsigned line = 0;
  unsigned column = 0;
  std::string key;  ///< "plan.default.server[0].uri"
  std::string message;
  std::string remedy;
  [[nodiscard]] std::string text() const;
};

/// Addresses to listen on; an empty text means that this port is off.
struct ListenSettings {
  std::string coap;
  std::string coaps;
};

struct ServerSettings {
  std::string data = "./slipway-data";
  ListenSettings bootstrap{"[::]:5783", "[::]:5784"};
  ListenSettings management{"[::]:5683", "[::]:5684"};
  std::string http = "127.0.0.1:8080";
  std::string http_token_file;
  std::string objects_directory;
  std::size_t journeys_kept = 16;  ///< per device
};

struct Configuration {
  ServerSettings server;
  Enrolments enrolments;
};

/// Largest configuration file that is read.
inline constexpr std::size_t kConfigurationMax = 4 * 1024 * 1024;

/// `[[enrolment]]` sections of one file.
inline constexpr std::size_t kEnrolmentsMax = 100'000;

/// Reads a whole configuration. All findings are returned together (the first 200, and how many more),
/// unknown keys too. A syntax error is the only finding. `file` names the source in them.
[[nodiscard]] std::expected<Configuration, std::vector<Finding>> parse_configuration(
    std::string_view text, const std::string& file, const ObjectCatalog& catalog);

/// As above, from a file; a file that cannot be read or is too large is a finding.
[[nodiscard]] std::expected<Configuration, std::vector<Finding>> load_configuration(
    const std::string& file, const ObjectCatalog& catalog);

}  // namespace slipway::fleet

// SPDX-License-Identifier: Apache-2.0
// Reads the lines of a vector file: fields between bars, comments and blank lines left out.
#pragma once

#include <fstream>
#include <string>
#include <vector>

namespace slipway::coap::test {

inline std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

inline std::vector<std::vector<std::string>> vector_lines(const std::string& name) {
  std::vector<std::vector<std::string>> lines;
  std::ifstream file(std::string(SLIPWAY_VECTORS "/coap/") + name);
  for (std::string line; std::getline(file, line);) {
    if (trimmed(line).empty() || line[0] == '#') continue;
    std::vector<std::string> fields;
    for (std::size_t at = 0; at != std::string::npos;) {
      const auto bar = line.find('|', at);
      fields.push_back(trimmed(line.substr(at, bar == std::string::npos ? bar : bar - at)));
      at = bar == std::string::npos ? bar : bar + 1;
    }
    lines.push_back(std::move(fields));
  }
  return lines;
}

}  // namespace slipway::coap::test

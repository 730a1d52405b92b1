// SPDX-License-Identifier: Apache-2.0
// Reads files of tests/vectors whose lines are "name hex".
#pragma once

#include <fstream>
#include <map>
#include <stdexcept>
#include <string>

#include <slipway/base/bytes.hpp>

namespace slipway::testing {

class NamedBytes {
 public:
  explicit NamedBytes(const std::string& file) {
    std::ifstream stream(file);
    if (!stream) throw std::runtime_error("no vectors: " + file);
    for (std::string line; std::getline(stream, line);) {
      const auto blank = line.find(' ');
      if (!line.empty() && line.front() != '#' && blank != std::string::npos)
        all_[line.substr(0, blank)] = from_hex(line.substr(blank)).value();
    }
  }
  [[nodiscard]] const Bytes& operator[](const std::string& name) const { return all_.at(name); }

 private:
  std::map<std::string, Bytes> all_;
};

}  // namespace slipway::testing

// SPDX-License-Identifier: Apache-2.0
// Reads tests/vectors/card_reading/traces.txt, which describes itself.
#pragma once

#include <deque>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <slipway/base/bytes.hpp>

namespace slipway::test {

struct Exchange {
  Bytes command;
  Bytes answer;
};

struct Trace {
  std::string name;
  std::string pin;
  bool directory = true;
  std::vector<Exchange> exchanges;
  std::optional<Bytes> content;
  std::string failure;
};

inline std::deque<Trace> read_traces() {
  std::deque<Trace> traces;
  std::ifstream in(SLIPWAY_VECTORS "/card_reading/traces.txt");
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.front() == '#') continue;
    const auto space = line.find(' ');
    const auto word = line.substr(0, space);
    const auto rest = line.substr(space + 1);
    if (word == "vector") {
      traces.emplace_back().name = rest;
      continue;
    }
    auto& trace = traces.back();
    if (word == "pin") trace.pin = rest;
    if (word == "directory") trace.directory = rest != "skip";
    if (word == ">") trace.exchanges.push_back({from_hex(rest).value(), {}});
    if (word == "<") trace.exchanges.back().answer = from_hex(rest).value();
    if (word == "content") trace.content = from_hex(rest).value();
    if (word == "failure") trace.failure = rest;
  }
  return traces;
}

}  // namespace slipway::test

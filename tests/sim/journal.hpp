// SPDX-License-Identifier: Apache-2.0
// What happened in a run, kept raw and told only when something went wrong; and what went wrong.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <slipway/base/bytes.hpp>
#include <slipway/base/time.hpp>
#include <slipway/fleet/credential.hpp>
#include <slipway/model/definition.hpp>
#include <slipway/trace/describe.hpp>

#include "sim/network.hpp"

namespace slipway::sim {

class Journal {
 public:
  explicit Journal(const Timeline& timeline) : timeline_(timeline) {}

  void message(fleet::ServerRole role, trace::Direction direction, ByteView plaintext, Fate fate) {
    lines_.push_back({timeline_.now(), role, direction, fate, Bytes(plaintext.begin(), plaintext.end()), {}});
  }
  void note(std::string text) { lines_.push_back({timeline_.now(), {}, {}, {}, {}, std::move(text)}); }
  /// A rule was broken. Only the first one counts: the others may follow from it.
  void violated(const std::string& rule) {
    note("VIOLATED: " + rule);
    if (violation_.empty()) violation_ = rule;
  }
  void require(bool holds, const char* rule) {
    if (!holds) violated(rule);
  }
  [[nodiscard]] const std::string& violation() const { return violation_; }

  /// The ladder, secrets masked.
  [[nodiscard]] std::string told(const ObjectCatalog& catalog) const;
  /// One number for the whole run: equal runs give equal ones.
  [[nodiscard]] std::uint64_t fingerprint() const;

 private:
  struct Line {
    TimePoint at;
    fleet::ServerRole role;
    trace::Direction direction;
    Fate fate;
    Bytes plaintext;
    std::string text;  // of a note
  };
  const Timeline& timeline_;
  std::vector<Line> lines_;
  std::string violation_;
};

}  // namespace slipway::sim

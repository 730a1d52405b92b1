// SPDX-License-Identifier: Apache-2.0
#include "sim/journal.hpp"

#include <slipway/trace/journey.hpp>

namespace slipway::sim {
namespace {

const char* fate_text(Fate fate) {
  switch (fate) {
    case Fate::lost:
      return "   (lost)";
    case Fate::sent:
      return "";
    case Fate::sent_twice:
      return "   (twice)";
  }
  return "";
}

std::string with_fate(std::string row, Fate fate) {
  const auto end = row.find('\n');
  return row.insert(end == std::string::npos ? row.size() : end, fate_text(fate));
}

}  // namespace

std::string Journal::told(const ObjectCatalog& catalog) const {
  trace::Conversation bootstrap(catalog, trace::Interface::bootstrap);
  trace::Conversation management(catalog, trace::Interface::management);
  std::string out;
  for (const auto& line : lines_) {
    if (!line.text.empty()) {
      out += std::to_string(std::chrono::duration<double>(line.at.time_since_epoch()).count()) +
             " s: " + line.text + "\n";
      continue;
    }
    auto& conversation = line.role == fleet::ServerRole::bootstrap ? bootstrap : management;
    auto row = conversation.describe(line.direction, line.plaintext, line.plaintext.size());
    row.at = line.at.time_since_epoch();
    out += with_fate(trace::ladder_row(row, {}), line.fate);
    if (out.back() != '\n') out += '\n';
  }
  return out;
}

std::uint64_t Journal::fingerprint() const {
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&](std::uint64_t number) { hash = (hash ^ number) * 0x100000001b3; };
  for (const auto& line : lines_) {
    add(static_cast<std::uint64_t>(line.at.time_since_epoch().count()));
    add(static_cast<std::uint64_t>(line.direction));
    add(static_cast<std::uint64_t>(line.fate));
    for (const auto byte : line.plaintext) add(byte);
    for (const char byte : line.text) add(static_cast<unsigned char>(byte));
  }
  return hash;
}

}  // namespace slipway::sim

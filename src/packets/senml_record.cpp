// SPDX-License-Identifier: Apache-2.0
#include "packets/senml_record.hpp"

#include <algorithm>

#include "trace/text.hpp"

namespace slipway::packets {
namespace {

constexpr std::pair<std::string_view, const char*> kLabels[] = {
    {"bn", "base name"}, {"n", "name"},       {"bt", "base time"}, {"t", "time"},
    {"bver", "version"}, {"bu", "base unit"}, {"u", "unit"},       {"ut", "update time"},
};

bool is_value(std::string_view label) {
  return label == "v" || label == "vs" || label == "vb" || label == "vd" || label == "vlo";
}

std::string name_of(std::string_view label) {
  const auto* found = std::ranges::find(kLabels, label, &std::pair<std::string_view, const char*>::first);
  const auto shown = trace::printable(label, 32);
  return found == std::end(kLabels) ? shown : shown + ", " + found->second;
}

/// Text in its quotes, as a name.
std::string unquoted(std::string_view text) {
  return std::string(text.size() < 2 ? std::string_view{} : text.substr(1, text.size() - 2));
}

}  // namespace

void SenmlRecords::add(const std::vector<SenmlMember>& members) {
  std::string name;
  for (const auto& member : members) {
    if (member.label == "bn") base_name_ = unquoted(member.text);
    if (member.label == "n") name = unquoted(member.text);
  }
  const auto path = Path::parse(base_name_ + name);
  const bool masks = path && body_.masks(*path);
  for (const auto& member : members) {
    if (path && is_value(member.label)) {
      auto words = body_.value_at(*path, member.meaning);
      if (words.value.empty()) words.value = trace::printable(member.text, 96);
      body_.sheet.upto(member.end, std::move(words));
      continue;
    }
    const bool is_name = member.label == "bn" || member.label == "n";
    const bool hidden = masks && !is_name;  // a member that we do not know may hold anything
    const auto place =
        path && member.label == "n" ? " of " + std::string(path->text().view()) : std::string();
    body_.sheet.upto(member.end,
                     {name_of(member.label) + place, hidden ? "not shown" : trace::printable(member.text, 96),
                      member.meaning, hidden});
  }
}

}  // namespace slipway::packets

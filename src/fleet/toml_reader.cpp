// SPDX-License-Identifier: Apache-2.0
#include "toml_reader.hpp"

#include <algorithm>
#include <map>

namespace slipway::fleet {
namespace {

/// A name at this distance or more is another name, not a slip of the finger.
constexpr std::size_t kFarAway = 3;
constexpr std::size_t kQuotedMax = 80;

/// Levenshtein distance.
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

std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kQuotedMax))
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '.' : c;
  if (text.size() <= kQuotedMax) return out;
  while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0x80) != 0)
    out.pop_back();  // no half a letter
  return out + "...";
}

}  // namespace

std::string in_quotes(std::string_view text) {
  return "\"" + shown(text) + "\"";
}

void Findings::add(Severity severity, const toml::node* where, std::string key, std::string message,
                   std::string remedy) {
  if (severity == Severity::error) ++errors;
  if (list.size() >= kFindingsMax) {
    ++dropped;
    if (severity == Severity::warning) return;
    const auto warning = std::ranges::find(list, Severity::warning, &Finding::severity);
    if (warning == list.end()) return;
    list.erase(warning);
  }
  Finding finding{.severity = severity,
                  .file = file,
                  .key = std::move(key),
                  .message = std::move(message),
                  .remedy = std::move(remedy)};
  if (where != nullptr) {
    finding.line = where->source().begin.line;
    finding.column = where->source().begin.column;
  }
  list.push_back(std::move(finding));
}

std::vector<Finding> Findings::take() {
  std::multimap<std::pair<unsigned, unsigned>, Finding> sorted;  // equal places stay in order
  for (auto& finding : list) sorted.emplace(std::pair(finding.line, finding.column), std::move(finding));
  list.clear();
  for (auto& [place, finding] : sorted) list.push_back(std::move(finding));
  if (dropped != 0)
    list.push_back({.severity = errors != 0 ? Severity::error : Severity::warning,
                    .file = file,
                    .key = "",
                    .message = "and " + std::to_string(dropped) + " more",
                    .remedy = ""});
  return std::move(list);
}

std::string TableReader::key(std::string_view name) const {
  if (name.empty()) return name_;
  return name_.empty() ? shown(name) : name_ + "." + shown(name);
}

const toml::node* TableReader::node(std::string_view name) {
  asked_.emplace(name);
  return table_.get(name);
}

std::optional<std::string> TableReader::text(std::string_view name) {
  const auto* found = node(name);
  if (found == nullptr) return std::nullopt;
  if (auto value = found->value_exact<std::string>()) return value;
  wrong(found, name, "a text is expected here", "write it in quotes");
  return std::nullopt;
}

std::optional<std::int64_t> TableReader::number(std::string_view name, std::int64_t min, std::int64_t max) {
  const auto* found = node(name);
  if (found == nullptr) return std::nullopt;
  const auto value = found->value_exact<std::int64_t>();
  const std::string remedy = "write a number from " + std::to_string(min) + " to " + std::to_string(max);
  if (!value) {
    wrong(found, name, "a whole number is expected here", remedy);
    return std::nullopt;
  }
  if (*value < min || *value > max) {
    wrong(found, name, std::to_string(*value) + " is out of range", remedy);
    return std::nullopt;
  }
  return value;
}

std::optional<bool> TableReader::boolean(std::string_view name) {
  const auto* found = node(name);
  if (found == nullptr) return std::nullopt;
  if (const auto value = found->value_exact<bool>()) return value;
  wrong(found, name, "true or false is expected here", "write it without quotes");
  return std::nullopt;
}

const toml::table* TableReader::sub_table(std::string_view name) {
  const auto* found = node(name);
  if (found == nullptr) return nullptr;
  if (const auto* value = found->as_table()) return value;
  wrong(found, name, "a table is expected here", "write [" + key(name) + "]");
  return nullptr;
}

std::vector<const toml::table*> TableReader::tables(std::string_view name, std::size_t max) {
  std::vector<const toml::table*> all;
  const auto* found = node(name);
  if (found == nullptr) return all;
  const auto* array = found->as_array();
  const std::string remedy = "write [[" + key(name) + "]]";
  if (array == nullptr) {
    wrong(found, name, "a list of tables is expected here", remedy);
    return all;
  }
  for (const auto& item : *array) {
    if (all.size() == max) {
      wrong(&item, name, "there are more than " + std::to_string(max) + " of these", "keep what is needed");
      break;
    }
    if (const auto* value = item.as_table())
      all.push_back(value);
    else
      wrong(&item, name, "a list of tables is expected here", remedy);
  }
  return all;
}

std::vector<TableReader::Item> TableReader::texts(std::string_view name) {
  std::vector<Item> all;
  const auto* found = node(name);
  if (found == nullptr) return all;
  const auto* array = found->as_array();
  const std::string remedy = "write " + std::string(name) + " = [\"...\"]";
  if (array == nullptr) {
    wrong(found, name, "a list of texts is expected here", remedy);
    return all;
  }
  for (const auto& item : *array) {
    if (auto value = item.value_exact<std::string>())
      all.push_back({std::move(*value), &item});
    else
      wrong(&item, name, "each item of this list is a text", remedy);
  }
  return all;
}

void TableReader::wrong(const toml::node* where, std::string_view name, std::string message,
                        std::string remedy) {
  findings_.add(Severity::error, where == nullptr ? &table_ : where, key(name), std::move(message),
                std::move(remedy));
}

void TableReader::warn(const toml::node* where, std::string_view name, std::string message,
                       std::string remedy) {
  findings_.add(Severity::warning, where == nullptr ? &table_ : where, key(name), std::move(message),
                std::move(remedy));
}

void TableReader::missing(std::string_view name, std::string remedy) {
  findings_.add(Severity::error, &table_, key(name), "this key is missing", std::move(remedy));
}

void TableReader::finish() {
  for (const auto& [name, value] : table_) {
    if (asked_.contains(name.str())) continue;
    const auto near = nearest(name.str());
    findings_.add(Severity::error, &value, key(name.str()), "no such key here",
                  near.empty() ? "remove it" : "did you mean `" + near + "`?");
  }
}

std::string TableReader::nearest(std::string_view name) const {
  std::string best;
  std::size_t best_distance = kFarAway;
  for (const auto& known : asked_) {
    const auto longer = std::max(known.size(), name.size()), shorter = std::min(known.size(), name.size());
    if (longer - shorter >= kFarAway) continue;
    if (const auto d = distance(name, known); d < best_distance && d < known.size())
      best = known, best_distance = d;
  }
  return best;
}

void each_table(TableReader& owner, std::string_view part, std::size_t max,
                const std::function<void(TableReader&)>& read) {
  std::size_t index = 0;
  for (const auto* found : owner.tables(part, max)) {
    TableReader table(*found, owner.key(part) + "[" + std::to_string(index++) + "]", owner.findings());
    read(table);
  }
}

}  // namespace slipway::fleet

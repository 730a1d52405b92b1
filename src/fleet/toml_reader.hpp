// SPDX-License-Identifier: Apache-2.0
// Typed access to TOML tables that collects findings and notices unknown keys. Only for this folder.
#pragma once

#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/fleet/configuration.hpp>

namespace slipway::fleet {

struct Findings {
  std::string file;
  std::vector<Finding> list;

  void add(const toml::node* where, std::string key, std::string message, std::string remedy) {
    Finding finding{.file = file, .key = std::move(key), .message = std::move(message), .remedy = std::move(remedy)};
    if (where != nullptr) {
      finding.line = where->source().begin.line;
      finding.column = where->source().begin.column;
    }
    list.push_back(std::move(finding));
  }
};

/// One table, read key by key. Its destructor-time check is `finish()`: keys that nobody asked for.
class TableReader {
 public:
  TableReader(const toml::table& table, std::string name, Findings& findings)
      : table_(table), name_(std::move(name)), findings_(findings) {}

  [[nodiscard]] std::string key(std::string_view name) const {
    return name_.empty() ? std::string(name) : name_ + "." + std::string(name);
  }
  [[nodiscard]] const toml::node* node(std::string_view name) {
    asked_.insert(std::string(name));
    return table_.get(name);
  }
  [[nodiscard]] const toml::table& table() const { return table_; }

  [[nodiscard]] std::optional<std::string> text(std::string_view name) {
    const auto* found = node(name);
    if (found == nullptr) return std::nullopt;
    if (const auto value = found->value_exact<std::string>()) return value;
    wrong(found, name, "a text in quotes is expected here");
    return std::nullopt;
  }
  [[nodiscard]] std::optional<std::int64_t> number(std::string_view name, std::int64_t min, std::int64_t max) {
    const auto* found = node(name);
    if (found == nullptr) return std::nullopt;
    const auto value = found->value_exact<std::int64_t>();
    if (!value) {
      wrong(found, name, "a whole number is expected here");
      return std::nullopt;
    }
    if (*value < min || *value > max) {
      wrong(found, name, std::to_string(*value) + " is out of range",
            "write a number from " + std::to_string(min) + " to " + std::to_string(max));
      return std::nullopt;
    }
    return value;
  }
  [[nodiscard]] std::optional<bool> boolean(std::string_view name) {
    const auto* found = node(name);
    if (found == nullptr) return std::nullopt;
    if (const auto value = found->value_exact<bool>()) return value;
    wrong(found, name, "true or false is expected here");
    return std::nullopt;
  }
  [[nodiscard]] const toml::table* sub_table(std::string_view name) {
    const auto* found = node(name);
    if (found == nullptr) return nullptr;
    if (const auto* value = found->as_table()) return value;
    wrong(found, name, "a table is expected here", "write [" + key(name) + "]");
    return nullptr;
  }
  /// The tables of `[[name]]`.
  [[nodiscard]] std::vector<const toml::table*> tables(std::string_view name) {
    std::vector<const toml::table*> all;
    const auto* found = node(name);
    if (found == nullptr) return all;
    const auto* array = found->as_array();
    if (array == nullptr) {
      wrong(found, name, "a list of tables is expected here", "write [[" + key(name) + "]]");
      return all;
    }
    for (const auto& item : *array) {
      if (const auto* value = item.as_table()) all.push_back(value);
      else wrong(&item, name, "a list of tables is expected here", "write [[" + key(name) + "]]");
    }
    return all;
  }
  [[nodiscard]] std::vector<std::string> texts(std::string_view name) {
    std::vector<std::string> all;
    const auto* found = node(name);
    if (found == nullptr) return all;
    const auto* array = found->as_array();
    if (array == nullptr) {
      wrong(found, name, "a list of texts is expected here", "write " + std::string(name) + " = [\"...\"]");
      return all;
    }
    for (const auto& item : *array) {
      if (const auto value = item.value_exact<std::string>()) all.push_back(*value);
      else wrong(&item, name, "each item of this list is a text in quotes");
    }
    return all;
  }
  void wrong(const toml::node* where, std::string_view name, std::string message, std::string remedy = {}) {
    findings_.add(where == nullptr ? &table_ : where, key(name), std::move(message), std::move(remedy));
  }
  void missing(std::string_view name, std::string remedy) {
    findings_.add(&table_, key(name), "this key is missing", std::move(remedy));
  }
  /// Reports keys that were never asked for, with the nearest known one.
  void finish() {
    for (const auto& [name, value] : table_) {
      if (asked_.contains(std::string(name.str()))) continue;
      const auto near = nearest(name.str());
      findings_.add(&value, key(name.str()), "no such key here",
                    near.empty() ? "remove it" : "did you mean `" + near + "`?");
    }
  }
  Findings& findings() { return findings_; }

 private:
  [[nodiscard]] std::string nearest(std::string_view name) const;
  const toml::table& table_;
  std::string name_;
  Findings& findings_;
  std::set<std::string> asked_;
};

}  // namespace slipway::fleet

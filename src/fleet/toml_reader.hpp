// SPDX-License-Identifier: Apache-2.0
// Typed access to TOML tables that collects findings and notices unknown keys. Only for this folder.
#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/fleet/configuration.hpp>

namespace slipway::fleet {

/// Text of the file, for a message: in quotes, cut, and without control characters.
[[nodiscard]] std::string in_quotes(std::string_view text);

struct Findings {
  std::string file;
  std::vector<Finding> list;
  std::size_t errors = 0;   ///< dropped ones too
  std::size_t dropped = 0;  ///< more than kFindingsMax; warnings go before errors

  /// `where` may be nullptr: then there is no line.
  void add(Severity severity, const toml::node* where, std::string key, std::string message,
           std::string remedy);
  /// All of them in the order of the file, and how many were dropped.
  [[nodiscard]] std::vector<Finding> take();
};

/// One table, read key by key. Each read of a key of the wrong type is a finding and gives nothing.
/// `finish()`, after the last read, reports the keys that nobody asked for.
class TableReader {
 public:
  TableReader(const toml::table& table, std::string name, Findings& findings)
      : table_(table), name_(std::move(name)), findings_(findings) {}

  [[nodiscard]] std::string key(std::string_view name) const;
  [[nodiscard]] const toml::node* node(std::string_view name);
  [[nodiscard]] const toml::table& table() const { return table_; }
  [[nodiscard]] Findings& findings() { return findings_; }

  [[nodiscard]] std::optional<std::string> text(std::string_view name);
  [[nodiscard]] std::optional<std::int64_t> number(std::string_view name, std::int64_t min, std::int64_t max);
  [[nodiscard]] std::optional<bool> boolean(std::string_view name);
  [[nodiscard]] const toml::table* sub_table(std::string_view name);
  /// The tables of `[[name]]`; more than `max` are a finding, and only the first `max` are returned.
  [[nodiscard]] std::vector<const toml::table*> tables(std::string_view name, std::size_t max);

  /// A text and where it stands.
  struct Item {
    std::string text;
    const toml::node* where;
  };
  [[nodiscard]] std::vector<Item> texts(std::string_view name);

  void wrong(const toml::node* where, std::string_view name, std::string message, std::string remedy = {});
  void warn(const toml::node* where, std::string_view name, std::string message, std::string remedy = {});
  void missing(std::string_view name, std::string remedy);
  void finish();

 private:
  [[nodiscard]] std::string nearest(std::string_view name) const;
  const toml::table& table_;
  std::string name_;
  Findings& findings_;
  std::set<std::string, std::less<>> asked_;
};

/// Reads each table of `[[part]]`, at most `max`; `read` gets a reader for it.
void each_table(TableReader& owner, std::string_view part, std::size_t max,
                const std::function<void(TableReader&)>& read);

}  // namespace slipway::fleet

// SPDX-License-Identifier: Apache-2.0
#include "remote_reader.hpp"

namespace slipway::fleet {
namespace {

/// The path of a file that must be there when the server starts.
std::string read_file_name(TableReader& table, std::string_view name, const std::filesystem::path& folder,
                           const ReadOptions& options) {
  const auto text = table.text(name);
  if (!text) return {};
  const auto path = (folder / *text).string();
  if (const auto file = options.key_file(path); !file)
    table.wrong(table.node(name), name, file.error(), "name a file that the server can read");
  else if (name == "token_file" && file->readable_by_others)
    table.warn(table.node(name), name, "other users of this machine can read the token", "chmod 600 it");
  return path;
}

Remote read_remote(TableReader& table, const std::string& name, const std::filesystem::path& folder,
                   const ReadOptions& options) {
  Remote remote;
  remote.name = name;
  if (auto url = table.text("url")) {
    if (const auto base = parse_http_base(*url); !base)
      table.wrong(table.node("url"), "url",
                  in_quotes(*url) + " is not a node's HTTP API: " + base.error().detail,
                  "write https://host:port");
    remote.url = std::move(*url);
  } else if (table.node("url") == nullptr) {
    table.missing("url", "write where its HTTP API is: https://host:port");
  }
  remote.token_file = read_file_name(table, "token_file", folder, options);
  remote.ca_file = read_file_name(table, "ca_file", folder, options);
  table.finish();
  return remote;
}

}  // namespace

std::vector<Remote> read_remotes(TableReader& root, const std::filesystem::path& folder,
                                 const ReadOptions& options) {
  std::vector<Remote> remotes;
  const auto* found = root.sub_table("remote");
  if (found == nullptr) return remotes;
  TableReader section(*found, "remote", root.findings());
  if (found->size() > kRemotesMax)
    root.wrong(found, "remote", "more than " + std::to_string(kRemotesMax) + " remotes", "remove some");
  for (const auto& [key, value] : *found) {
    const std::string name(key.str());
    if (remotes.size() == kRemotesMax) break;
    if (const auto* fields = value.as_table()) {
      TableReader table(*fields, section.key(name), root.findings());
      remotes.push_back(read_remote(table, name, folder, options));
    } else {
      section.wrong(&value, name, "a remote is a table", "write [" + section.key(name) + "]");
    }
  }
  return remotes;
}

}  // namespace slipway::fleet

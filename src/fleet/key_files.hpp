// SPDX-License-Identifier: Apache-2.0
// Keys and certificates in files that a configuration names. Only for this folder.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <slipway/security/keys.hpp>

#include "toml_reader.hpp"

namespace slipway::fleet {

/// Different files that one configuration names.
inline constexpr std::size_t kKeyFilesMax = 1024;

/// Reads each file once, PEM or DER. Whatever is wrong with a file is a finding at the key that names it.
class KeyFiles {
 public:
  KeyFiles(std::filesystem::path folder, const ReadOptions& options)
      : folder_(std::move(folder)), read_(options.key_file) {}

  /// /0/x/4 of a raw public key: a public key as it is, of a certificate its key. DER.
  [[nodiscard]] std::optional<Bytes> public_key(TableReader& table, std::string_view name);
  /// The one certificate of a file. DER.
  [[nodiscard]] std::optional<Bytes> certificate(TableReader& table, std::string_view name);
  /// One or more certificates, a server's own first. DER; empty after a finding.
  [[nodiscard]] std::vector<Bytes> certificates(TableReader& table, std::string_view name);
  /// A file that others may read is a warning.
  [[nodiscard]] std::optional<security::KeyPair> private_key(TableReader& table, std::string_view name);
  /// A secret value: hexadecimal text, or else the bytes of the file.
  [[nodiscard]] std::optional<Secret> secret(TableReader& table, std::string_view name);

 private:
  enum class Kind : std::uint8_t { certificate, public_key, private_key, other };
  struct Item {
    Kind kind = Kind::other;
    Secret der;
  };
  struct File {
    std::vector<Item> items;
    KeyFile raw;
  };
  File* load(TableReader& table, std::string_view name);
  /// What is in the file; nullptr after a finding.
  const std::vector<Item>* items(TableReader& table, std::string_view name);
  static const Item* find(const std::vector<Item>& items, Kind kind);
  static void warn_if_open(TableReader& table, std::string_view name, const File& file);

  std::filesystem::path folder_;
  const KeyFileReader& read_;
  std::map<std::string, File, std::less<>> files_;
};

}  // namespace slipway::fleet

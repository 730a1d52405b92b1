// SPDX-License-Identifier: Apache-2.0
// What devices are born with: values that all have in common, and credentials that each has for itself.
#pragma once

#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <slipway/base/random.hpp>
#include <slipway/device/pack.hpp>
#include <slipway/fleet/credential.hpp>
#include <slipway/fleet/credential_maker.hpp>

namespace slipway::cli {

/// A management server of all devices.
struct ManagementOptions {
  std::vector<std::string> uris;
  std::vector<std::uint16_t> ids;      ///< short server ids, one each
  std::vector<std::string> key_files;  ///< its public key or certificate, one each where the mode wants it
  std::int64_t lifetime_s = 86400;
};

struct AccountOptions {
  std::string server;  ///< URI of the bootstrap server; empty: no bootstrap account
  std::string server_key_file;
  std::int64_t hold_off_s = 0;
  ManagementOptions management;
  std::string template_file;
  SecurityMode mode = SecurityMode::psk;
  std::size_t key_bytes = 16;
  std::string authority_file, authority_key_file;
  std::int64_t validity_days = 3650;
  std::optional<std::uint8_t> certificate_usage;
};

/// A pre-shared key of a bootstrap account that another system has made.
struct GivenKey {
  std::string identity;
  Secret key;
};

/// One device that is made: its pack, and the servers' halves of its credentials.
struct MadeDevice {
  device::Pack pack;
  std::vector<fleet::Credential> credentials;
};

class AccountFactory {
 public:
  /// Reads the template, keys and certificates that all devices have in common. The error is for a person.
  [[nodiscard]] static std::expected<AccountFactory, std::string> create(const AccountOptions& options,
                                                                         Random& random);

  /// The error is for a person; `given` is for the bootstrap account.
  [[nodiscard]] std::expected<MadeDevice, std::string> make(const std::string& endpoint,
                                                            const GivenKey* given);

 private:
  using Values = std::map<Path, OwnedValue>;

  AccountFactory(const AccountOptions& options, Random& random);
  std::expected<void, std::string> read_template();
  std::expected<void, std::string> read_authority();
  std::expected<void, std::string> add_bootstrap_account();
  std::expected<void, std::string> add_management_accounts();
  std::expected<void, std::string> add_account(const Path& account, const std::string& uri,
                                               const std::string& key_file, const std::string& option);
  std::expected<fleet::Credential, std::string> make_credential(const Path& account,
                                                                const std::string& endpoint,
                                                                const GivenKey* given);
  [[nodiscard]] Path next_instance(ObjectId object) const;
  void set(const Path& path, const Value& value) { common_.insert_or_assign(path, OwnedValue(value)); }
  [[nodiscard]] const OwnedValue* find(const Path& path) const;

  AccountOptions options_;
  Random& random_;
  std::unique_ptr<fleet::CredentialMaker> maker_;
  std::optional<fleet::Authority> authority_;
  Values common_;
  std::vector<Path> own_;  // accounts whose credentials each device has for itself
};

}  // namespace slipway::cli

// SPDX-License-Identifier: Apache-2.0
#include "factory_accounts.hpp"

#include <algorithm>
#include <array>

#include <slipway/fleet/configuration.hpp>
#include <slipway/net/clock.hpp>
#include <slipway/security/keys.hpp>

#include "key_input.hpp"

namespace slipway::cli {
namespace {

constexpr ObjectId kSecurity{0}, kServer{1};
constexpr std::int64_t kDay = 86400;

std::string name_of(const Path& path) {
  return std::string(path.text().view());
}

}  // namespace

AccountFactory::AccountFactory(const AccountOptions& options, Random& random)
    : options_(options), random_(random), maker_(fleet::make_credential_maker(net::unix_now, random)) {}

std::expected<AccountFactory, std::string> AccountFactory::create(const AccountOptions& options,
                                                                  Random& random) {
  AccountFactory factory(options, random);
  for (const auto step : {&AccountFactory::read_authority, &AccountFactory::read_template,
                          &AccountFactory::add_bootstrap_account, &AccountFactory::add_management_accounts})
    if (auto done = (factory.*step)(); !done) return std::unexpected(done.error());
  return factory;
}

std::expected<void, std::string> AccountFactory::read_authority() {
  if (options_.mode != SecurityMode::x509) return {};
  if (options_.authority_file.empty() || options_.authority_key_file.empty())
    return std::unexpected(
        "--x509 needs the authority that issues the devices' certificates: --authority and --authority-key");
  auto certificate = read_certificate(options_.authority_file);
  if (!certificate) return std::unexpected(certificate.error());
  auto key = read_private_key(options_.authority_key_file);
  if (!key) return std::unexpected(key.error());
  authority_.emplace();
  authority_->certificate = std::move(*certificate);
  authority_->key = std::move(*key);
  authority_->validity_s = options_.validity_days * kDay;
  return {};
}

/// Values that all devices have in common. A key among them would be no secret.
std::expected<void, std::string> AccountFactory::read_template() {
  if (options_.template_file.empty()) return {};
  const auto given = device::load_pack_template(options_.template_file, builtin_objects());
  if (!given) return std::unexpected(given.error());
  for (const auto& [path, value] : given->values) {
    if (path.object() == kSecurity && path.resource() == ResourceId(5))
      return std::unexpected(
          options_.template_file + ": " + name_of(path) +
          ": this key would be the same on every device; leave out resources 3 and 5, and each "
          "device gets its own");
    if (!common_.emplace(path, value).second)
      return std::unexpected(options_.template_file + ": " + name_of(path) +
                             " stands twice; leave one of the two");
  }
  for (const auto& [path, value] : common_) {
    if (path.object() != kSecurity || path.resource() != ResourceId(2) || value.type() != DataType::integer)
      continue;
    const auto account = path.prefix(2);
    if (value.view().as_integer() != static_cast<std::int64_t>(SecurityMode::nosec)) own_.push_back(account);
  }
  return {};
}

const OwnedValue* AccountFactory::find(const Path& path) const {
  const auto found = common_.find(path);
  return found == common_.end() ? nullptr : &found->second;
}

Path AccountFactory::next_instance(ObjectId object) const {
  std::uint16_t next = 0;
  for (const auto& [path, value] : common_)
    if (path.object() == object) next = static_cast<std::uint16_t>(path.instance().value() + 1);
  return {object, InstanceId(next)};
}

std::expected<void, std::string> AccountFactory::add_account(const Path& account, const std::string& uri,
                                                             const std::string& key_file,
                                                             const std::string& option) {
  const bool is_rpk = options_.mode == SecurityMode::rpk, is_x509 = options_.mode == SecurityMode::x509;
  set(account.child(0), Value::string(uri));
  set(account.child(2), Value::integer(static_cast<std::int64_t>(options_.mode)));
  if (options_.mode != SecurityMode::nosec) own_.push_back(account);
  if (!is_rpk && !is_x509) return {};
  if (key_file.empty())
    return std::unexpected(option + " is missing: the file with the " +
                           (is_rpk ? "public key" : "certificate") + " that a device knows " + uri + " by");
  const auto key = is_rpk ? read_public_key(key_file) : read_certificate(key_file);
  if (!key) return std::unexpected(key.error());
  set(account.child(4), Value::opaque(*key));
  if (is_x509 && options_.certificate_usage)
    set(account.child(15), Value::unsigned_integer(*options_.certificate_usage));
  return {};
}

std::expected<void, std::string> AccountFactory::add_bootstrap_account() {
  if (options_.server.empty()) return {};
  const auto account = next_instance(kSecurity);
  if (auto added = add_account(account, options_.server, options_.server_key_file, "--server-key"); !added)
    return added;
  set(account.child(1), Value::boolean(true));
  set(account.child(11), Value::integer(options_.hold_off_s));
  return {};
}

std::expected<void, std::string> AccountFactory::add_management_accounts() {
  const auto& management = options_.management;
  if (management.uris.size() != management.ids.size())
    return std::unexpected(
        "each --management needs its --short-server-id: " + std::to_string(management.uris.size()) +
        " URIs, " + std::to_string(management.ids.size()) + " ids");
  for (std::size_t i = 0; i < management.uris.size(); ++i) {
    const auto account = next_instance(kSecurity);
    const auto settings = next_instance(kServer);
    const auto key_file = i < management.key_files.size() ? management.key_files[i] : std::string();
    if (auto added = add_account(account, management.uris[i], key_file, "--management-key"); !added)
      return added;
    set(account.child(1), Value::boolean(false));
    set(account.child(10), Value::integer(management.ids[i]));
    set(settings.child(0), Value::integer(management.ids[i]));
    set(settings.child(1), Value::integer(management.lifetime_s));
    set(settings.child(6), Value::boolean(true));
    set(settings.child(7), Value::string("U"));
  }
  return {};
}

std::expected<fleet::Credential, std::string> AccountFactory::make_credential(const Path& account,
                                                                              const std::string& endpoint,
                                                                              const GivenKey* given) {
  const auto* is_bootstrap = find(account.child(1));
  const auto* id = find(account.child(10));
  fleet::Credential credential;
  credential.endpoint = endpoint;
  credential.created = net::unix_now();
  const bool bootstrap = is_bootstrap != nullptr && is_bootstrap->type() == DataType::boolean &&
                         is_bootstrap->view().as_boolean();
  credential.role = bootstrap ? fleet::ServerRole::bootstrap : fleet::ServerRole::management;
  if (!bootstrap && id != nullptr && id->type() == DataType::integer)
    credential.server = ShortServerId(static_cast<std::uint16_t>(id->view().as_integer()));
  credential.mode = static_cast<SecurityMode>(find(account.child(2))->view().as_integer());
  if (credential.mode == SecurityMode::rpk || credential.mode == SecurityMode::x509) {
    const auto source = credential.mode == SecurityMode::rpk ? fleet::CredentialSource::raw_public_key
                                                             : fleet::CredentialSource::certificate;
    auto made = maker_->make(source, authority_ ? &*authority_ : nullptr, endpoint, credential);
    if (!made)
      return std::unexpected(name_of(account) + ": no credential could be made: " + made.error().detail +
                             "; look at --authority and --authority-key");
    return credential;
  }
  if (bootstrap && given != nullptr) {
    credential.identity.assign(given->identity.begin(), given->identity.end());
    credential.key = given->key.clone();
    return credential;
  }
  // All management servers share one space of identities, and a device that is made anew must not have the
  // identity that its old account still has.
  std::array<std::uint8_t, 16> own;
  random_.fill(own);
  const auto identity = bootstrap ? endpoint : to_hex(own);
  credential.identity.assign(identity.begin(), identity.end());
  Bytes key(options_.key_bytes);
  random_.fill(key);
  credential.key = Secret(key);
  wipe(key);
  return credential;
}

std::expected<MadeDevice, std::string> AccountFactory::make(const std::string& endpoint,
                                                            const GivenKey* given) {
  MadeDevice made;
  made.pack.endpoint = endpoint;
  Values own;
  for (const auto& account : own_) {
    auto credential = make_credential(account, endpoint, given);
    if (!credential) return std::unexpected(endpoint + ": " + credential.error());
    const bool is_psk = credential->mode == SecurityMode::psk;
    const ByteView identity = is_psk ? credential->identity : credential->public_part;
    own.insert_or_assign(account.child(3), OwnedValue(Value::opaque(identity)));
    own.insert_or_assign(account.child(5), OwnedValue(Value::opaque(credential->key.reveal())));
    made.credentials.push_back(std::move(*credential));
  }
  for (const auto& [path, value] : common_) own.emplace(path, value);
  for (const auto& [path, value] : own) made.pack.add(path, value.view());
  for (auto& [path, value] : own) value.wipe();
  if (const auto problems = device::problems_of(made.pack, builtin_objects()); !problems.empty())
    return std::unexpected(endpoint + ": " + problems.front());
  return made;
}

}  // namespace slipway::cli

// SPDX-License-Identifier: Apache-2.0
// What a device shall have after bootstrap, and which devices it is for. Plain data; fleet/configuration.hpp
// reads it from TOML, bootstrap/ turns it into operations.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <slipway/base/ids.hpp>
#include <slipway/base/secret.hpp>
#include <slipway/base/time.hpp>
#include <slipway/codec/content_format.hpp>
#include <slipway/lwm2m/peer.hpp>
#include <slipway/model/path.hpp>
#include <slipway/model/value.hpp>

namespace slipway::fleet {

/// Accounts of one plan; access controls, and further instances, each. More is not a plan.
inline constexpr std::size_t kPlanPartsMax = 1024;

/// Where a credential of an account comes from. All but `none` and `device_own` are unique for each device
/// and made in the session that gives them.
enum class CredentialSource : std::uint8_t {
  generate,        ///< a random pre-shared key
  raw_public_key,  ///< a key pair; the device gets both halves, the servers keep the public one
  certificate,     ///< a key pair and a certificate that an authority of the configuration issues
  device_own,      ///< X.509 with the certificate and key that the device's bootstrap account has
  none,            ///< NoSec
};
[[nodiscard]] const char* to_string(CredentialSource source);

/// A certification authority of the operator: issues the certificates of devices.
struct Authority {
  std::string name;
  Bytes certificate;                      ///< X.509, DER
  Secret key;                             ///< its private key, PKCS#8 DER
  std::int64_t validity_s = 365 * 86400;  ///< of what it issues
};

/// What a device needs to know its server by: /0/x/4 and how to read it. [LwM2M-TRANSPORT 1.2 §5.2.9.6.4]
struct ServerIdentity {
  /// /0/x/4 as it is written: SubjectPublicKeyInfo (RPK) or certificate (X.509), DER, or the hash of it that
  /// the matching type names; empty for PSK, NoSec.
  Bytes public_key;
  std::optional<std::uint8_t> matching_type;      ///< /0/x/13: 0 exact, 1 SHA-256, 2 SHA-384, 3 SHA-512
  std::optional<std::uint8_t> certificate_usage;  ///< /0/x/15: 0..3
  std::string sni;                                ///< /0/x/14; empty: not written
};

/// Whether a device may refuse a part of the plan without failing the session.
enum class Need : std::uint8_t { required, optional };

/// One LwM2M Server Account: an instance of /0 and one of /1, paired by the short server id.
struct ServerAccountPlan {
  ShortServerId id{};
  std::string uri;  ///< coaps://host:port
  /// The node that must take its credential before the device hears of it (fleet/remote.hpp); empty: this
  /// one.
  std::string remote;
  CredentialSource credential = CredentialSource::generate;
  std::size_t psk_bytes = 16;
  std::shared_ptr<const Authority> authority;  ///< of CredentialSource::certificate
  ServerIdentity identity;
  /// Instance ids for devices that want them fixed; otherwise found as bootstrap/operations.hpp says.
  std::optional<InstanceId> security_instance, server_instance;
  /// Further resources of /0 by id (16, 17, 18, 25 ...; not those that the account says itself), ascending.
  /// Of a multiple-instance resource each value stands here on its own: they are the instances 0, 1, 2...
  std::vector<std::pair<ResourceId, OwnedValue>> security_resources;
  std::int64_t lifetime_s = 86400;   ///< /1/x/1
  std::string binding = "U";         ///< /1/x/7
  bool notification_storing = true;  ///< /1/x/6
  /// Further resources of /1 by id (2, 3, 5, 13..27), typed by the object model; several values as above.
  std::vector<std::pair<ResourceId, OwnedValue>> server_resources;
};

/// Rights of one server on one instance: an entry of /2/x/2. R1 W2 E4 D8 C16.
struct AccessRight {
  ShortServerId server{};  ///< 0 is the default entry
  std::uint16_t rights = 0;
  bool operator==(const AccessRight&) const = default;
};

/// One instance of /2. `target_instance` 65535 governs Create of the object. [LwM2M-CORE 1.2 §8]
struct AccessControlPlan {
  ObjectId target_object{};
  InstanceId target_instance{};
  ShortServerId owner{kReservedId};
  std::vector<AccessRight> acl;
};

/// One further object instance, written whole. Of an object that has no definition here the values carry
/// the types that the plan gives them.
struct InstancePlan {
  Path instance;                                    ///< /o/i
  std::vector<std::pair<Path, OwnedValue>> values;  ///< ascending paths below `instance`
  Need need = Need::required;
};

/// An explicit operation for an odd device, carried out where the plan's author wants it.
struct OperationPlan {
  enum class Kind : std::uint8_t { write, del, discover, read };
  Kind kind = Kind::write;
  Path path;                                        ///< the target: any level that the operation takes
  std::vector<std::pair<Path, OwnedValue>> values;  ///< of a write: ascending paths below `path`
  std::optional<Bytes> payload;                     ///< of a write: sent as it is, instead of `values`
  std::optional<ContentFormat> format;              ///< of this write; mandatory with `payload`
  Need need = Need::required;
};

/// Replaces the device's bootstrap account: a one-time factory secret becomes a key of its own.
/// Complete, with /0/x/11, since some devices fail without it. [LwM2M-CORE 1.2 §6.1.3.3]
struct BootstrapAccountPlan {
  std::string uri;
  CredentialSource credential = CredentialSource::generate;
  std::size_t psk_bytes = 16;
  std::shared_ptr<const Authority> authority;
  ServerIdentity identity;
  std::int64_t hold_off_s = 0;         ///< /0/x/11
  std::int64_t account_timeout_s = 0;  ///< /0/x/12; 0: the account stays
};

/// What becomes of what a device already has.
enum class Existing : std::uint8_t {
  incremental,  ///< what differs from the plan is written, what the plan does not name of /1 and /0 is
                ///< deleted
  replace,      ///< DELETE / first, then everything is written
};
/// Accounts of servers that the plan does not name.
enum class OtherAccounts : std::uint8_t { remove, keep };
/// Whether a session begins with a Bootstrap-Discover; some devices mind.
enum class DiscoverFirst : std::uint8_t { yes, no };

struct Plan {
  std::string name;
  std::vector<ServerAccountPlan> servers;         ///< at least one
  std::optional<BootstrapAccountPlan> bootstrap;  ///< absent: the device's bootstrap account is not touched
  std::vector<AccessControlPlan> access;
  std::vector<InstancePlan> instances;
  std::vector<OperationPlan> before,
      after;  ///< explicit operations around all others; `after` precedes Finish
  Existing existing = Existing::incremental;
  OtherAccounts others = OtherAccounts::remove;
  DiscoverFirst discover = DiscoverFirst::yes;
  std::optional<ContentFormat> format;  ///< else pct, else by version
};

/// Which devices may come, how they authenticate, and their plan.
struct Enrolment {
  std::string name;
  std::vector<std::string> endpoints;               ///< exact names, or patterns with one trailing `*`
  SecurityMode authentication = SecurityMode::psk;  ///< psk, or nosec where someone insists
  std::shared_ptr<const Plan> plan;
};

/// All enrolments; an exact name wins over the longest matching pattern. Lookup is by hash and by
/// a sorted list of prefixes: no scan over enrolments.
class Enrolments {
 public:
  Enrolments();
  ~Enrolments();
  Enrolments(Enrolments&&) noexcept;
  Enrolments& operator=(Enrolments&&) noexcept;
  /// Errors: duplicate (the same name or pattern twice), malformed (a `*` that is not last, an empty
  /// name), limit (above kEndpointMax bytes). On error nothing was added.
  Result<void> add(std::shared_ptr<const Enrolment> enrolment);
  [[nodiscard]] std::shared_ptr<const Enrolment> find(std::string_view endpoint) const;
  [[nodiscard]] const std::vector<std::shared_ptr<const Enrolment>>& all() const;

 private:
  struct Index;
  std::unique_ptr<Index> index_;
};

}  // namespace slipway::fleet

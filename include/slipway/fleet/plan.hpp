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

/// Where a credential of an account comes from.
enum class CredentialSource : std::uint8_t {
  generate,  ///< random and unique for each device, minted in the session
  none,      ///< NoSec
};

/// One LwM2M Server Account: an instance of /0 and one of /1, paired by the short server id.
struct ServerAccountPlan {
  ShortServerId id{};
  std::string uri;  ///< coaps://host:port
  CredentialSource credential = CredentialSource::generate;
  std::size_t psk_bytes = 16;
  std::int64_t lifetime_s = 86400;   ///< /1/x/1
  std::string binding = "U";         ///< /1/x/7
  bool notification_storing = true;  ///< /1/x/6
  /// Further single resources of /1 by id (2, 3, 5, 13..27), typed by the object model.
  std::vector<std::pair<ResourceId, OwnedValue>> server_resources;
};

/// Rights of one server on one instance: an entry of /2/x/2. R1 W2 E4 D8 C16.
struct AccessRight {
  ShortServerId server{};  ///< 0 is the default entry
  std::uint16_t rights = 0;
};

/// One instance of /2. `target_instance` 65535 governs Create of the object. [LwM2M-CORE 1.2 §8]
struct AccessControlPlan {
  ObjectId target_object{};
  InstanceId target_instance{};
  ShortServerId owner{kReservedId};
  std::vector<AccessRight> acl;
};

/// One further object instance, written whole.
struct InstancePlan {
  Path instance;                                    ///< /o/i
  std::vector<std::pair<Path, OwnedValue>> values;  ///< ascending paths below `instance`
};

struct Plan {
  std::string name;
  std::vector<ServerAccountPlan> servers;  ///< at least one
  std::vector<AccessControlPlan> access;
  std::vector<InstancePlan> instances;
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

// SPDX-License-Identifier: Apache-2.0
// What Discover showed of a device, and where the bench writes in it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/secret.hpp>
#include <slipway/lwm2m/bootstrap.hpp>

namespace slipway::kit {

/// The management server that the bench plays.
inline constexpr ShortServerId kServerId{101};
inline constexpr ObjectId kSecurity{0};
inline constexpr ObjectId kServer{1};
inline constexpr ObjectId kDevice{3};
/// Links that are taken from one Discover; a device with more is told of as one that cannot be discovered.
inline constexpr std::size_t kDiscoveredMax = 512;

/// One answer to Discover.
struct Snapshot {
  struct Line {
    Path path;
    ShortServerId server;
    std::string uri;
    bool operator==(const Line&) const = default;
  };
  Version enabler{1, 0};
  std::vector<Line> lines;  ///< ascending paths

  /// Nothing where the payload is no Discover.
  [[nodiscard]] static std::optional<Snapshot> read(std::string_view payload);
  [[nodiscard]] bool has(const Path& path) const;
  [[nodiscard]] std::size_t count(ObjectId object, ShortServerId server) const;
  [[nodiscard]] std::optional<Path> bootstrap_account() const;
  /// "/0/2 is new, /1/1 is gone"; empty when both show the same.
  [[nodiscard]] std::string difference_to(const Snapshot& later) const;
};

/// Where things stand in the device, and where there is room.
struct Scene {
  Version enabler{1, 0};
  bool is_known = false;  ///< Discover was answered; otherwise these are the usual places
  Path bootstrap_account{kSecurity, InstanceId(0)};
  Path security{kSecurity, InstanceId(1)};  ///< of the account of kServerId
  Path server{kServer, InstanceId(1)};
  Path spare_security{kSecurity, InstanceId(2)};
  Path spare_server{kServer, InstanceId(2)};
  std::vector<Path> strays;  ///< other instances of /0 and /1, without the bootstrap account

  Scene() = default;
  explicit Scene(const Snapshot& snapshot);
};

/// An account that one bootstrap session gives; each session has its own, so that a Register tells which is
/// used.
struct Account {
  unsigned number = 0;
  std::string identity;
  Secret key;
};

/// /1/x/1 of an account: tells the accounts apart where there is no identity.
[[nodiscard]] constexpr std::int64_t lifetime_of(unsigned number) {
  return 86400 + static_cast<std::int64_t>(number);
}

}  // namespace slipway::kit

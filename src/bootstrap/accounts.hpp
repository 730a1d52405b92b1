// SPDX-License-Identifier: Apache-2.0
// Where the accounts of a plan go on a device, and which of the device's own go away.
#pragma once

#include <slipway/bootstrap/operations.hpp>

#include "bootstrap/core_objects.hpp"

namespace slipway::bootstrap {

/// The places of one plan's accounts on one device. `instances` is scratch: two ids for each account.
class AccountPlaces {
 public:
  AccountPlaces(const fleet::Plan& plan, const DeviceState& device, Round round,
                std::vector<std::uint16_t>& instances);

  /// Finds a place for every account. Errors: exhausted, duplicate, refused.
  [[nodiscard]] Result<void> choose();
  /// Appends the Deletes of accounts that have to go: /1 before /0. After `choose`.
  void append_deletes(std::vector<PlannedOperation>& out) const;
  [[nodiscard]] Path security(std::size_t account) const {
    return Path(kSecurity, InstanceId(at(account, 0)));
  }
  [[nodiscard]] Path server(std::size_t account) const { return Path(kServer, InstanceId(at(account, 1))); }

  /// Where the plan's bootstrap account is written. Errors: refused.
  [[nodiscard]] Result<Path> bootstrap_account() const;

 private:
  static constexpr std::uint16_t kUndecided = kReservedId;

  std::uint16_t& at(std::size_t account, std::size_t half) { return instances_[account * 2 + half]; }
  [[nodiscard]] std::uint16_t at(std::size_t account, std::size_t half) const {
    return instances_[account * 2 + half];
  }
  [[nodiscard]] bool names(ShortServerId server) const;
  [[nodiscard]] bool is_chosen(std::size_t half, std::uint16_t id) const;
  [[nodiscard]] bool is_free(std::size_t half, std::uint16_t id) const;
  [[nodiscard]] bool stays(const lwm2m::DiscoveredLink& link) const;
  [[nodiscard]] bool is_half(const lwm2m::DiscoveredLink& link) const;
  [[nodiscard]] bool replaces(const lwm2m::DiscoveredLink& link, std::size_t half) const;
  [[nodiscard]] Result<void> check_fixed(std::size_t account, std::size_t half) const;
  void take_existing(std::size_t account, std::size_t half);
  [[nodiscard]] Result<void> complete(std::size_t account);

  const fleet::Plan& plan_;
  const DeviceState& device_;
  Round round_;
  bool bootstrap_known_ = false;  ///< its instance was listed
  bool has_accounts_ = false;     ///< any half of one was listed: not so of a device from the factory
  std::uint16_t cursor_ = 0;      ///< nothing below is free in both halves
  std::vector<std::uint16_t>& instances_;
};

}  // namespace slipway::bootstrap

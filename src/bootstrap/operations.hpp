// SPDX-License-Identifier: Apache-2.0
// A plan, seen against what the device has, as an ordered list of operations. Pure functions.
// [LwM2M-CORE 1.2 §6.1.7, §8.1.3]
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <slipway/bootstrap/server.hpp>
#include <slipway/codec/payload.hpp>
#include <slipway/fleet/credential.hpp>
#include <slipway/fleet/plan.hpp>
#include <slipway/lwm2m/bootstrap.hpp>

namespace slipway::bootstrap {

/// Where the content of a Write comes from; `index` of the operation counts in that part of the plan.
enum class Content : std::uint8_t { none, security, server, access, instance };

/// One operation; its payload is made only when it is sent, so that no key lies about before.
struct PlannedOperation {
  Operation operation = Operation::write;
  Content content = Content::none;
  std::uint16_t index = 0;
  Path path;
  bool operator==(const PlannedOperation&) const = default;
};

/// Most objects and instances that a Bootstrap-Discover may list.
inline constexpr std::size_t kDiscoverLinksMax = 512;

/// What a plan must fulfil before a device sees it. Errors (detail says which): out_of_range, duplicate,
/// limit, wrong_path.
[[nodiscard]] Result<void> check_plan(const fleet::Plan& plan);

/// The operations in the order in which they are carried out:
///
///   1. DELETE /1/j, then /0/i, of every server account that the plan does not name (in this order,
///      since deleting /0/i makes the device delete the paired /1/j by itself); DELETE of /2 instances
///      beyond those that the plan writes;
///   2. PUT /0/i and /1/j of each account: in place where the device has that short server id, otherwise in
///      the lowest instance that is free in both, so that a pair is seen as one;
///   3. PUT /2/0.. (access control is as the plan says, not more), then the further instances;
///   4. Finish.
///
/// Never touched: every /0 instance that Discover lists without a short server id, and /0/0 where Discover
/// lists none such (`discovered` without links: the device refused to tell). Errors: exhausted (no free id).
[[nodiscard]] Result<void> plan_operations(const fleet::Plan& plan, const lwm2m::Discovered& discovered,
                                           std::vector<PlannedOperation>& out);

/// The entries that an operation writes; views into plan and credentials. `credentials` are those of
/// `mint`, in the order of the plan's servers that have one.
[[nodiscard]] Result<void> entries_of(const PlannedOperation& operation, const fleet::Plan& plan,
                                      std::span<const fleet::Credential> credentials,
                                      std::vector<Entry>& out);

/// Makes the credentials of the accounts that have `generate`: a PSK, and an identity that tells nothing
/// of the device (24 characters of base32, 120 random bits).
void mint(const fleet::Plan& plan, std::string_view endpoint, Random& random,
          std::vector<fleet::Credential>& out);

}  // namespace slipway::bootstrap

// SPDX-License-Identifier: Apache-2.0
// A plan, seen against what the device has, as an ordered list of operations. Pure functions.
// docs/guides/bootstrap-order.md explains the order. [LwM2M-CORE 1.2 §6.1.7, §8.1.3]
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <slipway/base/random.hpp>
#include <slipway/codec/payload.hpp>
#include <slipway/fleet/credential.hpp>
#include <slipway/fleet/credential_maker.hpp>
#include <slipway/fleet/plan.hpp>
#include <slipway/lwm2m/bootstrap.hpp>

namespace slipway::bootstrap {

enum class Operation : std::uint8_t { request, discover, read, write, del, finish, pack };
[[nodiscard]] const char* to_string(Operation operation);

/// Where the content of an operation comes from; `index` of the operation counts in that part of the plan.
enum class Content : std::uint8_t {
  none,
  security,   ///< /0 of an account
  server,     ///< /1 of an account
  access,     ///< /2
  instance,   ///< a further instance
  bootstrap,  ///< the device's bootstrap account, on purpose
  before,     ///< explicit operations
  after,
};

/// One operation; its payload is made only when it is sent, so that no key lies about before.
struct PlannedOperation {
  Operation operation = Operation::write;
  Content content = Content::none;
  fleet::Need need = fleet::Need::required;
  std::uint16_t index = 0;
  Path path;
  bool operator==(const PlannedOperation&) const = default;
};

/// A right of a server that the plan does not name and whose account stays: it keeps what it may do on an
/// instance that the plan governs.
struct KeptRight {
  std::uint16_t access = 0;  ///< index in Plan::access
  fleet::AccessRight right;
};

/// What is to be done with one device, and what was decided on the way. Its memory is used again.
struct OperationList {
  std::vector<PlannedOperation> operations;
  std::vector<KeptRight> kept_rights;
  std::vector<std::uint16_t> instances;  ///< scratch
};

/// Most objects and instances that a Bootstrap-Discover may list.
inline constexpr std::size_t kDiscoverLinksMax = 512;
/// Most values in the answer to one Bootstrap-Read, and most bytes of it that a session keeps. A device that
/// tells more is taken for one that does not let itself be read.
inline constexpr std::size_t kReadEntriesMax = 1024;
inline constexpr std::size_t kReadBytesMax = 16 * 1024;

/// What the device has told of itself.
struct DeviceState {
  enum class Listing : std::uint8_t { unknown, told };
  Listing listing = Listing::unknown;  ///< whether it answered a Discover
  lwm2m::Discovered discovered{};
  /// Answers to Bootstrap-Read of /1 and of /2; nothing when it was not asked or refused.
  std::optional<std::span<const Entry>> servers{}, access{};
};

/// `repair`: the device has refused the Finish. Nothing is taken as well done; everything that the plan knows
/// is written again, and half accounts go.
enum class Round : std::uint8_t { first, repair };

/// What a plan must fulfil before a device sees it. Errors (detail says which, for the operator):
/// out_of_range, duplicate, limit, wrong_path, refused (two wishes that exclude each other).
[[nodiscard]] Result<void> check_plan(const fleet::Plan& plan);

/// Appends the explicit operations that come before anything else, Discover included.
void plan_before(const fleet::Plan& plan, OperationList& out);

/// Appends the operations in the order in which they are carried out, after plan_before and Discover:
///
///   1. replacing: DELETE /. Otherwise DELETE of /2 instances that the plan does not want, then of /1/j and
///   /0/i
///      of every account that it does not name or wants elsewhere (/1 first, since the device deletes the
///      paired /1/j by itself; /2 before both, since it tidies up there too);
///   2. PUT /0/i and /1/j of each account: where the plan fixes it, else in place where the device has that
///   short
///      server id, else in the lowest instance that is free in both, so that a pair is seen as one. A /1
///      instance that was read and is as the plan says is left alone;
///   3. PUT /2: an instance that governs the same target is replaced, or left alone when it is as the plan
///   says;
///      otherwise a free one is taken;
///   4. PUT of the further instances;
///   5. PUT of the device's bootstrap account, when the plan replaces it: as late as can be;
///   6. the explicit operations that the plan wants at the end;
///   7. Finish.
///
/// Never touched but by 5: every /0 instance that Discover lists without a short server id, and /0/0 where
/// Discover lists none such. Nor /21, /23, /24 instances that it lists without one: they belong to that
/// account. A device that tells nothing (`unknown`) is taken to have its bootstrap account at /0/0, and
/// nothing is deleted, unless the plan replaces; the plan's fixed instances are believed. Errors: exhausted
/// (no free id), duplicate (a fixed instance is taken by somebody who stays), refused (the plan would touch
/// the bootstrap account, or replaces it and nobody knows where it is).
[[nodiscard]] Result<void> plan_operations(const fleet::Plan& plan, const DeviceState& device, Round round,
                                           const ObjectCatalog& catalog, OperationList& out);

/// What the content of a Write is made from.
struct Sources {
  const fleet::Plan& plan;
  std::span<const fleet::Credential> credentials;  ///< those of `mint`
  std::span<const KeptRight> kept_rights{};
  const ObjectCatalog& catalog;
};

/// Appends the entries that a Write writes, sorted; views into plan and credentials. Nothing is appended for
/// other operations, nor for an explicit Write whose payload the plan gives as bytes. Errors: not_found (a
/// credential that the plan needs is not there).
[[nodiscard]] Result<void> append_entries(const PlannedOperation& operation, const Sources& sources,
                                          std::vector<Entry>& out);

/// The explicit operation that a planned one carries out; nullptr for others.
[[nodiscard]] const fleet::OperationPlan* explicit_operation(const PlannedOperation& operation,
                                                             const fleet::Plan& plan);

/// Makes the credentials of a plan, its servers in order, then the bootstrap account: a PSK has a random key
/// and an identity that tells nothing of the device (24 characters of base32, 120 random bits); `maker` makes
/// the others. Accounts without a credential, or with the device's own, have none here. Errors: unsupported
/// (no `maker`), and those of `maker`; `out` is empty then.
[[nodiscard]] Result<void> mint(const fleet::Plan& plan, std::string_view endpoint, Random& random,
                                fleet::CredentialMaker* maker, std::vector<fleet::Credential>& out);

}  // namespace slipway::bootstrap

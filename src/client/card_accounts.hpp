// SPDX-License-Identifier: Apache-2.0
// What a smartcard's content does to the accounts of a device. [LwM2M-CORE 1.2 §6.1.3.2, §6.1.4]
//
// The card stands above the factory, and its content is applied once:
//
//   content        | effect
//   ---------------+---------------------------------------------------------------------------------------
//   as last time   | none, whatever a bootstrap has made of the accounts since
//   another, whole | what is still as the card made it goes; factory accounts are set aside when the card has
//                  | accounts; what stands in the way of the new (the same instance, short server id or
//                  | object instance, a second bootstrap account) goes with its pair; the new comes in
//   not consistent | none: a card that is being written over the air is read in the middle
//   gone, or blank | what is still as the card made it goes; without any account the factory's come back
//
// An account that a bootstrap has written since is the bootstrap's, not the card's any more: so it survives
// the card's removal, and gives way only to new content that takes its place.
#pragma once

#include <slipway/client/model.hpp>

#include "client/validation.hpp"

namespace slipway::client {

/// Within a transaction: replaces the card's earlier instances by `entries`. Objects and resources that the
/// device does not have are left out. On an error the transaction must be rolled back.
[[nodiscard]] std::optional<Inconsistency> apply_card(Model& model, std::span<const Entry> entries,
                                                      std::uint64_t digest, const Checks& checks);
/// Within a transaction: takes away what is still as the card made it. What `staying` servers could reach
/// stays theirs: their accounts come back with other values.
void remove_card(Model& model, std::span<const ShortServerId> staying = {});

/// Whether the factory has accounts for a device that has none.
[[nodiscard]] bool has_factory_accounts(const Model& model);
/// Brings the factory's accounts, and what belongs to them, back into a tree without accounts. Errors: limit.
Result<void> use_factory_accounts(Model& model);

/// Within the transaction of a bootstrap that succeeds: what it has changed is no longer as the card made it,
/// and every server is new.
void remember_bootstrap(Model& model);
/// Removes an account with what it links to, its pair, and, unless the server is `staying`, what only it
/// could reach.
void drop_account(Model& model, InstanceId security, std::span<const ShortServerId> staying = {});

}  // namespace slipway::client

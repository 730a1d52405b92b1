// SPDX-License-Identifier: Apache-2.0
// Whose identity is it that a handshake goes by?
#pragma once

#include <slipway/storage/store.hpp>

namespace slipway::node {

/// What the store knows of an identity: one of these, or nothing.
struct Known {
  std::optional<fleet::Credential> credential;
  std::optional<storage::CredentialOwner> owner;  ///< of an identity that opens nothing here
  bool of_other_role = false;                     ///< the owner's credential is for the other server
};

[[nodiscard]] fleet::ServerRole other_role(fleet::ServerRole role);

/// Asks the store the same questions whatever its answers are: the time that they take must not tell which
/// identities exist. Errors: the store's.
[[nodiscard]] storage::StoreResult<Known> look_up(storage::Store& store, fleet::ServerRole role,
                                                  SecurityMode mode, ByteView identity);

}  // namespace slipway::node

// SPDX-License-Identifier: Apache-2.0
#include "look_up.hpp"

namespace slipway::node {

using fleet::ServerRole;

ServerRole other_role(ServerRole role) {
  return role == ServerRole::bootstrap ? ServerRole::management : ServerRole::bootstrap;
}

storage::StoreResult<Known> look_up(storage::Store& store, ServerRole role, SecurityMode mode,
                                    ByteView identity) {
  auto credential = store.find_credential(role, identity);
  if (!credential) return std::unexpected(std::move(credential.error()));
  auto here = store.find_owner(role, identity);
  if (!here) return std::unexpected(std::move(here.error()));
  auto elsewhere = store.find_owner(other_role(role), identity);
  if (!elsewhere) return std::unexpected(std::move(elsewhere.error()));
  Known known;
  // RPK and X.509 are found by a hash that anybody can know: it must never pass for a PSK identity.
  if (*credential && (*credential)->mode == mode) {
    known.credential = std::move(*credential);
  } else if (*here) {
    known.owner = std::move(*here);
  } else if (*elsewhere) {
    known.owner = std::move(*elsewhere);
    known.of_other_role = true;
  }
  return known;
}

}  // namespace slipway::node

// SPDX-License-Identifier: Apache-2.0
#include <slipway/fleet/credential.hpp>

namespace slipway::fleet {

const char* to_string(ServerRole role) {
  return role == ServerRole::bootstrap ? "bootstrap" : "management";
}

const char* to_string(CredentialState state) {
  switch (state) {
    case CredentialState::issued:
      return "issued";
    case CredentialState::proven:
      return "proven";
    case CredentialState::retired:
      return "retired";
  }
  return "unknown";
}

Credential Credential::clone() const {
  Credential copy;
  copy.endpoint = endpoint;
  copy.role = role;
  copy.server = server;
  copy.mode = mode;
  copy.state = state;
  copy.identity = identity;
  copy.key = key.clone();
  copy.created = created;
  return copy;
}

}  // namespace slipway::fleet

// SPDX-License-Identifier: Apache-2.0
#include <slipway/fleet/credential.hpp>
#include <slipway/fleet/plan.hpp>

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

const char* to_string(CredentialSource source) {
  switch (source) {
    case CredentialSource::generate:
      return "psk";
    case CredentialSource::raw_public_key:
      return "rpk";
    case CredentialSource::certificate:
      return "x509";
    case CredentialSource::device_own:
      return "own";
    case CredentialSource::none:
      return "none";
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
  copy.public_part = public_part;
  copy.key = key.clone();
  copy.created = created;
  return copy;
}

}  // namespace slipway::fleet

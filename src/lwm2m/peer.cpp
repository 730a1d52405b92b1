// SPDX-License-Identifier: Apache-2.0
#include <slipway/lwm2m/peer.hpp>

namespace slipway {

const char* to_string(SecurityMode mode) {
  switch (mode) {
    case SecurityMode::psk:
      return "psk";
    case SecurityMode::rpk:
      return "rpk";
    case SecurityMode::x509:
      return "x509";
    case SecurityMode::nosec:
      return "nosec";
    case SecurityMode::est:
      return "est";
  }
  return "unknown";
}

}  // namespace slipway

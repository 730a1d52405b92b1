// SPDX-License-Identifier: Apache-2.0
// Handshakes that failed at a server, as an operator asks for them.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include <slipway/base/time.hpp>
#include <slipway/fleet/credential.hpp>
#include <slipway/security/dtls/facts.hpp>
#include <slipway/security/dtls/types.hpp>

namespace slipway::node {

/// What a device's certificate says; anybody can make one.
struct CertificateFacts {
  std::string subject, issuer;  ///< common names
  UnixTime not_before{}, not_after{};
  std::string fingerprint;  ///< SHA-256 of the certificate, hexadecimal
};

/// Equal failures of one device, or of one address that names no device, are one of these.
struct FailedHandshake {
  UnixTime first{}, last{};
  std::uint64_t times = 1;
  fleet::ServerRole server = fleet::ServerRole::management;
  security::dtls::SecureProtocol protocol = security::dtls::SecureProtocol::dtls;
  std::string address;   ///< of the last one
  std::string endpoint;  ///< whose identity was claimed; empty: nobody's. Not proved
  security::dtls::FailureReason reason{};
  security::dtls::Side refused_by{};
  std::optional<security::dtls::Alert> alert{};              ///< sent by `refused_by`
  std::string detail, explanation, remedy;                   ///< for a person
  std::optional<SecurityMode> mode{};                        ///< of the identity, once one was seen
  std::string identity_fingerprint;                          ///< as of a credential (storage::CredentialInfo)
  std::optional<fleet::CredentialState> credential_state{};  ///< of the credential with this identity
  std::optional<UnixTime> credential_created{};
  security::dtls::HandshakeFacts facts;  ///< without the chain: `certificate` tells of it
  std::optional<CertificateFacts> certificate{};
};

[[nodiscard]] nlohmann::json to_json(const FailedHandshake& failure);

/// Failures that are kept: of identities that belong to a device, and of all others together. Beyond, those
/// that happened longest ago are dropped, so that strangers never push out what is known of a device.
inline constexpr std::size_t kFailuresOfDevicesMax = 1024;
inline constexpr std::size_t kFailuresOfStrangersMax = 256;

}  // namespace slipway::node

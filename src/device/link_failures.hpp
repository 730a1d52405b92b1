// SPDX-License-Identifier: Apache-2.0
// What the end of a secure session means to the client engine.
#pragma once

#include <optional>

#include <slipway/client/client.hpp>
#include <slipway/device/connection_failure.hpp>
#include <slipway/security/dtls/facts.hpp>
#include <slipway/security/dtls/types.hpp>

namespace slipway::device {

[[nodiscard]] inline client::ConnectFailure failure_of(std::optional<security::dtls::Alert> alert) {
  using security::dtls::AlertClass;
  const bool hopeless = alert && security::dtls::alert_class(*alert) == AlertClass::fail;
  return hopeless ? client::ConnectFailure::alert_fail : client::ConnectFailure::alert_retry;
}

[[nodiscard]] inline client::ConnectFailure failure_of(const security::dtls::HandshakeFailure& failure) {
  if (failure.reason == security::dtls::FailureReason::timeout)
    return client::ConnectFailure::handshake_timeout;
  return failure_of(failure.alert);
}

/// As /1/x/11 has it.
[[nodiscard]] inline std::optional<std::uint8_t> code_of(std::optional<security::dtls::Alert> alert) {
  if (!alert) return std::nullopt;
  return static_cast<std::uint8_t>(*alert);
}

/// What a handshake that failed adds to the story of it. `facts`: what was seen, or null.
void tell(ConnectionFailure& story, const security::dtls::HandshakeFailure& failure,
          const security::dtls::HandshakeFacts* facts);
void tell(ConnectionFailure& story, const security::dtls::HandshakeFacts& facts);

/// As the device's log has it.
[[nodiscard]] inline const char* text_of(client::ConnectFailure failure) {
  using enum client::ConnectFailure;
  switch (failure) {
    case unreachable:
      return "unreachable";
    case name_unknown:
      return "name unknown";
    case handshake_timeout:
      return "no answer to the handshake";
    case alert_retry:
      return "handshake failed";
    case alert_fail:
      return "handshake refused";
  }
  return "failed";
}

}  // namespace slipway::device

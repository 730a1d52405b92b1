// SPDX-License-Identifier: Apache-2.0
// Why a device has no session with a server, as its log tells it: one line, written and read here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <slipway/base/time.hpp>

namespace slipway::device {

/// Largest line of a log that is read.
inline constexpr std::size_t kFailureLineMax = 4096;

struct ConnectionFailure {
  std::string outcome;  ///< what the device made of it: "handshake refused"
  std::string reason;   ///< as dtls::to_string(FailureReason); empty where there was no handshake
  std::string detail;   ///< what was noticed
  std::optional<std::uint8_t> alert{};
  enum class Alerted : std::uint8_t { sent, received } alerted = Alerted::received;
  std::string uri;                   ///< of the server
  std::string mode;                  ///< "psk", "rpk", "x509"
  std::string identity_fingerprint;  ///< as a server shows that of a credential
  std::string offered;               ///< suites, with commas
  std::string chosen;                ///< the suite of the ServerHello
  std::string certificate;           ///< that the server showed: names and dates
  std::optional<std::int64_t> after_ms{};
  bool operator==(const ConnectionFailure&) const = default;
};

/// "handshake refused (refused by the peer: ...; received alert decrypt_error (51); server coaps://...;
/// ...)". Holds no key, and no control character whatever a server has sent.
[[nodiscard]] std::string to_text(const ConnectionFailure& failure);

/// Finds such a text in a line of a log: of `slipway client`, as text or as JSON, or of anything that wrote
/// it behind "connection failed". Nothing for any other line, or one above kFailureLineMax.
[[nodiscard]] std::optional<ConnectionFailure> read_failure(std::string_view line);

}  // namespace slipway::device

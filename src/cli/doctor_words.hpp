// SPDX-License-Identifier: Apache-2.0
// What was seen of a server, as steps in words. Pure: the tests give it what a server may do.
#pragma once

#include <string>
#include <vector>

#include <slipway/lwm2m/peer.hpp>
#include <slipway/security/trust.hpp>

#include "doctor_probe.hpp"
#include "doctor_report.hpp"

namespace slipway::cli::doctor {

/// What the steps need to know of the account.
struct Asked {
  SecurityMode mode = SecurityMode::psk;
  std::string address;  ///< of the server, with its port
  std::string host;     ///< as the URI has it
  std::string fingerprint;
  bool knows_server = false;      ///< the account has a server's key or certificate
  security::ServerTrust trust{};  ///< of mode X.509
  bool offers_cid = true;
};

/// "0.4 ms", "12 ms".
[[nodiscard]] std::string time_text(Duration duration);

/// Whether datagrams arrive, and whether what answers is a DTLS server. The second step is skipped where the
/// first one failed.
[[nodiscard]] std::vector<Step> reach_steps(const Attempt& attempt, const Asked& asked);
/// Which of the suites, each tried alone, a server has chosen.
struct SuiteTried {
  std::string name;
  enum class Result : std::uint8_t { taken, refused, silent, cut_short } result;
};
[[nodiscard]] Step suites_step(const std::vector<SuiteTried>& tried);
/// The server's certificate or public key, and whether the account takes it.
[[nodiscard]] std::vector<Step> server_steps(const Attempt& attempt, const Asked& asked, UnixTime now);
/// Whether the server takes the device.
[[nodiscard]] Step client_step(const Attempt& attempt, const Asked& asked);
[[nodiscard]] Step cid_step(const Attempt& attempt, const Asked& asked);

/// Whether a datagram is a record of DTLS: what answers is no CoAP.
[[nodiscard]] bool looks_like_dtls(ByteView datagram);
/// Whether `answer` is what CoAP gives to an empty confirmable message: a Reset of its id. [RFC 7252 §4.3]
[[nodiscard]] bool answers_ping(ByteView asked, ByteView answer);
/// A response with the token of the request, in its acknowledgement or later, or a Reset. [RFC 7252 §5.3.2]
[[nodiscard]] bool answers_request(ByteView asked, ByteView answer);

}  // namespace slipway::cli::doctor

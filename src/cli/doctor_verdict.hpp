// SPDX-License-Identifier: Apache-2.0
// What a device's log and a server's record of a failed handshake say together. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <slipway/device/connection_failure.hpp>

namespace slipway::cli::doctor {

/// One FailedHandshake of the API, read with care: a field that is missing or of another type is empty.
struct ServerView {
  std::string server, address, endpoint, reason, refused_by, detail, explanation, remedy;
  std::string alert, mode, fingerprint, credential_state, chosen, server_name, version;
  std::string protocol;  ///< "DTLS", "TLS"
  std::vector<std::string> suites, groups;
  int alert_number = -1;
  std::int64_t first_ms = 0, last_ms = 0, times = 1, created_ms = 0;
  std::string certificate;  ///< of the device, in words
};
[[nodiscard]] ServerView read_view(const nlohmann::json& failure);

struct Verdict {
  std::string sentence, remedy;
};

/// The failure among `views` (last first) that is most likely the device's: the same identity, or the same
/// alert where no identity came to be named.
[[nodiscard]] const ServerView* counterpart(const device::ConnectionFailure& device,
                                            const std::vector<ServerView>& views);
/// At least one of the two is given.
[[nodiscard]] Verdict judge(const std::optional<device::ConnectionFailure>& device, const ServerView* server);

}  // namespace slipway::cli::doctor

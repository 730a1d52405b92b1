// SPDX-License-Identifier: Apache-2.0
// `slipway doctor [ENDPOINT]`: the failed handshakes that a running server remembers, explained.
#pragma once

#include <string>

#include "http_client.hpp"

namespace slipway::cli::doctor {

struct FailuresOptions {
  ServerOptions server;
  std::string endpoint;    ///< empty: of all devices
  std::string device_log;  ///< "-": standard input; empty: none
  std::size_t limit = 10;
};

/// 0 when the server (or the log) could be asked, whatever it said.
[[nodiscard]] int show_failures(const FailuresOptions& options, bool as_json);

}  // namespace slipway::cli::doctor

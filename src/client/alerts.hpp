// SPDX-License-Identifier: Apache-2.0
// What an alert of a server means for what the device does next. [LwM2M-TRANSPORT 1.2 §5.2.10]
#pragma once

#include <cstdint>
#include <optional>

#include <slipway/client/client.hpp>

namespace slipway::client {

enum class AlertClass : std::uint8_t {
  retry,   ///< may be transient: another session, as /1/x/17-20 say
  fail,    ///< the same credentials would be refused again
  ignore,  ///< says nothing about the credentials; also every code that the specification does not name
};
/// `alert`: the code on the wire.
[[nodiscard]] AlertClass alert_class(std::uint8_t alert);

/// Why there is no session, for a person: who refused whom. `alert`: what the server sent.
[[nodiscard]] const char* why_no_session(ConnectFailure failure, std::optional<std::uint8_t> alert);

}  // namespace slipway::client

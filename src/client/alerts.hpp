// SPDX-License-Identifier: Apache-2.0
// What an alert of a server means for what the device does next. [LwM2M-TRANSPORT 1.2 §5.2.10]
#pragma once

#include <cstdint>

namespace slipway::client {

enum class AlertClass : std::uint8_t {
  retry,   ///< may be transient: another session, as /1/x/17-20 say
  fail,    ///< the same credentials would be refused again
  ignore,  ///< says nothing about the credentials; also every code that the specification does not name
};
/// `alert`: the code on the wire.
[[nodiscard]] AlertClass alert_class(std::uint8_t alert);

}  // namespace slipway::client

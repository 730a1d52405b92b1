// SPDX-License-Identifier: Apache-2.0
// Signals of CoAP over streams in words. [RFC 8323 §5]
#pragma once

#include <string>

#include <slipway/coap/message.hpp>

namespace slipway::trace {

struct SignalOption {
  std::string name;   ///< "Max-Message-Size"; "option 7" for one without a name
  std::string value;  ///< empty for an empty option
  std::string meaning;
};
/// Options of signals have numbers of their own, by signal.
[[nodiscard]] SignalOption signal_option(coap::Code signal, const coap::Option& option);

}  // namespace slipway::trace

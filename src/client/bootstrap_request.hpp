// SPDX-License-Identifier: Apache-2.0
// How a device asks to be bootstrapped. [LwM2M-CORE 1.2 §6.1.7.1, §6.1.7.7] [LwM2M-TRANSPORT 1.2 §6.4.2]
#pragma once

#include "client/services.hpp"

namespace slipway::client {

enum class RequestForm : std::uint8_t {
  pack,         ///< GET /bspack?ep=&acc=, the answer is everything at once (1.2)
  with_format,  ///< POST /bs?ep=&pct=
  legacy,       ///< POST /bs?ep=, as 1.0 does
};

/// What is asked first: a pack where the version has it and the configuration wants it.
[[nodiscard]] RequestForm first_form(const ClientConfig& config);

/// Sends the request, with path and query of the bootstrap account's URI in front. Errors: limit (the queries
/// do not fit), and those of coap::Endpoint::request.
[[nodiscard]] Result<coap::RequestId> send_bootstrap_request(TimePoint now, Services& services, PeerId peer,
                                                             RequestForm form);

}  // namespace slipway::client

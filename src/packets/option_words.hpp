// SPDX-License-Identifier: Apache-2.0
// CoAP options in words. [RFC 7252 §5.10] [RFC 7641 §2] [RFC 7959 §2]
#pragma once

#include <string>

#include <slipway/coap/message.hpp>

namespace slipway::packets {

/// "Uri-Path"; "option 65000" for one without a name.
[[nodiscard]] std::string option_name(coap::OptionNumber number);
/// "\"bs\"", "112 (senml-cbor)", "block 0, more follow, 1024 bytes".
[[nodiscard]] std::string option_value(const coap::Option& option);
/// What the value says in LwM2M, where that is not plain: "endpoint name"; may be empty.
[[nodiscard]] std::string option_meaning(const coap::Option& option);

/// "112 (senml-cbor)".
[[nodiscard]] std::string format_text(std::uint64_t format);

}  // namespace slipway::packets

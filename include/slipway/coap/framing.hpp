// SPDX-License-Identifier: Apache-2.0
// How a message travels, for whoever reads messages of both kinds.
#pragma once

#include <cstdint>

#include <slipway/coap/message.hpp>

namespace slipway::coap {

enum class Framing : std::uint8_t {
  datagram,  ///< [RFC 7252 §3]
  stream,    ///< one frame of TCP or TLS: no type, no message id [RFC 8323 §3.2]
};

[[nodiscard]] inline Result<Message> parse_message(ByteView bytes, Framing framing) {
  return framing == Framing::datagram ? Message::parse(bytes) : Message::parse_frame(bytes);
}

}  // namespace slipway::coap

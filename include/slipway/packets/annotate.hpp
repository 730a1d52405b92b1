// SPDX-License-Identifier: Apache-2.0
// A message taken apart: what each of its bytes means.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/bytes.hpp>
#include <slipway/coap/framing.hpp>
#include <slipway/model/definition.hpp>

namespace slipway::packets {

enum class Part : std::uint8_t { header, option, payload };
[[nodiscard]] const char* to_string(Part part);

/// One element of a message.
struct Field {
  std::size_t offset = 0;  ///< of its first byte in the message
  std::size_t size = 0;    ///< bytes, never 0
  Part part = Part::header;
  std::string name;     ///< "Message ID", "Uri-Path", "/0/1/0 LwM2M Server URI"
  std::string value;    ///< for people; says "secret" in place of one that is masked
  std::string meaning;  ///< how the bytes say it; may be empty
  bool secret = false;  ///< its bytes are not for showing either
};

/// `shown` is for messages whose keys are examples.
enum class Secrets : std::uint8_t { masked, shown };

/// How to read a message.
struct Reading {
  const ObjectCatalog& catalog;
  std::string_view path{};  ///< of the request that an answer answers: its values lie there
  Secrets secrets = Secrets::masked;
  coap::Framing framing = coap::Framing::datagram;
};

/// Takes a CoAP message apart: header, options, payload down to each TLV, CBOR item, SenML member and link.
/// The fields are in order and together are the message: each byte lies in exactly one. Never fails: what
/// does not decode is one field that says why. With masked secrets no field tells a value that the object
/// model calls secret, nor bytes in which one may lie. [RFC 7252 §3] [RFC 8323 §3.2] [LwM2M-CORE 1.2 §7.5]
[[nodiscard]] std::vector<Field> annotate(ByteView message, const Reading& reading);

/// The bytes of a field in hexadecimal, at most `most` of them; dots in place of secret ones.
[[nodiscard]] std::string bytes_text(ByteView message, const Field& field, std::size_t most);

}  // namespace slipway::packets

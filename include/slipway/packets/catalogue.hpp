// SPDX-License-Identifier: Apache-2.0
// Every message of every interface as it stands on the wire, made by the encoders that the engines use.
// [LwM2M-TRANSPORT 1.2 §6.4]
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/packets/annotate.hpp>
#include <slipway/trace/describe.hpp>

namespace slipway::packets {

/// `coap` is what all interfaces share: acknowledgements, resets, blocks.
enum class Interface : std::uint8_t { bootstrap, registration, management, reporting, coap };
[[nodiscard]] const char* to_string(Interface interface);
/// Reads such a name. The error lists the names.
[[nodiscard]] std::expected<Interface, std::string> parse_interface(std::string_view text);

enum class Role : std::uint8_t { request, answer, error };

/// One example of a message. Names, keys, ids and tokens in it are examples.
struct Packet {
  std::string id;  ///< "bootstrap-write-instance-tlv"; of its answers "bootstrap-write-instance-tlv/2.04"
  Interface interface = Interface::coap;
  std::string operation;  ///< in the specification's words
  trace::Direction direction = trace::Direction::up;
  Role role = Role::request;
  std::string title;  ///< "PUT /0/1 in TLV"
  std::string when;   ///< what it is for, or when this answer comes
  std::string since;  ///< first version of the Enabler that has it: "1.0"
  std::vector<std::string> sources;
  std::string path;  ///< of the request; its answers have the same
  Bytes bytes;       ///< the CoAP message: what UDP carries without DTLS
};

/// All of them, by interface and operation; the answers of a request follow it. The same on every call.
[[nodiscard]] std::vector<Packet> catalogue();

/// Bytes of a packet within one DTLS 1.2 record of TLS_PSK_WITH_AES_128_CCM_8.
enum class ConnectionId : std::uint8_t { without, with };
[[nodiscard]] std::size_t dtls_size(const Packet& packet, ConnectionId cid);

/// The fields of a packet; example keys are shown.
[[nodiscard]] std::vector<Field> fields_of(const Packet& packet);

[[nodiscard]] nlohmann::json to_json(const Packet& packet);
[[nodiscard]] nlohmann::json to_json(ByteView message, const Field& field);
/// A page: what stands above, then a chapter an interface.
[[nodiscard]] std::string to_markdown(const std::vector<Packet>& packets);
/// One packet: sizes, bytes, a table of its fields.
[[nodiscard]] std::string to_markdown(const Packet& packet);

}  // namespace slipway::packets

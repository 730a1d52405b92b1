// SPDX-License-Identifier: Apache-2.0
// CoAP and LwM2M messages in words: the rows of a ladder, and what `slipway decode` prints.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/time.hpp>
#include <slipway/coap/framing.hpp>
#include <slipway/coap/message.hpp>
#include <slipway/codec/payload.hpp>
#include <slipway/model/definition.hpp>

namespace slipway::trace {

/// From the device's point of view: up is towards a server.
enum class Direction : std::uint8_t { up, down };

/// One message as a person reads it. No field ever holds a secret: values that the object model
/// calls secret are masked, and what cannot be decoded is never shown where a secret may lie.
struct Row {
  Duration at{};  ///< since the journey began
  Direction direction = Direction::up;
  std::size_t wire_size = 0;        ///< bytes of UDP payload, so with DTLS's own; of a stream, of the frame
  std::string type;                 ///< CON, NON, ACK, RST, TCP for a frame of a stream, or DTLS
  std::string code;                 ///< "POST", "2.04 Changed", "Handshake"
  std::string path;                 ///< of the request, or of the request that is answered
  std::string operation;            ///< in LwM2M's words: "Bootstrap-Request", "Notify"; may be empty
  std::string detail;               ///< queries, options, format
  std::vector<std::string> values;  ///< one line each: "/3/0/0 Manufacturer = \"Slipway\""
};

/// Which interface a conversation belongs to; paths such as /bs mean something only then.
enum class Interface : std::uint8_t { unknown, bootstrap, management };

/// Requests that are remembered for the sake of their answers; the oldest is forgotten first, one that
/// observes last.
inline constexpr std::size_t kOutstandingMax = 64;
/// Value lines of one message; the rest is counted.
inline constexpr std::size_t kValueLinesMax = 64;
/// Bytes of one value line, and of other text of a peer in a row, about; the rest is cut.
inline constexpr std::size_t kLineMax = 256;

/// Describes the messages of one conversation, in order; remembers requests so that an answer can be
/// decoded by the path and read in context.
class Conversation {
 public:
  explicit Conversation(const ObjectCatalog& catalog, Interface interface = Interface::unknown)
      : catalog_(&catalog), interface_(interface) {}

  /// Never fails: what is not CoAP is described as such, with the reason.
  [[nodiscard]] Row describe(Direction direction, ByteView datagram, std::size_t wire_size,
                             coap::Framing framing = coap::Framing::datagram);

 private:
  struct Outstanding {
    coap::Token token;
    Direction direction;
    std::string path_text;
    std::optional<Path> base;  ///< what the answer's payload is relative to, where that is known
    bool observing;
    bool answered;
  };
  void describe_request(Row& row, const coap::Message& message);
  void describe_response(Row& row, const coap::Message& message);
  void describe_payload(Row& row, const coap::Message& message, const std::optional<Path>& base) const;
  void describe_values(Row& row, ContentFormat format, const Path& base, ByteView payload) const;
  void remember(Outstanding request);
  [[nodiscard]] Outstanding* find(const coap::Token& token, Direction answer);

  const ObjectCatalog* catalog_;
  Interface interface_;
  std::deque<Outstanding> outstanding_;  ///< oldest first
};

/// "/0/1/5 Secret Key = (16 bytes, secret)": one value as a line.
[[nodiscard]] std::string describe_entry(const Entry& entry, const ObjectCatalog& catalog);

}  // namespace slipway::trace

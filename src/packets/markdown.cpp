// SPDX-License-Identifier: Apache-2.0
// docs/reference/packets.md.
#include <algorithm>

#include <slipway/packets/catalogue.hpp>

namespace slipway::packets {
namespace {

constexpr std::size_t kBytesShown = 8;  // of a field; all of them stand above the table
constexpr std::size_t kBytesALine = 32;

constexpr const char* kHead =
    R"(# Packets: every message, byte by byte

<!-- Made by `slipway packets`: do not edit. `./dev docs` makes it anew, and a test compares it. -->

Each message of each interface of LwM2M over CoAP and UDP, as Slipway writes it. **Uplink** is from the device to a server,
**downlink** from a server to the device. Names, keys, identities, tokens and message ids are examples. An operation begins with
its examples, each with its answer; then come the answers that refuse it.

Three sizes are given: of the CoAP message; within a DTLS 1.2 record of TLS_PSK_WITH_AES_128_CCM_8 (13 bytes of header, 8 of
nonce, 8 of tag); and within one with a connection id of 6 bytes, as our server gives them [RFC 9146], which adds these and the
inner content type. On the
wire UDP adds 8 bytes, and IP 20 (version 4) or 40 (version 6).

    slipway packets                                      # this page
    slipway packets --interface bootstrap --format json  # for programs
    slipway packets --id bootstrap-finish                # one message and its answers
    slipway decode --fields 4402b60b2161fb63b13101300138 # the same for any message of yours

)";

const char* title_of(Interface interface) {
  switch (interface) {
    case Interface::bootstrap:
      return "Bootstrap";
    case Interface::registration:
      return "Registration";
    case Interface::management:
      return "Device management";
    case Interface::reporting:
      return "Information reporting";
    case Interface::coap:
      return "What all share";
  }
  return "?";
}

const char* arrow(trace::Direction direction) {
  return direction == trace::Direction::up ? "uplink" : "downlink";
}

/// Fit for a cell of a table.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '<' || c == '>' || c == '*' || c == '_' || c == '\\' || c == '[' || c == ']')
      out += '\\';
    out += c;
  }
  return out;
}

std::string code(std::string_view text) {
  std::string out(text);
  std::ranges::replace(out, '|', '/');
  return out.empty() ? out : "`" + out + "`";
}

std::string sizes(const Packet& packet) {
  return std::to_string(packet.bytes.size()) + " bytes; with DTLS " +
         std::to_string(dtls_size(packet, ConnectionId::without)) + ", with a connection id " +
         std::to_string(dtls_size(packet, ConnectionId::with));
}

std::string hex_block(ByteView bytes) {
  std::string out = "```text\n";
  for (std::size_t at = 0; at < bytes.size(); at += kBytesALine)
    out += to_hex(bytes.subspan(at, std::min(kBytesALine, bytes.size() - at))) + '\n';
  return out + "```\n";
}

std::string field_table(const Packet& packet) {
  std::string out =
      "| at | size | bytes | field | value | meaning |\n| ---: | ---: | --- | --- | --- | --- |\n";
  for (const auto& field : fields_of(packet))
    out += "| " + std::to_string(field.offset) + " | " + std::to_string(field.size) + " | " +
           code(bytes_text(packet.bytes, field, kBytesShown)) + " | " + cell(field.name) + " | " +
           code(field.value) + " | " + cell(field.meaning) + " |\n";
  return out;
}

/// Answers that refuse an operation differ in their code and text: a row each.
std::string error_table(std::span<const Packet> errors) {
  std::string out =
      "Answers that refuse it:\n\n| answer | when | size | bytes |\n| --- | --- | ---: | --- |\n";
  for (const auto& packet : errors) {
    const auto message = coap::Message::parse(packet.bytes);
    const auto text = message ? as_text(message->payload) : std::string_view{};
    out += "| " + std::string(message ? coap::describe(message->code).view() : "?") + " | " +
           cell(packet.when) + (text.empty() ? "" : ", with a text for a person such as " + code(text)) +
           " | " + std::to_string(packet.bytes.size()) + " | " + code(to_hex(packet.bytes)) + " |\n";
  }
  return out + "\n";
}

std::string sources_of(const Packet& packet) {
  std::string out;
  for (const auto& source : packet.sources) out += (out.empty() ? "" : " ") + source;
  return out;
}

/// An answer that is nothing but a header needs no table.
std::string answer_line(const Packet& packet) {
  const auto message = coap::Message::parse(packet.bytes);
  const bool plain = message && message->option_count() == 0 && message->payload.empty();
  if (!plain) return to_markdown(packet);
  return "Answer " + code(packet.id) + ", " + std::to_string(packet.bytes.size()) + " bytes, " +
         code(to_hex(packet.bytes)) + ": " + std::string(coap::describe(message->code).view()) + ", " +
         cell(packet.when) + ".\n\n";
}

/// All packets of one operation; errors stand last.
std::string operation(std::span<const Packet> packets) {
  std::string out = "### " + packets.front().operation + "\n\n" + cell(sources_of(packets.front())) + "\n\n";
  std::vector<Packet> errors;
  for (const auto& packet : packets) {
    if (packet.role == Role::error)
      errors.push_back(packet);
    else
      out += packet.role == Role::answer ? answer_line(packet) : to_markdown(packet);
  }
  return errors.empty() ? out : out + error_table(errors);
}

std::string overview(std::span<const Packet> packets) {
  std::string out =
      "| message | operation | direction | since | CoAP | DTLS | with CID |\n| --- | --- | --- | --- | ---: "
      "| ---: | ---: |\n";
  for (const auto& packet : packets)
    if (packet.role != Role::error)
      out += "| " + code(packet.id) + " | " + packet.operation +
             (packet.role == Role::answer ? ", answer" : "") + " | " + arrow(packet.direction) + " | " +
             packet.since + " | " + std::to_string(packet.bytes.size()) + " | " +
             std::to_string(dtls_size(packet, ConnectionId::without)) + " | " +
             std::to_string(dtls_size(packet, ConnectionId::with)) + " |\n";
  return out + "\n";
}

/// The longest run from the front for which `same` holds with its first packet.
template <class Same>
std::span<const Packet> run(std::span<const Packet> packets, Same same) {
  std::size_t size = 1;
  while (size < packets.size() && same(packets[0], packets[size])) ++size;
  return packets.first(size);
}

}  // namespace

std::string to_markdown(const Packet& packet) {
  return "#### " + code(packet.id) + "\n\n" + cell(packet.title) + ": " + cell(packet.when) + ". " +
         (packet.direction == trace::Direction::up ? "Uplink" : "Downlink") + ", since " + packet.since +
         ". " + sizes(packet) + ".\n\n" + hex_block(packet.bytes) + "\n" + field_table(packet) + "\n";
}

std::string to_markdown(const std::vector<Packet>& packets) {
  std::string out = kHead;
  for (std::span<const Packet> rest = packets; !rest.empty();) {
    const auto chapter =
        run(rest, [](const Packet& a, const Packet& b) { return a.interface == b.interface; });
    out += std::string("## ") + title_of(chapter[0].interface) + "\n\n" + overview(chapter);
    for (auto left = chapter; !left.empty();) {
      const auto one = run(left, [](const Packet& a, const Packet& b) { return a.operation == b.operation; });
      out += operation(one);
      left = left.subspan(one.size());
    }
    rest = rest.subspan(chapter.size());
  }
  while (out.ends_with("\n\n")) out.pop_back();
  return out;
}

}  // namespace slipway::packets

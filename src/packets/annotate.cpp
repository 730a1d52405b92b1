// SPDX-License-Identifier: Apache-2.0
#include <slipway/packets/annotate.hpp>

#include <algorithm>

#include <slipway/coap/message.hpp>

#include "packets/option_words.hpp"
#include "packets/payload.hpp"
#include "packets/sheet.hpp"
#include "trace/signals.hpp"
#include "trace/text.hpp"

namespace slipway::packets {
namespace {

constexpr const char* kTypes[] = {"CON", "NON", "ACK", "RST"};
constexpr const char* kTypeMeanings[] = {"confirmable", "non-confirmable", "acknowledgement", "reset"};

void annotate_code(Sheet& sheet, coap::Code code) {
  const auto name = coap::describe(code);
  const auto number = coap::to_string(code);
  sheet.add(1, {"Code",
                std::string(number.view()) == name.view().substr(0, 4)
                    ? std::string(name.view())
                    : std::string(number.view()) + " " + std::string(name.view()),
                "3 bits class, 5 bits detail"});
}

void annotate_token(Sheet& sheet, std::size_t length, const char* meaning) {
  const auto token = sheet.rest().first(std::min(length, sheet.rest().size()));
  sheet.add(token.size(), {"Token", to_hex(token), meaning});
}

void annotate_header(Sheet& sheet, const coap::Header& header) {
  const auto type = static_cast<std::size_t>(header.type);
  sheet.add(1, {"Version, type, token length",
                std::string("1, ") + kTypes[type] + ", " + std::to_string(header.token_length),
                std::string("2 + 2 + 4 bits; ") + kTypeMeanings[type]});
  annotate_code(sheet, header.code);
  sheet.add(2, {"Message ID", std::to_string(header.message_id.value()),
                "of this message and of its acknowledgement"});
  annotate_token(sheet, header.token_length, "ties the answer to its request");
}

void annotate_frame_header(Sheet& sheet, ByteView frame, const coap::FrameHeader& header) {
  const auto content = std::to_string(header.content_size) + " bytes after the token";
  const bool extended = header.length_bytes != 0;
  sheet.add(1, {"Length, token length",
                (extended ? std::to_string(frame[0] >> 4) : std::to_string(header.content_size)) + ", " +
                    std::to_string(header.token_length),
                extended ? "4 + 4 bits; the length follows" : "4 + 4 bits; " + content});
  sheet.add(header.length_bytes, {"Extended length", std::to_string(header.content_size), content});
  if (sheet.rest().empty()) return;
  const coap::Code code{sheet.rest()[0]};
  annotate_code(sheet, code);
  annotate_token(sheet, header.token_length,
                 coap::is_signal(code) ? "ties a Pong to its Ping" : "ties the answer to its request");
}

/// The codes of signals mean nothing in a datagram.
bool is_stream_signal(const coap::Message& message, coap::Framing framing) {
  return framing == coap::Framing::stream && coap::is_signal(message.code);
}

struct OptionWords {
  std::string name, value, meaning;
};
OptionWords words_of(const coap::Message& message, const coap::Option& option, coap::Framing framing) {
  if (!is_stream_signal(message, framing))
    return {option_name(option.number), option_value(option), option_meaning(option)};
  auto words = trace::signal_option(message.code, option);
  return {std::move(words.name), std::move(words.value), std::move(words.meaning)};
}

void annotate_options(Sheet& sheet, const coap::Message& message, coap::Framing framing) {
  sheet.begin(Part::option);
  unsigned last = 0;
  for (std::size_t i = 0; i < message.option_count(); ++i) {
    const auto option = message.option(i);
    const auto number = static_cast<unsigned>(option.number);
    const auto delta =
        "delta " + std::to_string(number - last) + ", length " + std::to_string(option.value.size());
    last = number;
    const bool empty = option.value.empty();
    const auto words = words_of(message, option, framing);
    sheet.upto(option.value.data(), {words.name, empty ? words.value : "option " + std::to_string(number),
                                     empty && !words.meaning.empty() ? delta + "; " + words.meaning : delta});
    sheet.add(option.value.size(), {words.name, words.value, words.meaning});
  }
}

}  // namespace

const char* to_string(Part part) {
  switch (part) {
    case Part::header:
      return "header";
    case Part::option:
      return "option";
    case Part::payload:
      return "payload";
  }
  return "?";
}

std::vector<Field> annotate(ByteView datagram, const Reading& reading) {
  Sheet sheet(datagram);
  if (reading.framing == coap::Framing::datagram) {
    if (const auto header = coap::peek_header(datagram)) annotate_header(sheet, *header);
  } else if (const auto header = coap::peek_frame(datagram); header && *header) {
    annotate_frame_header(sheet, datagram, **header);
  }
  const auto message = coap::parse_message(datagram, reading.framing);
  if (!message) {
    // What it would have been is not known, so neither is whether it holds a secret.
    const bool hidden = reading.secrets == Secrets::masked;
    sheet.all({"not CoAP", std::to_string(sheet.rest().size()) + " bytes",
               std::string(message.error().detail) + ", at byte " + std::to_string(message.error().offset),
               hidden});
    return std::move(sheet).take();
  }
  annotate_options(sheet, *message, reading.framing);
  if (message->payload.empty()) return std::move(sheet).take();
  sheet.begin(Part::payload);
  sheet.upto(message->payload.data(), {"Payload marker", "0xff", {}});
  if (is_stream_signal(*message, reading.framing)) {
    const auto text = trace::printable(as_text(message->payload));
    const bool hidden = reading.secrets == Secrets::masked && text != as_text(message->payload);
    sheet.all({"Diagnostic", hidden ? std::to_string(message->payload.size()) + " bytes" : '"' + text + '"',
               "for people", hidden});
    return std::move(sheet).take();
  }
  const auto own = message->uri_path();
  const bool is_request = coap::is_request(message->code);
  annotate_payload(sheet, *message, is_request ? own.view() : reading.path, reading);
  return std::move(sheet).take();
}

std::string bytes_text(ByteView message, const Field& field, std::size_t most) {
  const auto shown = std::min(field.size, most);
  const auto dots = shown < field.size ? "…" : "";
  if (!field.secret) return to_hex(message.subspan(field.offset, shown)) + dots;
  std::string text;
  for (std::size_t i = 0; i < shown; ++i) text += "··";
  return text + dots;
}

}  // namespace slipway::packets

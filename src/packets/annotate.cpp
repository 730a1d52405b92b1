// SPDX-License-Identifier: Apache-2.0
#include <slipway/packets/annotate.hpp>

#include <algorithm>

#include <slipway/coap/message.hpp>

#include "packets/option_words.hpp"
#include "packets/payload.hpp"
#include "packets/sheet.hpp"

namespace slipway::packets {
namespace {

constexpr const char* kTypes[] = {"CON", "NON", "ACK", "RST"};
constexpr const char* kTypeMeanings[] = {"confirmable", "non-confirmable", "acknowledgement", "reset"};

void annotate_header(Sheet& sheet, const coap::Header& header) {
  const auto type = static_cast<std::size_t>(header.type);
  sheet.add(1, {"Version, type, token length",
                std::string("1, ") + kTypes[type] + ", " + std::to_string(header.token_length),
                std::string("2 + 2 + 4 bits; ") + kTypeMeanings[type]});
  const auto name = coap::describe(header.code);
  const auto number = coap::to_string(header.code);
  sheet.add(1, {"Code",
                std::string(number.view()) == name.view().substr(0, 4)
                    ? std::string(name.view())
                    : std::string(number.view()) + " " + std::string(name.view()),
                "3 bits class, 5 bits detail"});
  sheet.add(2, {"Message ID", std::to_string(header.message_id.value()),
                "of this message and of its acknowledgement"});
  const auto token = sheet.rest().first(std::min<std::size_t>(header.token_length, sheet.rest().size()));
  sheet.add(token.size(), {"Token", to_hex(token), "ties the answer to its request"});
}

void annotate_options(Sheet& sheet, const coap::Message& message) {
  sheet.begin(Part::option);
  unsigned last = 0;
  for (std::size_t i = 0; i < message.option_count(); ++i) {
    const auto option = message.option(i);
    const auto number = static_cast<unsigned>(option.number);
    const auto delta =
        "delta " + std::to_string(number - last) + ", length " + std::to_string(option.value.size());
    last = number;
    const bool empty = option.value.empty();
    const auto name = option_name(option.number);
    sheet.upto(option.value.data(),
               {name, empty ? option_value(option) : "option " + std::to_string(number),
                empty && !option_meaning(option).empty() ? delta + "; " + option_meaning(option) : delta});
    sheet.add(option.value.size(), {name, option_value(option), option_meaning(option)});
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
  const auto header = coap::peek_header(datagram);
  if (header) annotate_header(sheet, *header);
  const auto message = coap::Message::parse(datagram);
  if (!message) {
    // What it would have been is not known, so neither is whether it holds a secret.
    const bool hidden = reading.secrets == Secrets::masked;
    sheet.all({"not CoAP", std::to_string(sheet.rest().size()) + " bytes",
               std::string(message.error().detail) + ", at byte " + std::to_string(message.error().offset),
               hidden});
    return std::move(sheet).take();
  }
  annotate_options(sheet, *message);
  if (message->payload.empty()) return std::move(sheet).take();
  sheet.begin(Part::payload);
  sheet.upto(message->payload.data(), {"Payload marker", "0xff", {}});
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

// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>

#include <nlohmann/json.hpp>

#include <slipway/packets/catalogue.hpp>
#include <slipway/trace/capture.hpp>
#include <slipway/trace/journey.hpp>

#include "app.hpp"
#include "objects.hpp"
#include "output.hpp"
#include "trace/text.hpp"

namespace slipway::cli {
namespace {

constexpr std::size_t kInputMax = 16 * 1024 * 1024;
constexpr std::size_t kConversationsMax = 10'000;

struct Options {
  std::string input;
  std::string objects;
  bool up = true;
  bool fields = false;
  bool tcp = false;
};

/// How messages are shown.
struct Show {
  const ObjectCatalog& catalog;
  bool json;
  bool fields;
  coap::Framing framing = coap::Framing::datagram;
};

constexpr std::size_t kFieldBytesShown = 12;

/// What each byte of a message means, below its row. A value that is secret is not shown.
void print_fields(ByteView message, const std::vector<packets::Field>& fields) {
  for (const auto& field : fields) {
    const auto bytes =
        trace::padded(packets::bytes_text(message, field, kFieldBytesShown), 2 * kFieldBytesShown + 1);
    auto line = bytes + "  " + field.name;
    if (!field.value.empty()) line += " = " + field.value;
    if (!field.meaning.empty()) line += "  (" + field.meaning + ")";
    std::printf("%6zu %5zu  %s\n", field.offset, field.size, line.c_str());
  }
}

void print_message(const trace::Row& row, ByteView message, const Show& show) {
  std::vector<packets::Field> fields;
  if (show.fields)
    fields = packets::annotate(message, {.catalog = show.catalog, .path = row.path, .framing = show.framing});
  if (show.json) {
    auto json = trace::to_json(row);
    for (const auto& field : fields) json["fields"].push_back(packets::to_json(message, field));
    std::printf("%s\n", json.dump().c_str());
    return;
  }
  std::printf("%s", trace::ladder_row(row, style_of_stdout()).c_str());
  print_fields(message, fields);
}

/// Ports on which servers listen: from and to tell the direction.
bool is_server_port(std::uint16_t port) {
  return port == 5683 || port == 5783 || port == 5684 || port == 5784;
}

int decode_capture(const std::string& file, const Show& show) {
  std::map<std::pair<Address, Address>, trace::Conversation> conversations;
  if (!show.json) std::printf("%s", trace::ladder_header(style_of_stdout()).c_str());
  std::uint64_t encrypted = 0;
  const auto read = trace::read_capture(file, [&](const trace::CapturedDatagram& datagram) {
    const bool up = is_server_port(datagram.to.port) || !is_server_port(datagram.from.port);
    const bool dtls = datagram.payload.size() > 13 && datagram.payload[0] >= 20 &&
                      datagram.payload[0] <= 25 && datagram.payload[1] == 0xFE;
    if (dtls) {
      ++encrypted;
      return;
    }
    const auto key = up ? std::pair(datagram.from, datagram.to) : std::pair(datagram.to, datagram.from);
    auto found = conversations.find(key);
    if (found == conversations.end()) {
      if (conversations.size() >= kConversationsMax) conversations.clear();
      found = conversations.emplace(key, trace::Conversation(show.catalog)).first;
    }
    auto row = found->second.describe(up ? trace::Direction::up : trace::Direction::down, datagram.payload,
                                      datagram.payload.size());
    row.at = datagram.since_first;
    print_message(row, datagram.payload, show);
  });
  if (!read) return fail(read.error());
  if (encrypted != 0)
    std::fprintf(stderr, "%llu datagrams are DTLS and stay closed\n",
                 static_cast<unsigned long long>(encrypted));
  if (read->skipped != 0)
    std::fprintf(stderr, "%llu frames hold no whole UDP datagram\n",
                 static_cast<unsigned long long>(read->skipped));
  if (read->datagrams == 0) return fail(file + ": no UDP datagram in it");
  return 0;
}

bool is_capture(std::string_view bytes) {
  constexpr std::string_view kMagics[] = {"\xd4\xc3\xb2\xa1", "\xa1\xb2\xc3\xd4", "\x4d\x3c\xb2\xa1",
                                          "\xa1\xb2\x3c\x4d", "\x0a\x0d\x0d\x0a"};
  for (const auto magic : kMagics)
    if (bytes.starts_with(magic)) return true;
  return false;
}

/// One message a line of hexadecimal.
int decode_hex(std::string_view text, const std::string& name, const Options& options, const Show& show) {
  trace::Conversation conversation(show.catalog);
  std::size_t number = 0, shown = 0;
  if (!show.json) std::printf("%s", trace::ladder_header(style_of_stdout()).c_str());
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos || line[0] == '#') continue;
    auto direction = options.up ? trace::Direction::up : trace::Direction::down;
    auto hex = line;
    if (hex[0] == '>' || hex[0] == '<') {
      direction = hex[0] == '>' ? trace::Direction::up : trace::Direction::down;
      hex.remove_prefix(1);
    }
    const auto bytes = from_hex(hex);
    if (!bytes)
      return fail(name + ":" + std::to_string(number) + ":" + std::to_string(bytes.error().offset + 1) +
                  ": " + bytes.error().detail + "; give hexadecimal, a file of it, or a capture");
    print_message(conversation.describe(direction, *bytes, bytes->size(), show.framing), *bytes, show);
    ++shown;
  }
  return shown == 0 ? fail(name + ": nothing to decode") : 0;
}

int decode(const Options& options, bool json) {
  auto catalog = load_objects(options.objects);
  if (!catalog) return fail(catalog.error());
  const Show show{.catalog = **catalog,
                  .json = json,
                  .fields = options.fields,
                  .framing = options.tcp ? coap::Framing::stream : coap::Framing::datagram};
  if (from_hex(options.input) && !options.input.empty())
    return decode_hex(options.input, "argument", options, show);
  std::string text;
  if (options.input == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    std::ifstream stream(options.input, std::ios::binary);
    if (!stream) return fail("\"" + options.input + "\" is neither hexadecimal nor a file that can be read");
    text.resize(kInputMax + 1);
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(stream.gcount()));
    if (is_capture(text) && options.tcp)
      return fail("of a capture only UDP is read; give --tcp with messages as hexadecimal");
    if (is_capture(text)) return decode_capture(options.input, show);
  }
  if (text.size() > kInputMax)
    return fail(options.input + ": larger than 16 MiB; give a capture file for that much");
  return decode_hex(text, options.input == "-" ? "standard input" : options.input, options, show);
}

}  // namespace

void add_decode(Context context) {
  auto options = std::make_shared<Options>();
  auto* command = add_command(context, "decode", "say in words what a CoAP message or a capture holds",
                              "slipway decode --fields 4402b60b2161fb63b13101300138");
  command
      ->add_option("input", options->input,
                   "hexadecimal, a file of it (a message a line; > up, < down), a pcap or pcapng file, or - "
                   "for standard input")
      ->required();
  command->add_option("-o,--objects", options->objects, "folder of object definitions (OMA registry XML)")
      ->type_name("DIR");
  command->add_flag("--fields", options->fields, "also say what each byte means");
  command->add_flag("--tcp", options->tcp, "the messages are frames of CoAP over TCP or TLS");
  command->add_flag("--down{false},--up{true}", options->up,
                    "direction of the message: to the device, or from it (default)");
  command->callback([options, context] {
    context.action = [options, &json = context.common.json] { return decode(*options, json); };
  });
}

}  // namespace slipway::cli

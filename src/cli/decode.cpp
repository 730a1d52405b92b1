// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>

#include <nlohmann/json.hpp>

#include <slipway/trace/capture.hpp>
#include <slipway/trace/journey.hpp>

#include "app.hpp"
#include "objects.hpp"
#include "output.hpp"

namespace slipway::cli {
namespace {

constexpr std::size_t kInputMax = 16 * 1024 * 1024;
constexpr std::size_t kConversationsMax = 10'000;

struct Options {
  std::string input;
  std::string objects;
  bool up = true;
};

void print_row(const trace::Row& row, bool json) {
  if (json) std::printf("%s\n", trace::to_json(row).dump().c_str());
  else std::printf("%s", trace::ladder_row(row, style_of_stdout()).c_str());
}

/// Ports on which servers listen: from and to tell the direction.
bool is_server_port(std::uint16_t port) { return port == 5683 || port == 5783 || port == 5684 || port == 5784; }

int decode_capture(const std::string& file, const ObjectCatalog& catalog, bool json) {
  std::map<std::pair<Address, Address>, trace::Conversation> conversations;
  if (!json) std::printf("%s", trace::ladder_header(style_of_stdout()).c_str());
  std::uint64_t encrypted = 0;
  const auto read = trace::read_capture(file, [&](const trace::CapturedDatagram& datagram) {
    const bool up = is_server_port(datagram.to.port) || !is_server_port(datagram.from.port);
    const bool dtls = datagram.payload.size() > 13 && datagram.payload[0] >= 20 && datagram.payload[0] <= 25 &&
                      datagram.payload[1] == 0xFE;
    if (dtls) {
      ++encrypted;
      return;
    }
    const auto key = up ? std::pair(datagram.from, datagram.to) : std::pair(datagram.to, datagram.from);
    auto found = conversations.find(key);
    if (found == conversations.end()) {
      if (conversations.size() >= kConversationsMax) conversations.clear();
      found = conversations.emplace(key, trace::Conversation(catalog)).first;
    }
    auto row = found->second.describe(up ? trace::Direction::up : trace::Direction::down, datagram.payload, datagram.payload.size());
    row.at = datagram.since_first;
    print_row(row, json);
  });
  if (!read) return fail(read.error());
  if (encrypted != 0) std::fprintf(stderr, "%llu datagrams are DTLS and stay closed\n", static_cast<unsigned long long>(encrypted));
  if (read->skipped != 0) std::fprintf(stderr, "%llu frames hold no whole UDP datagram\n", static_cast<unsigned long long>(read->skipped));
  if (read->datagrams == 0) return fail(file + ": no UDP datagram in it");
  return 0;
}

bool is_capture(std::string_view bytes) {
  constexpr std::string_view kMagics[] = {"\xd4\xc3\xb2\xa1", "\xa1\xb2\xc3\xd4", "\x4d\x3c\xb2\xa1", "\xa1\xb2\x3c\x4d", "\x0a\x0d\x0d\x0a"};
  for (const auto magic : kMagics)
    if (bytes.starts_with(magic)) return true;
  return false;
}

/// One message a line of hexadecimal.
int decode_hex(std::string_view text, const std::string& name, const ObjectCatalog& catalog, const Options& options, bool json) {
  trace::Conversation conversation(catalog);
  std::size_t number = 0, shown = 0;
  if (!json) std::printf("%s", trace::ladder_header(style_of_stdout()).c_str());
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
      return fail(name + ":" + std::to_string(number) + ":" + std::to_string(bytes.error().offset + 1) + ": " +
                  bytes.error().detail + "; give hexadecimal, a file of it, or a capture");
    print_row(conversation.describe(direction, *bytes, bytes->size()), json);
    ++shown;
  }
  return shown == 0 ? fail(name + ": nothing to decode") : 0;
}

int decode(const Options& options, bool json) {
  auto catalog = load_objects(options.objects);
  if (!catalog) return fail(catalog.error());
  if (from_hex(options.input) && !options.input.empty()) return decode_hex(options.input, "argument", **catalog, options, json);
  std::string text;
  if (options.input == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    std::ifstream stream(options.input, std::ios::binary);
    if (!stream) return fail("\"" + options.input + "\" is neither hexadecimal nor a file that can be read");
    text.resize(kInputMax + 1);
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(stream.gcount()));
    if (is_capture(text)) return decode_capture(options.input, **catalog, json);
  }
  if (text.size() > kInputMax) return fail(options.input + ": larger than 16 MiB; give a capture file for that much");
  return decode_hex(text, options.input == "-" ? "standard input" : options.input, **catalog, options, json);
}

}  // namespace

void add_decode(Context context) {
  auto options = std::make_shared<Options>();
  auto* command = add_command(context, "decode", "say in words what a CoAP message or a capture holds",
                              "slipway decode 4402b60b2161fb63b13101300138");
  command->add_option("input", options->input,
                      "hexadecimal, a file of it (a message a line; > up, < down), a pcap or pcapng file, or - for standard input")
      ->required();
  command->add_option("-o,--objects", options->objects, "folder of object definitions (OMA registry XML)")->type_name("DIR");
  command->add_flag("--down{false},--up{true}", options->up, "direction of the message: to the device, or from it (default)");
  command->callback([options, context] { context.action = [options, &json = context.common.json] { return decode(*options, json); }; });
}

}  // namespace slipway::cli

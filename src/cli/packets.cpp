// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include <nlohmann/json.hpp>

#include <slipway/packets/catalogue.hpp>

#include "app.hpp"

namespace slipway::cli {
namespace {

struct Options {
  std::string interface;
  std::string format = "markdown";
  std::string id;
};

/// Whether `id` is `wanted`, or one of its answers or kinds: `bootstrap-write` names all of them.
bool is_named(std::string_view id, std::string_view wanted) {
  return id.starts_with(wanted) &&
         (id.size() == wanted.size() || id[wanted.size()] == '-' || id[wanted.size()] == '/');
}

std::expected<std::vector<packets::Packet>, std::string> wanted(const Options& options) {
  auto all = packets::catalogue();
  if (!options.interface.empty()) {
    const auto interface = packets::parse_interface(options.interface);
    if (!interface) return std::unexpected(interface.error());
    std::erase_if(all, [&](const auto& packet) { return packet.interface != *interface; });
  }
  if (!options.id.empty())
    std::erase_if(all, [&](const auto& packet) { return !is_named(packet.id, options.id); });
  if (all.empty())
    return std::unexpected("no message is named \"" + options.id + "\"; `slipway packets` lists them");
  return all;
}

int show(const Options& options, bool json) {
  if (!json && options.format != "markdown" && options.format != "json")
    return fail("--format is markdown or json, not \"" + options.format + "\"");
  const auto packets = wanted(options);
  if (!packets) return fail(packets.error());
  if (json || options.format == "json") {
    auto list = nlohmann::json::array();
    for (const auto& packet : *packets) list.push_back(packets::to_json(packet));
    std::printf("%s\n", list.dump(1).c_str());
  } else if (options.id.empty()) {
    std::printf("%s", packets::to_markdown(*packets).c_str());
  } else {
    for (const auto& packet : *packets) std::printf("%s", packets::to_markdown(packet).c_str());
  }
  return 0;
}

}  // namespace

void add_packets(Context context) {
  auto options = std::make_shared<Options>();
  auto* command =
      add_command(context, "packets", "show every message of LwM2M with its bytes, fields and sizes",
                  "slipway packets --interface bootstrap");
  command->add_option("--interface", options->interface,
                      "bootstrap, registration, management, reporting or coap; default: all");
  command->add_option("--format", options->format, "markdown (default) or json");
  command->add_option("--id", options->id,
                      "one message with its answers, or all whose names begin so: bootstrap-write");
  command->callback([options, context] {
    context.action = [options, &json = context.common.json] { return show(*options, json); };
  });
}

}  // namespace slipway::cli

// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdio>
#include <ctime>

#include <nlohmann/json.hpp>

#include <slipway/device/pack.hpp>
#include <slipway/device/runner.hpp>
#include <thermometer/device.hpp>

#include "app.hpp"
#include "objects.hpp"
#include "output.hpp"
#include "signals.hpp"

namespace slipway::cli {
namespace {

struct Options {
  std::string pack;
  std::string state;
  std::string format = "senml-cbor";
  std::string version = "1.2";
  bool no_pack = false;
  bool server_initiated = false;
};

int run_client(const Options& options, bool json) {
  auto pack = device::load_pack(options.pack, builtin_objects());
  if (!pack) return fail(pack.error());
  const auto format = parse_content_format(options.format);
  if (!format || !holds_many(*format)) return fail("--format " + options.format + ": write senml-cbor, senml-json, lwm2m-cbor or tlv");
  const auto version = Version::parse(options.version);
  if (!version || version->major != 1 || version->minor > 2) return fail("--lwm2m " + options.version + ": write 1.0, 1.1 or 1.2");

  const auto print = [&](std::string_view what, std::string_view detail) {
    if (json) std::printf("%s\n", nlohmann::json{{"event", what}, {"detail", detail}}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    else std::printf("%s  %s %s\n", clock_text().c_str(), std::string(what).c_str(), std::string(detail).c_str());
    std::fflush(stdout);
  };
  client::Model model;
  examples::Thermometer thermometer(model, {.reboot = [&] { print("reboot", "was asked for (the thermometer pretends)"); }});
  device::Settings settings;
  settings.state_file = options.state.empty() ? options.pack + ".state" : options.state;
  settings.client.preferred_format = *format;
  settings.client.enabler = *version;
  if (options.no_pack) settings.client.bootstrap_pack = client::BootstrapPack::never;
  if (options.server_initiated) settings.client.server_initiated = client::ServerInitiated::accept;
  auto runner = device::Runner::create(std::move(settings), *pack, model, {.happening = print});
  if (!runner) return fail(runner.error());
  const auto began = std::chrono::steady_clock::now();
  (*runner)->every(seconds(1), [&] {
    thermometer.tick(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - began));
    (*runner)->client().changed(net_now(), examples::Thermometer::kTemperature);
  });
  const StopOnSignal stop_on_signal([&] { (*runner)->stop(); });
  print("started", pack->endpoint);
  (*runner)->run();
  print("stopped", pack->endpoint);
  return 0;
}

}  // namespace

void add_client(Context context) {
  auto options = std::make_shared<Options>();
  auto* command = add_command(context, "client", "run a device: a thermometer that bootstraps from its factory pack",
                              "slipway client --pack thermometer.pack.json");
  command->add_option("-p,--pack", options->pack, "factory pack, made by `slipway factory`")->required()->type_name("FILE");
  command->add_option("-s,--state", options->state, "file with what bootstrap wrote (default PACK.state)")->type_name("FILE");
  command->add_option("--format", options->format, "preferred format (pct): senml-cbor, senml-json, lwm2m-cbor, tlv");
  command->add_option("--lwm2m", options->version, "highest version spoken: 1.0, 1.1 or 1.2");
  command->add_flag("--no-pack", options->no_pack, "ask for the accounts one by one, never for a Bootstrap-Pack");
  command->add_flag("--server-initiated", options->server_initiated,
                    "let the bootstrap server begin, during the hold-off time and after a success");
  command->callback([options, context] { context.action = [options, &json = context.common.json] { return run_client(*options, json); }; });
}

}  // namespace slipway::cli

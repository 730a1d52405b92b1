// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdio>
#include <ctime>

#include <nlohmann/json.hpp>

#include <slipway/device/card_slot.hpp>
#include <slipway/device/pack.hpp>
#include <slipway/device/runner.hpp>
#include <thermometer/device.hpp>

#include "app.hpp"
#include "key_input.hpp"
#include "key_log.hpp"
#include "objects.hpp"
#include "output.hpp"
#include "pin.hpp"
#include "signals.hpp"

namespace slipway::cli {
namespace {

struct Options {
  std::string pack;
  std::string state;
  std::string endpoint;
  std::string format = "senml-cbor";
  std::string version = "1.2";
  std::string smartcard;
  std::string pin_file;
  std::string key_log;
  std::string trust_store;
  bool no_pack = false;
  bool server_initiated = false;
  bool factory_reset = false;
  bool hibernate = false;
  bool queue_mode = false;
};

/// The factory pack; without one, a device whose accounts stand on its smartcard.
std::expected<device::Pack, std::string> born_with(const Options& options) {
  if (!options.pack.empty()) {
    if (!options.endpoint.empty())
      return std::unexpected("--endpoint: the factory pack names the device; leave one of the two out");
    return device::load_pack(options.pack, builtin_objects());
  }
  if (options.endpoint.empty() || options.state.empty())
    return std::unexpected(
        "without --pack, --endpoint NAME and --state FILE say who the device is and where it "
        "keeps what it learns");
  device::Pack pack;
  pack.endpoint = options.endpoint;
  return pack;
}

std::expected<std::shared_ptr<device::SmartcardSource>, std::string> card_of(const Options& options) {
  if (options.smartcard.empty()) {
    if (options.pin_file.empty()) return nullptr;
    return std::unexpected(
        "--pin-file: there is no card to present the PIN to; name its reader with --smartcard");
  }
  device::CardSlotSettings slot{.reader = options.smartcard == "any" ? "" : options.smartcard, .pin = {}};
  if (!options.pin_file.empty()) {
    auto pin = read_pin(options.pin_file);
    if (!pin) return std::unexpected(std::move(pin.error()));
    slot.pin = std::move(*pin);
  }
  return std::make_shared<device::CardSlot>(std::move(slot));
}

std::expected<device::Settings, std::string> settings_of(const Options& options) {
  const auto format = parse_content_format(options.format);
  if (!format || !holds_many(*format))
    return std::unexpected("--format " + options.format +
                           ": write senml-cbor, senml-json, lwm2m-cbor or tlv");
  const auto version = Version::parse(options.version);
  if (!version || version->major != 1 || version->minor > 2)
    return std::unexpected("--lwm2m " + options.version + ": write 1.0, 1.1 or 1.2");
  auto card = card_of(options);
  if (!card) return std::unexpected(std::move(card.error()));
  device::Settings settings;
  settings.state_file = options.state.empty() ? options.pack + ".state" : options.state;
  settings.client.preferred_format = *format;
  settings.client.enabler = *version;
  settings.smartcard = std::move(*card);
  if (!options.trust_store.empty()) {
    auto anchors = read_trust_store(options.trust_store);
    if (!anchors) return std::unexpected("--trust-store " + anchors.error());
    settings.trust_store = std::move(*anchors);
  }
  if (options.no_pack) settings.client.bootstrap_pack = client::BootstrapPack::never;
  if (options.server_initiated) settings.client.server_initiated = client::ServerInitiated::accept;
  if (options.hibernate) settings.at_stop = device::AtStop::hibernate;
  if (options.queue_mode) settings.client.queue = client::QueueMode::sleeps;
  if (options.factory_reset) settings.begin_from = device::BeginFrom::factory;
  return settings;
}

int run_client(const Options& options, bool json) {
  auto pack = born_with(options);
  if (!pack) return fail(pack.error());
  auto settings = settings_of(options);
  if (!settings) return fail(settings.error());
  const auto key_log = start_key_log(options.key_log);
  if (!key_log) return fail(key_log.error());
  const auto print = [&](std::string_view what, std::string_view detail) {
    if (json)
      std::printf("%s\n", nlohmann::json{{"event", what}, {"detail", detail}}
                              .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
                              .c_str());
    else
      std::printf("%s  %s %s\n", clock_text().c_str(), std::string(what).c_str(),
                  std::string(detail).c_str());
    std::fflush(stdout);
  };
  client::Model model;
  device::Runner* device = nullptr;
  examples::Thermometer thermometer(
      model, {.reboot = [&] { print("reboot", "was asked for (the thermometer pretends)"); },
              .factory_reset = [&] { device->client().factory_reset(net_now()); }});
  auto runner = device::Runner::create(std::move(*settings), *pack, model, {.happening = print});
  if (!runner) return fail(runner.error());
  device = runner->get();
  const auto began = std::chrono::steady_clock::now();
  (*runner)->every(seconds(1), [&] {
    thermometer.tick(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - began));
    (*runner)->client().changed(net_now(), examples::Thermometer::kTemperature);
  });
  const StopOnSignal stop_on_signal([&] { (*runner)->stop(); });
  if (!key_log->empty()) print("warning", *key_log);
  print("started", pack->endpoint);
  (*runner)->run();
  print("stopped", pack->endpoint);
  return 0;
}

}  // namespace

void add_client(Context context) {
  auto options = std::make_shared<Options>();
  auto* command = add_command(
      context, "client", "run a device: a thermometer that bootstraps from its factory pack",
      "slipway client --pack thermometer.pack.json\n"
      "  slipway factory --endpoint urn:dev:os:tcp --server coaps+tcp://localhost:5784 --out tcp.json "
      "&& slipway client --pack tcp.json");
  command
      ->add_option("-p,--pack", options->pack,
                   "factory pack, made by `slipway factory`; its URI says whether by UDP or TCP")
      ->type_name("FILE");
  command->add_option("-s,--state", options->state, "file with what bootstrap wrote (default PACK.state)")
      ->type_name("FILE");
  command->add_option("--format", options->format,
                      "preferred format (pct): senml-cbor, senml-json, lwm2m-cbor, tlv");
  command->add_option("--lwm2m", options->version, "highest version spoken: 1.0, 1.1 or 1.2");
  command
      ->add_option("--smartcard", options->smartcard,
                   "reader whose card may hold accounts, by (a part of) its name, or any; the card comes "
                   "before the factory pack")
      ->type_name("READER");
  command->add_option("--pin-file", options->pin_file, "file with the card's PIN, where it asks for one")
      ->type_name("FILE");
  command
      ->add_option(
          "--trust-store", options->trust_store,
          "certificates of the authorities that the device trusts by itself (PEM, DER), for accounts of "
          "certificate usage 0 and 1")
      ->type_name("FILE");
  command
      ->add_option("--endpoint", options->endpoint,
                   "the device's name, where a smartcard stands in for a factory pack")
      ->type_name("NAME");
  command->add_flag("--no-pack", options->no_pack,
                    "ask for the accounts one by one, never for a Bootstrap-Pack");
  command->add_flag("--server-initiated", options->server_initiated,
                    "let the bootstrap server begin, during the hold-off time and after a success");
  add_key_log_option(*command, options->key_log);
  command->add_flag("--factory-reset", options->factory_reset,
                    "forget what bootstrap wrote, keys too, and begin again from the factory pack");
  command->add_flag("--queue-mode", options->queue_mode,
                    "register as a device that sleeps between its messages");
  command->add_flag(
      "--hibernate", options->hibernate,
      "when stopped, keep sessions and registrations in STATE.sleep for the next start, in place "
      "of de-registering");
  command->callback([options, context] {
    if (options->pack.empty() && options->smartcard.empty())
      throw CLI::RequiredError("--pack FILE, which only a device with --smartcard can do without,");
    context.action = [options, &json = context.common.json] { return run_client(*options, json); };
  });
}

}  // namespace slipway::cli

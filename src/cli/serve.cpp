// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <nlohmann/json.hpp>

#include <slipway/api/device_routes.hpp>
#include <slipway/api/http_server.hpp>
#include <slipway/fleet/configuration.hpp>
#include <slipway/node/node.hpp>

#include "app.hpp"
#include "configuration.hpp"
#include "key_log.hpp"
#include "objects.hpp"
#include "output.hpp"
#include "signals.hpp"

namespace slipway::cli {
namespace {

struct Options {
  std::string config;
  std::string data;
  std::string objects;
  std::string http;
  std::string token_file;
  std::string key_log;
  bool quiet = false;
};

std::expected<Secret, std::string> read_token(const std::string& file) {
  if (file.empty()) return Secret();
  std::ifstream stream(file);
  std::string token;
  if (!stream || !std::getline(stream, token))
    return std::unexpected(
        file + ": the token cannot be read; write it as the file's first line, at least 16 characters");
  return Secret(as_bytes(token));
}

void override_settings(const Options& options, fleet::ServerSettings& server) {
  if (!options.data.empty()) server.data = options.data;
  if (!options.http.empty()) server.http = options.http == "off" ? "" : options.http;
  if (!options.token_file.empty()) server.http_token_file = options.token_file;
}

/// The configuration file, then what the command line says.
std::expected<LoadedConfiguration, std::string> configure(const Options& options) {
  LoadedConfiguration loaded;
  if (options.config.empty()) {
    auto catalog = load_objects(options.objects);
    if (!catalog) return std::unexpected(catalog.error());
    loaded.catalog = std::move(*catalog);
  } else {
    auto read = load_configuration(options.config, options.objects);
    if (!read) return std::unexpected(read.error().text());
    loaded = std::move(*read);
  }
  override_settings(options, loaded.configuration.server);
  return loaded;
}

/// The same file once more, by the objects that the server runs with.
std::expected<fleet::Configuration, std::string> configure_again(const Options& options,
                                                                 const ObjectCatalog& catalog) {
  if (options.config.empty())
    return std::unexpected("the server was started without a configuration; start it with --config FILE");
  auto read = fleet::load_configuration(options.config, catalog);
  if (!read) return std::unexpected(LoadTrouble{std::move(read.error()), ""}.text());
  for (const auto& warning : read->warnings) spdlog::warn("reload: {}", warning.text());
  override_settings(options, read->server);
  return std::move(*read);
}

/// What a reload cannot change.
void warn_of_settings(const fleet::ServerSettings& running, const fleet::ServerSettings& wanted) {
  if (running == wanted) return;
  spdlog::warn(
      "reload: [server], [sessions], [http], [bootstrap] and [management] take effect at the next start "
      "only");
}

/// At SIGHUP: enrolments, plans and remotes of the file as it is now, all of them or none.
void reload(const Options& options, const ObjectCatalog& catalog, const fleet::ServerSettings& running,
            node::Node& node) {
  auto configuration = configure_again(options, catalog);
  if (!configuration) return spdlog::error("reload: nothing has changed: {}", configuration.error());
  warn_of_settings(running, configuration->server);
  auto wanted = std::make_shared<fleet::Configuration>(std::move(*configuration));
  const bool posted = node.post([wanted, &node] {
    const auto count = wanted->enrolments.all().size();
    const auto done = node.reconfigure(std::move(wanted->enrolments), wanted->remotes);
    if (done)
      spdlog::info("reload: {} enrolments are in force", count);
    else
      spdlog::error("reload: nothing has changed: {}", done.error());
  });
  if (!posted) spdlog::error("reload: nothing has changed: the server has too much waiting; try again");
}

int serve(const Options& options, bool json) {
  auto logger = spdlog::stderr_color_mt(
      "slipway", coloured(STDERR_FILENO) ? spdlog::color_mode::always : spdlog::color_mode::never);
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%-5l%$ %v");
  if (options.quiet) logger->set_level(spdlog::level::warn);
  spdlog::set_default_logger(logger);

  const auto key_log = start_key_log(options.key_log);
  if (!key_log) return fail(key_log.error());
  if (!key_log->empty()) spdlog::warn("{}", *key_log);
  auto loaded = configure(options);
  if (!loaded) return fail(loaded.error());
  const auto& catalog = *loaded->catalog;
  auto* const configuration = &loaded->configuration;
  for (const auto& warning : configuration->warnings) spdlog::warn("{}", warning.text());
  const auto http_text = configuration->server.http;
  auto token = read_token(configuration->server.http_token_file);
  if (!token) return fail(token.error());
  if (configuration->enrolments.all().empty())
    spdlog::warn("no enrolment is configured: no device can bootstrap; see examples/slipway.toml");

  node::Settings settings;
  settings.server = configuration->server;
  settings.remotes = configuration->remotes;
  auto node = node::Node::create(std::move(settings), std::move(configuration->enrolments), catalog);
  if (!node) return fail(node.error());

  api::Metrics metrics;
  api::EventStream events(
      static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count()));
  (*node)->on_event(
      [&](std::string_view name, const nlohmann::json& event) { (void)events.publish(name, event); });
  std::unique_ptr<api::HttpServer> http;
  std::string http_listening;
  if (!http_text.empty()) {
    const auto address = Address::parse(http_text);
    if (!address)
      return fail("\"" + http_text + "\" is not an address for HTTP; write one such as 127.0.0.1:8080");
    api::Router router;
    api::add_device_routes(router, **node, events, metrics);
    auto started = api::HttpServer::start(
        {.address = *address, .token = std::move(*token), .metrics = &metrics}, std::move(router));
    if (!started) return fail(started.error().message());
    http = std::move(*started);
    http_listening = http->local_address().to_string();
    spdlog::info("http on {}", http_listening);
  }

  const auto running = configuration->server;
  const StopOnSignal on_signal([&] { (*node)->stop(); }, [&] { reload(options, catalog, running, **node); });
  const auto& listening = (*node)->listening();
  if (json) {
    std::printf("%s\n", nlohmann::json{{"ready", true},
                                       {"http", http_listening},
                                       {"bootstrap_coap", listening.bootstrap_coap},
                                       {"bootstrap_coaps", listening.bootstrap_coaps},
                                       {"management_coap", listening.management_coap},
                                       {"management_coaps", listening.management_coaps},
                                       {"bootstrap_coap_tcp", listening.bootstrap_coap_tcp},
                                       {"bootstrap_coaps_tcp", listening.bootstrap_coaps_tcp},
                                       {"management_coap_tcp", listening.management_coap_tcp},
                                       {"management_coaps_tcp", listening.management_coaps_tcp}}
                            .dump()
                            .c_str());
    std::fflush(stdout);
  }
  (*node)->run();
  if (http) http->stop();
  spdlog::info("stopped");
  return 0;
}

}  // namespace

void add_serve(Context context) {
  auto options = std::make_shared<Options>();
  auto* command =
      add_command(context, "serve",
                  "run the bootstrap server, the management server and the HTTP API; SIGHUP reads "
                  "enrolments and plans anew",
                  "slipway serve --config examples/slipway.toml --objects examples/objects");
  command->add_option("-c,--config", options->config, "TOML file with enrolments and plans")
      ->type_name("FILE");
  command->add_option("-d,--data", options->data, "folder of the database (default ./slipway-data)")
      ->type_name("DIR");
  add_key_log_option(*command, options->key_log);
  command->add_option("-o,--objects", options->objects, "folder of object definitions (OMA registry XML)")
      ->type_name("DIR");
  command->add_option("--http", options->http, "address of the HTTP API, or off (default 127.0.0.1:8080)")
      ->type_name("ADDRESS");
  command
      ->add_option("--token-file", options->token_file,
                   "file with the bearer token of the API; needed on any address but loopback")
      ->type_name("FILE");
  command->add_flag("-q,--quiet", options->quiet, "log warnings only");
  command->callback([options, context] {
    context.action = [options, &json = context.common.json] { return serve(*options, json); };
  });
}

}  // namespace slipway::cli

// SPDX-License-Identifier: Apache-2.0
// Commands that ask a running server: devices, read, write, execute, observe, journey, credentials, revoke,
// bootstrap.
#include <cstdio>

#include <slipway/model/path.hpp>

#include "app.hpp"
#include "http_client.hpp"
#include "output.hpp"

namespace slipway::cli {
namespace {

using nlohmann::json;

struct Options {
  ServerOptions server;
  std::string endpoint;
  std::string path;
  std::string value;
  std::string arguments;
  std::string format;
  std::string role = "management";
  std::size_t count = 0;
  std::size_t limit = 1000;
  bool partial = false;
};
using Command = std::function<int(const HttpClient&, const Options&, bool json)>;

std::string device_url(const Options& options) {
  return "/api/v1/devices/" + segment(options.endpoint);
}

std::string value_text(const json& value) {
  if (value.value("masked", false)) return "(secret)";
  if (value.value("empty", false)) return "(empty)";
  if (!value.contains("value")) return "";
  return value["value"].is_string() ? "\"" + value["value"].get<std::string>() + "\"" : value["value"].dump();
}

void print_values(const json& answer) {
  for (const auto& value : answer.value("values", json::array())) {
    auto line = value.value("path", "");
    if (value.contains("name")) line += "  " + value["name"].get<std::string>();
    line += "  = " + value_text(value);
    if (value.contains("units")) line += " " + value["units"].get<std::string>();
    std::printf("%s\n", line.c_str());
  }
  if (const auto text = answer.value("text", ""); !text.empty()) std::printf("%s\n", text.c_str());
}

/// Prints an answer, or says what went wrong; the exit code.
int conclude(const std::expected<Answer, std::string>& answer, bool as_json, const std::string& done = "") {
  if (!answer) return fail(answer.error());
  if (as_json) std::printf("%s\n", answer->body.dump(2).c_str());
  if (!answer->ok()) return as_json ? 1 : fail(answer->problem());
  if (as_json) return 0;
  print_values(answer->body);
  if (!done.empty()) std::printf("%s\n", done.c_str());
  return 0;
}

int devices(const HttpClient& http, const Options& options, bool as_json) {
  std::string after;
  std::size_t shown = 0;
  if (!as_json)
    std::printf("%-40s %-6s %-9s %-22s %s\n", "ENDPOINT", "LWM2M", "LIFETIME", "ADDRESS", "LAST HEARD");
  while (shown < options.limit) {
    const auto page = std::min<std::size_t>(options.limit - shown, 500);
    const auto answer =
        http.call("GET", "/api/v1/devices?limit=" + std::to_string(page) + "&after=" + segment(after));
    if (!answer) return fail(answer.error());
    if (!answer->ok()) return fail(answer->problem());
    const auto& list = answer->body["devices"];
    for (const auto& device : list) {
      if (as_json)
        std::printf("%s\n", device.dump().c_str());
      else
        std::printf("%-40s %-6s %-9s %-22s %s\n", device.value("endpoint", "").c_str(),
                    device.value("lwm2m", "").c_str(),
                    (std::to_string(device.value("lifetime_s", 0L)) + " s").c_str(),
                    device.value("address", "").c_str(),
                    age_text(device.value("updated_ms", std::int64_t{0})).c_str());
      after = device.value("endpoint", "");
      ++shown;
    }
    if (list.size() < page) break;
  }
  if (shown == 0 && !as_json) std::fprintf(stderr, "no device is registered\n");
  return 0;
}

int read(const HttpClient& http, const Options& options, bool as_json) {
  auto target = device_url(options) + "/read" + options.path;
  if (!options.format.empty()) target += "?format=" + segment(options.format);
  return conclude(http.call("GET", target), as_json);
}

int discover(const HttpClient& http, const Options& options, bool as_json) {
  return conclude(http.call("GET", device_url(options) + "/discover" + options.path), as_json);
}

/// A value as typed: JSON where it is JSON, otherwise text.
json typed(const std::string& text) {
  auto value = json::parse(text, nullptr, false);
  return value.is_discarded() ? json(text) : value;
}

int write(const HttpClient& http, const Options& options, bool as_json) {
  const auto value = typed(options.value);
  const json body = value.is_object() ? json{{"values", value}} : json{{"value", value}};
  const auto target =
      device_url(options) + "/write" + options.path + (options.partial ? "?mode=partial" : "");
  return conclude(http.call("PUT", target, body), as_json, "written");
}

int execute(const HttpClient& http, const Options& options, bool as_json) {
  const json body = options.arguments.empty() ? json::object() : json{{"arguments", options.arguments}};
  return conclude(http.call("POST", device_url(options) + "/execute" + options.path, body), as_json,
                  "executed");
}

void print_notification(const json& event, bool as_json) {
  if (as_json)
    std::printf("%s\n", event.dump().c_str());
  else
    print_values(event);
  std::fflush(stdout);
}

int observe(const HttpClient& http, const Options& options, bool as_json) {
  const auto target = device_url(options) + "/observe" + options.path;
  std::size_t seen = 0;
  int code = 0;
  const auto begin = [&] {
    const auto first = http.call("POST", target, json::object());
    if (!first)
      code = fail(first.error());
    else if (!first->ok())
      code = fail(first->problem());
    else
      print_notification(first->body, as_json);
  };
  const auto take = [&](std::string_view name, const json& event) {
    if (code != 0) return false;
    if (event.value("endpoint", "") != options.endpoint || event.value("path", "") != options.path)
      return true;
    if (name == "observation-ended") {
      code = fail("the device ended the observation");
      return false;
    }
    if (name != "notification") return true;
    print_notification(event, as_json);
    return options.count == 0 || ++seen < options.count;
  };
  // The stream is open before the observation begins, so that no notification is missed.
  const auto ended = http.events(begin, take);
  if (code != 0) return code;
  if (!ended) return fail(ended.error());
  (void)http.call("DELETE", target);
  return 0;
}

int journey(const HttpClient& http, const Options& options, bool as_json) {
  const auto answer =
      http.call("GET", device_url(options) + "/journeys?limit=" + std::to_string(options.limit));
  if (!answer) return fail(answer.error());
  if (!answer->ok()) return fail(answer->problem());
  if (as_json) {
    std::printf("%s\n", answer->body.dump(2).c_str());
    return 0;
  }
  const auto& list = answer->body["journeys"];
  if (list.empty()) return fail("nothing is recorded of " + options.endpoint + "; has it ever come here?");
  const auto style = style_of_stdout();
  for (auto at = list.rbegin(); at != list.rend(); ++at) {  // oldest first, as it happened
    const auto journey = trace::journey_from_json(*at);
    if (!journey) return fail(std::string("the server's answer: ") + journey.error().detail);
    std::printf("%s of %s from %s, %s\n%s", trace::to_string(journey->interface), journey->endpoint.c_str(),
                journey->peer.c_str(), age_text(journey->began.time_since_epoch().count()).c_str(),
                trace::headline(*journey, style).c_str());
    std::printf("%s\n", trace::ladder(*journey, style).c_str());
  }
  return 0;
}

int credentials(const HttpClient& http, const Options& options, bool as_json) {
  const auto answer = http.call("GET", device_url(options) + "/credentials");
  if (!answer) return fail(answer.error());
  if (!answer->ok()) return fail(answer->problem());
  if (as_json) {
    std::printf("%s\n", answer->body.dump(2).c_str());
    return 0;
  }
  const auto& list = answer->body["credentials"];
  if (list.empty()) return fail(options.endpoint + " was never given a credential; see `slipway factory`");
  std::printf("%-11s %-7s %-6s %-8s %-12s %s\n", "ROLE", "SERVER", "MODE", "STATE", "FINGERPRINT", "MADE");
  for (const auto& one : list)
    std::printf("%-11s %-7d %-6s %-8s %-12s %s\n", one.value("role", "").c_str(), one.value("server", 0),
                one.value("mode", "").c_str(), one.value("state", "").c_str(),
                one.value("identity_fingerprint", "").c_str(),
                age_text(one.value("created_ms", std::int64_t{0})).c_str());
  return 0;
}

int revoke(const HttpClient& http, const Options& options, bool as_json) {
  const auto answer = http.call("DELETE", device_url(options) + "/credentials?role=" + segment(options.role));
  if (!answer) return fail(answer.error());
  if (!answer->ok()) return fail(answer->problem());
  const auto count = answer->body.value("revoked", 0);
  if (as_json)
    std::printf("%s\n", answer->body.dump().c_str());
  else
    std::printf("%d %s credential%s revoked\n", count, options.role.c_str(), count == 1 ? "" : "s");
  return 0;
}

int bootstrap(const HttpClient& http, const Options& options, bool as_json) {
  return conclude(http.call("POST", device_url(options) + "/bootstrap", json::object()), as_json,
                  "the device goes to its bootstrap server; `slipway journey " + options.endpoint +
                      "` shows what becomes of it");
}

/// Adds the options that all of these share, and the way to run them.
CLI::App* add_query(Context& context, const std::shared_ptr<Options>& options, const std::string& name,
                    const std::string& description, const std::string& example, Command run) {
  auto* command = add_command(context, name, description, example);
  command->add_option("--url", options->server.url, "the server's HTTP API")->envname("SLIPWAY_URL");
  command->add_option("--token-file", options->server.token_file, "file with the API's bearer token")
      ->envname("SLIPWAY_TOKEN_FILE");
  command->callback(
      [&context_action = context.action, &as_json = context.common.json, options, run = std::move(run)] {
        context_action = [&as_json, options, run] {
          if (!options->path.empty()) {
            const auto path = Path::parse(options->path);
            if (!path)
              return fail("\"" + options->path + "\" is not a path (" + path.error().detail +
                          "); write one such as /3/0/0");
            options->path = std::string(path->text().view());
          }
          const auto http = HttpClient::create(options->server);
          return http ? run(*http, *options, as_json) : fail(http.error());
        };
      });
  return command;
}

void add_target(CLI::App* command, const std::shared_ptr<Options>& options) {
  command->add_option("endpoint", options->endpoint, "the device")->required();
  command->add_option("path", options->path, "object, instance or resource, such as /3/0/0")->required();
}

}  // namespace

void add_queries(Context context) {
  const auto make = [] { return std::make_shared<Options>(); };
  auto options = make();
  auto* command =
      add_query(context, options, "devices", "list registered devices", "slipway devices", devices);
  command->add_option("--limit", options->limit, "at most so many");

  options = make();
  command = add_query(context, options, "read", "read an object, an instance or a resource of a device",
                      "slipway read urn:dev:os:demo /3/0", read);
  add_target(command, options);
  command->add_option("--format", options->format,
                      "content format that the device shall use, such as senml-json");

  options = make();
  command = add_query(context, options, "discover", "list what a device has, with attributes",
                      "slipway discover urn:dev:os:demo /3", discover);
  add_target(command, options);

  options = make();
  command = add_query(context, options, "write", "write a resource, or several of an instance",
                      "slipway write urn:dev:os:demo /1/0/1 300", write);
  add_target(command, options);
  command->add_option("value", options->value, "the value; for an instance a JSON object of id and value")
      ->required();
  command->add_flag("--partial", options->partial, "leave the other resources of the instance as they are");

  options = make();
  command = add_query(context, options, "execute", "execute a resource",
                      "slipway execute urn:dev:os:demo /3/0/4", execute);
  add_target(command, options);
  command->add_option("--arguments", options->arguments, "arguments, such as 0='now'");

  options = make();
  command = add_query(context, options, "observe", "show a value and its changes until interrupted",
                      "slipway observe urn:dev:os:demo /3303/0/5700 --count 3", observe);
  add_target(command, options);
  command->add_option("--count", options->count, "end after so many notifications");

  options = make();
  command = add_query(context, options, "journey",
                      "show what a device and the servers said to each other, as ladders",
                      "slipway journey urn:dev:os:demo", journey);
  command->add_option("endpoint", options->endpoint, "the device")->required();
  options->limit = 4;
  command->add_option("--limit", options->limit, "the newest so many");

  options = make();
  command =
      add_query(context, options, "credentials", "show what a device authenticates with, without secrets",
                "slipway credentials urn:dev:os:demo", credentials);
  command->add_option("endpoint", options->endpoint, "the device")->required();

  options = make();
  command = add_query(context, options, "revoke",
                      "retire a device's credentials at once, also on live sessions; it must bootstrap anew",
                      "slipway revoke urn:dev:os:demo --role management", revoke);
  command->add_option("endpoint", options->endpoint, "the device")->required();
  command->add_option("--role", options->role, "towards which server")
      ->check(CLI::IsMember({"management", "bootstrap"}))
      ->capture_default_str();

  options = make();
  command = add_query(context, options, "bootstrap", "tell a registered device to bootstrap now",
                      "slipway bootstrap urn:dev:os:demo", bootstrap);
  command->add_option("endpoint", options->endpoint, "the device")->required();
}

}  // namespace slipway::cli

// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include <slipway/lwm2m/bootstrap.hpp>

#include "app.hpp"
#include "configuration.hpp"
#include "output.hpp"
#include "plan_text.hpp"

namespace slipway::cli {
namespace {

constexpr std::size_t kDiscoverMax = 64 * 1024;

struct CheckOptions {
  std::vector<std::string> files;
  std::string objects;
  bool strict = false;
};

struct ShowOptions {
  std::string file;
  std::string objects;
  std::string endpoint;
  std::string enabler = "1.2";
  std::string format;
  std::string have;
  bool pack = false;
};

Paint paint_of_stdout() {
  return coloured(STDOUT_FILENO) ? Paint::colour : Paint::plain;
}

/// Plays every plan against a device out of the factory: what lint cannot see shows then.
void rehearse_all(const std::string& file, const LoadedConfiguration& loaded,
                  std::vector<fleet::Finding>& findings) {
  for (const auto& [name, plan] : loaded.configuration.plans) {
    const PlayedDevice device{.endpoint = "urn:dev:check",
                              .preferred = ContentFormat::senml_cbor,
                              .discover = factory_fresh(*plan, {1, 2})};
    const auto rehearsal = rehearse(plan, device, *loaded.catalog);
    if (rehearsal.outcome == bootstrap::Outcome::succeeded) continue;
    findings.push_back(
        {.file = file,
         .key = "plan." + name,
         .message = "a device out of the factory could not be bootstrapped: " + rehearsal.reason,
         .remedy = "`slipway plan show` says how far it comes"});
  }
}

std::vector<fleet::Finding> findings_of(const std::string& file, const std::string& objects) {
  auto loaded = load_configuration(file, objects);
  if (!loaded) {
    if (loaded.error().objects.empty()) return std::move(loaded.error().findings);
    return {{.file = file, .key = "server.objects", .message = loaded.error().objects, .remedy = ""}};
  }
  auto findings = std::move(loaded->configuration.warnings);
  rehearse_all(file, *loaded, findings);
  return findings;
}

int check(const CheckOptions& options, bool json) {
  std::vector<fleet::Finding> all;
  for (const auto& file : options.files) {
    auto found = findings_of(file, options.objects);
    if (!json && found.empty()) std::printf("%s: good\n", file.c_str());
    std::ranges::move(found, std::back_inserter(all));
  }
  const bool refused = std::ranges::any_of(
      all, [&](const auto& finding) { return options.strict || finding.severity == fleet::Severity::error; });
  if (json) {
    auto list = nlohmann::json::array();
    for (const auto& finding : all) list.push_back(to_json(finding));
    std::printf("%s\n", nlohmann::json{{"good", !refused}, {"findings", std::move(list)}}
                            .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
                            .c_str());
  } else {
    for (const auto& finding : all) std::printf("%s\n", to_line(finding, paint_of_stdout()).c_str());
  }
  return refused ? 1 : 0;
}

std::expected<std::string, std::string> read_discover(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string text(kDiscoverMax + 1, '\0');
  if (!stream || (stream.read(text.data(), static_cast<std::streamsize>(text.size())), stream.bad()))
    return std::unexpected(file +
                           ": cannot be read; name a file with the device's answer to Bootstrap-Discover");
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > kDiscoverMax)
    return std::unexpected(file + ": larger than 64 KiB; no device tells so much");
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  std::vector<lwm2m::DiscoveredLink> links(bootstrap::kDiscoverLinksMax);
  if (const auto read = lwm2m::parse_bootstrap_discover(text, links); !read)
    return std::unexpected(file + ":1:" + std::to_string(read.error().offset + 1) + ": " +
                           read.error().detail +
                           "; write it as the device sends it: </>;lwm2m=1.1,</0/0>,</1/0>;ssid=101");
  return text;
}

/// The device that is played, by the options.
std::expected<PlayedDevice, std::string> played_device(const ShowOptions& options, const fleet::Plan& plan) {
  PlayedDevice device{.endpoint = options.endpoint};
  const auto enabler = Version::parse(options.enabler);
  if (!enabler || enabler->major != 1 || enabler->minor > 2)
    return std::unexpected("--enabler is 1.0, 1.1 or 1.2, not \"" + options.enabler + "\"");
  device.enabler = *enabler;
  if (*enabler >= Version{1, 1}) device.preferred = ContentFormat::senml_cbor;  // pct came with 1.1
  if (!options.format.empty()) {
    const auto format = parse_content_format(options.format);
    if (!format || !lwm2m::is_bootstrap_format(*format))
      return std::unexpected("--format is senml-cbor, senml-json, lwm2m-cbor or tlv, not \"" +
                             options.format + "\"");
    device.preferred = *format;
  }
  if (options.pack) {
    if (*enabler < Version{1, 2})
      return std::unexpected("--pack needs --enabler 1.2: Bootstrap-Pack came with it");
    device.begin = Begin::pack;
  }
  if (options.have.empty()) {
    device.discover = factory_fresh(plan, *enabler);
    return device;
  }
  auto discover = read_discover(options.have);
  if (!discover) return std::unexpected(discover.error());
  device.discover = std::move(*discover);
  return device;
}

int show_device(const ShowOptions& options, const LoadedConfiguration& loaded, bool json) {
  const auto enrolment = loaded.configuration.enrolments.find(options.endpoint);
  if (!enrolment)
    return fail(options.file + ": no enrolment lets \"" + options.endpoint + "\" in; `slipway plan show " +
                options.file + "` lists them");
  const auto device = played_device(options, *enrolment->plan);
  if (!device) return fail(device.error());
  const auto rehearsal = rehearse(enrolment->plan, *device, *loaded.catalog);
  if (json) {
    auto body = to_json(rehearsal);
    body["endpoint"] = options.endpoint;
    body["enrolment"] = enrolment->name;
    body["plan"] = enrolment->plan->name;
    body["discover"] = device->discover;
    std::printf("%s\n", body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else {
    std::printf("plan %s for %s (enrolment \"%s\"), LwM2M %s\n", enrolment->plan->name.c_str(),
                options.endpoint.c_str(), enrolment->name.c_str(), options.enabler.c_str());
    if (!options.pack) std::printf("device has  %s\n", device->discover.c_str());
    std::printf("keys and identities are examples: each session makes its own\n%s",
                to_text(rehearsal, paint_of_stdout()).c_str());
  }
  if (rehearsal.outcome == bootstrap::Outcome::succeeded) return 0;
  return fail("the session would end there, " + std::string(to_string(rehearsal.outcome)) + ": " +
              rehearsal.reason);
}

int show(const ShowOptions& options, bool json) {
  auto loaded = load_configuration(options.file, options.objects);
  if (!loaded) return fail(loaded.error().text());
  if (!options.endpoint.empty()) return show_device(options, *loaded, json);
  if (json)
    std::printf("%s\n", plans_json(loaded->configuration)
                            .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
                            .c_str());
  else
    std::printf("%s", list_plans(loaded->configuration).c_str());
  return 0;
}

void add_check(Context context) {
  auto options = std::make_shared<CheckOptions>();
  auto* command = add_command(context, "check",
                              "say what is wrong with the plans of a configuration, before a device does",
                              "slipway plan check examples/slipway.toml --objects examples/objects");
  command->add_option("file", options->files, "configurations (TOML)")->required()->type_name("FILE");
  command->add_option("-o,--objects", options->objects, "folder of object definitions (OMA registry XML)")
      ->type_name("DIR");
  command->add_flag("--strict", options->strict, "fail for warnings, too");
  command->callback([options, context] {
    context.action = [options, &json = context.common.json] { return check(*options, json); };
  });
}

void add_show(Context context) {
  auto options = std::make_shared<ShowOptions>();
  auto* command = add_command(
      context, "show", "print what a device would be sent, byte by byte",
      "slipway plan show examples/slipway.toml --objects examples/objects --for urn:dev:os:0023C7-000001\n"
      "  slipway plan show examples/slipway.toml --objects examples/objects   # lists enrolments and plans");
  command->add_option("file", options->file, "configuration (TOML)")->required()->type_name("FILE");
  command->add_option("--for", options->endpoint, "endpoint name of the device")->type_name("ENDPOINT");
  command->add_option("-o,--objects", options->objects, "folder of object definitions (OMA registry XML)")
      ->type_name("DIR");
  command->add_option("--enabler", options->enabler,
                      "version that the device speaks: 1.0, 1.1 or 1.2 (default)");
  command->add_option("--format", options->format,
                      "content format that it prefers (default senml-cbor, of 1.0 none)");
  command->add_flag("--pack", options->pack, "the device asks for a Bootstrap-Pack");
  command
      ->add_option("--have", options->have,
                   "its answer to Bootstrap-Discover (default: as out of the factory)")
      ->type_name("FILE");
  command->callback([options, context] {
    context.action = [options, &json = context.common.json] { return show(*options, json); };
  });
}

}  // namespace

void add_plan(Context context) {
  auto* command = add_command(context, "plan", "check plans, and show what devices would be sent",
                              "slipway plan check examples/slipway.toml --objects examples/objects");
  command->require_subcommand(1);
  Context inner{*command, context.common, context.action};
  add_check(inner);
  add_show(inner);
}

}  // namespace slipway::cli

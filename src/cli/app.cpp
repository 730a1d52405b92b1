// SPDX-License-Identifier: Apache-2.0
#include "app.hpp"

#include <unistd.h>

#include <cstdio>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "output.hpp"

namespace slipway::cli {
namespace {

constexpr const char* kVersion = "slipway 0.1.0";

}  // namespace

CLI::App* add_command(Context& context, const std::string& name, const std::string& description,
                      const std::string& example) {
  auto* command = context.app.add_subcommand(name, description);
  command->add_flag("--json", context.common.json, "print JSON");
  command->footer("Example:\n  " + example);
  return command;
}

int fail(const std::string& text) {
  const bool colour = coloured(STDERR_FILENO);
  std::fprintf(stderr, "%sslipway:%s %s\n", colour ? "\033[31m" : "", colour ? "\033[0m" : "", text.c_str());
  return 1;
}

int run(int argc, char** argv) {
  CLI::App app("LwM2M from first boot to fleet: a device, a bootstrap server and a management server.",
               "slipway");
  app.set_version_flag("--version", kVersion);
  app.require_subcommand(1);
  app.footer("Begin with `slipway demo`. `slipway COMMAND --help` shows an example of each command.");
  Common common;
  std::function<int()> action;
  Context context{app, common, action};
  add_demo(context);
  add_serve(context);
  add_client(context);
  add_factory(context);
  add_queries(context);
  add_doctor(context);
  add_decode(context);
  add_packets(context);
  add_smartcard(context);
  add_kit(context);
  add_plan(context);
  add_completion(context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : 2;
  }
  try {
    return action();
  } catch (const std::exception& error) {
    return fail(std::string("this should not have happened: ") + error.what());
  }
}

}  // namespace slipway::cli

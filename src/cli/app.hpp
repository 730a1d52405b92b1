// SPDX-License-Identifier: Apache-2.0
// The `slipway` command: one file for each group of subcommands.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <CLI/App.hpp>

namespace slipway::cli {

/// Exit codes: 0 done, 1 it failed (a sentence on standard error says why), 2 wrong usage.
int run(int argc, char** argv);

/// What every subcommand shares.
struct Common {
  bool json = false;  ///< --json: one JSON value (or one a line) on standard output
};

/// A subcommand says what it will do by setting `action`; it runs after parsing.
struct Context {
  CLI::App& app;
  Common& common;
  std::function<int()>& action;
};

void add_serve(Context context);
void add_client(Context context);
void add_factory(Context context);
void add_queries(Context context);  ///< devices, read, write, journey, credentials, revoke ...
void add_doctor(Context context);
void add_decode(Context context);
void add_packets(Context context);
void add_smartcard(Context context);  ///< readers, read
void add_kit(Context context);
void add_plan(Context context);  ///< plan check, plan show
void add_demo(Context context);
void add_kit(Context context);  ///< what people need who make devices
void add_completion(Context context);

/// Adds `--json` and a footer with an example.
CLI::App* add_command(Context& context, const std::string& name, const std::string& description,
                      const std::string& example);

/// Prints `slipway: text` on standard error and returns 1.
int fail(const std::string& text);

}  // namespace slipway::cli

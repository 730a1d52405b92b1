// SPDX-License-Identifier: Apache-2.0
// `slipway doctor`: why a handshake fails, from the outside (a URI) and from the inside (a running server).
#include <unistd.h>

#include <cstdio>

#include <nlohmann/json.hpp>

#include "app.hpp"
#include "doctor_failures.hpp"
#include "doctor_steps.hpp"
#include "key_log.hpp"
#include "output.hpp"
#include "signals.hpp"

namespace slipway::cli {
namespace {

using nlohmann::json;

struct Options {
  std::string subject;  ///< URI or endpoint
  doctor::TargetOptions target;
  doctor::FailuresOptions failures;
  std::string key_log;
  double timeout_s = 10;

  [[nodiscard]] bool tries_a_server() const {
    return doctor::is_server_uri(subject) || !target.pack.empty() || !target.state.empty();
  }
};

int usage(const std::string& text) {
  fail(text);
  return 2;
}

int examine(Options options, bool as_json) {
  options.target.uri = options.subject;
  const auto target = doctor::Target::from(options.target);
  if (!target) return usage(target.error());
  const auto key_log = start_key_log(options.key_log);
  if (!key_log) return fail(key_log.error());
  if (!key_log->empty()) std::fprintf(stderr, "%s\n", key_log->c_str());
  const bool colour = coloured(STDOUT_FILENO);
  const auto title = target->uri_text() + " " + target->who();
  if (!as_json) std::printf("%s\n", doctor::printable(title).c_str());
  doctor::Report report(title, [&](const doctor::Step& step) {
    if (as_json) return;
    std::printf("%s", doctor::lines_of(step, colour).c_str());
    std::fflush(stdout);
  });
  doctor::Stop stop;
  {
    const StopOnSignal stop_on_signal([&] { stop.now(); });
    const auto whole = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(options.timeout_s));
    doctor::examine(*target,
                    {.handshake = whole,
                     .suite = std::min(whole, Duration(seconds(3))),
                     .answer = std::min(whole, Duration(seconds(5)))},
                    stop, report);
  }
  if (as_json)
    std::printf("%s\n", report.to_json().dump(2, ' ', false, json::error_handler_t::replace).c_str());
  else
    std::printf("%s\n", report.conclusion().c_str());
  return report.well() ? 0 : 1;
}

int run(const Options& options, bool as_json) {
  if (options.tries_a_server()) {
    if (!options.failures.device_log.empty())
      return usage("--device-log is compared with what a running server says: give an endpoint, not a URI");
    if (!options.subject.empty() && !doctor::is_server_uri(options.subject))
      return usage("\"" + options.subject +
                   "\": with --pack or --state give the URI of a server, or nothing");
    return examine(options, as_json);
  }
  const auto& target = options.target;
  if (target.identity || !target.key_file.empty() || !target.certificate_file.empty() ||
      !target.trust_store_file.empty())
    return usage("a credential is for trying a server: name it first, such as coaps://host:5684");
  auto failures = options.failures;
  failures.endpoint = options.subject;
  return doctor::show_failures(failures, as_json);
}

void add_credential_options(CLI::App* command, doctor::TargetOptions& target) {
  command->add_option("--identity", target.identity, "PSK identity")->group("As whom")->type_name("TEXT");
  command
      ->add_option("--key", target.key_file,
                   "file with the pre-shared key (hexadecimal, or its bytes) or the private key (PEM, DER)")
      ->group("As whom")
      ->type_name("FILE");
  command->add_option("--certificate", target.certificate_file, "own certificate, or its chain (PEM, DER)")
      ->group("As whom")
      ->type_name("FILE");
  command
      ->add_option("--server-key", target.server_key_file,
                   "what the server is known by (/0/x/4): its public key, its certificate, or an authority's")
      ->group("As whom")
      ->type_name("FILE");
  command->add_option("--usage", target.usage, "certificate usage (/0/x/15), 3 unless given")
      ->group("As whom")
      ->check(CLI::Range(0, 3));
  command
      ->add_option("--matching", target.matching,
                   "matching type (/0/x/13): 0 whole, 1 to 3 a hash in hexadecimal")
      ->group("As whom")
      ->check(CLI::Range(0, 3));
  command
      ->add_option(
          "--trust-store", target.trust_store_file,
          "certificates of the authorities that the device trusts by itself, for usage 0 and 1 (PEM, DER)")
      ->group("As whom")
      ->type_name("FILE");
  command->add_option("--sni", target.sni, "name that the server's certificate is made out to (/0/x/14)")
      ->group("As whom")
      ->type_name("NAME");
  command->add_option("--pack", target.pack, "take account and keys of a factory pack")
      ->group("As whom")
      ->type_name("FILE");
  command->add_option("--state", target.state, "take account and keys of a device's state file")
      ->group("As whom")
      ->type_name("FILE");
  command
      ->add_option("--server", target.server,
                   "which account of the pack or state, by its short server id; 0: the bootstrap server")
      ->group("As whom")
      ->type_name("ID");
  command->add_option("--suites", target.suites, "cipher suites to offer, IANA numbers with commas")
      ->group("As whom")
      ->type_name("LIST");
  command->add_flag("--no-cid", target.no_cid, "offer no Connection ID")->group("As whom");
}

}  // namespace

void add_doctor(Context context) {
  auto options = std::make_shared<Options>();
  auto* command = add_command(
      context, "doctor", "say why a handshake fails: try a server step by step, or ask a running one",
      "slipway doctor coaps://lwm2m.example:5684 --identity lamp-1 --key lamp-1.key\n"
      "  slipway doctor coaps+tcp://lwm2m.example:5684 --identity lamp-1 --key lamp-1.key\n"
      "  slipway doctor --pack lamp.pack.json\n"
      "  slipway doctor urn:dev:os:lamp --device-log lamp.log\n"
      "  slipway doctor");
  command->add_option("subject", options->subject,
                      "URI of a server to try (coap, coaps, coap+tcp, coaps+tcp), or a device that a running "
                      "server is asked for; "
                      "without: what failed last there");
  command->add_option("--timeout", options->timeout_s, "seconds for the handshake at most")
      ->check(CLI::Range(0.1, 600.0))
      ->capture_default_str();
  add_credential_options(command, options->target);
  add_key_log_option(*command, options->key_log);
  auto& failures = options->failures;
  command->add_option("--device-log", failures.device_log, "output of `slipway client`; - is standard input")
      ->group("Asking a server")
      ->type_name("FILE");
  command->add_option("--limit", failures.limit, "at most so many failures")
      ->group("Asking a server")
      ->check(CLI::Range(1, 200))
      ->capture_default_str();
  command->add_option("--url", failures.server.url, "the server's HTTP API")
      ->group("Asking a server")
      ->envname("SLIPWAY_URL");
  command->add_option("--token-file", failures.server.token_file, "file with the API's bearer token")
      ->group("Asking a server")
      ->envname("SLIPWAY_TOKEN_FILE");
  command->callback([options, context] {
    context.action = [options, &json = context.common.json] { return run(*options, json); };
  });
}

}  // namespace slipway::cli

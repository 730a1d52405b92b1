// SPDX-License-Identifier: Apache-2.0
// The whole journey of one device, with real processes, sockets, DTLS and database.
#include <stdlib.h>

#include <algorithm>
#include <atomic>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include <slipway/client/model.hpp>
#include <slipway/device/pack.hpp>
#include <slipway/net/udp_socket.hpp>

#include "app.hpp"
#include "demo_object.hpp"
#include "http_client.hpp"
#include "output.hpp"
#include "probe.hpp"
#include "process.hpp"
#include "signals.hpp"

namespace slipway::cli {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr const char* kEndpoint = "urn:dev:os:slipway-demo";
constexpr auto kPatience = std::chrono::seconds(30);
constexpr int kNotifications = 3;

struct Options {
  std::string objects;
  bool stay = false;
};

template <class T = void>
using Step = std::expected<T, std::string>;

/// A folder under the system's temporary one, removed at the end.
class Workplace {
 public:
  Workplace() {
    std::string pattern = (fs::temp_directory_path() / "slipway-demo-XXXXXX").string();
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~Workplace() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] bool ok() const { return !path_.empty(); }

 private:
  std::string path_;
};

struct Ports {
  std::uint16_t bootstrap = 0, management = 0;
};

/// Free ports of this moment; held open together so that they differ.
Step<Ports> free_ports() {
  auto first = net::UdpSocket::bind(Address::v4(127, 0, 0, 1, 0));
  auto second = net::UdpSocket::bind(Address::v4(127, 0, 0, 1, 0));
  if (!first) return std::unexpected(first.error().message());
  if (!second) return std::unexpected(second.error().message());
  return Ports{first->local_address().port, second->local_address().port};
}

std::string configuration(const Ports& ports, const std::string& data) {
  const auto loopback = [](std::uint16_t port) { return "\"127.0.0.1:" + std::to_string(port) + "\""; };
  return "[server]\ndata = \"" + data +
         "\"\n"
         "[http]\nlisten = \"127.0.0.1:0\"\n"
         "[bootstrap]\ncoap = \"off\"\ncoaps = " +
         loopback(ports.bootstrap) +
         "\n"
         "[management]\ncoap = \"off\"\ncoaps = " +
         loopback(ports.management) +
         "\n"
         "[[enrolment]]\nname = \"thermometers\"\nendpoints = [\"urn:dev:os:*\"]\nplan = \"thermometer\"\n"
         "[[plan.thermometer.server]]\nid = 101\nuri = \"coaps://127.0.0.1:" +
         std::to_string(ports.management) +
         "\"\n"
         "lifetime = 300\nbinding = \"U\"\n"
         "[[plan.thermometer.access]]\ntarget = \"/3303/0\"\nowner = 101\nrights = { \"101\" = \"RWE\" }\n"
         "[[plan.thermometer.access]]\ntarget = \"/3303/1\"\nowner = 101\nrights = { \"101\" = \"RWED\" }\n"
         "[[plan.thermometer.access]]\ntarget = \"/3/0\"\nowner = 101\nrights = { \"101\" = \"RWE\" }\n"
         "[[plan.thermometer.instance]]\npath = \"/3303/1\"\nresources = { \"5700\" = 4.0, \"5750\" = "
         "\"freezer\" }\n";
}

class Demo {
 public:
  Demo(const Options& options, bool as_json) : options_(options), json_(as_json) {}

  int run() {
    if (!work_.ok()) return fail("no temporary folder can be made");
    auto done = journey();
    if (!done) {
      show_logs();
      return fail(done.error());
    }
    if (options_.stay) stay();
    return secrets_differ_ ? 0 : 1;
  }

 private:
  void say(const std::string& text) const {
    if (!json_) std::printf("%s\n", text.c_str());
    std::fflush(stdout);
  }

  Step<> journey() {
    if (auto step = start_server(); !step) return step;
    if (auto step = make_pack(); !step) return step;
    if (auto step = start_device(); !step) return step;
    if (auto step = manage(); !step) return step;
    if (auto step = check_secrets(); !step) return step;
    return show();
  }

  Step<> start_server() {
    auto objects = options_.objects;
    if (objects.empty()) {
      objects = work_ / "objects";
      fs::create_directory(objects);
      std::ofstream(objects + "/3303.xml") << demo_object();
    }
    // A port can be taken by another program between its choice and its use: then choose again.
    for (int attempt = 0; attempt < 5 && !server_; ++attempt) {
      auto ports = free_ports();
      if (!ports) return std::unexpected(ports.error());
      ports_ = *ports;
      std::ofstream(work_ / "slipway.toml") << configuration(ports_, work_ / "data");
      const std::vector<std::string> arguments{"serve",     "--json", "--config", work_ / "slipway.toml",
                                               "--objects", objects};
      auto started = Process::start(arguments, work_ / "server.log");
      if (!started) return std::unexpected(started.error());
      const auto ready = started->line(kPatience);
      if (!ready) continue;
      const auto listening = json::parse(*ready, nullptr, false);
      if (listening.is_discarded() || !listening.value("ready", false)) continue;
      url_ = "http://" + listening.value("http", "");
      server_.emplace(std::move(*started));
    }
    if (!server_) return std::unexpected(std::string("the server does not start"));
    auto http = HttpClient::create({.url = url_, .token_file = {}});
    if (!http) return std::unexpected(http.error());
    http_.emplace(std::move(*http));
    say("server   bootstrap on 127.0.0.1:" + std::to_string(ports_.bootstrap) +
        ", management on 127.0.0.1:" + std::to_string(ports_.management) + ", API at " + url_);
    return {};
  }

  Step<> make_pack() {
    auto factory = Process::start({"factory", "--json", "--endpoint", kEndpoint, "--server",
                                   "coaps://127.0.0.1:" + std::to_string(ports_.bootstrap), "--out",
                                   work_ / "device.pack.json", "--data", work_ / "data"},
                                  work_ / "factory.log");
    if (!factory) return std::unexpected(factory.error());
    if (factory->wait() != 0) return std::unexpected(std::string("`slipway factory` failed"));
    say(std::string("factory  a pack for ") + kEndpoint +
        ": a bootstrap account with a random key, nothing else");
    return {};
  }

  Step<> start_device() {
    auto started = Process::start(
        {"client", "--json", "--pack", work_ / "device.pack.json", "--state", work_ / "device.state",
         "--no-pack"},  // a pack would be one message: the demo shows each step
        work_ / "device.log");
    if (!started) return std::unexpected(started.error());
    device_.emplace(std::move(*started));
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < until) {
      const auto line = device_->line(kPatience);
      if (!line) break;
      const auto event = json::parse(*line, nullptr, false);
      if (event.is_discarded()) continue;
      const auto what = event.value("event", "");
      say("device   " + what + " " + event.value("detail", ""));
      if (what == "registered") return {};
    }
    return std::unexpected(std::string("the device did not register within 30 s"));
  }

  Step<json> call(const std::string& method, const std::string& target, const json& body = nullptr) {
    auto answer = http_->call(method, std::string("/api/v1/devices/") + kEndpoint + target, body);
    if (!answer) return std::unexpected(answer.error());
    if (!answer->ok()) return std::unexpected(method + " " + target + ": " + answer->problem());
    return std::move(answer->body);
  }

  static std::string first_value(const json& answer) {
    const auto values = answer.value("values", json::array());
    return values.empty() ? "" : values.front().value("value", json()).dump();
  }

  Step<> manage() {
    const auto device = call("GET", "/read/3/0");
    if (!device) return std::unexpected(device.error());
    say("read     /3/0 has " + std::to_string(device->value("values", json::array()).size()) +
        " values, the manufacturer is " + first_value(*device));
    const auto written = call("PUT", "/write/1/1/1", {{"value", 240}});
    if (!written) return std::unexpected(written.error());
    say("write    /1/1/1 lifetime = 240 s");
    if (const auto executed = call("POST", "/execute/3/0/4", json::object()); !executed)
      return std::unexpected(executed.error());
    say("execute  /3/0/4 reboot (the device pretends)");
    return observe();
  }

  Step<> observe() {
    Step<> begun;
    int seen = 0;
    const auto begin = [&] {
      const auto first = call("POST", "/observe/3303/0/5700", json::object());
      if (!first)
        begun = std::unexpected(first.error());
      else
        say("observe  /3303/0/5700 = " + first_value(*first) + " Cel");
    };
    const auto take = [&](std::string_view name, const json& event) {
      if (!begun) return false;
      if (name != "notification" || event.value("endpoint", "") != kEndpoint) return true;
      say("notify   /3303/0/5700 = " + first_value(event) + " Cel");
      return ++seen < kNotifications;
    };
    const auto ended = http_->events(begin, take);
    if (!begun) return begun;
    if (!ended) return ended;
    const auto cancelled = call("DELETE", "/observe/3303/0/5700");
    return cancelled ? Step<>() : std::unexpected(cancelled.error());
  }

  /// Not taken on trust: the two keys are compared, and the factory's key is tried at the management server.
  Step<> check_secrets() {
    const auto pack = device::load_pack(work_ / "device.pack.json", builtin_objects());
    if (!pack) return std::unexpected(pack.error());
    const auto factory = psk_of_pack(*pack);
    const auto current = psk_of_state(work_ / "device.state", ShortServerId(101));
    if (!factory || !current) return std::unexpected(std::string("the device's keys cannot be read"));
    same_key_ = factory->key.same_as(current->key);
    const auto address = Address::v4(127, 0, 0, 1, ports_.management);
    factory_key_opens_ = probe_psk(address, *factory, seconds(10)) == ProbeResult::accepted;
    current_key_opens_ = probe_psk(address, *current, seconds(10)) == ProbeResult::accepted;
    secrets_differ_ = !same_key_ && !factory_key_opens_ && current_key_opens_;
    return {};
  }

  Step<> show() {
    const auto answer = call("GET", "/journeys?limit=10");
    if (!answer) return std::unexpected(answer.error());
    std::vector<trace::Journey> journeys;
    for (const auto& item : (*answer)["journeys"])
      if (auto journey = trace::journey_from_json(item); journey && !journey->rows.empty())
        journeys.push_back(std::move(*journey));
    std::ranges::sort(journeys, {}, &trace::Journey::began);
    // The probes with the two keys are journeys too; they are not the device's.
    std::erase_if(journeys, [](const trace::Journey& journey) {
      return std::ranges::none_of(journey.rows, [](const trace::Row& row) { return row.type != "DTLS"; });
    });
    if (journeys.empty()) return std::unexpected(std::string("no journey was recorded"));
    const auto began = journeys.front().began;
    for (auto& journey : journeys)
      for (auto& row : journey.rows) row.at += std::chrono::duration_cast<Duration>(journey.began - began);
    if (json_)
      print_json(*answer);
    else
      print(journeys);
    return {};
  }

  void print(const std::vector<trace::Journey>& journeys) const {
    const auto style = style_of_stdout();
    std::printf("\n%s", trace::ladder_header(style).c_str());
    for (const auto& journey : journeys) {
      std::printf("── %s ──\n",
                  journey.interface == trace::Interface::bootstrap ? "bootstrap" : "management");
      for (const auto& row : journey.rows) std::printf("%s", trace::ladder_row(row, style).c_str());
    }
    std::printf("\n%-12s %9s %9s %11s %11s %10s\n", "phase", "msgs up", "msgs down", "bytes up", "bytes down",
                "time");
    for (const auto& journey : journeys) {
      const auto& t = journey.traffic;
      std::printf("%-12s %9llu %9llu %11llu %11llu %7.1f ms\n", trace::to_string(journey.interface),
                  static_cast<unsigned long long>(t.messages_up),
                  static_cast<unsigned long long>(t.messages_down),
                  static_cast<unsigned long long>(t.bytes_up), static_cast<unsigned long long>(t.bytes_down),
                  static_cast<double>(journey.duration.count()) / 1000.0);
    }
    std::printf("\nThe factory's secret %s the secret now in use.\n", same_key_ ? "IS" : "is not");
    std::printf("Tried at the management server: the factory's key %s, the device's new key %s.\n",
                factory_key_opens_ ? "OPENS A SESSION" : "is refused",
                current_key_opens_ ? "opens a session" : "IS REFUSED");
  }

  void print_json(const json& answer) const {
    std::printf("%s\n", json{{"journeys", answer["journeys"]},
                             {"same_key", same_key_},
                             {"factory_key_opens", factory_key_opens_},
                             {"current_key_opens", current_key_opens_}}
                            .dump(2)
                            .c_str());
  }

  void stay() {
    std::printf(
        "\nAll is left running; Ctrl-C ends it. Try in another terminal:\n"
        "  export SLIPWAY_URL=%s\n  slipway devices\n  slipway observe %s /3303/0/5700\n  slipway journey "
        "%s\n",
        url_.c_str(), kEndpoint, kEndpoint);
    std::fflush(stdout);
    std::atomic<bool> stop = false;
    const StopOnSignal on_signal([&] {
      stop = true;
      stop.notify_all();
    });
    stop.wait(false);
  }

  void show_logs() const {
    for (const auto* name : {"server.log", "factory.log", "device.log"}) {
      std::ifstream log(work_ / name);
      std::string line;
      while (std::getline(log, line)) std::fprintf(stderr, "%s: %s\n", name, line.c_str());
    }
  }

  Options options_;
  bool json_;
  Workplace work_;  // before the processes: they end first
  Ports ports_;
  std::string url_;
  std::optional<HttpClient> http_;
  std::optional<Process> server_, device_;
  bool same_key_ = true, factory_key_opens_ = true, current_key_opens_ = false, secrets_differ_ = false;
};

}  // namespace

void add_demo(Context context) {
  auto options = std::make_shared<Options>();
  auto* command =
      add_command(context, "demo",
                  "show the whole journey: a factory-fresh device becomes a managed device over real DTLS",
                  "slipway demo --stay");
  command
      ->add_option("-o,--objects", options->objects,
                   "folder of object definitions that has 3303 (default: built in)")
      ->type_name("DIR");
  command->add_flag("--stay", options->stay, "leave all running until Ctrl-C");
  command->callback([options, context] {
    context.action = [options, &json = context.common.json] { return Demo(*options, json).run(); };
  });
}

}  // namespace slipway::cli

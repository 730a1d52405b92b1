// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <fstream>

#include <nlohmann/json.hpp>

#include <slipway/base/uri.hpp>
#include <slipway/device/pack.hpp>
#include <slipway/kit/bench.hpp>
#include <slipway/net/clock.hpp>
#include <slipway/net/event_loop.hpp>
#include <slipway/net/udp_socket.hpp>
#include <slipway/security/dtls/types.hpp>
#include <slipway/security/random.hpp>
#include <slipway/trace/journey.hpp>

#include "kit.hpp"
#include "output.hpp"
#include "signals.hpp"

namespace slipway::cli {
namespace {

using nlohmann::json;

/// How often a person is told that the bench still waits.
constexpr Duration kStillWaiting = seconds(15);

struct Options {
  std::string pack, listen, management_listen, host, identity, key_file, endpoint, report;
  std::vector<std::string> faults;
  unsigned patience_s = 1200;
  bool list = false, markdown = false, all = false, fast = false, nosec = false, strict = false,
       quiet = false;
};

/// Where the bench listens, what devices are told, and what it knows of the one that comes.
struct Setup {
  kit::BenchConfig bench;
  Address bootstrap, management;
  std::string host;  ///< in the URIs that devices are given
};

template <class T>
using Expected = std::expected<T, std::string>;

// --- What the person said -------------------------------------------------------------------------------

Expected<std::vector<const kit::Fault*>> wanted(const Options& options) {
  std::vector<const kit::Fault*> faults;
  for (const auto& name : options.faults) {
    const auto* const fault = kit::find_fault(name);
    if (fault == nullptr)
      return std::unexpected("no fault is named \"" + name +
                             "\"; `slipway kit bootstrap-faults --list` shows them");
    faults.push_back(fault);
  }
  if (!faults.empty()) return faults;
  for (const auto& fault : kit::faults())
    if (options.all || fault.speed == kit::Speed::fast) faults.push_back(&fault);
  return faults;
}

/// The bootstrap account of a factory pack.
Expected<void> take_pack(const Options& options, Setup& setup, std::string& uri) {
  const auto pack = device::load_pack(options.pack, builtin_objects());
  if (!pack) return std::unexpected(pack.error());
  std::optional<Path> account;
  for (const auto& [path, value] : pack->values)
    if (path.object() == ObjectId(0) && path.resource() == ResourceId(1) && value.view().as_boolean())
      account = path.prefix(2);
  if (!account)
    return std::unexpected(options.pack +
                           ": there is no bootstrap account in it; make one with `slipway factory`");
  setup.bench.endpoint = pack->endpoint;
  setup.bench.security = SecurityMode::nosec;
  for (const auto& [path, value] : pack->values) {
    if (!account->contains(path) || path.depth() != 3) continue;
    const auto view = value.view();
    if (path.resource() == ResourceId(0)) uri = view.as_text();
    if (path.resource() == ResourceId(2)) setup.bench.security = static_cast<SecurityMode>(view.as_integer());
    if (path.resource() == ResourceId(3))
      setup.bench.identity.assign(view.as_opaque().begin(), view.as_opaque().end());
    if (path.resource() == ResourceId(5)) setup.bench.key = Secret(view.as_opaque());
  }
  if (setup.bench.security != SecurityMode::psk && setup.bench.security != SecurityMode::nosec)
    return std::unexpected(options.pack + ": its bootstrap account is " + to_string(setup.bench.security) +
                           "; the bench speaks PSK and NoSec");
  return {};
}

Expected<void> take_key(const Options& options, Setup& setup) {
  if (options.nosec) {
    setup.bench.security = SecurityMode::nosec;
    return {};
  }
  if (options.identity.empty() || options.key_file.empty())
    return std::unexpected("say who the device is: --pack FILE, or --identity and --key-file, or --nosec");
  std::ifstream stream(options.key_file);
  std::string hex;
  if (!stream || !std::getline(stream, hex))
    return std::unexpected(options.key_file +
                           ": cannot be read; write the key in hexadecimal on its first line");
  auto key = from_hex(hex);
  wipe({reinterpret_cast<std::uint8_t*>(hex.data()), hex.size()});
  if (!key || key->empty() || key->size() > security::dtls::kPskKeyMax)
    return std::unexpected(options.key_file + ": its first line is no key of 1 to 64 bytes in hexadecimal");
  setup.bench.key = Secret(*key);
  wipe(*key);
  setup.bench.identity.assign(options.identity.begin(), options.identity.end());
  if (setup.bench.identity.size() > security::dtls::kPskIdentityMax)
    return std::unexpected("--identity: longer than 128 bytes");
  return {};
}

Expected<Address> address_of(const std::string& option, const std::string& text) {
  auto address = Address::parse(text);
  if (!address)
    return std::unexpected(option + " " + text + ": not an address; write one such as 0.0.0.0:5784");
  return *address;
}

bool is_wildcard(const Address& address) {
  auto any = address.is_v4() ? Address::v4(0, 0, 0, 0, 0) : Address();
  any.port = address.port;
  return address == any;
}

std::string host_text(const Address& address) {
  const auto text = address.to_string();
  return text.substr(0, text.rfind(':'));
}

/// Listens where the device will come: as the pack says, unless told otherwise.
Expected<void> take_addresses(const Options& options, const std::string& uri_text, Setup& setup) {
  const auto uri = parse_uri(uri_text);
  std::string listen = options.listen;
  if (listen.empty() && uri) {
    const std::string host(uri->host);
    const std::string literal = uri->host_kind == HostKind::ipv4   ? host
                                : uri->host_kind == HostKind::ipv6 ? "[" + host + "]"
                                                                   : "[::]";
    listen = literal + ":" + std::to_string(uri->port);
  }
  if (listen.empty()) return std::unexpected("say where to listen: --listen 0.0.0.0:5784");
  auto bootstrap = address_of("--listen", listen);
  if (!bootstrap) return std::unexpected(bootstrap.error());
  setup.bootstrap = *bootstrap;
  setup.management = *bootstrap;
  setup.management.port = 0;
  if (!options.management_listen.empty()) {
    auto management = address_of("--management-listen", options.management_listen);
    if (!management) return std::unexpected(management.error());
    setup.management = *management;
  }
  if (!options.host.empty())
    setup.host = options.host;
  else if (uri)
    setup.host =
        uri->host_kind == HostKind::ipv6 ? "[" + std::string(uri->host) + "]" : std::string(uri->host);
  else if (!is_wildcard(setup.bootstrap))
    setup.host = host_text(setup.bootstrap);
  else
    return std::unexpected("say by which name or address devices reach this machine: --host");
  return {};
}

// --- The run --------------------------------------------------------------------------------------------

/// What a person, or a program, sees of a run.
class Display {
 public:
  Display(bool json_wanted, bool quiet) : json_(json_wanted), quiet_(quiet), style_(style_of_stdout()) {}

  void say(const std::string& text) const {
    if (json_)
      emit({{"event", "note"}, {"text", text}});
    else
      std::printf("%s  %s\n", clock_text().c_str(), text.c_str());
    std::fflush(stdout);
  }
  void ready(const std::string& bootstrap, const std::string& management) const {
    if (json_)
      emit({{"event", "ready"}, {"bootstrap", bootstrap}, {"management", management}});
    else
      say("bootstrap server at " + bootstrap + ", management server at " + management);
    std::fflush(stdout);
  }
  void show(const kit::BenchEvent& event) {
    std::visit([this](const auto& e) { on(e); }, event);
    std::fflush(stdout);
  }
  void waits_still(Duration since, Duration at_most, const std::string& what) const {
    const auto in_seconds = [](Duration time) { return std::to_string(time.count() / 1'000'000) + " s"; };
    if (!json_) say("still waiting for " + what + ": " + in_seconds(since) + " of " + in_seconds(at_most));
  }

 private:
  static void emit(const json& value) {
    std::printf("%s\n", value.dump(-1, ' ', false, json::error_handler_t::replace).c_str());
  }
  [[nodiscard]] std::string paint(const char* colour, const std::string& text) const {
    return style_.colour == trace::Colour::on ? std::string(colour) + text + "\033[0m" : text;
  }
  void on(const kit::RoundBegan& round) {
    const std::string name = round.fault != nullptr ? std::string(round.fault->name) : "honest";
    if (json_)
      return emit({{"event", "round"}, {"fault", name}, {"number", round.number}, {"of", round.count - 1}});
    std::printf("\n%s  %s\n",
                paint("\033[1m", "[" + std::to_string(round.number) + "/" + std::to_string(round.count - 1) +
                                     "] " + name)
                    .c_str(),
                round.fault != nullptr ? ("the server " + std::string(round.fault->done)).c_str()
                                       : "a bootstrap without fault, to begin with");
  }
  void on(const kit::Waiting& waiting) const {
    if (json_)
      emit({{"event", "waiting"}, {"for", waiting.what}, {"seconds", waiting.at_most.count() / 1'000'000}});
    else if (!quiet_)
      say("waiting for " + waiting.what + ", at most " + std::to_string(waiting.at_most.count() / 1'000'000) +
          " s");
  }
  void on(const kit::MessageSeen& message) const {
    if (json_)
      emit({{"event", "message"},
            {"server", message.door == kit::Door::bootstrap ? "bootstrap" : "management"},
            {"message", trace::to_json(message.row)}});
    else if (!quiet_)
      std::printf("%s", trace::ladder_row(message.row, style_).c_str());
  }
  void on(const kit::Noted& noted) const { say(noted.text); }
  void on(const kit::RoundEnded& ended) const {
    const auto& result = ended.result;
    if (json_)
      return emit({{"event", "verdict"},
                   {"fault", result.name()},
                   {"verdict", kit::to_string(result.verdict)},
                   {"remarks", result.remarks()},
                   {"reason", result.reason}});
    const char* const colour = result.verdict == kit::Verdict::passed   ? "\033[32m"
                               : result.verdict == kit::Verdict::failed ? "\033[31m"
                                                                        : "\033[33m";
    std::printf("%s  %s: %s\n", paint(colour, kit::to_string(result.verdict)).c_str(),
                std::string(result.name()).c_str(), result.reason.c_str());
    if (result.verdict == kit::Verdict::failed && result.fault != nullptr)
      std::printf("      a good device %s\n      why: %s\n", std::string(result.fault->expected).c_str(),
                  std::string(result.fault->why).c_str());
  }
  void on(const kit::Finished&) const {}

  bool json_, quiet_;
  trace::LadderStyle style_;
};

/// The bench on two sockets.
class Run {
 public:
  Run(Setup setup, std::unique_ptr<net::EventLoop> loop, net::UdpSocket bootstrap, net::UdpSocket management,
      Display& display)
      : loop_(std::move(loop)),
        sockets_{std::move(bootstrap), std::move(management)},
        display_(display),
        bootstrap_uri_(setup.bench.bootstrap_uri),
        management_uri_(setup.bench.management_uri),
        bench_(std::move(setup.bench), random_, random_) {}
  ~Run() {
    for (auto& socket : sockets_) loop_->forget(socket.fd());
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  Expected<void> run() {
    for (const auto door : {kit::Door::bootstrap, kit::Door::management}) {
      auto watched = loop_->watch(socket(door).fd(), net::Interest::read,
                                  [this, door](net::Readiness) { receive(door); });
      if (!watched) return std::unexpected(watched.error().message());
    }
    const StopOnSignal stop_on_signal([this] {
      if (!loop_->post([this] { bench_.stop(net::steady_now(), "the run was stopped"); })) loop_->stop();
    });
    display_.ready(bootstrap_uri_, management_uri_);
    bench_.start(net::steady_now());
    turn();
    loop_->run({.next_deadline = [this] { return next_deadline(); },
                .deadline_reached =
                    [this](TimePoint now) {
                      bench_.handle_timeout(now);
                      remind(now);
                    },
                .turn_ended = [this] { turn(); }});
    return {};
  }
  [[nodiscard]] const kit::Bench& bench() const { return bench_; }

 private:
  net::UdpSocket& socket(kit::Door door) { return sockets_[static_cast<std::size_t>(door)]; }

  void receive(kit::Door door) {
    for (const auto& datagram : socket(door).receive(batch_))
      bench_.handle_datagram(net::steady_now(), net::unix_now(), door, datagram.peer, datagram.bytes);
  }

  std::optional<TimePoint> next_deadline() const {
    auto next = bench_.next_timeout();
    if (remind_at_ && (!next || *remind_at_ < *next)) next = remind_at_;
    return next;
  }

  void remind(TimePoint now) {
    if (!remind_at_ || *remind_at_ > now) return;
    remind_at_ = now + kStillWaiting;
    display_.waits_still(now - waits_since_, waiting_.at_most, waiting_.what);
  }

  void turn() {
    while (const auto out = bench_.poll_transmit()) (void)socket(out->door).send(out->to, out->bytes);
    for (auto& each : sockets_) (void)each.flush();
    while (const auto event = bench_.poll_event()) {
      display_.show(*event);
      if (const auto* waiting = std::get_if<kit::Waiting>(&*event)) {
        waiting_ = *waiting;
        waits_since_ = net::steady_now();
        remind_at_ = waits_since_ + kStillWaiting;
      } else if (!std::holds_alternative<kit::Noted>(*event)) {
        remind_at_.reset();
      }
    }
    if (bench_.finished()) loop_->stop();
  }

  std::unique_ptr<net::EventLoop> loop_;
  std::array<net::UdpSocket, 2> sockets_;
  net::ReceiveBatch batch_;
  Display& display_;
  std::string bootstrap_uri_, management_uri_;
  security::SystemRandom random_;
  kit::Bench bench_;
  kit::Waiting waiting_;
  TimePoint waits_since_{};
  std::optional<TimePoint> remind_at_;
};

std::string date_text() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%MZ", &utc);
  return text;
}

Expected<void> write_report(const std::string& file, const kit::RunFacts& facts,
                            const std::vector<kit::RoundResult>& results) {
  const bool is_json = file.ends_with(".json");
  const auto text =
      is_json ? kit::json_report(facts, results).dump(1, ' ', false, json::error_handler_t::replace) + "\n"
              : kit::markdown_report(facts, results);
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream << text;
  stream.close();
  if (!stream) return std::unexpected(file + ": the report cannot be written");
  return {};
}

Expected<Setup> make_setup(const Options& options) {
  Setup setup;
  auto faults = wanted(options);
  if (!faults) return std::unexpected(faults.error());
  setup.bench.faults = std::move(*faults);
  setup.bench.patience = seconds(options.patience_s);
  std::string uri;
  auto taken = options.pack.empty() ? take_key(options, setup) : take_pack(options, setup, uri);
  if (!taken) return std::unexpected(taken.error());
  if (!options.endpoint.empty()) setup.bench.endpoint = options.endpoint;
  if (auto addresses = take_addresses(options, uri, setup); !addresses)
    return std::unexpected(addresses.error());
  return setup;
}

int summary(const Options& options, const kit::Bench& bench, const std::string& transport, bool json_wanted) {
  auto facts = bench.facts();
  facts.date = date_text();
  facts.transport = transport;
  const auto& results = bench.results();
  if (!options.report.empty())
    if (auto written = write_report(options.report, facts, results); !written) return fail(written.error());
  std::size_t remarks = 0;
  std::array<std::size_t, 4> counts{};
  for (const auto& result : results) {
    ++counts[static_cast<std::size_t>(result.verdict)];
    remarks += result.remarks();
  }
  const bool good = kit::all_passed(results) && (remarks == 0 || !options.strict);
  if (json_wanted) {
    std::printf("%s\n", json{{"event", "finished"},
                             {"passed", good},
                             {"counts",
                              {{"passed", counts[0]},
                               {"failed", counts[1]},
                               {"inconclusive", counts[2]},
                               {"not_applicable", counts[3]},
                               {"remarks", remarks}}}}
                            .dump()
                            .c_str());
  } else {
    std::printf("\n%zu passed, %zu failed, %zu inconclusive, %zu not applicable; %zu remarks\n", counts[0],
                counts[1], counts[2], counts[3], remarks);
    if (!options.report.empty()) std::printf("report: %s\n", options.report.c_str());
  }
  return good ? 0 : 1;
}

int run_faults(const Options& options, bool json_wanted) {
  auto setup = make_setup(options);
  if (!setup) return fail(setup.error());
  auto loop = net::EventLoop::create();
  if (!loop) return fail(loop.error().message());
  auto bootstrap = net::UdpSocket::bind(setup->bootstrap);
  if (!bootstrap) return fail(setup->bootstrap.to_string() + ": " + bootstrap.error().message());
  auto management = net::UdpSocket::bind(setup->management);
  if (!management) return fail(setup->management.to_string() + ": " + management.error().message());
  const bool secure = setup->bench.security == SecurityMode::psk;
  const auto uri = [&](const net::UdpSocket& socket) {
    return std::string(secure ? "coaps://" : "coap://") + setup->host + ":" +
           std::to_string(socket.local_address().port);
  };
  setup->bench.bootstrap_uri = uri(*bootstrap);
  setup->bench.management_uri = uri(*management);
  Display display(json_wanted, options.quiet);
  Run run(std::move(*setup), std::move(*loop), std::move(*bootstrap), std::move(*management), display);
  if (auto done = run.run(); !done) return fail(done.error());
  return summary(options, run.bench(), secure ? "coaps (PSK)" : "coap (NoSec)", json_wanted);
}

int list_faults(const Options& options, bool json_wanted) {
  if (options.markdown) {
    std::printf("%s", kit::markdown_catalogue().c_str());
    return 0;
  }
  json list = json::array();
  for (const auto& fault : kit::faults()) {
    const bool slow = fault.speed == kit::Speed::slow;
    if (json_wanted)
      list.push_back({{"name", fault.name},
                      {"done", fault.done},
                      {"expected", fault.expected},
                      {"why", fault.why},
                      {"slow", slow}});
    else
      std::printf("%-36s %s%s\n", std::string(fault.name).c_str(), slow ? "(slow) " : "",
                  std::string(fault.done).c_str());
  }
  if (json_wanted) std::printf("%s\n", list.dump(1).c_str());
  return 0;
}

}  // namespace

void add_kit_bootstrap_faults(Context context) {
  auto options = std::make_shared<Options>();
  auto* command =
      add_command(context, "bootstrap-faults",
                  "be a bootstrap server that misbehaves on purpose, and judge what a device makes of it",
                  "slipway kit bootstrap-faults --pack thermometer.pack.json --fast --report report.md");
  command->add_flag("--list", options->list, "show the faults");
  command->add_flag("--markdown", options->markdown, "with --list: the reference page");
  command->add_option("-f,--fault", options->faults, "a fault by name; may stand several times")
      ->type_name("NAME");
  command->add_flag("--all", options->all, "every fault; some need minutes");
  command
      ->add_flag("--fast", options->fast,
                 "those that need no EXCHANGE_LIFETIME (this is what is done without --all)")
      ->excludes("--all");
  command
      ->add_option("-p,--pack", options->pack, "factory pack of the device: its name, key and server address")
      ->type_name("FILE");
  command->add_option("-i,--identity", options->identity, "PSK identity of the device's bootstrap account")
      ->type_name("TEXT");
  command->add_option("-k,--key-file", options->key_file, "file with its key in hexadecimal")
      ->type_name("FILE");
  command->add_flag("--nosec", options->nosec, "no security on both ports");
  command->add_option("-e,--endpoint", options->endpoint, "only this device (default: the first that comes)")
      ->type_name("NAME");
  command
      ->add_option("-l,--listen", options->listen,
                   "address of the bootstrap server (default: as the pack says)")
      ->type_name("ADDRESS");
  command
      ->add_option("--management-listen", options->management_listen,
                   "address of the management server (default: a free port beside the other)")
      ->type_name("ADDRESS");
  command->add_option("--host", options->host, "name or address by which devices reach this machine")
      ->type_name("HOST");
  command
      ->add_option("-r,--report", options->report,
                   "write a report: Markdown, or JSON for a name that ends in .json")
      ->type_name("FILE");
  command
      ->add_option("--patience", options->patience_s, "seconds to wait for a device to come (default 1200)")
      ->check(CLI::Range(1U, 86400U));
  command->add_flag("--strict", options->strict, "remarks make the exit code 1 too");
  command->add_flag("-q,--quiet", options->quiet, "verdicts only, no messages");
  command->callback([options, context] {
    context.action = [options, &json = context.common.json] {
      return options->list ? list_faults(*options, json) : run_faults(*options, json);
    };
  });
}

}  // namespace slipway::cli

// SPDX-License-Identifier: Apache-2.0
// `slipway kit smartcard`: a card in the virtual reader of vsmartcard, for devices that read one.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include <nlohmann/json.hpp>

#include <slipway/base/secret.hpp>
#include <slipway/device/pack.hpp>
#include <slipway/lwm2m/smartcard_file.hpp>
#include <slipway/net/event_loop.hpp>
#include <slipway/smartcard/card.hpp>
#include <slipway/smartcard/vpcd.hpp>

#include "kit.hpp"
#include "output.hpp"
#include "pin.hpp"

namespace slipway::cli {
namespace {

constexpr std::size_t kLineMax = 256;  // of what is typed

struct Options {
  std::string file;
  std::string pack;
  std::string pin;
  std::vector<std::string> quirks;
  std::uint16_t port = smartcard::kVpcdPort;
  double remove_after_s = 0;
};

/// What the card shall hold: the file as it is, or a pack's values.
std::expected<Secret, std::string> content_of(const Options& options) {
  if (!options.file.empty()) return read_smartcard_file(options.file);
  const auto pack = device::load_pack(options.pack, builtin_objects());
  if (!pack) return std::unexpected(pack.error());
  return device::smartcard_file_of(*pack);
}

/// The card, its way into the reader, and the person who plays with it. Everything on one loop.
class Bench {
 public:
  Bench(const Options& options, bool json, net::EventLoop& loop, Secret content)
      : options_(options), json_(json), loop_(loop), card_(config_of(options), content.reveal()) {}

  std::expected<void, std::string> insert() {
    if (socket_.valid()) return {};
    const auto where = "127.0.0.1:" + std::to_string(options_.port);
    net::FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(options_.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!socket.valid() ||
        ::connect(socket.value(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      return std::unexpected(
          net::SystemError{"no virtual smartcard reader at " + where, errno,
                           "install Debian's vsmartcard-vpcd and start pcscd, or name its port with --port"}
              .message());
    ::fcntl(socket.value(), F_SETFL, O_NONBLOCK);
    socket_ = std::move(socket);
    card_.reset();
    session_.emplace(card_);
    if (auto watched = loop_.watch(socket_.value(), net::Interest::read, [this](net::Readiness) { hear(); });
        !watched)
      return std::unexpected(watched.error().message());
    tell("inserted", "the card is in the virtual reader at " + where);
    return {};
  }

  void remove(const std::string& why) {
    if (!socket_.valid()) return;
    loop_.forget(socket_.value());
    session_.reset();
    socket_ = net::FileDescriptor();
    tell("removed", why);
  }

  void reload() {
    const auto content = content_of(options_);
    if (!content) return tell("unchanged", content.error());
    card_.write(content->reveal());
    tell("changed", "the card's file has " + std::to_string(content->size()) + " bytes now");
  }

  /// Lines that a person or a test types.
  void watch_input() {
    ::fcntl(STDIN_FILENO, F_SETFL, ::fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
    // A file or /dev/null cannot be watched: then nobody types.
    (void)loop_.watch(STDIN_FILENO, net::Interest::read, [this](net::Readiness) { read_input(); });
  }

  void tell(const char* event, const std::string& detail) const {
    if (json_)
      std::printf("%s\n", nlohmann::json{{"event", event}, {"detail", detail}}
                              .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
                              .c_str());
    else
      std::printf("%s  %s: %s\n", clock_text().c_str(), event, detail.c_str());
    std::fflush(stdout);
  }

  [[nodiscard]] bool lost() const { return lost_; }

 private:
  static smartcard::CardConfig config_of(const Options& options) {
    smartcard::CardConfig config{.pin = Secret(as_bytes(options.pin))};
    for (const auto& name : options.quirks) config.quirks.add(*smartcard::parse_quirk(name));  // checked
    return config;
  }

  void hear() {
    std::array<std::uint8_t, 2048> buffer;
    const auto size = ::recv(socket_.value(), buffer.data(), buffer.size(), 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    const auto reads = card_.reads();
    const auto tries = card_.tries_left();
    const auto answer = size > 0
                            ? session_->handle_bytes(ByteView(buffer).first(static_cast<std::size_t>(size)))
                            : slipway::fail(ErrorCode::truncated, "");
    wipe(buffer);
    // Answers are small and the reader waits for each: the socket always has room.
    if (!answer || (!answer->empty() && ::send(socket_.value(), answer->data(), answer->size(),
                                               MSG_NOSIGNAL) != static_cast<ssize_t>(answer->size()))) {
      lost_ = true;
      remove("the virtual reader has ended the connection; is pcscd still running?");
      return loop_.stop();
    }
    if (reads != card_.reads())
      tell("read", "EF(LwM2M_Bootstrap), for the " + std::to_string(card_.reads()) + ". time");
    if (card_.tries_left() < tries)
      tell("pin", "refused, " + std::to_string(card_.tries_left()) + " tries left");
  }

  void read_input() {
    std::array<char, kLineMax> buffer;
    const auto size = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) return loop_.forget(STDIN_FILENO);
    line_.append(buffer.data(), static_cast<std::size_t>(size));
    for (auto end = line_.find('\n'); end != std::string::npos; end = line_.find('\n')) {
      obey(line_.substr(0, end));
      line_.erase(0, end + 1);
    }
    if (line_.size() > kLineMax) line_.clear();
  }

  void obey(const std::string& word) {
    if (word == "reload") return reload();
    if (word == "remove") return remove("by hand");
    if (word == "quit") return loop_.stop();
    if (word == "insert") {
      if (const auto inserted = insert(); !inserted) tell("not inserted", inserted.error());
      return;
    }
    tell("unknown", "type reload, remove, insert or quit");
  }

  const Options& options_;
  bool json_;
  net::EventLoop& loop_;
  smartcard::Card card_;
  net::FileDescriptor socket_;
  std::optional<smartcard::VpcdSession> session_;
  std::string line_;
  bool lost_ = false;
};

std::string problem_of(const Options& options) {
  if (options.file.empty() == options.pack.empty())
    return "say what the card holds: either --file with the content of EF(LwM2M_Bootstrap), or --pack";
  if (!options.pin.empty() && !smartcard::valid_pin(as_bytes(options.pin)))
    return "--pin: a card's PIN has 4 to 8 digits";
  return {};
}

int run_card(const Options& options, bool json) {
  if (const auto problem = problem_of(options); !problem.empty()) return fail(problem);
  auto content = content_of(options);
  if (!content) return fail(content.error());
  auto loop = net::EventLoop::create();
  if (!loop) return fail(loop.error().message());
  Bench bench(options, json, **loop, std::move(*content));
  const auto signals = net::SignalWatch::create(**loop, {SIGINT, SIGTERM, SIGHUP}, [&](int signal) {
    if (signal == SIGHUP) return bench.reload();
    (*loop)->stop();
  });
  if (!signals) return fail(signals.error().message());
  if (const auto inserted = bench.insert(); !inserted) return fail(inserted.error());
  bench.watch_input();
  std::optional<TimePoint> removal;
  if (options.remove_after_s > 0)
    removal = net_now() +
              std::chrono::duration_cast<Duration>(std::chrono::duration<double>(options.remove_after_s));
  (*loop)->run({.next_deadline = [&] { return removal; },
                .deadline_reached =
                    [&](TimePoint) {
                      removal.reset();
                      bench.remove("after " + std::to_string(options.remove_after_s) + " s, as asked for");
                    },
                .turn_ended = {}});
  if (bench.lost()) return 1;
  bench.remove("at the end");
  return 0;
}

std::vector<std::string> quirk_names() {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < smartcard::kQuirks; ++i)
    names.emplace_back(to_string(static_cast<smartcard::Quirk>(i)));
  return names;
}

}  // namespace

void add_kit_smartcard(Context context) {
  auto options = std::make_shared<Options>();
  auto* command =
      add_command(context, "smartcard",
                  "be a smartcard with bootstrap information, in the virtual reader of vsmartcard-vpcd",
                  "slipway kit smartcard --pack device.pack.json --pin 1234");
  command
      ->add_option("-f,--file", options->file,
                   "content of EF(LwM2M_Bootstrap), made by `slipway factory --smartcard`")
      ->type_name("FILE");
  command->add_option("-p,--pack", options->pack, "factory pack whose values the card shall hold")
      ->type_name("FILE");
  command
      ->add_option("--pin", options->pin,
                   "PIN that the card asks for, 4 to 8 digits (a try-out's: it is seen in the process list)")
      ->type_name("DIGITS");
  command
      ->add_option("-q,--quirk", options->quirks,
                   "what the card does differently; may be given several times")
      ->check(CLI::IsMember(quirk_names()));
  command->add_option("--port", options->port, "TCP port of the virtual reader");
  command->add_option("--remove-after", options->remove_after_s, "take the card out after so many seconds")
      ->check(CLI::NonNegativeNumber);
  command->callback([options, context] {
    context.action = [options, &json = context.common.json] { return run_card(*options, json); };
  });
}

}  // namespace slipway::cli

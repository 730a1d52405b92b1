// SPDX-License-Identifier: Apache-2.0
#include "doctor_failures.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "app.hpp"
#include "device/secure_config.hpp"
#include "doctor_report.hpp"
#include "doctor_verdict.hpp"
#include "output.hpp"

namespace slipway::cli::doctor {

using device::ConnectionFailure;
using nlohmann::json;

namespace {

constexpr std::size_t kAskedMax = 200;  // as many as the API gives

/// The last failure that a log tells of; nothing where it tells of none.
std::expected<std::optional<ConnectionFailure>, std::string> read_log(const std::string& file) {
  constexpr std::size_t kLogMax = 256 * 1024 * 1024;
  std::ifstream opened;
  if (file != "-") {
    if (std::error_code ignored; !std::filesystem::is_regular_file(file, ignored))
      return std::unexpected("--device-log " + file +
                             ": there is no such file, or it is something else; what a "
                             "command writes goes through standard input: -");
    opened.open(file);
    if (!opened) return std::unexpected("--device-log " + file + ": the file cannot be read");
  }
  std::istream& stream = file == "-" ? std::cin : opened;
  std::optional<ConnectionFailure> last;
  std::string line;
  const auto take = [&] {
    if (auto failure = device::read_failure(line)) last = std::move(failure);
    line.clear();
  };
  std::array<char, 16 * 1024> chunk;
  std::size_t size = 0;
  while (stream.read(chunk.data(), chunk.size()), stream.gcount() > 0) {
    size += static_cast<std::size_t>(stream.gcount());
    if (size > kLogMax)
      return std::unexpected("--device-log " + file +
                             ": larger than 256 MiB; give its end: tail -n 10000 LOG | "
                             "slipway doctor ENDPOINT --device-log -");
    for (const char c : std::string_view(chunk.data(), static_cast<std::size_t>(stream.gcount())))
      if (c == '\n')
        take();
      else if (line.size() <= device::kFailureLineMax)  // a longer one is none of ours
        line += c;
  }
  take();
  return last;
}

std::string list_of(const std::vector<std::string>& items, std::size_t max) {
  std::string text;
  for (std::size_t i = 0; i < std::min(items.size(), max); ++i) text += (i == 0 ? "" : ", ") + items[i];
  if (items.size() > max) text += " and " + std::to_string(items.size() - max) + " more";
  return text;
}

class Printer {
 public:
  explicit Printer(bool coloured) : coloured_(coloured) {}
  void row(const char* name, const std::string& text) const {
    if (text.empty()) return;
    std::string label(name);
    label.resize(13, ' ');
    std::printf("  %s %s\n", label.c_str(), wrapped(printable(text), std::string(16, ' '), 110).c_str());
  }
  void head(const std::string& text) const {
    std::printf("%s%s%s\n", coloured_ ? "\033[1m" : "", printable(text).c_str(), coloured_ ? "\033[0m" : "");
  }

 private:
  bool coloured_;
};

std::string who_refused(const ServerView& view) {
  if (view.refused_by == "server") return "the " + view.server + " server refused it";
  if (view.refused_by == "device") return "the device refused the " + view.server + " server";
  return "nobody refused: it came to nothing at the " + view.server + " server";
}

std::string identity_row(const ServerView& view) {
  if (view.fingerprint.empty()) return "";
  auto text = view.mode + " " + view.fingerprint;
  if (view.endpoint.empty() && view.credential_state.empty())
    return text + ", of no device that is known here";
  if (!view.credential_state.empty()) text += ", its credential is " + view.credential_state;
  if (view.created_ms != 0) text += ", made " + device::date_text(UnixTime(milliseconds(view.created_ms)));
  return text;
}

std::string offer_row(const ServerView& view) {
  if (view.version.empty()) return "";
  auto text = view.version + ", " + list_of(view.suites, 6);
  if (!view.groups.empty()) text += "; curves " + list_of(view.groups, 6);
  if (!view.server_name.empty()) text += "; for the name " + view.server_name;
  return text;
}

void print(const Printer& out, const ServerView& view, const std::optional<ConnectionFailure>& device) {
  const auto name = view.endpoint.empty() ? "somebody at " + view.address : view.endpoint;
  out.head(name + ": " + view.reason + ", " + age_text(view.last_ms) +
           (view.times > 1 ? ", " + std::to_string(view.times) + " times since " +
                                 device::date_text(UnixTime(milliseconds(view.first_ms)))
                           : ""));
  out.row("who", who_refused(view) + ", from " + view.address + (view.protocol == "TLS" ? " (TCP)" : ""));
  out.row("identity", identity_row(view));
  out.row("noticed", view.detail);
  if (!view.alert.empty())
    out.row("alert",
            view.alert + " (" + std::to_string(view.alert_number) + "), sent by the " + view.refused_by);
  out.row("offered", offer_row(view));
  out.row("chosen", view.chosen);
  out.row("certificate", view.certificate);
  if (device) out.row("device says", to_text(*device));
  const auto verdict = judge(device, &view);
  out.row("verdict", verdict.sentence);
  out.row("remedy", verdict.remedy);
  std::printf("\n");
}

struct Found {
  std::vector<ServerView> of_device, all;
  json raw = json::array();
};

std::expected<Found, std::string> ask(const HttpClient& http, const FailuresOptions& options) {
  Found found;
  const auto take = [&](const std::string& query,
                        std::vector<ServerView>& into) -> std::expected<void, std::string> {
    const auto answer = http.call("GET", "/api/v1/handshakes/failures?" + query);
    if (!answer) return std::unexpected(answer.error());
    if (!answer->ok()) return std::unexpected(answer->problem());
    found.raw = answer->body.value("failures", json::array());
    for (const auto& one : found.raw) into.push_back(read_view(one));
    return {};
  };
  const bool with_log = !options.device_log.empty();
  if (with_log || options.endpoint.empty()) {
    const auto limit = with_log ? kAskedMax : options.limit;
    if (auto taken = take("limit=" + std::to_string(limit), found.all); !taken)
      return std::unexpected(taken.error());
  }
  if (options.endpoint.empty()) return found;
  const auto query = "endpoint=" + segment(options.endpoint) + "&limit=" + std::to_string(options.limit);
  if (auto taken = take(query, found.of_device); !taken) return std::unexpected(taken.error());
  return found;
}

/// Whether the device is there in spite of all that: since when it was last heard, or 0.
std::int64_t heard_ms(const HttpClient& http, const std::string& endpoint) {
  if (endpoint.empty()) return 0;
  const auto answer = http.call("GET", "/api/v1/devices/" + segment(endpoint));
  return answer && answer->ok() ? answer->body.value("updated_ms", std::int64_t{0}) : 0;
}

void print_registration(const FailuresOptions& options, std::int64_t heard,
                        const std::vector<ServerView>& views) {
  if (options.endpoint.empty() || heard == 0) return;
  const bool since = views.empty() || heard > views.front().last_ms;
  std::printf("%s is registered, last heard %s%s\n", printable(options.endpoint).c_str(),
              age_text(heard).c_str(), since && !views.empty() ? ": after the failures above" : "");
}

void print_nothing(const FailuresOptions& options, bool registered) {
  if (options.endpoint.empty())
    std::printf("no handshake has failed that the server remembers\n");
  else
    std::printf("no handshake with an identity of %s has failed that the server remembers\n",
                printable(options.endpoint).c_str());
  if (options.endpoint.empty() || registered) return;
  std::printf(
      "  → %s\n",
      wrapped(
          "if it does not come, its datagrams do not arrive, or it uses an identity that is not known here: "
          "`slipway doctor` lists all, `slipway credentials " +
              printable(options.endpoint) + "` what it was given, and --device-log FILE takes its own word",
          "    ", 110)
          .c_str());
}

json verdict_json(const std::optional<ConnectionFailure>& device, const ServerView* view) {
  const auto verdict = judge(device, view);
  return {{"verdict", verdict.sentence}, {"remedy", verdict.remedy}};
}

int print_json(const Found& found, const std::vector<ServerView>& views,
               const std::optional<ConnectionFailure>& device, const ServerView* partner) {
  json out{{"failures", found.raw}};
  for (std::size_t i = 0; i < views.size() && i < out["failures"].size(); ++i)
    out["failures"][i].update({{"verdict", judge({}, &views[i]).sentence}});
  if (device) {
    out["device"] = {{"log", to_text(*device)}};
    out["together"] = verdict_json(device, partner);
  }
  std::printf("%s\n", out.dump(2, ' ', false, json::error_handler_t::replace).c_str());
  return 0;
}

}  // namespace

int show_failures(const FailuresOptions& options, bool as_json) {
  std::optional<ConnectionFailure> device;
  if (!options.device_log.empty()) {
    auto read = read_log(options.device_log);
    if (!read) return fail(read.error());
    if (!*read) return fail("--device-log " + options.device_log + ": it tells of no connection that failed");
    device = std::move(*read);
  }
  const auto http = HttpClient::create(options.server);
  if (!http) return fail(http.error());
  const auto found = ask(*http, options);
  if (!found) return fail(found.error());
  const auto& views = options.endpoint.empty() ? found->all : found->of_device;
  const ServerView* partner = nullptr;
  if (device) {
    partner = counterpart(*device, found->of_device);
    if (partner == nullptr) partner = counterpart(*device, found->all);
  }
  if (as_json) return print_json(*found, views, device, partner);
  const Printer out(coloured(STDOUT_FILENO));
  const auto heard = heard_ms(*http, options.endpoint);
  if (device) {
    if (partner != nullptr) {
      print(out, *partner, device);
    } else {
      const auto verdict = judge(device, nullptr);
      out.head("the device alone");
      out.row("device says", to_text(*device));
      out.row("verdict", verdict.sentence);
      out.row("remedy", verdict.remedy);
      std::printf("\n");
    }
    print_registration(options, heard, views);
    return 0;
  }
  for (std::size_t i = 0; i < std::min(views.size(), options.limit); ++i) print(out, views[i], std::nullopt);
  if (views.empty()) print_nothing(options, heard != 0);
  print_registration(options, heard, views);
  return 0;
}

}  // namespace slipway::cli::doctor

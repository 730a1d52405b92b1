// SPDX-License-Identifier: Apache-2.0
#include "doctor_verdict.hpp"

#include <algorithm>

#include <slipway/base/time.hpp>
#include <slipway/security/dtls/facts.hpp>

#include "device/secure_config.hpp"

namespace slipway::cli::doctor {

using device::ConnectionFailure;
using nlohmann::json;

namespace {

std::string text_in(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::int64_t number_in(const json& object, const char* name, std::int64_t fallback) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : fallback;
}

std::vector<std::string> texts_in(const json& object, const char* name) {
  std::vector<std::string> texts;
  const auto found = object.find(name);
  if (found == object.end() || !found->is_array()) return texts;
  for (const auto& item : *found)
    if (item.is_string()) texts.push_back(item.get<std::string>());
  return texts;
}

std::string date_in(const json& object, const char* name) {
  return device::date_text(UnixTime(milliseconds(number_in(object, name, 0))));
}

bool is(const ConnectionFailure& device, const char* reason) {
  return device.reason == reason;
}

bool fell_silent(const ConnectionFailure& device) {
  return is(device, "timeout");
}
/// What to do where the device does not believe its server.
const char* remedy_of_distrust(const ConnectionFailure& device, const char* otherwise) {
  return device.detail.find("trust store") == std::string::npos
             ? otherwise
             : "give the device its trust store (`slipway client --trust-store FILE`), with the root of the "
               "server's "
               "chain in it; or write certificate_usage = 2 or 3 in the plan";
}
bool heard_nothing(const ConnectionFailure& device) {
  return fell_silent(device) && device.detail.starts_with("nothing came back");
}

std::string identity_of(const ServerView& server) {
  return "the identity " + server.fingerprint;
}

/// A sentence on what the server knows of the credential.
std::string credential_words(const ServerView& server) {
  if (server.created_ms == 0) return "";
  return " The server's key was made on " + device::date_text(UnixTime(milliseconds(server.created_ms))) +
         (server.credential_state == "issued" ? " and has never opened a session: the device may not have it."
                                              : ".");
}

/// What the device alone can say: this server has seen nothing of it.
Verdict of_device(const ConnectionFailure& device) {
  if (device.outcome == "name unknown")
    return {"The device does not find the server's name: " + device.detail,
            "correct the URI in its account (/0/x/0: " + device.uri + "), or its name server"};
  if (device.reason.empty())
    return {"The device does not get as far as a handshake: " + device.detail,
            "correct what it names; its server is " + device.uri};
  if (heard_nothing(device))
    return {
        "The device's hellos get no answer, and this server has not seen it: its datagrams do not arrive "
        "here",
        "compare " + device.uri +
            " with the address and port that the server listens on, and look for a firewall that stops UDP"};
  if (fell_silent(device))
    return {"A server begins the handshake and then falls silent (" + device.detail +
                "), and this server knows "
                "nothing of it",
            "see whether " + device.uri +
                " is this server: another one may answer there, or the failure is no "
                "longer kept here"};
  if (is(device, "peer not trusted"))
    return {"The device does not believe the server: " + device.detail +
                (device.certificate.empty() ? "" : ". It was shown " + device.certificate),
            remedy_of_distrust(device, "compare that with its account: /0/x/4, 13, 14 and 15")};
  if (is(device, "refused by the peer") && device.alert) {
    const auto alert = static_cast<security::dtls::Alert>(*device.alert);
    return {"A server refuses the device with " + security::dtls::alert_text(alert) + " (" +
                security::dtls::meaning_of(alert) + "), and this server knows nothing of it",
            "see whether " + device.uri + " is this server; if so, the failure is no longer kept: try again"};
  }
  return {"The device says: " + device.reason + ": " + device.detail, "the server has nothing to add"};
}

Verdict of_keys(const ConnectionFailure* device, const ServerView& server) {
  std::string sentence = "Device and server mean the same identity (" + server.fingerprint +
                         ") and hold different keys." + credential_words(server);
  if (device == nullptr)
    sentence = "The device uses " + identity_of(server) + " with another key than the server has." +
               credential_words(server);
  else if (fell_silent(*device))
    sentence += " The device never got the server's alert, and gave up by itself.";
  return {sentence,
          server.server == "bootstrap"
              ? "give the device the server's key: a new pack by `slipway factory`"
              : "let the device bootstrap again, which it does by itself when it has given this server up "
                "(`slipway journey` shows it), or give it a new pack by `slipway factory`"};
}

Verdict of_unknown(const ConnectionFailure* device, const ServerView& server) {
  std::string sentence = "The device uses " + identity_of(server) + ", and the " + server.server +
                         " server knows no such identity";
  if (device != nullptr && !device->uri.empty()) sentence += "; it was sent there by " + device->uri;
  return {sentence,
          "enrol the device at this server with `slipway factory`, or give its account the address of the "
          "server that it is enrolled at"};
}

/// The table: what the server noticed decides; the device's view is added where it tells more.
Verdict of_server(const ConnectionFailure* device, const ServerView& server) {
  if (server.credential_state == "retired")
    return {"The device uses a credential that is dead: " + server.explanation, server.remedy};
  if (server.reason == "wrong key") return of_keys(device, server);
  // The server has an explanation of its own where the identity belongs to another role or mode.
  if (server.reason == "unknown identity" && server.endpoint.empty()) return of_unknown(device, server);
  if (server.reason == "no common suite" && device != nullptr && !device->offered.empty())
    return {
        "There is no suite that both take: the device offers " + device->offered + "; " + server.explanation,
        server.remedy};
  if (server.reason == "refused by the peer" && device != nullptr && is(*device, "peer not trusted"))
    return {"The device does not believe the server: " + device->detail +
                (device->certificate.empty() ? "" : ". It was shown " + device->certificate),
            remedy_of_distrust(*device, server.remedy.c_str())};
  if (server.reason == "peer not trusted")
    return {"The server does not take the device's key or certificate: " + server.detail +
                (server.certificate.empty() ? "" : " (" + server.certificate + ")"),
            server.remedy};
  if (server.reason == "timeout" && server.protocol == "TLS")
    return {"The connection came to nothing in the middle of the handshake: " + server.detail,
            "see the device's log: it may have been switched off, or whoever came is no device; a proxy or "
            "firewall "
            "in between may cut what it does not know"};
  if (server.reason == "timeout" && (device == nullptr || fell_silent(*device)))
    return {
        "Each side waits for the other: the server saw the device's hello and then nothing (" +
            server.detail + "), so datagrams are lost, mostly the large ones of one direction",
        "look for a firewall, or a path that takes no datagrams of 1,200 bytes; a NAT that forgets within "
        "seconds does the same"};
  return {"The " + server.server + " server says: " + server.explanation, server.remedy};
}

}  // namespace

ServerView read_view(const json& failure) {
  ServerView view;
  if (!failure.is_object()) return view;
  view.server = text_in(failure, "server");
  view.address = text_in(failure, "address");
  view.endpoint = text_in(failure, "endpoint");
  view.reason = text_in(failure, "reason");
  view.refused_by = text_in(failure, "refused_by");
  view.detail = text_in(failure, "detail");
  view.explanation = text_in(failure, "explanation");
  view.remedy = text_in(failure, "remedy");
  view.alert = text_in(failure, "alert");
  view.mode = text_in(failure, "mode");
  view.protocol = text_in(failure, "protocol");
  view.fingerprint = text_in(failure, "identity_fingerprint");
  view.credential_state = text_in(failure, "credential_state");
  view.chosen = text_in(failure, "chosen_suite");
  view.server_name = text_in(failure, "server_name");
  view.version = text_in(failure, "offered_version");
  view.suites = texts_in(failure, "offered_suites");
  view.groups = texts_in(failure, "offered_groups");
  view.alert_number = static_cast<int>(number_in(failure, "alert_number", -1));
  view.first_ms = number_in(failure, "first_ms", 0);
  view.last_ms = number_in(failure, "last_ms", 0);
  view.times = number_in(failure, "times", 1);
  view.created_ms = number_in(failure, "credential_created_ms", 0);
  if (const auto found = failure.find("certificate"); found != failure.end() && found->is_object())
    view.certificate = "\"" + text_in(*found, "subject") + "\", issued by \"" + text_in(*found, "issuer") +
                       "\", valid from " + date_in(*found, "not_before_ms") + " to " +
                       date_in(*found, "not_after_ms") + ", SHA-256 " + text_in(*found, "fingerprint");
  return view;
}

const ServerView* counterpart(const ConnectionFailure& device, const std::vector<ServerView>& views) {
  const auto of_identity = std::ranges::find_if(views, [&](const ServerView& view) {
    return !device.identity_fingerprint.empty() && view.fingerprint == device.identity_fingerprint;
  });
  if (of_identity != views.end()) return &*of_identity;
  // Before an identity is named there is only the alert, and who sent it.
  const auto of_alert = std::ranges::find_if(views, [&](const ServerView& view) {
    if (!view.fingerprint.empty() || !device.alert || view.alert_number != *device.alert) return false;
    const bool from_device = device.alerted == ConnectionFailure::Alerted::sent;
    return view.refused_by == (from_device ? "device" : "server");
  });
  return of_alert == views.end() ? nullptr : &*of_alert;
}

Verdict judge(const std::optional<ConnectionFailure>& device, const ServerView* server) {
  if (server == nullptr) return of_device(*device);
  return of_server(device ? &*device : nullptr, *server);
}

}  // namespace slipway::cli::doctor

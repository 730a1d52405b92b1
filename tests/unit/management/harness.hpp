// SPDX-License-Identifier: Apache-2.0
// A management server and scripted devices. Time is a variable.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <slipway/coap/endpoint.hpp>
#include <slipway/lwm2m/registration.hpp>
#include <slipway/management/server.hpp>

namespace slipway::test {

struct DeviceReply {
  coap::Code code = coap::Code::content;
  std::string payload{};
  std::optional<std::uint16_t> format{};
  std::optional<std::uint32_t> observe{};
  std::string location{};
};

/// A device over a CoAP endpoint of its own; what it answers is a script.
class Device {
 public:
  explicit Device(std::uint64_t seed) : random_(seed), coap_({}, random_) {}

  struct Asked {
    std::string what;  ///< "GET /3/0?pmin=1"
    std::optional<std::uint16_t> accept;
    std::optional<std::uint16_t> format;
    std::optional<std::uint32_t> observe;
    std::string payload;
    coap::Token token;
  };
  std::vector<Asked> asked;
  std::vector<coap::Code> answers;
  std::string location;  ///< of the last 2.01
  bool silent = false;   ///< hears nothing
  bool ignores = false;  ///< leaves requests unanswered
  std::function<DeviceReply(const Asked&)> reply = [](const Asked& request) {
    if (request.what.starts_with("GET"))
      return DeviceReply{coap::Code::content, "21.5", 0, request.observe, {}};
    return DeviceReply{coap::Code::changed};
  };

  void send(TimePoint now, coap::Code method, std::string_view path,
            std::vector<std::string_view> queries = {}, std::string_view payload = {},
            std::optional<std::uint16_t> format = {}) {
    const auto sent = coap_.request(now, server_,
                                    {.code = method,
                                     .path = path,
                                     .queries = queries,
                                     .content_format = format,
                                     .payload = as_bytes(payload)});
    if (!sent) std::abort();
  }
  void notify(TimePoint now, const coap::Token& token, std::string_view text, std::uint32_t sequence,
              coap::Code code = coap::Code::content) {
    coap::OutgoingResponse response{.code = code, .payload = as_bytes(text)};
    if (coap::is_success(code)) response.observe = sequence, response.content_format = 0;
    if (!coap_.notify(now, server_, token, coap::Type::confirmable, response, 0)) std::abort();
  }
  std::optional<Bytes> poll() {
    const auto transmit = coap_.poll_transmit();
    if (!transmit) return std::nullopt;
    return Bytes(transmit->bytes.begin(), transmit->bytes.end());
  }
  void receive(TimePoint now, ByteView datagram) {
    if (silent) return;
    coap_.handle_datagram(now, server_, datagram);
    while (const auto event = coap_.poll_event()) {
      if (const auto* response = std::get_if<coap::ResponseReceived>(&*event)) {
        answers.push_back(response->message.code);
        if (response->message.code == coap::Code::created)
          location = lwm2m::location_of(response->message).view();
      } else if (const auto* request = std::get_if<coap::RequestReceived>(&*event)) {
        answer(now, *request);
      }
    }
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& one : asked) names.push_back(one.what);
    return names;
  }

 private:
  void answer(TimePoint now, const coap::RequestReceived& request) {
    const auto& message = request.message;
    std::string what =
        std::string(coap::describe(message.code).view()) + " " + std::string(message.uri_path().view());
    char separator = '?';
    for (std::size_t i = 0; i < message.option_count(); ++i) {
      if (message.option(i).number != coap::OptionNumber::uri_query) continue;
      what += separator;
      what += message.option(i).text();
      separator = '&';
    }
    asked.push_back({what, message.accept(), message.content_format(), message.observe(),
                     std::string(as_text(message.payload)), message.token});
    if (ignores) return;
    const auto scripted = reply(asked.back());
    coap::OutgoingResponse response{.code = scripted.code,
                                    .content_format = scripted.format,
                                    .location_path = scripted.location,
                                    .payload = as_bytes(scripted.payload)};
    if (scripted.observe == 0u) response.observe = 1;
    if (!coap_.respond(now, request.id, response)) std::abort();
  }
  PeerId server_{1};
  SeededRandom random_;
  coap::Endpoint coap_;
};

class ManagementHarness {
 public:
  explicit ManagementHarness(const management::ServerConfig& config = {})
      : server(config, builtin_objects(), random_) {}

  TimePoint now{};
  UnixTime wall{};
  std::vector<std::string> events;  ///< "registered dev", "done /3/0 2.05", ...
  std::vector<std::string> refusals;
  std::vector<std::string> values;  ///< of answers, as a person sees them

 private:
  SeededRandom random_{5};
  std::map<std::uint64_t, std::pair<Device*, PeerContext>> peers_;

 public:
  management::Server server;

  void attach(Device& device, const PeerContext& peer) { peers_[peer.id.value()] = {&device, peer}; }

  void settle() {
    for (bool moved = true; moved;) {
      moved = false;
      while (const auto event = server.poll_event()) {
        moved = true;
        std::visit([&](const auto& one) { handle(one); }, *event);
      }
      while (const auto transmit = server.poll_transmit()) {
        moved = true;
        const auto found = peers_.find(transmit->peer.value());
        if (found != peers_.end()) found->second.first->receive(now, transmit->bytes);
      }
      for (auto& [id, entry] : peers_)
        while (const auto datagram = entry.first->poll()) {
          moved = true;
          server.handle_datagram(now, wall, entry.second, *datagram);
        }
    }
  }
  void run_for(Duration limit) {
    const auto end = now + limit;
    settle();
    for (auto next = server.next_timeout(); next && *next <= end; next = server.next_timeout()) {
      now = std::max(now, *next);
      server.handle_timeout(now);
      settle();
    }
    now = end;
  }
  void register_device(Device& device, const PeerContext& peer, std::vector<std::string_view> queries,
                       std::string_view links = "</1/0>,</3/0>") {
    attach(device, peer);
    device.send(now, coap::Code::post, "/rd", std::move(queries), links, 40);
    settle();
  }

 private:
  static std::string text(std::string_view view) { return std::string(view); }
  void note_values(const management::Answer& answer) {
    for (const auto& entry : answer.entries)
      values.push_back(text(entry.path.text()) + "=" + entry.value.to_display());
  }
  void handle(const management::Registered& event) {
    events.push_back((event.replaced ? "replaced " : "registered ") + text(event.registration.endpoint));
  }
  void handle(const management::Updated& event) {
    events.push_back((event.changed ? "changed " : "refreshed ") + text(event.registration.endpoint));
  }
  void handle(const management::Deregistered& event) {
    events.push_back(text(to_string(event.end)) + " " + text(event.registration.endpoint));
  }
  void handle(const management::OperationDone& event) {
    std::string result;
    if (const auto* answer = std::get_if<management::Answer>(&event.result)) {
      result = text(coap::to_string(answer->code));
      note_values(*answer);
    } else {
      result = to_string(std::get<management::OperationFailure>(event.result));
    }
    events.push_back("done " + text(event.path.text()) + " " + result);
  }
  void handle(const management::Notified& event) {
    note_values(event.answer);
    events.push_back("notified " + text(event.path.text()));
  }
  void handle(const management::ObservationEnded& event) {
    events.push_back("observation ended " + text(event.path.text()));
  }
  void handle(const management::Sent& event) {
    note_values(event.answer);
    events.push_back("sent " + text(event.endpoint));
  }
  void handle(const management::RegistrationRefused& event) {
    events.push_back("refused " + text(event.endpoint) + " " + text(coap::to_string(event.code)));
    refusals.push_back(text(event.reason));
  }
};

inline PeerContext secure_peer(std::uint64_t id, std::string_view endpoint) {
  return {.id = PeerId(id),
          .security = SecurityMode::psk,
          .endpoint = endpoint,
          .address = Address::v4(10, 0, 0, 1, static_cast<std::uint16_t>(id))};
}
inline PeerContext plain_peer(std::uint64_t id) {
  return {.id = PeerId(id), .address = Address::v4(10, 0, 0, 2, static_cast<std::uint16_t>(id))};
}

}  // namespace slipway::test

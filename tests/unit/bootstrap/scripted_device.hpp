// SPDX-License-Identifier: Apache-2.0
// A device that answers a bootstrap server by a script, over a CoAP endpoint of its own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <slipway/bootstrap/server.hpp>
#include <slipway/coap/endpoint.hpp>

namespace slipway::test {

/// What a server asked, as a person would write it: "PUT /0/1".
struct Asked {
  std::string what;
  Bytes payload;
  std::optional<std::uint16_t> format;
  std::optional<std::uint16_t> accept;
};

struct Reply {
  coap::Code code = coap::Code::changed;
  std::string payload{};
};

class ScriptedDevice {
 public:
  explicit ScriptedDevice(std::uint64_t seed, const coap::EndpointConfig& config = {})
      : random_(seed), coap_(config, random_) {}

  std::string discover = "</>;lwm2m=1.1,</0/0>,</1>,</3/0>";
  /// What Bootstrap-Reads get; anything else is answered 4.05.
  struct Readable {
    ContentFormat format = ContentFormat::senml_cbor;
    Bytes payload;
  };
  std::map<std::string, Readable> reads;
  /// Replies that differ from success, by what was asked.
  std::function<std::optional<Reply>(const std::string&)> reply = [](const std::string&) {
    return std::nullopt;
  };
  bool silent = false;
  std::vector<Asked> asked;
  std::vector<coap::Code> answers;  ///< to what the device asked
  Bytes answer_payload;             ///< of the last of them
  std::optional<std::uint16_t> answer_format;

  void post(TimePoint now, std::string_view path, std::vector<std::string_view> queries,
            coap::Code method = coap::Code::post, std::optional<std::uint16_t> accept = {}) {
    ASSERT_(coap_.request(now, server_, {.code = method, .path = path, .queries = queries, .accept = accept})
                .has_value());
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
        const auto& message = response->message;
        answers.push_back(message.code);
        answer_payload.assign(message.payload.begin(), message.payload.end());
        answer_format = message.content_format();
      } else if (const auto* request = std::get_if<coap::RequestReceived>(&*event)) {
        answer(now, *request);
      }
    }
  }
  void handle_timeout(TimePoint now) { coap_.handle_timeout(now); }
  [[nodiscard]] std::optional<TimePoint> next_timeout() const { return coap_.next_timeout(); }

  [[nodiscard]] std::vector<std::string> asked_names() const {
    std::vector<std::string> names;
    for (const auto& one : asked) names.push_back(one.what);
    return names;
  }

 private:
  static void ASSERT_(bool good) {
    if (!good) std::abort();
  }
  void answer(TimePoint now, const coap::RequestReceived& request) {
    const auto& message = request.message;
    const auto what =
        std::string(coap::describe(message.code).view()) + " " + std::string(message.uri_path().view());
    asked.push_back({what, Bytes(message.payload.begin(), message.payload.end()), message.content_format(),
                     message.accept()});
    if (const auto scripted = reply(what)) {
      ASSERT_(coap_.respond(now, request.id, {.code = scripted->code, .payload = as_bytes(scripted->payload)})
                  .has_value());
      return;
    }
    coap::OutgoingResponse response{.code = coap::Code::changed};
    if (message.code == coap::Code::del) response.code = coap::Code::deleted;
    if (message.code == coap::Code::get && what == "GET /") {
      response.code = coap::Code::content;
      response.content_format = 40;
      response.payload = as_bytes(discover);
    } else if (message.code == coap::Code::get) {
      const auto found = reads.find(what.substr(4));
      response.code = found == reads.end() ? coap::Code::method_not_allowed : coap::Code::content;
      if (found != reads.end()) {
        response.content_format = static_cast<std::uint16_t>(found->second.format);
        response.payload = found->second.payload;
      }
    }
    ASSERT_(coap_.respond(now, request.id, response).has_value());
  }

  PeerId server_{1};
  SeededRandom random_;
  coap::Endpoint coap_;
};

}  // namespace slipway::test

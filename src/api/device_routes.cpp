// SPDX-License-Identifier: Apache-2.0
#include <slipway/api/device_routes.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <expected>
#include <map>

#include <nlohmann/json.hpp>

#include <slipway/api/standard_routes.hpp>

#include "answers.hpp"
#include "credential_routes.hpp"
#include "write_body.hpp"

namespace slipway::api {

using nlohmann::json;
using node::Node;
using node::OperationResult;

namespace {

constexpr const char* kSeeBodies = "such as {\"value\": 5}, or {\"values\": {\"1\": 300}} for an instance";
constexpr const char* kSeeAttributes = "such as {\"pmin\": 5, \"pmax\": 60}";

Response unknown_device(std::string_view endpoint) {
  return Response::error({.status = 404,
                          .code = "unknown_device",
                          .message = "no device " + std::string(endpoint) + " is registered",
                          .remedy = "GET /api/v1/devices lists those that are"});
}
std::optional<Path> path_of(const Request& request) {
  const auto path = Path::parse("/" + std::string(request.parameter("path")));
  if (!path || !path->has_object()) return std::nullopt;
  for (std::size_t i = 0; i < path->depth(); ++i)
    if (path->id_at(i) == kReservedId) return std::nullopt;
  return *path;
}

/// A `limit` above `max` is `max`. Nothing when it is not a number above 0.
std::optional<std::size_t> limit_of(const Request& request, std::size_t fallback, std::size_t max) {
  const auto text = request.query_value("limit");
  if (!text) return fallback;
  const auto digits = std::all_of(text->begin(), text->end(), [](char c) { return c >= '0' && c <= '9'; });
  if (text->empty() || !digits) return std::nullopt;
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error == std::errc::result_out_of_range) return max;
  if (value == 0) return std::nullopt;
  return std::min(value, max);
}

Response bad_limit() {
  return bad_request("limit is not a number above 0", "write one such as ?limit=20");
}

/// Parses the body, "" as an empty object.
std::optional<json> body_of(const Request& request) {
  if (request.body.empty()) return json::object();
  auto body = json::parse(request.body, nullptr, false);
  if (body.is_discarded() || !body.is_object()) return std::nullopt;
  return body;
}

/// A handler for one operation on a path of a registered device.
using Operation = std::function<void(Node&, const std::string& endpoint, const Path&, const Request&,
                                     const json& body, const Responder&)>;

Handler operation(Node& node, Operation run) {
  return [&node, run = std::move(run)](Request request, Responder responder) {
    const auto path = path_of(request);
    if (!path)
      return responder.answer(
          bad_request("\"/" + std::string(request.parameter("path")) + "\" is not a path of a device",
                      "write one such as /3/0/0"));
    auto body = body_of(request);
    if (!body)
      return responder.answer(
          bad_request("the body is not a JSON object", "write one such as {\"value\": 5}"));
    on_loop(node, responder,
            [&node, run, request = std::move(request), responder, path = *path, body = std::move(*body)] {
              const std::string endpoint(request.parameter("endpoint"));
              if (!node.device(endpoint)) return responder.answer(unknown_device(endpoint));
              run(node, endpoint, path, request, body, responder);
            });
  };
}

node::OnResult answer_with(Node& node, const Responder& responder) {
  return [&node, responder](const OperationResult& result) { responder.answer(response_of(result, node)); };
}

void read(Node& node, const std::string& endpoint, const Path& path, const Request& request, const json&,
          const Responder& responder) {
  std::optional<ContentFormat> format;
  if (const auto text = request.query_value("format")) {
    const auto parsed = parse_content_format(*text);
    if (!parsed)
      return responder.answer(bad_request("\"" + std::string(*text) + "\" is not a content format",
                                          "write text, senml-json, senml-cbor, lwm2m-cbor or tlv"));
    format = *parsed;
  }
  node.read(endpoint, path, format, answer_with(node, responder));
}

void write(Node& node, const std::string& endpoint, const Path& path, const Request& request,
           const json& body, const Responder& responder) {
  if (!path.has_instance())
    return responder.answer(
        bad_request("only an instance or a resource can be written", "name an instance, such as /1/0"));
  auto values = read_write_body(body, path, node.catalog());
  if (!values) return responder.answer(bad_request(values.error(), kSeeBodies));
  const auto mode = request.query_value("mode").value_or("replace");
  if (mode != "replace" && mode != "partial")
    return responder.answer(
        bad_request("mode is neither replace nor partial", "add ?mode=partial, or leave it out"));
  node.write(endpoint,
             {.path = path,
              .mode = mode == "partial" ? management::WriteMode::partial : management::WriteMode::replace,
              .values = std::move(*values)},
             answer_with(node, responder));
}

/// "pmin=5" of {"pmin": 5}, "pmin" of {"pmin": null}; without an exponent. [LwM2M-CORE 1.2 §7.3]
std::expected<std::string, std::string> attribute_query(const std::string& name, const json& value) {
  constexpr std::size_t kNameMax = 16;
  const bool word = !name.empty() && name.size() <= kNameMax &&
                    std::all_of(name.begin(), name.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  if (!word) return std::unexpected("this is no attribute's name");
  if (value.is_null()) return name;
  if (value.is_number_integer()) return name + "=" + value.dump();
  if (!value.is_number()) return std::unexpected("a number is expected, or null to remove it");
  std::array<char, 32> text;
  const auto [end, error] =
      std::to_chars(text.data(), text.data() + text.size(), value.get<double>(), std::chars_format::fixed);
  if (error != std::errc()) return std::unexpected("the number is too long");
  return name + "=" + std::string(text.data(), end);
}

void write_attributes(Node& node, const std::string& endpoint, const Path& path, const Request&,
                      const json& body, const Responder& responder) {
  if (body.empty()) return responder.answer(bad_request("no attribute is given", kSeeAttributes));
  if (body.size() > kAttributesMax)
    return responder.answer(
        bad_request("more than " + std::to_string(kAttributesMax) + " attributes", kSeeAttributes));
  std::vector<std::string> attributes;
  for (const auto& [name, value] : body.items()) {
    auto query = attribute_query(name, value);
    if (!query) return responder.answer(bad_request("\"" + name + "\": " + query.error(), kSeeAttributes));
    attributes.push_back(std::move(*query));
  }
  node.write_attributes(endpoint, path, attributes, answer_with(node, responder));
}

void execute(Node& node, const std::string& endpoint, const Path& path, const Request&, const json& body,
             const Responder& responder) {
  if (path.level() != PathLevel::resource)
    return responder.answer(bad_request("only a resource can be executed", "name one, such as /3/0/4"));
  const auto arguments = body.value("arguments", json(""));
  if (!arguments.is_string() || arguments.get_ref<const std::string&>().size() > kArgumentsMax)
    return responder.answer(
        bad_request("arguments is not a text of at most " + std::to_string(kArgumentsMax) + " bytes",
                    "such as {\"arguments\": \"0='7'\"}"));
  node.execute(endpoint, path, arguments.get_ref<const std::string&>(), answer_with(node, responder));
}

void observe(Node& node, const std::string& endpoint, const Path& path, const Request&, const json&,
             const Responder& responder) {
  node.observe(endpoint, path, [&node, responder](std::uint64_t observation, const OperationResult& result) {
    responder.answer(
        response_of(result, node, observation == 0 ? json::object() : json{{"observation", observation}}));
  });
}

void create(Node& node, const std::string& endpoint, const Path& path, const Request&, const json& body,
            const Responder& responder) {
  if (path.depth() > 2)
    return responder.answer(
        bad_request("an instance is created at /object or /object/instance", "such as /2"));
  const Path instance = path.has_instance() ? path : path.child(kReservedId);
  std::expected<std::vector<std::pair<Path, OwnedValue>>, std::string> values;
  if (!body.empty()) values = read_write_body(body, instance, node.catalog());
  if (!values) return responder.answer(bad_request(values.error(), kSeeBodies));
  node.create(endpoint, path.object(), *values, answer_with(node, responder));
}

void list_devices(Node& node, const Request& request, const Responder& responder) {
  const auto limit = limit_of(request, kPageDefault, kPageMax);
  if (!limit) return responder.answer(bad_limit());
  std::string after(request.query_value("after").value_or(""));
  on_loop(node, responder, [&node, responder, limit = *limit, after = std::move(after)] {
    json list = json::array();
    for (const auto& device : node.devices(after, limit)) list.push_back(node::to_json(device));
    responder.answer(Response::json({{"devices", std::move(list)}}));
  });
}

void show_device(Node& node, const Request& request, const Responder& responder) {
  on_loop(node, responder, [&node, responder, endpoint = std::string(request.parameter("endpoint"))] {
    const auto device = node.device(endpoint);
    responder.answer(device ? Response::json(node::to_json(*device)) : unknown_device(endpoint));
  });
}

void list_failed_handshakes(Node& node, const Request& request, const Responder& responder) {
  const auto limit = limit_of(request, kFailuresDefault, kFailuresMax);
  if (!limit) return responder.answer(bad_limit());
  on_loop(node, responder,
          [&node, responder, limit = *limit,
           endpoint = std::string(request.query_value("endpoint").value_or(""))] {
            json list = json::array();
            for (const auto& failure : node.failed_handshakes(endpoint, limit))
              list.push_back(node::to_json(failure));
            responder.answer(Response::json({{"failures", std::move(list)}}));
          });
}

void show_journeys(Node& node, const Request& request, const Responder& responder) {
  const auto limit = limit_of(request, kJourneysDefault, kJourneysMax);
  if (!limit) return responder.answer(bad_limit());
  on_loop(node, responder,
          [&node, responder, limit = *limit, endpoint = std::string(request.parameter("endpoint"))] {
            node.journeys(endpoint, limit, [responder](storage::StoreResult<std::vector<json>> journeys) {
              if (!journeys) return responder.answer(store_failed(journeys.error()));
              responder.answer(Response::json({{"journeys", std::move(*journeys)}}));
            });
          });
}

/// Copies the node's figures into Prometheus' series at each scrape; used on the node's loop only.
class Scrape {
 public:
  Scrape(Node& node, Metrics& metrics) : node_(node), metrics_(metrics) {}

  std::string text() {
    for (const auto& figure : node_.figures()) {
      if (figure.gauge)
        metrics_.gauge(figure.name, figure.help, labels_of(figure)).set(figure.value);
      else
        raise(figure);
    }
    return metrics_.text();
  }

 private:
  static Labels labels_of(const node::Figure& figure) { return {figure.labels.begin(), figure.labels.end()}; }

  /// A counter of Prometheus takes steps, the node gives totals.
  void raise(const node::Figure& figure) {
    const auto labels = labels_of(figure);
    auto& before = totals_[{figure.name, labels}];
    const auto counter = metrics_.counter(figure.name, figure.help, labels);
    if (figure.value > before) counter.increment(figure.value - before);
    before = figure.value;
  }

  Node& node_;
  Metrics& metrics_;
  std::map<std::pair<std::string, Labels>, double> totals_;
};

/// Binds a handler that needs the node only.
Handler with(Node& node, void (*handler)(Node&, const Request&, const Responder&)) {
  return [&node, handler](const Request& request, const Responder& responder) {
    handler(node, request, responder);
  };
}

}  // namespace

void add_device_routes(Router& router, Node& node, EventStream& events, Metrics& metrics) {
  const std::string device = "/api/v1/devices/{endpoint}";
  router.add(Method::get, "/api/v1/devices", with(node, list_devices));
  router.add(Method::get, device, with(node, show_device));
  router.add(Method::get, device + "/journeys", with(node, show_journeys));
  add_credential_routes(router, node);
  router.add(Method::get, "/api/v1/handshakes/failures", with(node, list_failed_handshakes));
  router.add(Method::get, device + "/read/{path...}", operation(node, read));
  router.add(Method::get, device + "/discover/{path...}",
             operation(node, [](Node& n, const std::string& endpoint, const Path& path, const Request&,
                                const json&, const Responder& responder) {
               n.discover(endpoint, path, answer_with(n, responder));
             }));
  router.add(Method::put, device + "/write/{path...}", operation(node, write));
  router.add(Method::put, device + "/attributes/{path...}", operation(node, write_attributes));
  router.add(Method::post, device + "/execute/{path...}", operation(node, execute));
  router.add(Method::post, device + "/observe/{path...}", operation(node, observe));
  router.add(Method::del, device + "/observe/{path...}",
             operation(node, [](Node& n, const std::string& endpoint, const Path& path, const Request&,
                                const json&, const Responder& responder) {
               n.cancel_observation(endpoint, path, answer_with(n, responder));
             }));
  router.add(Method::post, device + "/create/{path...}", operation(node, create));
  router.add(
      Method::del, device + "/delete/{path...}",
      operation(node, [](Node& n, const std::string& endpoint, const Path& path, const Request&, const json&,
                         const Responder& responder) { n.del(endpoint, path, answer_with(n, responder)); }));
  router.add_events("/api/v1/events", events);
  router.add(
      Method::get, "/metrics",
      [&node, scrape = std::make_shared<Scrape>(node, metrics)](const Request&, const Responder& responder) {
        on_loop(node, responder, [scrape, responder] {
          responder.answer(Response::text(scrape->text(), std::string(Metrics::kContentType)));
        });
      });
  add_standard_routes(router, {.openapi_yaml = std::string(openapi_yaml()), .metrics = {}, .healthy = {}});
}

}  // namespace slipway::api

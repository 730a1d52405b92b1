// SPDX-License-Identifier: Apache-2.0
#include <slipway/api/http.hpp>

#include <atomic>

#include <nlohmann/json.hpp>

namespace slipway::api {
namespace {

std::optional<std::string_view> find(const Fields& fields, std::string_view name) {
  for (const auto& [key, value] : fields)
    if (key == name) return value;
  return std::nullopt;
}

std::string dump(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string_view to_string(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::put:
      return "PUT";
    case Method::post:
      return "POST";
    case Method::patch:
      return "PATCH";
    case Method::del:
      return "DELETE";
  }
  return "";
}

std::string_view Request::parameter(std::string_view name) const {
  return find(parameters, name).value_or("");
}

std::optional<std::string_view> Request::query_value(std::string_view name) const {
  return find(query, name);
}

std::optional<std::string_view> Request::header(std::string_view name) const {
  return find(headers, name);
}

Response Response::json(const nlohmann::json& value, unsigned status) {
  return {.status = status, .content_type = "application/json", .body = dump(value), .headers = {}};
}

Response Response::text(std::string body, std::string content_type) {
  return {.status = 200, .content_type = std::move(content_type), .body = std::move(body), .headers = {}};
}

Response Response::error(const ApiError& error) {
  nlohmann::json inner{{"code", error.code}, {"message", error.message}};
  if (!error.remedy.empty()) inner["remedy"] = error.remedy;
  return json({{"error", std::move(inner)}}, error.status);
}

Response Response::no_content() {
  return {.status = 204, .content_type = "", .body = "", .headers = {}};
}

struct Responder::State {
  Deliver deliver;
  std::atomic<bool> answered = false;

  explicit State(Deliver function) : deliver(std::move(function)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (answered.exchange(true)) return;
    deliver(Response::error({.status = 500,
                             .code = "no_answer",
                             .message = "the server dropped this request",
                             .remedy = "try again; if it stays, look into the server's log"}));
  }
};

Responder::Responder(Deliver deliver) : state_(std::make_shared<State>(std::move(deliver))) {}

void Responder::answer(Response response) const {
  if (!state_->answered.exchange(true)) state_->deliver(std::move(response));
}

}  // namespace slipway::api

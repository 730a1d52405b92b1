// SPDX-License-Identifier: Apache-2.0
#include "answers.hpp"

namespace slipway::api {

using nlohmann::json;
using node::Node;
using node::OperationResult;

namespace {

struct Failure {
  unsigned status;
  const char* code;
  const char* remedy;
};

Failure failure_of(const OperationResult& result) {
  if (result.code) return {502, "device_refused", "see what the device has with GET .../discover/{path}"};
  if (!result.unsent) return {504, "no_answer", "the device may be asleep or out of reach; see its journeys"};
  switch (*result.unsent) {
    case ErrorCode::not_found:
      return {404, "not_found", "see GET /api/v1/devices, and observe before cancelling"};
    case ErrorCode::exhausted:
      return {503, "overloaded", "try again in a moment"};
    default:
      return {400, "bad_request", "see GET /api/v1/openapi.yaml for what this operation takes"};
  }
}

}  // namespace

Response bad_request(std::string message, std::string remedy) {
  return Response::error(
      {.status = 400, .code = "bad_request", .message = std::move(message), .remedy = std::move(remedy)});
}

Response store_failed(const storage::StoreError& error) {
  return Response::error({.status = 503,
                          .code = "store_failed",
                          .message = error.what,
                          .remedy = "try again; if it stays, look into the server's log"});
}

void on_loop(Node& node, const Responder& responder, std::function<void()> work) {
  if (node.post(std::move(work))) return;
  responder.answer(Response::error({.status = 503,
                                    .code = "overloaded",
                                    .message = "the server has too much waiting",
                                    .remedy = "try again in a moment"}));
}

Response response_of(const OperationResult& result, const Node& node, const json& extra) {
  auto body = node::to_json(result, node.catalog());
  body.update(extra);
  if (body.at("success").get<bool>()) return Response::json(body);
  const auto failure = failure_of(result);
  std::string message = result.problem;
  if (message.empty()) {
    message = "the device answered " + body.value("status", "");
    if (!result.text.empty()) message += ": " + result.text;
  }
  body["error"] = {{"code", failure.code}, {"message", std::move(message)}, {"remedy", failure.remedy}};
  return Response::json(body, failure.status);
}

}  // namespace slipway::api

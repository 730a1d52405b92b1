// SPDX-License-Identifier: Apache-2.0
#include "credential_routes.hpp"

#include "answers.hpp"
#include "new_credentials.hpp"

namespace slipway::api {

using nlohmann::json;
using node::Node;

namespace {

using Infos = storage::StoreResult<std::vector<storage::CredentialInfo>>;

void show_credentials(Node& node, const Request& request, const Responder& responder) {
  on_loop(node, responder, [&node, responder, endpoint = std::string(request.parameter("endpoint"))] {
    node.credentials(endpoint, [responder](const Infos& found) {
      if (!found) return responder.answer(store_failed(found.error()));
      json list = json::array();
      for (const auto& info : *found)
        list.push_back({{"role", fleet::to_string(info.role)},
                        {"server", info.server.value()},
                        {"mode", to_string(info.mode)},
                        {"state", fleet::to_string(info.state)},
                        {"identity_fingerprint", info.identity_fingerprint},
                        {"created_ms", info.created.time_since_epoch().count()}});
      responder.answer(Response::json({{"credentials", std::move(list)}}));
    });
  });
}

void revoke_credentials(Node& node, const Request& request, const Responder& responder) {
  const auto role = request.query_value("role").value_or("");
  if (role != "management" && role != "bootstrap")
    return responder.answer(bad_request("role must be management or bootstrap", "add ?role=management"));
  const auto which = role == "management" ? fleet::ServerRole::management : fleet::ServerRole::bootstrap;
  on_loop(node, responder, [&node, responder, which, endpoint = std::string(request.parameter("endpoint"))] {
    node.revoke(endpoint, which, [responder](const storage::StoreResult<std::size_t>& revoked) {
      if (!revoked) return responder.answer(store_failed(revoked.error()));
      responder.answer(Response::json({{"revoked", *revoked}}));
    });
  });
}

Response kept(std::size_t count, const storage::StoreResult<void>& outcome) {
  if (outcome) return Response::json({{"kept", count}});
  if (outcome.error().kind == storage::StoreError::Kind::conflict)
    return Response::error({.status = 409,
                            .code = "conflict",
                            .message = outcome.error().what,
                            .remedy = "none of this request was kept; send new credentials"});
  return store_failed(outcome.error());
}

/// Answers only when all of them are durable: who asks gives them to the device after that. Write-only.
void keep_credentials(Node& node, Request request, const Responder& responder) {
  auto body = json::parse(request.body, nullptr, false);
  wipe({reinterpret_cast<std::uint8_t*>(request.body.data()), request.body.size()});
  if (!body.is_object())
    return responder.answer(bad_request("the body is not a JSON object", "see openapi.yaml"));
  auto read = read_new_credentials(body);
  if (!read) return responder.answer(bad_request(read.error(), "see NewCredential in openapi.yaml"));
  auto credentials = std::make_shared<std::vector<fleet::Credential>>(std::move(*read));
  on_loop(node, responder, [&node, responder, credentials] {
    const auto count = credentials->size();
    node.keep_credentials(std::move(*credentials),
                          [responder, count](const storage::StoreResult<void>& outcome) {
                            responder.answer(kept(count, outcome));
                          });
  });
}

void request_bootstrap(Node& node, const Request& request, const Responder& responder) {
  on_loop(node, responder, [&node, responder, endpoint = std::string(request.parameter("endpoint"))] {
    node.request_bootstrap(endpoint, [&node, responder](const node::OperationResult& result) {
      responder.answer(response_of(result, node));
    });
  });
}

}  // namespace

void add_credential_routes(Router& router, Node& node) {
  const std::string device = "/api/v1/devices/{endpoint}";
  router.add(Method::get, device + "/credentials",
             [&node](const Request& request, const Responder& responder) {
               show_credentials(node, request, responder);
             });
  router.add(Method::del, device + "/credentials",
             [&node](const Request& request, const Responder& responder) {
               revoke_credentials(node, request, responder);
             });
  router.add(Method::post, device + "/bootstrap",
             [&node](const Request& request, const Responder& responder) {
               request_bootstrap(node, request, responder);
             });
  router.add(Method::put, "/api/v1/credentials", [&node](Request request, const Responder& responder) {
    keep_credentials(node, std::move(request), responder);
  });
}

}  // namespace slipway::api

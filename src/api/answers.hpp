// SPDX-License-Identifier: Apache-2.0
// Answers that several groups of routes give.
#pragma once

#include <functional>
#include <string>

#include <nlohmann/json.hpp>

#include <slipway/api/http.hpp>
#include <slipway/node/node.hpp>

namespace slipway::api {

[[nodiscard]] Response bad_request(std::string message, std::string remedy);
[[nodiscard]] Response store_failed(const storage::StoreError& error);

/// The work runs on the node's loop; when that is overloaded the answer is 503.
void on_loop(node::Node& node, const Responder& responder, std::function<void()> work);

/// 200 with the values. Else 502 when the device refused, 504 when it gave no usable answer, and 400, 404 or
/// 503 when it was not asked; what is known goes with the error.
[[nodiscard]] Response response_of(const node::OperationResult& result, const node::Node& node,
                                   const nlohmann::json& extra = nlohmann::json::object());

}  // namespace slipway::api

// SPDX-License-Identifier: Apache-2.0
// A request and its answer, as handlers see them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <slipway/base/address.hpp>

namespace slipway::api {

enum class Method : std::uint8_t { get, put, post, patch, del };

[[nodiscard]] std::string_view to_string(Method method);

using Fields = std::vector<std::pair<std::string, std::string>>;

/// Everything a handler may know; its percent-encoding is already taken off.
struct Request {
  Method method = Method::get;
  Fields parameters;  ///< from the route's pattern: {endpoint}, {path...}
  Fields query;       ///< in the order given; names may repeat
  Fields headers;     ///< names in lower case
  std::string body;
  Address peer;

  /// Empty where the route has no such parameter.
  [[nodiscard]] std::string_view parameter(std::string_view name) const;
  /// The first one of that name.
  [[nodiscard]] std::optional<std::string_view> query_value(std::string_view name) const;
  /// By its name in lower case.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
};

/// What went wrong, for a program (`code`) and for a person (`message`, `remedy`). On the wire:
/// {"error":{"code":"...","message":"...","remedy":"..."}}, the same for every error of this API.
struct ApiError {
  unsigned status = 500;
  std::string code;  ///< snake_case, part of the API: "unknown_device"
  std::string message;
  std::string remedy;  ///< may be empty; then it is left out
};

struct Response {
  unsigned status = 200;
  std::string content_type;
  std::string body;
  Fields headers;

  /// Text that is not UTF-8 is repaired with U+FFFD, as JSON cannot hold it.
  [[nodiscard]] static Response json(const nlohmann::json& value, unsigned status = 200);
  [[nodiscard]] static Response text(std::string body,
                                     std::string content_type = "text/plain; charset=utf-8");
  [[nodiscard]] static Response error(const ApiError& error);
  /// 204.
  [[nodiscard]] static Response no_content();
};

/// Answers one request: once, from any thread, also after the server has gone. Copies answer the same
/// request; the first answer counts, others are ignored. When the last copy goes without an answer
/// the client gets a 500, so that no request hangs.
class Responder {
 public:
  using Deliver = std::function<void(Response)>;
  explicit Responder(Deliver deliver);
  void answer(Response response) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace slipway::api

// SPDX-License-Identifier: Apache-2.0
// What the HTTP server says by itself, before or in place of a handler, and when it does not begin.
#pragma once

#include <optional>
#include <string>

#include <slipway/api/http_server.hpp>

namespace slipway::api {

[[nodiscard]] Response too_large(unsigned status, const char* what, std::size_t limit);
[[nodiscard]] Response bad_request();
[[nodiscard]] Response no_answer_in_time();
[[nodiscard]] Response handler_failed();
[[nodiscard]] Response too_many_streams();
/// Sent as it is: a connection too many gets no session.
[[nodiscard]] std::string too_many_connections();
/// Who may be reached by others needs a token, and a token its length.
[[nodiscard]] std::optional<net::SystemError> check_token_rules(const HttpOptions& options);

}  // namespace slipway::api

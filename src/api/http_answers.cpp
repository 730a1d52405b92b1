// SPDX-License-Identifier: Apache-2.0
#include "api/http_answers.hpp"

namespace slipway::api {

Response too_large(unsigned status, const char* what, std::size_t limit) {
  return Response::error(
      {.status = status,
       .code = "too_large",
       .message = std::string(what) + " is longer than " + std::to_string(limit) + " bytes",
       .remedy = "send less"});
}

Response bad_request() {
  return Response::error({.status = 400,
                          .code = "bad_request",
                          .message = "this is not a well-formed HTTP/1.1 request",
                          .remedy = "see RFC 9112"});
}

Response no_answer_in_time() {
  return Response::error({.status = 504,
                          .code = "timeout",
                          .message = "there was no answer in time",
                          .remedy = "try again; the device may be asleep or out of reach"});
}

Response handler_failed() {
  return Response::error({.status = 500,
                          .code = "internal",
                          .message = "the server failed on this request",
                          .remedy = "look into the server's log"});
}

Response too_many_streams() {
  auto response = Response::error({.status = 503,
                                   .code = "too_many_subscribers",
                                   .message = "too many readers of events are connected",
                                   .remedy = "close one, or try again later"});
  response.headers.emplace_back("Retry-After", "30");
  return response;
}

std::string too_many_connections() {
  const auto response = Response::error({.status = 503,
                                         .code = "too_many_connections",
                                         .message = "too many connections are open",
                                         .remedy = "close some, or try again later"});
  return "HTTP/1.1 503 Service Unavailable\r\nContent-Type: " + response.content_type +
         "\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: " +
         std::to_string(response.body.size()) + "\r\n\r\n" + response.body;
}

std::optional<net::SystemError> check_token_rules(const HttpOptions& options) {
  const std::string place = "cannot serve HTTP on " + options.address.to_string();
  if (options.token.empty() && !options.address.is_loopback())
    return net::SystemError{.what = place + ": others can reach this address, and no token is configured",
                            .errno_value = 0,
                            .remedy = "configure a token, or listen on 127.0.0.1"};
  if (!options.token.empty() && options.token.size() < HttpServer::kTokenBytesMin)
    return net::SystemError{.what = place + ": the token is shorter than " +
                                    std::to_string(HttpServer::kTokenBytesMin) + " characters",
                            .errno_value = 0,
                            .remedy = "make one with `openssl rand -hex 16`"};
  return std::nullopt;
}

}  // namespace slipway::api

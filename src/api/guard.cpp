// SPDX-License-Identifier: Apache-2.0
#include "api/guard.hpp"

#include <algorithm>

namespace slipway::api {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lowered(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), lower);
  return result;
}

Response unauthorized(bool given) {
  auto response = Response::error({.status = 401,
                                   .code = "unauthorized",
                                   .message = given ? "the token is wrong" : "this server needs a token",
                                   .remedy = "send the header 'Authorization: Bearer <token>'"});
  response.headers.emplace_back("WWW-Authenticate", given
                                                        ? "Bearer realm=\"slipway\", error=\"invalid_token\""
                                                        : "Bearer realm=\"slipway\"");
  return response;
}

std::optional<Response> check_token(const Request& request, const Secret& token) {
  constexpr std::string_view kScheme = "bearer ";
  const auto header = request.header("authorization");
  if (!header) return unauthorized(false);
  if (lowered(header->substr(0, kScheme.size())) != kScheme) return unauthorized(true);
  auto given = header->substr(kScheme.size());
  while (given.starts_with(' ')) given.remove_prefix(1);
  if (!equal_constant_time(as_bytes(given), token.reveal())) return unauthorized(true);
  return std::nullopt;
}

/// A Host header with or without a port.
bool names_loopback(std::string_view host) {
  if (const auto address = Address::parse(host)) return address->is_loopback();
  if (const auto address = Address::parse(std::string(host) + ":0")) return address->is_loopback();
  return host.substr(0, host.find(':')) == "localhost";
}

Response foreign(const char* message) {
  return Response::error(
      {.status = 403,
       .code = "foreign_origin",
       .message = message,
       .remedy = "call the server as http://localhost or http://127.0.0.1, or configure a token"});
}

std::optional<Response> check_origin(const Request& request) {
  const auto hosts = std::count_if(request.headers.begin(), request.headers.end(),
                                   [](const auto& field) { return field.first == "host"; });
  if (hosts != 1)
    return Response::error({.status = 400,
                            .code = "bad_host",
                            .message = "a request has exactly one Host header",
                            .remedy = "use HTTP/1.1"});
  const auto host = lowered(*request.header("host"));
  if (!names_loopback(host)) return foreign("the Host header does not name this machine");
  for (const auto& [name, value] : request.headers)
    if (name == "origin" && lowered(value) != "http://" + host)
      return foreign("web pages of other origins are not served");
  return std::nullopt;
}

}  // namespace

std::optional<Response> check_access(const Request& request, const Secret& token) {
  return token.empty() ? check_origin(request) : check_token(request, token);
}

}  // namespace slipway::api

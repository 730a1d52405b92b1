// SPDX-License-Identifier: Apache-2.0
#include <slipway/api/router.hpp>

#include <algorithm>
#include <cassert>

#include "api/target.hpp"

namespace slipway::api {
namespace {

bool is_parameter(std::string_view segment) {
  return segment.starts_with('{') && segment.ends_with('}');
}
bool is_rest(std::string_view segment) {
  return is_parameter(segment) && segment.ends_with("...}");
}

std::string name_of(std::string_view segment) {
  segment.remove_prefix(1);
  segment.remove_suffix(segment.ends_with("...}") ? 4 : 1);
  return std::string(segment);
}

std::string join(const std::vector<std::string>& segments, std::size_t first) {
  std::string text;
  for (std::size_t i = first; i < segments.size(); ++i) {
    if (i != first) text += '/';
    text += segments[i];
  }
  return text;
}

std::optional<Fields> match(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  const bool rest = !pattern.empty() && is_rest(pattern.back());
  if (rest ? path.size() < pattern.size() : path.size() != pattern.size()) return std::nullopt;
  Fields parameters;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (!is_parameter(pattern[i])) {
      if (pattern[i] != path[i]) return std::nullopt;
      continue;
    }
    auto value = is_rest(pattern[i]) ? join(path, i) : path[i];
    if (value.empty()) return std::nullopt;
    parameters.emplace_back(name_of(pattern[i]), std::move(value));
  }
  return parameters;
}

Response bad_path() {
  return Response::error({.status = 400,
                          .code = "bad_path",
                          .message = "the path is not well-formed",
                          .remedy = "percent-encode it as UTF-8 (RFC 3986)"});
}

Response not_found() {
  return Response::error({.status = 404,
                          .code = "unknown_path",
                          .message = "there is nothing at this path",
                          .remedy = "see GET /api/v1/openapi.yaml for the paths there are"});
}

Response wrong_method(const std::string& allowed) {
  auto response = Response::error({.status = 405,
                                   .code = "wrong_method",
                                   .message = "this path does not take this method",
                                   .remedy = "it takes " + allowed});
  response.headers.emplace_back("Allow", allowed);
  return response;
}

}  // namespace

void Router::add(Method method, std::string_view pattern, Handler handler, Access access) {
  add_route(method, pattern, std::move(handler), access);
}

void Router::add_events(std::string_view pattern, EventStream& stream) {
  add_route(Method::get, pattern, &stream, Access::authorized);
}

void Router::add_route(Method method, std::string_view pattern, Target target, Access access) {
  const auto segments = split_path(pattern);
  assert(segments && "a pattern starts with /");
  routes_.push_back({.method = method,
                     .segments = {segments->begin(), segments->end()},
                     .target = std::move(target),
                     .access = access});
}

std::expected<Router::Match, Response> Router::find(std::string_view method, std::string_view path) const {
  const auto raw = split_path(path);
  if (!raw) return std::unexpected(bad_path());
  std::vector<std::string> segments;
  for (const auto segment : *raw) {
    auto decoded = percent_decode(segment, Plus::literal);
    if (!decoded) return std::unexpected(bad_path());
    segments.push_back(std::move(*decoded));
  }
  if (method == "HEAD") method = "GET";
  std::string allowed;
  for (const auto& route : routes_) {
    auto parameters = match(route.segments, segments);
    if (!parameters) continue;
    if (to_string(route.method) == method)
      return Match{.target = &route.target, .access = route.access, .parameters = std::move(*parameters)};
    if (!allowed.empty()) allowed += ", ";
    allowed += to_string(route.method);
  }
  return std::unexpected(allowed.empty() ? not_found() : wrong_method(allowed));
}

}  // namespace slipway::api

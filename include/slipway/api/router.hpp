// SPDX-License-Identifier: Apache-2.0
// Which handler answers which method and path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <slipway/api/event_stream.hpp>
#include <slipway/api/http.hpp>

namespace slipway::api {

/// Runs on the server's thread and must not block: it hands its work on and keeps the Responder.
using Handler = std::function<void(Request, Responder)>;

enum class Access : std::uint8_t {
  authorized,  ///< needs the token where one is configured, and a trustworthy origin where not
  open,        ///< for anybody who can reach the port: tells nothing
};

/// Patterns are literal segments, `{name}` for one segment and, at the end, `{name...}` for one or more
/// ("3/0/1"). A segment is split off before percent-decoding, so that %2F stays within a parameter.
/// Routes are tried in the order of adding. A GET route answers HEAD too.
class Router {
 public:
  using Target = std::variant<Handler, EventStream*>;

  void add(Method method, std::string_view pattern, Handler handler, Access access = Access::authorized);
  /// Server-sent events at `pattern`; `stream` must outlive the server.
  void add_events(std::string_view pattern, EventStream& stream);

  struct Match {
    const Target* target = nullptr;
    Access access = Access::authorized;
    Fields parameters;
  };
  /// `path` without its query. Errors: 400 bad percent-encoding, 404, 405 (with Allow).
  [[nodiscard]] std::expected<Match, Response> find(std::string_view method, std::string_view path) const;

 private:
  struct Route {
    Method method;
    std::vector<std::string> segments;
    Target target;
    Access access;
  };
  void add_route(Method method, std::string_view pattern, Target target, Access access);

  std::vector<Route> routes_;
};

}  // namespace slipway::api

// SPDX-License-Identifier: Apache-2.0
// The routes that every Slipway server has.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <slipway/api/metrics.hpp>
#include <slipway/api/router.hpp>

namespace slipway::api {

struct StandardRoutes {
  std::string openapi_yaml;  ///< the text of openapi.yaml
  /// Must outlive the server. Nothing leaves /metrics to the caller, who gathers figures on a thread of its
  /// own.
  std::optional<std::reference_wrapper<Metrics>> metrics;
  std::function<bool()> healthy;  ///< called on the server's thread; must not block
};

/// GET /healthz (open: 200 {"status":"ok"} or 503), /metrics (with `metrics`) and /api/v1/openapi.yaml.
void add_standard_routes(Router& router, StandardRoutes routes);

}  // namespace slipway::api

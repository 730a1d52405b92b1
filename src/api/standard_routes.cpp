// SPDX-License-Identifier: Apache-2.0
#include <slipway/api/standard_routes.hpp>

#include <nlohmann/json.hpp>

namespace slipway::api {

void add_standard_routes(Router& router, StandardRoutes routes) {
  router.add(
      Method::get, "/healthz",
      [healthy = std::move(routes.healthy)](Request, Responder responder) {
        const bool ok = !healthy || healthy();
        responder.answer(Response::json({{"status", ok ? "ok" : "failing"}}, ok ? 200 : 503));
      },
      Access::open);
  if (routes.metrics)
    router.add(Method::get, "/metrics", [&metrics = routes.metrics->get()](Request, Responder responder) {
      responder.answer(Response::text(metrics.text(), std::string(Metrics::kContentType)));
    });
  router.add(Method::get, "/api/v1/openapi.yaml",
             [text = std::move(routes.openapi_yaml)](Request, Responder responder) {
               responder.answer(Response::text(text, "application/yaml"));
             });
}

}  // namespace slipway::api

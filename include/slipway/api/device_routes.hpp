// SPDX-License-Identifier: Apache-2.0
// The HTTP API over a server node. openapi.yaml is its contract; a test holds the two together.
#pragma once

#include <slipway/api/event_stream.hpp>
#include <slipway/api/metrics.hpp>
#include <slipway/api/router.hpp>
#include <slipway/node/node.hpp>

namespace slipway::api {

inline constexpr std::size_t kPageMax = 1000;     ///< devices in one page of a listing, at most
inline constexpr std::size_t kPageDefault = 100;  ///< without `limit`
inline constexpr std::size_t kJourneysMax = 100;  ///< journeys in one answer, at most
inline constexpr std::size_t kFailuresDefault = 20;
inline constexpr std::size_t kFailuresMax = 200;     ///< failed handshakes in one answer, at most
inline constexpr std::size_t kJourneysDefault = 10;  ///< without `limit`
inline constexpr std::size_t kAttributesMax = 16;    ///< in one Write-Attributes
inline constexpr std::size_t kArgumentsMax = 1024;   ///< bytes of an Execute's arguments

/// Adds every route of openapi.yaml. The references outlive the server. A handler runs on the HTTP thread,
/// does its work on the node's loop and answers from there.
void add_device_routes(Router& router, node::Node& node, EventStream& events, Metrics& metrics);

/// The text of openapi.yaml, as built in.
[[nodiscard]] std::string_view openapi_yaml();

}  // namespace slipway::api

// SPDX-License-Identifier: Apache-2.0
// What devices authenticate with: shown without secrets, taken from other bootstrap servers, revoked,
// renewed.
#pragma once

#include <slipway/api/router.hpp>
#include <slipway/node/node.hpp>

namespace slipway::api {

/// The node must outlive the router.
void add_credential_routes(Router& router, node::Node& node);

}  // namespace slipway::api
